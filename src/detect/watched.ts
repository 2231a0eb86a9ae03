// SPDX-License-Identifier: Apache-2.0
import type { ChangeMemory } from "./changefinder.ts";
import { FADE, KEEP } from "./exposure.ts";

/**
 * What is remembered of one watched key (a port, or a port and a SYN signature): new sources by hour, and by step for the
 * last hours. Plain JSON, kept small: hours without a source take no room.
 */
export interface WatchedMemory {
  /** Hour since 1970, new sources, packets of theirs; hour, ...: ascending, none older than `KEEP` hours. */
  hours: number[];
  /** Hour to which it was moved on last. */
  at?: number;
  /** New sources before those, faded; absent: none. */
  before?: number;
  /** Variance over mean of hours, at least 1; absent: as scattered as most. */
  scatter?: number;
  /** What it was at the ends of the last half days, oldest first: three at most. */
  scatters?: number[];
  /** Hour from which on the port's signatures are watched apart. */
  crowded?: number;
  /** Hour and sources of the last look that found them to come from too few networks. */
  refused?: [number, number];
  /** An open finding. */
  open?: OpenSurge;
  /** ChangeFinder over packets and over new sources of each interval, for keys with enough of both. */
  change?: [ChangeMemory, ChangeMemory];
}
export interface OpenSurge {
  /** When it was found, microseconds. */
  readonly opened: number;
  /** When it was first called a surge, and an outbreak; what version 5 of the detector wrote down has neither. */
  readonly surged?: number;
  grew?: number;
  /** Event time of the first hour above the usual, microseconds. */
  readonly began: number;
  /** The rarest window so far: its chance (log10), hours, sources, and how many were expected. */
  readonly chance: number;
  readonly window: number;
  readonly sources: number;
  readonly expected: number;
  /** Origin ASes and sensors of its sources when it was found. */
  readonly networks: number;
  readonly sensors: readonly string[];
  /** The signature that alone stood out, where the port did not. */
  readonly signature: string | null;
  /** Distinct sources an hour before it began; absent until they were counted. */
  usual?: number;
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
  /** Infected hosts as estimated: hour, low, middle, high (-1: nothing bounds it). */
  hosts: [number, number, number, number][];
}
/** What was said at `made` of the infected hosts at `due`, and what they were then estimated at. Microseconds. */
export interface Forecast {
  readonly made: number;
  readonly due: number;
  readonly hours: number;
  /** Hosts estimated at `made`, and how often they would double by `due` if growth went on as it was. */
  readonly from: number;
  readonly doublings: number;
  readonly low: number;
  readonly middle: number;
  readonly high: number | null;
  /** [low, middle, high] of the estimate at `due`; null until then. */
  came: readonly [number, number, number | null] | null;
}

/** Scatter of a key that has not told its own. */
const USUAL_SCATTER = 1.3;
/** How slowly a key's scatter follows: of an hour so much is taken, and no hour for more than so much. */
const SCATTER = { learn: 0.02, most: 25, hours: 12, kept: 3 } as const;
/**
 * A key's scatter as it was a day ago or more: a growth that is still small would otherwise be taken for the unrest of its port, and
 * hide behind itself until it is large.
 */
export const scatterOf = ({ scatters }: WatchedMemory): number =>
  scatters?.length === SCATTER.kept ? scatters[0]! : USUAL_SCATTER;
/** Takes in how far an hour was from what was expected: the square of the miss over the expected. */
export const noteScatter = (watched: WatchedMemory, hour: number, miss: number): void => {
  const known = watched.scatter ?? USUAL_SCATTER;
  const scatter = Math.max(1, Number((known + SCATTER.learn * (Math.min(SCATTER.most, miss) - known)).toFixed(3)));
  watched.scatter = scatter;
  if (hour % SCATTER.hours === 0) watched.scatters = [...(watched.scatters ?? []), scatter].slice(-SCATTER.kept);
};

/** Moves a key on to this hour: hours that are older than what is kept join those before, which fade. */
export const ageWatched = (watched: WatchedMemory, hour: number): void => {
  if (watched.at === hour) return;
  let before = (watched.before ?? 0) * FADE ** (hour - (watched.at ?? hour));
  let gone = 0;
  for (; (watched.hours[gone] ?? Infinity) <= hour - KEEP; gone += 3) before += watched.hours[gone + 1]!;
  if (gone > 0) watched.hours.splice(0, gone);
  watched.at = hour;
  // Rounded, so that what is written down stays short; a thousandth of a source is nothing.
  if (before > 0.0005) watched.before = Math.round(before * 1000) / 1000;
  else delete watched.before;
};

export const noteNews = (watched: WatchedMemory, hour: number, sources: number, packets: number): void => {
  const { hours } = watched;
  if (hours.at(-3) === hour) {
    hours[hours.length - 2]! += sources;
    hours[hours.length - 1]! += packets;
  } else hours.push(hour, sources, packets);
};

/** New sources and their packets of the last `hours` hours. */
export const recent = (watched: WatchedMemory, hour: number, hours: number): { sources: number; packets: number } => {
  const sum = { sources: 0, packets: 0 };
  for (let i = watched.hours.length - 3; i >= 0 && watched.hours[i]! > hour - hours; i -= 3) {
    sum.sources += watched.hours[i + 1]!;
    sum.packets += watched.hours[i + 2]!;
  }
  return sum;
};
/** New sources before the last `hours` hours. */
export const older = (watched: WatchedMemory, hour: number, hours: number): number => {
  let sum = watched.before ?? 0;
  for (let i = 0; i < watched.hours.length && watched.hours[i]! <= hour - hours; i += 3) sum += watched.hours[i + 1]!;
  return sum;
};
/** The first of the last `hours` hours with more than `usual` new sources; `hour` itself where there is none. */
export const firstAbove = (watched: WatchedMemory, hour: number, hours: number, usual: number): number => {
  for (let i = 0; i < watched.hours.length; i += 3) {
    if (watched.hours[i]! > hour - hours && watched.hours[i + 1]! > usual) return watched.hours[i]!;
  }
  return hour;
};
