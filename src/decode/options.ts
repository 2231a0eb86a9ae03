// SPDX-License-Identifier: Apache-2.0

const SLOTS = 8;
const OTHER = 7;
/** Absent scale, and the largest one that can be told from it. */
const NO_SCALE = 255;
/** An option of the wrong size is not the one it says it is. */
const slotOf = (kind: number, length: number): number => {
  if (kind === 2 && length === 4) return 3;
  if (kind === 3 && length === 3) return 4;
  if (kind === 4 && length === 2) return 5;
  return kind === 8 && length === 10 ? 6 : OTHER;
};

/** The three lists that most SYNs carry, packed as the general loop would pack them. */
const MSS = 0x600000; // mss
const LINUX = 0x772800; // mss,sok,ts,nop,ws
const WINDOWS = 0x6a2540; // mss,nop,ws,nop,nop,sok

/**
 * Writes the signature (model/signature.ts) of the SYN whose TCP header is at `tcp` and whose options end at `end` into two
 * words of `into`. An option that is malformed (shorter than itself, or running over the end) counts as "other" and ends
 * the list; one of the wrong size counts as "other"; a ninth option turns the last slot into "other".
 */
export const writeSignature = (view: DataView, tcp: number, end: number, into: Uint32Array, word: number): void => {
  const size = end - tcp - 20;
  const window = view.getUint16(tcp + 14) << 16;
  if (size >= 4) {
    const first = view.getInt32(tcp + 20);
    if (first >>> 16 === 0x0204) {
      // Recognised whole: reading option by option costs several times as much, and these are nearly all SYNs.
      if (size === 4) {
        into[word] = window | (first & 0xffff);
        into[word + 1] = (NO_SCALE << 24) | MSS;
        return;
      }
      if (size === 20 && view.getInt32(tcp + 24) === 0x0402080a) {
        const last = view.getInt32(tcp + 36);
        if (last >>> 8 === 0x010303) {
          into[word] = window | (first & 0xffff);
          into[word + 1] = (Math.min(last & 255, NO_SCALE - 1) << 24) | LINUX;
          return;
        }
      }
      if (size === 12 && view.getInt32(tcp + 28) === 0x01010402) {
        const middle = view.getInt32(tcp + 24);
        if (middle >>> 8 === 0x010303) {
          into[word] = window | (first & 0xffff);
          into[word + 1] = (Math.min(middle & 255, NO_SCALE - 1) << 24) | WINDOWS;
          return;
        }
      }
    }
  }
  readOptions(view, tcp, end, into, word);
};

/** Option by option, whatever they are. */
export const readOptions = (view: DataView, tcp: number, end: number, into: Uint32Array, word: number): void => {
  let order = 0;
  let slots = 0;
  let mss = 0;
  let scale = NO_SCALE;
  let at = tcp + 20;
  while (at < end) {
    const kind = view.getUint8(at);
    if (slots === SLOTS) {
      order |= OTHER;
      break;
    }
    const shift = 21 - 3 * slots;
    slots++;
    if (kind === 0) {
      order |= 1 << shift;
      break;
    }
    if (kind === 1) {
      order |= 2 << shift;
      at++;
      continue;
    }
    const length = end - at < 2 ? 0 : view.getUint8(at + 1);
    if (length < 2 || length > end - at) {
      order |= OTHER << shift;
      break;
    }
    const slot = slotOf(kind, length);
    if (slot === 3) mss = view.getUint16(at + 2);
    else if (slot === 4) scale = Math.min(view.getUint8(at + 2), NO_SCALE - 1);
    order |= slot << shift;
    at += length;
  }
  into[word] = (view.getUint16(tcp + 14) << 16) | mss;
  into[word + 1] = (scale << 24) | order;
};
