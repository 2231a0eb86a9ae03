// SPDX-License-Identifier: Apache-2.0

/**
 * Who acts. Roles, from most to least: `system` (the program itself, never a person), `administrator` (people, settings,
 * sensors), `analyst` (all sources and cases of the shared realm, never foreign realms), `sensor-host` (health of own
 * sensors), `member` (own organisations: their networks, sources, cases), `researcher` and `observer` (aggregates), `link` (the
 * bearer of a self-help link: one case, nothing else).
 */
export const roles = [
  "system",
  "administrator",
  "analyst",
  "sensor-host",
  "member",
  "researcher",
  "observer",
  "link",
] as const;
export type Role = (typeof roles)[number];

export interface Actor {
  /** Stable name for the audit log: `system`, `person:ID`, `token:ID`, `link:ID`. */
  readonly id: string;
  readonly roles: readonly Role[];
  /** Organisations the actor belongs to. */
  readonly organisations: readonly string[];
  /** Realms beside the shared one ("") whose rows the actor may see: those of its own organisations. */
  readonly realms: readonly string[];
  /** Sensors whose host the actor is. */
  readonly sensors: readonly string[];
  /** The one case a link opens. */
  readonly case?: string;
}

/** The program itself: timers, detectors, the outbox. */
export const systemActor: Actor = { id: "system", roles: ["system"], organisations: [], realms: [], sensors: [] };
export const hasRole = (actor: Actor, ...wanted: readonly Role[]): boolean =>
  wanted.some((role) => actor.roles.includes(role));
