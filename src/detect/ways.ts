// SPDX-License-Identifier: Apache-2.0
import { ttlsOf } from "./evidence.ts";
import type { Evidence } from "./evidence.ts";
import { HOUR } from "./rows.ts";

/** Hours around an onset in which others like it began at the same time. */
const AROUND = 24;
const KEPT = 8 * 24;
/** Ways that differ by no more hops are one: routes change. */
const NEAR = 1;
/** What systems begin to count TTLs down from. */
const bases = [64, 128, 255];
/** Of hosts at a dozen distances so many lie within a hop of the commonest, and of few earlier ones no more is known. */
const SHARE = 0.25;
const ENOUGH = 50;

/** At what distance a source lies from a sensor, and what its packets look like. */
export interface Way {
  readonly sensor: string;
  readonly signature: string;
  readonly hops: number;
}
const hopsOf = (ttl: number): number => (bases.find((base) => base >= ttl) ?? 255) - ttl;

/** The ways of a source: of each sensor to which it came by one. The sensor with most packets first. */
export const waysOf = ({ sensors, signatures }: Evidence): Way[] => {
  // Without SYNs nothing tells one tool from another.
  const [signature] = Object.entries(signatures).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0] ?? [];
  if (signature === undefined) return [];
  return Object.entries(sensors)
    .sort(([a, m], [b, n]) => n.packets - m.packets || (a < b ? -1 : 1))
    .flatMap(([sensor, sight]) => {
      const ttls = ttlsOf(sight);
      return ttls.length > 0 && Math.max(...ttls) - Math.min(...ttls) <= NEAR
        ? [{ sensor, signature, hops: hopsOf(Math.max(...ttls)) }]
        : [];
    });
};

/** The same tool from the same distance, a hop more or less. */
export const isAlike = (a: Way, b: Way): boolean =>
  a.sensor === b.sensor && a.signature === b.signature && Math.abs(a.hops - b.hops) <= NEAR;

export interface WayCompany {
  /** Sources with this signature that began within a day, at any distance. */
  readonly sources: number;
  /** Those at this one's distance, a hop more or less. */
  readonly same: number;
  /** Which share that would be of hosts as they came before, whatever their signature. */
  readonly usual: number;
}

/** Sources by hops and hour. */
type Distances = Map<number, Map<number, number>>;
const countIn = (distances: Distances, hops: number, hour: number, change: 1 | -1): void => {
  let hours = distances.get(hops);
  if (hours === undefined) distances.set(hops, (hours = new Map()));
  const count = (hours.get(hour) ?? 0) + change;
  if (count > 0) hours.set(hour, count);
  else hours.delete(hour);
};
/** Sources in [from, to), and those of them at most a hop from `at`. */
const sumOf = (distances: Distances | undefined, at: number, from: number, to: number): readonly [number, number] => {
  let [sources, same] = [0, 0];
  for (const [hops, hours] of distances ?? []) {
    let n = 0;
    for (const [hour, count] of hours) if (hour >= from && hour < to) n += count;
    sources += n;
    if (Math.abs(hops - at) <= NEAR) same += n;
  }
  return [sources, same];
};

/**
 * At which distances sources began, by sensor and signature. Hosts of many networks lie at many distances from a sensor; who writes their addresses on
 * packets of his own sends all of them from where he is.
 */
export class Ways {
  /** By sensor, and by sensor and signature. */
  readonly #all = new Map<string, Distances>();
  readonly #alike = new Map<string, Distances>();

  note({ sensor, signature, hops }: Way, time: number, change: 1 | -1): void {
    const hour = Math.floor(time / HOUR);
    for (const [map, key] of [
      [this.#all, sensor],
      [this.#alike, `${sensor} ${signature}`],
    ] as const) {
      let distances = map.get(key);
      if (distances === undefined) map.set(key, (distances = new Map()));
      countIn(distances, hops, hour, change);
    }
  }

  /** Who began like this within a day of a time. */
  company({ sensor, signature, hops }: Way, time: number): WayCompany {
    const middle = Math.floor(time / HOUR);
    const alike = this.#alike.get(`${sensor} ${signature}`);
    const [sources, same] = sumOf(alike, hops, middle - AROUND, middle + AROUND + 1);
    const [all, allSame] = sumOf(this.#all.get(sensor), hops, 0, middle - AROUND);
    // What has this signature may be the forger's of the days before.
    const [own, ownSame] = sumOf(alike, hops, 0, middle - AROUND);
    const usual = all - own >= ENOUGH ? (1.5 * (allSame - ownSame)) / (all - own) : 0;
    return { sources, same, usual: Math.min(0.9, Math.max(SHARE, usual)) };
  }

  /** Forgets what no question reaches any more. */
  forget(now: number): void {
    const least = Math.floor(now / HOUR) - KEPT;
    for (const map of [this.#all, this.#alike]) {
      for (const [key, distances] of map) {
        for (const [hops, hours] of distances) {
          for (const hour of hours.keys()) if (hour < least) hours.delete(hour);
          if (hours.size === 0) distances.delete(hops);
        }
        if (distances.size === 0) map.delete(key);
      }
    }
  }
}
