// SPDX-License-Identifier: Apache-2.0

/**
 * Traffic types after Merit ORION (github.com/Merit-Research/darknet-events), in its order: the index is the type's
 * number, and the code of the `class` column. ICMPv6 messages take the type with the same meaning.
 */
export const classes = [
  "icmp-echo-request",
  "icmp-echo-reply",
  "icmp-unreachable",
  "icmp-source-quench",
  "icmp-redirect",
  "icmp-time-exceeded",
  "icmp-parameter-problem",
  "icmp-timestamp-reply",
  "icmp-information-reply",
  "icmp-mask-reply",
  "icmp-other",
  "tcp-syn",
  "tcp-syn-ack",
  "tcp-ack",
  "tcp-rst",
  "tcp-other",
  "udp",
  "unknown",
] as const;
export type TrafficClass = (typeof classes)[number];
/** The code of a class: its place in `classes`. */
export const CLASS = Object.freeze(Object.fromEntries(classes.map((name, code) => [name, code]))) as Readonly<
  Record<TrafficClass, number>
>;

/** Tool marks, counted per packet. `stateless` is the large-scale-scan shape: SYN, no options, window 1024, TTL >= 200. */
export const marks = ["mirai", "zmap", "masscan", "stateless"] as const;
export type Mark = (typeof marks)[number];

/** Why a packet's source may be forged (Corsaro's spoof filter); each is counted per packet. None of them vetoes alone. */
export const spoofReasons = [
  "protocol", // abnormal protocol or TCP flags
  "ttl", // TTL >= 200, not ICMP, not the stateless shape
  "fragment",
  "last_octet", // source ends in .0 or .255
  "same", // source equals destination
  "port_zero", // TCP or UDP port 0
  "udp_80", // UDP to port 80
] as const;
export type SpoofReason = (typeof spoofReasons)[number];

/** IP protocol numbers by the names used everywhere in the program; others are written as their number. */
export const protocols = { icmp: 1, ipip: 4, tcp: 6, udp: 17, ipv6: 41, gre: 47, icmp6: 58, sctp: 132 } as const;
const names: ReadonlyMap<number, string> = new Map(Object.entries(protocols).map(([name, number]) => [number, name]));
export const protocolName = (number: number): string => names.get(number) ?? String(number);
