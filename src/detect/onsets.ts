// SPDX-License-Identifier: Apache-2.0
import { DAY, HOUR } from "./rows.ts";

const MINUTE = 60e6;
/** Minutes before and behind an onset that count as the same time. */
export const AROUND = 10;
/** Minutes looked at around an onset: ten before, its own, ten behind. */
const WIDTH = 2 * AROUND + 1;
const PAST = 7 * DAY;
/** Until a day has passed since these hours they say what is usual: not the very first, in which everybody seems to begin. */
const FIRST = 7 * HOUR;
/** A shorter time says nothing of what is usual. */
const LEAST = HOUR;

const MINUTES = 60;

/** The first minute that is still known at a time. */
export const leastMinute = (now: number): number => Math.floor((now - PAST - DAY) / MINUTE);

interface Group {
  readonly minutes: Map<number, Set<string>>;
  /** How many began in each hour. */
  readonly hours: Map<number, number>;
}

/** When sources of a group (an organisation) began, by minute: for the question whether many began together. */
export class Onsets {
  readonly #groups = new Map<string, Group>();

  add(name: string, time: number, key: string): void {
    let group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, (group = { minutes: new Map(), hours: new Map() }));
    const minute = Math.floor(time / MINUTE);
    let keys = group.minutes.get(minute);
    if (keys === undefined) group.minutes.set(minute, (keys = new Set()));
    if (keys.has(key)) return;
    keys.add(key);
    const hour = Math.floor(minute / MINUTES);
    group.hours.set(hour, (group.hours.get(hour) ?? 0) + 1);
  }

  remove(name: string, time: number, key: string): void {
    const group = this.#groups.get(name);
    const minute = Math.floor(time / MINUTE);
    if (group?.minutes.get(minute)?.delete(key) !== true) return;
    const hour = Math.floor(minute / MINUTES);
    group.hours.set(hour, group.hours.get(hour)! - 1);
  }

  /** Who began in the minute that a time lies in. */
  at(name: string, time: number): Iterable<string> {
    return this.#groups.get(name)?.minutes.get(Math.floor(time / MINUTE)) ?? [];
  }

  /** How many began within ten minutes of this time, the minute it lies in counted whole. */
  countAround(name: string, time: number): number {
    const middle = Math.floor(time / MINUTE);
    return this.#sum(name, middle - AROUND, middle + AROUND + 1);
  }

  /**
   * How many usually begin in such a stretch: the mean over the six days that end a day before, as far as somebody looked (`since`). Before that it is the
   * mean of the first hours; null where these are too few to say.
   */
  usual(name: string, time: number, since: number): number | null {
    const start = Math.max(time - PAST, since + HOUR);
    const end = Math.max(time - DAY, Math.min(time - HOUR, since + FIRST));
    if (end - start < LEAST) return null;
    const [from, to] = [Math.floor(start / MINUTE), Math.floor(end / MINUTE)];
    return (this.#sum(name, from, to) * WIDTH) / (to - from);
  }

  /** How many began in the minutes [from, to). */
  #sum(name: string, from: number, to: number): number {
    const group = this.#groups.get(name);
    if (group === undefined) return 0;
    let sum = 0;
    for (let minute = from; minute < to;) {
      if (minute % MINUTES === 0 && minute + MINUTES <= to) {
        sum += group.hours.get(minute / MINUTES) ?? 0;
        minute += MINUTES;
      } else sum += group.minutes.get(minute++)?.size ?? 0;
    }
    return sum;
  }

  /** Forgets what no question reaches any more. */
  forget(now: number): void {
    const least = leastMinute(now);
    for (const [name, { minutes, hours }] of this.#groups) {
      for (const [minute, keys] of minutes) {
        if (minute >= least) continue;
        const hour = Math.floor(minute / MINUTES);
        const left = (hours.get(hour) ?? 0) - keys.size;
        if (left > 0) hours.set(hour, left);
        else hours.delete(hour);
        minutes.delete(minute);
      }
      if (minutes.size === 0) this.#groups.delete(name);
    }
  }
}
