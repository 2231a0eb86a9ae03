// SPDX-License-Identifier: Apache-2.0
import { viewOf } from "../access/audience.ts";
import type { ToldSource } from "../access/told.ts";
import type { Actor } from "../model/actor.ts";
import type { Observatory } from "../observe/observatory.ts";
import type { Released } from "../observe/released.ts";
import { AppError } from "../platform/errors.ts";
import type { AnswerOf, QueryOf, QuestionName } from "./contract/index.ts";
import { ownSource, ownSources } from "./own-sources.ts";

/** Sources inside an actor's own networks, as its organisation was told of them: notices are where the budget is kept. */
export type ToldSources = (actor: Actor) => Promise<readonly ToldSource[]>;

const ownSensors = (found: AnswerOf<"sensors">, names: readonly string[]): AnswerOf<"sensors"> => {
  const own = new Set(names);
  const rows = found.rows.filter(({ sensor }) => own.has(sensor));
  // That two sensors report the same packets names the other one, and to who sent them and says so itself, whatever stands where they went.
  const alarms = found.alarms.filter(({ sensor, kind }) => own.has(sensor) && kind !== "duplicate");
  const inState = (state: string): number => rows.filter((row) => row.state === state).length;
  return {
    ...found,
    coverage: null,
    rows,
    alarms,
    history: found.history.filter(({ sensor }) => own.has(sensor)),
    facts: {
      sensors: rows.length,
      up: inState("up"),
      late: inState("late"),
      down: inState("down"),
      downNames: rows.filter(({ state }) => state === "down").map(({ sensor }) => sensor),
      alarms: alarms.length,
    },
  };
};

/**
 * Whether an actor is told what the sensors counted. What detectors made of counts (a surge, a campaign) is told without them to everybody else:
 * who sends a thousand packets would find them in any figure that moves with each.
 */
export const seesCounts = (
  actor: Actor,
  { realm, exercise }: { readonly realm: string; readonly exercise: string },
): boolean => viewOf(actor, "port", { realm, exercise }).kind === "whole";

export interface Views {
  readonly observatory: Observatory;
  /** Absent: nobody is told released figures here (a command that asks its own store). */
  readonly released?: Released | undefined;
  readonly told?: ToldSources | undefined;
}

/** Asks as an actor: what they may be told, made so where the question is asked. @throws AppError ACCESS_DENIED, NOT_FOUND and what the question throws. */
export const askAs = async <Q extends QuestionName>(
  { observatory, released, told }: Views,
  actor: Actor,
  name: Q,
  query: QueryOf<Q>,
  gone?: () => boolean,
): Promise<AnswerOf<Q>> => {
  const view = viewOf(actor, name, query as { realm?: string; exercise?: string });
  const asked = query as Readonly<Record<string, unknown>>;
  if (view.kind === "refused") throw new AppError(view.code, view.why);
  if (view.kind === "whole") return observatory.ask(name, query, gone);
  if (view.kind === "own-sensors") {
    return ownSensors(await observatory.ask("sensors", asked as QueryOf<"sensors">), view.sensors) as AnswerOf<Q>;
  }
  if (view.kind === "own-sources") {
    if (told === undefined) throw new AppError("ACCESS_DENIED", "this node keeps no notices");
    const { now, simulated } = observatory.options;
    const own = name === "source" ? ownSource : ownSources;
    return own(await told(actor), { query: asked, now: now(), simulated }) as AnswerOf<Q>;
  }
  if (released === undefined) throw new AppError("ACCESS_DENIED", "this node releases no figures");
  return (await released.ask(name as "series", asked)) as unknown as AnswerOf<Q>;
};
