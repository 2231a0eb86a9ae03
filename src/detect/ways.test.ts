// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { DAY, HOUR } from "./rows.ts";
import { Ways } from "./ways.ts";
import type { Way } from "./ways.ts";

const START = 480_000 * HOUR;
const way = (hops: number): Way => ({ sensor: "a", tool: "23", hops });

describe("ways", () => {
  /** Thirty networks, each at a distance of its own between 5 and 14; by `wandered` more hosts of others that seemed to lie at 12 for a while. */
  const made = (wandered: number): Ways => {
    const ways = new Ways();
    for (let i = 0; i < 30; i++) ways.learn(way(5 + (i % 10)), `network-${i}`, START, 1);
    for (let i = 0; i < wandered; i++) ways.learn(way(12), `other-${i}`, START, 1);
    for (let i = 0; i < wandered; i++) ways.learn(way(12), `other-${i}`, START, -1);
    for (let i = 0; i < 3; i++) ways.note(way(12), `unit-${i}`, START + 3 * DAY, 1);
    return ways;
  };
  it("remember of a source whose distance changed what they would have after a restart", () => {
    expect(made(60).company(way(12), START + 3 * DAY)).toEqual(made(0).company(way(12), START + 3 * DAY));
  });
  it("forget a network that nobody has seen for long, and answer anew when an older one comes", () => {
    const ways = made(0);
    const { usual } = ways.company(way(12), START + 3 * DAY);
    for (let i = 0; i < 60; i++) ways.learn(way(12), `late-${i}`, START, 1);
    expect(ways.company(way(12), START + 3 * DAY).usual).toBeGreaterThan(usual);
    ways.forget(START + 20 * DAY);
    expect(ways.company(way(12), START + 3 * DAY)).toEqual({ sources: 0, same: 0, usual: 1 });
  });
});
