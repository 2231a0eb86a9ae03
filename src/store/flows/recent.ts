// SPDX-License-Identifier: Apache-2.0
import { bucketIn, bucketOf, bucketSql, committed, dateTime64, grainLength } from "./buckets.ts";
import type { Frontiers, Grain, TimeRange } from "./buckets.ts";
import { bucketColumns, flowsTable, itself, packed } from "./schema.ts";
import type { EngineColumn, EngineTable } from "./schema.ts";

/**
 * Flow rows of the last days once more, by hour and port: what a question needs of a few minutes or of one port is found here without
 * reading the day, which the base keeps by source. Filled as buckets of 5 minutes close, by the same revisions as roll-ups; dropped by
 * the day when nobody reads it any more.
 */
const recentColumns = new Set(
  "sensor realm exercise first_seen duration last_seen src victim protocol dst_port class signature packets bytes mirai zmap masscan stateless src_asn src_cc".split(
    " ",
  ),
);
const columns: readonly EngineColumn[] = flowsTable.columns.filter(({ name }) => recentColumns.has(name));

/** Days before that of now whose recent rows are read. They are kept one day more, for questions under way. */
export const recentDays = 2;

export const recentTable: EngineTable = {
  name: "recent_5m",
  columns: [...bucketColumns, ...columns],
  orderBy: "(toStartOfHour(bucket), dst_port, protocol, bucket, src)",
  granularity: 2048,
  partitionBy: "toYYYYMMDD(bucket)",
  keeps: { by: "bucket", days: "sources" },
  remembers: 0,
};

const listed = columns.map(({ name }) => name).join(", ");

/** Rows are put in order a block at a time. With the engine's own blocks of a million a busy bucket takes 400 MB while it is sorted, with these 115. */
const smallBlocks =
  "SETTINGS max_threads = 1, min_insert_block_size_rows = 131072, min_insert_block_size_bytes = 33554432";

/** The statement that fills buckets of 5 minutes; `where` leaves their rows, `revision` is that of `at`, their start. */
export const recentSql = (where: string, revision: string): string => {
  const stored = columns.filter(({ alias }) => alias === undefined).map(({ name }) => name);
  return `INSERT INTO ${recentTable.name} (bucket, revision, ${stored.join(", ")}) SELECT ${bucketSql("5m", "first_seen")} AS at, ${revision}, ${stored.join(", ")} FROM flows WHERE ${where} ${smallBlocks}`;
};

/** What each source sent in an hour of the last days: the day that is open is a fourth of the rows by these. */
export const recentSourcesTable: EngineTable = {
  name: "recent_sources_1h",
  columns: [
    ...recentTable.columns.filter(({ name }) => ["bucket", "revision", "realm", "exercise", "src"].includes(name)),
    { name: "packets", type: "UInt64", codec: "T64, ZSTD(1)", doc: "packets" },
    {
      name: "port_set",
      type: "Array(UInt32)",
      doc: "ports that it asked for by SYN or UDP: protocol * 131072 + port (65536 where there is none)",
    },
  ],
  orderBy: "(src, bucket)",
  granularity: 1024,
  partitionBy: "toYYYYMMDD(bucket)",
  keeps: { by: "bucket", days: "sources" },
  remembers: 0,
};

/** The statement that fills hours, as `recentSql` fills buckets of 5 minutes. */
export const recentSourcesSql = (where: string, revision: string): string =>
  `INSERT INTO ${recentSourcesTable.name} (bucket, revision, realm, exercise, src, packets, port_set) SELECT ${bucketSql("1h", "first_seen")} AS at, ${revision}, realm, exercise, src, sum(packets), groupUniqArrayIf(${packed}, ${itself}) FROM flows WHERE ${where} GROUP BY at, realm, exercise, src ${smallBlocks}`;

/** How much of a range the recent rows can answer: whole buckets that are closed. */
const recentOf = ({ from, to }: TimeRange, frontiers: Frontiers, grain: Grain): TimeRange | undefined => {
  if (frontiers.recent === undefined) return undefined;
  const start = Math.ceil(Math.max(from, frontiers.recent) / grainLength[grain]) * grainLength[grain];
  const end = bucketOf(Math.min(to, frontiers[grain]), grain);
  return start < end ? { from: start, to: end } : undefined;
};

/** The whole hours of a range for which there are recent rows. */
export const recentHours = (range: TimeRange, frontiers: Frontiers): TimeRange | undefined =>
  recentOf(range, frontiers, "1h");

/**
 * Flow rows of a range: what stands after FROM, a subquery in parentheses with the columns that the recent rows have. `where` is one condition
 * more. `long` is how much of it is read from the base all the same, which has a source's rows side by side.
 */
export const flowRows = (range: TimeRange, frontiers: Frontiers, where: string, long = Infinity): string => {
  const more = where === "" ? "" : ` AND (${where})`;
  const base = ({ from, to }: TimeRange): string =>
    `SELECT ${listed} FROM flows WHERE first_seen >= ${dateTime64(from)} AND first_seen < ${dateTime64(to)}${more}`;
  const recent = recentOf(range, frontiers, "5m");
  if (recent === undefined || recent.to - recent.from > long) return `(${base(range)})`;
  return `(${[
    ...(range.from < recent.from ? [base({ from: range.from, to: recent.from })] : []),
    `SELECT ${listed} FROM ${recentTable.name} WHERE ${bucketIn([recent])}${more} AND ${committed("5m", [recent], frontiers)}`,
    ...(recent.to < range.to ? [base({ from: recent.to, to: range.to })] : []),
  ].join("\nUNION ALL\n")})`;
};

/**
 * What sources sent in a range of which most is in whole hours that are closed: a subquery in parentheses with columns src, packets, port_set (those asked
 * for), several rows a source. Undefined where that is not so; `where` speaks of realm, exercise and src.
 */
export const sourceRows = (range: TimeRange, frontiers: Frontiers, where: string): string | undefined => {
  const hours = recentOf(range, frontiers, "1h");
  if (hours === undefined || 2 * (hours.to - hours.from) < range.to - range.from) return undefined;
  const edge = (part: TimeRange): string[] =>
    part.from < part.to
      ? [
          `SELECT src, toUInt64(packets) AS packets, if(${itself}, [${packed}], []) AS port_set FROM ${flowRows(part, frontiers, where)}`,
        ]
      : [];
  return `(${[
    `SELECT src, packets, port_set FROM ${recentSourcesTable.name} WHERE ${bucketIn([hours])}${where === "" ? "" : ` AND (${where})`} AND ${committed("1h", [hours], frontiers)}`,
    ...edge({ from: range.from, to: hours.from }),
    ...edge({ from: hours.to, to: range.to }),
  ].join("\nUNION ALL\n")})`;
};

/** What sources asked for in the whole hours of a range that are closed, one row an hour and source: columns bucket, src, port_set. Undefined: there is no such hour. */
export const sourceHours = (
  range: TimeRange,
  frontiers: Frontiers,
  where: string,
): (TimeRange & { readonly sql: string }) | undefined => {
  const hours = recentOf(range, frontiers, "1h");
  return hours === undefined
    ? undefined
    : {
        ...hours,
        sql: `(SELECT bucket, src, port_set FROM ${recentSourcesTable.name} WHERE ${bucketIn([hours])}${where === "" ? "" : ` AND (${where})`} AND ${committed("1h", [hours], frontiers)})`,
      };
};
