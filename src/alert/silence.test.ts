// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { day, hour, minute, second } from "./alert.ts";
import { chanceOfSilence, defaultSilence, isGivenUp, judgeSilence, silenceNeeded } from "./silence.ts";

/** mulberry32: the same numbers every time. */
const random = (() => {
  let state = 20_260_601;
  return (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
})();

it("goes to the Poisson chance for many visits, and doubts longer with few", () => {
  const exposure = 1_000 * hour;
  expect(chanceOfSilence({ visits: 1_001, exposure, since: 3 * hour })).toBeCloseTo(Math.exp(-3), 2);
  expect(chanceOfSilence({ visits: 2, exposure: hour, since: 9 * hour })).toBeCloseTo(0.1, 12);
  expect(chanceOfSilence({ visits: 1, exposure: hour, since: 99 * day })).toBe(1);
  expect(chanceOfSilence({ visits: 0, exposure: hour, since: 99 * day })).toBe(1);
  expect(silenceNeeded(3, hour, 0.01)).toBeCloseTo(9 * hour, -3);
  for (const visits of [2, 3, 5, 40]) {
    const since = silenceNeeded(visits, 7 * hour, 0.01);
    expect(chanceOfSilence({ visits, exposure: 7 * hour, since })).toBeCloseTo(0.01, 9);
  }
});

it.each([2, 3, 5, 30])("is wrong no more often than it says after %i visits, whatever the rate", (visits) => {
  let wrong = 0;
  const tries = 40_000;
  for (let i = 0; i < tries; i++) {
    // A host that goes on sending, as the store tells of it: from its first visit to its last one, then the gap to the next.
    const mean = day * 10 ** (random() * 4);
    const gap = (): number => -mean * Math.log(1 - random());
    let exposure = 0;
    for (let v = 1; v < visits; v++) exposure += gap();
    if (gap() > silenceNeeded(visits, exposure, 0.01)) wrong++;
  }
  // The claim is 1 %; three standard deviations around it.
  const spread = 3 * Math.sqrt((0.01 * 0.99) / tries);
  expect(wrong / tries).toBeLessThan(0.01 + spread);
  expect(wrong / tries).toBeGreaterThan(0.01 - spread);
});

const at = 1_780_272_000_000_000;
const judge = (visits: number, exposure: number, quietFor: number, up = 1, moved = false) =>
  judgeSilence({ last: at - quietFor, visits, exposure, since: quietFor * up }, at, moved);

it("says quiet of a busy host after a day, and not before", () => {
  expect(judge(100, 50 * hour, 3 * minute).verdict).toBe("active");
  expect(judge(100, 50 * hour, 20 * hour)).toMatchObject({ verdict: "waiting", until: at + 4 * hour });
  expect(judge(100, 50 * hour, 25 * hour)).toMatchObject({ verdict: "quiet", until: at });
});

it("does not take the silence of a sensor for the silence of a host", () => {
  expect(judge(100, 50 * hour, 30 * hour, 0)).toMatchObject({ verdict: "unknown", chance: 1, until: null, up: 0 });
  expect(judge(5, 50 * hour, 60 * hour, 0.3).verdict).toBe("unknown");
});

it("cannot tell of a host that one small telescope meets every 19 days", () => {
  // 10 packets/s over all of IPv4 meet a /24 every 2^32 / 256 / 10 s.
  const every = (2 ** 32 / 256 / 10) * second;
  expect(every / day).toBeCloseTo(19.4, 1);
  expect(judge(2, every, 30 * day)).toMatchObject({ verdict: "unknown", until: null });
  expect(judge(2, every, 30 * day).chance).toBeGreaterThan(0.01);
  // A hundred times the addresses: told within the term.
  expect(judge(200, every, 10 * day).verdict).toBe("quiet");
});

it("takes no single burst for a rate: a host that was met once may be met again in weeks", () => {
  expect(judge(1, 10 * minute, 80 * day)).toMatchObject({ verdict: "unknown", chance: 1, until: null });
});

it("says moved, never quiet, where the same signature came up beside it", () => {
  expect(judge(100, 50 * hour, 30 * hour, 1, true)).toMatchObject({ verdict: "moved" });
  expect(judge(2, 50 * hour, 30 * hour, 1, true)).toMatchObject({ verdict: "moved" });
});

it("knows nothing of what was never seen", () => {
  expect(judgeSilence({ last: null, visits: 0, exposure: 0, since: 0 }, at, false, defaultSilence)).toEqual({
    verdict: "unknown",
    chance: null,
    since: null,
    until: null,
    up: null,
  });
});

it("gives up what it cannot judge after weeks of silence that sensors could have heard, and nothing that it can", () => {
  const single = (days: number, up: number) => isGivenUp(judge(1, 10 * minute, days * day, up), days * day);
  expect(single(27, 1)).toBe(false);
  expect(single(28, 1)).toBe(true);
  // Sensors that were down heard nothing: longer, but not for ever.
  expect(single(28, 0.3)).toBe(false);
  expect(single(89, 0)).toBe(false);
  expect(single(90, 0)).toBe(true);
  // What will be told in time waits for it; what still sends is not silent.
  expect(judge(3, 5 * day, 30 * day).verdict).toBe("waiting");
  expect(isGivenUp(judge(3, 5 * day, 30 * day), 30 * day)).toBe(false);
  expect(isGivenUp(judge(1, 10 * minute, minute), 100 * day)).toBe(false);
  // The store has none of its packets any more.
  expect(isGivenUp({ verdict: "unknown", up: null }, 60 * day)).toBe(false);
  expect(isGivenUp({ verdict: "unknown", up: null }, 90 * day)).toBe(true);
});
