// SPDX-License-Identifier: Apache-2.0
import { bucketIn, bucketOf, bucketSql, committed, dateTime64, grainLength } from "./buckets.ts";
import type { Frontiers, TimeRange } from "./buckets.ts";
import { flowsTable } from "./schema.ts";
import type { EngineColumn, EngineTable } from "./schema.ts";

/**
 * Flow rows of the last days once more, by hour and port: what a question needs of a few minutes or of one port is found here without
 * reading the day, which the base keeps by source. Filled as buckets of 5 minutes close, by the same revisions as roll-ups; dropped by
 * the day when nobody reads it any more.
 */
const recentColumns = new Set(
  "sensor realm exercise first_seen duration last_seen src protocol dst_port class signature packets bytes mirai zmap masscan stateless src_asn src_cc".split(
    " ",
  ),
);
const columns: readonly EngineColumn[] = flowsTable.columns.filter(({ name }) => recentColumns.has(name));

/** Days before that of now whose recent rows are read. They are kept one day more, for questions under way. */
export const recentDays = 2;

export const recentTable: EngineTable = {
  name: "recent_5m",
  columns: [
    { name: "bucket", type: "DateTime('UTC')", codec: "T64, ZSTD(1)", doc: "start of the bucket" },
    { name: "revision", type: "UInt64", codec: "T64, ZSTD(1)", doc: "computation that wrote the row" },
    ...columns,
  ],
  orderBy: "(toStartOfHour(bucket), dst_port, protocol, bucket, src)",
  granularity: 2048,
  partitionBy: "toYYYYMMDD(bucket)",
  keeps: { by: "bucket", days: "sources" },
  remembers: 0,
};

const listed = columns.map(({ name }) => name).join(", ");

/** The statement that fills buckets of 5 minutes; `where` leaves their rows, `revision` is that of `at`, their start. */
export const recentSql = (where: string, revision: string): string => {
  const stored = columns.filter(({ alias }) => alias === undefined).map(({ name }) => name);
  return `INSERT INTO ${recentTable.name} (bucket, revision, ${stored.join(", ")}) SELECT ${bucketSql("5m", "first_seen")} AS at, ${revision}, ${stored.join(", ")} FROM flows WHERE ${where}`;
};

/** How much of a range the recent rows can answer: whole buckets that are closed. */
const recentOf = ({ from, to }: TimeRange, frontiers: Frontiers): TimeRange | undefined => {
  if (frontiers.recent === undefined) return undefined;
  const start = Math.ceil(Math.max(from, frontiers.recent) / grainLength["5m"]) * grainLength["5m"];
  const end = bucketOf(Math.min(to, frontiers["5m"]), "5m");
  return start < end ? { from: start, to: end } : undefined;
};

/**
 * Flow rows of a range: what stands after FROM, a subquery in parentheses with the columns that the recent rows have. `where` is one condition
 * more. `long` is how much of it is read from the base all the same, which has a source's rows side by side.
 */
export const flowRows = (range: TimeRange, frontiers: Frontiers, where: string, long = Infinity): string => {
  const more = where === "" ? "" : ` AND (${where})`;
  const base = ({ from, to }: TimeRange): string =>
    `SELECT ${listed} FROM flows WHERE first_seen >= ${dateTime64(from)} AND first_seen < ${dateTime64(to)}${more}`;
  const recent = recentOf(range, frontiers);
  if (recent === undefined || recent.to - recent.from > long) return `(${base(range)})`;
  return `(${[
    ...(range.from < recent.from ? [base({ from: range.from, to: recent.from })] : []),
    `SELECT ${listed} FROM ${recentTable.name} WHERE ${bucketIn([recent])}${more} AND ${committed("5m", [recent], frontiers)}`,
    ...(recent.to < range.to ? [base({ from: recent.to, to: range.to })] : []),
  ].join("\nUNION ALL\n")})`;
};
