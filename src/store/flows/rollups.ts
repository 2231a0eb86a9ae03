// SPDX-License-Identifier: Apache-2.0
import type { Grain } from "./buckets.ts";
import { portPartsTable, recentPortPartsTable } from "./port-parts.ts";
import { recentSourcesTable, recentTable } from "./recent.ts";
import { asking, bucketColumns, classType, itself, packed } from "./schema.ts";
import type { EngineColumn, EngineTable } from "./schema.ts";

/*
 * Roll-ups: what a bucket of 5 minutes, an hour or a day sums up to, computed from the rows below it when the bucket closes
 * and again when late rows reopen it. Each computation of a bucket has a revision of its own; the line in `rollup_revisions` that
 * names it is the commit, so a computation cut short is never seen. Rows of one key may be several: readers always
 * aggregate. `rollup-run.ts` knows which buckets are due, `rollup-compute.ts` has the statements that compute them, `rollup-read.ts` those that ask.
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
export interface Rollup {
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
        flows: `toUInt32(uniqExactIf(${packed}, ${itself}))`,
        asked: `toUInt32(uniqUpToIf(10)(${packed}, ${itself}))`,
        aggregates: "0",
        merge: "max(ports)",
        doc: "distinct (protocol, port) of the day that it asked for, by SYN or UDP that answers nobody; over 10 are 11 where the base answers",
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
/** All of them, whatever is read of one. */
export const rollupsByName = new Map<string, Rollup>(rollups.map((one) => [one.name, one]));

export const rollupTable = (name: RollupName, grain: Grain): string => `${name}_${grain}`;

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
/** What there is of the last days alone. */
export const recentTables: readonly EngineTable[] = [recentTable, recentSourcesTable, recentPortPartsTable];
export const rollupTables: readonly EngineTable[] = [
  revisionsTable,
  ...recentTables,
  portPartsTable,
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
