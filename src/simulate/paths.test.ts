// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { hopsFrom, pathTo } from "./paths.ts";
import { Rng } from "./random.ts";

/** Share of pairs of addresses that differ from `bits` on and lie within so many hops of each other at a sensor. */
const within = (bits: number, hops: number): number => {
  const rng = new Rng(7, bits, 1);
  let near = 0;
  for (let i = 0; i < 20_000; i++) {
    const a = rng.next();
    const low = bits === 0 ? rng.next() : ((a ^ (rng.next() >>> bits)) >>> 0) | 0;
    const b = bits === 0 ? low : low >>> 0;
    const [p, q] = [hopsFrom(a) + pathTo(a, 11), hopsFrom(b) + pathTo(b, 11)];
    if (Math.abs(p - q) <= hops) near++;
  }
  return near / 20_000;
};

describe("paths", () => {
  // What honeypots' p0f logs and reflectors' TTLs show of real networks (docs/simulator.md), a little wider.
  it.each([
    [24, 1, 0.93, 1],
    [20, 1, 0.86, 0.98],
    [16, 1, 0.77, 0.9],
    [16, 3, 0.9, 0.99],
    [0, 1, 0.16, 0.23],
    [0, 3, 0.35, 0.46],
  ])("of hosts in one /%i those within %i hops are as many as in real networks", (bits, hops, least, most) => {
    const share = within(bits, hops);
    expect(share).toBeGreaterThan(least);
    expect(share).toBeLessThan(most);
  });

  it("is the same each time, and another at another sensor", () => {
    const addresses = Array.from({ length: 200 }, (_, i) => (0x0a000000 + i * 0x10000) >>> 0);
    expect(addresses.map((a) => pathTo(a, 3))).toEqual(addresses.map((a) => pathTo(a, 3)));
    expect(addresses.filter((a) => pathTo(a, 3) !== pathTo(a, 4)).length).toBeGreaterThan(100);
    for (const a of addresses) {
      expect(hopsFrom(a)).toBeGreaterThan(3);
      expect(hopsFrom(a) + pathTo(a, 3)).toBeLessThan(40);
    }
  });
});
