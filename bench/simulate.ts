// SPDX-License-Identifier: Apache-2.0
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openScenario } from "../src/app/scenario.ts";
import { simulatedPlan } from "../src/app/simulated-plan.ts";
import { pcapHeader } from "../src/simulate/frames.ts";
import { Region } from "../src/simulate/region.ts";
import { Stream } from "../src/simulate/stream.ts";
import { Tally } from "../src/simulate/truth.ts";

/**
 * How fast the simulator writes: packets a second into a capture file, with and without keeping the truth, after a start
 * that is told apart. `node bench/simulate.ts [PACKETS]`.
 */
const packets = Number(process.argv[2] ?? 2_000_000);
const since = (began: bigint): number => Number(process.hrtime.bigint() - began) / 1e9;
const folder = mkdtempSync(join(tmpdir(), "layang-simulate-"));

const write = (scenarioName: string, truth: boolean): void => {
  const scenario = openScenario(scenarioName);
  const began = process.hrtime.bigint();
  const plan = simulatedPlan(1);
  const planned = since(began);
  const epoch = Date.UTC(2026, 0, 5) * 1000;
  const region = new Region({ seed: 1, scenario, plan, epoch, truth });
  const started = since(began);
  const stream = new Stream(region, scenario.sensors[0]!, epoch);
  const tally = new Tally(region.registry, plan);
  const file = openSync(join(folder, "out.pcap"), "w");
  writeSync(file, pcapHeader("ethernet"));
  let written = 0;
  let bytes = 0;
  const run = process.hrtime.bigint();
  while (written < packets) {
    const { frames, from, to } = stream.read(Infinity);
    const start = frames.offsets[from]! - 16;
    const end = to === frames.count ? frames.used : frames.offsets[to]! - 16;
    bytes += writeSync(file, frames.bytes, start, end - start);
    if (truth) tally.add(frames, from, to);
    written += to - from;
  }
  const seconds = since(run);
  closeSync(file);
  console.log(
    `${scenarioName.padEnd(12)} ${truth ? "with truth   " : "without truth"} ${Math.round(written / seconds)
      .toLocaleString("en-US")
      .padStart(11)} packets/s, ` +
      `${(bytes / seconds / 1e6).toFixed(0)} MB/s (start: plan ${planned.toFixed(2)} s, hosts ${(started - planned).toFixed(2)} s)`,
  );
};

try {
  for (const scenario of ["calm", "storm", "backscatter"]) {
    write(scenario, true);
    write(scenario, false);
  }
} finally {
  rmSync(folder, { recursive: true });
}
