// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { createLive } from "../api/live.ts";
import type { SensorStanding } from "../ship/receiver.ts";
import { nodeMetrics } from "./node-metrics.ts";

it("counts what is missing by batches, and lag and roll-ups by the clock", async () => {
  let now = 1.7e12;
  const standing: SensorStanding = {
    name: "s1",
    highest: 100,
    gaps: [
      { first: 3, last: 3 },
      { first: 10, last: 29 },
    ],
    lastSeen: 1.7e15 - 60e6,
    report: null,
    lag: 2e6,
    stored: 79,
    repeated: 0,
    quarantined: 5,
    late: 6,
    quarantineLost: 2,
    refused: {},
  };
  const failures = new Map([["rolling up", 3]]);
  const registry = nodeMetrics({
    standings: () => [standing],
    live: createLive({ run: "r" }),
    frontiers: () => ({ "5m": 1.7e15 - 400e6, "1h": 1.7e15 - 3_600e6, "1d": 0 }),
    failures,
    detectors: () => [
      { detector: "event", remembered: 3, position: 1.7e15 - 30e6, late: 2, failures: 0 },
      { detector: "event", remembered: 4, position: 1.7e15 - 90e6, late: 1, failures: 5 },
      { detector: "dos", remembered: 0, position: 0, late: 0, failures: 0 },
    ],
    letters: () => Promise.resolve({ waiting: 7, dead: 2, tried: 1.7e15 - 900e6 }),
    now: () => now,
  });
  const value = async (line: string): Promise<number | undefined> => {
    const found = (await registry.metrics()).split("\n").find((one) => one.startsWith(`${line} `));
    return found === undefined ? undefined : Number(found.slice(line.length));
  };
  expect(await value('layang_sensor_missing_batches{sensor="s1"}')).toBe(21);
  expect(await value('layang_sensor_lag_seconds{sensor="s1"}')).toBe(62);
  expect(await value('layang_quarantine_lost_total{sensor="s1"}')).toBe(2);
  expect(await value('layang_rollup_age_seconds{grain="5m"}')).toBe(400);
  expect(await value('layang_rollup_age_seconds{grain="1d"}')).toBeUndefined();
  expect(await value('layang_detector_remembered{detector="event"}')).toBe(7);
  expect(await value('layang_detector_behind_seconds{detector="event"}')).toBe(90);
  expect(await value('layang_detector_behind_seconds{detector="dos"}')).toBeUndefined();
  expect(await value('layang_detector_late{detector="event"}')).toBe(3);
  expect(await value('layang_detector_failures_total{detector="event"}')).toBe(5);
  expect(await value('layang_memory_bytes{of="resident"}')).toBeGreaterThan(
    (await value('layang_memory_bytes{of="heap"}')) ?? Infinity,
  );
  expect(await value('layang_failures_total{work="rolling up"}')).toBe(3);
  expect(await value("layang_letters_waiting")).toBe(7);
  expect(await value("layang_letters_dead")).toBe(2);
  expect(await value("layang_letters_oldest_tried_seconds")).toBe(900);
  // A sensor that fell silent, and roll-ups that stand still.
  now += 100_000;
  expect(await value('layang_sensor_lag_seconds{sensor="s1"}')).toBe(162);
  expect(await value('layang_rollup_age_seconds{grain="5m"}')).toBe(500);
});
