// SPDX-License-Identifier: Apache-2.0
import { V4_MAPPED } from "../net/ip.ts";
import { SHAPE, undecodedKinds } from "../model/packets.ts";
import type { DecodeCounters, PacketBatch, RawBatch } from "../model/packets.ts";
import { LINK, LINK_NOT_IP, LINK_TRUNCATED, ipPlace } from "./link.ts";
import { network } from "./network.ts";
import { writeSignature } from "./options.ts";
import { STATUS } from "./status.ts";

/** Low word of the signature of a SYN without options. */
const NO_OPTIONS = 0xff000000 | 0;
const PORTS_AND_SIGNATURE = SHAPE.ports | SHAPE.signature;

/** Any packet of any link type into place `n`; its status. */
const packet = (linkType: number, view: DataView, at: number, end: number, out: PacketBatch, n: number): number => {
  const place = ipPlace(linkType, view, at, end);
  if (place >= 0) return network(view, place >>> 3, end, place & 7, out, n);
  if (place === LINK_TRUNCATED) return STATUS.truncated;
  return place === LINK_NOT_IP ? STATUS.not_ip : STATUS.link_type;
};

/** Counts how a packet that was not taken by the fast path ended. */
const account = (status: number, out: PacketBatch, n: number, counters: DecodeCounters): void => {
  if (status !== STATUS.decoded) {
    counters[undecodedKinds[status - 1]!]++;
    return;
  }
  counters.decoded++;
  const protocol = out.protocol[n];
  if (protocol === 47) counters.gre++;
  else if (protocol === 4 || protocol === 41) counters.ipip++;
  if ((out.shape[n]! & SHAPE.fragment) !== 0) counters.fragments++;
};

/**
 * Decodes packets from index `from` of an Ethernet batch as long as they are plain: IPv4 without options or fragments, with
 * all of a sound header of TCP, UDP or an ICMP message that quotes nothing. Returns how many there were; they stand in `out`
 * from `out.count` on, which is left as it is.
 *
 * The loop calls nothing: a call would make the engine look up every array anew for each packet. Signatures of SYNs with
 * options, which need a loop of their own, are therefore written afterwards. Few wide loads instead of many narrow ones,
 * because each is checked against the view's end.
 */
const plainPackets = (raw: RawBatch, view: DataView, from: number, out: PacketBatch): number => {
  const { offsets, captured, times } = raw;
  const { src, dst, signature, protocol, ttl, ipId, shape, srcPort, dstPort } = out;
  const { tcpFlags, tcpSeq, tcpWindow, tcpOffset, udpLength, icmpType, icmpCode } = out;
  const outTimes = out.times;
  const outBytes = out.bytes;
  const first = out.count;
  const end = Math.min(raw.count, from + out.capacity - first);
  let n = first;
  // SYNs with options: the last one, and in each one's signature the place of the one before it.
  let optioned = -1;
  for (let i = from; i < end; i++) {
    const at = offsets[i]!;
    const size = captured[i]!;
    if (size < 42 || view.getInt32(at + 12) >> 8 !== 0x080045) break;
    const totalAndId = view.getInt32(at + 16);
    const fragmentTtlProtocol = view.getInt32(at + 20);
    const total = totalAndId >>> 16;
    const ports = view.getInt32(at + 34);
    const kind = fragmentTtlProtocol & 0x3fff00ff;
    if (kind === 6) {
      if (size < 54) break;
      const wordsFlagsWindow = view.getInt32(at + 46);
      const words = wordsFlagsWindow >>> 28;
      const header = 20 + 4 * words;
      if (words < 5 || header > total || header + 14 > size) break;
      srcPort[n] = ports >>> 16;
      dstPort[n] = ports;
      tcpSeq[n] = view.getInt32(at + 38);
      tcpOffset[n] = words;
      tcpFlags[n] = wordsFlagsWindow >> 16;
      tcpWindow[n] = wordsFlagsWindow;
      if ((wordsFlagsWindow & 0x120000) === 0x020000) {
        shape[n] = PORTS_AND_SIGNATURE;
        if (words === 5) {
          signature[2 * n] = wordsFlagsWindow << 16;
          signature[2 * n + 1] = NO_OPTIONS;
        } else {
          signature[2 * n + 1] = optioned;
          optioned = n;
        }
      } else shape[n] = SHAPE.ports;
    } else if (kind === 17) {
      const length = view.getUint16(at + 38);
      if (length < 8 || length + 20 > total) break;
      srcPort[n] = ports >>> 16;
      dstPort[n] = ports;
      udpLength[n] = length - 8;
      shape[n] = SHAPE.ports;
    } else {
      // Echo and echo reply; what stands where ports would be begins with their type.
      if (kind !== 1 || total < 28 || (ports & 0xf7000000) !== 0) break;
      icmpType[n] = ports >>> 24;
      icmpCode[n] = ports >> 16;
      shape[n] = 0;
    }
    const to = 4 * n;
    outTimes[n] = times[i]!;
    outBytes[n] = total;
    protocol[n] = kind;
    ipId[n] = totalAndId;
    ttl[n] = fragmentTtlProtocol >> 8;
    src[to] = 0;
    src[to + 1] = 0;
    src[to + 2] = V4_MAPPED;
    src[to + 3] = view.getInt32(at + 26);
    dst[to] = 0;
    dst[to + 1] = 0;
    dst[to + 2] = V4_MAPPED;
    dst[to + 3] = view.getInt32(at + 30);
    n++;
  }
  while (optioned >= 0) {
    const j = optioned;
    const tcp = offsets[from + j - first]! + 34;
    optioned = signature[2 * j + 1]! | 0;
    writeSignature(view, tcp, tcp + 4 * tcpOffset[j]!, signature, 2 * j);
  }
  return n - first;
};

/**
 * Decodes packets of `raw` from index `from` on, appending to `out` until it is full or `raw` ends; returns the index of
 * the next packet. Every packet read adds one to `decoded` or to one undecoded kind. Never throws, and reads no byte outside
 * a packet's own [offset, offset + captured). A packet cut by the snap length is decoded when the headers that its columns
 * need are there; a SYN whose options are cut has no signature.
 */
export const decode = (raw: RawBatch, from: number, out: PacketBatch, counters: DecodeCounters): number => {
  const { bytes, offsets, captured, times, linkType, count } = raw;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let i = from;
  for (;;) {
    if (linkType === LINK.ethernet) {
      const plain = plainPackets(raw, view, i, out);
      counters.decoded += plain;
      out.count += plain;
      i += plain;
    }
    if (i >= count || out.count >= out.capacity) return i;
    const at = offsets[i]!;
    const status = packet(linkType, view, at, at + captured[i]!, out, out.count);
    account(status, out, out.count, counters);
    if (status === STATUS.decoded) out.times[out.count++] = times[i]!;
    i++;
  }
};
