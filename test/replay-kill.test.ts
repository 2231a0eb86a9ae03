// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { writeMix } from "../bench/flow-packets.ts";
import { chance } from "../src/store/flows/batches.conformance.ts";
import { openEmbedded } from "../src/store/flows/embedded/index.ts";
import { keepForEver } from "../src/store/flows/retention.ts";

/** 20 with LAYANG_PROVE=1 (`npm run prove`). */
const kills = process.env["LAYANG_PROVE"] === "1" ? 20 : 2;
const seed = Number(process.env["LAYANG_SEED"] ?? Date.now());
const folder = mkdtempSync(join(tmpdir(), "layang-replay-kill-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const program = join(import.meta.dirname, "../bin/layang.js");
const capture = join(folder, "mix.pcap");
const data = join(folder, "data");
const packets = 300_000;

const replay = (...more: string[]): { flows: number; packets: number } => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [program, "replay", capture, "--json", ...more], {
    encoding: "utf8",
  });
  // Where the last kill came too late, all was stored before.
  expect([
    status,
    stderr.replace("layang: this replay is in the store already; nothing was counted twice\n", ""),
  ]).toEqual([0, ""]);
  return JSON.parse(stdout) as { flows: number; packets: number };
};
/** Whether it was killed before it came to its end. */
const killed = (milliseconds: number): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, "replay", capture, "--data", data], { stdio: "ignore" });
    const timer = setTimeout(() => child.kill("SIGKILL"), milliseconds);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (signal === "SIGKILL" || code === 0) resolve(signal === "SIGKILL");
      else reject(new Error(`the replay ended with ${code}`));
    });
  });

it(
  `a replay killed ${kills} times and begun again counts each packet once (LAYANG_SEED=${seed})`,
  { timeout: 60_000 + kills * 20_000 },
  async () => {
    const file = openSync(capture, "w");
    // 25 minutes: at least five batches on their way to the store.
    writeMix(packets, 200, 7, 60_000, (bytes) => writeSync(file, bytes));
    closeSync(file);
    const whole = replay();
    const began = performance.now();
    replay("--data", join(folder, "whole"));
    const takes = performance.now() - began;

    const random = chance(seed);
    let latest = 0.9;
    for (let kill = 0; kill < kills; kill++) {
      if (await killed(takes * (0.2 + (latest - 0.2) * random()))) continue;
      // The first replay was slower than those after it: all is in the store, and nothing is left to kill.
      rmSync(data, { recursive: true, force: true });
      latest = Math.max(0.25, 0.8 * latest);
      kill = -1;
    }
    expect(replay("--data", data).flows).toBe(whole.flows);

    for (const one of [join(folder, "whole"), data]) {
      const store = await openEmbedded({ folder: one, retention: keepForEver });
      const ask = async (sql: string): Promise<unknown> => (await store.query(sql)).rows[0];
      const counted = { flows: whole.flows, packets };
      expect(await ask("SELECT count() AS flows, sum(packets) AS packets FROM flows")).toEqual(counted);
      expect(await ask("SELECT sum(flow_rows) AS flows, sum(counted) AS packets FROM reports")).toEqual(counted);
      // Up-time is told in steps of five minutes: no report reaches over one.
      const [reports] = (
        await store.query<{ n: number; longest: number }>(
          "SELECT count() AS n, max(intDiv(toUnixTimestamp64Micro(interval) % 300000000 + interval_length, 1000000)) AS longest FROM reports",
        )
      ).rows;
      expect(reports?.n).toBeGreaterThan(4);
      expect(reports?.longest).toBeLessThanOrEqual(300);
      // Whoever opens the folder next merges again.
      expect(await ask("SELECT count() AS n FROM system.tables WHERE engine_full LIKE '%max_bytes_to_merge%'")).toEqual(
        { n: 0 },
      );
      await store.rollUp(Infinity);
      const asking = "SELECT sum(packets) AS packets FROM";
      expect(await ask(`${asking} ports_5m`)).toEqual(await ask(`${asking} flows`));
      await store.close();
    }
  },
);
