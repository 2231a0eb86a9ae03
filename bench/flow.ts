// SPDX-License-Identifier: Apache-2.0

/**
 * Decode + class + marks + flow table against `nfpcapd` on one generated capture: background radiation on a /16 at 25,000
 * packets/s, rows of 10 s, about 0.3 rows a packet.
 *
 *   node bench/flow.ts [--packets N] [--runs N] [--crowd N]
 *
 * `--crowd` is the number of possible sources: 600,000 makes about 0.3 rows a packet, 3,000,000 about 0.43. Ours runs in
 * a process of its own, held on one core (taskset) once it reads the file; nfpcapd may use all cores. Times: `wall` of the
 * work, without either program's start; `cpu` user + system time of the whole process. Medians of all runs, taken in turns.
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openCapture } from "../src/capture/capture.ts";
import { decode } from "../src/decode/decode.ts";
import { createFlowTable } from "../src/flow/table.ts";
import { decodeCounters, packetBatch } from "../src/model/packets.ts";
import { mixBatches, writeMix } from "./flow-packets.ts";

const { values } = parseArgs({
  options: {
    packets: { type: "string", default: "4000000" },
    runs: { type: "string", default: "3" },
    crowd: { type: "string", default: "600000" },
    file: { type: "string" },
  },
});
const count = Number(values.packets);
const runs = Number(values.runs);
const PER_SECOND = 25_000;

interface Measured {
  wall: number;
  cpu: number;
  rows: number;
}
const table = (add: (rows: number) => void): ReturnType<typeof createFlowTable> =>
  createFlowTable({
    sensor: "bench",
    realm: "",
    exercise: "",
    intervalLength: 10_000_000,
    key: new Uint8Array(16).fill(7),
    dark: null,
    capacity: 262_144,
    onFlush: (batch) => add(batch.flows.count),
  });
const seconds = (): number => Number(process.hrtime.bigint()) / 1e9;

/** One pass over the capture, as `replay` does it up to the store. */
const ours = async (path: string): Promise<Measured> => {
  let rows = 0;
  const start = seconds();
  const flows = table((n) => (rows += n));
  const counters = decodeCounters();
  const batch = packetBatch(2048);
  for await (const raw of openCapture({ path })) {
    for (let from = 0; from < raw.count;) {
      batch.count = 0;
      from = decode(raw, from, batch, counters);
      flows.add(batch);
    }
  }
  flows.flush();
  const wall = seconds() - start;
  if (flows.counters.counted !== counters.decoded) throw new Error("packets were lost");
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return { wall, cpu: (userCPUTime + systemCPUTime) / 1e6, rows };
};

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
const has = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
const run = (command: string, args: string[]): string => {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
  return stdout + stderr;
};
const theirs = (path: string, folder: string): Measured => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const text = run("bash", ["-c", `TIMEFORMAT='took %R %U %S'; time nfpcapd -r ${path} -w ${folder} >/dev/null 2>&1`]);
  const [, wall, user, system] = /took (\S+) (\S+) (\S+)/.exec(text) ?? [];
  return { wall: Number(wall), cpu: Number(user) + Number(system), rows: 0 };
};

/** The table alone, on batches that are already decoded, in this process. */
const alone = (): void => {
  const packets = Math.min(count, 1_000_000);
  const batches = mixBatches(packets, 2048, PER_SECOND, 7, Number(values.crowd));
  const times: number[] = [];
  let rows = 0;
  const flows = table((n) => (rows += n));
  for (let i = 0; i <= runs; i++) {
    rows = 0;
    const start = seconds();
    for (const batch of batches) flows.add(batch);
    flows.flush();
    times.push(seconds() - start);
  }
  // The first pass also compiles and takes the memory.
  const best = median(times.slice(1));
  console.log(
    `class + marks + table + flush alone: ${(packets / best / 1e6).toFixed(2)} M packets/s, ${((best / packets) * 1e9).toFixed(0)} ns a packet, ${(rows / packets).toFixed(2)} rows a packet`,
  );
};

if (values.file !== undefined) console.log(JSON.stringify(await ours(values.file)));
else {
  const folder = mkdtempSync(join(tmpdir(), "layang-bench-flow-"));
  try {
    alone();
    const path = join(folder, "mix.pcap");
    const file = openSync(path, "w");
    writeMix(count, PER_SECOND, 7, Number(values.crowd), (bytes) => writeSync(file, bytes));
    closeSync(file);
    console.log(`capture: ${count} packets, ${(statSync(path).size / 1e6).toFixed(0)} MB`);
    const pin = has("taskset") ? ["taskset", "-c", "0"] : [];
    const compare = has("nfpcapd");
    const mine: Measured[] = [];
    const other: Measured[] = [];
    for (let i = 0; i < runs; i++) {
      const [command, ...args] = [...pin, process.execPath, import.meta.filename, "--file", path];
      mine.push(JSON.parse(run(command, args)) as Measured);
      if (compare) other.push(theirs(path, join(folder, "nf")));
    }
    const show = (name: string, all: Measured[]): { wall: number; cpu: number } => {
      const wall = median(all.map((one) => one.wall));
      const cpu = median(all.map((one) => one.cpu));
      console.log(
        `${name}: wall ${wall.toFixed(2)} s = ${(count / wall / 1e6).toFixed(2)} M packets/s; cpu ${cpu.toFixed(2)} s = ${(count / cpu / 1e6).toFixed(2)} M packets/s`,
      );
      return { wall, cpu };
    };
    const a = show(`read + decode + class + marks + flow table${pin.length > 0 ? " (one core)" : ""}`, mine);
    console.log(`rows a packet: ${(mine[0]!.rows / count).toFixed(2)}`);
    if (compare) {
      const b = show("nfpcapd -r FILE -w DIR", other);
      console.log(`ratio: wall ${(b.wall / a.wall).toFixed(1)}, cpu ${(b.cpu / a.cpu).toFixed(1)} (floor: 8)`);
    } else console.log("nfpcapd is not installed (apt-get install nfdump): no ratio");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
