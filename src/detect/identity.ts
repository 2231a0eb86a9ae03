// SPDX-License-Identifier: Apache-2.0

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
const mixed = (value: number): number => {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
};

/**
 * 128 bits of a text as 32 hexadecimal digits: four lanes over the UTF-16 units, each stirred with the others at the end
 * (in the manner of MurmurHash3, A. Appleby, public domain). It tells subjects apart; it is no signature.
 */
export const hash128 = (text: string): string => {
  let [a, b, c, d] = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i) + 1;
    a = Math.imul(rotate(a ^ Math.imul(unit, 0x239b961b), 15), 5) + 0x561ccd1b;
    b = Math.imul(rotate(b ^ Math.imul(unit, 0xab0e9789), 16), 5) + 0x0bcaa747;
    c = Math.imul(rotate(c ^ Math.imul(unit ^ (a >>> 7), 0x38b34ae5), 17), 5) + 0x96cd1c35;
    d = Math.imul(rotate(d ^ Math.imul(unit ^ (b >>> 9), 0xa1e38b93), 18), 5) + 0x32ac3b17;
  }
  for (let round = 0; round < 2; round++) {
    a = mixed(a ^ text.length) + b + c + d;
    b = mixed(b ^ a);
    c = mixed(c ^ b);
    d = mixed(d ^ c);
    a ^= d;
  }
  return [a, b, c, d].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
};

export interface Identity {
  readonly detector: string;
  readonly kind: string;
  readonly realm: string;
  readonly exercise: string;
  /** What the claim is about: an address, a port, a group. */
  readonly subject: string;
  /** When it began, microseconds UTC. */
  readonly opening: number;
}

/** The id of a detection: the same claim has the same id wherever and whenever it is made. */
export const detectionId = ({ detector, kind, realm, exercise, subject, opening }: Identity): string =>
  hash128(JSON.stringify([detector, kind, realm, exercise, subject, opening]));
