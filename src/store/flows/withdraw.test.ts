// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { encodeFlows, nativeSink } from "./native.ts";
import { inventBatch } from "./batches.conformance.ts";
import { openEmbedded } from "./embedded/index.ts";
import { Journal } from "./journal.ts";
import { defaultRetention, keepForEver } from "./retention.ts";
import type { Retention } from "./retention.ts";
import { rollupSource } from "./rollup-read.ts";
import type { FlowStore } from "./store.ts";

const hour = 3_600e6;
const start = 1.7e15 - (1.7e15 % hour);
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const opened = async (retention: Retention = keepForEver): Promise<{ folder: string; store: FlowStore }> => {
  const folder = mkdtempSync(join(tmpdir(), "layang-withdraw-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const store = await openEmbedded({ folder, retention });
  ends.push(() => store.close());
  return { folder, store };
};
const rowsOf = async (store: FlowStore, sensor: string): Promise<number> =>
  (await store.query<{ n: number }>("SELECT count() AS n FROM flows WHERE sensor = {sensor:String}", { sensor }))
    .rows[0]!.n;
/** Packets of a sensor by the roll-ups of a grain. */
const rolled = async (
  store: FlowStore,
  sensor: string,
  grain: "5m" | "1h" | "1d",
  from = start - 24 * hour,
): Promise<number> =>
  (
    await store.query<{ n: number }>(
      `SELECT sum(packets) AS n FROM ${rollupSource("sensors", grain, { from, to: from + 72 * hour }, store.frontiers())} WHERE sensor = {sensor:String}`,
      { sensor },
    )
  ).rows[0]!.n;

it("withdraws also what is on its way", async () => {
  const { store } = await opened();
  const coming = Array.from({ length: 20 }, (_, i) =>
    store.append(inventBatch({ sensor: "s1", sequence: i + 1, interval: start })),
  );
  await store.revoke("s1", start - hour);
  expect(await Promise.all(coming)).toEqual(Array.from({ length: 20 }, () => "stored"));
  expect(await rowsOf(store, "s1")).toBe(0);
});

it("withdraws also what was begun and failed, for good", async () => {
  const { folder, store } = await opened();
  await store.append(inventBatch({ sensor: "s1", sequence: 1, interval: start }));
  const { batch, report } = inventBatch({ sensor: "s1", sequence: 2, interval: start });
  new Journal(join(folder, "journal")).begin(
    {
      kind: "group",
      id: "2-abc",
      batches: [
        {
          id: "2-abc",
          sensor: "s1",
          sequence: 2,
          flows: batch.flows.count,
          aggregates: 0,
          buckets: [start],
          report: { sensor: "s1", sequence: 2, interval: "2023-11-14 22:00:00", read: report.read },
        },
      ],
    },
    { flows: [encodeFlows(batch, null, nativeSink())] },
  );
  await store.revoke("s1", start - hour);
  expect(await rowsOf(store, "s1")).toBe(0);
  await store.close();
  ends.pop();
  const again = await openEmbedded({ folder, retention: keepForEver });
  ends.push(() => again.close());
  expect(await rowsOf(again, "s1")).toBe(0);
});

/** Packets of all sensors by the days of ports. */
const ported = async (store: FlowStore): Promise<number> =>
  (
    await store.query<{ n: number }>(
      `SELECT sum(packets) AS n FROM ${rollupSource("port_days", "1d", { from: start - 24 * hour, to: start + 48 * hour }, store.frontiers())}`,
    )
  ).rows[0]!.n;

it("withdraws from roll-ups whose base its retention has given up, and leaves the others' there", async () => {
  const { store } = await opened();
  for (const [i, sensor] of ["s1", "s2"].entries()) {
    await store.append(inventBatch({ sensor, sequence: i + 1, interval: start }));
  }
  await store.rollUp(Infinity);
  const others = await rolled(store, "s2", "1d");
  expect(await rolled(store, "s1", "1d")).toBeGreaterThan(0);
  // What the retention does some day.
  await store.query("TRUNCATE TABLE flows");
  await store.revoke("s1", start - 48 * hour);
  for (const grain of ["5m", "1h", "1d"] as const) {
    expect(await rolled(store, "s1", grain)).toBe(0);
    expect(await rolled(store, "s2", grain)).toBe(others);
  }
  expect(await ported(store)).toBe(others);
});

it("a row that comes after its base was given up takes nothing from the roll-ups", async () => {
  const { folder, store: first } = await opened();
  const old = Math.floor((Date.now() * 1000) / hour) * hour - 100 * 24 * hour;
  await first.append(inventBatch({ sequence: 1, interval: old }));
  await first.rollUp(old + 48 * hour, old + 48 * hour);
  const before = await rolled(first, "s1", "1d", old - (old % (24 * hour)));
  expect(before).toBeGreaterThan(0);
  await first.close();
  ends.pop();
  const store = await openEmbedded({ folder, retention: defaultRetention });
  ends.push(() => store.close());
  await store.query("TRUNCATE TABLE flows");
  await store.append(inventBatch({ sequence: 2, interval: old, flows: 1 }));
  const now = Date.now() * 1000;
  await store.rollUp(now, now);
  for (const grain of ["5m", "1h", "1d"] as const) {
    expect(await rolled(store, "s1", grain, old - (old % (24 * hour)))).toBeGreaterThanOrEqual(before);
  }
});
