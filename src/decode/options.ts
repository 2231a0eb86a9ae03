// SPDX-License-Identifier: Apache-2.0

const SLOTS = 8;
const OTHER = 7;
/** Absent scale, and the largest one that can be told from it. */
const NO_SCALE = 255;
const slotOf = (kind: number): number => (kind === 2 ? 3 : kind === 3 ? 4 : kind === 4 ? 5 : kind === 8 ? 6 : OTHER);

/**
 * Writes the signature (model/signature.ts) of the SYN whose TCP header is at `tcp` and whose options end at `end` into two
 * words of `into`. An option that is malformed (shorter than itself, or running over the end) counts as "other" and ends
 * the list; a ninth option turns the last slot into "other".
 */
export const writeSignature = (view: DataView, tcp: number, end: number, into: Uint32Array, word: number): void => {
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
    if (kind === 2 && length === 4) mss = view.getUint16(at + 2);
    if (kind === 3 && length === 3) scale = Math.min(view.getUint8(at + 2), NO_SCALE - 1);
    order |= slotOf(kind) << shift;
    at += length;
  }
  into[word] = (view.getUint16(tcp + 14) << 16) | mss;
  into[word + 1] = (scale << 24) | order;
};
