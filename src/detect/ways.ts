// SPDX-License-Identifier: Apache-2.0
import { isMirai, topPorts, ttlsOf } from "./evidence.ts";
import type { Evidence } from "./evidence.ts";
import { HOUR } from "./rows.ts";
import { isNmap } from "./signature.ts";

/** Hours around an onset in which others like it began at the same time. */
const AROUND = 24;
const KEPT = 8 * 24;
/** Ways that differ by no more hops are one: routes change. */
const NEAR = 1;
/** What systems begin to count TTLs down from. */
const bases = [64, 128, 255];
/** Of networks at a dozen distances so many lie within a hop of the commonest, and of few earlier ones no more is known. */
const SHARE = 0.25;
const ENOUGH = 20;

/** At what distance a source lies from a sensor, and what its packets look like. */
export interface Way {
  readonly sensor: string;
  readonly tool: string;
  readonly hops: number;
}
const hopsOf = (ttl: number): number => (bases.find((base) => base >= ttl) ?? 255) - ttl;

/**
 * What tells packets of one tool from another's: Mirai's mark (each of its bots draws a window of its own), the signature of most SYNs, or the port of
 * datagrams. Null where the tool draws its TTLs at random, as nmap does: they tell of no distance.
 */
const toolOf = (evidence: Evidence): string | null => {
  const { udp, packets, signatures } = evidence;
  if (isMirai(evidence)) return "mirai";
  const [signature] = Object.entries(signatures).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0] ?? [];
  if (signature !== undefined) return isNmap(signature) ? null : signature;
  return udp * 2 > packets ? (topPorts(evidence, 1)[0]?.[0] ?? "udp") : "echo";
};

/** The ways of a source: of each sensor to which it came by one. The sensor with most packets first. */
export const waysOf = (evidence: Evidence): Way[] => {
  const tool = toolOf(evidence);
  if (tool === null) return [];
  return Object.entries(evidence.sensors)
    .sort(([a, m], [b, n]) => n.packets - m.packets || (a < b ? -1 : 1))
    .flatMap(([sensor, sight]) => {
      const ttls = ttlsOf(sight);
      return ttls.length > 0 && Math.max(...ttls) - Math.min(...ttls) <= NEAR
        ? [{ sensor, tool, hops: hopsOf(Math.max(...ttls)) }]
        : [];
    });
};

/** The same tool from the same distance, a hop more or less. */
export const isAlike = (a: Way, b: Way): boolean =>
  a.sensor === b.sensor && a.tool === b.tool && Math.abs(a.hops - b.hops) <= NEAR;

export interface WayCompany {
  /** Units of this tool that began within a day, at any distance. */
  readonly sources: number;
  /** Those at this one's distance, a hop more or less. */
  readonly same: number;
  /** Which share that would be of networks as they came before, whatever their tool. */
  readonly usual: number;
}

/** Sources, or networks, by hour, hops and name, and how often each was noted. */
type Units = Map<number, Map<number, Map<string, number>>>;
const firstOf = (hours: ReadonlyMap<number, number>): number => Math.min(...hours.keys());

/**
 * At which distances sources began, by sensor and tool. Hosts of many networks lie at many distances from a sensor; who writes their addresses on
 * packets of his own sends all of them from where he is. Hosts of one network lie alike anyhow, so that they count as one unless they are not where their
 * neighbours are.
 */
export class Ways {
  /** By sensor, hops and network: how many of its sources began in which hours. */
  readonly #networks = new Map<string, Map<number, Map<string, Map<number, number>>>>();
  /** By sensor and tool. */
  readonly #units = new Map<string, Units>();
  /** What was answered last, by sensor and tool, until another unit is noted. */
  readonly #answers = new Map<string, Map<number, WayCompany>>();
  /** The latest hour that was asked about. */
  #asked = 0;

  /** A source of a network was seen at a distance, or is not any more. */
  learn({ sensor, hops }: Way, network: string, time: number, change: 1 | -1): void {
    const hour = Math.floor(time / HOUR);
    let distances = this.#networks.get(sensor);
    if (distances === undefined) this.#networks.set(sensor, (distances = new Map()));
    let networks = distances.get(hops);
    if (networks === undefined) distances.set(hops, (networks = new Map()));
    let hours = networks.get(network);
    if (hours === undefined) networks.set(network, (hours = new Map()));
    const first = firstOf(hours);
    const count = (hours.get(hour) ?? 0) + change;
    if (count > 0) hours.set(hour, count);
    else hours.delete(hour);
    // What an answer said was usual then is no more.
    if (hour < this.#asked - AROUND && firstOf(hours) !== first) this.#answers.clear();
    if (hours.size === 0) networks.delete(network);
  }

  /** Counts a unit: a source, or the network of sources that count as one. */
  note({ sensor, tool, hops }: Way, unit: string, time: number, change: 1 | -1): void {
    const name = `${sensor} ${tool}`;
    const hour = Math.floor(time / HOUR);
    this.#answers.delete(name);
    let hours = this.#units.get(name);
    if (hours === undefined) this.#units.set(name, (hours = new Map()));
    let distances = hours.get(hour);
    if (distances === undefined) hours.set(hour, (distances = new Map()));
    let units = distances.get(hops);
    if (units === undefined) distances.set(hops, (units = new Map()));
    const count = (units.get(unit) ?? 0) + change;
    if (count > 0) units.set(unit, count);
    else units.delete(unit);
  }

  /** The share of networks, of those known a day before, that lie at a distance. */
  #usual(sensor: string, at: number, before: number): number {
    let [all, same] = [0, 0];
    for (const [hops, networks] of this.#networks.get(sensor) ?? []) {
      let n = 0;
      for (const hours of networks.values()) if (firstOf(hours) < before) n++;
      all += n;
      if (Math.abs(hops - at) <= NEAR) same += n;
    }
    return Math.min(0.9, Math.max(SHARE, all >= ENOUGH ? (1.5 * same) / all : 0));
  }

  /** Who began like this within a day of a time. The same object as long as the answer is the same. */
  company({ sensor, tool, hops }: Way, time: number): WayCompany {
    const name = `${sensor} ${tool}`;
    const middle = Math.floor(time / HOUR);
    this.#asked = Math.max(this.#asked, middle);
    let answers = this.#answers.get(name);
    if (answers === undefined) this.#answers.set(name, (answers = new Map()));
    const known = answers.get(middle * 256 + hops);
    if (known !== undefined) return known;
    const all = new Set<string>();
    const same = new Set<string>();
    for (const [hour, distances] of this.#units.get(name) ?? []) {
      if (Math.abs(hour - middle) > AROUND) continue;
      for (const [at, units] of distances) {
        for (const unit of units.keys()) {
          all.add(unit);
          if (Math.abs(at - hops) <= NEAR) same.add(unit);
        }
      }
    }
    const usual = same.size < 2 ? 1 : this.#usual(sensor, hops, middle - AROUND);
    const company = { sources: all.size, same: same.size, usual };
    answers.set(middle * 256 + hops, company);
    return company;
  }

  /** Forgets what no question reaches any more. */
  forget(now: number): void {
    const least = Math.floor(now / HOUR) - KEPT;
    this.#answers.clear();
    for (const [name, hours] of this.#units) {
      for (const hour of hours.keys()) if (hour < least) hours.delete(hour);
      if (hours.size === 0) this.#units.delete(name);
    }
    for (const [sensor, distances] of this.#networks) {
      for (const [hops, networks] of distances) {
        for (const [network, hours] of networks) {
          for (const hour of hours.keys()) if (hour < least) hours.delete(hour);
          if (hours.size === 0) networks.delete(network);
        }
        if (networks.size === 0) distances.delete(hops);
      }
      if (distances.size === 0) this.#networks.delete(sensor);
    }
  }
}
