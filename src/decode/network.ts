// SPDX-License-Identifier: Apache-2.0
import { V4_MAPPED } from "../net/ip.ts";
import { SHAPE } from "../model/packets.ts";
import type { PacketBatch } from "../model/packets.ts";
import { CHAIN_FRAGMENT, CHAIN_LATER, CHAIN_OVERRUN, upperLayer } from "./extensions.ts";
import { isMapped } from "./mapped.ts";
import { STATUS } from "./status.ts";
import { transport } from "./transport.ts";

const ipv4 = (view: DataView, at: number, end: number, out: PacketBatch, n: number): number => {
  if (end - at < 20) return STATUS.truncated;
  const header = 4 * (view.getUint8(at) & 15);
  if (header < 20) return STATUS.ip_header_length;
  const total = view.getUint16(at + 2);
  if (total < header) return STATUS.ip_total_length;
  const to = 4 * n;
  const protocol = view.getUint8(at + 9);
  const fragment = view.getUint16(at + 6) & 0x3fff;
  out.bytes[n] = total;
  out.ipId[n] = view.getUint16(at + 4);
  out.ttl[n] = view.getUint8(at + 8);
  out.protocol[n] = protocol;
  out.src[to] = 0;
  out.src[to + 1] = 0;
  out.src[to + 2] = V4_MAPPED;
  out.src[to + 3] = view.getUint32(at + 12);
  out.dst[to] = 0;
  out.dst[to + 1] = 0;
  out.dst[to + 2] = V4_MAPPED;
  out.dst[to + 3] = view.getUint32(at + 16);
  if ((fragment & 0x1fff) !== 0) {
    out.shape[n] = SHAPE.fragment | SHAPE.laterFragment;
    return STATUS.decoded;
  }
  // What lies behind IP's own length is padding of the link layer.
  const payloadEnd = at + total;
  const seen = Math.min(end, payloadEnd);
  if (end - at < header) return STATUS.truncated;
  return transport(view, at + header, payloadEnd, seen, protocol, fragment === 0 ? 0 : SHAPE.fragment, out, n);
};

const ipv6 = (view: DataView, at: number, end: number, out: PacketBatch, n: number): number => {
  if (end - at < 40) return STATUS.truncated;
  // No such packet is ever on a line (RFC 4291, 2.5.5.2): it would pass for one of IPv4, from whoever it names.
  if (isMapped(view, at + 8) || isMapped(view, at + 24)) return STATUS.ip_version;
  const total = 40 + view.getUint16(at + 4);
  const payloadEnd = at + total;
  const seen = Math.min(end, payloadEnd);
  const chain = upperLayer(view, at + 40, seen, view.getUint8(at + 6));
  if (chain < 0) return chain === CHAIN_OVERRUN && end < payloadEnd ? STATUS.truncated : STATUS.ipv6_extension;
  const protocol = chain & 255;
  out.bytes[n] = total;
  out.ipId[n] = 0;
  out.ttl[n] = view.getUint8(at + 7);
  out.protocol[n] = protocol;
  for (let word = 0; word < 4; word++) {
    out.src[4 * n + word] = view.getUint32(at + 8 + 4 * word);
    out.dst[4 * n + word] = view.getUint32(at + 24 + 4 * word);
  }
  const shape = (chain & CHAIN_FRAGMENT) === 0 ? 0 : SHAPE.fragment;
  if ((chain & CHAIN_LATER) !== 0) {
    out.shape[n] = shape | SHAPE.laterFragment;
    return STATUS.decoded;
  }
  return transport(view, at + 40 + (chain >>> 10), payloadEnd, seen, protocol, shape, out, n);
};

/**
 * Decodes the IP packet that begins at `at` and of which [at, end) was captured into place `n` of `out` (all but the time).
 * `announced` is the version the link layer named, 0 for either.
 */
export const network = (
  view: DataView,
  at: number,
  end: number,
  announced: number,
  out: PacketBatch,
  n: number,
): number => {
  if (end <= at) return STATUS.truncated;
  const version = view.getUint8(at) >>> 4;
  if (announced !== 0 && version !== announced) return STATUS.ip_version;
  if (version === 4) return ipv4(view, at, end, out, n);
  if (version === 6) return ipv6(view, at, end, out, n);
  return STATUS.ip_version;
};
