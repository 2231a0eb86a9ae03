// SPDX-License-Identifier: Apache-2.0
import { bucketIn, committed, grainLength } from "./buckets.ts";
import type { Frontiers, Grain, TimeRange } from "./buckets.ts";
import { flowRows, recentHours, recentTable } from "./recent.ts";
import { asking, bucketColumns } from "./schema.ts";
import type { EngineTable } from "./schema.ts";
import { stretches } from "./stretches.ts";

/*
 * What the sources of a busy port are, by country, network and TCP signature: of the last days by the hour, and by the day as long as rows
 * are kept. From rows that name each source a port with a sixth of all packets takes as long as all of these rows. A port that is not busy in a
 * bucket, or a bucket from before there was this table, has no row here, and is answered from those rows, which are few or take as long as they did.
 */

/** A port is busy in a bucket by so many flow rows. */
const busyRows = { "1h": 512, "1d": 4_096 } as const;

const scope = "realm, exercise, protocol, dst_port";
const columns: EngineTable["columns"] = [
  ...bucketColumns,
  { name: "realm", type: "LowCardinality(String)", doc: "realm; '' is shared" },
  { name: "exercise", type: "LowCardinality(String)", doc: "exercise; '' is real" },
  { name: "protocol", type: "UInt8", doc: "IP protocol number" },
  { name: "dst_port", type: "Nullable(UInt16)", doc: "destination port" },
  {
    name: "kind",
    type: "Enum8('country' = 1, 'network' = 2, 'signature' = 3)",
    doc: "which of the next three it is of",
  },
  { name: "src_cc", type: "LowCardinality(Nullable(String))", doc: "country of the sources" },
  { name: "src_asn", type: "Nullable(UInt32)", doc: "origin AS of the sources" },
  { name: "signature", type: "Nullable(UInt64)", doc: "TCP signature; NULL of what has none" },
  { name: "packets", type: "UInt64", codec: "T64, ZSTD(1)", doc: "packets" },
  { name: "mirai", type: "UInt64", codec: "T64, ZSTD(1)", doc: "packets with Mirai's sequence number" },
  { name: "sources", type: "AggregateFunction(uniqCombined(12), IPv6)", doc: "distinct sources, mergeable" },
  { name: "first", type: "DateTime64(3, 'UTC')", codec: "T64, ZSTD(1)", doc: "first packet of the bucket" },
  { name: "last", type: "DateTime64(3, 'UTC')", codec: "T64, ZSTD(1)", doc: "last packet of flows that began in it" },
];
/** They go when the rows go that they sum up: nobody is answered of a time of which only busy days are left. */
const table = {
  columns,
  orderBy: "(dst_port, protocol, bucket, kind)",
  granularity: 512,
  partitionBy: "toYYYYMMDD(bucket)",
  keeps: { by: "bucket", days: "sources" },
  remembers: 0,
} as const;
/** Of the last days by the hour. Dropped with the recent rows. */
export const recentPortPartsTable: EngineTable = { ...table, name: "recent_port_parts_1h" };
export const portPartsTable: EngineTable = { ...table, name: "port_parts_1d" };

const into = ({ name }: EngineTable): string =>
  `INSERT INTO ${name} (bucket, revision, realm, exercise, protocol, dst_port, kind, src_cc, src_asn, signature, packets, mirai, sources, first, last)`;
const kind = "multiIf(grouping(src_cc) = 0, 'country', grouping(src_asn) = 0, 'network', 'signature')";
const sets = (by: string): string =>
  `GROUP BY GROUPING SETS ((${by}, ${scope}, src_cc), (${by}, ${scope}, src_asn), (${by}, ${scope}, signature)) SETTINGS max_bytes_before_external_group_by = 150000000`;

/**
 * The statement that fills hours from the recent rows, which lie by hour and port: `where` leaves those in force, `at` is the hour of a bucket, `own` the
 * revision of the hour.
 */
export const recentPortPartsSql = (where: string, at: string, own: string): string =>
  `${into(recentPortPartsTable)} SELECT at, ${own}, ${scope}, ${kind}, src_cc, src_asn, signature, sum(packets), sum(mirai), uniqCombinedState(12)(src), min(first_seen), max(last_seen)
FROM (SELECT ${at} AS at, ${scope}, src, src_cc, src_asn, signature, packets, mirai, first_seen, last_seen FROM ${recentTable.name} WHERE ${where} AND ${asking}) WHERE (at, ${scope}) IN (SELECT ${at} AS at, ${scope} FROM ${recentTable.name} WHERE ${where} AND ${asking} GROUP BY at, ${scope} HAVING count() >= ${busyRows["1h"]})
${sets("at")}`;

/** The statement that fills days from the sources by port, where their revision leaves them. */
export const portPartsSql = (where: string): string =>
  `${into(portPartsTable)} SELECT bucket, revision, ${scope}, ${kind}, src_cc, src_asn, signature, sum(packets), sum(mirai), uniqCombinedState(12)(src), min(first), max(last)
FROM port_sources_1d WHERE ${where} AND (bucket, revision, ${scope}) IN (SELECT bucket, revision, ${scope} FROM port_sources_1d WHERE ${where} GROUP BY bucket, revision, ${scope} HAVING sum(flows) >= ${busyRows["1d"]})
${sets("bucket, revision")}`;

/** Whole days and hours of a range that may have parts; what they cover, and the rest of it. */
const piecesOf = (
  range: TimeRange,
  frontiers: Frontiers,
): { readonly days: TimeRange[]; readonly hours: TimeRange[]; readonly others: TimeRange[] } => {
  const pieces = stretches(["1d"], "1d", range, frontiers);
  const [days, hours, others]: [TimeRange[], TimeRange[], TimeRange[]] = [[], [], []];
  for (const { grain, from, to } of pieces) {
    const recent = grain === null ? recentHours({ from, to }, frontiers) : undefined;
    if (grain !== null) days.push({ from, to });
    else if (recent === undefined) others.push({ from, to });
    else {
      hours.push(recent);
      if (from < recent.from) others.push({ from, to: recent.from });
      if (recent.to < to) others.push({ from: recent.to, to });
    }
  }
  return { days, hours, others };
};
const held = (grain: Grain, { name }: EngineTable, ranges: readonly TimeRange[], where: string, frontiers: Frontiers) =>
  `${name} WHERE ${bucketIn(ranges)} AND ${where} AND ${committed(grain, ranges, frontiers)}`;

/** A statement that tells in which buckets of a range a port is busy: grain, bucket (seconds). `where` is as for `portParts`. */
export const busyBucketsSql = (range: TimeRange, frontiers: Frontiers, where: string): string => {
  const { days, hours } = piecesOf(range, frontiers);
  const of = (grain: "1h" | "1d", table: EngineTable, ranges: readonly TimeRange[]): string[] =>
    ranges.length === 0
      ? []
      : [
          `SELECT DISTINCT '${grain}' AS grain, toUnixTimestamp(bucket) AS bucket FROM ${held(grain, table, ranges, `${where} AND kind = 'country'`, frontiers)}`,
        ];
  const all = [...of("1d", portPartsTable, days), ...of("1h", recentPortPartsTable, hours)];
  return all.length === 0 ? "SELECT '' AS grain, 0 AS bucket WHERE 0" : all.join(" UNION ALL ");
};

/** What `busyBucketsSql` told. */
export type BusyBuckets = readonly { readonly grain: string; readonly bucket: number }[];
export interface PortParts {
  /** A subquery in parentheses: columns kind, src_cc, src_asn, signature, n, m (Mirai's packets), sources, first, last. Undefined where no bucket has any. */
  readonly parts: string | undefined;
  /** The rows of the other buckets, in parentheses: columns src, signature, src_asn, src_cc, n, m, first, last. Undefined where there are none. */
  readonly rest: string | undefined;
}
/** Buckets of some ranges that are busy and those that are not, each as few ranges as there are. */
const split = (ranges: readonly TimeRange[], grain: Grain, busy: ReadonlySet<number>): [TimeRange[], TimeRange[]] => {
  const found: [TimeRange[], TimeRange[]] = [[], []];
  const length = grainLength[grain];
  for (const { from, to } of ranges) {
    for (let at = from; at < to; at += length) {
      const list = found[busy.has(at) ? 0 : 1];
      const last = list.at(-1);
      if (last?.to === at) list[list.length - 1] = { from: last.from, to: at + length };
      else list.push({ from: at, to: at + length });
    }
  }
  return found;
};

/** The sources of one port over a range; `where` speaks of realm, exercise, protocol and port alone, and admits one of each. */
export const portParts = (range: TimeRange, frontiers: Frontiers, where: string, buckets: BusyBuckets): PortParts => {
  const { days, hours, others } = piecesOf(range, frontiers);
  const busyOf = (own: Grain): Set<number> =>
    new Set(buckets.flatMap(({ grain, bucket }) => (grain === own ? [bucket * 1e6] : [])));
  const [busyDays, otherDays] = split(days, "1d", busyOf("1d"));
  const [busyHours, otherHours] = split(hours, "1h", busyOf("1h"));
  const part = (from: string): string =>
    `SELECT kind, src_cc, src_asn, signature, packets AS n, mirai AS m, sources, first, last FROM ${from}`;
  const row = "SELECT src, signature, src_asn, src_cc,";
  const parts = [
    ...(busyDays.length === 0 ? [] : [part(held("1d", portPartsTable, busyDays, where, frontiers))]),
    ...(busyHours.length === 0 ? [] : [part(held("1h", recentPortPartsTable, busyHours, where, frontiers))]),
  ];
  const rest = [
    ...(otherDays.length === 0
      ? []
      : [
          `${row} packets AS n, mirai AS m, first, last FROM port_sources_1d WHERE ${bucketIn(otherDays)} AND ${where} AND ${committed("1d", otherDays, frontiers)}`,
        ]),
    ...[...otherHours, ...others].map(
      (one) =>
        `${row} toUInt64(packets) AS n, toUInt64(mirai) AS m, toDateTime64(first_seen, 3, 'UTC') AS first, toDateTime64(last_seen, 3, 'UTC') AS last FROM ${flowRows(one, frontiers, `${where} AND ${asking}`)}`,
    ),
  ];
  const united = (all: readonly string[]): string | undefined =>
    all.length === 0 ? undefined : `(${all.join("\nUNION ALL\n")})`;
  return { parts: united(parts), rest: united(rest) };
};
