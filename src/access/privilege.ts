// SPDX-License-Identifier: Apache-2.0
import type { Actor, Role } from "../model/actor.ts";

const ranks: Readonly<Record<Role, number>> = {
  system: 5,
  administrator: 4,
  analyst: 3,
  member: 2,
  "sensor-host": 1,
  researcher: 1,
  observer: 0,
  link: -1,
};
/** How much a principal may: its strongest role. */
export const rankOf = (roles: readonly Role[]): number => Math.max(-1, ...roles.map((role) => ranks[role]));

/**
 * Whether an actor may change, disable or reset a principal that has these roles: only one that may strictly less. Equals leave
 * each other alone (an administrator is changed by the operator at the machine, who is `system`).
 */
export const mayActOn = (actor: Actor, roles: readonly Role[]): boolean => {
  const own = rankOf(actor.roles);
  return own >= ranks.analyst && own > rankOf(roles);
};

/** Whether an actor may give these roles. An administrator may make another one; nobody gives more than they have. */
export const mayGive = (actor: Actor, roles: readonly Role[]): boolean => {
  if (roles.some((role) => role === "system" || role === "link")) return false;
  const own = rankOf(actor.roles);
  return own > rankOf(roles) || (own >= ranks.administrator && rankOf(roles) <= own);
};
