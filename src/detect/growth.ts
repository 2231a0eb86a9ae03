// SPDX-License-Identifier: Apache-2.0

/** Counts of new sources in equal steps of time, and how many of them the past would have brought anyway. */
export interface Arrivals {
  /** Length of a step, hours. */
  readonly step: number;
  readonly counts: readonly number[];
  /** Expected without an outbreak, a step. */
  readonly usual: number;
}

export interface Growth {
  /** Per hour: counts grow as exp(rate t). */
  readonly rate: number;
  /** Standard error of `rate`. */
  readonly error: number;
  /** Expected new sources in the last step, above the usual. */
  readonly now: number;
}

/**
 * Fits usual + exp(a + rate t) to counts: maximum likelihood for Poisson counts by Newton steps (iteratively reweighted least squares), which
 * takes empty steps for what they are. Undefined where there is too little to fit: fewer than three counts above the usual.
 */
export const fitGrowth = ({ step, counts, usual }: Arrivals): Growth | undefined => {
  const sum = counts.reduce((all, one) => all + one, 0);
  if (counts.length < 3 || sum - usual * counts.length < 3) return undefined;
  const n = counts.length;
  /** Time of step i, hours, 0 at the last. */
  const at = (i: number): number => (i - n + 1) * step;
  let a = Math.log(Math.max(0.1, sum / n - usual));
  let rate = 0;
  let [saa, sar, srr] = [0, 0, 0];
  for (let turn = 0; turn < 60; turn++) {
    let [ga, gr] = [0, 0];
    [saa, sar, srr] = [0, 0, 0];
    for (let i = 0; i < n; i++) {
      const t = at(i);
      const grown = Math.exp(Math.min(30, a + rate * t));
      const mean = usual + grown;
      const pull = (counts[i]! / mean - 1) * grown;
      const weight = (grown * grown) / mean;
      ga += pull;
      gr += pull * t;
      saa += weight;
      sar += weight * t;
      srr += weight * t * t;
    }
    // A little of the diagonal is added, so that one lone step with counts does not run away.
    const [haa, hrr] = [saa + 1e-6, srr + 1e-3 * step * step];
    const determinant = haa * hrr - sar * sar;
    if (determinant <= 0) break;
    const [da, dr] = [(hrr * ga - sar * gr) / determinant, (haa * gr - sar * ga) / determinant];
    // Steps are held small: far from the top the likelihood is no parabola.
    const scale = Math.min(1, 1 / Math.max(1e-9, Math.abs(da)), 0.5 / step / Math.max(1e-9, Math.abs(dr)));
    a += scale * da;
    rate += scale * dr;
    if (Math.abs(scale * da) < 1e-9 && Math.abs(scale * dr) < 1e-9) break;
  }
  const determinant = saa * srr - sar * sar;
  const error = determinant > 0 ? Math.sqrt(saa / determinant) : Infinity;
  return { rate, error, now: Math.exp(Math.min(30, a)) };
};

/** Hours in which a count with this growth doubles; null where it does not grow. */
export const doublingHours = (rate: number): number | null => (rate > 1e-6 ? Math.LN2 / rate : null);

/** Distinct sources seen in the last hours, and packets they sent in them. */
export interface Seen {
  readonly sources: number;
  readonly packets: number;
  /** Length of the window; only with `growth` it matters. */
  readonly hours?: number;
  /** How fast the hosts behind them grow, per hour: most are younger than the window, and had less time to be seen. */
  readonly growth?: number;
}
export interface Population {
  readonly low: number;
  readonly middle: number;
  /** Null: nothing bounds it (no source was seen twice). */
  readonly high: number | null;
}

/** Hours a host was there in the window, on average, and the share of hosts seen, when each sends `rate` packets an hour into the telescope. */
const presence = (growth: number, hours: number): number =>
  growth * hours < 1e-6 ? hours : -Math.expm1(-growth * hours) / growth;
const shareSeen = (rate: number, growth: number, hours: number): number => {
  if (growth * hours < 1e-6) return -Math.expm1(-rate * hours);
  // Ages are exponential, cut at the window: the older were there all the time.
  const both = growth + rate;
  return 1 - (growth / both) * -Math.expm1(-both * hours) - Math.exp(-both * hours);
};
/** The rate behind packets per seen source, by halving. */
const rateOf = (ratio: number, growth: number, hours: number): number => {
  if (ratio <= 1) return 0;
  const there = presence(growth, hours);
  let [low, high] = [0, ratio / there];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    const seen = shareSeen(middle, growth, hours);
    if (seen <= 0 || (middle * there) / seen < ratio) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
};
/** Half of the two standard deviations within which the square root of a count lies, sources counted too: measured to cover 90 %. */
const REACH = 1;
const bounds = (count: number): readonly [number, number] => [
  Math.max(0, Math.sqrt(count + 0.375) - REACH) ** 2,
  (Math.sqrt(count + 0.375) + REACH) ** 2,
];

/**
 * How many hosts are out there, seen or not: those that send at the same rate into a small telescope are seen now once, now twice, now never, and the
 * share of repetitions tells how many were never seen (capture and recapture, as ISDAS's logs were used). The range
 * covers 90 % of what chance alone does to the repetitions; hosts whose rates differ are more than this says, so `low` is
 * the firm end.
 */
export const population = ({ sources, packets, hours: window = 1, growth = 0 }: Seen): Population => {
  const repeated = Math.max(0, packets - sources);
  const grows = Math.max(0, growth);
  const hosts = (again: number): number => {
    const rate = rateOf((sources + again) / Math.max(1, sources), grows, window);
    const share = shareSeen(rate, grows, window);
    return rate > 0 && share > 0 ? Math.max(sources, sources / share) : Infinity;
  };
  const [few, many] = bounds(repeated);
  const high = hosts(few);
  const middle = hosts(Math.max(repeated, 0.5));
  return { low: hosts(many), middle: Math.min(middle, high), high: Number.isFinite(high) && few > 0 ? high : null };
};
