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

/** Fills meta, extra, hashes and tokens for the `n` chosen packets. `seeds` are four secret words. */
export const prepare = (packets: PacketBatch, work: Prepared, n: number, tokens: Tokens, seeds: Int32Array): void => {
  const { protocol, shape, src, dst, srcPort, dstPort, signature, innerProtocol, innerDst, innerDstPort } = packets;
  const { facts, chosen, meta, extra, hashes, left, right } = work;
  const s0 = seeds[0]!;
  const s1 = seeds[1]! | 1;
  const s2 = seeds[2]! | 1;
  const s3 = seeds[3]!;
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
    let hash = Math.imul((source ^ s0) | 0, s1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ key, s2);
    if ((form & SHAPE_SIGNATURE) !== 0) {
      has |= HAS_SIGNATURE;
      hash = Math.imul(hash ^ (hash >>> 14) ^ signature[2 * i]!, s1);
      hash = Math.imul(hash ^ (hash >>> 16) ^ signature[2 * i + 1]!, s2);
    }
    let v4 = src[at + 2] === MAPPED && (src[at]! | src[at + 1]!) === 0;
    if (!v4) for (let j = 0; j < 3; j++) hash = Math.imul(hash ^ (hash >>> 15) ^ src[at + j]!, s1);
    if ((fact & FACT_INNER_VICTIM) !== 0) {
      has |= HAS_INNER | HAS_INNER_VICTIM | (innerProtocol[i]! << 16);
      if ((form & SHAPE_INNER_PORTS) !== 0) has |= HAS_INNER_PORT | innerDstPort[i]!;
      subject = innerDst[at + 3]!;
      v4 &&= innerDst[at + 2] === MAPPED && (innerDst[at]! | innerDst[at + 1]!) === 0;
      hash = Math.imul(hash ^ (hash >>> 15) ^ subject, s1);
      for (let j = 0; j < 3; j++) hash = Math.imul(hash ^ (hash >>> 15) ^ innerDst[at + j]!, s2);
    } else if ((fact & FACT_BACKSCATTER) !== 0 && isError(code)) {
      // An error without its quoted packet: backscatter of nobody knows whom.
      has &= ~HAS_VICTIM;
    }
    if (!v4 || dst[at + 2] !== MAPPED) long++;
    hash = Math.imul(hash ^ (hash >>> 15) ^ has, s1);
    hash ^= s3;
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
