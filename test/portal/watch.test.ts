// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { drawnUntil, outcomeAxis } from "../../portal/src/chart/outcome.ts";
import { stepBand, watched } from "../../portal/src/chart/steps.ts";
import { fromFirst } from "../../portal/src/desk/days.ts";
import { formatFor } from "../../portal/src/format.ts";
import { merged } from "../../portal/src/pages/watch/merged.ts";
import { restsOn } from "../../portal/src/pages/watch/rests.ts";
import { en } from "../../portal/src/words/en.ts";
import type { SurgeRow } from "../../src/api/contract/desk/warning.ts";

const hour = 3_600_000;

describe("the scale of forecast against outcome", () => {
  // An outbreak's first hours, with a range that nothing bounds, as the API says it.
  const line = [
    { low: 17, middle: 90, high: 1e15 },
    { low: 667, middle: 1499, high: 3970 },
    { low: 35_621, middle: 49_197, high: 68_078 },
  ];
  const bars = [{ low: 50_600, middle: 743_000, high: 10_600_000, came: null }];

  it("is chosen by what is worth reading, not by a range that runs away", () => {
    const { ticks, logarithmic, cut, place } = outcomeAxis(line, bars);
    expect(ticks.at(-1)).toBe(1e7);
    expect([logarithmic, cut]).toEqual([true, true]);
    // The estimate of now stands well above the floor and well below the top.
    expect(place(49_197)).toBeGreaterThan(0.5);
    expect(place(49_197)).toBeLessThan(0.85);
    expect([place(1e15), place(0)]).toEqual([1, 0]);
  });
  it("stays linear, from zero and uncut, where that can be read", () => {
    const calm = [{ low: 2100, middle: 3400, high: 5900, came: 3000 }];
    expect(outcomeAxis(calm, calm)).toMatchObject({ logarithmic: false, cut: false, ticks: [0, 2000, 4000, 6000] });
  });
  it("is one for nothing at all", () => {
    expect(outcomeAxis([], []).ticks.length).toBeGreaterThan(1);
  });
  it("looks as far ahead as back, half a day at least", () => {
    expect(drawnUntil(0, 5 * hour)).toBe(17 * hour);
    expect(drawnUntil(0, 80 * hour)).toBe(160 * hour);
  });
});

describe("early warnings as rows", () => {
  const row = (id: string, kind: SurgeRow["kind"], port: number, first: string): SurgeRow =>
    ({ id, kind, protocol: "tcp", port, first }) as SurgeRow;
  it("tell an outbreak once, and other surges of its port by themselves", () => {
    const rows = [
      row("a", "surge", 5666, "2026-11-26T20:00:00Z"),
      row("b", "outbreak", 5666, "2026-11-26T20:00:00Z"),
      row("c", "surge", 5666, "2026-11-20T08:00:00Z"),
      row("d", "novelty", 5666, "2026-11-26T20:00:00Z"),
      row("e", "surge", 23, "2026-11-26T20:00:00Z"),
    ];
    expect(merged(rows).map(({ id }) => id)).toEqual(["b", "c", "d", "e"]);
  });
});

it("less than all is never said as all, nor more than nothing as nothing", () => {
  const { share } = formatFor("en");
  expect([1, 0.9996, 0.996, 0.9949, 0.99, 0.87].map(share)).toEqual([
    "100%",
    "99.96%",
    "99.6%",
    "99.49%",
    "99%",
    "87%",
  ]);
  expect([0, 0.0001, 0.0005, 0.012].map(share)).toEqual(["0%", "<0.1%", "0.1%", "1.2%"]);
  // Changes are told as shares too, and go beyond the whole.
  expect(share(3.4)).toBe("340%");
});

it("days are shown from the first that is known, a week at least", () => {
  const month = [...Array<null>(28).fill(null), 4, 5];
  expect(fromFirst(month, 7)).toEqual([null, null, null, null, null, 4, 5]);
  expect(fromFirst([...Array<null>(10).fill(null), ...Array<number>(20).fill(1)], 7)).toHaveLength(20);
  expect(fromFirst([null, null], 7)).toHaveLength(2);
});

it("what a warning rests on is said in words, times and numbers: no JSON, no epoch", () => {
  const pairs = restsOn(
    {
      found: 1_795_730_400_000_000,
      window_hours: 1,
      sources: 7,
      expected: 0,
      chance_log10: -7.2,
      networks: 7,
      signature: null,
      hours: [498_813, 7, 7],
      forecasts: [{ due: 1_795_756_200_000_000 }],
      hosts: { low: 35_621, middle: 49_197, high: null },
      growth_per_hour: 0.8854,
      growth_error: 0.0111,
      doubling_hours: 0.78,
      changefinder: { packets: 2.111, sources: 2.196 },
    },
    en,
    formatFor("en"),
  );
  expect(Object.fromEntries(pairs)).toMatchObject({
    Found: "26 Nov 2026, 22:00 UTC",
    "Sources against expected": "7 against 0 in 1 h",
    "Chance of that": "1 in 15.8M",
    "Infected (estimate)": "49.2K (35.6K–∞)",
    "ChangeFinder: packets, sources": "2.11, 2.2",
  });
  expect(pairs.map(([, value]) => value).join(" ")).not.toMatch(/[{[]|\d{10}|null/);
});

it("a survival curve's band goes in steps above and below, as far as anybody was watched", () => {
  const point = (day: number, still: number, low: number, high: number, atRisk: number) => ({
    day,
    still,
    low,
    high,
    atRisk,
    quiet: 0,
    censored: 0,
  });
  const points = [
    point(0, 1, 1, 1, 9),
    point(1, 0.5, 0.25, 0.75, 4),
    point(2, 0.5, 0.2, 0.8, 0),
    point(3, 0.5, 0, 1, 0),
  ];
  expect(watched(points).map(({ day }) => day)).toEqual([0, 1, 2]);
  const [x, y] = [(day: number) => 10 * day, (share: number) => 100 * (1 - share)];
  expect(stepBand(watched(points), x, y)).toBe("M0.0 0.0H10.0V25.0H20.0V20.0V80.0H20.0V75.0H10.0V0.0H0.0Z");
  expect(stepBand(points.slice(0, 1), x, y)).toBe("");
});
