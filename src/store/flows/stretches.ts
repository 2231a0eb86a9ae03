// SPDX-License-Identifier: Apache-2.0
import { grainLength, grains } from "./buckets.ts";
import type { Frontiers, Grain, TimeRange } from "./buckets.ts";

export interface Stretch extends TimeRange {
  /** null: from the base. */
  readonly grain: Grain | null;
}

/** Covers a range by the coarsest buckets up to `grain` that lie inside it and are rolled up, and by the base elsewhere. */
export const stretches = (
  available: readonly Grain[],
  grain: Grain,
  range: TimeRange,
  frontiers: Frontiers,
): Stretch[] => {
  const usable = available.filter((one) => grains.indexOf(one) <= grains.indexOf(grain)).toReversed();
  const cover = (from: number, to: number, [coarsest, ...finer]: readonly Grain[]): Stretch[] => {
    if (from >= to) return [];
    if (coarsest === undefined) return [{ from, to, grain: null }];
    const length = grainLength[coarsest];
    const start = Math.ceil(from / length) * length;
    const end = Math.floor(Math.min(to, frontiers[coarsest]) / length) * length;
    if (start >= end) return cover(from, to, finer);
    return [...cover(from, start, finer), { from: start, to: end, grain: coarsest }, ...cover(end, to, finer)];
  };
  const covered = cover(range.from, range.to, usable);
  // An empty range is still a question: it has no rows.
  return covered.length > 0 ? covered : [{ from: range.from, to: range.from, grain: null }];
};
