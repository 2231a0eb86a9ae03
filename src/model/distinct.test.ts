// SPDX-License-Identifier: Apache-2.0
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addToken, countDistinct, estimateRegisters, REGISTERS, uniteRegisters } from "./distinct.ts";
import type { Distinct } from "./distinct.ts";
import { tokenKey, Tokens } from "../flow/token.ts";

/** The tokens that one source leaves at `count` addresses, with the key of `seed`. */
const tokensOf = (seed: number, count: number): Uint32Array => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => (seed >>> (8 * (i & 3))) + 31 * i);
  const out = new Int32Array(count);
  const right = Uint32Array.from(out, (_, i) => 0x0a000000 + i);
  new Tokens(tokenKey(key)).pairsV4(new Uint32Array(count).fill(seed), right, count, out);
  return new Uint32Array(out.buffer);
};
const NONE = new Uint8Array(0);
const listed = (tokens: ArrayLike<number>): Distinct => ({ tokens, registers: NONE });
const sketched = (tokens: ArrayLike<number>): Distinct => {
  const registers = new Uint8Array(REGISTERS);
  for (let i = 0; i < tokens.length; i++) addToken(registers, 0, tokens[i]!);
  return { tokens: [], registers };
};
/** As a row of the flow table gives it: a list up to 1,024, registers beyond. */
const rowOf = (tokens: Uint32Array): Distinct => (tokens.length <= 1024 ? listed(tokens) : sketched(tokens));

describe("distinct counts", () => {
  it("are exact over any rows with lists", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat({ max: 40 }), { maxLength: 30 }), { maxLength: 10 }), (rows) => {
        expect(countDistinct(rows.map(listed))).toBe(new Set(rows.flat()).size);
      }),
    );
  });

  it("are within 5 % from 10 to 200,000 addresses, however these are split over rows", () => {
    const logarithmic = fc
      .double({ min: Math.log(10), max: Math.log(200_000), noNaN: true })
      .map((x) => Math.round(Math.exp(x)));
    let runs = 0;
    let squares = 0;
    fc.assert(
      fc.property(
        logarithmic,
        fc.nat(),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        (count, seed, parts, overlap) => {
          const tokens = tokensOf(seed, count);
          const rows = Array.from({ length: parts }, (_, i) =>
            overlap && i % 2 === 1
              ? rowOf(tokens)
              : rowOf(tokens.subarray((i * count) / parts, ((i + 1) * count) / parts)),
          );
          if (overlap) rows.push(rowOf(tokens));
          const error = (countDistinct(rows) - count) / count;
          expect(Math.abs(error)).toBeLessThan(0.05);
          if (rows.every(({ registers }) => registers.length === 0)) expect(error).toBe(0);
          else {
            runs++;
            squares += error * error;
          }
        },
      ),
      { numRuns: 150, seed: 11 },
    );
    // And no worse on the whole than the estimator's known error, 1.04 / sqrt(4,096) = 1.6 %.
    expect(runs).toBeGreaterThan(30);
    expect(Math.sqrt(squares / runs)).toBeLessThan(0.02);
  });

  it("do not depend on which rows had registers, nor on the order of rows", () => {
    const tokens = tokensOf(5, 5000);
    const parts = [tokens.subarray(0, 900), tokens.subarray(900, 3000), tokens.subarray(3000)];
    const whole = countDistinct([sketched(tokens)]);
    expect(countDistinct(parts.map(sketched))).toBe(whole);
    expect(countDistinct(parts.map(rowOf))).toBe(whole);
    expect(countDistinct(parts.map(rowOf).toReversed())).toBe(whole);
  });

  it("leave the rows they unite as they were", () => {
    const rows = [sketched(tokensOf(1, 3000)), sketched(tokensOf(2, 3000))];
    const before = rows.map(({ registers }) => registers.slice());
    countDistinct(rows);
    expect(rows.map(({ registers }) => registers)).toEqual(before);
  });

  it("unite registers by the larger value", () => {
    const into = Uint8Array.of(1, 5, 0);
    uniteRegisters(into, Uint8Array.of(2, 4, 0));
    expect([...into]).toEqual([2, 5, 0]);
  });

  it("hold at both ends: nothing, and registers that are full", () => {
    expect(estimateRegisters(new Uint8Array(REGISTERS))).toBe(0);
    expect(countDistinct([])).toBe(0);
    expect(estimateRegisters(new Uint8Array(REGISTERS).fill(21))).toBe(Infinity);
    // Values of a token: the register is its low 12 bits, the value follows from the upper 20.
    const registers = new Uint8Array(REGISTERS);
    addToken(registers, 0, 0x80000005);
    addToken(registers, 0, 0x00001006);
    addToken(registers, 0, 0x00000007);
    expect([registers[5], registers[6], registers[7]]).toEqual([1, 20, 21]);
  });
});
