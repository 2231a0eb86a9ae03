// SPDX-License-Identifier: Apache-2.0

/**
 * An IP address as four 32-bit words, most significant first. IPv4 is v4-mapped (::ffff:a.b.c.d), so one form serves
 * both families; columns of addresses are `Uint32Array`s with four words an address.
 */
export type IpWords = readonly [number, number, number, number];

/** The third word of every v4-mapped address; the first two are 0. */
export const V4_MAPPED = 0xffff;

export const isV4 = (words: ArrayLike<number>, at = 0): boolean =>
  words[at] === 0 && words[at + 1] === 0 && words[at + 2] === V4_MAPPED;

const [zero, nine, dot, colon] = [48, 57, 46, 58];

/** Reads a dotted quad that stands in [from, to) and is all of it; -1 when it is none. No substring is made: look-ups by text do this a million times a second. */
const readV4 = (text: string, from: number, to: number): number => {
  let value = 0;
  let at = from;
  for (let part = 0; part < 4; part++) {
    const start = at;
    let octet = 0;
    for (; at < to; at++) {
      const code = text.charCodeAt(at);
      if (code < zero || code > nine) break;
      if (at - start === 3) return -1;
      octet = octet * 10 + code - zero;
    }
    // Octets with leading zeros are refused: they are read as octal elsewhere.
    if (at === start || octet > 255 || (at - start > 1 && text.charCodeAt(start) === zero)) return -1;
    value = value * 256 + octet;
    if (part < 3 && (at >= to || text.charCodeAt(at++) !== dot)) return -1;
  }
  return at === to ? value : -1;
};

/** The 32-bit value of a dotted quad, or undefined. Octets with leading zeros are refused: they are read as octal elsewhere. */
export const parseV4 = (text: string): number | undefined => {
  const value = readV4(text, 0, text.length);
  return value < 0 ? undefined : value;
};

const hexOf = (code: number): number => {
  if (code >= zero && code <= nine) return code - zero;
  const lower = code | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
};

/** The words of an IPv4 or IPv6 address in text form (RFC 4291), or undefined. Zones and prefixes are refused. */
export const parseIp = (text: string): IpWords | undefined => {
  const length = text.length;
  if (length > 45) return undefined;
  const v4 = readV4(text, 0, length);
  if (v4 >= 0) return [0, 0, V4_MAPPED, v4];
  // Groups of 16 bits: before `gap` those at the front, after it those that are moved to the end.
  const groups = [0, 0, 0, 0, 0, 0, 0, 0];
  let count = 0;
  let gap = -1;
  let at = 0;
  if (text.charCodeAt(0) === colon) {
    if (text.charCodeAt(1) !== colon) return undefined;
    at = 2;
    gap = 0;
  }
  while (at < length) {
    if (count === 8) return undefined;
    let value = 0;
    const start = at;
    for (; at < length; at++) {
      const digit = hexOf(text.charCodeAt(at));
      if (digit < 0) break;
      value = value * 16 + digit;
    }
    const code = text.charCodeAt(at);
    if (code === dot) {
      const quad = count > 6 ? -1 : readV4(text, start, length);
      if (quad < 0) return undefined;
      groups[count++] = quad >>> 16;
      groups[count++] = quad & 0xffff;
      at = length;
      break;
    }
    if (at === start || at - start > 4) return undefined;
    groups[count++] = value;
    if (at === length) break;
    if (code !== colon) return undefined;
    at++;
    if (text.charCodeAt(at) === colon) {
      if (gap >= 0) return undefined;
      gap = count;
      at++;
    } else if (at === length) return undefined;
  }
  if (gap < 0 ? count !== 8 : count > 7) return undefined;
  for (let i = 1; gap >= 0 && i <= count - gap; i++) {
    groups[8 - i] = groups[count - i]!;
    groups[count - i] = 0;
  }
  const word = (i: number): number => ((groups[i]! << 16) | groups[i + 1]!) >>> 0;
  return [word(0), word(2), word(4), word(6)];
};

export const formatV4 = (value: number): string =>
  `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;

/** Text of the address whose words start at `at`: a dotted quad for v4-mapped ones, RFC 5952 for the others. */
export const formatIp = (words: ArrayLike<number>, at = 0): string => {
  if (isV4(words, at)) return formatV4(words[at + 3] ?? 0);
  const group = (i: number): number => {
    const word = words[at + (i >> 1)] ?? 0;
    return (i & 1) === 0 ? word >>> 16 : word & 0xffff;
  };
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && group(end) === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
    if (end > i) i = end;
  }
  let text = "";
  for (let i = 0; i < 8; i++) {
    if (i === start) {
      text += i === 0 ? "::" : ":";
      i += length - 1;
    } else text += i === 7 ? group(i).toString(16) : `${group(i).toString(16)}:`;
  }
  return text;
};

/** -1, 0 or 1, as addresses are ordered by value. */
export const compareIp = (a: ArrayLike<number>, aAt: number, b: ArrayLike<number>, bAt: number): number => {
  for (let i = 0; i < 4; i++) {
    const left = a[aAt + i] ?? 0;
    const right = b[bAt + i] ?? 0;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
};
