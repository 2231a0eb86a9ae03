// SPDX-License-Identifier: Apache-2.0
import { simulatedMark } from "../net/capture-mark.ts";

export const LINK = { ethernet: 1, raw: 101 } as const;
export type Link = keyof typeof LINK;

const RECORD = 16;
/** Room that the longest packet takes with its record header. */
const LONGEST = 256;

/** TCP options as they stand behind the header; `stamp` is where the timestamp's value lies in them, or -1. */
export interface TcpOptions {
  readonly bytes: Uint8Array;
  readonly sum: number;
  readonly stamp: number;
}

const sumOf = (bytes: Uint8Array): number => {
  let sum = 0;
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  if (bytes.length & 1) sum += bytes[bytes.length - 1]! << 8;
  return sum;
};

/** @throws Error when the options do not fill whole 32-bit words. */
export const tcpOptions = (bytes: readonly number[]): TcpOptions => {
  if (bytes.length % 4 !== 0) throw new Error("TCP options fill whole words");
  const all = Uint8Array.from(bytes);
  let stamp = -1;
  for (let i = 0; i < bytes.length;) {
    const kind = bytes[i]!;
    if (kind === 8) stamp = i + 2;
    i += kind < 2 ? 1 : bytes[i + 1]!;
  }
  return { bytes: all, sum: sumOf(all), stamp };
};

export interface Payload {
  readonly bytes: Uint8Array;
  readonly sum: number;
}
export const payload = (bytes: Uint8Array): Payload => ({ bytes, sum: sumOf(bytes) });

const fold = (sum: number): number => {
  let folded = (sum & 0xffff) + Math.floor(sum / 65536);
  folded = (folded & 0xffff) + (folded >>> 16);
  folded = (folded & 0xffff) + (folded >>> 16);
  return ~folded & 0xffff;
};

/**
 * Packets as pcap records in one buffer that is used again. The arrays beside it say where each packet lies, so the same
 * buffer serves as a piece of a capture file and as a batch for a decoder.
 */
export class Frames {
  readonly link: Link;
  readonly #ethernet: boolean;
  bytes: Uint8Array;
  used = 0;
  count = 0;
  /** Where each packet's first byte lies, behind its record header. */
  offsets: Uint32Array;
  lengths: Uint32Array;
  /** Microseconds since 1970-01-01 UTC. */
  times: Float64Array;
  /** Number of the truth's record that the packet belongs to, and what it is (`WHAT`). */
  actors: Uint32Array;
  what: Uint8Array;

  constructor(link: Link, capacity = 1024) {
    this.link = link;
    this.#ethernet = link === "ethernet";
    this.bytes = new Uint8Array(capacity * 96 + LONGEST);
    this.offsets = new Uint32Array(capacity);
    this.lengths = new Uint32Array(capacity);
    this.times = new Float64Array(capacity);
    this.actors = new Uint32Array(capacity);
    this.what = new Uint8Array(capacity);
  }

  clear(): void {
    this.used = 0;
    this.count = 0;
  }

  #grow(): void {
    const capacity = this.offsets.length * 2;
    const larger = <A extends Uint8Array | Uint32Array | Float64Array>(to: A, from: A): A => {
      to.set(from);
      return to;
    };
    this.offsets = larger(new Uint32Array(capacity), this.offsets);
    this.lengths = larger(new Uint32Array(capacity), this.lengths);
    this.times = larger(new Float64Array(capacity), this.times);
    this.actors = larger(new Uint32Array(capacity), this.actors);
    this.what = larger(new Uint8Array(capacity), this.what);
  }

  /** Opens a record of `length` IP bytes and writes what is before the transport header; gives where that one starts. */
  #open(
    time: number,
    length: number,
    protocol: number,
    src: number,
    dst: number,
    ttl: number,
    id: number,
    fragment: number,
    actor: number,
    what: number,
  ): number {
    if (this.count === this.offsets.length) this.#grow();
    if (this.used + length + 32 > this.bytes.length) {
      const larger = new Uint8Array(this.bytes.length * 2);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    const b = this.bytes;
    const wire = length + (this.#ethernet ? 14 : 0);
    let at = this.used;
    const seconds = Math.floor(time / 1e6);
    const micros = time - seconds * 1e6;
    b[at] = seconds;
    b[at + 1] = seconds >>> 8;
    b[at + 2] = seconds >>> 16;
    b[at + 3] = seconds >>> 24;
    b[at + 4] = micros;
    b[at + 5] = micros >>> 8;
    b[at + 6] = micros >>> 16;
    b[at + 7] = 0;
    b[at + 8] = b[at + 12] = wire;
    b[at + 9] = b[at + 13] = wire >>> 8;
    b[at + 10] = b[at + 14] = b[at + 11] = b[at + 15] = 0;
    at += RECORD;
    const i = this.count++;
    this.offsets[i] = at;
    this.lengths[i] = wire;
    this.times[i] = time;
    this.actors[i] = actor;
    this.what[i] = what;
    if (this.#ethernet) {
      // Locally administered addresses: 02:00:00:00:00:01 (the router) to 02:00:00:00:00:02 (the dark side).
      b[at] = b[at + 6] = 2;
      b[at + 1] = b[at + 2] = b[at + 3] = b[at + 4] = 0;
      b[at + 5] = 2;
      b[at + 7] = b[at + 8] = b[at + 9] = b[at + 10] = 0;
      b[at + 11] = 1;
      b[at + 12] = 8;
      b[at + 13] = 0;
      at += 14;
    }
    this.#ip(at, length, protocol, src, dst, ttl, id, fragment);
    this.used = at + length;
    return at + 20;
  }

  #ip(
    at: number,
    length: number,
    protocol: number,
    src: number,
    dst: number,
    ttl: number,
    id: number,
    fragment: number,
  ): void {
    const b = this.bytes;
    const check = fold(
      0x4500 +
        length +
        id +
        fragment +
        ((ttl << 8) | protocol) +
        (src >>> 16) +
        (src & 0xffff) +
        (dst >>> 16) +
        (dst & 0xffff),
    );
    b[at] = 0x45;
    b[at + 1] = 0;
    b[at + 2] = length >>> 8;
    b[at + 3] = length;
    b[at + 4] = id >>> 8;
    b[at + 5] = id;
    b[at + 6] = fragment >>> 8;
    b[at + 7] = fragment;
    b[at + 8] = ttl;
    b[at + 9] = protocol;
    b[at + 10] = check >>> 8;
    b[at + 11] = check;
    b[at + 12] = src >>> 24;
    b[at + 13] = src >>> 16;
    b[at + 14] = src >>> 8;
    b[at + 15] = src;
    b[at + 16] = dst >>> 24;
    b[at + 17] = dst >>> 16;
    b[at + 18] = dst >>> 8;
    b[at + 19] = dst;
  }

  /** `fragment` is the IP header's flags and offset: 0x4000 for "don't fragment". */
  tcp(
    time: number,
    src: number,
    dst: number,
    ttl: number,
    id: number,
    fragment: number,
    sport: number,
    dport: number,
    seq: number,
    ack: number,
    flags: number,
    window: number,
    options: TcpOptions,
    stamp: number,
    actor: number,
    what: number,
  ): void {
    const size = 20 + options.bytes.length;
    const at = this.#open(time, 20 + size, 6, src, dst, ttl, id, fragment, actor, what);
    const b = this.bytes;
    const head = (size << 10) | flags;
    let sum =
      (src >>> 16) +
      (src & 0xffff) +
      (dst >>> 16) +
      (dst & 0xffff) +
      6 +
      size +
      sport +
      dport +
      (seq >>> 16) +
      (seq & 0xffff) +
      (ack >>> 16) +
      (ack & 0xffff) +
      head +
      window +
      options.sum;
    b[at] = sport >>> 8;
    b[at + 1] = sport;
    b[at + 2] = dport >>> 8;
    b[at + 3] = dport;
    b[at + 4] = seq >>> 24;
    b[at + 5] = seq >>> 16;
    b[at + 6] = seq >>> 8;
    b[at + 7] = seq;
    b[at + 8] = ack >>> 24;
    b[at + 9] = ack >>> 16;
    b[at + 10] = ack >>> 8;
    b[at + 11] = ack;
    b[at + 12] = head >>> 8;
    b[at + 13] = head;
    b[at + 14] = window >>> 8;
    b[at + 15] = window;
    b[at + 18] = b[at + 19] = 0;
    const extra = options.bytes;
    for (let i = 0; i < extra.length; i++) b[at + 20 + i] = extra[i]!;
    if (options.stamp >= 0) {
      const p = at + 20 + options.stamp;
      b[p] = stamp >>> 24;
      b[p + 1] = stamp >>> 16;
      b[p + 2] = stamp >>> 8;
      b[p + 3] = stamp;
      // The option may start at an odd place: then its bytes change sides in the sum.
      const whole = (stamp >>> 16) + (stamp & 0xffff);
      sum += options.stamp & 1 ? ((whole & 0xff) << 8) + (whole >>> 8) : whole;
    }
    const check = fold(sum);
    b[at + 16] = check >>> 8;
    b[at + 17] = check;
  }

  udp(
    time: number,
    src: number,
    dst: number,
    ttl: number,
    id: number,
    fragment: number,
    sport: number,
    dport: number,
    data: Payload,
    actor: number,
    what: number,
  ): void {
    const size = 8 + data.bytes.length;
    const at = this.#open(time, 20 + size, 17, src, dst, ttl, id, fragment, actor, what);
    const b = this.bytes;
    const check = fold(
      (src >>> 16) + (src & 0xffff) + (dst >>> 16) + (dst & 0xffff) + 17 + size + size + sport + dport + data.sum,
    );
    b[at] = sport >>> 8;
    b[at + 1] = sport;
    b[at + 2] = dport >>> 8;
    b[at + 3] = dport;
    b[at + 4] = size >>> 8;
    b[at + 5] = size;
    b[at + 6] = check === 0 ? 0xff : check >>> 8;
    b[at + 7] = check === 0 ? 0xff : check;
    b.set(data.bytes, at + 8);
  }

  /** An ICMP message of type, code and a rest word, with a body. */
  icmp(
    time: number,
    src: number,
    dst: number,
    ttl: number,
    id: number,
    type: number,
    code: number,
    rest: number,
    data: Payload,
    actor: number,
    what: number,
  ): void {
    const at = this.#open(time, 28 + data.bytes.length, 1, src, dst, ttl, id, 0, actor, what);
    this.#icmp(at, type, code, rest, data.sum);
    this.bytes.set(data.bytes, at + 8);
  }

  #icmp(at: number, type: number, code: number, rest: number, sum: number): void {
    const b = this.bytes;
    const check = fold(((type << 8) | code) + (rest >>> 16) + (rest & 0xffff) + sum);
    b[at] = type;
    b[at + 1] = code;
    b[at + 2] = check >>> 8;
    b[at + 3] = check;
    b[at + 4] = rest >>> 24;
    b[at + 5] = rest >>> 16;
    b[at + 6] = rest >>> 8;
    b[at + 7] = rest;
  }

  /** An ICMP error from `src` to `dst` that quotes a UDP packet (its header and 8 bytes) which `dst` seems to have sent to `victim`. */
  icmpError(
    time: number,
    src: number,
    dst: number,
    ttl: number,
    id: number,
    type: number,
    code: number,
    victim: number,
    innerTtl: number,
    innerId: number,
    innerSport: number,
    innerDport: number,
    innerLength: number,
    innerCheck: number,
    actor: number,
    what: number,
  ): void {
    const at = this.#open(time, 20 + 8 + 28, 1, src, dst, ttl, id, 0, actor, what);
    const b = this.bytes;
    const inner = at + 8;
    this.#ip(inner, 28 + innerLength, 17, dst, victim, innerTtl, innerId, 0);
    const udp = inner + 20;
    b[udp] = innerSport >>> 8;
    b[udp + 1] = innerSport;
    b[udp + 2] = innerDport >>> 8;
    b[udp + 3] = innerDport;
    b[udp + 4] = (8 + innerLength) >>> 8;
    b[udp + 5] = 8 + innerLength;
    b[udp + 6] = innerCheck >>> 8;
    b[udp + 7] = innerCheck;
    let sum = 0;
    for (let i = inner; i < inner + 28; i += 2) sum += (b[i]! << 8) | b[i + 1]!;
    this.#icmp(at, type, code, 0, sum);
  }
}

/** The 24 bytes a capture file starts with: microseconds, little-endian. */
export const pcapHeader = (link: Link, snapLength = 65535): Uint8Array => {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xa1b2c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(12, simulatedMark, true);
  view.setUint32(16, snapLength, true);
  view.setUint32(20, LINK[link], true);
  return bytes;
};
