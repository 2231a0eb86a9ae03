// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { wilson } from "../model/wilson.ts";
import { atSteps, survival } from "./survival.ts";

/** Weeks of remission under 6-MP (Freireich and others, 1963), the data of most textbooks; negative: censored. */
const freireich = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35];
const curve = survival(freireich.map((weeks) => ({ time: Math.abs(weeks), ended: weeks > 0 })));

it("gives the published curve", () => {
  const at = (time: number) => curve.points.find((point) => point.time === time);
  expect(curve).toMatchObject({ n: 21, censored: 12, median: 23 });
  for (const [time, still] of [
    [6, 0.857],
    [7, 0.807],
    [10, 0.753],
    [13, 0.69],
    [16, 0.627],
    [22, 0.538],
    [23, 0.448],
  ] as const) {
    expect(at(time)?.still).toBeCloseTo(still, 3);
  }
  // On the log-log scale: 0.857 (0.620, 0.952), 0.448 (0.188, 0.680).
  expect(at(6)?.low).toBeCloseTo(0.62, 2);
  expect(at(6)?.high).toBeCloseTo(0.952, 2);
  expect(at(23)?.low).toBeCloseTo(0.188, 2);
  expect(at(23)?.high).toBeCloseTo(0.68, 2);
});

it("finds the median of a curve that stands at one half, however many steps lead there", () => {
  for (let n = 2; n <= 200; n += 2) {
    const followed = Array.from({ length: n }, (_, i) => ({ time: i + 1, ended: true }));
    expect(survival(followed).median, `${n} episodes`).toBe(n / 2);
  }
});

it("is the same curve when alike episodes are counted together", () => {
  const together = new Map<string, { time: number; ended: boolean; n: number }>();
  for (const weeks of freireich) {
    const one = together.get(String(weeks)) ?? { time: Math.abs(weeks), ended: weeks > 0, n: 0 };
    together.set(String(weeks), { ...one, n: one.n + 1 });
  }
  expect(survival([...together.values()])).toEqual(curve);
});

it("counts the open ones neither as cleaned nor as gone", () => {
  const open = survival([{ time: 1, ended: true }, ...Array.from({ length: 9 }, () => ({ time: 30, ended: false }))]);
  expect(open).toMatchObject({ n: 10, censored: 9, median: null });
  expect(open.points.at(-1)?.still).toBeCloseTo(0.9, 9);
  expect(survival([])).toEqual({ n: 0, censored: 0, median: null, points: [] });
});

it("stands at whole steps, and every episode is counted in one of them", () => {
  const steps = atSteps(curve, 7, 35);
  expect(steps.map(({ time }) => time)).toEqual([0, 7, 14, 21, 28, 35]);
  expect(steps[0]).toMatchObject({ still: 1, atRisk: 21 });
  expect(steps[1]?.still).toBeCloseTo(0.807, 3);
  expect(steps.reduce((sum, { ended, censored }) => sum + ended + censored, 0)).toBe(21);
});

it("knows Wilson's interval", () => {
  expect(wilson(0, 0)).toEqual({ value: null, low: null, high: null, n: 0 });
  const { low, high } = wilson(9_997, 10_000);
  expect(low).toBeCloseTo(0.99912, 5);
  expect(high).toBeCloseTo(0.9999, 4);
  expect(wilson(0, 10).low).toBe(0);
});
