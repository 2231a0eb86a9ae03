// SPDX-License-Identifier: Apache-2.0

/**
 * What closes every five and ten minutes at 25,000 packets a second from three sensors: the roll-ups of five minutes, the hours of sources, and the questions of
 * the detectors that judge ten minutes at once, each alone. Processor time, and by how much the process grows meanwhile.
 *
 *   node bench/step.ts [--data DIR]     a store that an earlier run made in DIR is asked again
 */
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MemoryLedger, examineSpan } from "../src/app/detection-examine.ts";
import { pastOf } from "../src/app/detection-past.ts";
import type { Context, Detector } from "../src/detect/detector.ts";
import { earlyWarning } from "../src/detect/early-warning.ts";
import { event } from "../src/detect/event.ts";
import { embeddedEngine } from "../src/store/flows/embedded/engine.ts";
import { openEmbedded } from "../src/store/flows/embedded/index.ts";
import { keepForEver } from "../src/store/flows/retention.ts";
import { computeSql } from "../src/store/flows/rollup-compute.ts";
import { writeMix } from "./flow-packets.ts";

const { values } = parseArgs({ options: { data: { type: "string" } } });
const folder = mkdtempSync(join(tmpdir(), "layang-bench-"));
const data = values.data ?? join(folder, "data");
const begin = Date.UTC(2026, 10, 20, 12) * 1_000;
const [MINUTE, SENSORS, RATE, CROWD] = [60e6, 3, 25_000, 600_000];

const grown = (): number => {
  const status = readFileSync("/proc/self/status", "utf8");
  const of = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
  return of("VmHWM") - of("VmRSS");
};
/** Does it, and says what it took. */
const measured = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
  // The peak begins anew.
  writeFileSync("/proc/self/clear_refs", "5");
  const before = { cpu: process.cpuUsage(), rss: process.memoryUsage.rss() / 2 ** 20 };
  const made = await work();
  const { user, system } = process.cpuUsage(before.cpu);
  const peak = process.memoryUsage.rss() / 2 ** 20 + grown() - before.rss;
  console.log(`${name}: ${((user + system) / 1e6).toFixed(1)} s of processor time, ${peak.toFixed(0)} MiB more`);
  return made;
};

try {
  for (let n = 1; n <= SENSORS && !existsSync(join(data, `made-${n}`)); n++) {
    const capture = join(folder, `${n}.pcap`);
    const file = openSync(capture, "w");
    const each = Math.ceil(RATE / SENSORS);
    writeMix(each * 1_210, each, n, CROWD, (bytes) => writeSync(file, bytes), begin);
    closeSync(file);
    const program = join(import.meta.dirname, "../bin/layang.js");
    const asked = ["replay", capture, "--data", data, "--sensor", `bench-${n}`, "--dark", "198.51.0.0/16", "--json"];
    const { status, stderr } = spawnSync(process.execPath, [program, ...asked], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    writeFileSync(join(data, `made-${n}`), "");
    rmSync(capture);
  }

  const engine = await embeddedEngine(join(data, "chdb"), 1);
  await engine.run("SYSTEM STOP MERGES", "roll-up");
  // No commit names these: a second run computes them again.
  for (const [grain, at] of [
    ["5m", begin + 5 * MINUTE],
    ["1h", begin],
  ] as const) {
    for (const sql of computeSql(grain, [at], 2 ** 40 + Date.now(), { storms: false, recent: true })) {
      await measured(/INTO (\w+)/.exec(sql)?.[1] ?? "", () => engine.run(sql, "roll-up"));
      await engine.run("SYSTEM JEMALLOC PURGE", "roll-up").catch(() => undefined);
    }
  }
  await engine.close();

  const store = await openEmbedded({ folder: data, retention: keepForEver });
  for (const detector of [event, earlyWarning] as readonly Detector[]) {
    const ledger = new MemoryLedger();
    let memory = detector.begin();
    for (let from = begin; from < begin + 20 * MINUTE; from += 10 * MINUTE) {
      const span = { from, to: from + 10 * MINUTE };
      const context: Context = {
        scope: { realm: "", exercise: "" },
        owners: { count: 0, ownerAt: () => null, ownerOf: () => null },
        home: null,
        researcher: () => null,
        sensors: Array.from({ length: SENSORS }, (_, i) => ({
          name: `bench-${i + 1}`,
          country: null,
          darkAddresses: 65_536,
          since: begin,
          until: span.to,
          silent: [],
          clockError: 0,
        })),
        ledger,
        past: pastOf(store),
      };
      memory = await measured(`${detector.name}, ten minutes from ${(from - begin) / MINUTE}`, async () => {
        const verdict = await examineSpan(store, detector, span, memory, context);
        ledger.take();
        return verdict.memory;
      });
    }
  }
  await store.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
