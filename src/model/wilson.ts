// SPDX-License-Identifier: Apache-2.0

/** The 97.5 % quantile of the normal distribution. */
const z = 1.959963984540054;

/** A measured share with its 95 % interval; null where nothing was measured. */
export interface Measured {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly n: number;
}

/** Wilson's interval of a share (95 %): `hits` of `n`. */
export const wilson = (hits: number, n: number): Measured => {
  if (n === 0) return { value: null, low: null, high: null, n };
  const p = hits / n;
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return { value: p, low: Math.max(0, middle - half), high: Math.min(1, middle + half), n };
};
