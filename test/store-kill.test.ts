// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { chance, packetsOf } from "../src/store/flows/batches.conformance.ts";
import { openEmbedded } from "../src/store/flows/embedded/index.ts";
import { keepForEver } from "../src/store/flows/retention.ts";
import { rollupTable, rollups } from "../src/store/flows/rollups.ts";
import { arrival, sensors } from "./store/killed-plan.ts";

/** 50 with LAYANG_PROVE=1 (`npm run prove`). */
const kills = process.env["LAYANG_PROVE"] === "1" ? 50 : 5;
const seed = Number(process.env["LAYANG_SEED"] ?? Date.now());
const folder = mkdtempSync(join(tmpdir(), "layang-kill-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Lets a node work until `milliseconds` after it has acknowledged some rounds, kills it, and answers the numbers it acknowledged. */
const runAndKill = (first: number, milliseconds: number): Promise<number[]> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "store/killed-node.ts"), folder, String(first)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    let complaint = "";
    let timer: NodeJS.Timeout | undefined;
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      // Not before it has got somewhere, however slow the machine is.
      if (said.split("\n").length > 2 * sensors + 2) timer ??= setTimeout(() => child.kill("SIGKILL"), milliseconds);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    // Far longer than a slow machine takes: what stands still says where it did.
    const stuck = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`a node from batch ${first} on stood still for two minutes, having said: ${said} ${complaint}`));
    }, 120_000);
    child.on("close", (_, signal) => {
      clearTimeout(timer);
      clearTimeout(stuck);
      if (signal !== "SIGKILL") return reject(new Error(`the node ended by itself: ${complaint}`));
      // The last line may be cut; a number that was cut is not acknowledged.
      resolve(said.split("\n").slice(1, -1).map(Number));
    });
  });

it(
  `loses nothing acknowledged and doubles nothing over ${kills} kills, in the base and in every roll-up (LAYANG_SEED=${seed})`,
  { timeout: 180_000 + kills * 20_000 },
  async () => {
    const random = chance(seed);
    let next = 0;
    for (let kill = 0; kill < kills; kill++) {
      const acknowledged = await runAndKill(next, 20 + random() * 1_500);
      const done = new Set(acknowledged);
      // Each sensor sends again from its first batch that was not acknowledged; the others' later ones come again too.
      while (done.has(next)) next++;
      expect(acknowledged.every((number) => number < next + 2 * sensors)).toBe(true);
      next -= next % sensors;
    }
    expect(next).toBeGreaterThan(kills * sensors);
    const store = await openEmbedded({ folder, retention: keepForEver });
    const last = next + 4 * sensors;
    for (let number = next; number < last; number++) await store.append(arrival(number));
    await store.rollUp(Infinity);

    let [flows, packets, storm] = [0, 0, 0];
    for (let number = 0; number < last; number++) {
      const { batch } = arrival(number);
      flows += batch.flows.count;
      packets += packetsOf(batch);
      storm += packetsOf({ ...batch, flows: { ...batch.flows, count: 0 } });
    }
    const counted = async (sql: string): Promise<unknown> => (await store.query(sql)).rows[0];
    expect(await counted("SELECT count() AS flows, sum(packets) AS packets FROM flows")).toEqual({
      flows,
      packets: packets - storm,
    });
    expect(await counted("SELECT sum(packets) AS packets FROM aggregates")).toEqual({ packets: storm });
    expect(await counted("SELECT count() AS n, uniqExact(sensor, sequence) AS u FROM reports")).toEqual({
      n: last,
      u: last,
    });
    const asking = await counted(
      "SELECT sum(packets) AS packets, count() AS flows FROM flows WHERE class IN ('tcp-syn', 'udp')",
    );
    for (const { name, grains } of rollups) {
      for (const grain of grains) {
        const inForce = `(bucket, revision) IN (SELECT bucket, max(revision) FROM rollup_revisions WHERE grain = '${grain}' GROUP BY bucket)`;
        expect([
          name,
          grain,
          await counted(
            `SELECT sum(packets) AS packets, sum(flows) AS flows FROM ${rollupTable(name, grain)} WHERE ${inForce}`,
          ),
        ]).toEqual([
          name,
          grain,
          name === "port_sources" ? asking : { packets: name === "source_days" ? packets - storm : packets, flows },
        ]);
      }
    }
    const recent = (store.frontiers().recent ?? NaN) / 1e6;
    const inForce =
      "(bucket, revision) IN (SELECT bucket, max(revision) FROM rollup_revisions WHERE grain = '5m' GROUP BY bucket)";
    const all = "count() AS n, sum(packets) AS packets, sum(cityHash64(first_seen, src, dst_port)) AS hash";
    expect(
      await counted(`SELECT ${all} FROM recent_5m WHERE bucket >= toDateTime(${recent}, 'UTC') AND ${inForce}`),
    ).toEqual(await counted(`SELECT ${all} FROM flows WHERE first_seen >= toDateTime(${recent}, 'UTC')`));
    const hours =
      "(bucket, revision) IN (SELECT bucket, max(revision) FROM rollup_revisions WHERE grain = '1h' GROUP BY bucket)";
    expect(
      await counted(
        `SELECT sum(packets) AS packets, uniqExact(src) AS sources FROM recent_sources_1h WHERE bucket >= toDateTime(${recent}, 'UTC') AND ${hours}`,
      ),
    ).toEqual(
      await counted(
        `SELECT sum(packets) AS packets, uniqExact(src) AS sources FROM flows WHERE first_seen >= toDateTime(${recent}, 'UTC')`,
      ),
    );
    await store.close();
  },
);
