// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { isCrowd } from "./infected-rule.ts";
import { Onsets } from "./onsets.ts";
import { DAY, HOUR } from "./rows.ts";

const MINUTE = 60e6;
const START = 480_000 * HOUR;

describe("onsets", () => {
  /** Three a minute from the start. */
  const steady = (hours: number): Onsets => {
    const onsets = new Onsets();
    for (let i = 0; i < hours * 180; i++) onsets.add("isp", START + (i * MINUTE) / 3, String(i));
    return onsets;
  };
  it("know what is usual by the time in which somebody looked", () => {
    const onsets = steady(60);
    for (const hour of [4, 8, 20, 26, 31, 40, 59]) {
      const time = START + hour * HOUR;
      expect(onsets.countAround("isp", time)).toBe(63);
      expect(onsets.usual("isp", time, START)).toBeCloseTo(63, 0);
      expect(isCrowd({ together: 63, fast: 0, usual: onsets.usual("isp", time, START) })).toBe(false);
      expect(isCrowd({ together: 600, fast: 0, usual: onsets.usual("isp", time, START) })).toBe(true);
    }
  });
  it("do not in the first hours, and in the end by six days", () => {
    const onsets = steady(10 * 24);
    expect(onsets.usual("isp", START + 2.9 * HOUR, START)).toBeNull();
    expect(onsets.usual("isp", START + 9 * DAY, START)).toBeCloseTo(63, 5);
    expect(onsets.usual("isp", START + 9 * DAY, 0)).toBeCloseTo(63, 5);
    expect(onsets.usual("isp", START + 4 * DAY, 0)).toBeCloseTo(31.5, 1);
  });
});
