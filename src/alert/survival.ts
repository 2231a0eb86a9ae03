// SPDX-License-Identifier: Apache-2.0

/** One episode: how long it was followed from its start, and whether its end was seen. Any unit. */
export interface Followed {
  readonly time: number;
  /** False: censored. It was still there, or nobody could tell, when it was last looked at. */
  readonly ended: boolean;
  /** How many were followed alike; 1 where nothing is said. */
  readonly n?: number;
}
export interface SurvivalPoint {
  readonly time: number;
  /** Share that goes on beyond `time`, with Greenwood's interval on the log-log scale (95 %). */
  readonly still: number;
  readonly low: number;
  readonly high: number;
  readonly atRisk: number;
  readonly ended: number;
  readonly censored: number;
}
export interface Survival {
  readonly n: number;
  readonly censored: number;
  /** The first time at which half or fewer go on; null: the curve does not get there. */
  readonly median: number | null;
  readonly points: readonly SurvivalPoint[];
}

const z = 1.959963984540054;
/** A product of many shares is a hair's breadth beside the half that it is. */
const half = 0.5 + 1e-9;

/** Kaplan-Meier. What ended and what was censored at the same time: the ended ones first, as is the custom. */
export const survival = (followed: readonly Followed[]): Survival => {
  const sorted = followed
    .map(({ time, ended, n = 1 }) => ({ time: Math.max(0, time), ended, n }))
    .toSorted((a, b) => a.time - b.time);
  const all = sorted.reduce((sum, { n }) => sum + n, 0);
  const points: SurvivalPoint[] = [];
  let still = 1;
  let variance = 0;
  let gone = 0;
  let unknown = 0;
  let median: number | null = null;
  for (let i = 0; i < sorted.length;) {
    const time = sorted[i]?.time ?? 0;
    const atRisk = all - gone;
    let ended = 0;
    let censored = 0;
    for (let one = sorted[i]; one !== undefined && one.time === time; one = sorted[++i]) {
      if (one.ended) ended += one.n;
      else censored += one.n;
    }
    gone += ended + censored;
    unknown += censored;
    still *= 1 - ended / atRisk;
    if (ended > 0 && ended < atRisk) variance += ended / (atRisk * (atRisk - ended));
    let low = still;
    let high = still;
    if (still > 0 && still < 1) {
      const spread = Math.exp((z * Math.sqrt(variance)) / Math.log(still));
      low = still ** (1 / spread);
      high = still ** spread;
    }
    if (median === null && still <= half) median = time;
    points.push({ time, still, low, high, atRisk, ended, censored });
  }
  return { n: all, censored: unknown, median, points };
};

/** The curve at whole steps from 0 to `until`: between its points it does not change; counts are those since the step before. */
export const atSteps = (curve: Survival, step: number, until: number): readonly SurvivalPoint[] => {
  const steps: SurvivalPoint[] = [];
  let at = 0;
  let current: SurvivalPoint = { time: 0, still: 1, low: 1, high: 1, atRisk: curve.n, ended: 0, censored: 0 };
  let gone = 0;
  for (let time = 0; time <= until; time += step) {
    let ended = 0;
    let censored = 0;
    for (let point = curve.points[at]; point !== undefined && point.time <= time; point = curve.points[++at]) {
      current = point;
      ended += point.ended;
      censored += point.censored;
    }
    gone += ended + censored;
    steps.push({ ...current, time, atRisk: curve.n - gone, ended, censored });
  }
  return steps;
};
