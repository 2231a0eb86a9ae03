// SPDX-License-Identifier: Apache-2.0

/**
 * A batch on its way: fixed part (16 bytes), head (JSON), body (zstd). All numbers are little-endian.
 *
 *   "LYB" and 0 | u16 version | u16 0 | u32 bytes of the head | u32 bytes of the body, decompressed | head | packed body
 *
 * The body is one column after another in the order of the version's layout: plain columns as they are, times as 32-bit
 * offsets from the interval's start; a presence byte a row after the values of optional columns (absent values are 0); a
 * 16-bit length a row before the values of list columns.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { aggregateColumns, emptyColumns, flowColumns, wordsOf } from "../model/flows.ts";
import type { ColumnData, ColumnKind, ColumnTable, FlowBatch, Rows } from "../model/flows.ts";
import type { SensorReport } from "../model/report.ts";
import { checkAggregates, checkFlows } from "./check.ts";
import { limits, parseHead } from "./head.ts";
import type { BatchHead } from "./head.ts";
import { Refusal, refuse } from "./refusal.ts";
import { BATCH_VERSION, layouts } from "./versions.ts";

const FIXED = 16;
const MAGIC = 0x0042594c; // "LYB" and 0
/** 16 MiB: far above what the packer uses for bodies of this size, far below what a hostile frame may ask for. */
const WINDOW_LOG = 24;

type Values = Uint8Array | Uint16Array | Uint32Array | Float64Array;
const sizes: Readonly<Record<ColumnKind, number>> = {
  time: 4,
  ip: 4,
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  pair: 4,
  class: 1,
  u16s: 2,
  u32s: 4,
  bytes: 1,
};
const isList = (kind: ColumnKind): boolean => kind === "u16s" || kind === "u32s" || kind === "bytes";
const asBytes = (values: Values): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const column = (rows: { readonly columns: object }, name: string): ColumnData =>
  (rows.columns as Readonly<Record<string, ColumnData>>)[name] as ColumnData;

const bodySize = (table: ColumnTable, names: readonly string[], rows: Rows<ColumnTable>): number => {
  let total = 0;
  for (const name of names) {
    const { kind, optional } = table[name] as ColumnTable[string];
    const { ends } = column(rows, name);
    const listed = ends === undefined || rows.count === 0 ? 0 : (ends[rows.count - 1] ?? 0);
    total += isList(kind) ? 2 * rows.count + sizes[kind] * listed : sizes[kind] * wordsOf(kind) * rows.count;
    if (optional) total += rows.count;
  }
  return total;
};

const pack = (
  table: ColumnTable,
  names: readonly string[],
  rows: Rows<ColumnTable>,
  interval: number,
  body: Uint8Array,
  start: number,
): number => {
  let at = start;
  const put = (values: Values): void => {
    body.set(asBytes(values), at);
    at += values.byteLength;
  };
  const { count } = rows;
  for (const name of names) {
    const { kind } = table[name] as ColumnTable[string];
    const { values, present, ends } = column(rows, name);
    if (ends !== undefined) {
      const lengths = new Uint16Array(count);
      for (let i = 0; i < count; i++) lengths[i] = (ends[i] ?? 0) - (i === 0 ? 0 : (ends[i - 1] ?? 0));
      put(lengths);
      put(values.subarray(0, count === 0 ? 0 : ends[count - 1]));
    } else if (kind === "time") {
      const offsets = new Uint32Array(count);
      for (let i = 0; i < count; i++) offsets[i] = (values[i] ?? 0) - interval;
      put(offsets);
    } else if (present === undefined) put(values.subarray(0, count * wordsOf(kind)));
    else {
      const row = wordsOf(kind) * values.BYTES_PER_ELEMENT;
      put(values.subarray(0, count * wordsOf(kind)));
      // What an absent value's place holds is left over from other rows: it does not leave the sensor.
      const from = at - count * row;
      for (let i = 0; i < count; i++) if (present[i] === 0) body.fill(0, from + i * row, from + (i + 1) * row);
      put(present.subarray(0, count));
    }
  }
  return at;
};

/** Packets in a batch's rows. */
export const packetsIn = (batch: FlowBatch): number => {
  let sum = 0;
  for (let i = 0; i < batch.flows.count; i++) sum += batch.flows.columns.packets.values[i] ?? 0;
  for (let i = 0; i < batch.aggregates.count; i++) sum += batch.aggregates.columns.packets.values[i] ?? 0;
  return sum;
};

let scratch = new Uint8Array(0);

/** A batch whose rows are packed: it owns its bytes, and waits for its sequence and report. */
export interface PackedBatch {
  readonly version: number;
  readonly head: Omit<BatchHead, "sequence" | "report">;
  readonly size: number;
  readonly body: Uint8Array;
}

/** Packs the rows of a batch, which must keep to `limits`. Older versions are for tests: what they cannot carry is left out. */
export const packBatch = (batch: FlowBatch, version = BATCH_VERSION): PackedBatch => {
  const layout = layouts[version];
  if (layout === undefined) throw new RangeError(`no batch format ${version}`);
  const aggregates = layout.aggregates.length === 0 ? { ...batch.aggregates, count: 0 } : batch.aggregates;
  const { sensor, realm, exercise, interval, intervalLength, degraded, flows } = batch;
  const size = bodySize(flowColumns, layout.flows, flows) + bodySize(aggregateColumns, layout.aggregates, aggregates);
  if (size > limits.body || flows.count > limits.flows || aggregates.count > limits.aggregates) {
    throw new RangeError("a batch above its limits");
  }
  // Kept from batch to batch: megabytes of garbage a second would cost the sensor more memory than all its tables.
  if (scratch.length < size) scratch = new Uint8Array(Math.max(size, 1 << 20));
  const body = scratch.subarray(0, size);
  const middle = pack(flowColumns, layout.flows, flows, interval, body, 0);
  pack(aggregateColumns, layout.aggregates, aggregates, interval, body, middle);
  return {
    version,
    head: {
      sensor,
      realm,
      exercise,
      interval,
      intervalLength,
      degraded,
      flows: flows.count,
      aggregates: aggregates.count,
    },
    size,
    body: zstdCompressSync(body),
  };
};

/** The bytes of a packed batch. `report.counted` must be the packets in its rows (`packetsIn`). */
export const sealBatch = (packed: PackedBatch, sequence: number, report: SensorReport): Uint8Array => {
  const json = new TextEncoder().encode(JSON.stringify({ ...packed.head, sequence, report } satisfies BatchHead));
  const bytes = new Uint8Array(FIXED + json.length + packed.body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, packed.version, true);
  view.setUint32(8, json.length, true);
  view.setUint32(12, packed.size, true);
  bytes.set(json, FIXED);
  bytes.set(packed.body, FIXED + json.length);
  return bytes;
};

/** A batch of this program's own making under another sequence, telling other losses. */
export const renumberBatch = (bytes: Uint8Array, sequence: number, spoolLost: number): Uint8Array => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = FIXED + view.getUint32(8, true);
  const { report, ...head } = parseHead(new TextDecoder().decode(bytes.subarray(FIXED, end)));
  const packed = { version: view.getUint16(4, true), head, size: view.getUint32(12, true), body: bytes.subarray(end) };
  return sealBatch(packed, sequence, { ...report, spoolLost });
};

export const encodeBatch = (
  batch: FlowBatch,
  sequence: number,
  report: SensorReport,
  version = BATCH_VERSION,
): Uint8Array => sealBatch(packBatch(batch, version), sequence, report);

const unpack = <T extends ColumnTable>(
  table: T,
  names: readonly string[],
  count: number,
  head: BatchHead,
  body: Uint8Array,
  start: number,
): { rows: Rows<T>; end: number } => {
  const rows: Rows<T> = { count, columns: emptyColumns(table, count, 0) };
  let at = start;
  const take = (length: number): ArrayBuffer => {
    if (length > body.length - at) refuse("the body is too short");
    // A copy of its own: the column may need another alignment, and Buffer.slice would not copy.
    const copy = new Uint8Array(length);
    copy.set(body.subarray(at, at + length));
    at += length;
    return copy.buffer;
  };
  for (const name of names) {
    const { kind, optional } = table[name] as ColumnTable[string];
    const data = column(rows, name);
    let elements = count * wordsOf(kind);
    if (data.ends !== undefined) {
      const lengths = new Uint16Array(take(2 * count));
      elements = 0;
      for (let i = 0; i < count; i++) data.ends[i] = elements += lengths[i] ?? 0;
    }
    const buffer = take(sizes[kind] * elements);
    if (kind === "time") {
      const offsets = new Uint32Array(buffer);
      for (let i = 0; i < count; i++) {
        const offset = offsets[i] ?? 0;
        if (offset >= head.intervalLength) refuse(`${name} lies outside the interval`);
        data.values[i] = head.interval + offset;
      }
    } else if (sizes[kind] === 1) data.values = new Uint8Array(buffer);
    else if (sizes[kind] === 2) data.values = new Uint16Array(buffer);
    else if (sizes[kind] === 4) data.values = new Uint32Array(buffer);
    else data.values = new Float64Array(buffer);
    if (optional) {
      const present = new Uint8Array(take(count));
      const words = wordsOf(kind);
      for (let i = 0; i < count; i++) {
        if ((present[i] ?? 0) > 1) refuse(`${name} is neither present nor absent`);
        for (let k = i * words; present[i] === 0 && k < (i + 1) * words; k++) {
          if (data.values[k] !== 0) refuse(`${name} has a value where it is absent`);
        }
      }
      data.present = present;
    }
  }
  return { rows, end: at };
};

export interface DecodedBatch {
  readonly version: number;
  readonly sequence: number;
  readonly batch: FlowBatch;
  readonly report: SensorReport;
}
export type Decoded =
  | ({ readonly ok: true } & DecodedBatch)
  | { readonly ok: false; readonly code: "BATCH_INVALID" | "BATCH_VERSION"; readonly reason: string };

const inflate = (packed: Uint8Array, size: number): Uint8Array => {
  let body: Uint8Array;
  try {
    body = zstdDecompressSync(packed, {
      maxOutputLength: Math.max(1, size),
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG },
    });
  } catch (error) {
    return refuse(
      (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE"
        ? "the body is larger than it says"
        : "the body is not zstd",
    );
  }
  return body.length === size ? body : refuse("the body is smaller than it says");
};

const decode = (bytes: Uint8Array, version: number): DecodedBatch => {
  const layout = layouts[version] ?? refuse("unknown version");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headLength = view.getUint32(8, true);
  const bodyLength = view.getUint32(12, true);
  if (view.getUint16(6, true) !== 0) refuse("reserved bytes are not 0");
  if (headLength > limits.head || headLength > bytes.length - FIXED)
    refuse("the head is longer than allowed or than the batch");
  if (bodyLength > limits.body) refuse("the body is longer than allowed");
  if (bytes.length - FIXED - headLength > limits.packed) refuse("the packed body is longer than allowed");
  const head = parseHead(new TextDecoder().decode(bytes.subarray(FIXED, FIXED + headLength)));
  if (layout.aggregates.length === 0 && head.aggregates > 0) refuse("this version has no aggregates");
  const body = inflate(bytes.subarray(FIXED + headLength), bodyLength);
  const flows = unpack(flowColumns, layout.flows, head.flows, head, body, 0);
  const aggregates = unpack(aggregateColumns, layout.aggregates, head.aggregates, head, body, flows.end);
  if (aggregates.end !== body.length) refuse("bytes are left over in the body");
  if (checkFlows(flows.rows) + checkAggregates(aggregates.rows) !== head.report.counted) {
    refuse("the packets in the rows are not those that the report counts");
  }
  return {
    version,
    sequence: head.sequence,
    report: head.report,
    batch: {
      sensor: head.sensor,
      realm: head.realm,
      exercise: head.exercise,
      interval: head.interval,
      intervalLength: head.intervalLength,
      degraded: head.degraded,
      flows: flows.rows,
      aggregates: aggregates.rows,
    },
  };
};

/** The version a batch says it has; 0 when it is no batch. */
export const versionOf = (bytes: Uint8Array): number => {
  if (bytes.length < FIXED) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(0, true) === MAGIC ? view.getUint16(4, true) : 0;
};

/** Bytes of a batch's body when it is unpacked, as its head says; 0 where these bytes are too few for a head. */
export const bodyBytes = (bytes: Uint8Array): number =>
  bytes.length < FIXED ? 0 : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(12, true);

/** A batch from its bytes. Total: hostile bytes are refused with a reason, in memory bounded by `limits`. */
export const decodeBatch = (bytes: Uint8Array): Decoded => {
  const version = versionOf(bytes);
  if (version === 0) return { ok: false, code: "BATCH_INVALID", reason: "these bytes are no batch" };
  if (layouts[version] === undefined) {
    return { ok: false, code: "BATCH_VERSION", reason: `batch format ${version} is not known here` };
  }
  try {
    return { ok: true, ...decode(bytes, version) };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, code: "BATCH_INVALID", reason: error.message };
    throw error; // a bug, not a batch
  }
};
