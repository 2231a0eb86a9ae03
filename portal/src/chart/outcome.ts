// SPDX-License-Identifier: Apache-2.0
import { amountTicks } from "./scale.ts";

interface Range {
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}
export interface OutcomeAxis {
  /** Ascending; the first is the floor, the last the top. */
  readonly ticks: readonly number[];
  readonly logarithmic: boolean;
  /** Some range reaches beyond the top or the floor. */
  readonly cut: boolean;
  /** From 0 (floor) to 1 (top); what lies beyond stands at the edge. */
  readonly place: (value: number) => number;
}

/** A range may reach so many times beyond the largest middle, and so far below the smallest, before it is cut. */
const BEYOND = 10;

/**
 * The scale for an estimate and its forecasts. A range that nothing bounds must not flatten what is worth reading: the middles
 * and what came choose the scale, and where they lie a hundredfold apart it is logarithmic.
 */
export const outcomeAxis = (
  line: readonly Range[],
  bars: readonly (Range & { came: number | null })[],
): OutcomeAxis => {
  const middles = [...line, ...bars].map(({ middle }) => middle);
  const told = [...middles, ...bars.flatMap(({ came }) => came ?? [])];
  const most = Math.max(1, ...told);
  const least = Math.max(1, Math.min(most, ...told.filter((value) => value > 0)));
  const all = [...line, ...bars];
  const top = Math.min(BEYOND * most, Math.max(most, ...all.map(({ high }) => high)));
  const logarithmic = most / least >= 100 || top / least >= 1000;
  if (!logarithmic) {
    const ticks = amountTicks(top);
    const end = ticks.at(-1) ?? 1;
    return {
      ticks,
      logarithmic,
      cut: all.some(({ high }) => high > end),
      place: (value) => Math.min(1, Math.max(0, value / end)),
    };
  }
  const bottom = Math.max(1, Math.min(least, ...all.map(({ low }) => Math.max(low, least / BEYOND))));
  const first = Math.floor(Math.log10(bottom));
  const last = Math.max(first + 1, Math.ceil(Math.log10(top)));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
  return {
    ticks,
    logarithmic,
    cut: all.some(({ low, high }) => high > 10 ** last || low < 10 ** first),
    place: (value) => Math.min(1, Math.max(0, (Math.log10(Math.max(value, 1e-9)) - first) / (last - first))),
  };
};

const hour = 3_600_000;
/** Up to when the future is drawn: as far ahead as there is a past to compare it with, half a day at least. Milliseconds. */
export const drawnUntil = (first: number, now: number): number => now + Math.max(12 * hour, now - first);
