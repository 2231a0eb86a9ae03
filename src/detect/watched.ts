// SPDX-License-Identifier: Apache-2.0
import type { ChangeMemory } from "./changefinder.ts";
import { FADE, KEEP } from "./exposure.ts";

/**
 * What is remembered of one watched key (a port, or a port and a SYN signature): new sources by hour, and by step for the
 * last hours. Plain JSON, kept small: hours without a source take no room.
 */
export interface WatchedMemory {
  /** [hour since 1970, new sources, packets of theirs], ascending, none older than `KEEP` hours. */
  hours: [number, number, number][];
  /** New sources before those, faded. */
  before: number;
  /** Variance over mean of hours, at least 1. */
  scatter: number;
  /** Networks (AS numbers) and sensors of the sources of the last day: [number or name, hour last seen]. */
  networks: [number, number][];
  sensors: [string, number][];
  /** An open finding. */
  open: OpenSurge | null;
  /** ChangeFinder over packets and over new sources of each interval, for keys with enough of both. */
  change: [ChangeMemory, ChangeMemory] | null;
}
export interface OpenSurge {
  /** When it was found, microseconds. */
  readonly opened: number;
  /** Event time of the first hour above the usual, microseconds. */
  readonly began: number;
  /** The rarest window so far: its chance (log10), hours, sources, and how many were expected. */
  readonly chance: number;
  readonly window: number;
  readonly sources: number;
  readonly expected: number;
  /** The signature that alone stood out, where the port did not. */
  readonly signature: string | null;
  /** Beyond the novelty of a port: rare among all tests. */
  readonly surge: boolean;
  /** Growth was beyond doubt once: it is an outbreak. */
  outbreak: boolean;
  /** Hour at which the last window was rare. */
  rare: number;
  /** Hour of the last report. */
  told: number;
  /** Forecasts made, each with what came of it when its time had passed. */
  forecasts: Forecast[];
}
/** What was said at `made` of the infected hosts at `due`, and what they were then estimated at. Microseconds. */
export interface Forecast {
  readonly made: number;
  readonly due: number;
  readonly hours: number;
  readonly low: number;
  readonly middle: number;
  readonly high: number | null;
  /** [low, middle, high] of the estimate at `due`; null until then. */
  came: readonly [number, number, number | null] | null;
}

export const newWatched = (): WatchedMemory => ({
  hours: [],
  before: 0,
  scatter: 1.3,
  networks: [],
  sensors: [],
  open: null,
  change: null,
});

const MOST_NETWORKS = 64;
const DAY = 24;

const seen = <T extends string | number>(list: [T, number][], what: T, hour: number): void => {
  const known = list.find(([one]) => one === what);
  if (known !== undefined) known[1] = hour;
  else if (list.length < MOST_NETWORKS) list.push([what, hour]);
};

/** Lets hours go that are older than what is kept. */
export const ageWatched = (watched: WatchedMemory, hour: number, opened: number): void => {
  if (opened > 0) watched.before *= FADE ** opened;
  while ((watched.hours[0]?.[0] ?? Infinity) <= hour - KEEP) watched.before += watched.hours.shift()![1];
  watched.networks = watched.networks.filter(([, last]) => last > hour - DAY);
  watched.sensors = watched.sensors.filter(([, last]) => last > hour - DAY);
};

export interface News {
  readonly sources: number;
  readonly packets: number;
  readonly networks: readonly number[];
  readonly sensors: readonly string[];
}
export const noteNews = (watched: WatchedMemory, hour: number, news: News): void => {
  const last = watched.hours.at(-1);
  if (last?.[0] === hour) {
    last[1] += news.sources;
    last[2] += news.packets;
  } else watched.hours.push([hour, news.sources, news.packets]);
  for (const asn of news.networks) seen(watched.networks, asn, hour);
  for (const sensor of news.sensors) seen(watched.sensors, sensor, hour);
};

/** New sources of the last `hours` hours. */
export const recent = (watched: WatchedMemory, hour: number, hours: number): number => {
  let sum = 0;
  for (let i = watched.hours.length - 1; i >= 0 && watched.hours[i]![0] > hour - hours; i--)
    sum += watched.hours[i]![1];
  return sum;
};
/** New sources before the last `hours` hours. */
export const older = (watched: WatchedMemory, hour: number, hours: number): number => {
  let sum = watched.before;
  for (const [at, sources] of watched.hours) if (at <= hour - hours) sum += sources;
  return sum;
};
