// SPDX-License-Identifier: Apache-2.0

/** Buckets of time, and which computation of them is in force. */
export const grains = ["5m", "1h", "1d"] as const;
export type Grain = (typeof grains)[number];
/** Length of a bucket, microseconds. */
export const grainLength: Readonly<Record<Grain, number>> = { "5m": 300e6, "1h": 3_600e6, "1d": 86_400e6 };
/** Start of the bucket of a time, both microseconds. */
export const bucketOf = (time: number, grain: Grain): number => time - (time % grainLength[grain]);

export interface TimeRange {
  /** Microseconds, inclusive. */
  readonly from: number;
  /** Microseconds, exclusive. */
  readonly to: number;
}
/**
 * Up to where (exclusive, microseconds) each grain is rolled up; what lies behind is answered from finer grains or the base. `recent` is from where
 * on the recent rows of closed buckets are there; absent where none are. What else the store knows spares the engine looking for it: which
 * revisions are in force, and whether there can be aggregates.
 */
export type Frontiers = Readonly<Record<Grain, number>> & {
  readonly recent?: number;
  readonly inForce?: (grain: Grain, range: TimeRange) => readonly number[];
  readonly stormy?: (range: TimeRange) => boolean;
};

export const seconds = (time: number): number => Math.floor(time / 1e6);
export const dateTime = (time: number): string => `toDateTime(${seconds(time)}, 'UTC')`;
export const dateTime64 = (time: number): string => `fromUnixTimestamp64Micro(${Math.floor(time)}, 'UTC')`;
const truncations: Readonly<Record<Grain, string>> = {
  "5m": "toStartOfFiveMinutes",
  "1h": "toStartOfHour",
  "1d": "toStartOfDay",
};
/** Start of the grain's bucket of a time column, as DateTime('UTC'). */
export const bucketSql = (grain: Grain, column: string): string =>
  `toDateTime(${truncations[grain]}(${column}), 'UTC')`;

/** Condition that a bucket lies in one of some ranges. */
export const bucketIn = (ranges: readonly TimeRange[]): string =>
  `(${ranges.map(({ from, to }) => `bucket >= ${dateTime(from)} AND bucket < ${dateTime(to)}`).join(" OR ")})`;

/** So many revisions are named at most: beyond, the engine looks them up. */
const named = 2_000;

/** Condition that leaves the rows in force of some ranges. A revision names one bucket, so nothing else need be compared. */
export const committed = (grain: Grain, ranges: readonly TimeRange[], frontiers: Frontiers): string => {
  const buckets = ranges.reduce((sum, { from, to }) => sum + (to - from) / grainLength[grain], 0);
  if (frontiers.inForce !== undefined && buckets <= named) {
    const list = ranges.flatMap((range) => frontiers.inForce!(grain, range));
    return list.length === 0 ? "0" : `revision IN (${list.join(", ")})`;
  }
  return `revision IN (SELECT max(revision) FROM rollup_revisions WHERE grain = '${grain}' AND ${bucketIn(ranges)} GROUP BY bucket)`;
};
