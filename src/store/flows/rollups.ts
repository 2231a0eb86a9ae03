// SPDX-License-Identifier: Apache-2.0
import {
  bucketIn,
  bucketOf,
  bucketSql,
  committed,
  dateTime,
  dateTime64,
  grainLength,
  grains,
  seconds,
} from "./buckets.ts";
import type { Frontiers, Grain, TimeRange } from "./buckets.ts";
import { flowRows, recentSourcesSql, recentSql, recentTables, sourceRows } from "./recent.ts";
import { classType } from "./schema.ts";
import type { EngineColumn, EngineTable } from "./schema.ts";

export { bucketOf, bucketSql, grainLength, grains } from "./buckets.ts";
export type { Frontiers, Grain, TimeRange } from "./buckets.ts";

/**
 * Roll-ups: what a bucket of 5 minutes, an hour or a day sums up to, computed from the rows below it when the bucket closes
 * and again when late rows reopen it. Each computation of a bucket has a revision of its own; the line in `rollup_revisions` that
 * names it is the commit, so a computation cut short is never seen. Rows of one key may be several: readers always
 * aggregate.
 */
/** What a measure is in a flow row, in an aggregate row, and how two of it become one. */
interface Measure extends EngineColumn {
  readonly flows: string;
  /** What it is in one flow row, where that can be told: then a question need not have the base grouped twice. */
  readonly row?: string;
  /** What a question gets of the base instead, where that is cheaper and tells enough. */
  readonly asked?: string;
  readonly aggregates: string;
  readonly merge: string;
}
/** A key column and the expressions that give it; `aggregates: null` where a storm's rows cannot tell. */
interface Key extends EngineColumn {
  readonly aggregates: string;
}
interface Rollup {
  readonly name: string;
  readonly doc: string;
  readonly grains: readonly Grain[];
  readonly keys: readonly Key[];
  readonly measures: readonly Measure[];
  readonly orderBy: string;
  /** Where short times are read of a day: put before the order. */
  readonly hoursFirst?: readonly Grain[];
  /**
   * Rows with fewer packets than this are `rare` and lie apart, behind all others: who looks for the largest sums need not read
   * them, and knows what they can amount to. Most rows of ports and sources are such.
   */
  readonly floors?: Readonly<Partial<Record<Grain, number>>>;
  /** Rows between two marks. States are large: who wants a few should not read thousands. */
  readonly granularity: number;
  readonly keeps: "sources" | null;
  /** The roll-up that this one sums up further, of the same grain; finer times are answered from that one. */
  readonly of?: string;
  /** Which flow rows count; all by default. */
  readonly where?: string;
  /** Its keys are in the base's order: long times are cheaper there than from the recent rows. */
  readonly bySource?: true;
}

/** Protocol and port in one number: grouping by it is twice as fast as by two columns, one of them Nullable. */
const packed = "toUInt32(toUInt32(protocol) * 131072 + ifNull(toUInt32(dst_port), 65536))";
const asking = "class IN ('tcp-syn', 'udp')";
const key = (name: string, type: string, doc: string, aggregates = name): Key => ({ name, type, doc, aggregates });
const sum = (name: string, flows: string, aggregates: string, doc: string): Measure => ({
  name,
  type: "UInt64",
  codec: "T64, ZSTD(1)",
  flows: `toUInt64(${flows})`,
  row: `toUInt64(${flows.replace(/^sum\((\w+)\)$/, "$1").replace("count()", "1")})`,
  aggregates: `toUInt64(${aggregates})`,
  merge: `sum(${name})`,
  doc,
});

/** Precision of distinct counts: error about 1.6 %, at most 3 KiB a state, exact while small. */
export const sourcesFunction = "uniqCombined(12)";
const [distinct, precision] = ["uniqCombined", "(12)"];
const sourcesState = (name: string, condition: string, doc: string): Measure => ({
  name,
  type: `AggregateFunction(${sourcesFunction}, IPv6)`,
  flows: condition === "" ? `${distinct}State${precision}(src)` : `${distinct}StateIf${precision}(src, ${condition})`,
  aggregates: `${distinct}StateIf${precision}(toIPv6('::'), 0)`,
  merge: `${distinct}MergeState${precision}(${name})`,
  doc,
});
const sourcesCount = (name: string, state: string, flows: string, doc: string): Measure => ({
  name,
  type: "UInt32",
  codec: "T64, ZSTD(1)",
  flows: `toUInt32(${flows})`,
  aggregates: "toUInt32(0)",
  // The very state that `sources` is made of: the engine computes it once.
  merge: `toUInt32(finalizeAggregation(${distinct}MergeState${precision}(${state})))`,
  doc,
});

const heads: readonly Key[] = [
  key("sensor", "LowCardinality(String)", "sensor"),
  key("realm", "LowCardinality(String)", "realm; '' is shared"),
  key("exercise", "LowCardinality(String)", "exercise; '' is real"),
];
const counts: readonly Measure[] = [
  sum("packets", "sum(packets)", "sum(packets)", "packets, storms included"),
  sum("bytes", "sum(bytes)", "sum(bytes)", "sum of IP total lengths, storms included"),
  sum("flows", "count()", "0", "flow rows"),
  sum("mirai", "sum(mirai)", "0", "packets with Mirai's sequence number"),
  sum("zmap", "sum(zmap)", "0", "packets with ZMap's IP ID"),
  sum("masscan", "sum(masscan)", "0", "packets with masscan's IP ID"),
  sum("stateless", "sum(stateless)", "0", "packets of the large-scale-scan shape"),
  sum(
    "storm_packets",
    "0",
    "sum(packets)",
    "packets that are known from aggregates only: above 0 marks the bucket degraded",
  ),
  sum("storm_sources", "0", "sum(src_count)", "sources of those, each aggregate's estimate added up: an upper bound"),
];
const sources: readonly Measure[] = [
  sourcesState("sources", "", "distinct sources, mergeable; without those of storms"),
  sourcesCount(
    "source_count",
    "sources",
    `finalizeAggregation(${distinct}State${precision}(src))`,
    "the same as a number, to choose by before merging; not to be added up over buckets",
  ),
];
const seen: readonly Measure[] = [
  {
    name: "first",
    type: "DateTime64(3, 'UTC')",
    codec: "T64, ZSTD(1)",
    flows: "min(first_seen)",
    row: "first_seen",
    aggregates: "toDateTime64(0, 3, 'UTC')",
    merge: "min(first)",
    doc: "first packet of the day",
  },
  {
    name: "last",
    type: "DateTime64(3, 'UTC')",
    codec: "T64, ZSTD(1)",
    flows: "max(last_seen)",
    row: "last_seen",
    aggregates: "toDateTime64(0, 3, 'UTC')",
    merge: "max(last)",
    doc: "last packet of flows that began on the day",
  },
];
const miraiSources = sourcesState("mirai_sources", "mirai > 0", "distinct sources with Mirai's mark, mergeable");

export const rollups = [
  {
    name: "ports",
    doc: "protocol, port and class by sensor",
    grains: ["5m", "1h", "1d"],
    keys: [
      ...heads,
      key("protocol", "UInt8", "IP protocol number"),
      key("dst_port", "Nullable(UInt16)", "port as in a flow row"),
      key("class", classType, "traffic type"),
    ],
    measures: [...counts, ...sources],
    orderBy: "dst_port, protocol, class, bucket, sensor",
    hoursFirst: ["5m"],
    floors: { "5m": 4, "1h": 16, "1d": 128 },
    granularity: 512,
    keeps: null,
  },
  {
    name: "port_days",
    doc: "protocol, port and class, over all sensors of a realm",
    grains: ["1d"],
    keys: [
      ...heads.slice(1),
      key("protocol", "UInt8", "IP protocol number"),
      key("dst_port", "Nullable(UInt16)", "port as in a flow row"),
      key("class", classType, "traffic type"),
    ],
    measures: [...counts, ...sources],
    orderBy: "dst_port, protocol, class, bucket",
    floors: { "1d": 128 },
    granularity: 512,
    keeps: null,
    of: "ports",
  },
  {
    name: "port_sources",
    doc: "every source of a port by day, over all sensors of a realm: SYN and UDP",
    grains: ["1d"],
    keys: [
      ...heads.slice(1),
      key("protocol", "UInt8", "IP protocol number"),
      key("dst_port", "Nullable(UInt16)", "destination port"),
      key("src", "IPv6", "source", "toIPv6('::')"),
      key("signature", "Nullable(UInt64)", "TCP signature", "NULL"),
    ],
    measures: [
      sum("packets", "sum(packets)", "0", "packets"),
      sum("flows", "count()", "0", "flow rows"),
      sum("mirai", "sum(mirai)", "0", "packets with Mirai's sequence number"),
      ...seen,
      {
        name: "src_asn",
        type: "Nullable(UInt32)",
        flows: "anyLast(src_asn)",
        row: "src_asn",
        aggregates: "NULL",
        merge: "anyLast(src_asn)",
        doc: "origin AS",
      },
      {
        name: "src_cc",
        type: "LowCardinality(Nullable(String))",
        flows: "anyLast(src_cc)",
        row: "src_cc",
        aggregates: "NULL",
        merge: "anyLast(src_cc)",
        doc: "country",
      },
    ],
    orderBy: "dst_port, protocol, src, bucket",
    granularity: 2048,
    keeps: "sources",
    where: asking,
  },
  {
    name: "sensors",
    doc: "class by sensor",
    grains: ["5m", "1h", "1d"],
    keys: [...heads, key("protocol", "UInt8", "IP protocol number"), key("class", classType, "traffic type")],
    measures: [
      ...counts,
      ...sources,
      miraiSources,
      {
        name: "port_set",
        type: "AggregateFunction(groupBitmap, UInt32)",
        flows: `groupBitmapState(${packed})`,
        aggregates: `groupBitmapState(${packed})`,
        merge: "groupBitmapMergeState(port_set)",
        doc: "distinct ports, each as protocol * 131072 + port (65536 where there is none), mergeable",
      },
    ],
    orderBy: "bucket, sensor, protocol, class",
    granularity: 64,
    keeps: null,
  },
  {
    name: "countries",
    doc: "country of the source by sensor",
    grains: ["5m", "1h", "1d"],
    keys: [...heads, key("src_cc", "LowCardinality(Nullable(String))", "country of the source", "NULL")],
    measures: [...counts, ...sources, miraiSources],
    orderBy: "bucket, sensor, src_cc",
    granularity: 128,
    keeps: null,
  },
  {
    name: "origins",
    doc: "country and origin AS of the source by sensor",
    grains: ["1h", "1d"],
    keys: [
      ...heads,
      key("src_cc", "LowCardinality(Nullable(String))", "country of the source", "NULL"),
      key("src_asn", "Nullable(UInt32)", "origin AS of the source", "NULL"),
    ],
    measures: [...counts, ...sources, miraiSources],
    orderBy: "src_asn, src_cc, bucket, sensor",
    granularity: 512,
    keeps: null,
  },
  {
    name: "source_days",
    doc: "every source of a day, over all sensors of a realm",
    grains: ["1d"],
    keys: [...heads.slice(1), key("src", "IPv6", "source", "toIPv6('::')")],
    measures: [
      ...counts.slice(0, 7),
      {
        name: "ports",
        type: "UInt32",
        codec: "T64, ZSTD(1)",
        flows: `toUInt32(uniqExactIf(${packed}, ${asking}))`,
        asked: `toUInt32(uniqUpToIf(10)(${packed}, ${asking}))`,
        aggregates: "0",
        merge: "max(ports)",
        doc: "distinct (protocol, port) of the day that it asked for, by SYN or UDP; over 10 are 11 where the base answers",
      },
      {
        name: "port_set",
        type: "Array(UInt32)",
        flows: `arraySort(groupUniqArray(${packed}))`,
        aggregates: "[]",
        merge: "groupUniqArrayArray(port_set)",
        doc: "its ports of the day, of any class: protocol * 131072 + port (65536 where there is none)",
      },
      {
        name: "sensor_set",
        type: "Array(LowCardinality(String))",
        flows: "arraySort(groupUniqArray(sensor))",
        aggregates: "[]",
        merge: "groupUniqArrayArray(sensor_set)",
        doc: "sensors that saw it",
      },
      ...seen,
      {
        name: "src_asn",
        type: "Nullable(UInt32)",
        flows: "anyLast(src_asn)",
        row: "src_asn",
        aggregates: "NULL",
        merge: "anyLast(src_asn)",
        doc: "origin AS",
      },
      {
        name: "src_cc",
        type: "LowCardinality(Nullable(String))",
        flows: "anyLast(src_cc)",
        row: "src_cc",
        aggregates: "NULL",
        merge: "anyLast(src_cc)",
        doc: "country",
      },
    ],
    orderBy: "src, bucket",
    floors: { "1d": 16 },
    granularity: 1024,
    keeps: "sources",
    bySource: true,
  },
] as const satisfies readonly Rollup[];
export type RollupName = (typeof rollups)[number]["name"];
const byName = new Map<string, Rollup>(rollups.map((one) => [one.name, one]));
const rollupOf = (name: RollupName): Rollup => byName.get(name)!;

export const rollupTable = (name: RollupName, grain: Grain): string => `${name}_${grain}`;

const bucketColumns: readonly EngineColumn[] = [
  { name: "bucket", type: "DateTime('UTC')", codec: "T64, ZSTD(1)", doc: "start of the bucket" },
  { name: "revision", type: "UInt64", codec: "T64, ZSTD(1)", doc: "computation that wrote the row" },
];
const columnOf = ({ name, type, codec, doc }: EngineColumn): EngineColumn =>
  codec === undefined ? { name, type, doc } : { name, type, codec, doc };

export const revisionsTable: EngineTable = {
  name: "rollup_revisions",
  columns: [
    { name: "grain", type: "LowCardinality(String)", doc: "5m, 1h or 1d" },
    { name: "bucket", type: "DateTime('UTC')", doc: "start of the bucket" },
    { name: "revision", type: "UInt64", doc: "the newest is in force for every roll-up of the grain" },
  ],
  orderBy: "(grain, bucket, revision)",
  partitionBy: "tuple()",
  keeps: null,
  remembers: 0,
};
export const rollupTables: readonly EngineTable[] = [
  revisionsTable,
  ...recentTables,
  ...rollups.flatMap((one: Rollup) =>
    one.grains.map((grain): EngineTable => ({
      name: `${one.name}_${grain}`,
      columns: [
        ...bucketColumns,
        ...one.keys.map(columnOf),
        ...one.measures.map(columnOf),
        ...(one.floors?.[grain] === undefined
          ? []
          : [{ name: "rare", type: "UInt8", made: `packets < ${one.floors[grain]}`, doc: "few packets: lies apart" }]),
      ],
      orderBy: `(${[
        ...(one.floors?.[grain] === undefined ? [] : ["rare"]),
        ...(one.hoursFirst?.includes(grain) === true ? ["toStartOfHour(bucket)"] : []),
        one.orderBy,
      ].join(", ")})`,
      granularity: one.granularity,
      // What names a source goes to the day, not when the last day of its month does: parts drop whole.
      partitionBy: grain === "1d" && one.keeps === null ? "toYYYYMM(bucket)" : "toYYYYMMDD(bucket)",
      keeps: { by: "bucket", days: one.keeps ?? (grain === "1d" ? "coarse" : "fine") },
      remembers: 0,
    })),
  ),
];

const oneOf = (buckets: readonly number[]): string => `(${buckets.map(seconds).join(", ")})`;

/** The next finer grain that a roll-up has, or null where it is computed from the base. */
const below = (one: Rollup, grain: Grain): Grain | null => one.grains[one.grains.indexOf(grain) - 1] ?? null;
/** A day of many sources is grouped on the disk where it would not fit. */
const frugal = "SETTINGS max_bytes_before_external_group_by = 150000000";
const further = (one: Rollup): string => one.measures.map(({ name, merge }) => `${merge} AS new_${name}`).join(", ");

/** A computation asks the engine itself what is in force. */
const nothingKnown: Frontiers = { "5m": 0, "1h": 0, "1d": 0 };

/** How many revisions a computation of these buckets takes: each bucket has one of its own, so that it alone names the rows. */
export const revisionsFor = (grain: Grain, buckets: readonly number[]): number =>
  (Math.max(...buckets) - Math.min(...buckets)) / grainLength[grain] + 1;
/** The revision of a bucket, where the first of them has `revision`. */
export const revisionOf = (grain: Grain, buckets: readonly number[], revision: number, bucket: number): number =>
  revision + (bucket - Math.min(...buckets)) / grainLength[grain];

/**
 * Statements that compute a grain's buckets, all of one UTC day, as the revisions from `revision` on. `storms` tells whether the
 * day has aggregate rows, `recent` whether it is to have recent rows. The commit is `commitSql`, afterwards.
 */
export const computeSql = (
  grain: Grain,
  buckets: readonly number[],
  revision: number,
  { storms, recent }: { readonly storms: boolean; readonly recent: boolean },
): string[] => {
  const first = Math.min(...buckets);
  const end = Math.max(...buckets) + grainLength[grain];
  const every = revisionsFor(grain, buckets) === buckets.length;
  const own = `${revision} + intDiv(toUnixTimestamp(at) - ${seconds(first)}, ${grainLength[grain] / 1e6})`;
  const where = `first_seen >= ${dateTime64(first)} AND first_seen < ${dateTime64(end)}`;
  // Of one bucket alone the engine need not group by it.
  const at = buckets.length === 1 ? dateTime(first) : bucketSql(grain, "first_seen");
  const some = every ? "" : ` AND toUnixTimestamp(${bucketSql(grain, "first_seen")}) IN ${oneOf(buckets)}`;
  const summed = (rollups as readonly Rollup[])
    .filter((one) => one.grains.includes(grain))
    .flatMap((one) => {
      const names = [...one.keys, ...one.measures].map(({ name }) => name);
      const into = `INSERT INTO ${one.name}_${grain} (bucket, revision, ${names.join(", ")})`;
      const by = one.keys.map(({ name }) => name).join(", ");
      if (one.of !== undefined) {
        const last = revision + revisionsFor(grain, buckets) - 1;
        return [
          `${into} SELECT bucket, revision, ${by}, ${further(one)} FROM ${one.of}_${grain} WHERE bucket >= ${dateTime(first)} AND bucket < ${dateTime(end)} AND revision BETWEEN ${revision} AND ${last} GROUP BY bucket, revision, ${by} ${frugal}`,
        ];
      }
      const from = below(one, grain);
      if (from !== null) {
        return [
          `${into} SELECT at, ${own}, ${by}, ${further(one)} FROM (SELECT *, ${bucketSql(grain, "bucket")} AS at FROM ${one.name}_${from}
WHERE bucket >= ${dateTime(first)} AND bucket < ${dateTime(end)}${every ? "" : ` AND toUnixTimestamp(at) IN ${oneOf(buckets)}`} AND ${committed(from, [{ from: first, to: end }], nothingKnown)})
GROUP BY at, ${by} ${frugal}`,
        ];
      }
      const baseSelect = (table: "flows" | "aggregates"): string => {
        const keys = one.keys.map((k) => `${table === "flows" ? k.name : k.aggregates} AS ${k.name}`);
        const measures = one.measures.map((m) => `${m[table]} AS new_${m.name}`);
        return `${into} SELECT ${at} AS at, ${own}, ${[...keys, ...measures].join(", ")} FROM ${table} WHERE ${where}${some}${one.where === undefined ? "" : ` AND ${one.where}`} GROUP BY at, ${by} ${frugal}`;
      };
      return storms && one.keeps === null ? [baseSelect("flows"), baseSelect("aggregates")] : [baseSelect("flows")];
    });
  return [
    ...summed,
    ...(recent && grain === "5m" ? [recentSql(`${where}${some}`, own)] : []),
    ...(recent && grain === "1h" ? [recentSourcesSql(`${where}${some}`, own)] : []),
  ];
};

export const commitSql = (grain: Grain, buckets: readonly number[], revision: number): string =>
  `INSERT INTO rollup_revisions (grain, bucket, revision) SELECT '${grain}', toDateTime(made.1, 'UTC'), made.2 FROM (SELECT arrayJoin([${buckets.map((bucket) => `(${seconds(bucket)}, ${revisionOf(grain, buckets, revision, bucket)})`).join(", ")}]) AS made)`;

/**
 * Statements that bring roll-ups of roll-ups back to what those say now, between two times (`until` null: for ever), where rows were taken
 * from them without a new revision. Doing it again changes nothing.
 */
export const refillSql = (from: number, until: number | null): { table: string; where: string; insert: string }[] =>
  (rollups as readonly Rollup[]).flatMap((one) =>
    one.of === undefined || (until !== null && bucketOf(until, "1d") <= bucketOf(from, "1d"))
      ? []
      : one.grains.map((grain) => {
          const by = one.keys.map(({ name }) => name).join(", ");
          const names = [...one.keys, ...one.measures].map(({ name }) => name).join(", ");
          const end = until === null ? "" : ` AND bucket < ${dateTime(bucketOf(until, grain))}`;
          const where = `bucket >= ${dateTime(bucketOf(from, grain))}${end}`;
          return {
            table: `${one.name}_${grain}`,
            where,
            insert: `INSERT INTO ${one.name}_${grain} (bucket, revision, ${names}) SELECT bucket, revision, ${by}, ${further(one)} FROM ${one.of}_${grain} WHERE ${where} GROUP BY bucket, revision, ${by} ${frugal}`,
          };
        }),
  );

interface Stretch extends TimeRange {
  /** null: from the base. */
  readonly grain: Grain | null;
}

/** Covers a range by the coarsest buckets up to `grain` that lie inside it and are rolled up, and by the base elsewhere. */
export const stretches = (
  available: readonly Grain[],
  grain: Grain,
  range: TimeRange,
  frontiers: Frontiers,
): Stretch[] => {
  const usable = available.filter((one) => grains.indexOf(one) <= grains.indexOf(grain)).toReversed();
  const cover = (from: number, to: number, [coarsest, ...finer]: readonly Grain[]): Stretch[] => {
    if (from >= to) return [];
    if (coarsest === undefined) return [{ from, to, grain: null }];
    const length = grainLength[coarsest];
    const start = Math.ceil(from / length) * length;
    const end = Math.floor(Math.min(to, frontiers[coarsest]) / length) * length;
    if (start >= end) return cover(from, to, finer);
    return [...cover(from, start, finer), { from: start, to: end, grain: coarsest }, ...cover(end, to, finer)];
  };
  const covered = cover(range.from, range.to, usable);
  // An empty range is still a question: it has no rows.
  return covered.length > 0 ? covered : [{ from: range.from, to: range.from, grain: null }];
};

/** A piece of the base that touches a few days, day by day: within one, the hours of sources stand in for it. */
const byDay = (part: Stretch): Stretch[] => {
  const first = bucketOf(part.from, "1d");
  const days = Math.ceil((part.to - first) / grainLength["1d"]);
  if (days < 2 || days > 4) return [part];
  return Array.from({ length: days }, (_, i) => ({
    ...part,
    from: Math.max(part.from, first + i * grainLength["1d"]),
    to: Math.min(part.to, first + (i + 1) * grainLength["1d"]),
  }));
};
/** What a source's hours can tell of its day. */
const hourly: Readonly<Record<string, string>> = {
  packets: "sum(packets)",
  ports: "toUInt32(uniqUpToArray(10)(port_set))",
};

/** Microseconds of the base from which on its order is worth more than that there is less to read. */
const longEdge = 2 * 3_600e6;

export interface SourceOptions {
  /** Measures wanted; all by default. Fewer are cheaper where the base is asked. */
  readonly measures?: readonly string[];
  /** Condition over the roll-up's key columns (they have the base's names), put into every part. */
  readonly where?: string;
  /** Leave out what is rare by the roll-up; `rareSum` says how much that can be. */
  readonly leaders?: boolean;
  /** `where` admits one realm and exercise alone: the rows do not tell them. Grouping the base by them takes twice as long. */
  readonly oneScope?: boolean;
}
const availableOf = (one: Rollup): readonly Grain[] => {
  const finer = one.of === undefined ? undefined : byName.get(one.of);
  return finer === undefined ? one.grains : grains.filter((g) => [...finer.grains, ...one.grains].includes(g));
};
/**
 * What the rows that `leaders` leaves out of a range can sum up to at most for one key of the roll-up, in packets, flows, sources or packets with a
 * mark. Where finer buckets of another roll-up stand in, for one key of those.
 */
export const rareSum = (name: RollupName, grain: Grain, range: TimeRange, frontiers: Frontiers): number => {
  const one = rollupOf(name);
  return stretches(availableOf(one), grain, range, frontiers).reduce((sum, part) => {
    if (part.grain === null) return sum;
    const floor = (one.floors?.[part.grain] ?? byName.get(one.of ?? "")?.floors?.[part.grain] ?? 1) - 1;
    // What is computed from the base may have two rows of a key: of flows, and of aggregates.
    const rows = one.keeps === null && part.grain === availableOf(one)[0] ? 2 : 1;
    return sum + ((part.to - part.from) / grainLength[part.grain]) * floor * rows;
  }, 0);
};

/**
 * A subquery in parentheses for FROM: rows (bucket DateTime('UTC') of `grain`, keys, measures, now) of a roll-up over a range, the
 * open part from the base. Aggregate over it: `sum(packets)`, `uniqCombinedMerge(12)(sources)`. The coarsest buckets that
 * fit are read, so choose the coarsest `grain` that the answer needs. Rows that arrived after their bucket was rolled up
 * appear with its next revision. Of several ranges `now` is 1 in the rows of the first.
 */
export const rollupSource = (
  name: RollupName,
  grain: Grain,
  range: TimeRange | readonly TimeRange[],
  frontiers: Frontiers,
  { measures: wanted, where = "", leaders = false, oneScope = false }: SourceOptions = {},
): string => {
  const one = rollupOf(name);
  const measures = one.measures.filter((m) => wanted === undefined || wanted.includes(m.name));
  // Where all rows are of one realm and exercise nobody asks which.
  const told = one.keys.filter((k) => !oneScope || (k.name !== "realm" && k.name !== "exercise"));
  const keys = told.map((k) => k.name);
  const condition = where === "" ? "" : ` AND (${where})`;
  const both = [...(where === "" ? [] : [`(${where})`]), ...(one.where === undefined ? [] : [one.where])].join(" AND ");
  const ranges = "from" in range ? [range] : range;
  const pieces = ranges.flatMap((span, i) =>
    stretches(availableOf(one), grain, span, frontiers)
      .flatMap((part) => (one.bySource === true && part.grain === null ? byDay(part) : [part]))
      .map((part) => ({ ...part, now: i === 0 ? 1 : 0 })),
  );

  /** All that is read of one table, at once: each table that is read costs the engine some milliseconds. */
  const rolled = (of: Grain): string => {
    const own = pieces.filter((piece) => piece.grain === of);
    const table = one.grains.includes(of) ? one.name : one.of;
    const names = [...keys, ...measures.map((m) => m.name)].join(", ");
    const first = own.filter(({ now }) => now === 1);
    const now = first.length === own.length ? "1" : first.length === 0 ? "0" : bucketIn(first);
    return `SELECT ${of === grain ? "bucket" : `${bucketSql(grain, "bucket")} AS bucket`}, ${names}, now FROM (SELECT *, toUInt8(${now}) AS now FROM ${table}_${of} WHERE ${bucketIn(own)}${leaders ? " AND rare = 0" : ""}${condition} AND ${committed(of, own, frontiers)})`;
  };
  const based = (table: "flows" | "aggregates", part: TimeRange & { readonly now: number }): string => {
    // Readers aggregate in any case: where each row can stand for itself, it does.
    const single = table === "flows" && measures.every((m) => m.row !== undefined);
    const columns = [
      ...told.map((k) =>
        table === "flows" || k.aggregates === k.name
          ? k.name
          : `CAST(${k.aggregates}, '${k.type.replaceAll("'", "\\'")}') AS ${k.name}`,
      ),
      ...measures.map(
        (m) =>
          `CAST(${(single ? m.row : table === "flows" ? m.asked : undefined) ?? m[table]}, '${m.type.replaceAll("'", "\\'")}') AS new_${m.name}`,
      ),
    ];
    const outer = [...keys, ...measures.map((m) => `new_${m.name} AS ${m.name}`)].join(", ");
    // Grouping by one thing less is much cheaper where all lies in one bucket.
    const start = bucketOf(part.from, grain);
    const alone = part.to <= start + grainLength[grain];
    const at = alone ? dateTime(start) : bucketSql(grain, "first_seen");
    const by = [...(alone ? [] : ["bucket"]), ...keys].join(", ");
    const hours =
      one.bySource === true && alone && oneScope && measures.every(({ name: own }) => hourly[own] !== undefined)
        ? sourceRows(part, frontiers, where)
        : undefined;
    if (hours !== undefined) {
      // Sums are added up by the reader.
      const sums = measures.map(({ name: own }) => `${single ? own : hourly[own]} AS new_${own}`);
      return `SELECT ${at} AS bucket, ${outer}, toUInt8(${part.now}) AS now FROM (SELECT ${[...keys, ...sums].join(", ")} FROM ${hours}${single ? "" : ` GROUP BY ${by}`})`;
    }
    const rows =
      table === "flows"
        ? flowRows(part, frontiers, both, one.bySource === true ? longEdge : Infinity)
        : `aggregates WHERE first_seen >= ${dateTime64(part.from)} AND first_seen < ${dateTime64(part.to)}${both === "" ? "" : ` AND ${both}`}`;
    return `SELECT ${alone ? at : "bucket"} AS bucket, ${outer}, toUInt8(${part.now}) AS now FROM (SELECT ${alone ? "" : `${at} AS bucket, `}${columns.join(", ")} FROM ${rows}${single ? "" : ` GROUP BY ${by}`})`;
  };
  const parts = [
    ...grains.toReversed().flatMap((of) => (pieces.some((piece) => piece.grain === of) ? [rolled(of)] : [])),
    ...pieces.flatMap((piece) =>
      piece.grain !== null
        ? []
        : one.keeps === null && frontiers.stormy?.(piece) !== false
          ? [based("flows", piece), based("aggregates", piece)]
          : [based("flows", piece)],
    ),
  ];
  return `(${parts.join("\nUNION ALL\n")})`;
};

/** Roll-ups as they stand at one moment, for the questions asked then. */
export const rollUpsAt = (
  frontiers: Frontiers,
): {
  source(name: RollupName, grain: Grain, range: TimeRange | readonly TimeRange[], options?: SourceOptions): string;
  rows(range: TimeRange, where: string, long?: number): string;
  rareSum(name: RollupName, grain: Grain, range: TimeRange): number;
} => ({
  rows: (range, where, long) => flowRows(range, frontiers, where, long),
  source: (name, grain, range, options) => rollupSource(name, grain, range, frontiers, options),
  rareSum: (name, grain, range) => rareSum(name, grain, range, frontiers),
});
