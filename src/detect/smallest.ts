// SPDX-License-Identifier: Apache-2.0

/** Tokens kept. */
const KEPT = 256;

/**
 * Distinct dark addresses by the smallest 256 of their tokens (Bar-Yossef and others, 2002): exact below that, then estimated with a standard
 * error of 6 %. What an engine can cut down before it brings it over. JSON.
 */
export type Smallest = readonly number[];

/** SQL of the tokens kept of a group of rows. */
export const smallestSql = `arraySlice(arraySort(groupUniqArrayArray(dst_tokens)), 1, ${KEPT})`;

export const unite = (a: Smallest, b: Smallest): number[] =>
  [...new Set([...a, ...b])].sort((x, y) => x - y).slice(0, KEPT);

/** How many there are; `least` is what a single row says, whose tokens may have given way to a sketch. */
export const smallestCount = (tokens: Smallest, least = 0): number =>
  Math.max(
    least,
    tokens.length < KEPT ? tokens.length : Math.round(((KEPT - 1) * 2 ** 32) / Math.max(1, tokens[KEPT - 1]!)),
  );
