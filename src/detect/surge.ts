// SPDX-License-Identifier: Apache-2.0
import { KEEP, earlier, learnRhythm, liveliness, newExposure, openHours, within } from "./exposure.ts";
import type { ExposureMemory } from "./exposure.ts";
import { logTail } from "./rarity.ts";
import { ageWatched, noteNews, older, recent, scatterOf } from "./watched.ts";
import type { WatchedMemory } from "./watched.ts";

/**
 * Early warning by new sources: a source is *new* on a port when it had not asked for it in 24 hours, and counts only when it is *focused*, that
 * is asks for few ports and bears no mark of a scanner that asks everybody. What is left on a quiet port is almost nothing, so that ten infected hosts stand out
 * among millions of packets. Counts are compared with the same port's own past, over several windows at once.
 */
export interface SurgeParameters {
  /** A finding needs a window whose count has this chance or less (log10), before any of the millions of other tests. */
  readonly rare: number;
  /** ... and this for a port that was asked for by nobody before (novelty, for analysts). */
  readonly novel: number;
  readonly sources: number;
  readonly networks: number;
  /** Hours a sensor is only watched, after it joined. */
  readonly settle: number;
  /** Hours of the past that must have been seen, summed over what the present has. */
  readonly past: number;
  /** A larger share of sources from space that nobody announces is a storm of forged ones, not an outbreak. */
  readonly unrouted: number;
  /** Hours a finding stays open without a rare window. */
  readonly closes: number;
}
export const surgeParameters: SurgeParameters = {
  rare: -9,
  novel: -6,
  sources: 6,
  networks: 3,
  settle: 24,
  past: 24,
  unrouted: 0.15,
  closes: 24,
};

/** Hours of each window. */
export const windows = [1, 2, 3, 6, 12, 24, 48, KEEP] as const;

/** One port's (and signature's) news of an interval, at one sensor. */
export interface NewsRow {
  readonly protocol: number;
  readonly port: number;
  /** Text of the SYN signature number; empty for UDP. */
  readonly signature: string;
  readonly sensor: string;
  readonly sources: number;
  /** Of these, without an origin AS. */
  readonly unrouted: number;
  /** Packets of all focused sources on this port in the interval, new or not. */
  readonly packets: number;
}
/** How long a sensor looked in an interval, and with how many dark addresses. */
export interface SensorRow {
  readonly sensor: string;
  readonly seconds: number;
  readonly dark: number;
}

export interface SurgeMemory {
  exposure: ExposureMemory;
  /** New sources over all ports in the open hour. */
  crowd: number;
  /** Sensor: hour of its first report. */
  sensors: Record<string, number>;
  /** By "protocol/port" and "protocol/port/signature". */
  keys: Record<string, WatchedMemory>;
  /** Keys with an open finding, and those that ChangeFinder follows. */
  open: string[];
  busy: string[];
}
export const newSurgeMemory = (hour: number): SurgeMemory => ({
  exposure: newExposure(hour),
  crowd: 0,
  sensors: {},
  keys: {},
  open: [],
  busy: [],
});

/** An interval's news of one key. */
export interface Sum {
  sources: number;
  unrouted: number;
  packets: number;
}

/** A key whose count is rare, and how: the window with the smallest chance. */
export interface Rare {
  readonly key: string;
  readonly hours: number;
  readonly sources: number;
  readonly expected: number;
  /** log10 of the chance. */
  readonly chance: number;
}

const MOST_KEYS = 40_000;
/** Faded sources below which a key is let go: one source three weeks ago. */
const FORGOTTEN = 0.5;
/** Sources in three days from which on a port's signatures are watched apart: on a quiet port they say nothing more. */
const CROWDED = 30;

const expectedIn = (memory: SurgeMemory, watched: WatchedMemory, hours: number): number => {
  const past = earlier(memory.exposure, hours);
  if (past <= 0) return 0;
  const rate = older(watched, memory.exposure.hour, hours) / past;
  return rate * within(memory.exposure, hours) * liveliness(memory.exposure, hours);
};

/** Closes the open hour and opens the one of `hour`: what was counted becomes past. */
const turnHour = (memory: SurgeMemory, hour: number): void => {
  const { exposure } = memory;
  if (hour <= exposure.hour) return;
  learnRhythm(exposure, exposure.hour, memory.crowd, exposure.hours.at(-1) ?? 0);
  memory.crowd = 0;
  for (const watched of Object.values(memory.keys)) {
    const expected = expectedIn(memory, watched, 1);
    if (expected < 0.5 || watched.open !== undefined) continue;
    const miss = (recent(watched, exposure.hour, 1).sources - expected) ** 2 / expected;
    const scatter = scatterOf(watched);
    watched.scatter = Math.max(1, Number((scatter + 0.02 * (Math.min(25, miss) - scatter)).toFixed(3)));
  }
  const opened = openHours(exposure, hour);
  for (const [key, watched] of Object.entries(memory.keys)) {
    ageWatched(watched, hour, opened);
    if (watched.open === undefined && watched.hours.length === 0 && (watched.before ?? 0) < FORGOTTEN) {
      delete memory.keys[key];
      memory.busy = memory.busy.filter((one) => one !== key);
    }
  }
};

const hourOf = (time: number): number => Math.floor(time / 3_600e6);

/** Takes an interval's rows in; afterwards `rareNow` tells what stands out. */
export const takeNews = (
  memory: SurgeMemory,
  interval: { readonly from: number; readonly to: number },
  news: readonly NewsRow[],
  sensors: readonly SensorRow[],
  parameters: SurgeParameters,
): ReadonlyMap<string, Sum> => {
  const hour = hourOf(interval.from);
  turnHour(memory, hour);
  const settled = new Set<string>();
  for (const { sensor, seconds, dark } of sensors) {
    const joined = (memory.sensors[sensor] ??= hour);
    if (hour - joined < parameters.settle) continue;
    settled.add(sensor);
    memory.exposure.hours[memory.exposure.hours.length - 1]! += (seconds / 3600) * dark;
  }
  const sums = new Map<string, Sum>();
  for (const row of news) {
    if (!settled.has(row.sensor)) continue;
    memory.crowd += row.sources;
    const port = `${row.protocol}/${row.port}`;
    const crowded = row.signature !== "" && recent(memory.keys[port] ?? { hours: [] }, hour, KEEP).sources >= CROWDED;
    for (const key of crowded ? [port, `${port}/${row.signature}`] : [port]) {
      const sum = sums.get(key) ?? { sources: 0, unrouted: 0, packets: 0 };
      sums.set(key, sum);
      sum.sources += row.sources;
      sum.unrouted += row.unrouted;
      sum.packets += row.packets;
    }
  }
  let room = MOST_KEYS - Object.keys(memory.keys).length;
  for (const [key, { sources, packets }] of sums) {
    let watched = memory.keys[key];
    if (watched === undefined) {
      if (sources === 0 || room-- <= 0) continue;
      watched = memory.keys[key] = { hours: [] };
    }
    noteNews(watched, hour, sources, packets);
  }
  return sums;
};

/** The rarest window of a key, if any is rare at all. */
export const rarest = (memory: SurgeMemory, key: string, parameters: SurgeParameters): Rare | undefined => {
  const watched = memory.keys[key];
  if (watched === undefined) return undefined;
  const { exposure } = memory;
  let best: Rare | undefined;
  for (const hours of windows) {
    const { sources } = recent(watched, exposure.hour, hours);
    const now = within(exposure, hours);
    const past = earlier(exposure, hours);
    // The past must have been long enough to tell what is usual: as many hours as `past`, with as many addresses as now.
    if (sources < 3 || now <= 0 || past < (now / Math.min(hours, exposure.hours.length)) * parameters.past) continue;
    const scale = now * liveliness(exposure, hours);
    const chance = logTail(sources, scale, {
      events: older(watched, exposure.hour, hours),
      exposure: past,
      scatter: scatterOf(watched),
    });
    if (best === undefined || chance < best.chance) {
      best = { key, hours, sources, expected: expectedIn(memory, watched, hours), chance };
    }
  }
  return best;
};
