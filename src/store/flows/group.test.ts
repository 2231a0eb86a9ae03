// SPDX-License-Identifier: Apache-2.0
// Batches that are inserted together: as many inserts as there are groups, and a group that failed is begun again as it was.
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { inventBatch } from "./batches.conformance.ts";
import { embeddedEngine } from "./embedded/engine.ts";
import type { Engine } from "./engine.ts";
import { Keeper } from "./keeper.ts";
import { keepForEver } from "./retention.ts";

const start = 1.7e15 - (1.7e15 % 3_600e6);
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** A store whose inserts are counted, and fail when they are told to: of reports after their flows are in. */
const opened = async (folder = mkdtempSync(join(tmpdir(), "layang-group-")), gather = 0) => {
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const engine = await embeddedEngine(join(folder, "chdb"));
  const seen = { flows: 0, reports: 0, failing: 0, gate: Promise.resolve() };
  const watched: Engine = {
    ...engine,
    insertFile: async (table, ...others) => {
      if (table === "flows") seen.flows++;
      await seen.gate;
      return engine.insertFile(table, ...others);
    },
    run: async (sql, lane) => {
      if (sql.startsWith("INSERT INTO reports")) {
        seen.reports++;
        if (seen.failing > 0) {
          seen.failing--;
          throw new Error("the disk is full");
        }
      }
      return engine.run(sql, lane);
    },
  };
  const store = await Keeper.open(watched, { folder, retention: keepForEver, gather });
  ends.push(() => store.close());
  const counted = async () => {
    const [flows] = (await store.query<{ n: number; u: number }>("SELECT count() AS n, sum(packets) AS u FROM flows"))
      .rows;
    const [reports] = (
      await store.query<{ n: number; u: number; rows: number }>(
        "SELECT count() AS n, uniqExact(sensor, sequence) AS u, sum(flow_rows) AS rows FROM reports",
      )
    ).rows;
    return { flows: flows!.n, reports: reports!.n, distinct: reports!.u, rows: reports!.rows };
  };
  return { folder, store, seen, counted, journal: () => readdirSync(join(folder, "journal")) };
};
const batchesOf = (sensors: number, each: number) =>
  Array.from({ length: sensors * each }, (_, i) =>
    inventBatch({
      sensor: `s${i % sensors}`,
      sequence: Math.floor(i / sensors),
      interval: start + Math.floor(i / sensors) * 1e6,
      intervalLength: 1e6,
      flows: i % 7 === 3 ? 0 : 20,
      aggregates: i % 5 === 0 ? 2 : 0,
    }),
  );
const flowsIn = (batches: ReturnType<typeof batchesOf>): number =>
  batches.reduce((sum, { batch }) => sum + batch.flows.count, 0);

it("inserts what comes at once together, and counts each batch by itself", async () => {
  const { store, seen, counted, journal } = await opened();
  const batches = batchesOf(20, 6);
  const outcomes = await Promise.all([...batches, ...batches.slice(0, 9)].map((one) => store.append(one)));
  expect(outcomes.filter((one) => one === "stored").length).toBe(120);
  expect(outcomes.filter((one) => one === "repeated").length).toBe(9);
  const rows = flowsIn(batches);
  expect(await counted()).toEqual({ flows: rows, reports: 120, distinct: 120, rows });
  // 64 together at most.
  expect(seen).toMatchObject({ flows: 2, reports: 2, failing: 0 });
  expect(journal()).toEqual([]);
});

it("begins a group that failed again as it was, whoever of it comes again, and doubles nothing", async () => {
  const { store, seen, counted, journal } = await opened();
  const batches = batchesOf(3, 4);
  seen.failing = 1;
  const outcomes = await Promise.allSettled(batches.map((one) => store.append(one)));
  expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
  // Its flows are in the store, its reports are not: nobody was told that they are kept.
  expect((await counted()).reports).toBe(0);
  expect(journal().filter((name) => name.endsWith(".entry")).length).toBe(1);

  // One of them comes again, among others that are new.
  const later = batchesOf(3, 6).slice(12);
  const again = await Promise.all([later[0]!, batches[5]!, ...later.slice(1)].map((one) => store.append(one)));
  expect(again).toEqual(Array.from({ length: 7 }, () => "stored"));
  // The others of its group came in with it; who brings them again is the first to hear of it.
  const again2 = await Promise.all(batches.map((one) => store.append(one)));
  expect(again2).toEqual(batches.map((_, i) => (i === 5 ? "repeated" : "stored")));
  expect(new Set(await Promise.all(batches.map((one) => store.append(one))))).toEqual(new Set(["repeated"]));
  const rows = flowsIn([...batches, ...later]);
  expect(await counted()).toEqual({ flows: rows, reports: 18, distinct: 18, rows });
  expect(journal()).toEqual([]);
});

it("stores a batch once that comes again while others of its group are begun again", async () => {
  const { store, seen, counted } = await opened();
  const batches = batchesOf(2, 1);
  seen.failing = 1;
  await Promise.allSettled(batches.map((one) => store.append(one)));
  const before = seen.flows;
  const gate = Promise.withResolvers<void>();
  seen.gate = gate.promise;
  const first = store.append(batches[0]!);
  await expect.poll(() => seen.flows, { interval: 1 }).toBe(before + 1);
  const second = store.append(batches[1]!);
  gate.resolve();
  expect(await Promise.all([first, second])).toEqual(["stored", "stored"]);
  const rows = flowsIn(batches);
  expect(await counted()).toEqual({ flows: rows, reports: 2, distinct: 2, rows });
});

it("waits for others behind the insert before, and not when there are many", async () => {
  // Whoever waits here by mistake waits longer than the test.
  const { store, seen } = await opened(undefined, 600_000);
  const batches = batchesOf(20, 8);
  await store.append(batches[0]!);
  await Promise.all(batches.slice(1, 65).map((one) => store.append(one)));
  expect(seen.flows).toBe(2);
  const few = batches.slice(65, 70).map((one) => store.append(one));
  await sleep(200);
  expect(seen.flows).toBe(2);
  // Those that make it a full group.
  await Promise.all([...few, ...batches.slice(70, 129).map((one) => store.append(one))]);
  expect(seen.flows).toBe(3);
  // Who closes waits for nobody.
  const last = store.append(batches[129]!);
  await store.close();
  expect(await last).toBe("stored");
  ends.pop();
});

it("finishes a group that failed at the next start", async () => {
  const first = await opened();
  const batches = batchesOf(2, 3);
  first.seen.failing = 1;
  await Promise.allSettled(batches.map((one) => first.store.append(one)));
  await first.store.close();
  const { store, counted, journal } = await opened(first.folder);
  expect(journal()).toEqual([]);
  expect(await store.append(batches[4]!)).toBe("repeated");
  const rows = flowsIn(batches);
  expect(await counted()).toEqual({ flows: rows, reports: 6, distinct: 6, rows });
});

it("withdraws a sensor's part of a group that failed", async () => {
  const { store, seen, counted } = await opened();
  const batches = batchesOf(2, 3);
  seen.failing = 1;
  await Promise.allSettled(batches.map((one) => store.append(one)));
  await store.revoke("s1", start - 1e6);
  const rows = flowsIn(batches.filter(({ identity }) => identity.sensor === "s0"));
  expect(await counted()).toEqual({ flows: rows, reports: 3, distinct: 3, rows });
  expect([await store.append(batches[0]!), await store.append(batches[0]!)]).toEqual(["stored", "repeated"]);
});

it.each(["flows", "aggregates"])(
  "has the rows of a group whose part the engine knew and did not have when it was killed: %s",
  async (table) => {
    const first = await opened();
    const { folder, store, seen } = first;
    const [batch] = batchesOf(1, 1);
    // As it lies there when rows are in and reports are not.
    const kept = mkdtempSync(join(tmpdir(), "layang-journal-"));
    ends.push(() => rmSync(kept, { recursive: true, force: true }));
    seen.failing = 1;
    await expect(store.append(batch!)).rejects.toThrow("full");
    cpSync(join(folder, "journal"), kept, { recursive: true });
    const [at] = (
      await store.query<{ path: string }>(`SELECT data_paths[1] AS path FROM system.tables WHERE name = '${table}'`)
    ).rows;
    await store.close();
    const parts = readdirSync(at!.path).filter((name) => /^\d+_\d+_\d+_\d+$/.test(name));
    expect(parts).toHaveLength(1);
    rmSync(join(at!.path, parts[0]!), { recursive: true });
    rmSync(join(folder, "journal"), { recursive: true });
    cpSync(kept, join(folder, "journal"), { recursive: true });

    const again = await opened(folder);
    expect(await again.counted()).toMatchObject({ flows: 20, reports: 1 });
    const [aggregates] = (await again.store.query<{ n: number }>("SELECT count() AS n FROM aggregates")).rows;
    expect(aggregates?.n).toBe(2);
    expect(await again.store.append(batch!)).toBe("repeated");
  },
);
