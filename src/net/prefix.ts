// SPDX-License-Identifier: Apache-2.0
import { formatIp, isV4, parseIp } from "./ip.ts";
import type { IpWords } from "./ip.ts";

/** A network in CIDR form. `length` counts bits of the 128-bit form: an IPv4 /24 has length 120. */
export interface Prefix {
  readonly words: IpWords;
  readonly length: number;
}

/** The mask of word `i` (0-3) of a prefix with `length` bits. */
export const maskOf = (length: number, i: number): number => {
  const bits = Math.min(32, Math.max(0, length - 32 * i));
  return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
};

/** A prefix from "192.0.2.0/24", "2001:db8::/32" or a single address; undefined when malformed or when host bits are set. */
export const parsePrefix = (text: string): Prefix | undefined => {
  const slash = text.indexOf("/");
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const width = isV4(address) && !text.includes(":") ? 32 : 128;
  let bits = width;
  if (slash >= 0) {
    const digits = text.slice(slash + 1);
    if (!/^\d{1,3}$/.test(digits)) return undefined;
    bits = Number(digits);
    if (bits > width) return undefined;
  }
  const length = 128 - width + bits;
  for (let i = 0; i < 4; i++) {
    if (((address[i] ?? 0) & ~maskOf(length, i)) !== 0) return undefined;
  }
  return { words: address, length };
};

export const formatPrefix = (prefix: Prefix): string =>
  isV4(prefix.words) && prefix.length >= 96
    ? `${formatIp(prefix.words)}/${prefix.length - 96}`
    : `${formatIp(prefix.words)}/${prefix.length}`;

export const prefixContains = (prefix: Prefix, words: ArrayLike<number>, at = 0): boolean => {
  for (let i = 0; i < 4; i++) {
    if ((((words[at + i] ?? 0) ^ (prefix.words[i] ?? 0)) & maskOf(prefix.length, i)) !== 0) return false;
  }
  return true;
};

/** How many addresses a prefix holds (exact up to 2^53). */
export const prefixSize = (prefix: Prefix): number => 2 ** (128 - prefix.length);
