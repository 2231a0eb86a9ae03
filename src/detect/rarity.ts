// SPDX-License-Identifier: Apache-2.0

/**
 * How rare a count is, given what was counted before at the same place. The rate behind counts is never known, only
 * estimated: with `events` seen over `exposure`, the count over another `exposure` is negative binomial, and wider the less was
 * seen (the gamma-Poisson pair; Gelman et al., Bayesian Data Analysis, 2.6). That is what keeps a port that was silent for two days from being taken for a
 * port that is silent for ever.
 */
export interface Past {
  readonly events: number;
  /** In any unit, the same as the present's. */
  readonly exposure: number;
  /** How much more than a Poisson count the past scattered: variance over mean, at least 1. */
  readonly scatter: number;
}

/** Lanczos approximation (g = 7, n = 9), good to 1e-13. */
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;
/** ln Gamma(x), x > 0. */
export const lnGamma = (x: number): number => {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - lnGamma(1 - x);
  const y = x - 1;
  let sum: number = lanczos[0];
  for (let i = 1; i < lanczos.length; i++) sum += lanczos[i]! / (y + i);
  const t = y + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (y + 0.5) * Math.log(t) - t + Math.log(sum);
};

/** Half an event is added to the past (Jeffreys' prior): nothing was ever seen is not nothing ever comes. */
const PRIOR = 0.5;

/**
 * log10 of the chance of `count` events or more over `exposure`; 0 for a count that is not above what is expected. An upper bound, within a
 * factor of two where it matters (far in the tail).
 */
export const logTail = (count: number, exposure: number, past: Past): number => {
  if (count <= 0 || exposure <= 0 || past.exposure <= 0) return 0;
  const ratioOfTimes = exposure / past.exposure;
  const mean = (past.events + PRIOR) * ratioOfTimes;
  // Variance over mean, less 1: what the unknown rate adds, times how counts scattered anyway.
  const odds = Math.max(1, past.scatter) * (1 + ratioOfTimes) - 1;
  const p = odds / (1 + odds);
  const shape = mean / odds;
  if (count <= mean) return 0;
  const ln =
    lnGamma(count + shape) - lnGamma(shape) - lnGamma(count + 1) + count * Math.log(p) + shape * Math.log1p(-p);
  // Terms of the tail fall at least as fast as a geometric series whose ratio is that of the next two.
  const ratio = ((count + shape) / (count + 1)) * p;
  return Math.min(0, (ln - Math.log1p(-Math.min(ratio, 0.999_999))) / Math.LN10);
};
