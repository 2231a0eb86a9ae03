// SPDX-License-Identifier: Apache-2.0
import { FADE, KEEP, earlier, learnRhythm, liveliness, newExposure, openHours, within } from "./exposure.ts";
import type { ExposureMemory } from "./exposure.ts";
import { logTail } from "./rarity.ts";
import { ageWatched, noteNews, noteScatter, older, recent, scatterOf } from "./watched.ts";
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
  /** ... and so many times what is usual. */
  readonly times: number;
  readonly networks: number;
  /** Hours a sensor is only watched, after it joined, or came back from so long away: everybody seems new to it. */
  readonly settle: number;
  /** Hours of the past that must have been seen, summed over what the present has. */
  readonly past: number;
  /** Share of the surplus that may come from one network; what is above it is not counted. */
  readonly share: number;
  /** Hours a finding stays open without a rare window. */
  readonly closes: number;
}
export const surgeParameters: SurgeParameters = {
  rare: -7,
  novel: -5,
  sources: 6,
  times: 1.5,
  networks: 3,
  settle: 24,
  past: 24,
  share: 0.03,
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
  /** Sensor: hour of its first report, since it was last away for long. */
  sensors: Record<string, number>;
  /** Sensor: hour of its newest report; what version 5 wrote down has none. */
  seen?: Record<string, number>;
  /** By "protocol/port" and "protocol/port/signature". */
  keys: Record<string, WatchedMemory>;
  /** Keys with an open finding, and those that ChangeFinder follows. */
  open: string[];
  busy: string[];
  /** Crowded ports and their signatures. */
  crowded: string[];
  /** How many `keys` there are. */
  size: number;
  /** The first day of the sensors that were there from the beginning; null once it says no more than the days since. */
  opening: OpeningMemory | null;
}
/**
 * In the first day every source seems new, so that what came then says too much of a port; but a port that nobody asked for was silent, and that silence
 * is past like any other.
 */
export interface OpeningMemory {
  readonly hour: number;
  /** Address-hours, faded. */
  exposure: number;
  /** Ports (and their signatures) with a source. */
  asked: Record<string, 1>;
}
export const newSurgeMemory = (hour: number): SurgeMemory => ({
  exposure: newExposure(hour),
  crowd: 0,
  sensors: {},
  seen: {},
  keys: {},
  open: [],
  busy: [],
  crowded: [],
  size: 0,
  opening: { hour, exposure: 0, asked: {} },
});

/** An interval's news of one key. */
export interface Sum {
  sources: number;
  packets: number;
}

export interface News {
  /** By key. */
  readonly sums: ReadonlyMap<string, Sum>;
  readonly looks: readonly Look[];
}

/** A key whose count is rare, and how: the window with the smallest chance. */
export interface Rare {
  readonly key: string;
  readonly look: Look;
  readonly sources: number;
  readonly expected: number;
  /** log10 of the chance. */
  readonly chance: number;
}

/** Keys kept over a day's end: those with most sources; and within a day, as many as there are ports, and as many again with signatures. */
const MOST_KEYS = 40_000;
const MOST_IN_DAY = 2 * 131_072;
/** Faded sources below which a key is let go when nobody came in the kept hours: a lone source says as little as none. */
const FORGOTTEN = 1.2;
/** Sources in three days from which on a port's signatures are watched apart: on a quiet port they say nothing more. */
const CROWDED = 30;

/** The port of a key; the key itself where it is one. */
const portOf = (key: string): string => {
  const cut = key.indexOf("/", key.indexOf("/") + 1);
  return cut < 0 ? key : key.slice(0, cut);
};

/** What was there to see in a window and before it: the same for all keys. */
export interface Look {
  /** Hours of the window, and hours back from now at which its past ends. */
  readonly hours: number;
  readonly lag: number;
  /** Address-hours in the window, and those times how lively its hours usually are. */
  readonly now: number;
  readonly scale: number;
  /** Address-hours of the past. */
  readonly past: number;
}
const lookAt = (exposure: ExposureMemory, hours: number, lag: number): Look => {
  const now = within(exposure, hours);
  return { hours, lag, now, scale: now * liveliness(exposure, hours), past: earlier(exposure, lag) };
};
/** Every window against all that was before it, and against what was before the longest one: what grows slowly is not to be its own past. */
const looksAt = (exposure: ExposureMemory): Look[] =>
  windows.flatMap((hours) => [
    lookAt(exposure, hours, hours),
    ...(hours < KEEP ? [lookAt(exposure, hours, KEEP)] : []),
  ]);

/** Address-hours of a look's past in which the key would have been counted. */
const pastOf = (memory: SurgeMemory, key: string, { lag, past }: Look): number => {
  const { exposure, opening } = memory;
  const port = portOf(key);
  if (port === key) return past + (opening !== null && opening.asked[port] === undefined ? opening.exposure : 0);
  // A signature is counted from when its port was found crowded: what was before is not known.
  const since = memory.keys[port]?.crowded ?? exposure.hour;
  const known = Math.max(0, exposure.hour - lag - since);
  return Math.min(past, (known * within(exposure, KEEP)) / exposure.hours.length);
};

/** What a key's count in a look's window is compared with. */
const usualIn = (memory: SurgeMemory, key: string, watched: WatchedMemory, look: Look): number => {
  const past = pastOf(memory, key, look);
  return past <= 0 ? 0 : (older(watched, memory.exposure.hour, look.lag) / past) * look.scale;
};

/** Lets keys go that say nothing any more, and the least of those that are too many: whoever asks for every port once is not to crowd out the rest. */
const sweep = (memory: SurgeMemory, hour: number): void => {
  const left: { readonly key: string; readonly weight: number; readonly last: number }[] = [];
  for (const [key, watched] of Object.entries(memory.keys)) {
    ageWatched(watched, hour);
    const weight = watched.open === undefined ? (watched.before ?? 0) + recent(watched, hour, KEEP).sources : Infinity;
    if (watched.hours.length === 0 && weight < FORGOTTEN) delete memory.keys[key];
    else left.push({ key, weight, last: watched.hours.at(-3) ?? 0 });
  }
  if (left.length > MOST_KEYS) {
    left.sort((a, b) => b.weight - a.weight || b.last - a.last || (a.key < b.key ? -1 : 1));
    for (const { key } of left.slice(MOST_KEYS)) delete memory.keys[key];
  }
  memory.size = Math.min(left.length, MOST_KEYS);
  memory.busy = memory.busy.filter((key) => memory.keys[key] !== undefined);
  memory.crowded = memory.crowded.filter((key) => memory.keys[key] !== undefined);
};

/** Closes the open hour and opens the one of `hour`: what was counted becomes past. */
const turnHour = (memory: SurgeMemory, hour: number): void => {
  const { exposure } = memory;
  if (hour <= exposure.hour) return;
  learnRhythm(exposure, exposure.hour, memory.crowd, exposure.hours.at(-1) ?? 0);
  memory.crowd = 0;
  const look = lookAt(exposure, 1, 1);
  for (const key of memory.crowded) {
    const watched = memory.keys[key];
    if (watched === undefined || watched.open !== undefined) continue;
    ageWatched(watched, exposure.hour);
    const expected = usualIn(memory, key, watched, look);
    if (expected < 0.5) continue;
    noteScatter(watched, exposure.hour, (recent(watched, exposure.hour, 1).sources - expected) ** 2 / expected);
  }
  const day = Math.floor(hour / 24) > Math.floor(exposure.hour / 24);
  const opened = openHours(exposure, hour);
  if (memory.opening !== null) {
    memory.opening.exposure *= FADE ** opened;
    if (earlier(exposure, KEEP) > 20 * memory.opening.exposure) memory.opening = null;
  }
  if (day) sweep(memory, hour);
};

const hourOf = (time: number): number => Math.floor(time / 3_600e6);

/** Takes an interval's rows in; `rarest` tells what stands out. */
export const takeNews = (
  memory: SurgeMemory,
  interval: { readonly from: number; readonly to: number },
  news: readonly NewsRow[],
  sensors: readonly SensorRow[],
  parameters: SurgeParameters,
): News => {
  const hour = hourOf(interval.from);
  turnHour(memory, hour);
  const settled = new Set<string>();
  const founders = new Set<string>();
  const last = (memory.seen ??= {});
  for (const { sensor, seconds, dark } of sensors) {
    if (hour - (last[sensor] ?? hour) >= parameters.settle) memory.sensors[sensor] = hour;
    last[sensor] = hour;
    const joined = (memory.sensors[sensor] ??= hour);
    const seen = (seconds / 3600) * dark;
    if (hour - joined >= parameters.settle) {
      settled.add(sensor);
      memory.exposure.hours[memory.exposure.hours.length - 1]! += seen;
    } else if (joined === memory.opening?.hour) {
      founders.add(sensor);
      memory.opening.exposure += seen;
    }
  }
  const sums = new Map<string, Sum>();
  const add = (key: string, row: NewsRow): void => {
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { sources: row.sources, packets: row.packets });
    else {
      sum.sources += row.sources;
      sum.packets += row.packets;
    }
  };
  for (const row of news) {
    const port = `${row.protocol}/${row.port}`;
    if (founders.has(row.sensor) && row.sources > 0) memory.opening!.asked[port] = 1;
    if (!settled.has(row.sensor)) continue;
    // What stands out, or did, is not what every day is like.
    if (memory.keys[port]?.open === undefined && memory.keys[port]?.refused === undefined) memory.crowd += row.sources;
    add(port, row);
    if (row.signature !== "" && memory.keys[port]?.crowded !== undefined) add(`${port}/${row.signature}`, row);
  }
  for (const [key, { sources, packets }] of sums) {
    let watched = memory.keys[key];
    if (watched === undefined) {
      if (sources === 0 || memory.size >= MOST_IN_DAY) continue;
      memory.size++;
      watched = memory.keys[key] = { hours: [] };
      // A signature of a crowded port is one of few that are followed closely.
      if (portOf(key) !== key) memory.crowded.push(key);
    }
    ageWatched(watched, hour);
    noteNews(watched, hour, sources, packets);
    if (watched.crowded === undefined && portOf(key) === key && recent(watched, hour, KEEP).sources >= CROWDED) {
      watched.crowded = hour;
      memory.crowded.push(key);
    }
  }
  return { sums, looks: looksAt(memory.exposure) };
};

/** log10 of the chance that a key has so many new sources in a look's window, by its own past; 0 where that is too short to tell. */
export const chanceOf = (
  memory: SurgeMemory,
  key: string,
  look: Look,
  sources: number,
  parameters: SurgeParameters,
): number => {
  const { exposure } = memory;
  const watched = memory.keys[key];
  if (watched === undefined) return 0;
  const past = pastOf(memory, key, look);
  // The past must have been long enough to tell what is usual: as many hours as `past`, with as many addresses as now.
  if (look.now <= 0 || past < (look.now / Math.min(look.hours, exposure.hours.length)) * parameters.past) return 0;
  return logTail(sources, look.scale, {
    events: older(watched, exposure.hour, look.lag),
    exposure: past,
    scatter: scatterOf(watched),
  });
};

/** The rarest window of a key, if any is rare at all. */
export const rarest = (
  memory: SurgeMemory,
  key: string,
  looks: readonly Look[],
  parameters: SurgeParameters,
): Rare | undefined => {
  const watched = memory.keys[key];
  if (watched === undefined || recent(watched, memory.exposure.hour, KEEP).sources < parameters.sources)
    return undefined;
  let best: Rare | undefined;
  for (const look of looks) {
    const { sources } = recent(watched, memory.exposure.hour, look.hours);
    if (sources < parameters.sources) continue;
    const chance = chanceOf(memory, key, look, sources, parameters);
    if (chance >= (best?.chance ?? 0)) continue;
    const expected = usualIn(memory, key, watched, look);
    // A port's level moves by some tenths of itself; however many sources it has, that is no surge.
    if (sources < parameters.times * expected) continue;
    best = { key, look, sources, expected, chance };
  }
  return best;
};
