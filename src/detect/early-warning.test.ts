// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { doublingHours, fitGrowth, population } from "./growth.ts";
import { lnGamma, logTail } from "./rarity.ts";
import { newSurgeMemory, rarest, surgeParameters, takeNews } from "./surge.ts";

/** A small generator of the test's own. */
const chance = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
};
const poisson = (mean: number, unit: () => number): number => {
  let [n, left] = [0, mean];
  for (; (left += Math.log(unit())) > 0; n++);
  return n;
};

describe("rarity", () => {
  it("knows the logarithm of the gamma function", () => {
    expect(lnGamma(1)).toBeCloseTo(0, 10);
    expect(lnGamma(11)).toBeCloseTo(Math.log(3_628_800), 9);
    expect(lnGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 10);
  });
  it("is about as often beyond a level as the level says", () => {
    // The rate is drawn anew each time from what the model itself takes it for, so that its own tail must hold.
    const unit = chance(4);
    for (const level of [-1, -2]) {
      let beyond = 0;
      const tries = 20_000;
      for (let i = 0; i < tries; i++) {
        const rate = -Math.log(unit()) * 3;
        const past = { events: poisson(rate * 10, unit), exposure: 10, scatter: 1 };
        if (logTail(poisson(rate, unit), 1, past) <= level) beyond++;
      }
      expect(beyond / tries).toBeLessThan(1.5 * 10 ** level);
      expect(beyond / tries).toBeGreaterThan(0.1 * 10 ** level);
    }
  });
  it("finds ten sources where none came in four weeks rarer than ten where three came every day", () => {
    const silent = logTail(10, 1, { events: 0, exposure: 28, scatter: 1 });
    const busy = logTail(10, 1, { events: 84, exposure: 28, scatter: 1 });
    expect(silent).toBeLessThan(-12);
    expect(busy).toBeGreaterThan(-4);
    expect(logTail(10, 1, { events: 0, exposure: 2, scatter: 1 })).toBeGreaterThan(-6);
    expect(logTail(30, 1, { events: 280, exposure: 28, scatter: 10 })).toBeGreaterThan(-4);
  });
  it("never calls what is usual rare", () => {
    expect(logTail(3, 1, { events: 84, exposure: 28, scatter: 1 })).toBe(0);
    expect(logTail(0, 1, { events: 0, exposure: 28, scatter: 1 })).toBe(0);
    expect(logTail(5, 1, { events: 0, exposure: 0, scatter: 1 })).toBe(0);
  });
});

describe("a surge", () => {
  /** Hours of growth after which a port with 30 new sources an hour stands out; the growth doubles every eight hours, from one an hour. */
  const hoursUntil = (seed: number): number => {
    const unit = chance(seed);
    const hour = 3_600e6;
    const memory = newSurgeMemory(0);
    for (let at = 0; at < 240; at++) {
      const sources = poisson(30 + (at < 168 ? 0 : 2 ** ((at - 168) / 8)), unit);
      const row = { protocol: 6, port: 60_023, signature: "", sensor: "a", sources, packets: sources };
      const span = { from: at * hour, to: (at + 1) * hour };
      const { looks } = takeNews(memory, span, [row], [{ sensor: "a", seconds: 3600, dark: 256 }], surgeParameters);
      if ((rarest(memory, "6/60023", looks, surgeParameters)?.chance ?? 0) <= surgeParameters.rare) return at - 168;
    }
    return Infinity;
  };
  it("does not hide behind the unrest that its own growth brings", () => {
    const hours = Array.from({ length: 20 }, (_, i) => hoursUntil(100 + i)).sort((a, b) => a - b);
    expect(hours[0]).toBeGreaterThan(0);
    // With the scatter of the hour itself it would be 38.
    expect(hours[10]).toBeLessThan(36);
  });
});

describe("a sensor that comes back", () => {
  /** log10 of the smallest chance while 30 regular sources an hour come to each of two sensors, of which one was away for so long: whom it sees first is new to it. */
  const chanceAfter = (away: number): number => {
    const unit = chance(3);
    const hour = 3_600e6;
    const memory = newSurgeMemory(0);
    let least = 0;
    for (let at = 0; at < 168 + away + 30; at++) {
      const back = at - 168;
      const there = back < 0 || back >= away;
      const again = back >= away && back < away + 6 ? 300 : 0;
      const news = [{ sensor: "a", n: 30 }, ...(there ? [{ sensor: "b", n: 30 + again }] : [])];
      const { looks } = takeNews(
        memory,
        { from: at * hour, to: (at + 1) * hour },
        news.map(({ sensor, n }) => {
          const sources = poisson(n, unit);
          return { protocol: 6, port: 23, signature: "", sensor, sources, packets: sources };
        }),
        news.map(({ sensor }) => ({ sensor, seconds: 3600, dark: 256 })),
        surgeParameters,
      );
      least = Math.min(least, rarest(memory, "6/23", looks, surgeParameters)?.chance ?? 0);
    }
    return least;
  };
  it("is watched for a day again before it counts", () => {
    expect(chanceAfter(30)).toBeGreaterThan(surgeParameters.rare);
    expect(chanceAfter(30 * 24)).toBeGreaterThan(surgeParameters.rare);
    // After less than a day its sources are none that nobody knows.
    expect(chanceAfter(12)).toBeLessThan(surgeParameters.rare);
  });
});

describe("growth", () => {
  it("finds the doubling time behind Poisson counts, within its own error", () => {
    const unit = chance(7);
    let inside = 0;
    for (let i = 0; i < 200; i++) {
      const rate = Math.LN2 / (1 + 8 * unit());
      const counts = Array.from({ length: 36 }, (_, at) => poisson(0.3 + 6 * Math.exp(rate * (at - 35) * 0.5), unit));
      const fit = fitGrowth({ step: 0.5, counts, usual: 0.3 });
      if (fit !== undefined && Math.abs(fit.rate - rate) < 1.64 * fit.error) inside++;
    }
    expect(inside / 200).toBeGreaterThan(0.8);
  });
  it("sees no growth in a steady series, and says nothing of one that is too short", () => {
    const unit = chance(9);
    const fit = fitGrowth({ step: 1, counts: Array.from({ length: 48 }, () => poisson(9, unit)), usual: 1 });
    expect(Math.abs(fit?.rate ?? 1)).toBeLessThan(0.02);
    expect(doublingHours(-0.1)).toBeNull();
    expect(fitGrowth({ step: 1, counts: [0, 1, 0, 1], usual: 0 })).toBeUndefined();
  });
  it("stays finite whatever the counts", () => {
    for (const counts of [
      [0, 0, 0, 5],
      [500, 0, 0, 0],
      [0, 0, 1e6],
      [3, 3, 3],
    ]) {
      const fit = fitGrowth({ step: 1, counts, usual: 0 });
      expect(Number.isFinite(fit?.rate ?? 0)).toBe(true);
    }
  });
});

describe("population", () => {
  it("covers the truth nine times in ten", () => {
    const unit = chance(11);
    let inside = 0;
    for (let i = 0; i < 300; i++) {
      const hosts = 200 + Math.floor(unit() * 2000);
      const mean = 0.05 + unit();
      let [sources, packets] = [0, 0];
      for (let h = 0; h < hosts; h++) {
        const n = poisson(mean, unit);
        packets += n;
        if (n > 0) sources++;
      }
      const { low, high } = population({ sources, packets });
      if (low <= hosts && hosts <= (high ?? Infinity)) inside++;
    }
    expect(inside / 300).toBeGreaterThan(0.85);
  });
  it("has no upper bound when nobody was seen twice", () => {
    expect(population({ sources: 12, packets: 12 }).high).toBeNull();
    expect(population({ sources: 12, packets: 12 }).low).toBeGreaterThan(20);
  });
});
