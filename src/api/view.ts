// SPDX-License-Identifier: Apache-2.0
import { viewOf } from "../access/audience.ts";
import type { Actor } from "../model/actor.ts";
import { formatIp, formatV4, isV4, parseIp } from "../net/ip.ts";
import type { Observatory } from "../observe/observatory.ts";
import type { Released } from "../observe/released.ts";
import { AppError } from "../platform/errors.ts";
import type { AnswerOf, QueryOf, QuestionName } from "./contract/index.ts";

/** Addresses inside an actor's own networks that its organisation was told of: notices are where the budget is kept. */
export type ToldSources = (actor: Actor) => Promise<readonly string[]>;

const whole = (time: string, step: number): string =>
  new Date(Math.floor(Date.parse(time) / step) * step).toISOString().replace(".000Z", "Z");
const hour = 3_600_000;
/** One text for one address, as the engine reads it; empty: no address. */
const canonical = (address: string): string => {
  const words = parseIp(address);
  if (words === undefined) return "";
  return isV4(words) ? `::ffff:${formatV4(words[3] >>> 0)}` : formatIp(words);
};

/** What an owner sees of a source: what the notice says, to the hour; no sensor, no exact time, no evidence beyond the notice's. */
const forOwner = (found: AnswerOf<"source">): AnswerOf<"source"> => ({
  ...found,
  coverage: null,
  facts: {
    ...found.facts,
    firstSeen: found.facts.firstSeen === null ? null : whole(found.facts.firstSeen, hour),
    lastSeen: found.facts.lastSeen === null ? null : whole(found.facts.lastSeen, hour),
    ttlMin: null,
    ttlMax: null,
  },
  rows: found.rows.map((row) => ({
    ...row,
    firstSeen: whole(row.firstSeen, hour),
    lastSeen: whole(row.lastSeen, hour),
  })),
  sensorRows: [],
  hours: [],
  evidence: [],
});

const ownSources = async (
  observatory: Observatory,
  told: ToldSources,
  actor: Actor,
  name: "source" | "sources/top",
  query: Readonly<Record<string, unknown>>,
): Promise<AnswerOf<"source"> | AnswerOf<"sources/top">> => {
  const own = new Set((await told(actor)).map(canonical).filter((address) => address !== ""));
  if (name === "source") {
    const ip = String(query["ip"]);
    if (!own.has(canonical(ip))) {
      throw new AppError("NOT_FOUND", "no source of yours that you were told of");
    }
    return forOwner(await observatory.ask("source", query as QueryOf<"source">));
  }
  const { sensor, ...rest } = query;
  if (sensor !== undefined)
    throw new AppError("ACCESS_DENIED", "your role does not see sensors", { parameter: "sensor" });
  // Only these are asked for: nothing of other sources is read, not even to be left out.
  const found = await observatory.among([...own], rest as QueryOf<"sources/top">);
  return {
    ...found,
    coverage: null,
    rows: found.rows.map((row) => ({
      ...row,
      sensors: Math.min(row.sensors, 1),
      firstSeen: whole(row.firstSeen, hour),
      lastSeen: whole(row.lastSeen, hour),
    })),
  };
};

const ownSensors = (found: AnswerOf<"sensors">, names: readonly string[]): AnswerOf<"sensors"> => {
  const own = new Set(names);
  const rows = found.rows.filter(({ sensor }) => own.has(sensor));
  const alarms = found.alarms.filter(({ sensor }) => own.has(sensor));
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
    return (await ownSources(observatory, told, actor, name as "source" | "sources/top", asked)) as AnswerOf<Q>;
  }
  if (released === undefined) throw new AppError("ACCESS_DENIED", "this node releases no figures");
  return (await released.ask(name as "series", asked)) as unknown as AnswerOf<Q>;
};
