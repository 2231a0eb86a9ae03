// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { expect, it } from "vitest";
import { detectionId, hash128 } from "./identity.ts";

it("gives known texts the ids they always had", () => {
  expect(hash128("")).toBe("acc6a9d5b98d05c00b4961701eb8344c");
  expect(
    detectionId({
      detector: "infected-host",
      kind: "infected-host",
      realm: "",
      exercise: "",
      subject: "192.0.2.1",
      opening: 1,
    }),
  ).toBe("cb6642ab7b2780b1a575bb2dfca6d6b8");
});

it("tells 200,000 neighbouring subjects apart", () => {
  const seen = new Set<string>();
  for (let i = 0; i < 200_000; i++) seen.add(hash128(`["infected-host","","","10.0.${i >> 8}.${i & 255}",${i % 7}]`));
  expect(seen.size).toBe(200_000);
});

it("is even in every digit", () => {
  const counts = Array.from({ length: 32 }, () => new Uint32Array(16));
  for (let i = 0; i < 16_000; i++) {
    for (const [at, digit] of [...hash128(`subject ${i}`)].entries()) counts[at]![Number.parseInt(digit, 16)]!++;
  }
  // 1,000 expected in each cell; seven standard deviations.
  for (const cells of counts) for (const n of cells) expect(Math.abs(n - 1_000)).toBeLessThan(220);
});

it("depends on every part", () => {
  const base = { detector: "a", kind: "b", realm: "", exercise: "", subject: "c", opening: 0 };
  fc.assert(
    fc.property(
      fc.constantFrom("detector", "kind", "realm", "exercise", "subject"),
      fc.string({ minLength: 1 }),
      (part, more) => {
        expect(detectionId({ ...base, [part]: `${base[part]}${more}` })).not.toBe(detectionId(base));
      },
    ),
  );
});
