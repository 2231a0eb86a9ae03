// SPDX-License-Identifier: Apache-2.0
// The ring's figures and keys without a browser.
import { expect, it } from "vitest";
import { ringKey } from "../../portal/src/ring/keys.ts";
import { Tally } from "../../portal/src/ring/tally.ts";
import type { RingPackets } from "../../src/api/contract/desk/ring.ts";

const event = (packets: number): RingPackets => ({
  interval: "2026-11-27T10:00:00Z",
  packets,
  shown: 1,
  rate: packets / 10,
  rows: [[0.1, 2, 0.5, 0, 3, 23, packets]],
});

it("packets a second are those of the last ten seconds, and none when nothing came in them", () => {
  const tally = new Tally();
  expect(tally.sums(500)).toMatchObject({ rate: 0, heard: false, packets: 0 });
  // A quiet darknet: an event every five seconds, where the node says nothing of the quarters between.
  for (let at = 1000; at <= 61_000; at += 5000) tally.add(event(100), at);
  const now = tally.sums(61_500);
  expect(now).toMatchObject({ rate: 10, heard: true, packets: 200 });
  expect(now.rings.get(2)).toBeCloseTo(20);
  expect(now.classes.get(3)).toBeCloseTo(20);
  expect(tally.sums(67_000).rings.get(2)).toBeCloseTo(10);
  const quiet = tally.sums(71_000);
  expect([quiet.rate, quiet.packets, quiet.heard]).toEqual([0, 0, true]);
  expect(quiet.rings.size + quiet.classes.size).toBe(0);
});

it("packets a second just after the page was opened are not thinned by time when nobody listened", () => {
  const tally = new Tally();
  for (let at = 0; at < 2000; at += 250) tally.add(event(25), at + 9000);
  expect(tally.sums(10_750).rings.get(2)).toBeCloseTo(100);
});

it("Escape closes the evidence wherever the focus is left, and only then leaves the wall", () => {
  const shown = { stopped: true, open: true, anomaly: true };
  const idle = { stopped: false, open: false, anomaly: true };
  for (const focus of ["page", "button"] as const) {
    expect(ringKey("Escape", focus, shown)).toBe("resume");
    expect(ringKey("Escape", focus, idle)).toBeUndefined();
  }
  // Not the picture's: a dialog over it closes itself, a field and a button take their own keys.
  expect(["Escape", " ", "Enter"].map((key) => ringKey(key, "dialog", shown))).toEqual(Array(3).fill(undefined));
  expect(["Escape", " ", "Enter"].map((key) => ringKey(key, "field", shown))).toEqual(Array(3).fill(undefined));
  expect([" ", "Enter"].map((key) => ringKey(key, "button", idle))).toEqual([undefined, undefined]);
  expect([" ", "Enter", "x"].map((key) => ringKey(key, "page", idle))).toEqual(["toggle", "evidence", undefined]);
});
