// SPDX-License-Identifier: Apache-2.0
import { aggregateColumns, flowColumns, wordsOf } from "../../model/flows.ts";
import type { ColumnData, ColumnKind, ColumnTable, FlowBatch } from "../../model/flows.ts";
import type { OriginTable } from "../../net/ranges.ts";
import { engineType } from "./schema.ts";

/**
 * ClickHouse's Native format: one block of columns, written by copying typed arrays.
 *
 * A block is: number of columns, number of rows (LEB128), then for each column its name, its type (length-prefixed text) and
 * its values, little-endian. Array = one UInt64 end a row, then the values. Nullable = one byte a row (1 = NULL), then
 * the values. LowCardinality = version, flags, dictionary, indexes. Columns that hold nothing but zeros or NULLs are left out: the
 * engine fills them in, and most batches have a dozen.
 */

const text = new TextEncoder();

/** Bytes that grow. One may serve many blocks, one after another: pages once touched stay. */
export interface Sink<B extends ArrayBufferLike = ArrayBufferLike> {
  bytes: Uint8Array<B>;
  view: DataView;
  at: number;
}
const sinkIn = <B extends ArrayBufferLike>(buffer: B): Sink<B> => ({
  bytes: new Uint8Array(buffer),
  view: new DataView(buffer),
  at: 0,
});
export const nativeSink = (length = 0): Sink<ArrayBuffer> => sinkIn(new ArrayBuffer(length));
/** A sink in memory that threads share, old or new. It stays so when it grows. */
export const sharedSink = (memory: SharedArrayBuffer | number): Sink<SharedArrayBuffer> =>
  sinkIn(typeof memory === "number" ? new SharedArrayBuffer(memory) : memory);

const reserve = (sink: Sink, length: number): number => {
  const at = sink.at;
  if (at + length > sink.bytes.length) {
    const enough = Math.max(sink.bytes.length * 2, at + length);
    const shared = sink.bytes.buffer instanceof SharedArrayBuffer;
    const larger = new Uint8Array(shared ? new SharedArrayBuffer(enough) : new ArrayBuffer(enough));
    larger.set(sink.bytes.subarray(0, at));
    sink.bytes = larger;
    sink.view = new DataView(larger.buffer);
  }
  sink.at = at + length;
  return at;
};

const putVarint = (sink: Sink, value: number): void => {
  let at = reserve(sink, 5);
  while (value >= 128) {
    sink.bytes[at++] = (value % 128) | 128;
    value = Math.floor(value / 128);
  }
  sink.bytes[at++] = value;
  sink.at = at;
};
/** Texts of fewer than 128 bytes need one byte for their length, which is known afterwards. */
const putText = (sink: Sink, value: string): void => {
  const most = 3 * value.length;
  if (most < 128) {
    const at = reserve(sink, 1 + most);
    const { written } = text.encodeInto(value, sink.bytes.subarray(at + 1));
    sink.bytes[at] = written;
    sink.at = at + 1 + written;
    return;
  }
  const bytes = text.encode(value);
  putVarint(sink, bytes.length);
  const at = reserve(sink, bytes.length);
  sink.bytes.set(bytes, at);
};
const putU64 = (sink: Sink, value: number): void => {
  const at = reserve(sink, 8);
  sink.view.setUint32(at, value % 0x1_0000_0000, true);
  sink.view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
};
const putBytes = (sink: Sink, values: ArrayBufferView): void => {
  const at = reserve(sink, values.byteLength);
  sink.bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
};

/** Whole numbers below 2^53 as 64-bit values. */
const putWhole = (sink: Sink, values: Float64Array, count: number): void => {
  let at = reserve(sink, count * 8);
  const { view } = sink;
  for (let i = 0; i < count; i++, at += 8) {
    const value = values[i]!;
    const high = Math.floor(value / 0x1_0000_0000);
    view.setUint32(at, value - high * 0x1_0000_0000, true);
    view.setUint32(at + 4, high, true);
  }
};

const putDurations = (sink: Sink, first: Float64Array, last: Float64Array, count: number): void => {
  let at = reserve(sink, count * 4);
  const { view } = sink;
  for (let i = 0; i < count; i++, at += 4) view.setUint32(at, last[i]! - first[i]!, true);
};

/** Addresses in network byte order. */
const putAddresses = (sink: Sink, values: Uint32Array, count: number): void => {
  let at = reserve(sink, count * 16);
  const { view } = sink;
  for (let i = 0; i < count * 4; i++, at += 4) view.setUint32(at, values[i]!);
};

/** Pairs (high, low) as 64-bit values. */
const putPairs = (sink: Sink, values: Uint32Array, count: number): void => {
  let at = reserve(sink, count * 8);
  const { view } = sink;
  for (let i = 0; i < count * 2; i += 2, at += 8) {
    view.setUint32(at, values[i + 1]!, true);
    view.setUint32(at + 4, values[i]!, true);
  }
};

const putEnds = (sink: Sink, ends: Uint32Array, count: number): void => {
  let at = reserve(sink, count * 8);
  const { view } = sink;
  for (let i = 0; i < count; i++, at += 8) {
    view.setUint32(at, ends[i]!, true);
    view.setUint32(at + 4, 0, true);
  }
};

const putValues = (sink: Sink, kind: ColumnKind, data: ColumnData, count: number): void => {
  if (kind === "time" || kind === "u64") putWhole(sink, data.values as Float64Array, count);
  else if (kind === "ip") putAddresses(sink, data.values as Uint32Array, count);
  else if (kind === "pair") putPairs(sink, data.values as Uint32Array, count);
  else putBytes(sink, data.values.subarray(0, count));
};

/** Whether the first `length` elements have a bit set. Looks at words of one kind whatever the array: it runs over every column. */
const anySet = (values: ColumnData["values"], length: number): boolean => {
  const bytes = length * values.BYTES_PER_ELEMENT;
  const aligned = values.byteOffset % 4 === 0 ? bytes >>> 2 : 0;
  const words = aligned > 0 ? new Uint32Array(values.buffer, values.byteOffset, aligned) : new Uint32Array(0);
  for (let i = 0; i < aligned; i++) if (words[i] !== 0) return true;
  const rest = new Uint8Array(values.buffer, values.byteOffset + aligned * 4, bytes - aligned * 4);
  for (let i = 0; i < rest.length; i++) if (rest[i] !== 0) return true;
  return false;
};

/** Whether every row has the value that the engine puts in by itself. */
const isDefault = (kind: ColumnKind, data: ColumnData, count: number): boolean =>
  data.present !== undefined
    ? !anySet(data.present, count)
    : data.ends !== undefined
      ? (data.ends[count - 1] ?? 0) === 0
      : kind !== "class" && !anySet(data.values, count * wordsOf(kind));

const putStrings = (sink: Sink, values: Uint8Array, ends: Uint32Array, count: number): void => {
  let start = 0;
  reserve(sink, count * 5 + (ends[count - 1] ?? 0));
  sink.at -= count * 5 + (ends[count - 1] ?? 0);
  for (let i = 0; i < count; i++) {
    const end = ends[i]!;
    if (end === start) sink.bytes[sink.at++] = 0;
    else {
      putVarint(sink, end - start);
      // Reserved first: it may replace the bytes.
      const at = reserve(sink, end - start);
      sink.bytes.set(values.subarray(start, end), at);
    }
    start = end;
  }
};

const putColumn = (sink: Sink, kind: ColumnKind, data: ColumnData, count: number): void => {
  if (kind === "bytes") return putStrings(sink, data.values as Uint8Array, data.ends!, count);
  if (data.ends !== undefined) {
    putEnds(sink, data.ends, count);
    putBytes(sink, data.values.subarray(0, data.ends[count - 1] ?? 0));
    return;
  }
  if (data.present === undefined) return putValues(sink, kind, data, count);
  const present = data.present;
  const at = reserve(sink, count);
  const { bytes } = sink;
  for (let i = 0; i < count; i++) bytes[at + i] = present[i] === 0 ? 1 : 0;
  const values = sink.at;
  putValues(sink, kind, data, count);
  // What stands behind a NULL is not part of the batch; zeros keep it out of the store and make it compress.
  const width = (sink.at - values) / count;
  const written = sink.bytes;
  for (let i = 0, from = values; i < count; i++, from += width) {
    // A few bytes each: a loop is quicker than a call.
    if (present[i] === 0) for (let byte = from; byte < from + width; byte++) written[byte] = 0;
  }
};

/** Flags of a LowCardinality column: index type 0 (UInt8) or 1 (UInt16), own keys, dictionary to be updated. */
const lowCardinalityFlags = 0x600;

const putLowCardinality = (sink: Sink, keys: readonly string[], indexes: Uint8Array | Uint16Array): void => {
  putU64(sink, 1);
  putU64(sink, lowCardinalityFlags + (indexes instanceof Uint8Array ? 0 : 1));
  putU64(sink, keys.length);
  for (const key of keys) putText(sink, key);
  putU64(sink, indexes.length);
  putBytes(sink, indexes);
};

const putHead = (sink: Sink, batch: FlowBatch, count: number): number => {
  let columns = 0;
  for (const [name, value] of [
    ["sensor", batch.sensor],
    ["realm", batch.realm],
    ["exercise", batch.exercise],
  ] as const) {
    if (value === "") continue;
    columns++;
    putText(sink, name);
    putText(sink, "LowCardinality(String)");
    putLowCardinality(sink, ["", value], new Uint8Array(count).fill(1));
  }
  return columns;
};

/** ASN and country of every source. Equal sources one after another (one source, several ports) are looked up once. */
const putOrigins = (sink: Sink, sources: Uint32Array, count: number, origins: OriginTable): number => {
  const absent = new Uint8Array(count);
  const asns = new Uint32Array(count);
  const wide = origins.countries.length > 255;
  const countries = wide ? new Uint16Array(count) : new Uint8Array(count);
  let segment = -1;
  for (let i = 0, at = 0; i < count; i++, at += 4) {
    if (
      i === 0 ||
      sources[at + 3] !== sources[at - 1] ||
      sources[at + 2] !== sources[at - 2] ||
      sources[at + 1] !== sources[at - 3] ||
      sources[at] !== sources[at - 4]
    ) {
      segment = origins.find(sources, at);
    }
    const asn = segment < 0 ? 0 : origins.asnOf(segment);
    asns[i] = asn;
    if (asn === 0) absent[i] = 1;
    countries[i] = segment < 0 ? 0 : origins.countryOf(segment);
  }
  putText(sink, "src_asn");
  putText(sink, "Nullable(UInt32)");
  putBytes(sink, absent);
  putBytes(sink, asns);
  putText(sink, "src_cc");
  putText(sink, "LowCardinality(Nullable(String))");
  putLowCardinality(sink, ["", ...origins.countries], countries);
  return 2;
};

/** Makes room for the head, whose length is known at the end. */
const begin = <B extends ArrayBufferLike>(sink: Sink<B>): Sink<B> => {
  sink.at = 0;
  reserve(sink, 16);
  return sink;
};

/** The block with its head written in front: `sink.at` starts behind 16 bytes kept for it. */
const finish = <B extends ArrayBufferLike>(sink: Sink<B>, columns: number, rows: number): Uint8Array<B> => {
  const head = nativeSink(16);
  putVarint(head, columns);
  putVarint(head, rows);
  const start = 16 - head.at;
  sink.bytes.set(head.bytes.subarray(0, head.at), start);
  return sink.bytes.subarray(start, sink.at);
};

const putTable = <T extends ColumnTable>(
  sink: Sink,
  table: T,
  columns: Record<string, ColumnData>,
  count: number,
): number => {
  let written = 0;
  for (const [name, { kind, optional }] of Object.entries(table)) {
    const data = columns[name]!;
    if (name === "last_seen") {
      putText(sink, "duration");
      putText(sink, "UInt32");
      putDurations(sink, columns["first_seen"]!.values as Float64Array, data.values as Float64Array, count);
      written++;
      continue;
    }
    if (isDefault(kind, data, count)) continue;
    written++;
    putText(sink, name);
    putText(sink, engineType(kind, optional === true));
    putColumn(sink, kind, data, count);
  }
  return written;
};

/** Bytes that a row takes in most batches. */
const usualRow = 112;
const fresh = (rows: number): Sink<ArrayBuffer> => nativeSink(4_096 + rows * usualRow);

/**
 * A batch's flow rows as one Native block, with the origins of the sources where a table is given. Given a sink, the
 * block lies in it and is good until its next use.
 */
export const encodeFlows = <B extends ArrayBufferLike = ArrayBuffer>(
  batch: FlowBatch,
  origins: OriginTable | null,
  into?: Sink<B>,
): Uint8Array<B> => {
  const { count, columns } = batch.flows;
  // Without a sink, `B` is what `fresh` makes.
  const sink = begin(into ?? (fresh(count) as Sink as Sink<B>));
  let written = putHead(sink, batch, count) + putTable(sink, flowColumns, columns, count);
  if (origins !== null) written += putOrigins(sink, columns.src.values, count, origins);
  return finish(sink, written, count);
};

/** A batch's aggregate rows as one Native block. */
export const encodeAggregates = (batch: FlowBatch, into?: Sink<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
  const { count, columns } = batch.aggregates;
  const sink = begin(into ?? fresh(count));
  return finish(sink, putHead(sink, batch, count) + putTable(sink, aggregateColumns, columns, count), count);
};

/** AS numbers with their names as one Native block. */
export const encodeNetworks = (names: readonly (readonly [number, string])[]): Uint8Array<ArrayBuffer> => {
  const sink = begin(fresh(names.length));
  putText(sink, "asn");
  putText(sink, "UInt32");
  putBytes(
    sink,
    Uint32Array.from(names, ([asn]) => asn),
  );
  putText(sink, "name");
  putText(sink, "String");
  for (const [, name] of names) putText(sink, name);
  return finish(sink, 2, names.length);
};
