// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { changePoints, changeScore, newChange } from "./changefinder.ts";

/** Poisson numbers from a small generator of the test's own. */
const poissons = (mean: number, count: number, seed: number): number[] => {
  let state = seed >>> 0;
  const unit = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Array.from({ length: count }, () => {
    let [n, product] = [0, unit()];
    for (const limit = Math.exp(-mean); product > limit; product *= unit()) n++;
    return n;
  });
};

describe("changefinder", () => {
  it("finds the point where a steady series leaps, and only then", () => {
    const quiet = poissons(40, 400, 1);
    const series = quiet.map((x, i) => (i >= 300 ? x + 400 : x));
    const marks = changePoints([series]);
    const first = marks.indexOf(true, 100);
    expect(first).toBeGreaterThanOrEqual(300);
    expect(first).toBeLessThanOrEqual(302);
  });
  it("never marks the points in which the model settles", () => {
    expect(changePoints([poissons(5, 60, 2).map((x, i) => (i === 8 ? 10_000 : x))]).slice(0, 15)).not.toContain(true);
  });
  it("is the same whether points come one by one, with the memory written down between them, or at once", () => {
    const series = poissons(12, 200, 3);
    let memory = newChange();
    const scores = series.map((x) => {
      memory = JSON.parse(JSON.stringify(memory)) as typeof memory;
      return changeScore(memory, x);
    });
    const whole = newChange();
    expect(scores).toEqual(series.map((x) => changeScore(whole, x)));
    expect(scores.every((one) => Number.isFinite(one))).toBe(true);
  });
  it("gives numbers for a series that never moves", () => {
    const memory = newChange();
    expect(Array.from({ length: 100 }, () => changeScore(memory, 7)).every((one) => Number.isFinite(one))).toBe(true);
    const zero = newChange();
    expect(Array.from({ length: 100 }, () => changeScore(zero, 0)).every((one) => Number.isFinite(one))).toBe(true);
  });
});
