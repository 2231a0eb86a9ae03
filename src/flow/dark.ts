// SPDX-License-Identifier: Apache-2.0
import { IPV4_SPACE } from "../model/report.ts";
import { isV4 } from "../net/ip.ts";
import type { IpWords } from "../net/ip.ts";
import { maskOf, prefixContains, prefixSize } from "../net/prefix.ts";
import type { Prefix } from "../net/prefix.ts";

/** The 32-bit key of an IPv6 address among retired ones; equal keys are compared in full. */
const retiredKey = (words: ArrayLike<number>, at: number): string =>
  `${words[at]!},${words[at + 1]!},${words[at + 2]!},${words[at + 3]!}`;

/**
 * The declared dark prefixes of a sensor, less the addresses that were retired because something answered there. IPv4
 * prefixes are merged into disjoint ranges and searched by halves; IPv6 prefixes are few and asked one after another. An
 * IPv6 prefix that would cover the v4-mapped block (::/0) does not speak for IPv4.
 */
export class DarkSet {
  readonly #first: Uint32Array;
  readonly #last: Uint32Array;
  readonly #v6: readonly Prefix[];
  readonly #retired = new Map<string, IpWords>();
  readonly #retiredV4 = new Set<number>();
  readonly #declaredV4: number;
  readonly #declared: number;

  constructor(prefixes: readonly Prefix[]) {
    const ranges = prefixes
      .filter((prefix) => isV4(prefix.words) && prefix.length >= 96)
      .map(({ words, length }) => [words[3], (words[3] | ~maskOf(length, 3)) >>> 0] as const)
      .sort((a, b) => a[0] - b[0]);
    const merged: [number, number][] = [];
    for (const [first, last] of ranges) {
      const open = merged.at(-1);
      if (open !== undefined && first <= open[1] + 1) open[1] = Math.max(open[1], last);
      else merged.push([first, last]);
    }
    this.#first = Uint32Array.from(merged, ([first]) => first);
    this.#last = Uint32Array.from(merged, ([, last]) => last);
    const v6 = prefixes.filter((prefix) => !(isV4(prefix.words) && prefix.length >= 96));
    this.#v6 = v6.filter(
      (one, i) =>
        !v6.some(
          (other, j) =>
            i !== j &&
            prefixContains(other, one.words) &&
            (other.length < one.length || (other.length === one.length && j < i)),
        ),
    );
    this.#declaredV4 = merged.reduce((sum, [first, last]) => sum + (last - first + 1), 0);
    this.#declared = this.#declaredV4 + this.#v6.reduce((sum, prefix) => sum + prefixSize(prefix), 0);
  }

  /**
   * Addresses in force: declared and not retired (each counted once, however often it is declared). Whole and at most
   * 2^53 - 1, which an IPv6 prefix of /75 or shorter reaches: what is reported must be a number that everybody can write.
   */
  get size(): number {
    return Math.min(this.#declared, Number.MAX_SAFE_INTEGER) - this.#retired.size;
  }

  /**
   * What a sensor tells its node: the IPv4 addresses in force, for rates and shares are of that space. Where it watches IPv6 alone, how many of those and as
   * many as the whole IPv4 space has: a number that nobody takes for IPv4 addresses.
   */
  get reported(): number {
    const v4 = this.#declaredV4 - this.#retiredV4.size;
    if (v4 > 0 || this.size === 0) return v4;
    return Math.min(IPV4_SPACE + this.size, Number.MAX_SAFE_INTEGER - this.#retired.size);
  }

  /** Whether the IPv4 address is declared dark (retired or not). */
  containsV4(address: number): boolean {
    const first = this.#first;
    let low = 0;
    let high = first.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if (address < first[middle]!) high = middle - 1;
      else if (address > this.#last[middle]!) low = middle + 1;
      else return true;
    }
    return false;
  }

  /** Whether the address whose four words start at `at` is declared dark (retired or not). */
  contains(words: ArrayLike<number>, at = 0): boolean {
    if (isV4(words, at)) return this.containsV4(words[at + 3]!);
    for (const prefix of this.#v6) if (prefixContains(prefix, words, at)) return true;
    return false;
  }

  /** Takes a dark address out of service: what is sent to it is counted and makes no flow. False when it is not declared or already retired. */
  retire(words: ArrayLike<number>, at = 0): boolean {
    const key = retiredKey(words, at);
    if (this.#retired.has(key) || !this.contains(words, at)) return false;
    this.#retired.set(key, [words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!]);
    if (isV4(words, at)) this.#retiredV4.add(words[at + 3]!);
    return true;
  }

  isRetired(words: ArrayLike<number>, at = 0): boolean {
    if (this.#retired.size === 0) return false;
    return isV4(words, at) ? this.#retiredV4.has(words[at + 3]!) : this.#retired.has(retiredKey(words, at));
  }

  /** The retired addresses, in the order in which they were. For the sensor's own operator: they never leave the sensor. */
  get retired(): readonly IpWords[] {
    return [...this.#retired.values()];
  }
}
