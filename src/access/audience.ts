// SPDX-License-Identifier: Apache-2.0
import type { QuestionName } from "../api/contract/index.ts";
import { hasRole } from "../model/actor.ts";
import type { Actor } from "../model/actor.ts";
import type { ErrorCode } from "../platform/errors.ts";

/**
 * What somebody may be told. `whole`: as asked. `released`: figures of whole days, late, from many networks, with noise: they
 * survive a probe-response attack. `own-sources`: the sources that the owner was told of, without sensors and exact times.
 * `own-sensors`: health of the sensors whose host the actor is.
 */
export type View =
  | { readonly kind: "whole" }
  | { readonly kind: "released" }
  | { readonly kind: "own-sources" }
  | { readonly kind: "own-sensors"; readonly sensors: readonly string[] }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly why: string };

/** Questions that the released figures answer. */
export const releasedQuestions = ["ports/top", "countries", "series"] as const satisfies readonly QuestionName[];
export type ReleasedQuestion = (typeof releasedQuestions)[number];
const isReleased = (name: QuestionName): name is ReleasedQuestion =>
  (releasedQuestions as readonly QuestionName[]).includes(name);

const refused = (code: ErrorCode, why: string): View => ({ kind: "refused", code, why });

/**
 * The one place that decides what an actor may be told of the observatory. Whoever may not know that a realm or an exercise exists
 * gets NOT_FOUND.
 */
export const viewOf = (
  actor: Actor,
  name: QuestionName,
  query: { readonly realm?: string; readonly exercise?: string },
): View => {
  const realm = query.realm ?? "";
  const staff = hasRole(actor, "administrator", "analyst");
  if (realm !== "") {
    // What is inside a member's network is that member's alone: not even the node's analysts see it.
    return hasRole(actor, "member") && actor.realms.includes(realm)
      ? { kind: "whole" }
      : refused("NOT_FOUND", "there is no such realm");
  }
  if (staff) return { kind: "whole" };
  if ((query.exercise ?? "") !== "") return refused("NOT_FOUND", "there is no such exercise");
  if (name === "sensors" && hasRole(actor, "sensor-host")) return { kind: "own-sensors", sensors: actor.sensors };
  if ((name === "sources/top" || name === "source") && hasRole(actor, "member")) return { kind: "own-sources" };
  if (isReleased(name) && hasRole(actor, "member", "sensor-host", "researcher", "observer"))
    return { kind: "released" };
  return refused("ACCESS_DENIED", `your role is told ${releasedQuestions.join(", ")}: daily figures of many networks`);
};

/**
 * The whole months (UTC) within a period that ended a week ago or earlier, in microseconds; null: none. Statistics of cases for who sees
 * aggregates alone: figures that move with each new alert would tell a prober which probe was seen.
 */
export const releasedMonths = (from: number, to: number, now: number): { from: number; to: number } | null => {
  const month = (time: number, add: number): number => {
    const date = new Date(Math.floor(time / 1000));
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + add, 1) * 1000;
  };
  const start = month(from, 0) === from ? from : month(from, 1);
  const end = month(Math.min(to, now - 7 * 86_400e6), 0);
  return start < end ? { from: start, to: end } : null;
};
