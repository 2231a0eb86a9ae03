// SPDX-License-Identifier: Apache-2.0
import { V4_MAPPED } from "../net/ip.ts";
import type { PacketBatch } from "../model/packets.ts";

// Constants of other modules are copied: the compiler folds only what is constant in the module itself.
const MAPPED = V4_MAPPED;

/** Bits of a packet's facts that are tool marks, in the order of `marks` in traffic.ts. */
export const MARK = { mirai: 1 << 5, zmap: 1 << 6, masscan: 1 << 7, stateless: 1 << 8 } as const;

/**
 * The tool marks of packet `i`, which must be a SYN (no ACK, no RST).
 *
 * - Mirai and its children: sequence number = destination IPv4 address.
 * - ZMap: IP ID 54321 (its default; it may be changed).
 * - masscan: IP ID = the low 16 bits of destination ^ port ^ sequence number. A sixteen-bit test alone fits one foreign
 *   packet in 65,536, and every Mirai packet whose IP ID happens to be its port (sequence and destination cancel out), so
 *   two more things must hold: masscan's window of 1,024 (all versions; the options differ: none until 1.3.2, MSS later,
 *   so its shape is not asked for), and no Mirai mark. What is left are chance hits among SYNs with that window: whoever
 *   judges a source should ask for two marked packets or more.
 * - stateless: the shape of large-scale scans (Corsaro): no options, window 1,024, TTL of 200 or more.
 *
 * IP ID and 32-bit sequence tests need an IPv4 header; IPv6 packets get the shape alone.
 */
export const marksOf = (packets: PacketBatch, i: number): number => {
  const window1024 = packets.tcpWindow[i] === 1024;
  let found = window1024 && packets.tcpOffset[i] === 5 && packets.ttl[i]! >= 200 ? MARK.stateless : 0;
  const at = 4 * i;
  const dst = packets.dst;
  if (dst[at + 2] === MAPPED && (dst[at]! | dst[at + 1]!) === 0) {
    const address = dst[at + 3]!;
    const sequence = packets.tcpSeq[i]!;
    const id = packets.ipId[i]!;
    if (sequence === address) found |= MARK.mirai;
    else if (window1024 && ((address ^ packets.dstPort[i]! ^ sequence) & 0xffff) === id) found |= MARK.masscan;
    if (id === 54321) found |= MARK.zmap;
  }
  return found;
};
