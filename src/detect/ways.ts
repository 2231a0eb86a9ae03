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
  const [signature = ""] = Object.entries(signatures).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0] ?? [];
  return Object.entries(sensors)
    .sort(([a, m], [b, n]) => n.packets - m.packets || (a < b ? -1 : 1))
    .flatMap(([sensor, sight]) => {
      const ttls = ttlsOf(sight);
      return ttls.length > 0 && Math.max(...ttls) - Math.min(...ttls) <= NEAR
        ? [{ sensor, signature, hops: hopsOf(Math.max(...ttls)) }]
        : [];
    });
};

export interface WayCompany {
  /** Sources with this signature that began within a day, at any distance. */
  readonly sources: number;
  /** Those at this one's distance, a hop more or less. */
  readonly same: number;
  /** Which share that would be of hosts as they came before, whatever their signature. */
  readonly usual: number;
}

/**
 * At which distances sources began, by sensor and signature. Hosts of many networks lie at many distances from a sensor; who writes their addresses on
 * packets of his own sends all of them from where he is.
 */
export class Ways {
  /** Sensor, signature, hops, hour: sources. */
  readonly #sensors = new Map<string, Map<string, Map<number, Map<number, number>>>>();

  note({ sensor, signature, hops }: Way, time: number, change: 1 | -1): void {
    let signatures = this.#sensors.get(sensor);
    if (signatures === undefined) this.#sensors.set(sensor, (signatures = new Map()));
    let distances = signatures.get(signature);
    if (distances === undefined) signatures.set(signature, (distances = new Map()));
    let hours = distances.get(hops);
    if (hours === undefined) distances.set(hops, (hours = new Map()));
    const hour = Math.floor(time / HOUR);
    const count = (hours.get(hour) ?? 0) + change;
    if (count > 0) hours.set(hour, count);
    else hours.delete(hour);
  }

  /** Who began like this within a day of a time. */
  company(way: Way, time: number): WayCompany {
    const middle = Math.floor(time / HOUR);
    let [sources, same, before, sameBefore] = [0, 0, 0, 0];
    for (const [signature, distances] of this.#sensors.get(way.sensor) ?? []) {
      for (const [hops, hours] of distances) {
        const isSame = Math.abs(hops - way.hops) <= NEAR;
        for (const [hour, n] of hours) {
          if (signature !== way.signature) {
            // What has this signature may be the forger's of the days before.
            if (hour >= middle - AROUND) continue;
            before += n;
            if (isSame) sameBefore += n;
          } else if (Math.abs(hour - middle) <= AROUND) {
            sources += n;
            if (isSame) same += n;
          }
        }
      }
    }
    const usual = Math.max(SHARE, before >= ENOUGH ? (1.5 * sameBefore) / before : 0);
    return { sources, same, usual: Math.min(0.9, usual) };
  }

  /** Forgets what no question reaches any more. */
  forget(now: number): void {
    const least = Math.floor(now / HOUR) - KEPT;
    for (const [sensor, signatures] of this.#sensors) {
      for (const [signature, distances] of signatures) {
        for (const [hops, hours] of distances) {
          for (const hour of hours.keys()) if (hour < least) hours.delete(hour);
          if (hours.size === 0) distances.delete(hops);
        }
        if (distances.size === 0) signatures.delete(signature);
      }
      if (signatures.size === 0) this.#sensors.delete(sensor);
    }
  }
}
