// SPDX-License-Identifier: Apache-2.0
import type { Curve } from "../../../src/api/contract/desk/statistics.ts";

type Point = Curve["points"][number];
/** A curve as far as anybody was still watched: behind that nothing is known, and nothing is drawn. */
export const watched = (points: readonly Point[]): readonly Point[] => {
  const end = points.findIndex(({ atRisk }) => atRisk === 0);
  return end < 0 ? points : points.slice(0, end + 1);
};

/** What holds on a day; undefined where nobody was watched any more. */
export const pointAt = (points: readonly Point[], day: number): Point | undefined => {
  const point = points.findLast((one) => one.day <= day);
  return point === undefined || point.atRisk === 0 ? undefined : point;
};

/** A path in steps: each value holds until the next day. */
export const steps = (
  points: readonly Point[],
  x: (day: number) => number,
  y: (share: number) => number,
  of: (point: Point) => number,
): string =>
  points
    .map(
      (point, i) =>
        `${i === 0 ? `M${x(point.day).toFixed(1)} ` : `H${x(point.day).toFixed(1)}V`}${y(of(point)).toFixed(1)}`,
    )
    .join("");

/** Between the highs and the lows, both in steps. */
export const stepBand = (
  points: readonly Point[],
  x: (day: number) => number,
  y: (share: number) => number,
): string => {
  if (points.length < 2) return "";
  const back = points.toReversed().map(({ low, day }) => `V${y(low).toFixed(1)}H${x(day).toFixed(1)}`);
  return `${steps(points, x, y, ({ high }) => high)}${back.join("")}Z`;
};
