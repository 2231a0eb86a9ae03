// SPDX-License-Identifier: Apache-2.0
import type { FlowRows } from "../model/flows.ts";

/** A sketch of a row by which the same packets are known again at another sensor. */
interface Trace {
  readonly time: number;
  readonly sensor: string;
}
export interface DuplicateAlarm {
  /** Ascending. */
  readonly sensors: readonly [string, string];
  /** Rows of the smaller side in the window, how many of them the other reports too, and from how many sources. */
  readonly rows: number;
  readonly matched: number;
  readonly sources: number;
}
export interface DuplicateLimits {
  /** Microseconds of rows that are looked at. */
  readonly window: number;
  /** Microseconds between the two first packets. */
  readonly apart: number;
  readonly sources: number;
  /** Share of the smaller side's rows. */
  readonly share: number;
}
export const duplicateLimits: DuplicateLimits = { window: 60_000_000, apart: 50_000, sources: 10, share: 0.5 };

/** Rows kept of one batch at most: a flood must not fill the memory, and a mirrored flood shows in any sample by key. */
const A_BATCH = 512;
const ALL = 65_536;

/** Rows are chosen by their key, so that two sensors that see the same packets keep the same rows. */
const mixed = (value: number, word: number): number => {
  const half = Math.imul(value ^ (word >>> 16), 0x01000193);
  return Math.imul(half ^ (word & 0xffff), 0x01000193);
};
const ended = (value: number): number => (value ^ (value >>> 15)) >>> 0;
/** Two hashes as one number of 53 bits: hardly ever are two keys taken for one. */
const together = (high: number, low: number): number => (high & 0x1fffff) * 0x1_0000_0000 + low;

/** How often a hash can be halved: a row is in the choice of one in 2^k when this is k or more. */
const LEVELS = 16;
const levelOf = (value: number): number => Math.min(LEVELS, 31 - Math.clz32((value & -value) | 1));

interface Kept {
  readonly sensor: string;
  readonly time: number;
  /** One row in 2^level was kept. */
  readonly level: number;
  /** Of each row: its own level; hashes of its key and its source; when it began. */
  readonly levels: Uint8Array;
  readonly keys: Float64Array;
  readonly sources: Float64Array;
  readonly times: Float64Array;
}

/**
 * Finds sensors that report the same packets: a mirrored port, a prefix announced at two places, a copied state folder.
 * Their counts would be added though they are the same. Two rows match that have source, protocol, destination port, first
 * source port and packets in common and begin within 50 ms of each other (packets, because rows end at full seconds: two
 * rows of a scanner that is fast enough begin right behind one, whatever it hits). That two sensors match in more than half of the smaller
 * one's rows, from 10 sources or more, does not happen to scanners that walk through both: their probes reach different
 * addresses at different times, and mostly from different source ports. Rows without ports are left out: nothing in them
 * tells two packets of one source apart.
 */
export class Duplicates {
  readonly #limits: DuplicateLimits;
  /** As they arrived; the first `#gone` of them count no more. A batch costs what it brings, however many are kept. */
  #kept: Kept[] = [];
  #gone = 0;
  #rows = 0;
  /** Of all rows so far. */
  #newest = 0;

  constructor(limits: DuplicateLimits = duplicateLimits) {
    this.#limits = limits;
  }

  /** Notes a batch that arrived. `offset`: the sensor's clock minus the node's, microseconds. */
  add(sensor: string, rows: FlowRows, offset: number): void {
    const { first_seen, src, protocol, dst_port, packets, sample_ports } = rows.columns;
    const keys = new Float64Array(rows.count);
    const sources = new Float64Array(rows.count);
    const times = new Float64Array(rows.count);
    const levels = new Uint8Array(rows.count);
    let kept = 0;
    // A power of two, so that a batch of another size chooses a part of the same rows.
    const level = Math.min(LEVELS, Math.max(0, Math.ceil(Math.log2(rows.count / A_BATCH))));
    let newest = 0;
    for (let i = 0; i < rows.count; i++) {
      const begin = i === 0 ? 0 : (sample_ports.ends[i - 1] ?? 0);
      if ((sample_ports.ends[i] ?? 0) === begin) continue;
      let [one, other] = [0x811c9dc5, 0x2f0b4a27];
      for (let k = 4 * i; k < 4 * i + 4; k++) {
        one = mixed(one, src.values[k] ?? 0);
        other = mixed(other, src.values[k] ?? 0);
      }
      const source = together(ended(one), ended(other));
      for (const word of [protocol.values[i] ?? 0, dst_port.values[i] ?? 0, sample_ports.values[begin] ?? 0]) {
        one = mixed(one, word);
        other = mixed(other, word);
      }
      const own = levelOf(ended(one));
      if (own < level) continue;
      const time = (first_seen.values[i] ?? 0) - offset;
      newest = Math.max(newest, time);
      levels[kept] = own;
      keys[kept] = together(ended(mixed(one, packets.values[i] ?? 0)), ended(mixed(other, packets.values[i] ?? 0)));
      sources[kept] = source;
      times[kept++] = time;
    }
    this.#newest = Math.max(this.#newest, newest);
    if (kept === 0 || this.#isPast(newest)) return;
    this.#kept.push({
      sensor,
      time: newest,
      level,
      levels: levels.slice(0, kept),
      keys: keys.slice(0, kept),
      sources: sources.slice(0, kept),
      times: times.slice(0, kept),
    });
    this.#rows += kept;
    // Each sensor's own last minute: one that is behind is compared with what the others sent of the same time, if kept.
    for (
      let first = this.#kept[this.#gone];
      first !== undefined && (this.#rows > ALL || this.#isPast(first.time));
      first = this.#kept[++this.#gone]
    )
      this.#rows -= first.keys.length;
    // Half of them at a time: each is moved once.
    if (2 * this.#gone >= this.#kept.length) this.#keep(this.#kept.slice(this.#gone));
  }

  #isPast(time: number): boolean {
    return time <= this.#newest - this.#limits.window;
  }

  #keep(kept: Kept[]): void {
    this.#kept = kept;
    this.#gone = 0;
    this.#rows = kept.reduce((sum, { keys }) => sum + keys.length, 0);
  }

  /** What is kept of the last minute: what came late may stand behind what is not over yet. */
  #current(): Kept[] {
    return this.#kept.slice(this.#gone).filter(({ time }) => !this.#isPast(time));
  }

  /** Forgets a sensor's rows (it was revoked). */
  forget(sensor: string): void {
    this.#keep(this.#current().filter((one) => one.sensor !== sensor));
  }

  /** Pairs of sensors that report the same packets now. */
  find(): DuplicateAlarm[] {
    /** Rows a sensor has in the choice of one in 2^k, by k; and the coarsest choice among its batches. */
    const kept = this.#current();
    const rows = new Map<string, number[]>();
    const coarsest = new Map<string, number>();
    const seen = new Set<number>();
    const twice = new Map<number, (Trace & { source: number; level: number })[]>();
    for (const { keys } of kept) {
      for (const key of keys) {
        if (seen.has(key)) twice.set(key, []);
        else seen.add(key);
      }
    }
    for (const { sensor, level, levels, keys, sources, times } of kept) {
      coarsest.set(sensor, Math.max(level, coarsest.get(sensor) ?? 0));
      const counts = rows.get(sensor) ?? Array.from({ length: LEVELS + 1 }, () => 0);
      rows.set(sensor, counts);
      for (const [i, key] of keys.entries()) {
        const own = levels[i] ?? 0;
        for (let k = 0; k <= own; k++) counts[k] = (counts[k] ?? 0) + 1;
        twice.get(key)?.push({ sensor, time: times[i] ?? 0, source: sources[i] ?? 0, level: own });
      }
    }
    const common = (a: string, b: string): number => Math.max(coarsest.get(a) ?? 0, coarsest.get(b) ?? 0);
    const pairs = new Map<string, { sensors: [string, string]; matched: number; sources: Set<number> }>();
    for (const traces of twice.values()) {
      traces.sort((a, b) => a.time - b.time);
      // Each row is matched with at most one of each other sensor.
      const used = new Set<string>();
      for (const [i, one] of traces.entries()) {
        for (let k = i + 1; k < traces.length; k++) {
          const other = traces[k];
          if (other === undefined || other.time - one.time >= this.#limits.apart) break;
          if (other.sensor === one.sensor) continue;
          // Compared in the coarser choice of the two: what one side did not keep is not held against the other.
          if (one.level < common(one.sensor, other.sensor)) continue;
          const sensors: [string, string] =
            one.sensor < other.sensor ? [one.sensor, other.sensor] : [other.sensor, one.sensor];
          const name = sensors.join(" ");
          const [left, right] = [`${name} ${i}`, `${name} ${k}`];
          if (used.has(left) || used.has(right)) continue;
          used.add(left).add(right);
          const pair = pairs.get(name) ?? { sensors, matched: 0, sources: new Set<number>() };
          pair.matched++;
          pair.sources.add(one.source);
          pairs.set(name, pair);
        }
      }
    }
    return [...pairs.values()].flatMap(({ sensors, matched, sources }) => {
      const level = common(...sensors);
      const smaller = Math.min(rows.get(sensors[0])?.[level] ?? 0, rows.get(sensors[1])?.[level] ?? 0);
      if (sources.size < this.#limits.sources || matched <= smaller * this.#limits.share) return [];
      return [{ sensors, rows: smaller, matched, sources: sources.size }];
    });
  }
}
