// SPDX-License-Identifier: Apache-2.0
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { OriginTable, flatten, overlay } from "../../net/ranges.ts";
import type { Overlay, Ranges } from "../../net/ranges.ts";
import { AppError } from "../../platform/errors.ts";

/**
 * Prefix data: four CSV files in the form of @ip-location-db's `-num` files, without a heading line. `first,last,asn,name`
 * for origin ASes, `first,last,CC` for countries; addresses as decimal numbers of 32 or 128 bits.
 */
export interface OriginFiles {
  readonly asnV4: string;
  readonly asnV6: string;
  readonly countryV4: string;
  readonly countryV6: string;
}
const fileNames: OriginFiles = {
  asnV4: "asn-ipv4-num.csv",
  asnV6: "asn-ipv6-num.csv",
  countryV4: "geo-whois-asn-country-ipv4-num.csv",
  countryV6: "geo-whois-asn-country-ipv6-num.csv",
};

/** The files of the packages that the program comes with. */
export const packagedOrigins = (): OriginFiles => {
  const { resolve } = createRequire(import.meta.url);
  const [asn, country] = ["@ip-location-db/asn", "@ip-location-db/geo-whois-asn-country"].map((name) =>
    dirname(resolve(`${name}/package.json`)),
  ) as [string, string];
  return {
    asnV4: join(asn, fileNames.asnV4),
    asnV6: join(asn, fileNames.asnV6),
    countryV4: join(country, fileNames.countryV4),
    countryV6: join(country, fileNames.countryV6),
  };
};
/** The files of those names in a folder; each that is missing there is taken from `otherwise`. */
export const originsIn = (folder: string, otherwise: OriginFiles = packagedOrigins()): OriginFiles => {
  const there = new Set(readdirSync(folder));
  return Object.fromEntries(
    Object.entries(fileNames).map(([role, name]) => [
      role,
      there.has(name) ? join(folder, name) : otherwise[role as keyof OriginFiles],
    ]),
  ) as unknown as OriginFiles;
};

const [comma, quote, newline, zero, letterA] = [44, 34, 10, 48, 65];
const names = new TextDecoder();

/** Reads one file. `valueOf` is given the bytes behind the second comma and answers a number above 0, or 0 to pass the line over. */
const readRanges = (
  path: string,
  width: 1 | 4,
  valueOf: (bytes: Uint8Array, from: number, to: number) => number,
): Ranges => {
  const bytes = readFileSync(path);
  let lines = 1;
  for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, end + 1)) lines++;
  const first = new Uint32Array(lines * width);
  const last = new Uint32Array(lines * width);
  const values = new Uint32Array(lines);
  let count = 0;
  let at = 0;
  const wrong = (): never => {
    throw new AppError("STORE_PREFIXES", `${path}: line ${count + 1} is not first,last,value`, { path });
  };
  /** Makes `into` (`width` words) `into * scale + digits`: six digits at a time, so that no product passes 2^53. */
  const fold = (into: Uint32Array, offset: number, scale: number, digits: number): void => {
    let carry = digits;
    for (let word = width - 1; word >= 0; word--) {
      const value = into[offset + word]! * scale + carry;
      into[offset + word] = value;
      carry = value < 0x1_0000_0000 ? 0 : Math.floor(value / 0x1_0000_0000);
    }
    if (carry > 0) wrong();
  };
  /** A decimal number up to the next comma. */
  const number = (into: Uint32Array, offset: number): void => {
    const start = at;
    // An IPv4 address is exact as it is read; of so many digits nothing is lost before it is found too large.
    const most = width === 1 ? 1e15 : 1e6;
    let scale = 1;
    let digits = 0;
    for (let byte = bytes[at]!; byte !== comma; byte = bytes[++at]!) {
      const digit = byte - zero;
      if (!(digit >= 0 && digit <= 9)) wrong();
      digits = digits * 10 + digit;
      scale *= 10;
      if (scale < most) continue;
      fold(into, offset, scale, digits);
      [scale, digits] = [1, 0];
    }
    if (scale > 1) fold(into, offset, scale, digits);
    if (at++ === start) wrong();
  };
  while (at < bytes.length) {
    if (bytes[at] === newline || bytes[at] === 13) {
      at++;
      continue;
    }
    number(first, count * width);
    number(last, count * width);
    const end = bytes.indexOf(newline, at);
    const to = end < 0 ? bytes.length : end;
    const value = valueOf(bytes, at, bytes[to - 1] === 13 ? to - 1 : to);
    at = to + 1;
    if (value > 0) {
      values[count++] = value;
      continue;
    }
    for (let word = 0; word < width; word++) first[count * width + word] = last[count * width + word] = 0;
  }
  return { width, count, first, last, values };
};

interface Built {
  readonly v4: Overlay;
  readonly v6: Overlay;
  readonly countries: readonly string[];
  readonly names: readonly (readonly [number, string])[];
}

const build = (files: OriginFiles): Built => {
  const byAsn = new Map<number, string>();
  const countries: string[] = [];
  const asn = (bytes: Uint8Array, from: number, to: number): number => {
    let value = 0;
    let at = from;
    for (; at < to && bytes[at] !== comma; at++) value = value * 10 + bytes[at]! - zero;
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) return 0;
    if (value > 0 && !byAsn.has(value)) {
      const quoted = bytes[at + 1] === quote && bytes[to - 1] === quote;
      const text = names.decode(bytes.subarray(at + 1 + (quoted ? 1 : 0), quoted ? to - 1 : to));
      byAsn.set(value, quoted ? text.replaceAll('""', '"') : text);
    }
    return value;
  };
  /** By the two letters of its code: 0 where it has not come yet. */
  const numbers = new Uint16Array(26 * 26);
  const country = (bytes: Uint8Array, from: number, to: number): number => {
    const [a, b] = [bytes[from]! - letterA, bytes[from + 1]! - letterA];
    if (to - from !== 2 || !(a >= 0 && a < 26 && b >= 0 && b < 26)) return 0;
    const known = numbers[a * 26 + b]!;
    if (known > 0) return known;
    countries.push(String.fromCharCode(a + letterA, b + letterA));
    return (numbers[a * 26 + b] = countries.length);
  };
  const of = (path: string, width: 1 | 4, value: typeof asn) => flatten(readRanges(path, width, value));
  return {
    v4: overlay(of(files.asnV4, 1, asn), of(files.countryV4, 1, country)),
    v6: overlay(of(files.asnV6, 4, asn), of(files.countryV6, 4, country)),
    countries,
    names: [...byAsn].toSorted(([a], [b]) => a - b),
  };
};

const magic = "layang-origins-1";
const arraysOf = ({ v4, v6 }: Built): Uint32Array[] => [v4.starts, v4.left, v4.right, v6.starts, v6.left, v6.right];

/** Tables of other files, or of other places of the program, that nobody has used for so long leave, and what a killed process left of one; milliseconds. */
const UNUSED = 30 * 86_400_000;
/** Whether a file of this name is a built table, or part of one: made again where it is missing. */
export const isOriginCache = (name: string): boolean => /^origins(?:-[0-9a-f]{16})?\.bin(?:\.|$)/.test(name);
const tidy = (folder: string, own: string): void => {
  for (const name of readdirSync(folder)) {
    if (name === own || !isOriginCache(name)) continue;
    const file = join(folder, name);
    const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    // Of the last form there is one without a key.
    if (name === "origins.bin" || age > (name.endsWith(".bin") ? UNUSED : UNUSED / 30)) rmSync(file, { force: true });
  }
};

const writeCache = (path: string, key: string, built: Built): void => {
  const arrays = arraysOf(built);
  const head = { magic, key, lengths: arrays.map((one) => one.length), countries: built.countries, names: built.names };
  const text = Buffer.from(JSON.stringify(head));
  const size = Buffer.alloc(8);
  size.writeUInt32LE(text.length);
  const padding = Buffer.alloc((4 - (text.length % 4)) % 4, 32);
  const parts = arrays.map((one) => Buffer.from(one.buffer, one.byteOffset, one.byteLength));
  const part = `${path}.${randomUUID()}`;
  try {
    writeFileSync(part, Buffer.concat([size, text, padding, ...parts]));
    renameSync(part, path);
    tidy(dirname(path), basename(path));
  } catch {
    // A full disk, or one that may not be written: it is only a faster way to the same table.
    rmSync(part, { force: true });
  }
};

const readCache = (path: string, key: string): Built | undefined => {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    // No cache yet, or none that can be read: it is only a faster way to the same table.
    return undefined;
  }
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // Read only: nobody tidies there either.
  }
  try {
    const size = bytes.readUInt32LE(0);
    const head = JSON.parse(bytes.toString("utf8", 8, 8 + size)) as Pick<Built, "countries" | "names"> & {
      magic: string;
      key: string;
      lengths: number[];
    };
    if (head.magic !== magic || head.key !== key) return undefined;
    let at = 8 + Math.ceil(size / 4) * 4;
    const body = new Uint8Array(bytes).buffer;
    const [s4, l4, r4, s6, l6, r6] = head.lengths.map((length) => {
      const one = new Uint32Array(body, at, length);
      at += length * 4;
      return one;
    }) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array];
    return {
      v4: { width: 1, starts: s4, left: l4, right: r4 },
      v6: { width: 4, starts: s6, left: l6, right: r6 },
      countries: head.countries,
      names: head.names,
    };
  } catch {
    // A cache cut short or of another version: built anew.
    return undefined;
  }
};

/** The prefix data in force, and the way to newer ones. A table once handed out stays as it is. */
export class Origins {
  readonly #files: () => OriginFiles;
  readonly #folder: string | null;
  #key = "";
  #built: Built | null = null;
  #table: OriginTable | null = null;

  /** `files` is asked again at every reload; `folder` keeps the built table for the next start (null: nowhere). */
  constructor(files: () => OriginFiles, folder: string | null) {
    this.#files = files;
    if (folder !== null) mkdirSync(folder, { recursive: true });
    this.#folder = folder;
    this.#take(this.#keyOf());
  }

  get table(): OriginTable {
    return this.#table!;
  }
  /** AS numbers with their names, ascending. */
  get names(): readonly (readonly [number, string])[] {
    return this.#built!.names;
  }

  #keyOf(): string {
    const files = Object.values(this.#files()).map((path: string) => {
      try {
        const { size, mtimeMs } = statSync(path);
        return [path, size, mtimeMs];
      } catch (error) {
        throw new AppError("STORE_PREFIXES", `${path}: cannot be read`, { cause: String(error) });
      }
    });
    return createHash("sha256").update(JSON.stringify(files)).digest("hex");
  }

  #cacheOf(key: string): string | null {
    return this.#folder === null ? null : join(this.#folder, `origins-${key.slice(0, 16)}.bin`);
  }

  #take(key: string): void {
    const cache = this.#cacheOf(key);
    const cached = cache === null ? undefined : readCache(cache, key);
    const built = cached ?? build(this.#files());
    if (cached === undefined && cache !== null) writeCache(cache, key, built);
    this.#table = new OriginTable(built.v4, built.v6, built.countries);
    this.#built = built;
    this.#key = key;
  }

  /** Takes the files as they are now; false when they did not change. Throws STORE_PREFIXES and keeps the old table. */
  reload(): boolean {
    const key = this.#keyOf();
    if (key === this.#key) return false;
    this.#take(key);
    return true;
  }

  /** Forgets the built table on disk. */
  dropCache(): void {
    const cache = this.#cacheOf(this.#key);
    if (cache !== null) rmSync(cache, { force: true });
  }
}
