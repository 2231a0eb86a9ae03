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

const v4Pattern = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** The 32-bit value of a dotted quad, or undefined. Octets with leading zeros are refused: they are read as octal elsewhere. */
export const parseV4 = (text: string): number | undefined => {
  const match = v4Pattern.exec(text);
  if (match === null) return undefined;
  let value = 0;
  for (let i = 1; i <= 4; i++) {
    const part = match[i] ?? "";
    const octet = Number(part);
    if (octet > 255 || (part.length > 1 && part.startsWith("0"))) return undefined;
    value = value * 256 + octet;
  }
  return value;
};

const groups = (text: string): number[] | undefined => {
  if (text === "") return [];
  const found: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (part.includes(".")) {
      const v4 = i === parts.length - 1 ? parseV4(part) : undefined;
      if (v4 === undefined) return undefined;
      found.push(v4 >>> 16, v4 & 0xffff);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) found.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return found;
};

/** The words of an IPv4 or IPv6 address in text form (RFC 4291), or undefined. Zones and prefixes are refused. */
export const parseIp = (text: string): IpWords | undefined => {
  const v4 = parseV4(text);
  if (v4 !== undefined) return [0, 0, V4_MAPPED, v4];
  if (text.length > 45) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? "");
  const tail = halves.length === 2 ? groups(halves[1] ?? "") : [];
  if (head === undefined || tail === undefined) return undefined;
  if (halves.length === 1 ? head.length !== 8 : head.length + tail.length > 7) return undefined;
  const all = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
  const word = (i: number): number => (((all[i] ?? 0) << 16) | (all[i + 1] ?? 0)) >>> 0;
  return [word(0), word(2), word(4), word(6)];
};

export const formatV4 = (value: number): string =>
  `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;

/** Text of the address whose words start at `at`: a dotted quad for v4-mapped ones, RFC 5952 for the others. */
export const formatIp = (words: ArrayLike<number>, at = 0): string => {
  if (isV4(words, at)) return formatV4(words[at + 3] ?? 0);
  const parts: number[] = [];
  for (let i = 0; i < 4; i++) {
    const word = words[at + i] ?? 0;
    parts.push(word >>> 16, word & 0xffff);
  }
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && parts[end] === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
    if (end > i) i = end;
  }
  const hex = (from: number, to: number): string =>
    parts
      .slice(from, to)
      .map((part) => part.toString(16))
      .join(":");
  return start < 0 ? hex(0, 8) : `${hex(0, start)}::${hex(start + length, 8)}`;
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
