// SPDX-License-Identifier: Apache-2.0

/**
 * Packets as a reader hands them on: one buffer, and where each packet lies in it. One link type a batch. The arrays are
 * the reader's and are reused: they are valid until the next batch is asked for.
 */
export interface RawBatch {
  /** LINKTYPE_ value (tcpdump.org/linktypes.html). */
  linkType: number;
  count: number;
  bytes: Uint8Array;
  /** Where the packet starts in `bytes`. */
  offsets: Uint32Array;
  /** Bytes captured (all of them lie inside `bytes`). */
  captured: Uint32Array;
  /** Bytes on the wire. */
  lengths: Uint32Array;
  /** Microseconds since 1970-01-01 UTC, whole numbers. */
  times: Float64Array;
}

/** Bits of `PacketBatch.shape`. */
export const SHAPE = {
  /** Part of a fragmented datagram (any fragment). */
  fragment: 1,
  /** A fragment other than the first: no transport header, ports absent. */
  laterFragment: 2,
  /** Source and destination ports are present (TCP, UDP). */
  ports: 4,
  /** The signature is present (a SYN without ACK). */
  signature: 8,
  /** An ICMP error that quotes a packet: the inner addresses are present. */
  inner: 16,
  /** The quoted packet's ports are present. */
  innerPorts: 32,
} as const;

/**
 * Decoded packets, one typed array a field, reused from batch to batch. Addresses take four words each (IPv4 is v4-mapped).
 * A field that a packet does not have (see `shape`) holds whatever was there before: ask `shape` first.
 */
export interface PacketBatch {
  readonly capacity: number;
  count: number;
  /** Microseconds since 1970-01-01 UTC. */
  readonly times: Float64Array;
  readonly src: Uint32Array;
  readonly dst: Uint32Array;
  /** IP total length in bytes (IPv6: header plus payload length). */
  readonly bytes: Uint32Array;
  /** The upper-layer protocol; the last one reached through IPv6 extension headers. */
  readonly protocol: Uint8Array;
  readonly ttl: Uint8Array;
  /** IPv4 identification; 0 for IPv6. */
  readonly ipId: Uint16Array;
  readonly shape: Uint8Array;
  readonly srcPort: Uint16Array;
  readonly dstPort: Uint16Array;
  readonly tcpFlags: Uint8Array;
  readonly tcpSeq: Uint32Array;
  readonly tcpWindow: Uint16Array;
  /** TCP header length in 32-bit words. */
  readonly tcpOffset: Uint8Array;
  /** Two words a packet: high, low (see signature.ts). */
  readonly signature: Uint32Array;
  /** UDP payload length by the UDP header. */
  readonly udpLength: Uint16Array;
  readonly icmpType: Uint8Array;
  readonly icmpCode: Uint8Array;
  readonly innerProtocol: Uint8Array;
  readonly innerSrc: Uint32Array;
  readonly innerDst: Uint32Array;
  readonly innerSrcPort: Uint16Array;
  readonly innerDstPort: Uint16Array;
}

export const packetBatch = (capacity: number): PacketBatch => ({
  capacity,
  count: 0,
  times: new Float64Array(capacity),
  src: new Uint32Array(4 * capacity),
  dst: new Uint32Array(4 * capacity),
  bytes: new Uint32Array(capacity),
  protocol: new Uint8Array(capacity),
  ttl: new Uint8Array(capacity),
  ipId: new Uint16Array(capacity),
  shape: new Uint8Array(capacity),
  srcPort: new Uint16Array(capacity),
  dstPort: new Uint16Array(capacity),
  tcpFlags: new Uint8Array(capacity),
  tcpSeq: new Uint32Array(capacity),
  tcpWindow: new Uint16Array(capacity),
  tcpOffset: new Uint8Array(capacity),
  signature: new Uint32Array(2 * capacity),
  udpLength: new Uint16Array(capacity),
  icmpType: new Uint8Array(capacity),
  icmpCode: new Uint8Array(capacity),
  innerProtocol: new Uint8Array(capacity),
  innerSrc: new Uint32Array(4 * capacity),
  innerDst: new Uint32Array(4 * capacity),
  innerSrcPort: new Uint16Array(capacity),
  innerDstPort: new Uint16Array(capacity),
});

/** Why a packet could not be decoded. Every packet read ends in exactly one of `decoded` or these. */
export const undecodedKinds = [
  "truncated", // the capture ends before the headers do
  "not_ip",
  "link_type", // a link type this program does not know
  "ip_version", // neither 4 nor 6, not the one announced, or addresses of IPv4 in a header of IPv6
  "ip_header_length",
  "ip_total_length",
  "ipv6_extension",
  "tcp_header_length",
  "udp_length",
  "icmp_length",
] as const;
export type UndecodedKind = (typeof undecodedKinds)[number];
/** decoded + the sum of all kinds = packets read. Tunnels and fragments are counted beside, inside `decoded`. */
export type DecodeCounters = { decoded: number; gre: number; ipip: number; fragments: number } & Record<
  UndecodedKind,
  number
>;

export const decodeCounters = (): DecodeCounters => ({
  decoded: 0,
  gre: 0,
  ipip: 0,
  fragments: 0,
  ...(Object.fromEntries(undecodedKinds.map((kind) => [kind, 0])) as Record<UndecodedKind, number>),
});
