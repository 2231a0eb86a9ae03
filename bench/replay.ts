// SPDX-License-Identifier: Apache-2.0

/**
 * `layang replay --data` into a queryable store against `nfpcapd`, as whole processes, on one generated capture.
 *
 *   node bench/replay.ts [--packets N] [--runs N] [--crowd N]
 *
 * `--crowd` is the number of possible sources: 600,000 makes about 0.3 rows a packet, 60,000,000 about 0.9. Every run of
 * ours begins with an empty folder, so the time of making the store is in it. nfpcapd runs once for every two of ours.
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeMix } from "./flow-packets.ts";

const { values } = parseArgs({
  options: {
    packets: { type: "string", default: "20000000" },
    runs: { type: "string", default: "3" },
    crowd: { type: "string", default: "600000" },
  },
});
const packets = Number(values.packets);
const runs = Number(values.runs);
const program = join(import.meta.dirname, "../bin/layang.js");
const folder = mkdtempSync(join(tmpdir(), "layang-bench-"));
const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN;
const timed = (command: string, args: readonly string[]): { wall: number; out: string } => {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  return { wall: (performance.now() - start) / 1000, out: stdout };
};

try {
  const capture = join(folder, "mix.pcap");
  const file = openSync(capture, "w");
  writeMix(packets, 25_000, 7, Number(values.crowd), (bytes) => writeSync(file, bytes));
  closeSync(file);
  const ours: number[] = [];
  const theirs: number[] = [];
  let rows = 0;
  for (let run = 0; run < runs; run++) {
    const data = join(folder, "data");
    rmSync(data, { recursive: true, force: true });
    const { wall, out } = timed(process.execPath, [program, "replay", capture, "--data", data, "--json"]);
    const answer = JSON.parse(out) as { flows: number; packets: number };
    if (answer.packets !== packets) throw new Error("packets were lost");
    rows = answer.flows;
    ours.push(wall);
    const asked = timed(process.execPath, [program, "ask", "ports/top", "--data", data, "--format", "json"]).out;
    const { facts } = JSON.parse(asked) as { facts: { packets: number } };
    console.log(
      `run ${run + 1}: ${wall.toFixed(2)} s; the store answers for ${facts.packets} packets of SYN and UDP ports`,
    );
    if (run % 2 === 0) {
      rmSync(join(folder, "nf"), { recursive: true, force: true });
      mkdirSync(join(folder, "nf"));
      theirs.push(timed("nfpcapd", ["-r", capture, "-w", join(folder, "nf")]).wall);
    }
  }
  console.log(
    `replay to a store: ${packets} packets, ${(rows / packets).toFixed(2)} rows a packet; layang ${(packets / median(ours) / 1e6).toFixed(2)} M packets/s, nfpcapd ${(packets / median(theirs) / 1e6).toFixed(2)} M packets/s, ratio ${(median(theirs) / median(ours)).toFixed(1)}`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
