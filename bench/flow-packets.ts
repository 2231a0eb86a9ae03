// SPDX-License-Identifier: Apache-2.0
import { packetBatch, SHAPE } from "../src/model/packets.ts";
import type { PacketBatch } from "../src/model/packets.ts";

/** xorshift32: the bench must see the same packets every time. */
export const generator = (seed: number): (() => number) => {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
};

/** What one packet of the mix is, before it is a row of a batch or bytes of a capture. */
export interface MixPacket {
  time: number;
  src: number;
  dst: number;
  protocol: number;
  srcPort: number;
  dstPort: number;
  flags: number;
  sequence: number;
  ipId: number;
  ttl: number;
  window: number;
  /** TCP options: none, MSS alone, or those of Linux. */
  options: 0 | 1 | 2;
  /** UDP payload length. */
  length: number;
}

const PORTS = [23, 2323, 80, 8080, 443, 22, 5555, 8443, 3389, 445, 37215, 5900, 81, 60023, 1433, 6379];

/**
 * Background radiation on a /16: sources are drawn by a power law (a few send most), each with its habit (research
 * scanner, Mirai, other bot, backscatter, UDP, ping). `crowd` shifts the number of sources, and so the rows a packet.
 */
export const mix = (seed: number, crowd: number): ((out: MixPacket, time: number) => void) => {
  const next = generator(seed);
  return (out, time) => {
    const u = (next() + 0.5) / 4294967296;
    // A source's rank: density falls as 1 / rank up to `crowd` sources.
    const rank = Math.floor(Math.exp(u * Math.log(crowd)));
    const id = Math.imul(rank + 1, 0x9e3779b1) >>> 0;
    const habit = id % 100;
    const draw = next();
    out.time = time;
    out.src = (id & 0x7fffffff) + 0x01000000;
    out.dst = 0xc6330000 + (draw & 0xffff);
    out.protocol = 6;
    out.flags = 2;
    out.ttl = 40 + (id & 15);
    out.sequence = next();
    out.ipId = draw >>> 16;
    out.srcPort = 1024 + ((draw >>> 8) % 60000);
    out.dstPort = PORTS[(id >>> 8) % (rank < 200 ? 3 : 16)]!;
    out.window = 1024;
    out.options = 0;
    out.length = 0;
    if (habit < 40) {
      // Research scanners: one source port, a masscan or ZMap mark.
      out.srcPort = 40000 + (id & 1023);
      out.ttl = 240;
      out.dstPort = PORTS[(id >>> 8) % 16]!;
      if (habit < 25) out.ipId = 54321;
      else out.ipId = (out.dst ^ out.dstPort ^ out.sequence) & 0xffff;
      if (habit < 25) out.window = 65535;
    } else if (habit < 60) {
      out.sequence = out.dst;
      out.dstPort = draw % 10 === 0 ? 2323 : 23;
      out.window = 1000 + (id & 0x3fff);
    } else if (habit < 80) {
      out.window = 64240;
      out.options = habit < 70 ? 2 : 1;
    } else if (habit < 90) {
      out.flags = habit < 87 ? 18 : 20;
      out.srcPort = 80;
      out.dstPort = draw >>> 16;
    } else if (habit < 97) {
      out.protocol = 17;
      out.dstPort = [123, 53, 1900, 5060, 161, 11211, 389][habit - 90]!;
      out.length = 8 + (id & 127);
    } else out.protocol = 1;
  };
};

const SIGNATURES = [
  [1024 << 16, 0xff000000],
  [1460, 0xff000000 | (3 << 21)],
  [1460, (7 << 24) | (3 << 21) | (5 << 18) | (6 << 15) | (2 << 12) | (4 << 9)],
] as const;

/** Batches of the mix as the decoder would give them. */
export const mixBatches = (
  count: number,
  batchSize: number,
  perSecond: number,
  seed: number,
  crowd: number,
): PacketBatch[] => {
  const write = mix(seed, crowd);
  const packet = {} as MixPacket;
  const batches: PacketBatch[] = [];
  for (let done = 0; done < count;) {
    const batch = packetBatch(batchSize);
    for (let i = 0; i < batchSize && done < count; i++, done++) {
      write(packet, 1_700_000_000_000_000 + Math.floor((done * 1e6) / perSecond));
      const at = 4 * i;
      batch.times[i] = packet.time;
      batch.src[at + 2] = 0xffff;
      batch.src[at + 3] = packet.src;
      batch.dst[at + 2] = 0xffff;
      batch.dst[at + 3] = packet.dst;
      batch.bytes[i] = 40 + 4 * [0, 1, 5][packet.options]! + packet.length;
      batch.protocol[i] = packet.protocol;
      batch.ttl[i] = packet.ttl;
      batch.ipId[i] = packet.ipId;
      batch.srcPort[i] = packet.srcPort;
      batch.dstPort[i] = packet.dstPort;
      batch.tcpFlags[i] = packet.flags;
      batch.tcpSeq[i] = packet.sequence;
      batch.tcpWindow[i] = packet.window;
      batch.tcpOffset[i] = [5, 6, 10][packet.options]!;
      batch.udpLength[i] = packet.length;
      batch.icmpType[i] = 8;
      const signed = packet.protocol === 6 && packet.flags === 2;
      batch.shape[i] = (packet.protocol === 1 ? 0 : SHAPE.ports) | (signed ? SHAPE.signature : 0);
      if (signed) {
        const [high, low] = SIGNATURES[packet.options]!;
        batch.signature[2 * i] = ((packet.window << 16) | (high & 0xffff)) >>> 0;
        batch.signature[2 * i + 1] = low >>> 0;
      }
      batch.count = i + 1;
    }
    batches.push(batch);
  }
  return batches;
};

const OPTIONS = [[], [2, 4, 5, 0xb4], [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]] as const;

/** The header of a pcap file of Ethernet frames, microseconds, little endian. */
export const pcapStart = (): Uint8Array => {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of [0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1].entries()) view.setUint32(4 * i, word, true);
  return bytes;
};

/** Writes a packet as a record of a pcap file at `at`, at most 512 bytes; gives where it ends. Checksums are 0. */
export const writeRecord = (bytes: Uint8Array, view: DataView, at: number, packet: MixPacket): number => {
  const options = packet.protocol === 6 ? OPTIONS[packet.options]! : [];
  const transport = packet.protocol === 6 ? 20 + options.length : packet.protocol === 17 ? 8 + packet.length : 8;
  const length = 14 + 20 + transport;
  view.setUint32(at, Math.floor(packet.time / 1e6), true);
  view.setUint32(at + 4, packet.time % 1e6, true);
  view.setUint32(at + 8, length, true);
  view.setUint32(at + 12, length, true);
  const ip = at + 16 + 14;
  bytes.fill(0, at + 16, at + 16 + length);
  view.setUint16(ip - 2, 0x0800);
  view.setUint16(ip, 0x4500);
  view.setUint16(ip + 2, 20 + transport);
  view.setUint16(ip + 4, packet.ipId);
  view.setUint8(ip + 8, packet.ttl);
  view.setUint8(ip + 9, packet.protocol);
  view.setUint32(ip + 12, packet.src);
  view.setUint32(ip + 16, packet.dst);
  const body = ip + 20;
  if (packet.protocol === 1) view.setUint8(body, 8);
  else {
    view.setUint16(body, packet.srcPort);
    view.setUint16(body + 2, packet.dstPort);
    if (packet.protocol === 17) view.setUint16(body + 4, transport);
    else {
      view.setUint32(body + 4, packet.sequence);
      view.setUint8(body + 12, (transport / 4) << 4);
      view.setUint8(body + 13, packet.flags);
      view.setUint16(body + 14, packet.window);
      bytes.set(options, body + 20);
    }
  }
  return at + 16 + length;
};

/** Writes the mix as a pcap file with Ethernet frames, a mebibyte at a time. */
export const writeMix = (
  count: number,
  perSecond: number,
  seed: number,
  crowd: number,
  write: (bytes: Uint8Array) => void,
  first = 1_700_000_000_000_000,
): void => {
  const next = mix(seed, crowd);
  const packet = {} as MixPacket;
  const bytes = new Uint8Array(1 << 20);
  const view = new DataView(bytes.buffer);
  bytes.set(pcapStart());
  let at = 24;
  for (let done = 0; done < count; done++) {
    if (at > bytes.length - 512) {
      write(bytes.subarray(0, at));
      at = 0;
    }
    next(packet, first + Math.floor((done * 1e6) / perSecond));
    at = writeRecord(bytes, view, at, packet);
  }
  write(bytes.subarray(0, at));
};
