// SPDX-License-Identifier: Apache-2.0
import { SHAPE } from "../model/packets.ts";
import type { PacketBatch } from "../model/packets.ts";
import { CLASS } from "../model/traffic.ts";
import { V4_MAPPED } from "../net/ip.ts";
import { FACT } from "./classify.ts";
import type { DarkSet } from "./dark.ts";
import { HAS } from "./entry.ts";
import type { Tokens } from "./token.ts";

// Constants of other modules are copied: the compiler folds only what is constant in the module itself.
const { innerPorts: SHAPE_INNER_PORTS, ports: SHAPE_PORTS, signature: SHAPE_SIGNATURE } = SHAPE;
const {
  inner: HAS_INNER,
  innerPort: HAS_INNER_PORT,
  innerVictim: HAS_INNER_VICTIM,
  port: HAS_PORT,
  signature: HAS_SIGNATURE,
  victim: HAS_VICTIM,
} = HAS;
const { backscatter: FACT_BACKSCATTER, classBits: FACT_CLASS_BITS, innerVictim: FACT_INNER_VICTIM } = FACT;
const MAPPED = V4_MAPPED;
const C_ICMP_PARAMETER_PROBLEM = CLASS["icmp-parameter-problem"];
const C_ICMP_UNREACHABLE = CLASS["icmp-unreachable"];
const C_TCP_RST = CLASS["tcp-rst"];
const C_TCP_SYN_ACK = CLASS["tcp-syn-ack"];

/** What the passes before the table work out for each packet of a batch. Reused; `k` counts chosen packets. */
export interface Prepared {
  readonly capacity: number;
  /** By packet. */
  readonly facts: Uint32Array;
  /** Indices of the packets that make flows; ascending within an interval. */
  readonly chosen: Uint32Array;
  /** By k: META and EXTRA of the key (entry.ts), its hash, and the token of (victim or source, dark address). */
  readonly meta: Int32Array;
  readonly extra: Int32Array;
  readonly hashes: Int32Array;
  readonly tokens: Int32Array;
  readonly left: Uint32Array;
  readonly right: Uint32Array;
}

export const prepared = (capacity: number): Prepared => ({
  capacity,
  facts: new Uint32Array(capacity),
  chosen: new Uint32Array(capacity),
  meta: new Int32Array(capacity),
  extra: new Int32Array(capacity),
  hashes: new Int32Array(capacity),
  tokens: new Int32Array(capacity),
  left: new Uint32Array(capacity),
  right: new Uint32Array(capacity),
});

/** What became of the packets that made no flow. */
export interface Refused {
  notDark: number;
  fromDark: number;
  retired: number;
}

/**
 * Chooses the packets from outside to dark addresses; gives their number. Every other packet is counted once: `fromDark`
 * when its source lies in a dark prefix, else `notDark`, or `retired`. `speaks` is told where each source inside stands.
 * The facts of chosen ICMP errors lose a victim that is dark: a forged quote must not carry such an address outside.
 */
export const choose = (
  packets: PacketBatch,
  dark: DarkSet | null,
  work: Prepared,
  refused: Refused,
  speaks: (packets: PacketBatch, i: number) => void,
): number => {
  const { count, src, dst, innerDst } = packets;
  const { chosen, facts } = work;
  if (dark === null) {
    for (let i = 0; i < count; i++) chosen[i] = i;
    return count;
  }
  let n = 0;
  for (let i = 0; i < count; i++) {
    const at = 4 * i;
    if (dark.contains(src, at)) {
      refused.fromDark++;
      speaks(packets, i);
    } else if (!dark.contains(dst, at)) refused.notDark++;
    else if (dark.isRetired(dst, at)) refused.retired++;
    else {
      if ((facts[i]! & FACT_INNER_VICTIM) !== 0 && dark.contains(innerDst, at)) facts[i]! &= ~FACT_INNER_VICTIM;
      chosen[n++] = i;
    }
  }
  return n;
};

/** Secret words of the hash: one to begin with, one to end with, and two for each word of a key. */
export const HASH_SEEDS = 2 + 2 * (4 + 1 + 1 + 2 + 4);
/** Where those of a key's words begin that only some keys have. */
const V6_SEEDS = 12;
const INNER_SEEDS = 18;

/** The sum of `words` words from `at` on, in halves, each times its secret. */
const halves = (column: Uint32Array, at: number, words: number, seeds: Int32Array, from: number): number => {
  let sum = 0;
  for (let j = 0; j < words; j++) {
    const word = column[at + j]!;
    sum += Math.imul(seeds[from + 2 * j]!, word & 0xffff) + Math.imul(seeds[from + 2 * j + 1]!, word >>> 16);
  }
  return sum | 0;
};

/**
 * Fills meta, extra, hashes and tokens for the `n` chosen packets. `seeds` are HASH_SEEDS secret words.
 *
 * The hash is multilinear (Lemire and Kaser, *Strongly universal string hashing is fast*, 2014): a sum of 16-bit halves, each times a
 * secret of its own, so that two keys, whoever chose them, meet in one of 2^17 secrets at most. What mixes word after word into one state
 * has no such bound: what a key's one word changes in the upper bits its next word can take away again, whatever the secret.
 */
export const prepare = (packets: PacketBatch, work: Prepared, n: number, tokens: Tokens, seeds: Int32Array): void => {
  const { protocol, shape, src, dst, srcPort, dstPort, signature, innerProtocol, innerDst, innerDstPort } = packets;
  const { facts, chosen, meta, extra, hashes, left, right } = work;
  const begin = seeds[0]!;
  const ending = seeds[1]! | 1;
  const source0 = seeds[2]!;
  const source1 = seeds[3]!;
  const port0 = seeds[4]!;
  const kind1 = seeds[5]!;
  const has0 = seeds[6]!;
  const has1 = seeds[7]!;
  const first0 = seeds[8]!;
  const first1 = seeds[9]!;
  const second0 = seeds[10]!;
  const second1 = seeds[11]!;
  let long = 0;
  for (let k = 0; k < n; k++) {
    const i = chosen[k]!;
    const at = 4 * i;
    const fact = facts[i]!;
    const form = shape[i]!;
    const code = fact & FACT_CLASS_BITS;
    let has = (fact & FACT_BACKSCATTER) !== 0 ? HAS_VICTIM : 0;
    let port = 0;
    if ((form & SHAPE_PORTS) !== 0) {
      has |= HAS_PORT;
      port = code === C_TCP_RST || code === C_TCP_SYN_ACK ? srcPort[i]! : dstPort[i]!;
    }
    const key = (protocol[i]! << 24) | (code << 16) | port;
    const source = src[at + 3]!;
    let subject = source;
    let hash = (begin + Math.imul(source0, source & 0xffff) + Math.imul(source1, source >>> 16)) | 0;
    hash = (hash + Math.imul(port0, port) + Math.imul(kind1, key >>> 16)) | 0;
    if ((form & SHAPE_SIGNATURE) !== 0) {
      has |= HAS_SIGNATURE;
      const first = signature[2 * i]!;
      const second = signature[2 * i + 1]!;
      hash = (hash + Math.imul(first0, first & 0xffff) + Math.imul(first1, first >>> 16)) | 0;
      hash = (hash + Math.imul(second0, second & 0xffff) + Math.imul(second1, second >>> 16)) | 0;
    }
    let v4 = src[at + 2] === MAPPED && (src[at]! | src[at + 1]!) === 0;
    if (!v4) hash = (hash + halves(src, at, 3, seeds, V6_SEEDS)) | 0;
    if ((fact & FACT_INNER_VICTIM) !== 0) {
      has |= HAS_INNER | HAS_INNER_VICTIM | (innerProtocol[i]! << 16);
      if ((form & SHAPE_INNER_PORTS) !== 0) has |= HAS_INNER_PORT | innerDstPort[i]!;
      subject = innerDst[at + 3]!;
      v4 &&= innerDst[at + 2] === MAPPED && (innerDst[at]! | innerDst[at + 1]!) === 0;
      hash = (hash + halves(innerDst, at, 4, seeds, INNER_SEEDS)) | 0;
    } else if ((fact & FACT_BACKSCATTER) !== 0 && isError(code)) {
      // An error without its quoted packet: backscatter of nobody knows whom.
      has &= ~HAS_VICTIM;
    }
    if (!v4 || dst[at + 2] !== MAPPED) long++;
    hash = (hash + Math.imul(has0, has & 0xffff) + Math.imul(has1, has >>> 16)) | 0;
    // One to one. The bound holds for the upper bits, and the place in the index is made of the lower ones.
    hash = Math.imul(hash ^ (hash >>> 16), ending);
    hashes[k] = hash ^ (hash >>> 15);
    meta[k] = key;
    extra[k] = has;
    left[k] = subject;
    right[k] = dst[at + 3]!;
  }
  tokens.pairsV4(left, right, n, work.tokens);
  if (long > 0) longTokens(packets, work, n, tokens);
};

const isError = (code: number): boolean => code >= C_ICMP_UNREACHABLE && code <= C_ICMP_PARAMETER_PROBLEM;

/** Replaces the tokens of pairs that are not both IPv4. */
const longTokens = (packets: PacketBatch, work: Prepared, n: number, tokens: Tokens): void => {
  const { src, dst, innerDst } = packets;
  for (let k = 0; k < n; k++) {
    const at = 4 * work.chosen[k]!;
    const subject = (work.extra[k]! & HAS_INNER_VICTIM) !== 0 ? innerDst : src;
    if (
      (dst[at]! | dst[at + 1]! | subject[at]! | subject[at + 1]!) !== 0 ||
      dst[at + 2] !== MAPPED ||
      subject[at + 2] !== MAPPED
    )
      work.tokens[k] = tokens.pair(subject, at, dst, at);
  }
};
