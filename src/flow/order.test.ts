// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { expect, it } from "vitest";
import { ENTRY_WORDS, SRC } from "./entry.ts";
import { SourceOrder } from "./order.ts";

it("puts rows in the order of their sources as unsigned numbers, IPv4 beside IPv6, equal ones as they came", () => {
  const word = fc.oneof(
    fc.constantFrom(0, 1, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  );
  const v4 = word.map((one) => [0, 0, 0xffff, one] as const);
  const order = new SourceOrder(64);
  fc.assert(
    fc.property(fc.array(fc.oneof(v4, fc.tuple(word, word, word, word)), { maxLength: 64 }), (sources) => {
      const words = new Int32Array(64 * ENTRY_WORDS);
      for (const [row, source] of sources.entries()) words.set(source, row * ENTRY_WORDS + SRC);
      const wanted = sources
        .map((source, row) => ({ key: source.map((one) => one.toString(16).padStart(8, "0")).join(""), row }))
        .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.row - b.row));
      expect([...order.of(words, sources.length).subarray(0, sources.length)]).toEqual(wanted.map(({ row }) => row));
    }),
    { numRuns: 500 },
  );
});
