// SPDX-License-Identifier: Apache-2.0
import { AppError } from "../platform/errors.ts";
import type { ResearchList } from "./research-list.ts";

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** A sensor as its hosts enrolled it. Times in milliseconds since 1970 UTC. */
export interface SensorInfo {
  readonly name: string;
  /** ISO 3166-1 alpha-2 of where it stands; null when not told. */
  readonly country: string | null;
  /** null: since before anything that is asked. Infinity: it was admitted, and has not come yet. */
  readonly enrolled: number | null;
  readonly revoked: number | null;
  /** Whose it is, as of a batch; absent: the shared, real ones. A question knows only the sensors of what it is asked of. */
  readonly realm?: string;
  readonly exercise?: string;
}

export type RollUpName = "ports" | "port_days" | "port_sources" | "sensors" | "countries" | "origins" | "source_days";
export type Grain = "5m" | "1h" | "1d";
/** What questions need of the store's roll-ups. */
export interface RollUps {
  /**
   * A subquery in parentheses for FROM: rows (bucket of `grain`, keys, measures, now) over ranges in microseconds; `now` is 1 in the first of
   * them. What is not rolled up yet comes from the base. `where` speaks of the roll-up's keys.
   */
  source(
    name: RollUpName,
    grain: Grain,
    range: Span | readonly Span[],
    options: {
      readonly measures: readonly string[];
      readonly where: string;
      readonly leaders?: boolean;
      readonly oneScope?: boolean;
      /** `where` names a few sources. */
      readonly fewSources?: boolean;
    },
  ): string;
  /**
   * A subquery in parentheses for FROM: the flow rows of a range in microseconds under `where`, of the last days from where they lie by hour and
   * port. Longer than `long` of them come from the base, where a source's rows lie side by side.
   */
  rows(range: Span, where: string, long?: number): string;
  /** A statement that tells in which buckets of a range in microseconds a port is busy, under conditions of realm, exercise, protocol and port: grain, bucket. */
  busyBuckets(range: Span, where: string): string;
  /**
   * The sources of one port over that range: `parts`, where there are any, summed up by country, network and signature (columns kind, src_cc, src_asn, signature, n,
   * m (Mirai's packets), sources (mergeable), first, last), and the rows of the rest (src, signature, src_asn, src_cc, n, m, first, last). Both are
   * subqueries in parentheses.
   */
  portParts(
    range: Span,
    where: string,
    busy: readonly { readonly grain: string; readonly bucket: number }[],
  ): { readonly parts: string | undefined; readonly rest: string | undefined };
  /** What the rows that `leaders` leaves out can sum up to at most for one key: packets, sources or packets with a mark. */
  rareSum(name: RollUpName, grain: Grain, range: Span): number;
}

/** Whether a sensor is one that is to report now. */
export const inForce = ({ enrolled, revoked }: SensorInfo, now: number): boolean =>
  (enrolled ?? -Infinity) <= now && (revoked ?? Infinity) > now;

/** Something a node saw of a sensor that no report tells. */
export interface SensorAlarm {
  /** Milliseconds since 1970 UTC. */
  readonly time: number;
  readonly sensor: string;
  readonly kind: string;
  readonly text: string;
}

/** What surrounds a question: everything that is neither asked nor in the flows. */
export interface Surroundings {
  /** Milliseconds since 1970 UTC. */
  readonly now: number;
  /** Event time that the data reach; null in an empty store. */
  readonly dataUntil: number | null;
  readonly sensors: readonly SensorInfo[];
  readonly research: ResearchList | null;
  readonly alarms: readonly SensorAlarm[];
  readonly simulated: boolean;
  readonly rollUps: RollUps | null;
  readonly kept: Kept;
}

/**
 * From when on the store has what questions read, milliseconds; -Infinity: for ever. What was before is not nothing: nobody knows any more. Reports and roll-ups
 * by the day stay.
 */
export interface Kept {
  /** Flow rows, and roll-ups that name sources. */
  readonly rows: number;
  /** Roll-ups of 5 minutes and of an hour. */
  readonly fine: number;
}

/** Milliseconds; from <= t < to. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A question with its time made definite. */
export interface Asked<P> extends Span {
  readonly query: P;
  /** As long, and just before. */
  readonly previous: Span;
  /** From when on everything is kept that the numbers are summed up from. */
  readonly since: number;
  readonly realm: string;
  readonly exercise: string;
  readonly around: Surroundings;
}

const lengths: Readonly<Record<string, number>> = {
  "15m": 15 * minute,
  "1h": hour,
  "6h": 6 * hour,
  "24h": day,
  "2d": 2 * day,
  "7d": 7 * day,
  "14d": 14 * day,
  "30d": 30 * day,
  "90d": 90 * day,
  "365d": 365 * day,
};
const longest = 400 * day;
/**
 * Where `last` ends: now, since silence is data too. Where nobody enrolled a sensor (a replay) nothing is live, and it ends
 * right after the newest data.
 */
export const endOf = ({ now, dataUntil, sensors }: Pick<Surroundings, "now" | "dataUntil" | "sensors">): number =>
  sensors.length === 0 && dataUntil !== null ? dataUntil : now;

export const iso = (ms: number): string => new Date(ms).toISOString().replace(".000Z", "Z");
/** A time as the engine reads a DateTime64 parameter. */
export const engineTime = (ms: number): string => new Date(ms).toISOString().replace("T", " ").replace("Z", "");
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
export const floorTo = (ms: number, step: number): number => Math.floor(ms / step) * step;

/** Times that both engines can hold; nobody's packets are from elsewhere. */
const [earliest, latest] = [Date.UTC(1970, 0, 1), Date.UTC(2100, 0, 1)];

const moment = (name: string, text: string): number => {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new AppError("QUERY_PERIOD", `\`${name}\` is no time: write it as 2026-07-01T00:00:00Z`);
  if (ms < earliest || ms > latest) throw new AppError("QUERY_PERIOD", `\`${name}\` lies before 1970 or after 2099`);
  return ms;
};

/**
 * The period that is meant by `from` and `to`, or by `last` (24 h when nothing is said). A period of `last` begins on a
 * round 5 minutes, from two days on on a day (UTC), so that roll-ups answer it, and ends as `endOf` says.
 * @throws AppError QUERY_PERIOD
 */
export const spanOf = (
  query: { from?: string; to?: string; last?: string },
  around: Pick<Surroundings, "now" | "dataUntil" | "sensors">,
  otherwise = "24h",
): Span => {
  const end = endOf(around);
  if (query.last !== undefined && (query.from !== undefined || query.to !== undefined)) {
    throw new AppError("QUERY_PERIOD", "give `last`, or `from` and `to`, not both");
  }
  if (query.from === undefined && query.to === undefined) {
    const length = lengths[query.last ?? otherwise] ?? day;
    // What names sources is rolled up by the day alone: a day that is cut would be read whole, row by row, for a few hours of it.
    const round = length <= day ? 5 * minute : day;
    return { from: floorTo(end - length, round), to: end };
  }
  const to = query.to === undefined ? end : moment("to", query.to);
  const from = query.from === undefined ? to - day : moment("from", query.from);
  if (from >= to) throw new AppError("QUERY_PERIOD", "`from` must lie before `to`");
  if (to - from > longest) throw new AppError("QUERY_PERIOD", "at most 400 days at once: move `from` or `to`");
  return { from, to };
};

/**
 * Holds a question to the filters that who asks may use, beside period, realm and exercise.
 * @throws AppError ACCESS_DENIED: "WHAT no `NAME`".
 */
export const only = (query: Readonly<Record<string, unknown>>, what: string, ...allowed: readonly string[]): void => {
  const known = new Set([...allowed, "from", "to", "last", "realm", "exercise"]);
  const other = Object.entries(query).find(([name, value]) => value !== undefined && !known.has(name));
  if (other !== undefined) throw new AppError("ACCESS_DENIED", `${what} no \`${other[0]}\``, { parameter: other[0] });
};
