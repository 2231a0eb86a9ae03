// SPDX-License-Identifier: Apache-2.0
import { parsePrefix, prefixSize } from "../net/prefix.ts";
import { HOUR } from "./scenario.ts";
import type { SimulatedSensor } from "./scenario.ts";

interface Span {
  readonly from: number;
  readonly to: number;
}

/** The dark addresses of a sensor, numbered through all its prefixes, when they are dark and when it watches them. @throws Error naming what is no IPv4 prefix. */
export class DarkSpace {
  /** Addresses of all prefixes, in force or not. */
  readonly size: number;
  readonly #starts: number[] = [];
  /** How many addresses there are up to the end of each prefix. */
  readonly #ends: number[] = [];
  /** When each prefix is dark, where that is not always. */
  readonly #spans: readonly Span[] | undefined;
  readonly #outages: readonly Span[];

  constructor(
    { dark, changes, outages = [] }: Pick<SimulatedSensor, "dark" | "changes"> & Partial<SimulatedSensor>,
    epoch: number,
  ) {
    let size = 0;
    for (const text of dark) {
      const prefix = parsePrefix(text);
      if (prefix === undefined || prefix.length < 96) throw new Error(`"${text}" is no IPv4 prefix`);
      this.#starts.push(prefix.words[3]);
      size += prefixSize(prefix);
      this.#ends.push(size);
    }
    this.size = size;
    this.#outages = outages.map(({ startHours, hours }) => {
      const from = epoch + startHours * HOUR;
      return { from, to: from + hours * HOUR };
    });
    this.#spans =
      changes &&
      dark.map((text) => {
        const change = changes.find((one) => one.dark === text);
        return {
          from: change?.fromHours === undefined ? -Infinity : epoch + change.fromHours * HOUR,
          to: change?.untilHours === undefined ? Infinity : epoch + change.untilHours * HOUR,
        };
      });
  }

  #sizeOf(i: number): number {
    return this.#ends[i]! - (i === 0 ? 0 : this.#ends[i - 1]!);
  }

  /** The address with a number from 0 up to, not including, `size`. */
  address(number: number): number {
    let i = 0;
    while (number >= this.#ends[i]!) i++;
    return this.#starts[i]! + number - (i === 0 ? 0 : this.#ends[i - 1]!);
  }

  isDark(address: number, time: number): boolean {
    if (this.#spans === undefined) return true;
    for (let i = this.#starts.length - 1; i >= 0; i--) {
      const start = this.#starts[i]!;
      if (address >= start && address < start + this.#sizeOf(i)) {
        const { from, to } = this.#spans[i]!;
        return time >= from && time < to;
      }
    }
    return false;
  }

  /** Addresses that are dark at a time. */
  sizeAt(time: number): number {
    if (this.#spans === undefined) return this.size;
    return this.#spans.reduce((sum, { from, to }, i) => (time >= from && time < to ? sum + this.#sizeOf(i) : sum), 0);
  }

  /** The sensor sees nothing at this time. */
  isAway(time: number): boolean {
    return this.sizeAt(time) === 0 || this.#outages.some(({ from, to }) => time >= from && time < to);
  }

  /** Addresses that are watched in [from, to), in the mean. */
  meanSize(from: number, to: number): number {
    const edges = [from, to, ...[...(this.#spans ?? []), ...this.#outages].flatMap((span) => [span.from, span.to])];
    const cuts = edges.filter((time) => time >= from && time <= to).toSorted((a, b) => a - b);
    let sum = 0;
    for (const [i, cut] of cuts.entries()) {
      if (!this.isAway(cut)) sum += this.sizeAt(cut) * ((cuts[i + 1] ?? cut) - cut);
    }
    return to > from ? sum / (to - from) : 0;
  }
}
