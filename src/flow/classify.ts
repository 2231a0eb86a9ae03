// SPDX-License-Identifier: Apache-2.0
import { SHAPE } from "../model/packets.ts";
import type { PacketBatch } from "../model/packets.ts";
import { CLASS, protocols } from "../model/traffic.ts";
import { V4_MAPPED } from "../net/ip.ts";
import { marksOf } from "./marks.ts";

// Constants of other modules are copied: the compiler folds only what is constant in the module itself.
const { fragment: SHAPE_FRAGMENT, inner: SHAPE_INNER, laterFragment: SHAPE_LATER_FRAGMENT, ports: SHAPE_PORTS } = SHAPE;
const { icmp: P_ICMP, icmp6: P_ICMP6, ipv6: P_IPV6, tcp: P_TCP, udp: P_UDP } = protocols;
const MAPPED = V4_MAPPED;
const { "tcp-other": TCP_OTHER, "icmp-other": ICMP_OTHER, udp: UDP, unknown: UNKNOWN } = CLASS;

/**
 * What one packet shows of itself, in one word ("facts"): bits 0-4 its class, 5-8 tool marks (marks.ts), 9-15 spoof
 * reasons in the order of `spoofReasons`, then the bits of `FACT`.
 *
 * Classes follow ORION with two differences, so that no reply hides among `tcp-other` and multiplies rows by its port: any
 * RST is `tcp-rst` (ORION: RST alone) and any SYN-ACK is `tcp-syn-ack`; ECE and CWR are ignored, so a SYN that offers ECN
 * is a `tcp-syn`. A later fragment shows no transport header: TCP's is `tcp-other`, ICMP's `icmp-other`, UDP's `udp`.
 */
export const FACT = {
  classBits: 31,
  /** Backscatter (Corsaro's test and its ICMPv6 counterparts). */
  backscatter: 1 << 16,
  /** An ICMP error with a quoted packet: the victim is the quoted destination (cleared where that one is dark). */
  innerVictim: 1 << 17,
  /** The quoted source is not the address that this error was sent to. */
  mismatch: 1 << 18,
} as const;
/** Bits of the spoof reasons, in the order of `spoofReasons`. */
export const SPOOF = {
  protocol: 1 << 9,
  ttl: 1 << 10,
  fragment: 1 << 11,
  lastOctet: 1 << 12,
  same: 1 << 13,
  portZero: 1 << 14,
  udp80: 1 << 15,
} as const;

const SYN = 2;
const RST = 4;
const ACK = 16;

/** Class by ICMP type; ICMPv6 at 256 + type. Bit 7: backscatter; bit 6: an error, which may quote a packet. */
const icmpKinds = ((): Uint8Array => {
  const kinds = new Uint8Array(512).fill(CLASS["icmp-other"]);
  const reply = 128;
  const error = 128 | 64;
  const all: [number, number, number][] = [
    [0, CLASS["icmp-echo-reply"], reply],
    [3, CLASS["icmp-unreachable"], error],
    [4, CLASS["icmp-source-quench"], error],
    [5, CLASS["icmp-redirect"], error],
    [8, CLASS["icmp-echo-request"], 0],
    [11, CLASS["icmp-time-exceeded"], error],
    [12, CLASS["icmp-parameter-problem"], error],
    [14, CLASS["icmp-timestamp-reply"], reply],
    [16, CLASS["icmp-information-reply"], reply],
    [18, CLASS["icmp-mask-reply"], reply],
    [256 + 1, CLASS["icmp-unreachable"], error],
    [256 + 2, CLASS["icmp-unreachable"], error], // packet too big: IPv4 says it as "unreachable, fragmentation needed"
    [256 + 3, CLASS["icmp-time-exceeded"], error],
    [256 + 4, CLASS["icmp-parameter-problem"], error],
    [256 + 128, CLASS["icmp-echo-request"], 0],
    [256 + 129, CLASS["icmp-echo-reply"], reply],
    [256 + 137, CLASS["icmp-redirect"], error],
    [256 + 140, CLASS["icmp-information-reply"], reply], // node information reply, RFC 4620
  ];
  for (const [type, code, bits] of all) kinds[type] = code | bits;
  return kinds;
})();

/**
 * Facts by the 256 values of the TCP flags. Normal combinations are Corsaro's (SYN, ACK, RST, FIN, SYN-FIN, SYN-ACK,
 * FIN-ACK, PSH-ACK, FIN-PSH-ACK) and RST-ACK, the ordinary answer of a closed port.
 */
const tcpKinds = ((): Uint32Array => {
  const normal = new Set([2, 16, 4, 1, 3, 18, 17, 24, 25, 20]);
  return Uint32Array.from({ length: 256 }, (_, all) => {
    const flags = all & 0x3f;
    const spoof = normal.has(flags) ? 0 : SPOOF.protocol;
    if ((flags & RST) !== 0) return CLASS["tcp-rst"] | FACT.backscatter | spoof;
    if ((flags & (SYN | ACK)) === (SYN | ACK)) return CLASS["tcp-syn-ack"] | FACT.backscatter | spoof;
    if (flags === SYN) return CLASS["tcp-syn"];
    if (flags === ACK) return CLASS["tcp-ack"];
    return CLASS["tcp-other"] | spoof;
  });
})();

/** Writes the facts of every packet of the batch to `facts`. */
export const classify = (packets: PacketBatch, facts: Uint32Array): void => {
  const { count, protocol, shape, src, dst, srcPort, dstPort, tcpFlags, ttl, icmpType, innerSrc, innerDst } = packets;
  for (let i = 0; i < count; i++) {
    const kind = protocol[i]!;
    const form = shape[i]!;
    const at = 4 * i;
    const source = src[at + 3]!;
    let fact = 0;
    if (kind === P_TCP) {
      if ((form & SHAPE_PORTS) === 0) fact = TCP_OTHER;
      else {
        const flags = tcpFlags[i]!;
        fact = tcpKinds[flags]!;
        if ((flags & (SYN | ACK | RST)) === SYN) fact |= marksOf(packets, i);
        if (srcPort[i] === 0 || dstPort[i] === 0) fact |= SPOOF.portZero;
      }
      if (ttl[i]! >= 200 && (fact & (1 << 8)) === 0) fact |= SPOOF.ttl;
    } else if (kind === P_UDP) {
      fact = UDP;
      if ((form & SHAPE_PORTS) !== 0) {
        const from = srcPort[i]!;
        const to = dstPort[i]!;
        if (from === 53) fact |= FACT.backscatter;
        if (to === 80) fact |= SPOOF.udp80;
        if (from === 0 || to === 0) fact |= SPOOF.portZero;
      }
      if (ttl[i]! >= 200) fact |= SPOOF.ttl;
    } else if (kind === P_ICMP || kind === P_ICMP6) {
      if ((form & SHAPE_LATER_FRAGMENT) !== 0) fact = ICMP_OTHER;
      else {
        const bits = icmpKinds[kind === P_ICMP6 ? 256 + icmpType[i]! : icmpType[i]!]!;
        fact = bits & 31;
        if (bits >= 128) {
          fact |= FACT.backscatter;
          if ((bits & 64) !== 0 && (form & SHAPE_INNER) !== 0) {
            // An error about a packet that was sent to us quotes our own address: it is no victim, and must not leave.
            if (
              innerDst[at + 3] !== dst[at + 3] ||
              innerDst[at + 2] !== dst[at + 2] ||
              innerDst[at + 1] !== dst[at + 1] ||
              innerDst[at] !== dst[at]
            )
              fact |= FACT.innerVictim;
            if (
              innerSrc[at + 3] !== dst[at + 3] ||
              innerSrc[at + 2] !== dst[at + 2] ||
              innerSrc[at + 1] !== dst[at + 1] ||
              innerSrc[at] !== dst[at]
            )
              fact |= FACT.mismatch;
          }
        }
      }
    } else {
      fact = UNKNOWN;
      if (kind !== P_IPV6) fact |= SPOOF.protocol;
      if (ttl[i]! >= 200) fact |= SPOOF.ttl;
    }
    if ((form & SHAPE_FRAGMENT) !== 0) fact |= SPOOF.fragment;
    const end = source & 255;
    if ((end === 0 || end === 255) && src[at + 2] === MAPPED && (src[at]! | src[at + 1]!) === 0)
      fact |= SPOOF.lastOctet;
    if (source === dst[at + 3] && src[at + 2] === dst[at + 2] && src[at + 1] === dst[at + 1] && src[at] === dst[at])
      fact |= SPOOF.same;
    facts[i] = fact;
  }
};
