// SPDX-License-Identifier: Apache-2.0
import { aggregateColumns, flowColumns } from "../../model/flows.ts";
import type { ColumnKind, ColumnTable } from "../../model/flows.ts";
import { classes } from "../../model/traffic.ts";
import type { Retention } from "./retention.ts";

/** One column of a table in the engine. */
export interface EngineColumn {
  readonly name: string;
  readonly type: string;
  /** ZSTD(1) by default: a third smaller than LZ4 on these rows, at the same cost of an insert. */
  readonly codec?: string;
  /** Expression of a column that is computed when asked for, not stored. */
  readonly alias?: string;
  /** Expression of a column that the engine computes and stores at an insert. */
  readonly made?: string;
  readonly doc: string;
}
export interface EngineTable {
  readonly name: string;
  readonly columns: readonly EngineColumn[];
  readonly orderBy: string;
  readonly partitionBy: string;
  /** The time column that retention counts from, and which of the retentions applies. */
  readonly keeps: { readonly by: string; readonly days: keyof Retention } | null;
  /** Blocks whose tokens are remembered: appending is once only inside this window. 0 for tables that need none. */
  readonly remembers: number;
  /** Rows between two marks of the index; the engine's 8,192 by default. */
  readonly granularity?: number;
}

const time = "DateTime64(6, 'UTC')";
export const classType = `Enum8(${classes.map((name, code) => `'${name}' = ${code}`).join(", ")})`;
const types: Readonly<Record<ColumnKind, string>> = {
  time,
  ip: "IPv6",
  u8: "UInt8",
  u16: "UInt16",
  u32: "UInt32",
  u64: "UInt64",
  pair: "UInt64",
  class: classType,
  u16s: "Array(UInt16)",
  u32s: "Array(UInt32)",
  bytes: "String",
};

/** The engine's type of a column of the model. */
export const engineType = (kind: ColumnKind, optional: boolean): string =>
  optional ? `Nullable(${types[kind]})` : types[kind];

/** Protocol and port in one number: grouping by it is twice as fast as by two columns, one of them Nullable. */
export const packed = "toUInt32(toUInt32(protocol) * 131072 + ifNull(toUInt32(dst_port), 65536))";
/** SYN and UDP: what asks for a port. */
export const asking = "class IN ('tcp-syn', 'udp')";
/**
 * What a source asked for by itself: a server under attack answers to as many ports as were forged. (Days from before this was told apart, whose rows are gone,
 * keep those among the ports; of the others `victim`, new in the recent rows, has all roll-ups computed again when a store is opened.)
 */
export const itself = `${asking} AND victim IS NULL`;

/** Columns that every table has whose rows are computed bucket by bucket. */
export const bucketColumns: readonly EngineColumn[] = [
  { name: "bucket", type: "DateTime('UTC')", codec: "T64, ZSTD(1)", doc: "start of the bucket" },
  { name: "revision", type: "UInt64", codec: "T64, ZSTD(1)", doc: "computation that wrote the row" },
];

/** Columns that stand once in a batch's head and in every row of the store. */
const headColumns: readonly EngineColumn[] = [
  { name: "sensor", type: "LowCardinality(String)", doc: "the sensor that sent the row" },
  { name: "realm", type: "LowCardinality(String)", doc: "'' is the shared realm; any other its member's own" },
  { name: "exercise", type: "LowCardinality(String)", doc: "'' is real; else the exercise the row belongs to" },
];
const originColumns: readonly EngineColumn[] = [
  { name: "src_asn", type: "Nullable(UInt32)", doc: "origin AS of the source, by the prefix data at arrival" },
  { name: "src_cc", type: "LowCardinality(Nullable(String))", doc: "country of the source (ISO 3166-1), likewise" },
];

/**
 * A table of the model. `last_seen` is kept as the time since `first_seen`, which is 0 in most rows (one byte instead of
 * six), and is there to be asked for as in the model.
 */
const fromModel = (table: ColumnTable): EngineColumn[] =>
  Object.entries(table).flatMap(([name, { kind, optional, doc }]): EngineColumn[] => {
    const type = engineType(kind, optional === true);
    if (name === "first_seen") return [{ name, type, codec: "Delta(8), ZSTD(1)", doc }];
    // Noise does not shrink: the cheaper codec keeps it as it is.
    if (name === "dst_tokens" || name === "sample_ports") return [{ name, type, codec: "LZ4", doc }];
    if (name !== "last_seen") return [{ name, type, doc }];
    return [
      { name: "duration", type: "UInt32", doc: "microseconds from the first to the last packet" },
      { name, type, alias: "addMicroseconds(first_seen, duration)", doc },
    ];
  });
/** Columns that an insert fills. */
export const storedColumns = (table: EngineTable): string[] =>
  table.columns.filter(({ alias, made }) => alias === undefined && made === undefined).map(({ name }) => name);

const dedupWindow = 100_000;

export const flowsTable: EngineTable = {
  name: "flows",
  columns: [...headColumns, ...fromModel(flowColumns), ...originColumns],
  orderBy: "(src, first_seen)",
  partitionBy: "toYYYYMMDD(first_seen)",
  keeps: { by: "first_seen", days: "sources" },
  remembers: dedupWindow,
  // A source has some hundred rows a day: with the usual marks a look at one reads twenty others.
  granularity: 1024,
};

export const aggregatesTable: EngineTable = {
  name: "aggregates",
  columns: [...headColumns, ...fromModel(aggregateColumns)],
  orderBy: "first_seen",
  partitionBy: "toYYYYMMDD(first_seen)",
  keeps: { by: "first_seen", days: "sources" },
  remembers: dedupWindow,
};

/** One row a batch; written last, so that a batch is in the store when its report is. */
export const reportsTable: EngineTable = {
  name: "reports",
  columns: [
    ...headColumns,
    { name: "sequence", type: "UInt64", doc: "number of the batch" },
    { name: "hash", type: "String", doc: "hash of the batch" },
    {
      name: "stamp",
      type: "UInt64",
      doc: "counts with the revisions of roll-ups: a bucket's revision covers the batches with smaller stamps",
    },
    { name: "interval", type: time, doc: "start of the flow interval" },
    { name: "interval_length", type: "UInt64", doc: "length of the flow interval, microseconds" },
    { name: "received", type: time, doc: "when the node received the batch" },
    { name: "watermark", type: time, doc: "event time that the sensor has passed" },
    { name: "closed_at", type: time, doc: "the sensor's clock when the batch was closed" },
    { name: "clock_offset", type: "Nullable(Int64)", doc: "sensor clock minus node clock, microseconds" },
    { name: "read", type: "UInt64", doc: "packets taken from the capture" },
    { name: "counted", type: "UInt64", doc: "packets that made a flow" },
    { name: "not_dark", type: "UInt64", doc: "packets not from outside to a declared dark prefix" },
    { name: "undecoded", type: "Map(LowCardinality(String), UInt64)", doc: "packets not decoded, by kind" },
    { name: "retired", type: "UInt64", doc: "packets to retired dark addresses" },
    { name: "dropped_by_kernel", type: "UInt64", doc: "packets lost in the kernel" },
    { name: "dropped_by_interface", type: "UInt64", doc: "packets lost in the interface" },
    { name: "dark_addresses", type: "UInt64", doc: "IPv4 dark addresses in force; above 2^32 it watches IPv6" },
    { name: "spool_bytes", type: "UInt64", doc: "bytes waiting in the sensor's spool" },
    { name: "spool_lost", type: "UInt64", doc: "batches lost for want of spool" },
    { name: "degraded", type: "Bool", doc: "part of the interval is in aggregates" },
    { name: "flow_rows", type: "UInt32", doc: "rows of the batch in flows" },
    { name: "aggregate_rows", type: "UInt32", doc: "rows of the batch in aggregates" },
  ],
  orderBy: "(sensor, interval, sequence)",
  partitionBy: "toYYYYMM(interval)",
  keeps: { by: "interval", days: "coarse" },
  remembers: dedupWindow,
};

/** Names of origin ASes, from the prefix data in force: replaced whole when the data are. */
export const networksTable: EngineTable = {
  name: "networks",
  columns: [
    { name: "asn", type: "UInt32", doc: "AS number" },
    { name: "name", type: "String", doc: "its name in the prefix data" },
  ],
  orderBy: "asn",
  partitionBy: "tuple()",
  keeps: null,
  remembers: 0,
};

/** Which batches are in the store, as runs of sequence numbers: a snapshot, so that opening need not read all reports. */
export const sequencesTable: EngineTable = {
  name: "sequences",
  columns: [
    { name: "snapshot", type: "UInt64", doc: "covers the batches up to this stamp; the newest is in force" },
    { name: "sensor", type: "String", doc: "the sensor" },
    { name: "first", type: "UInt64", doc: "first number of the run" },
    { name: "last", type: "UInt64", doc: "last number of the run" },
  ],
  orderBy: "(snapshot, sensor, first)",
  partitionBy: "tuple()",
  keeps: null,
  remembers: 0,
};

export const baseTables: readonly EngineTable[] = [
  flowsTable,
  aggregatesTable,
  reportsTable,
  networksTable,
  sequencesTable,
];
