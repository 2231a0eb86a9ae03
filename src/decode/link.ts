// SPDX-License-Identifier: Apache-2.0

/** LINKTYPE_ values (tcpdump.org/linktypes.html) that are decoded. 12 and 14 are what some systems write for raw IP. */
export const LINK = {
  null: 0,
  ethernet: 1,
  rawBsd: 12,
  rawOpenBsd: 14,
  raw: 101,
  loop: 108,
  sll: 113,
  ipv4: 228,
  ipv6: 229,
  sll2: 276,
} as const;

/** Why there is no IP packet behind the link layer; negative, so that it cannot be a place. */
export const LINK_TRUNCATED = -1;
export const LINK_NOT_IP = -2;
export const LINK_UNKNOWN = -3;

/** Tags and labels one behind the other before a frame is taken for garbage. */
const MAX_TAGS = 16;

/** A place: `at` and the IP version the link layer announced (0: it does not say). */
const place = (at: number, version: number): number => at * 8 + version;

/** MPLS labels to the bottom of the stack; below it stands IP of either version, or something else (a pseudo-wire). */
const behindLabels = (view: DataView, from: number, end: number): number => {
  let at = from;
  for (let labels = 0; labels < MAX_TAGS; labels++) {
    if (end - at < 4) return LINK_TRUNCATED;
    const bottom = view.getUint8(at + 2) & 1;
    at += 4;
    if (bottom === 0) continue;
    if (end - at < 1) return LINK_TRUNCATED;
    const version = view.getUint8(at) >>> 4;
    return version === 4 || version === 6 ? place(at, version) : LINK_NOT_IP;
  }
  return LINK_NOT_IP;
};

/** The place of the IP header, where an EtherType stands at `type` and what it announces begins at `next`. */
const behindType = (view: DataView, type: number, next: number, end: number): number => {
  let at = next;
  let kind = view.getUint16(type);
  for (let tags = 0; tags <= MAX_TAGS; tags++) {
    switch (kind) {
      case 0x0800:
        return place(at, 4);
      case 0x86dd:
        return place(at, 6);
      case 0x8100: // VLAN
      case 0x88a8: // QinQ
      case 0x9100: // QinQ before it was a standard
      case 0x9200:
        if (end - at < 4) return LINK_TRUNCATED;
        kind = view.getUint16(at + 2);
        at += 4;
        break;
      case 0x8847: // MPLS
      case 0x8848:
        return behindLabels(view, at, end);
      case 0x8864: // PPPoE session: what xDSL edges carry
        if (end - at < 8) return LINK_TRUNCATED;
        kind = view.getUint16(at + 6);
        return kind === 0x0021 ? place(at + 8, 4) : kind === 0x0057 ? place(at + 8, 6) : LINK_NOT_IP;
      default:
        return LINK_NOT_IP;
    }
  }
  return LINK_NOT_IP;
};

/** Null and loopback: an address family in the byte order of whoever captured, so both are tried. */
const behindFamily = (view: DataView, at: number, end: number): number => {
  if (end - at < 4) return LINK_TRUNCATED;
  const family = view.getUint16(at) === 0 ? view.getUint32(at) : view.getUint32(at, true);
  switch (family) {
    case 2:
      return place(at + 4, 4);
    case 10: // AF_INET6 has another number on every system: Linux, BSDs, FreeBSD, Darwin
    case 24:
    case 28:
    case 30:
      return place(at + 4, 6);
    default:
      return LINK_NOT_IP;
  }
};

/**
 * Where the IP header of the frame in [at, end) begins, times 8, plus the version announced by the link layer (0: either);
 * or one of the negative reasons. The header itself may lie behind `end`.
 */
export const ipPlace = (linkType: number, view: DataView, at: number, end: number): number => {
  switch (linkType) {
    case LINK.ethernet:
      return end - at < 14 ? LINK_TRUNCATED : behindType(view, at + 12, at + 14, end);
    case LINK.sll:
      return end - at < 16 ? LINK_TRUNCATED : behindType(view, at + 14, at + 16, end);
    case LINK.sll2:
      return end - at < 20 ? LINK_TRUNCATED : behindType(view, at, at + 20, end);
    case LINK.raw:
    case LINK.rawBsd:
    case LINK.rawOpenBsd:
      return place(at, 0);
    case LINK.ipv4:
      return place(at, 4);
    case LINK.ipv6:
      return place(at, 6);
    case LINK.null:
    case LINK.loop:
      return behindFamily(view, at, end);
    default:
      return LINK_UNKNOWN;
  }
};
