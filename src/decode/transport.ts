// SPDX-License-Identifier: Apache-2.0
import { SHAPE } from "../model/packets.ts";
import type { PacketBatch } from "../model/packets.ts";
import { writeSignature } from "./options.ts";
import { quoted } from "./quoted.ts";
import { STATUS } from "./status.ts";

const SYN_ACK = 0x12;
const SYN = 0x02;

/**
 * Decodes the upper layer of packet `n`, whose IP payload is [at, payloadEnd) by IP's own length, of which [at, seen) was
 * captured. Sets the packet's shape (`shape` are the bits known so far). Too short by IP's length is malformed; cut short
 * by the capture is truncated.
 */
export const transport = (
  view: DataView,
  at: number,
  payloadEnd: number,
  seen: number,
  protocol: number,
  shape: number,
  out: PacketBatch,
  n: number,
): number => {
  switch (protocol) {
    case 6:
      return tcp(view, at, payloadEnd, seen, shape, out, n);
    case 17:
      return udp(view, at, payloadEnd, seen, shape, out, n);
    case 1:
    case 58:
      return icmp(view, at, payloadEnd, seen, protocol, shape, out, n);
    default:
      out.shape[n] = shape;
      return STATUS.decoded;
  }
};

const tcp = (
  view: DataView,
  at: number,
  payloadEnd: number,
  seen: number,
  shape: number,
  out: PacketBatch,
  n: number,
): number => {
  if (payloadEnd - at < 20) return STATUS.tcp_header_length;
  if (seen - at < 20) return STATUS.truncated;
  const words = view.getUint8(at + 12) >>> 4;
  const end = at + 4 * words;
  if (words < 5 || end > payloadEnd) return STATUS.tcp_header_length;
  const flags = view.getUint8(at + 13);
  out.srcPort[n] = view.getUint16(at);
  out.dstPort[n] = view.getUint16(at + 2);
  out.tcpSeq[n] = view.getUint32(at + 4);
  out.tcpOffset[n] = words;
  out.tcpFlags[n] = flags;
  out.tcpWindow[n] = view.getUint16(at + 14);
  let bits = shape | SHAPE.ports;
  // A list of options cut by the snap length would pass for another tool's signature: better none.
  if ((flags & SYN_ACK) === SYN && end <= seen) {
    writeSignature(view, at, end, out.signature, 2 * n);
    bits |= SHAPE.signature;
  }
  out.shape[n] = bits;
  return STATUS.decoded;
};

const udp = (
  view: DataView,
  at: number,
  payloadEnd: number,
  seen: number,
  shape: number,
  out: PacketBatch,
  n: number,
): number => {
  if (payloadEnd - at < 8) return STATUS.udp_length;
  if (seen - at < 8) return STATUS.truncated;
  const length = view.getUint16(at + 4);
  // The first fragment's UDP length is that of the whole datagram.
  if (length < 8 || (length > payloadEnd - at && (shape & SHAPE.fragment) === 0)) return STATUS.udp_length;
  out.srcPort[n] = view.getUint16(at);
  out.dstPort[n] = view.getUint16(at + 2);
  out.udpLength[n] = length - 8;
  out.shape[n] = shape | SHAPE.ports;
  return STATUS.decoded;
};

/** Unreachable, source quench, redirect, time exceeded, parameter problem; in ICMPv6 types 1 to 4. */
const isError = (protocol: number, type: number): boolean =>
  protocol === 58 ? type >= 1 && type <= 4 : type === 3 || type === 4 || type === 5 || type === 11 || type === 12;

const icmp = (
  view: DataView,
  at: number,
  payloadEnd: number,
  seen: number,
  protocol: number,
  shape: number,
  out: PacketBatch,
  n: number,
): number => {
  if (payloadEnd - at < 8) return STATUS.icmp_length;
  if (seen - at < 8) return STATUS.truncated;
  const type = view.getUint8(at);
  out.icmpType[n] = type;
  out.icmpCode[n] = view.getUint8(at + 1);
  out.shape[n] = isError(protocol, type)
    ? shape | quoted(view, at + 8, Math.min(seen, payloadEnd), protocol === 58 ? 6 : 4, out, n)
    : shape;
  return STATUS.decoded;
};
