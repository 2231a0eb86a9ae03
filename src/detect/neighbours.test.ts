// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { Crowds, Neighbours } from "./neighbours.ts";
import { HOUR } from "./rows.ts";
import type { Way } from "./ways.ts";

const START = 480_000 * HOUR;
const key = (a: number, b: number, c: number, d: number): string =>
  `00000000000000000000FFFF${[a, b, c, d].map((octet) => octet.toString(16).padStart(2, "0")).join("")}`.toUpperCase();
const way = (hops: number, sensor = "a", tool = "23"): Way => ({ sensor, tool, hops });

/** Ten neighbours of one /20 at this distance, and ten a little further of the same /16, seen hour by hour. */
const network = (hops: number, tool = "other"): Neighbours => {
  const neighbours = new Neighbours();
  for (let i = 0; i < 10; i++) {
    neighbours.note(key(36, 64, i, 7), way(hops, "a", tool), START + i * HOUR, 1);
    neighbours.note(key(36, 64, 128 + i, 7), way(hops + 1, "a", tool), START + i * HOUR, 1);
    neighbours.note(key(36, 64, i, 7), way(hops + 4, "b", tool), START + i * HOUR, 1);
  }
  return neighbours;
};
const LATER = START + 11 * HOUR;

describe("neighbours", () => {
  it("speak for a host that is where they are, and against one that is not", () => {
    const neighbours = network(12);
    expect(neighbours.likeness(key(36, 64, 3, 9), [way(12)], LATER)?.likeness).toBeGreaterThan(2);
    expect(neighbours.likeness(key(36, 64, 3, 9), [way(13)], LATER)?.likeness).toBeGreaterThan(0.3);
    expect(neighbours.likeness(key(36, 64, 3, 9), [way(19)], LATER)?.likeness).toBeLessThan(-1.5);
    // Of a /20 in which nobody was seen the /16 is asked.
    expect(neighbours.likeness(key(36, 64, 64, 9), [way(12)], LATER)?.likeness).toBeGreaterThan(1);
    expect(neighbours.likeness(key(36, 64, 64, 9), [way(22)], LATER)?.likeness).toBeLessThan(-1);
  });

  it("are asked at every sensor, and a host may stand a hop behind them at all of them", () => {
    const neighbours = network(12);
    const both = (a: number, b: number): number =>
      neighbours.likeness(key(36, 64, 3, 9), [way(a, "a"), way(b, "b")], LATER)!.likeness;
    expect(both(12, 16)).toBeGreaterThan(4.5);
    expect(both(13, 17)).toBeGreaterThan(1.5);
    expect(both(12, 22)).toBeLessThan(1);
    expect(both(19, 11)).toBeLessThan(-3.5);
  });

  it("say nothing where there are none, of other networks, or from the same hour on", () => {
    const neighbours = network(12);
    expect(neighbours.likeness(key(36, 65, 3, 9), [way(12)], LATER)).toBeUndefined();
    expect(neighbours.likeness(key(36, 64, 3, 9), [way(12, "c")], LATER)).toBeUndefined();
    expect(neighbours.likeness(key(36, 64, 3, 9), [way(12)], START)).toBeUndefined();
    expect(neighbours.likeness(key(36, 64, 3, 9), [], LATER)).toBeUndefined();
  });

  it("do not vouch for each other when one tool made them all within a day", () => {
    const neighbours = network(12, "23");
    expect(neighbours.likeness(key(36, 64, 3, 9), [way(12)], LATER)).toBeUndefined();
    expect(neighbours.likeness(key(36, 64, 3, 9), [way(12)], LATER + 25 * HOUR)?.likeness).toBeGreaterThan(2);
  });

  it("are those that were not taken back, and forgotten after eight days", () => {
    const neighbours = network(12);
    for (let i = 0; i < 10; i++) {
      neighbours.note(key(36, 64, i, 7), way(12, "a", "other"), START + i * HOUR, -1);
      neighbours.note(key(36, 64, 128 + i, 7), way(13, "a", "other"), START + i * HOUR, -1);
    }
    expect(neighbours.likeness(key(36, 64, 3, 9), [way(12)], LATER)).toBeUndefined();
    expect(neighbours.likeness(key(36, 64, 3, 9), [way(16, "b")], LATER)?.likeness).toBeGreaterThan(2);
    neighbours.forget(LATER + 9 * 24 * HOUR);
    expect(neighbours.likeness(key(36, 64, 3, 9), [way(16, "b")], LATER)).toBeUndefined();
  });

  it("keep a bounded number of a network, the newest", () => {
    const neighbours = new Neighbours();
    for (let i = 0; i < 1000; i++)
      neighbours.note(
        key(36, 64, 1, i & 255),
        way(i < 700 ? 9 : 15, "a", "other"),
        START + Math.floor(i / 3) * HOUR,
        1,
      );
    expect(neighbours.likeness(key(36, 64, 1, 1), [way(15)], START + 400 * HOUR)?.likeness).toBeGreaterThan(2.5);
    expect(neighbours.likeness(key(36, 64, 1, 1), [way(9)], START + 400 * HOUR)?.likeness).toBeLessThan(-2);
  });

  it("count little when they are many of one tool and hour: such are quickly forged", () => {
    const neighbours = network(12);
    for (let i = 0; i < 200; i++) neighbours.note(key(36, 64, 1, i), way(25, "a", "forged"), LATER - HOUR, 1);
    expect(neighbours.likeness(key(36, 64, 3, 9), [way(12)], LATER)?.likeness).toBeGreaterThan(2);
    expect(neighbours.likeness(key(36, 64, 3, 9), [way(25)], LATER)?.likeness).toBeLessThan(1.5);
  });

  it("are those of a /48 in IPv6", () => {
    const neighbours = new Neighbours();
    const six = (subnet: string): string => `20010DB80001${subnet}`.padEnd(32, "0");
    for (let i = 0; i < 5; i++) neighbours.note(six(`000${i}`), way(12, "a", "other"), START, 1);
    expect(neighbours.likeness(six("00FF"), [way(12)], LATER)?.likeness).toBeGreaterThan(2);
    expect(neighbours.likeness(`20020DB8`.padEnd(32, "0"), [way(12)], LATER)).toBeUndefined();
  });
});

describe("crowds", () => {
  it("count who began within a day, by tool", () => {
    const crowds = new Crowds();
    for (let i = 0; i < 40; i++) crowds.note("23", START + i * HOUR, i % 2 === 0, 1);
    crowds.note("80", START, true, 1);
    expect(crowds.around("23", START)).toEqual({ known: 25, strange: 13 });
    crowds.note("23", START, true, -1);
    expect(crowds.around("23", START)).toEqual({ known: 24, strange: 12 });
    crowds.forget(START + 10 * 24 * HOUR);
    expect(crowds.around("23", START)).toEqual({ known: 0, strange: 0 });
  });
});
