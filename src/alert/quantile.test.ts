// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { expect, it } from "vitest";
import { quantiles } from "./quantile.ts";

/** From all of them in order. */
const byHand = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const low = sorted[Math.floor(place)] ?? 0;
  return low + (place - Math.floor(place)) * ((sorted[Math.ceil(place)] ?? 0) - low);
};

it("is the quantile of all of them in order, however they come and however many are the same", () => {
  const few = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 300 });
  const many = fc.array(fc.double({ noNaN: true, min: 0, max: 1e12 }), { minLength: 1, maxLength: 300 });
  const shares = fc.array(fc.constantFrom(0, 0.1, 0.25, 0.5, 0.9, 1), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.oneof(few, many), shares, (values, wanted) => {
      const sorted = wanted.toSorted((a, b) => a - b);
      expect(quantiles(Float64Array.from(values), sorted)).toEqual(sorted.map((share) => byHand(values, share)));
    }),
  );
  expect(quantiles(new Float64Array(0), [0.5])).toEqual([]);
});

it("is the same of many in any order, and loses none of them", () => {
  const n = 100_000;
  const orders: readonly ((i: number) => number)[] = [
    (i) => i,
    (i) => n - i,
    (i) => Math.min(i, n - i),
    () => 7,
    (i) => (i % 2 === 0 ? i : n - i),
  ];
  for (const order of orders) {
    const all = Array.from({ length: n }, (_, i) => order(i));
    const values = Float64Array.from(all);
    expect(quantiles(values, [0.5, 0.9])).toEqual([byHand(all, 0.5), byHand(all, 0.9)]);
    expect(values.toSorted().join()).toBe(Float64Array.from(all).toSorted().join());
  }
});
