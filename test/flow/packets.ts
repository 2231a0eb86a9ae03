// SPDX-License-Identifier: Apache-2.0
import * as fc from "fast-check";
import { createFlowTable } from "../../src/flow/table.ts";
import type { FlowTable, FlowTableOptions } from "../../src/flow/table.ts";
import type { FlowBatch } from "../../src/model/flows.ts";
import { packetBatch, SHAPE } from "../../src/model/packets.ts";
import type { PacketBatch } from "../../src/model/packets.ts";
import { parseIp } from "../../src/net/ip.ts";
import type { IpWords } from "../../src/net/ip.ts";

/** One decoded packet as a plain object; what is absent stays as it was in the batch, as a decoder leaves it. */
export interface Packet {
  time: number;
  src: IpWords;
  dst: IpWords;
  bytes: number;
  protocol: number;
  ttl: number;
  ipId: number;
  shape: number;
  srcPort?: number;
  dstPort?: number;
  tcpFlags?: number;
  tcpSeq?: number;
  tcpWindow?: number;
  tcpOffset?: number;
  signature?: readonly [number, number];
  udpLength?: number;
  icmpType?: number;
  icmpCode?: number;
  innerProtocol?: number;
  innerSrc?: IpWords;
  innerDst?: IpWords;
  innerSrcPort?: number;
  innerDstPort?: number;
}

export const ip = (text: string): IpWords => {
  const words = parseIp(text);
  if (words === undefined) throw new Error(`not an address: ${text}`);
  return words;
};

const head = (): Packet => ({
  time: 0,
  src: ip("198.51.100.9"),
  dst: ip("192.0.2.1"),
  bytes: 40,
  protocol: 6,
  ttl: 64,
  ipId: 1,
  shape: 0,
});
/** A SYN from 198.51.100.9:40000 to 192.0.2.1:23 at 0 s, with what is given changed. */
export const syn = (change: Partial<Packet> = {}): Packet => ({
  ...head(),
  shape: SHAPE.ports | SHAPE.signature,
  srcPort: 40000,
  dstPort: 23,
  tcpFlags: 2,
  tcpSeq: 77,
  tcpWindow: 5840,
  tcpOffset: 5,
  signature: [5840 * 65536, 0xff000000],
  ...change,
});
export const udp = (change: Partial<Packet> = {}): Packet => ({
  ...head(),
  protocol: 17,
  shape: SHAPE.ports,
  srcPort: 40000,
  dstPort: 123,
  udpLength: 12,
  ...change,
});
export const icmp = (type: number, change: Partial<Packet> = {}): Packet => ({
  ...head(),
  protocol: 1,
  icmpType: type,
  icmpCode: 0,
  ...change,
});

/** A batch of these packets. What a packet does not have is filled with rubbish, which nobody may read. */
export const batchOf = (packets: readonly Packet[], capacity = Math.max(1, packets.length)): PacketBatch => {
  const batch = packetBatch(capacity);
  for (const column of Object.values(batch)) if (ArrayBuffer.isView(column)) new Uint8Array(column.buffer).fill(0xa5);
  batch.count = packets.length;
  for (const [i, { time, ...packet }] of packets.entries()) {
    batch.times[i] = time;
    for (const [name, value] of Object.entries(packet)) {
      const column = batch[name as Exclude<keyof PacketBatch, "capacity" | "count">];
      if (typeof value === "number") column[i] = value;
      else column.set(value as readonly number[], i * (value as readonly number[]).length);
    }
  }
  return batch;
};

/** A row of a batch as a plain object: absent values undefined, lists as arrays. */
export type Row = Record<string, number | number[] | undefined>;

const rowsOf = (
  columns: Record<string, { values: ArrayLike<number>; present?: Uint8Array; ends?: Uint32Array }>,
  count: number,
): Row[] =>
  Array.from({ length: count }, (_, row) =>
    Object.fromEntries(
      Object.entries(columns).map(([name, { values, present, ends }]) => {
        const all = Array.prototype.slice;
        if (present !== undefined && present[row] === 0) return [name, undefined];
        if (ends !== undefined) return [name, all.call(values, row === 0 ? 0 : ends[row - 1], ends[row]) as number[]];
        const words = name === "src" || name === "victim" ? 4 : name === "signature" ? 2 : 1;
        return [name, words === 1 ? values[row] : (all.call(values, words * row, words * (row + 1)) as number[])];
      }),
    ),
  );
export const flowsOf = (batch: FlowBatch): Row[] => rowsOf(batch.flows.columns, batch.flows.count);
export const aggregatesOf = (batch: FlowBatch): Row[] => rowsOf(batch.aggregates.columns, batch.aggregates.count);

export interface Taken {
  interval: number;
  degraded: boolean;
  flows: Row[];
  aggregates: Row[];
}
export const KEY = Uint8Array.from({ length: 16 }, (_, i) => 17 * i + 3);

/** A flow table and the batches that it handed on, copied. */
export const tableOf = (change: Partial<FlowTableOptions> = {}): { table: FlowTable; taken: Taken[] } => {
  const taken: Taken[] = [];
  const table = createFlowTable({
    sensor: "s1",
    realm: "",
    exercise: "",
    intervalLength: 10_000_000,
    key: KEY,
    dark: null,
    capacity: 1024,
    onFlush: (batch) =>
      taken.push({
        interval: batch.interval,
        degraded: batch.degraded,
        flows: flowsOf(batch),
        aggregates: aggregatesOf(batch),
      }),
    ...change,
  });
  return { table, taken };
};

const v4 = fc.nat({ max: 3 }).map((n): IpWords => [0, 0, 0xffff, 0xc6336400 + n * 17]);
const v6 = fc.nat({ max: 5 }).map((n): IpWords => [0x20010db8, n, 0, 1]);
const darkV4 = fc.nat({ max: 40 }).map((n): IpWords => [0, 0, 0xffff, 0xc0000200 + n]);
const darkV6 = fc.nat({ max: 5 }).map((n): IpWords => [0x20010db9, 0, n, 7]);
const port = fc.constantFrom(0, 23, 53, 80, 443, 54321);

const drawn = {
  family: fc.constantFrom(4, 4, 4, 6),
  kind: fc.constantFrom("tcp", "tcp", "udp", "icmp", "other"),
  time: fc.nat({ max: 30_000_000 }),
  bytes: fc.integer({ min: 20, max: 65535 }),
  ttl: fc.constantFrom(1, 64, 128, 200, 255),
  ipId: fc.constantFrom(0, 1, 54321),
  fragment: fc.constantFrom(0, 0, 0, 0, SHAPE.fragment, SHAPE.fragment | SHAPE.laterFragment),
  srcPort: fc.oneof(port, fc.nat({ max: 65535 })),
  dstPort: port,
  tcpFlags: fc.constantFrom(2, 2, 2, 0x42, 18, 4, 20, 16, 24, 3, 0, 255),
  tcpSeq: fc.constantFrom(0, 1, 0xc0000205, 0xffffffff),
  tcpWindow: fc.constantFrom(0, 1024, 65535),
  tcpOffset: fc.constantFrom(5, 6, 10),
  low: fc.constantFrom(0xff000000, 0x07600000),
  udpLength: fc.nat({ max: 65535 }),
  icmpType: fc.constantFrom(0, 1, 2, 3, 4, 5, 8, 11, 12, 14, 16, 18, 42, 128, 129, 137, 140),
  inner: fc.constantFrom(0, SHAPE.inner, SHAPE.inner | SHAPE.innerPorts),
  innerProtocol: fc.constantFrom(6, 17),
  innerDstPort: port,
  v4: fc.tuple(v4, darkV4, darkV4, v4),
  v6: fc.tuple(v6, darkV6, darkV6, v6),
};
const PROTOCOL = { tcp: 6, udp: 17, icmp: 1, other: 47 } as const;
const ERRORS = { 1: [3, 4, 5, 11, 12], 58: [1, 2, 3, 4, 137] } as const;

/** Packets of every kind, with few enough addresses and ports that rows meet. */
export const anyPacket: fc.Arbitrary<Packet> = fc.record(drawn).map((one) => {
  const [src, dst, innerSrc, innerDst] = one.family === 4 ? one.v4 : one.v6;
  const { time, bytes, ttl, ipId } = one;
  const protocol = one.kind === "icmp" && one.family === 6 ? 58 : PROTOCOL[one.kind as keyof typeof PROTOCOL];
  const packet: Packet = { time, src, dst, bytes, ttl, ipId, protocol, shape: one.fragment };
  if (one.kind === "other" || (one.fragment & SHAPE.laterFragment) !== 0) return packet;
  if (protocol === 1 || protocol === 58) {
    const { icmpType } = one;
    Object.assign(packet, { icmpType, icmpCode: 0 });
    if (!(ERRORS[protocol] as readonly number[]).includes(icmpType) || one.inner === 0) return packet;
    packet.shape |= one.inner;
    Object.assign(packet, { innerSrc, innerDst, innerProtocol: one.innerProtocol });
    if ((one.inner & SHAPE.innerPorts) === 0) return packet;
    return Object.assign(packet, { innerSrcPort: 9, innerDstPort: one.innerDstPort });
  }
  packet.shape |= SHAPE.ports;
  Object.assign(packet, { srcPort: one.srcPort, dstPort: one.dstPort });
  if (one.kind === "udp") return Object.assign(packet, { udpLength: one.udpLength });
  const { tcpFlags, tcpSeq, tcpWindow, tcpOffset } = one;
  Object.assign(packet, { tcpFlags, tcpSeq, tcpWindow, tcpOffset });
  if ((tcpFlags & 18) !== 2) return packet;
  packet.shape |= SHAPE.signature;
  return Object.assign(packet, { signature: [tcpWindow * 65536, one.low] as const });
});
