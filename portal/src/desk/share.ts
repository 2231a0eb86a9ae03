// SPDX-License-Identifier: Apache-2.0

/** A share of one as per cent, rounded to a tenth (near its ends to a hundredth), but never to the whole or to nothing that it is not: 99.998 % is not 100 %. */
export const exactShare = (locale: string, value: number): string => {
  const near = value > 0 && value < 1 && (value > 0.99 || value < 0.001);
  const rounded = Math.round(value * 10_000);
  return new Intl.NumberFormat(locale, {
    style: "percent",
    maximumFractionDigits: near ? 2 : 1,
    roundingMode: near && rounded === 10_000 ? "floor" : near && rounded === 0 ? "ceil" : "halfExpand",
  }).format(value);
};
