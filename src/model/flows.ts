// SPDX-License-Identifier: Apache-2.0

/**
 * The flow row, written once: table definition, batch codec and store insert are derived from this list.
 *
 * One row per (sensor, realm, exercise, src, victim, protocol, dst_port, class, signature, inner_protocol, inner_port) and
 * flush. Rows add up: counters add, first/minimum and last/maximum combine, flags unite. A row never crosses a boundary of
 * the flow interval. `sensor`, `realm` and `exercise` are the same for a whole batch and stand in its head.
 */
export type ColumnKind =
  | "time" // Float64Array, microseconds since 1970 UTC, whole
  | "ip" // Uint32Array, four words a row
  | "u8"
  | "u16"
  | "u32"
  | "u64" // Float64Array, whole numbers below 2^53
  | "pair" // Uint32Array, two words a row: high, low
  | "class" // Uint8Array, code of traffic.ts
  | "u16s" // a list a row: values, and `ends` (exclusive, cumulative)
  | "u32s"
  | "bytes"; // a byte string a row (possibly empty): values and `ends`

interface Column {
  readonly kind: ColumnKind;
  /** May be absent in a row (NULL in the store). */
  readonly optional?: true;
  readonly doc: string;
}

const spoof = (doc: string): Column => ({ kind: "u32", doc: `packets with this spoof reason: ${doc}` });

export const flowColumns = {
  first_seen: { kind: "time", doc: "time of the first packet" },
  last_seen: { kind: "time", doc: "time of the last packet" },
  src: { kind: "ip", doc: "source address as seen; for backscatter the sender of the reply" },
  victim: {
    kind: "ip",
    optional: true,
    doc: "backscatter only: the attacked host. The source of SYN-ACK, RST and other replies; the inner destination of ICMP errors",
  },
  protocol: { kind: "u8", doc: "IP protocol number" },
  dst_port: {
    kind: "u16",
    optional: true,
    doc: "destination port; for SYN-ACK and RST the source port (ORION). Absent without ports",
  },
  class: { kind: "class", doc: "traffic type (traffic.ts)" },
  signature: { kind: "pair", optional: true, doc: "SYN signature (signature.ts)" },
  inner_protocol: { kind: "u8", optional: true, doc: "ICMP errors: protocol of the quoted packet" },
  inner_port: { kind: "u16", optional: true, doc: "ICMP errors: destination port of the quoted packet" },
  icmp_mismatches: { kind: "u32", doc: "ICMP errors whose quoted source is not the dark address they were sent to" },
  packets: { kind: "u32", doc: "packets" },
  bytes: { kind: "u64", doc: "sum of IP total lengths" },
  dst_count: { kind: "u32", doc: "distinct dark addresses in this row: exact up to 1,024, then estimated" },
  dst_tokens: {
    kind: "u32s",
    doc: "one keyed 32-bit token per distinct dark address, ascending, while dst_registers is empty",
  },
  dst_registers: {
    kind: "bytes",
    doc: "empty, or the 4,096 one-byte HyperLogLog registers that replace the tokens of a row with more than 1,024: register = token & 4095, value = leading zeros of the token's upper 20 bits + 1",
  },
  sample_offsets: { kind: "u32s", doc: "up to four samples: microseconds since first_seen" },
  sample_ports: {
    kind: "u16s",
    doc: "source ports of the same samples (needed behind carrier NAT); of SYN-ACK and RST the destination ports",
  },
  src_port_count: { kind: "u16", doc: "distinct source ports in this row (estimate above 64)" },
  dst_port_count: {
    kind: "u16",
    doc: "backscatter: distinct destination ports in this row (estimate above 64), else 1 or 0",
  },
  ttl_min: { kind: "u8", doc: "smallest TTL" },
  ttl_max: { kind: "u8", doc: "largest TTL" },
  tcp_flags: { kind: "u8", doc: "union of TCP flags" },
  mirai: { kind: "u32", doc: "packets whose TCP sequence number is the destination address" },
  zmap: { kind: "u32", doc: "packets with IP ID 54321" },
  masscan: { kind: "u32", doc: "packets with masscan's IP ID" },
  stateless: { kind: "u32", doc: "packets of the large-scale-scan shape" },
  spoof_protocol: spoof("abnormal protocol or flags"),
  spoof_ttl: spoof("TTL >= 200 without the stateless shape"),
  spoof_fragment: spoof("fragment"),
  spoof_last_octet: spoof("source ends in .0 or .255"),
  spoof_same: spoof("source equals destination"),
  spoof_port_zero: spoof("port 0"),
  spoof_udp_80: spoof("UDP to port 80"),
  udp_length_min: { kind: "u16", optional: true, doc: "UDP: smallest payload length" },
  udp_length_max: { kind: "u16", optional: true, doc: "UDP: largest payload length" },
} as const satisfies Record<string, Column>;

/** Rows of the last resort: what a storm of sources is folded into when the flow table cannot hold it. */
export const aggregateColumns = {
  first_seen: { kind: "time", doc: "time of the first packet" },
  last_seen: { kind: "time", doc: "time of the last packet" },
  protocol: { kind: "u8", doc: "IP protocol number" },
  dst_port: { kind: "u16", optional: true, doc: "as in a flow row" },
  class: { kind: "class", doc: "traffic type" },
  packets: { kind: "u32", doc: "packets" },
  bytes: { kind: "u64", doc: "sum of IP total lengths" },
  src_count: { kind: "u32", doc: "distinct sources, estimated" },
  src_registers: { kind: "bytes", doc: "4,096 HyperLogLog registers over keyed source tokens (form as dst_registers)" },
} as const satisfies Record<string, Column>;

export type ColumnTable = Readonly<Record<string, Column>>;
export interface ColumnData<A = Uint8Array | Uint16Array | Uint32Array | Float64Array> {
  values: A;
  /** 1 where the row has a value; only of optional columns. */
  present?: Uint8Array;
  /** Where each row's list ends; only of list columns. */
  ends?: Uint32Array;
}
type ArrayOf<K extends ColumnKind> = K extends "time" | "u64"
  ? Float64Array
  : K extends "u8" | "class" | "bytes"
    ? Uint8Array
    : K extends "u16" | "u16s"
      ? Uint16Array
      : Uint32Array;
type IsList<K extends ColumnKind> = K extends "u16s" | "u32s" | "bytes" ? true : false;
export type Columns<T extends ColumnTable> = {
  readonly [N in keyof T]: { values: ArrayOf<T[N]["kind"]> } & (T[N] extends { optional: true }
    ? { present: Uint8Array }
    : { present?: never }) &
    (IsList<T[N]["kind"]> extends true ? { ends: Uint32Array } : { ends?: never });
};

/** Rows in columns. Arrays may be longer than `count` (times the words a row takes); what lies behind is not part of the batch. */
export interface Rows<T extends ColumnTable> {
  count: number;
  columns: Columns<T>;
}
export type FlowRows = Rows<typeof flowColumns>;
export type AggregateRows = Rows<typeof aggregateColumns>;

/** Words (array elements) that one row takes in a column that is no list. */
export const wordsOf = (kind: ColumnKind): number => (kind === "ip" ? 4 : kind === "pair" ? 2 : 1);

const arrayOf = (kind: ColumnKind, length: number): Uint8Array | Uint16Array | Uint32Array | Float64Array => {
  if (kind === "time" || kind === "u64") return new Float64Array(length);
  if (kind === "u8" || kind === "class" || kind === "bytes") return new Uint8Array(length);
  if (kind === "u16" || kind === "u16s") return new Uint16Array(length);
  return new Uint32Array(length);
};

/** Empty columns with room for `rows` rows and `listed` list elements a list column. */
export const emptyColumns = <T extends ColumnTable>(table: T, rows: number, listed = rows): Columns<T> =>
  Object.fromEntries(
    Object.entries(table).map(([name, { kind, optional }]) => {
      const list = kind === "u16s" || kind === "u32s" || kind === "bytes";
      const data: ColumnData = { values: arrayOf(kind, list ? (kind === "bytes" ? 0 : listed) : rows * wordsOf(kind)) };
      if (optional) data.present = new Uint8Array(rows);
      if (list) data.ends = new Uint32Array(rows);
      return [name, data];
    }),
  ) as Columns<T>;

/** What the flow table hands on when it flushes: rows of one flow interval. */
export interface FlowBatch {
  readonly sensor: string;
  /** "" is the shared realm; any other is visible to its member only. */
  readonly realm: string;
  /** "" is real. */
  readonly exercise: string;
  /** Start of the flow interval, microseconds; every row lies inside [interval, interval + intervalLength). */
  readonly interval: number;
  readonly intervalLength: number;
  readonly flows: FlowRows;
  readonly aggregates: AggregateRows;
  /** Some packets of this interval are in `aggregates`: distinct counts and sources are incomplete. */
  readonly degraded: boolean;
}

/** A copy that owns its arrays, cut to what the rows use: what may outlive the flush, cross to another thread or be stored. */
export const copyRows = <T extends ColumnTable>(table: T, rows: Rows<T>): Rows<T> => ({
  count: rows.count,
  columns: Object.fromEntries(
    Object.entries(table).map(([name, { kind }]) => {
      const from = (rows.columns as Readonly<Record<string, ColumnData>>)[name]!;
      const used =
        from.ends === undefined ? rows.count * wordsOf(kind) : rows.count === 0 ? 0 : from.ends[rows.count - 1]!;
      const data: ColumnData = { values: from.values.slice(0, used) };
      if (from.present !== undefined) data.present = from.present.slice(0, rows.count);
      if (from.ends !== undefined) data.ends = from.ends.slice(0, rows.count);
      return [name, data];
    }),
  ) as Columns<T>,
});

/** A copy of a whole batch (see `copyRows`). */
export const copyBatch = (batch: FlowBatch): FlowBatch => ({
  ...batch,
  flows: copyRows(flowColumns, batch.flows),
  aggregates: copyRows(aggregateColumns, batch.aggregates),
});
