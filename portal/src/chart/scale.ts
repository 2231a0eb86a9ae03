// SPDX-License-Identifier: Apache-2.0

/** Round ticks from zero to at least `most`; always two or more. */
export const amountTicks = (most: number, about = 4): number[] => {
  if (!(most > 0)) return [0, 1];
  const rough = most / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const ticks = [0];
  while ((ticks.at(-1) ?? 0) < most) ticks.push(Number((ticks.length * step).toPrecision(12)));
  return ticks;
};

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const steps = [
  5 * minute,
  15 * minute,
  30 * minute,
  hour,
  3 * hour,
  6 * hour,
  12 * hour,
  day,
  2 * day,
  7 * day,
  14 * day,
] as const;

/** Times to label between two instants (milliseconds), at whole UTC steps, or at months' beginnings in long spans. */
export const timeTicks = (
  from: number,
  to: number,
  about: number,
): { times: number[]; form: "clock" | "day" | "month" } => {
  const step = steps.find((one) => (to - from) / one <= about);
  if (step === undefined) {
    const times: number[] = [];
    const at = new Date(from);
    const every = Math.ceil((to - from) / (30 * day) / about);
    for (let month = 1; month < 600; month++) {
      const time = Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + month * every, 1);
      if (time >= to) break;
      times.push(time);
    }
    return { times, form: "month" };
  }
  const times: number[] = [];
  for (let time = Math.ceil(from / step) * step; time < to; time += step) times.push(time);
  return { times, form: step < day ? "clock" : "day" };
};

/** Heights for labels that want `wishes` (pixels), moved apart to at least `gap`, inside [top, bottom]. */
export const spread = (wishes: readonly number[], gap: number, top: number, bottom: number): number[] => {
  const order = wishes.map((wish, place) => ({ wish, place })).sort((a, b) => a.wish - b.wish);
  const placed: number[] = [];
  for (const { wish } of order) placed.push(Math.max(wish, (placed.at(-1) ?? top - gap) + gap));
  for (let i = placed.length - 1; i >= 0; i--) {
    const limit = i === placed.length - 1 ? bottom : (placed[i + 1] ?? bottom) - gap;
    placed[i] = Math.min(placed[i] ?? limit, limit);
  }
  const result: number[] = wishes.map(() => 0);
  for (const [i, { place }] of order.entries()) result[place] = placed[i] ?? 0;
  return result;
};

/** Length of a text in letters of ours: a letter of Chinese, Japanese or Korean takes nearly two. */
export const lettersOf = (text: string): number => {
  let sum = 0;
  for (const letter of text) sum += /[\u1100-\u11ff\u2e80-\ud7af\uf900-\ufaff\uff00-\uff60]/.test(letter) ? 1.75 : 1;
  return sum;
};
