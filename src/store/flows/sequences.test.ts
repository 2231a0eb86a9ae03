// SPDX-License-Identifier: Apache-2.0
import { array, assert, nat, property, tuple } from "fast-check";
import { expect, it } from "vitest";
import { Sequences } from "./sequences.ts";

it("knows what it was told, in as few runs as there are", () =>
  assert(
    property(array(tuple(nat(40), nat(5)), { maxLength: 20 }), (added) => {
      const sequences = new Sequences();
      const plain = new Set<number>();
      for (const [first, length] of added) {
        sequences.add(first, first + length);
        for (let i = first; i <= first + length; i++) plain.add(i);
      }
      for (let i = 0; i < 50; i++) expect([i, sequences.has(i)]).toEqual([i, plain.has(i)]);
      const gaps = [...plain].filter((i) => !plain.has(i + 1)).length;
      expect(sequences.runs.length).toBe(gaps);
    }),
  ));
