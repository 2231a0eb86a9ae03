// SPDX-License-Identifier: Apache-2.0
/** Packets and capture files written by hand, byte by byte, for tests: nothing here shares code with what is tested. */
import type { RawBatch } from "../../src/model/packets.ts";

export type Bytes = readonly number[];

export const u16 = (value: number): number[] => [(value >>> 8) & 255, value & 255];
export const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];
export const le16 = (value: number): number[] => u16(value).reverse();
export const le32 = (value: number): number[] => u32(value).reverse();
export const hex = (text: string): number[] => [...Buffer.from(text.replaceAll(/\s/g, ""), "hex")];
export const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

export const ethernet = (type: number, body: Bytes): number[] => [
  ...hex("020000000001 020000000002"),
  ...u16(type),
  ...body,
];
export const vlan = (type: number, body: Bytes, id = 7): number[] => [...u16(id), ...u16(type), ...body];
export const mpls = (bottom: boolean, body: Bytes, label = 100): number[] => [
  ...u32(((label << 12) | (bottom ? 0x100 : 0) | 64) >>> 0),
  ...body,
];
export const sll = (type: number, body: Bytes): number[] => [
  ...hex("0000 0001 0006 020000000001 0000"),
  ...u16(type),
  ...body,
];
export const sll2 = (type: number, body: Bytes): number[] => [
  ...u16(type),
  ...hex("0000 00000002 0001 00 06 0200000000010000"),
  ...body,
];

export const SRC4 = [198, 51, 100, 7] as const;
export const DST4 = [192, 0, 2, 33] as const;
export const SRC6 = hex("20010db8000000000000000000000007");
export const DST6 = hex("20010db8ffff00000000000000000033");

export interface V4 {
  protocol?: number;
  id?: number;
  ttl?: number;
  /** Flags and offset as they stand in the header. */
  fragment?: number;
  options?: Bytes;
  /** Instead of the right ones. */
  total?: number;
  headerWords?: number;
  version?: number;
  src?: Bytes;
  dst?: Bytes;
}
export const ipv4 = (body: Bytes, o: V4 = {}): number[] => {
  const options = o.options ?? [];
  const words = o.headerWords ?? 5 + options.length / 4;
  return [
    ((o.version ?? 4) << 4) | words,
    0,
    ...u16(o.total ?? 20 + options.length + body.length),
    ...u16(o.id ?? 4711),
    ...u16(o.fragment ?? 0),
    o.ttl ?? 57,
    o.protocol ?? 6,
    ...u16(0),
    ...(o.src ?? SRC4),
    ...(o.dst ?? DST4),
    ...options,
    ...body,
  ];
};

export const ipv6 = (
  next: number,
  body: Bytes,
  o: { payload?: number; version?: number; src?: Bytes; dst?: Bytes } = {},
): number[] => [
  (o.version ?? 6) << 4,
  0,
  0,
  0,
  ...u16(o.payload ?? body.length),
  next,
  61,
  ...(o.src ?? SRC6),
  ...(o.dst ?? DST6),
  ...body,
];

export interface Tcp {
  src?: number;
  dst?: number;
  seq?: number;
  flags?: number;
  window?: number;
  options?: Bytes;
  words?: number;
}
export const tcp = (o: Tcp = {}, body: Bytes = []): number[] => {
  const options = o.options ?? [];
  return [
    ...u16(o.src ?? 40_000),
    ...u16(o.dst ?? 23),
    ...u32(o.seq ?? 0xdeadbeef),
    ...u32(0),
    (o.words ?? 5 + options.length / 4) << 4,
    o.flags ?? 2,
    ...u16(o.window ?? 1024),
    ...u16(0),
    ...u16(0),
    ...options,
    ...body,
  ];
};
export const udp = (body: Bytes = [], o: { src?: number; dst?: number; length?: number } = {}): number[] => [
  ...u16(o.src ?? 53_000),
  ...u16(o.dst ?? 1900),
  ...u16(o.length ?? 8 + body.length),
  ...u16(0),
  ...body,
];
export const icmp = (type: number, code: number, body: Bytes = []): number[] => [
  type,
  code,
  ...u16(0),
  ...u32(0),
  ...body,
];

/** A batch whose packets stand in a larger buffer full of `filler`, so that reading outside a packet would show. */
export const rawOf = (
  linkType: number,
  packets: readonly Bytes[],
  o: { filler?: number; lengths?: number[] } = {},
): RawBatch => {
  const gap = 37;
  const size = packets.reduce((sum, one) => sum + one.length + gap, gap);
  const bytes = new Uint8Array(size).fill(o.filler ?? 0x45);
  const raw: RawBatch = {
    linkType,
    count: packets.length,
    bytes,
    offsets: new Uint32Array(packets.length),
    captured: new Uint32Array(packets.length),
    lengths: new Uint32Array(packets.length),
    times: new Float64Array(packets.length),
  };
  let at = gap;
  for (const [i, one] of packets.entries()) {
    bytes.set(one, at);
    raw.offsets[i] = at;
    raw.captured[i] = one.length;
    raw.lengths[i] = o.lengths?.[i] ?? one.length;
    raw.times[i] = 1_700_000_000_000_000 + i;
    at += one.length + gap;
  }
  return raw;
};

export interface PcapOptions {
  big?: boolean;
  nano?: boolean;
  linkType?: number;
  snaplen?: number;
}
export interface Stamped {
  seconds: number;
  fraction: number;
  data: Bytes;
  length?: number;
}
export const stamped = (data: Bytes, seconds = 1_700_000_000, fraction = 123_456): Stamped => ({
  seconds,
  fraction,
  data,
});

export const pcap = (packets: readonly Stamped[], o: PcapOptions = {}): Uint8Array => {
  const w16 = o.big ? u16 : le16;
  const w32 = o.big ? u32 : le32;
  return Uint8Array.from([
    ...w32(o.nano ? 0xa1b23c4d : 0xa1b2c3d4),
    ...w16(2),
    ...w16(4),
    ...zeros(8),
    ...w32(o.snaplen ?? 65_535),
    ...w32(o.linkType ?? 1),
    ...packets.flatMap((one) => [
      ...w32(one.seconds),
      ...w32(one.fraction),
      ...w32(one.data.length),
      ...w32(one.length ?? one.data.length),
      ...one.data,
    ]),
  ]);
};

/** Blocks of a pcapng file in one byte order. */
export const pcapng = (big = false) => {
  const w16 = big ? u16 : le16;
  const w32 = big ? u32 : le32;
  const w64 = (value: bigint): number[] => {
    const [high, low] = [w32(Number((value >> 32n) & 0xffffffffn)), w32(Number(value & 0xffffffffn))];
    return big ? [...high, ...low] : [...low, ...high];
  };
  const padded = (body: Bytes): number[] => [...body, ...zeros((4 - (body.length % 4)) % 4)];
  const block = (type: number, body: Bytes): number[] => {
    const all = padded(body);
    return [...w32(type), ...w32(all.length + 12), ...all, ...w32(all.length + 12)];
  };
  const option = (code: number, value: Bytes): number[] => [...w16(code), ...w16(value.length), ...padded(value)];
  const halves = (ticks: bigint): number[] => [
    ...w32(Number((ticks >> 32n) & 0xffffffffn)),
    ...w32(Number(ticks & 0xffffffffn)),
  ];
  return {
    block,
    option,
    section: (): number[] => block(0x0a0d0d0a, [...w32(0x1a2b3c4d), ...w16(1), ...w16(0), ...hex("ffffffffffffffff")]),
    face: (linkType: number, options: Bytes = [], snaplen = 0): number[] =>
      block(1, [...w16(linkType), ...w16(0), ...w32(snaplen), ...options]),
    resolution: (byte: number): number[] => option(9, [byte]),
    offset: (seconds: bigint): number[] => option(14, w64(BigInt.asUintN(64, seconds))),
    enhanced: (face: number, ticks: bigint, data: Bytes, length = data.length, options: Bytes = []): number[] =>
      block(6, [...w32(face), ...halves(ticks), ...w32(data.length), ...w32(length), ...padded(data), ...options]),
    obsolete: (face: number, ticks: bigint, data: Bytes): number[] =>
      block(2, [...w16(face), ...w16(3), ...halves(ticks), ...w32(data.length), ...w32(data.length), ...data]),
    simple: (data: Bytes, length = data.length): number[] => block(3, [...w32(length), ...data]),
  };
};
