// SPDX-License-Identifier: Apache-2.0
import { V4_MAPPED } from "../net/ip.ts";
import { SHAPE, undecodedKinds } from "../model/packets.ts";
import type { DecodeCounters, PacketBatch, RawBatch } from "../model/packets.ts";
import { LINK, LINK_NOT_IP, LINK_TRUNCATED, ipPlace } from "./link.ts";
import { network } from "./network.ts";
import { writeSignature } from "./options.ts";
import { STATUS } from "./status.ts";

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
 * Decodes packets of `raw` from index `from` on, appending to `out` until it is full or `raw` ends; returns the index of
 * the next packet. Every packet read adds one to `decoded` or to one undecoded kind. Never throws, and reads no byte outside
 * a packet's own [offset, offset + captured). A packet cut by the snap length is decoded when the headers that its columns
 * need are there; a SYN whose options are cut has no signature.
 */
export const decode = (raw: RawBatch, from: number, out: PacketBatch, counters: DecodeCounters): number => {
  const { bytes, offsets, captured, times, linkType, count } = raw;
  const { capacity, src, dst, signature } = out;
  const outTimes = out.times;
  const outBytes = out.bytes;
  const { protocol, ttl, ipId, shape, srcPort, dstPort, tcpFlags, tcpSeq, tcpWindow, tcpOffset } = out;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ethernet = linkType === LINK.ethernet;
  const start = out.count;
  let n = start;
  let slow = 0;
  let i = from;
  for (; i < count && n < capacity; i++) {
    const at = offsets[i]!;
    const size = captured[i]!;
    // The fast path: Ethernet, IPv4 without options or fragments, TCP with all of its header. All else goes the long way.
    if (ethernet && size >= 54 && view.getInt32(at + 12) >> 8 === 0x080045 && view.getUint8(at + 23) === 6) {
      const total = view.getUint16(at + 16);
      const words = view.getUint8(at + 46) >>> 4;
      const header = 20 + 4 * words;
      if ((view.getUint16(at + 20) & 0x3fff) === 0 && words >= 5 && header <= total && header + 14 <= size) {
        const to = 4 * n;
        const flags = view.getUint8(at + 47);
        outTimes[n] = times[i]!;
        outBytes[n] = total;
        protocol[n] = 6;
        ipId[n] = view.getUint16(at + 18);
        ttl[n] = view.getUint8(at + 22);
        src[to] = 0;
        src[to + 1] = 0;
        src[to + 2] = V4_MAPPED;
        src[to + 3] = view.getInt32(at + 26);
        dst[to] = 0;
        dst[to + 1] = 0;
        dst[to + 2] = V4_MAPPED;
        dst[to + 3] = view.getInt32(at + 30);
        srcPort[n] = view.getUint16(at + 34);
        dstPort[n] = view.getUint16(at + 36);
        tcpSeq[n] = view.getInt32(at + 38);
        tcpOffset[n] = words;
        tcpFlags[n] = flags;
        tcpWindow[n] = view.getUint16(at + 48);
        if ((flags & 0x12) === 0x02) {
          writeSignature(view, at + 34, at + 14 + header, signature, 2 * n);
          shape[n] = PORTS_AND_SIGNATURE;
        } else shape[n] = SHAPE.ports;
        n++;
        continue;
      }
    }
    const status = packet(linkType, view, at, at + size, out, n);
    account(status, out, n, counters);
    slow++;
    if (status === STATUS.decoded) {
      outTimes[n] = times[i]!;
      n++;
    }
  }
  out.count = n;
  counters.decoded += i - from - slow;
  return i;
};
