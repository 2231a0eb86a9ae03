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
 * on the recent rows of closed buckets are there; absent where none are.
 */
export type Frontiers = Readonly<Record<Grain, number>> & { readonly recent?: number };

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

/** Condition that leaves the rows in force. A revision names one bucket: looking it up alone takes half the time. */
export const committed = (grain: Grain, from: number, to: number): string =>
  `revision IN (SELECT max(revision) FROM rollup_revisions WHERE grain = '${grain}' AND bucket >= ${dateTime(from)} AND bucket < ${dateTime(to)} GROUP BY bucket)`;
