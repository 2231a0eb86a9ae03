// SPDX-License-Identifier: Apache-2.0
import { array, assert, boolean, constantFrom, integer, nat, property, tuple } from "fast-check";
import { expect, it } from "vitest";
import { OriginTable, flatten, overlay } from "./ranges.ts";
import type { Ranges } from "./ranges.ts";

interface Range {
  readonly first: bigint;
  readonly last: bigint;
  readonly value: number;
}
const all6 = (1n << 128n) - 1n;
const all4 = (1n << 32n) - 1n;
const wordsOf = (value: bigint, width: 1 | 4): number[] =>
  Array.from({ length: width }, (_, i) => Number((value >> BigInt(32 * (width - 1 - i))) & all4));
const columns = (ranges: readonly Range[], width: 1 | 4): Ranges => ({
  width,
  count: ranges.length,
  first: Uint32Array.from(ranges.flatMap(({ first }) => wordsOf(first, width))),
  last: Uint32Array.from(ranges.flatMap(({ last }) => wordsOf(last, width))),
  values: Uint32Array.from(ranges, ({ value }) => value),
});
/** The rule in plain words: of the ranges that hold the address the narrowest, of equally wide ones the last. */
const scan = (ranges: readonly Range[], address: bigint): number => {
  let best: Range | undefined;
  for (const range of ranges) {
    if (address < range.first || address > range.last) continue;
    if (best === undefined || range.last - range.first <= best.last - best.first) best = range;
  }
  return best?.value ?? 0;
};

/** Few distinct addresses, so that ranges nest, cross, touch and repeat; some at the ends of the address space and of words. */
const place = (width: 1 | 4) =>
  tuple(constantFrom(0n, all4, (1n << 64n) - 4n, width === 1 ? all4 - 8n : all6 - 8n, 7n << 100n), nat(12)).map(
    ([base, offset]) => {
      const value = base + BigInt(offset);
      const most = width === 1 ? all4 : all6;
      return value > most ? most : value;
    },
  );
const rangesOf = (width: 1 | 4) =>
  array(
    tuple(place(width), place(width), integer({ min: 1, max: 9 })).map(([a, b, value]): Range => ({
      first: a < b ? a : b,
      last: a < b ? b : a,
      value,
    })),
    { maxLength: 14 },
  );

const table = (asn4: Range[], country4: Range[], asn6: Range[], country6: Range[]): OriginTable =>
  new OriginTable(
    overlay(flatten(columns(asn4, 1)), flatten(columns(country4, 1))),
    overlay(flatten(columns(asn6, 4)), flatten(columns(country6, 4))),
    ["AA", "BB"],
  );

it("finds what a plain scan finds, whatever overlaps", () =>
  assert(
    property(
      tuple(rangesOf(1), rangesOf(1), rangesOf(4), rangesOf(4)),
      array(tuple(boolean(), place(1), place(4)), { minLength: 1, maxLength: 40 }),
      ([asn4, country4, asn6, country6], asked) => {
        const made = table(asn4, country4, asn6, country6);
        const around = [...asn4, ...country4].flatMap(({ first, last }) => [first - 1n, first, last, last + 1n]);
        const addresses = [
          ...asked.map(([v4, four, six]) => ({ v4, value: v4 ? four : six })),
          ...around.filter((value) => value >= 0n && value <= all4).map((value) => ({ v4: true, value })),
        ];
        for (const { v4, value } of addresses) {
          const words = v4 ? [0, 0, 0xffff, Number(value)] : wordsOf(value, 4);
          if (!v4 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff) continue;
          const segment = made.find(Uint32Array.from([9, ...words]), 1);
          expect([v4, value, segment < 0 ? 0 : made.asnOf(segment), segment < 0 ? 0 : made.countryOf(segment)]).toEqual(
            [v4, value, scan(v4 ? asn4 : asn6, value), scan(v4 ? country4 : country6, value)],
          );
        }
      },
    ),
    { numRuns: 400 },
  ));

it("joins neighbours of one value", () => {
  const made = flatten(
    columns(
      [
        { first: 4n, last: 7n, value: 3 },
        { first: 8n, last: 9n, value: 3 },
      ],
      1,
    ),
  );
  expect([[...made.starts], [...made.values]]).toEqual([
    [4, 10],
    [3, 0],
  ]);
});
