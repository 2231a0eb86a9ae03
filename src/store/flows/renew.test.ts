// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { inventBatch } from "./batches.conformance.ts";
import { embeddedEngine } from "./embedded/engine.ts";
import { openEmbedded } from "./embedded/index.ts";
import { keepForEver } from "./retention.ts";
import { rollupSource } from "./rollup-read.ts";
import type { FlowStore } from "./store.ts";

const day = 86_400e6;
const start = 1.7e15 - (1.7e15 % day);
const folder = mkdtempSync(join(tmpdir(), "layang-renew-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sums = async (store: FlowStore, from: number): Promise<unknown> =>
  (
    await store.query(
      `SELECT sum(packets) AS n, uniqCombinedMerge(12)(sources) AS s, groupBitmapMerge(port_set) AS p FROM ${rollupSource("sensors", "1d", { from, to: from + day }, store.frontiers())}`,
    )
  ).rows[0];
const inBase = async (store: FlowStore, from: number): Promise<unknown> =>
  (
    await store.query(
      `SELECT sum(packets) AS n, uniqCombined(12)(src) AS s, uniqExact(protocol, ifNull(toUInt32(dst_port), 65536)) AS p FROM flows WHERE first_seen >= fromUnixTimestamp64Micro(${from}) AND first_seen < fromUnixTimestamp64Micro(${from + day})`,
    )
  ).rows[0];

it("a store of an earlier form of the roll-ups keeps what it held and is computed again, also where that was cut short", async () => {
  let store = await openEmbedded({ folder, retention: keepForEver });
  for (const [i, at] of [start, start + 2 * day].entries()) {
    await store.append(inventBatch({ sensor: "s1", sequence: i + 1, interval: at }));
  }
  await store.rollUp(start + 4 * day);
  const [first, second] = [await sums(store, start), await sums(store, start + 2 * day)];
  expect(second).toEqual(await inBase(store, start + 2 * day));
  await store.close();

  // As an earlier version left it: another order, a measure less; one table was on its way already. The base has given up the first day.
  const engine = await embeddedEngine(join(folder, "chdb"), 1);
  for (const [name, left] of [
    ["sensors_1d", "sensors_1d"],
    ["sensors_5m", "sensors_5m_aside"],
  ] as const) {
    await engine.run(
      `CREATE TABLE earlier ENGINE = MergeTree PARTITION BY tuple() ORDER BY (sensor, bucket, protocol, class) AS SELECT * EXCEPT (port_set) FROM ${name}`,
      "append",
    );
    await engine.run(`DROP TABLE ${name} SYNC`, "append");
    await engine.run(`RENAME TABLE earlier TO ${left}`, "append");
  }
  await engine.run(
    `ALTER TABLE flows DROP PARTITION '${new Date(start / 1000).toISOString().slice(0, 10).replaceAll("-", "")}'`,
    "append",
  );
  await engine.close();

  store = await openEmbedded({ folder, retention: keepForEver });
  expect(await inBase(store, start + 2 * day)).toEqual(second);
  expect(await sums(store, start + 2 * day)).toEqual(second);
  await store.rollUp(start + 4 * day);
  expect(await sums(store, start + 2 * day)).toEqual(second);
  // Which ports there were was not told then.
  expect(await sums(store, start)).toEqual({ ...(first as object), p: 0 });
  expect(
    (
      await store.query(
        "SELECT count() AS n FROM system.tables WHERE name LIKE '%aside%' AND database = currentDatabase()",
      )
    ).rows,
  ).toEqual([{ n: 0 }]);
  await store.close();
});
