// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { inventBatch } from "./batches.conformance.ts";
import { openEmbedded } from "./embedded/index.ts";
import { flowRows } from "./recent.ts";
import { keepForEver } from "./retention.ts";
import { rollupSource } from "./rollup-read.ts";
import type { Frontiers } from "./buckets.ts";
import type { FlowStore } from "./store.ts";

const hour = 3_600e6;
const day = 24 * hour;
const start = 1.7e15 - (1.7e15 % day);
let folder: string;
let store: FlowStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "layang-recent-"));
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const reopen = async (): Promise<void> => {
  await store.close();
  store = await openEmbedded({ folder, retention: keepForEver });
};
const what =
  "count() AS n, sum(packets) AS p, uniqExact(src, dst_port, signature) AS s, max(last_seen) AS z, sum(cityHash64(sensor, first_seen, src, src_asn))";
/** The rows of some days, by the recent rows where they are there, and by the base alone. */
const both = async (from: number, to: number): Promise<unknown[]> =>
  Promise.all(
    [store.frontiers(), { "5m": 0, "1h": 0, "1d": 0 }].map(
      async (frontiers) =>
        (await store.query(`SELECT ${what} FROM ${flowRows({ from, to }, frontiers, "packets > 0")}`)).rows[0],
    ),
  );
const days = async (): Promise<number[]> =>
  (
    await store.query<{ d: number }>(
      "SELECT DISTINCT toUnixTimestamp(toStartOfDay(bucket)) AS d FROM recent_5m ORDER BY d",
    )
  ).rows.map(({ d }) => (d * 1e6 - start) / day);

it("has the rows of the last days once more, after late rows and reopening too, and drops them when they are not read any more", async () => {
  store = await openEmbedded({ folder, retention: keepForEver });
  for (let i = 0; i < 6; i++) {
    await store.append(inventBatch({ sensor: "s1", sequence: i + 1, interval: start + i * day + 3 * hour }));
  }
  // Nothing is closed, and there is nothing recent.
  expect(store.frontiers().recent).toBeUndefined();
  const now = start + 5 * day + 4 * hour;
  await store.rollUp(now);
  expect(store.frontiers().recent).toBe(start + 3 * day);
  expect(await days()).toEqual([2, 3, 4, 5]);
  // Sources of the day that is open come from their hours.
  const sources = (frontiers: Frontiers): Promise<unknown> =>
    store
      .query(
        `SELECT sum(packets) AS n, sum(least(ports, 11)) AS ports, count() AS s FROM ${rollupSource("source_days", "1d", { from: start + 5 * day, to: now }, frontiers, { measures: ["packets", "ports"], where: "realm = '' AND exercise = ''", oneScope: true })}`,
      )
      .then(({ rows }) => rows[0]);
  expect(await sources(store.frontiers())).toEqual(await sources({ "5m": 0, "1h": 0, "1d": 0 }));
  const sql = flowRows({ from: start + 4 * day, to: now }, store.frontiers(), "");
  expect(sql).toContain("FROM recent_5m");
  expect(sql).not.toContain("FROM flows");
  let [recent, base] = await both(start, now + hour);
  expect(recent).toEqual(base);

  await store.append(inventBatch({ sensor: "s2", sequence: 1, interval: start + 4 * day + 3 * hour }));
  await store.rollUp(now + 2 * hour);
  await reopen();
  expect(store.frontiers().recent).toBe(start + 3 * day);
  const before = base;
  [recent, base] = await both(start, now + hour);
  expect(base).not.toEqual(before);
  expect(recent).toEqual(base);

  // A day later one day less is read, and one more than that is still there.
  await store.append(inventBatch({ sensor: "s1", sequence: 7, interval: start + 6 * day + hour }));
  await store.rollUp(start + 6 * day + 2 * hour);
  expect(store.frontiers().recent).toBe(start + 4 * day);
  expect(await days()).toEqual([3, 4, 5, 6]);
  await store.revoke("s1", start + 5 * day);
  [recent, base] = await both(start, start + 7 * day);
  expect(recent).toEqual(base);
});

it("begins with a new day in a store of before there were recent rows", async () => {
  store = await openEmbedded({ folder, retention: keepForEver });
  await store.append(inventBatch({ sensor: "s1", sequence: 1, interval: start + 3 * hour }));
  await store.rollUp(start + 4 * hour);
  await store.query("ALTER TABLE rollup_revisions DELETE WHERE grain = 'recent' SETTINGS mutations_sync = 2");
  await store.query("TRUNCATE TABLE recent_5m");
  await reopen();
  expect(store.frontiers().recent).toBeUndefined();
  await store.append(inventBatch({ sensor: "s1", sequence: 2, interval: start + 5 * hour }));
  await store.append(inventBatch({ sensor: "s1", sequence: 3, interval: start + day + hour }));
  await store.rollUp(start + day + 2 * hour);
  expect(store.frontiers().recent).toBe(start + day);
  const [recent, base] = await both(start, start + 2 * day);
  expect(recent).toEqual(base);
});
