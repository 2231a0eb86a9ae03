// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { Region } from "../simulate/region.ts";
import { Stream } from "../simulate/stream.ts";
import { HOUR } from "../simulate/scenario.ts";
import { openScenario } from "./scenario.ts";
import { simulatedPlan } from "./simulated-plan.ts";

const EPOCH = Date.UTC(2026, 10, 27, 5) * 1000;

/** Packets to a TCP or UDP port in each of so many hours before the demo's start, oldest first, over all its sensors. */
const hourly = (port: number, hours: number): number[] => {
  const scenario = openScenario("region");
  const region = new Region({ seed: 20130913, scenario, plan: simulatedPlan(20130913), epoch: EPOCH, link: "raw" });
  const counts = Array.from({ length: hours }, () => 0);
  const from = EPOCH - hours * HOUR;
  for (const sensor of scenario.sensors) {
    const stream = new Stream(region, sensor, from);
    for (let piece = stream.read(EPOCH); piece.to > piece.from; piece = stream.read(EPOCH)) {
      const { frames } = piece;
      for (let i = piece.from; i < piece.to; i++) {
        const at = frames.offsets[i]!;
        if (((frames.bytes[at + 22]! << 8) | frames.bytes[at + 23]!) !== port) continue;
        counts[Math.floor((frames.times[i]! - from) / HOUR)]!++;
      }
    }
  }
  return counts;
};

it("the demo's busiest port does not leap in its last hours: only what the scenario tells of does", () => {
  const counts = hourly(23, 24);
  const [before, last] = [counts.slice(0, 20), counts.slice(-4)];
  const usual = before.reduce((sum, n) => sum + n, 0) / before.length;
  expect(usual).toBeGreaterThan(1000);
  for (const n of last) {
    expect(n).toBeLessThan(2 * usual);
    expect(n).toBeGreaterThan(usual / 2);
  }
});
