// SPDX-License-Identifier: Apache-2.0
import { DAY, HOUR } from "./rows.ts";
import type { Way } from "./ways.ts";

/** How long a neighbour is known. */
const KEPT = 8 * 24;
/** Neighbours kept of a network and sensor: the newest. */
const MOST = 256;
/** Fewer say nothing. */
const ENOUGH = 3;
/** Hours within which sources of one tool do not vouch for each other: one forger may have made them all. */
const SAME = DAY / HOUR;
/** So many of one tool and hour count at most: two packets in the name of each are quickly forged. */
const TOGETHER = 3;
/** What a host's distance would be if it followed from nothing: one of about twenty. */
const ANY = 1 / 20;

/**
 * How often two hosts of a network differ by so many hops at a third place, from 0 on; what is over is spread over all others. Measured on a
 * honeypot's p0f log (0xsha/sweetie-data, 3,132 hosts) and on reflectors that answered one address (StopDDoS, `amp.UDP.isakmp.pcap`, 2,767 hosts); the idea is hop-count filtering
 * (Wang, Jin, Shin, IEEE/ACM ToN 15(1), 2007).
 */
export const differences = {
  /** Of a /20, or a /48 of IPv6. */
  near: [0.73, 0.195, 0.045, 0.01, 0.008, 0.007],
  /** Of a /16, or a /32. */
  far: [0.57, 0.265, 0.075, 0.035, 0.02, 0.015],
} as const;
/** By hops to and fro, for one of the two signs. */
const kernelOf = (shares: readonly number[]): Float64Array => {
  const rest = 1 - shares.reduce((sum, share) => sum + share, 0);
  return Float64Array.from({ length: 64 }, (_, hops) => {
    const share = shares[hops];
    return share === undefined ? rest / 60 : hops === 0 ? share : share / 2;
  });
};
const near = kernelOf(differences.near);
const far = kernelOf(differences.far);
/** A host may stand some hops before or behind its neighbours, the same at every sensor. */
const shifts: readonly (readonly [hops: number, share: number])[] = [
  [0, 0.86],
  [1, 0.05],
  [-1, 0.05],
  [2, 0.015],
  [-2, 0.015],
  [3, 0.005],
  [-3, 0.005],
];

const isV4 = (key: string): boolean => key.startsWith("00000000000000000000FFFF");
const nearOf = (key: string): string => key.slice(0, isV4(key) ? 29 : 12);
/** The /16 of a host, or its /32 of IPv6: in it distances are alike as a rule. */
export const networkOf = (key: string): string => key.slice(0, isV4(key) ? 28 : 8);

/** 24 bits of a text. */
const hashOf = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0) & 0xffffff;
};
/** Hour, tool and hops in one number. */
const packed = ({ tool, hops }: Way, hour: number): number => (hour * 2 ** 24 + hashOf(tool)) * 64 + Math.min(hops, 63);

export interface Likeness {
  /**
   * How much likelier the ways of a source are for a host of its network than for packets from anywhere: natural logarithm of the ratio. Of one way it
   * is 2.5 at most, of two 5.
   */
  readonly likeness: number;
  /** Ways of which neighbours are known. */
  readonly ways: number;
}

/**
 * At which distances sources lie, by the network they are in: hosts that are near each other lie at like distances from any sensor, and who writes their addresses on
 * packets of his own does not know at which.
 */
export class Neighbours {
  readonly #places = new Map<string, number[]>();

  #change(place: string, value: number, change: 1 | -1): void {
    let list = this.#places.get(place);
    if (list === undefined) {
      if (change < 0) return;
      this.#places.set(place, (list = []));
    }
    if (change > 0) {
      // In order of time, whenever they were noted: the newest stay.
      let at = list.length;
      while (at > 0 && list[at - 1]! > value) at--;
      list.splice(at, 0, value);
      if (list.length > MOST) list.shift();
    } else {
      const at = list.lastIndexOf(value);
      if (at >= 0) list.splice(at, 1);
    }
  }

  note(key: string, way: Way, time: number, change: 1 | -1): void {
    const value = packed(way, Math.floor(time / HOUR));
    for (const prefix of [nearOf(key), networkOf(key)]) this.#change(`${way.sensor} ${prefix}`, value, change);
  }

  /** How many of those before it lie at each distance, none of one tool and day; of one tool and hour as many as `TOGETHER` at most, in their shares. */
  #distances(place: string, { tool }: Way, hour: number): { hops: Float64Array; n: number } {
    const hops = new Float64Array(64);
    const own = hashOf(tool);
    const list = this.#places.get(place) ?? [];
    let n = 0;
    // Values of one hour and tool stand together.
    for (let from = 0, to = 0; from < list.length; from = to) {
      const group = Math.floor(list[from]! / 64);
      while (to < list.length && Math.floor(list[to]! / 64) === group) to++;
      if (Math.floor(group / 2 ** 24) >= (group % 2 ** 24 === own ? hour - SAME : hour)) continue;
      const weight = Math.min(1, TOGETHER / (to - from));
      for (let at = from; at < to; at++) hops[list[at]! % 64]! += weight;
      n += weight * (to - from);
    }
    return { hops, n };
  }

  /** How likely a source is where its neighbours are. Undefined where too few of these began in an hour before it. */
  likeness(key: string, ways: readonly Way[], time: number): Likeness | undefined {
    const hour = Math.floor(time / HOUR);
    const known: { hops: number; of: Float64Array; n: number; kernel: Float64Array }[] = [];
    for (const way of ways) {
      for (const [prefix, kernel] of [
        [nearOf(key), near],
        [networkOf(key), far],
      ] as const) {
        const { hops: of, n } = this.#distances(`${way.sensor} ${prefix}`, way, hour);
        if (n < ENOUGH) continue;
        known.push({ hops: way.hops, of, n, kernel });
        break;
      }
    }
    if (known.length === 0) return undefined;
    let sum = 0;
    for (const [shift, share] of shifts) {
      let product = share;
      for (const { hops, of, n, kernel } of known) {
        let likely = ANY;
        for (let at = 0; at < 64; at++)
          if (of[at]! > 0) likely += of[at]! * kernel[Math.min(63, Math.abs(hops - shift - at))]!;
        product *= likely / (n + 1) / ANY;
      }
      sum += product;
    }
    return { likeness: Math.log(sum), ways: known.length };
  }

  /** Forgets what no question reaches any more. */
  forget(now: number): void {
    const least = (Math.floor(now / HOUR) - KEPT) * 2 ** 30;
    for (const [place, list] of this.#places) {
      const left = list.filter((value) => value >= least);
      if (left.length === 0) this.#places.delete(place);
      else if (left.length < list.length) this.#places.set(place, left);
    }
  }
}

export interface Strangers {
  /** Sources of a tool whose neighbours are known. */
  readonly known: number;
  /** Those of them that are not where their neighbours are. */
  readonly strange: number;
}

/** How many sources of a tool began that are not where their neighbours are. */
export class Crowds {
  readonly #tools = new Map<string, Map<number, [known: number, strange: number]>>();

  note(tool: string, time: number, strange: boolean, change: 1 | -1): void {
    const hour = Math.floor(time / HOUR);
    let hours = this.#tools.get(tool);
    if (hours === undefined) this.#tools.set(tool, (hours = new Map()));
    const counts = hours.get(hour) ?? [0, 0];
    counts[0] += change;
    if (strange) counts[1] += change;
    if (counts[0] > 0) hours.set(hour, counts);
    else hours.delete(hour);
  }

  /** Of those that began within a day of a time. */
  around(tool: string, time: number): Strangers {
    const middle = Math.floor(time / HOUR);
    let [known, strange] = [0, 0];
    for (const [hour, counts] of this.#tools.get(tool) ?? []) {
      if (Math.abs(hour - middle) > SAME) continue;
      known += counts[0];
      strange += counts[1];
    }
    return { known, strange };
  }

  forget(now: number): void {
    const least = Math.floor(now / HOUR) - KEPT;
    for (const [tool, hours] of this.#tools) {
      for (const hour of hours.keys()) if (hour < least) hours.delete(hour);
      if (hours.size === 0) this.#tools.delete(tool);
    }
  }
}
