// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import type { Context, Ledger } from "./detector.ts";
import { grow, keepKnown } from "./infected-entry.ts";
import type { Entry } from "./infected-entry.ts";
import { indexOf, isFull, prune, putInIndex } from "./infected-index.ts";
import { DAY, HOUR } from "./rows.ts";
import type { Seen } from "./rows.ts";

const START = 480_000 * HOUR;
const SECOND = 1e6;

const ledgerOf = (): Ledger => {
  const entries = new Map<string, unknown>();
  return {
    get size() {
      return entries.size;
    },
    get: (key) => entries.get(key),
    set: (key, value) => void entries.set(key, value),
    delete: (key) => void entries.delete(key),
    keys: () => entries.keys(),
    entries: () => entries.entries(),
  };
};
const contextOf = (): Context =>
  ({
    scope: { realm: "", exercise: "" },
    sensors: [{ name: "a", country: null, darkAddresses: 256, since: START - DAY, clockError: null }],
    ledger: ledgerOf(),
  }) as unknown as Context;
const keyOf = (n: number): string =>
  `00000000000000000000FFFF${(0x2440_0000 + n).toString(16).toUpperCase().padStart(8, "0")}`;

/** A SYN to a dark address of its own. */
const seen = (time: number, n: number, sensor = "a"): Seen => ({
  key: "",
  sensor,
  first: time,
  last: time,
  protocol: 6,
  port: 23,
  class: 0,
  packets: 1,
  tokens: [n],
  registers: "",
  ttlMin: 50,
  ttlMax: 50,
  mirai: 0,
  zmap: 0,
  masscan: 0,
  stateless: 0,
  spoof: [0, 0, 0, 0, 0, 0, 0],
  signature: null,
  samplePort: 4_000,
  mismatches: 0,
  innerProtocol: null,
  innerPort: null,
});
const rows = (n: number, from = START, gap = SECOND, sensor = "a"): Seen[] =>
  Array.from({ length: n }, (_, i) => seen(from + i * gap, i, sensor));
const entryOf = (list: readonly Seen[], context: Context, now = START + HOUR): Entry =>
  grow(undefined, list, "isp", now, context, () => null)!;

describe("the ledger of infected hosts", () => {
  it("keeps no more than it may in a storm of two packets a source, and those it has accepted", () => {
    const context = contextOf();
    const index = indexOf(context.ledger, START, context);
    const [most, storm] = [100, 3_000];
    let pruned = 0;
    for (let i = 0; i < storm; i++) {
      const entry = entryOf(rows(i % 100 === 0 ? 12 : i % 3 === 0 ? 3 : 2, START + i * 1_000), context);
      context.ledger.set(keyOf(i), entry);
      putInIndex(index, keyOf(i), entry, undefined, START + HOUR, context);
      if (!isFull(context.ledger, most)) continue;
      prune(START + HOUR, index, context, most);
      pruned++;
      expect(context.ledger.size).toBe(most);
    }
    // Not at each step: only when a fifth too many have come.
    expect(pruned).toBeLessThan(storm / (0.2 * most) + 1);
    const left = [...context.ledger.entries()].map(([key, value]) => [key, value as Entry] as const);
    expect(left.filter(([, { accepted }]) => accepted !== null)).toHaveLength(30);
    // Of two packets none is left where there are some of three.
    expect(left.filter(([, { evidence }]) => evidence.packets === 2).length).toBeLessThanOrEqual(0.2 * most);
    for (const key of [...index.waiting, ...index.dirty, ...index.open]) {
      expect(context.ledger.get(key)).toBeDefined();
    }
  });

  it("forgets the names of crowds that nobody asks about any more", () => {
    const context = contextOf();
    const index = indexOf(context.ledger, START, context);
    const minute = START / 60e6;
    index.crowded.add(`isp ${minute}`).add(`isp ${minute + 8 * 24 * 60}`);
    index.thronged.add(`a 6/23 tool 12 ${START / HOUR}`).add(`a 6/23 tool 12 ${START / HOUR + 9 * 24}`);
    prune(START + 9 * DAY, index, context);
    expect([...index.crowded]).toEqual([`isp ${minute + 8 * 24 * 60}`]);
    expect([...index.thronged]).toEqual([`a 6/23 tool 12 ${START / HOUR + 9 * 24}`]);
  });

  it("keeps the beginning of a source whose first rows are older than the store keeps them", () => {
    const context = contextOf();
    const [long, now] = [rows(100, START, DAY), START + 99 * DAY + HOUR];
    const known = entryOf(long, context, now);
    known.stranger = true;
    const anew = entryOf(long.slice(95), context, now);
    keepKnown(anew, known, false, now);
    expect(anew).toMatchObject({ accepted: known.accepted, rule: "packets", clear: true, stranger: true });
    expect(anew.evidence.first).toBe(START);
    // What a sensor said of which nothing is left is not held on to.
    const lied = entryOf([seen(START, 1, "b"), ...rows(20, START + DAY)], context, now);
    const left = entryOf(rows(20, START + DAY), context, now);
    keepKnown(left, lied, false, now);
    expect(left.evidence.first).toBe(START + DAY);
  });
});
