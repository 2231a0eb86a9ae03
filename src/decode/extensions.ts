// SPDX-License-Identifier: Apache-2.0

/** Bits of a walked chain, beside the protocol in the lowest eight. */
export const CHAIN_FRAGMENT = 256;
export const CHAIN_LATER = 512;
/** The chain runs over the end, or is longer than any honest one. */
export const CHAIN_OVERRUN = -1;
export const CHAIN_TOO_LONG = -2;

/** Extension headers in one packet. RFC 8200 knows six kinds, each once but for destination options (twice). */
const MAX_EXTENSIONS = 8;

/**
 * Walks IPv6 extension headers (hop-by-hop, routing, fragment, destination, AH) of [at, end), beginning with a header of
 * type `first`. Returns the upper-layer protocol | CHAIN_ bits | 1024 * (bytes walked), or one of the negative reasons.
 * Behind a later fragment's header stands no header at all: the walk ends there.
 */
export const upperLayer = (view: DataView, at: number, end: number, first: number): number => {
  let protocol = first;
  let place = at;
  let bits = 0;
  for (let headers = 0; headers <= MAX_EXTENSIONS; headers++) {
    let length: number;
    switch (protocol) {
      case 0: // hop-by-hop
      case 43: // routing
      case 60: // destination options
        if (end - place < 8) return CHAIN_OVERRUN;
        length = 8 * (view.getUint8(place + 1) + 1);
        break;
      case 51: // AH
        if (end - place < 8) return CHAIN_OVERRUN;
        length = 4 * (view.getUint8(place + 1) + 2);
        break;
      case 44: {
        if (end - place < 8) return CHAIN_OVERRUN;
        const fragment = view.getUint16(place + 2);
        length = 8;
        // An "atomic" fragment (RFC 6946) is a whole datagram.
        if ((fragment & 0xfff9) !== 0) bits |= CHAIN_FRAGMENT;
        if ((fragment & 0xfff8) !== 0) return view.getUint8(place) | bits | CHAIN_LATER | (1024 * (place + 8 - at));
        break;
      }
      default:
        return protocol | bits | (1024 * (place - at));
    }
    if (length > end - place) return CHAIN_OVERRUN;
    protocol = view.getUint8(place);
    place += length;
  }
  return CHAIN_TOO_LONG;
};
