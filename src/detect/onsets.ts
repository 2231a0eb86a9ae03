// SPDX-License-Identifier: Apache-2.0
import { DAY } from "./rows.ts";

const MINUTE = 60e6;
/** Minutes before and behind an onset that count as the same time. */
export const AROUND = 10;
/** Minutes looked at around an onset: ten before, its own, ten behind. */
const WIDTH = 2 * AROUND + 1;
const PAST = 7 * DAY;

/** When sources of a group (an organisation) began, by minute: for the question whether many began together. */
export class Onsets {
  readonly #groups = new Map<string, Map<number, Set<string>>>();

  add(group: string, time: number, key: string): void {
    let minutes = this.#groups.get(group);
    if (minutes === undefined) this.#groups.set(group, (minutes = new Map()));
    const minute = Math.floor(time / MINUTE);
    const keys = minutes.get(minute);
    if (keys === undefined) minutes.set(minute, new Set([key]));
    else keys.add(key);
  }

  remove(group: string, time: number, key: string): void {
    this.#groups
      .get(group)
      ?.get(Math.floor(time / MINUTE))
      ?.delete(key);
  }

  /** Who began in the minute that a time lies in. */
  at(group: string, time: number): Iterable<string> {
    return this.#groups.get(group)?.get(Math.floor(time / MINUTE)) ?? [];
  }

  /** How many began within ten minutes of this time, the minute it lies in counted whole. */
  countAround(group: string, time: number): number {
    const minutes = this.#groups.get(group);
    const middle = Math.floor(time / MINUTE);
    let sum = 0;
    for (let minute = middle - AROUND; minute <= middle + AROUND; minute++) sum += minutes?.get(minute)?.size ?? 0;
    return sum;
  }

  /** How many usually begin in such a stretch: the mean over the six days that end a day before. */
  usual(group: string, time: number): number {
    const minutes = this.#groups.get(group);
    const [from, to] = [Math.floor((time - PAST) / MINUTE), Math.floor((time - DAY) / MINUTE)];
    let sum = 0;
    for (const [minute, keys] of minutes ?? []) if (minute >= from && minute < to) sum += keys.size;
    return (sum * WIDTH) / (to - from);
  }

  /** Forgets what no question reaches any more. */
  forget(now: number): void {
    const least = Math.floor((now - PAST - DAY) / MINUTE);
    for (const [group, minutes] of this.#groups) {
      for (const minute of minutes.keys()) if (minute < least) minutes.delete(minute);
      if (minutes.size === 0) this.#groups.delete(group);
    }
  }
}
