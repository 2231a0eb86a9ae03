// SPDX-License-Identifier: Apache-2.0
import { V4_MAPPED } from "../net/ip.ts";
import { SHAPE } from "../model/packets.ts";
import type { PacketBatch } from "../model/packets.ts";
import { CHAIN_LATER, upperLayer } from "./extensions.ts";
import { isMapped } from "./mapped.ts";

const ports = (view: DataView, at: number, end: number, protocol: number, out: PacketBatch, n: number): number => {
  if ((protocol !== 6 && protocol !== 17) || end - at < 4) return SHAPE.inner;
  out.innerSrcPort[n] = view.getUint16(at);
  out.innerDstPort[n] = view.getUint16(at + 2);
  return SHAPE.inner | SHAPE.innerPorts;
};

const quotedV4 = (view: DataView, at: number, end: number, out: PacketBatch, n: number): number => {
  const header = 4 * (view.getUint8(at) & 15);
  if (end - at < 20 || header < 20) return 0;
  const protocol = view.getUint8(at + 9);
  const to = 4 * n;
  out.innerProtocol[n] = protocol;
  out.innerSrc[to] = 0;
  out.innerSrc[to + 1] = 0;
  out.innerSrc[to + 2] = V4_MAPPED;
  out.innerSrc[to + 3] = view.getUint32(at + 12);
  out.innerDst[to] = 0;
  out.innerDst[to + 1] = 0;
  out.innerDst[to + 2] = V4_MAPPED;
  out.innerDst[to + 3] = view.getUint32(at + 16);
  // A later fragment has no ports where they would stand.
  return (view.getUint16(at + 6) & 0x1fff) === 0 ? ports(view, at + header, end, protocol, out, n) : SHAPE.inner;
};

const quotedV6 = (view: DataView, at: number, end: number, out: PacketBatch, n: number): number => {
  // Addresses of IPv4 are no quote of anything that was sent.
  if (end - at < 40 || isMapped(view, at + 8) || isMapped(view, at + 24)) return 0;
  for (let word = 0; word < 4; word++) {
    out.innerSrc[4 * n + word] = view.getUint32(at + 8 + 4 * word);
    out.innerDst[4 * n + word] = view.getUint32(at + 24 + 4 * word);
  }
  const first = view.getUint8(at + 6);
  const chain = upperLayer(view, at + 40, end, first);
  // A chain that is cut or broken leaves the protocol its fixed header named.
  out.innerProtocol[n] = chain < 0 ? first : chain & 255;
  if (chain < 0 || (chain & CHAIN_LATER) !== 0) return SHAPE.inner;
  return ports(view, at + 40 + Math.floor(chain / 1024), end, chain & 255, out, n);
};

/**
 * Decodes what is there of the packet quoted by an ICMP error in [at, end); `version` is the error's own. Returns the shape
 * bits it earned: none when the quote is missing or unreadable, which is no fault of the error itself.
 */
export const quoted = (
  view: DataView,
  at: number,
  end: number,
  version: number,
  out: PacketBatch,
  n: number,
): number => {
  if (end <= at || view.getUint8(at) >>> 4 !== version) return 0;
  return version === 4 ? quotedV4(view, at, end, out, n) : quotedV6(view, at, end, out, n);
};
