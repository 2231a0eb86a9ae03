// SPDX-License-Identifier: Apache-2.0

/** A share of one as per cent, rounded to a tenth (near its ends to a hundredth), but never to the whole or to nothing that it is not: 99.998 % is not 100 %. */
export const exactShare = (locale: string, share: number): string => {
  // What arithmetic leaves of a whole or of nothing.
  const value = share > 1 - 1e-9 ? 1 : share < 1e-9 ? 0 : share;
  const near = value > 0 && value < 1 && (value > 0.99 || value < 0.001);
  const rounded = Math.round(value * 10_000);
  return new Intl.NumberFormat(locale, {
    style: "percent",
    maximumFractionDigits: near ? 2 : 1,
    roundingMode: near && rounded === 10_000 ? "floor" : near && rounded === 0 ? "ceil" : "halfExpand",
  }).format(value);
};
