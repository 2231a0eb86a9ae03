// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { inventBatch } from "./batches.conformance.ts";
import { openEmbedded } from "./embedded/index.ts";
import { keepForEver } from "./retention.ts";
import { rollupSource } from "./rollup-read.ts";
import type { FlowStore } from "./store.ts";

const [minute, hour, day] = [60e6, 3_600e6, 86_400e6];
const midnight = 1.7e15 - (1.7e15 % day);
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});
const opened = async (folder: string): Promise<FlowStore> => {
  const store = await openEmbedded({ folder, retention: keepForEver });
  ends.push(() => store.close());
  return store;
};

it("a day that a clock closed which was ahead goes on: what comes is counted at once, and once it is over by the right one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-clock-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  let store = await opened(folder);
  let sequence = 0;
  let sent = 0;
  const noon = midnight + 12 * hour;
  const arrive = async (interval: number): Promise<void> => {
    const arrived = inventBatch({ sensor: "s1", sequence: ++sequence, interval });
    sent += arrived.report.counted;
    await store.append(arrived);
  };
  const told = async (): Promise<number[]> =>
    Promise.all(
      (["5m", "1h", "1d"] as const).map(async (grain) => {
        const from = rollupSource("sensors", grain, { from: midnight, to: midnight + day }, store.frontiers());
        return (await store.query<{ n: number }>(`SELECT sum(packets) AS n FROM ${from}`)).rows[0]!.n;
      }),
    );
  await arrive(noon + minute);
  await store.rollUp(noon + day, noon + day);
  // The node's clock is right again.
  await arrive(noon + 2 * minute);
  await store.rollUp(noon + 3 * minute, noon + 3 * minute);
  expect(await told()).toEqual([sent, sent, sent]);
  await arrive(noon + 4 * minute);
  await store.rollUp(noon + 6 * minute, noon + 6 * minute);
  expect(await told()).toEqual([sent, sent, sent]);
  // A node that was started anew meanwhile knows as much.
  await store.close();
  ends.pop();
  store = await opened(folder);
  await arrive(noon + 7 * minute);
  await store.rollUp(noon + 8 * minute, noon + 8 * minute);
  expect(await told()).toEqual([sent, sent, sent]);
  // And when the day is over nothing waits for the clock that was ahead.
  const { waiting } = await store.rollUp(midnight + day, midnight + day);
  expect(waiting).toBe(0);
  expect(store.frontiers()["1d"]).toBe(midnight + day);
  expect(await told()).toEqual([sent, sent, sent]);
});

it("a bucket that was computed by a clock which was ahead waits a minute for the next time, not until then", async () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-clock-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const store = await opened(folder);
  await store.append(inventBatch({ sensor: "s1", sequence: 1, interval: midnight }));
  await store.rollUp(midnight + hour, midnight + 7 * day);
  await store.append(inventBatch({ sensor: "s1", sequence: 2, interval: midnight }));
  expect(await store.rollUp(midnight + hour, midnight + hour)).toMatchObject({ waiting: 0 });
});
