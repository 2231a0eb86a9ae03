// SPDX-License-Identifier: Apache-2.0

/**
 * How much there was to see: dark addresses times time, hour by hour, and for each hour of the day how lively it usually is. A sensor that
 * joins, fails or is resized changes this, and with it what is expected; nothing else has to know.
 */
export interface ExposureMemory {
  /** Hour (since 1970) of the last entry of `hours`. */
  hour: number;
  /** Address-hours of the last hours, oldest first; at most `keep`. */
  hours: number[];
  /** Address-hours before those, faded. */
  before: number;
  /** New sources an address-hour over all ports, by hour of the day (UTC): slow means. */
  rhythm: number[];
  /** Hours learnt so far. */
  learnt: number;
}
export const newExposure = (hour: number): ExposureMemory => ({
  hour,
  hours: [0],
  before: 0,
  rhythm: Array.from({ length: 24 }, () => 0),
  learnt: 0,
});

/** Hours kept one by one: the longest window that is judged. */
export const KEEP = 72;
/** What lies further back counts half after three weeks. */
export const FADE = 2 ** (-1 / (21 * 24));
const LEARN = 0.15;
/** Hours after which the rhythm is believed: each hour of the day was there three times. */
const BELIEVED = 72;
/** What an hour is taken for is no more than so many times what it was: an outbreak is no rhythm. */
const CLIP = 1.5;

/** Opens hours up to `hour`; `faded` is told of every hour that leaves the kept ones. */
export const openHours = (memory: ExposureMemory, hour: number): number => {
  let opened = 0;
  // After a long silence only what is kept has to be walked through.
  if (hour - memory.hour > 2 * KEEP) {
    memory.before = (memory.before + memory.hours.reduce((sum, one) => sum + one, 0)) * FADE ** (hour - memory.hour);
    opened = hour - memory.hour;
    memory.hours = [0];
    memory.hour = hour;
    return opened;
  }
  while (memory.hour < hour) {
    memory.hours.push(0);
    memory.hour++;
    memory.before *= FADE;
    if (memory.hours.length > KEEP) memory.before += memory.hours.shift()!;
    opened++;
  }
  return opened;
};

/** Address-hours of the last `hours` hours, the open one among them. */
export const within = (memory: ExposureMemory, hours: number): number => {
  let sum = 0;
  for (let i = Math.max(0, memory.hours.length - hours); i < memory.hours.length; i++) sum += memory.hours[i]!;
  return sum;
};
/** Address-hours before the last `hours`. */
export const earlier = (memory: ExposureMemory, hours: number): number => {
  let sum = memory.before;
  for (let i = 0; i < memory.hours.length - hours; i++) sum += memory.hours[i]!;
  return sum;
};

/** Takes a whole hour's new sources over all ports into the rhythm. */
export const learnRhythm = (memory: ExposureMemory, hour: number, sources: number, exposure: number): void => {
  if (exposure <= 0) return;
  const at = ((hour % 24) + 24) % 24;
  const rate = sources / exposure;
  const known = memory.rhythm[at]!;
  memory.rhythm[at] =
    known === 0 ? rate : known + LEARN * (Math.min(known * CLIP, Math.max(known / CLIP, rate)) - known);
  memory.learnt++;
};

/** How lively the last `hours` hours usually are, against a whole day: 1 where nothing is known yet. */
export const liveliness = (memory: ExposureMemory, hours: number): number => {
  if (memory.learnt < BELIEVED || hours >= 24 || memory.rhythm.includes(0)) return 1;
  const mean = memory.rhythm.reduce((sum, one) => sum + one, 0) / 24;
  let sum = 0;
  for (let i = 0; i < hours; i++) sum += memory.rhythm[(((memory.hour - i) % 24) + 24) % 24]!;
  return Math.min(2, Math.max(1 / 2, sum / hours / mean));
};
