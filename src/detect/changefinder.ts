// SPDX-License-Identifier: Apache-2.0

/**
 * ChangeFinder (Takeuchi and Yamanishi, IEEE TKDE 18(4), 2006): two stages of a sequentially discounting autoregressive
 * model (SDAR) of order 2, each followed by a moving mean. A score is the log loss of a point under the model so far: what
 * the model did not expect scores high. Parameters as NICT's baseline uses them for ten-minute counts (the repository
 * Gotchance/Dark-TRACER, whose published alert times are this file's test).
 */
export interface ChangeParameters {
  /** Share of the newest point in every mean. */
  readonly discount: number;
  /** Points of the first and the second moving mean. */
  readonly smooth: readonly [number, number];
  /** A score above this is a change point. */
  readonly threshold: number;
  /** Points at the beginning that never are: the model has not settled. */
  readonly settle: number;
}
export const publishedChange: ChangeParameters = { discount: 0.005, smooth: [10, 5], threshold: 3, settle: 15 };

/** What one stage remembers: mean, autocovariance at lags 0 to 2, variance of the error, the two points before. */
export interface StageMemory {
  mu: number;
  c: [number, number, number];
  s: number;
  before: number[];
}
/** What a series remembers between points; plain JSON. */
export interface ChangeMemory {
  points: number;
  stages: [StageMemory, StageMemory];
  recent: [number[], number[]];
}

const newStage = (): StageMemory => ({ mu: 0, c: [0, 0, 0], s: 0, before: [] });
export const newChange = (): ChangeMemory => ({ points: 0, stages: [newStage(), newStage()], recent: [[], []] });

const TOLERANCE = 2 ** -26;

/**
 * The weights of an autoregression of order 2 (Yule-Walker), by the pseudo-inverse: the matrix [c0 c1; c1 c0] has the
 * eigenvalues c0 + c1 and c0 - c1 over (1, 1) and (1, -1); one too small beside the other is left out.
 */
const weights = ([c0, c1, c2]: readonly [number, number, number]): readonly [number, number] => {
  const [even, odd] = [c0 + c1, c0 - c1];
  const least = TOLERANCE * Math.max(Math.abs(even), Math.abs(odd));
  const a = Math.abs(even) > least ? (c1 + c2) / even / 2 : 0;
  const b = Math.abs(odd) > least ? (c1 - c2) / odd / 2 : 0;
  return [a + b, a - b];
};

/** The score of a point, and the stage moved on by it. The first two points only fill the memory: 0. */
const step = (stage: StageMemory, x: number, r: number): number => {
  const [last, lastButOne] = [stage.before.at(-1), stage.before.at(-2)];
  let score = 0;
  if (last !== undefined && lastButOne !== undefined) {
    stage.mu = (1 - r) * stage.mu + r * x;
    const [d, d1, d2] = [x - stage.mu, last - stage.mu, lastButOne - stage.mu];
    stage.c = [(1 - r) * stage.c[0] + r * d * d, (1 - r) * stage.c[1] + r * d * d1, (1 - r) * stage.c[2] + r * d * d2];
    const [w1, w2] = weights(stage.c);
    const error = x - (stage.mu + w1 * d1 + w2 * d2);
    stage.s = (1 - r) * stage.s + r * error * error;
    // A series that never moved has no surprise in it, whatever the logarithm of 0 says.
    score = stage.s > 0 ? (Math.log(2 * Math.PI * stage.s) + (error * error) / stage.s) / 2 : 0;
  }
  stage.before = lastButOne === undefined ? [...stage.before, x] : [last!, x];
  return score;
};

const smoothed = (recent: number[], x: number, most: number): number => {
  recent.push(x);
  if (recent.length > most) recent.shift();
  return recent.reduce((sum, one) => sum + one, 0) / recent.length;
};

/** Takes the next point of a series (at even distances) and gives its score; `memory` moves on. */
export const changeScore = (
  memory: ChangeMemory,
  x: number,
  parameters: ChangeParameters = publishedChange,
): number => {
  memory.points++;
  const first = smoothed(memory.recent[0], step(memory.stages[0], x, parameters.discount), parameters.smooth[0]);
  return smoothed(memory.recent[1], step(memory.stages[1], first, parameters.discount), parameters.smooth[1]);
};

/** Whether each point of parallel series (packets, hosts) is a change point: one of them scores above the threshold. */
export const changePoints = (
  series: readonly (readonly number[])[],
  parameters: ChangeParameters = publishedChange,
): boolean[] => {
  const scores = series.map((values) => {
    const memory = newChange();
    return values.map((x) => changeScore(memory, x, parameters));
  });
  return (series[0] ?? []).map(
    (_, i) => i >= parameters.settle && scores.some((of) => (of[i] ?? 0) > parameters.threshold),
  );
};
