// SPDX-License-Identifier: Apache-2.0
import { decode } from "../../src/decode/decode.ts";
import { SHAPE, decodeCounters, packetBatch, undecodedKinds } from "../../src/model/packets.ts";
import type { DecodeCounters, PacketBatch, RawBatch } from "../../src/model/packets.ts";
import { formatSignature } from "../../src/model/signature.ts";
import type { Seed } from "./corpus.ts";
import { mutated, random } from "./random.ts";
import { reference } from "./reference.ts";
import type { Decoded } from "./reference.ts";

const PACKETS = 512;
const GAP = 96;

const address = (words: Uint32Array, n: number): string => {
  let text = "";
  for (let i = 0; i < 4; i++) text += words[4 * n + i]!.toString(16).padStart(8, "0");
  return text;
};

/** Packet `n` of a batch in the reference's form. */
export const readBack = (out: PacketBatch, n: number): Decoded => {
  const shape = out.shape[n]!;
  const has = (bit: number): boolean => (shape & bit) !== 0;
  const later = has(SHAPE.laterFragment);
  const protocol = out.protocol[n]!;
  const result: Decoded = {
    bytes: out.bytes[n]!,
    protocol,
    ttl: out.ttl[n]!,
    ipId: out.ipId[n]!,
    src: address(out.src, n),
    dst: address(out.dst, n),
    fragment: has(SHAPE.fragment),
    later,
  };
  if (has(SHAPE.ports)) result.ports = [out.srcPort[n]!, out.dstPort[n]!];
  if (!later && protocol === 6) {
    const [flags, seq, window, offset] = [out.tcpFlags[n]!, out.tcpSeq[n]!, out.tcpWindow[n]!, out.tcpOffset[n]!];
    result.tcp = { flags, seq, window, offset };
  }
  if (has(SHAPE.signature)) result.signature = formatSignature(out.signature[2 * n]!, out.signature[2 * n + 1]!);
  if (!later && protocol === 17) result.udpLength = out.udpLength[n]!;
  if (!later && (protocol === 1 || protocol === 58)) result.icmp = [out.icmpType[n]!, out.icmpCode[n]!];
  if (has(SHAPE.inner)) {
    const ends = { src: address(out.innerSrc, n), dst: address(out.innerDst, n) };
    result.inner = { protocol: out.innerProtocol[n]!, ...ends };
    if (has(SHAPE.innerPorts)) result.inner.ports = [out.innerSrcPort[n]!, out.innerDstPort[n]!];
  }
  return result;
};

const same = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys)
    if (!same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
  return true;
};

/** A find: the input that broke a promise, and which. */
export class Find extends Error {
  readonly linkType: number;
  readonly packet: Uint8Array;
  constructor(promise: string, linkType: number, packet: Uint8Array) {
    super(`${promise}; link type ${linkType}, packet ${Buffer.from(packet).toString("hex")}`);
    this.linkType = linkType;
    this.packet = packet;
  }
}

/** Holds what `decode` made of the batch against the reference. Throws a `Find`. */
export const check = (raw: RawBatch, out: PacketBatch, counters: DecodeCounters): void => {
  let at = 0;
  const expected = decodeCounters();
  for (let i = 0; i < raw.count; i++) {
    const packet = raw.bytes.subarray(raw.offsets[i], raw.offsets[i]! + raw.captured[i]!);
    const wanted = reference(raw.linkType, packet);
    if (typeof wanted === "string") {
      expected[wanted]++;
      continue;
    }
    expected.decoded++;
    if (wanted.protocol === 47) expected.gre++;
    if (wanted.protocol === 4 || wanted.protocol === 41) expected.ipip++;
    if (wanted.fragment) expected.fragments++;
    if (at >= out.count) throw new Find("fewer packets decoded than the reference", raw.linkType, packet);
    const got = readBack(out, at);
    if (!same(got, wanted) || out.times[at] !== raw.times[i]) {
      const told = `decoded ${JSON.stringify(got)}, reference ${JSON.stringify(wanted)}`;
      throw new Find(told, raw.linkType, packet);
    }
    at++;
  }
  if (at !== out.count || !same(counters, expected)) {
    throw new Error(`counters ${JSON.stringify(counters)}, reference ${JSON.stringify(expected)}`);
  }
};

/** A buffer of packets between random bytes, refilled for every batch. */
const mixer = (): RawBatch => ({
  linkType: 0,
  count: 0,
  bytes: new Uint8Array(PACKETS * 4096),
  offsets: new Uint32Array(PACKETS),
  captured: new Uint32Array(PACKETS),
  lengths: new Uint32Array(PACKETS),
  times: new Float64Array(PACKETS),
});

export interface DecoderSummary {
  inputs: number;
  counters: DecodeCounters;
}

/** Decodes `inputs` damaged packets and holds each against the reference. Throws a `Find` with the input. */
export const fuzzDecoder = (seeds: readonly Seed[], inputs: number, seed: number): DecoderSummary => {
  const chance = random(seed);
  const linkTypes = [...new Set(seeds.map((one) => one.linkType))];
  const byLink = new Map(linkTypes.map((linkType) => [linkType, seeds.filter((one) => one.linkType === linkType)]));
  // Ethernet as often as all others together: it has two ways through the decoder.
  const choice = [...linkTypes, ...linkTypes.map(() => 1)];
  const raw = mixer();
  const total = decodeCounters();
  const out = packetBatch(PACKETS);
  let done = 0;
  while (done < inputs) {
    raw.linkType = chance.pick(choice);
    const of = byLink.get(raw.linkType) ?? seeds;
    raw.count = Math.min(PACKETS, inputs - done);
    let at = 0;
    for (let i = 0; i < raw.count; i++) {
      for (let gap = chance.below(GAP); gap > 0; gap--) raw.bytes[at++] = chance.below(256);
      const packet = chance.once(64)
        ? Uint8Array.from({ length: chance.below(160) }, () => chance.below(256))
        : mutated(chance.pick(of).packet, chance).subarray(0, 2048);
      raw.bytes.set(packet, at);
      raw.offsets[i] = at;
      raw.captured[i] = packet.length;
      raw.lengths[i] = packet.length;
      raw.times[i] = done + i;
      at += packet.length;
    }
    const counters = decodeCounters();
    out.count = 0;
    // Every second batch is decoded in small portions.
    const portion = chance.once(2) ? PACKETS : 1 + chance.below(40);
    if (portion === PACKETS) decode(raw, 0, out, counters);
    else {
      const small = packetBatch(portion);
      for (let i = 0; i < raw.count;) {
        small.count = 0;
        i = decode(raw, i, small, counters);
        append(out, small);
      }
    }
    check(raw, out, counters);
    for (const key of ["decoded", "gre", "ipip", "fragments", ...undecodedKinds] as const) total[key] += counters[key];
    done += raw.count;
  }
  return { inputs: done, counters: total };
};

const append = (out: PacketBatch, from: PacketBatch): void => {
  for (const [name, column] of Object.entries(out)) {
    if (!ArrayBuffer.isView(column)) continue;
    const values = column as Uint32Array;
    const part = from[name as keyof PacketBatch] as unknown as Uint32Array;
    const words = values.length / out.capacity;
    values.set(part.subarray(0, words * from.count), words * out.count);
  }
  out.count += from.count;
};
