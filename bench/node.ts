// SPDX-License-Identifier: Apache-2.0

/**
 * A node that sensors (three) feed with background radiation in real time, portal open: processor and memory of the node.
 *
 *   node bench/node.ts [--rate PACKETS_PER_SECOND] [--sensors N] [--seconds N] [--crowd N] [--every N]
 *
 * `--rate` is the sum of all sensors (25,000: more than the mean of all of NICTER in 2025). Memory is the peak
 * (VmHWM), processor the mean over the run after the start, roll-ups included. Every N seconds (30) a line tells where both are: processor
 * by thread, memory by who holds it (files that the system can take back, V8's objects, what these hold outside, the rest: engine and C library),
 * and how many entries each detector has in mind.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { enrolSensor } from "../src/app/sensor.ts";
import { SensorRegistry } from "../src/ship/registry.ts";
import { writeMix } from "./flow-packets.ts";

const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "25000" },
    sensors: { type: "string", default: "3" },
    seconds: { type: "string", default: "60" },
    crowd: { type: "string", default: "600000" },
    every: { type: "string", default: "30" },
  },
});
const [rate, seconds, many] = [Number(values.rate), Number(values.seconds), Number(values.sensors)];
const program = join(import.meta.dirname, "../bin/layang.js");
const folder = mkdtempSync(join(tmpdir(), "layang-bench-"));
const children: ChildProcess[] = [];
const start = (args: readonly string[]): ChildProcess => {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return child;
};
const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
/** Processor seconds by the names of threads; of V8's first thread "main". */
const threadsOf = (pid: number): Map<string, number> => {
  const sums = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    let line = "";
    try {
      line = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
    } catch {
      // It ended meanwhile.
      continue;
    }
    const [, name = "", rest = ""] = /\((.*)\) (.*)/.exec(line) ?? [];
    const fields = rest.split(" ");
    const known = Number(thread) === pid ? "main" : name;
    sums.set(known, (sums.get(known) ?? 0) + (Number(fields[11]) + Number(fields[12])) / 100);
  }
  return sums;
};
const peakOf = (pid: number): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;

/** What a number is in text of `name: 12 kB` lines or of metrics (`name 12`). */
const numberIn = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:?\\s+(\\d\\S*)`, "m").exec(text)?.[1] ?? 0);
const rounded = (value: number): string => value.toFixed(0);

/** Says where processor and memory of a process went since it was last asked. */
const teller = (pid: number, metrics: () => Promise<string>): (() => Promise<void>) => {
  const began = performance.now();
  const first = cpuOf(pid);
  let [at, used, threads] = [began, first, threadsOf(pid)];
  return async () => {
    const told = await metrics();
    const [now, used2, threads2] = [performance.now(), cpuOf(pid), threadsOf(pid)];
    const pages = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    const [all, anonymous] = [numberIn(pages, "Rss") / 1024, numberIn(pages, "Anonymous") / 1024];
    const [heap, external] = ["heap", "external"].map(
      (of) => numberIn(told, `layang_memory_bytes\\{of="${of}"\\}`) / 2 ** 20,
    ) as [number, number];
    const seconds = (now - at) / 1000;
    const busiest = [...threads2]
      .map(([name, sum]): [string, number] => [name, (sum - (threads.get(name) ?? 0)) / seconds])
      .filter(([, share]) => share >= 0.005)
      .sort(([, a], [, b]) => b - a);
    const ledgers = [...told.matchAll(/^layang_detector_remembered\{detector="(.+?)"\} (\d+)/gm)]
      .filter(([, , entries]) => entries !== "0")
      .map(([, name, entries]) => `${name} ${entries}`);
    console.log(
      [
        `${rounded((now - began) / 1000)} s: ${((used2 - used) / seconds).toFixed(2)} of a core, ${((used2 - first) / ((now - began) / 1000)).toFixed(2)} since the start (${busiest.map(([name, share]) => `${name} ${share.toFixed(2)}`).join(", ")})`,
        `${rounded(all)} MiB, peak ${rounded(peakOf(pid))} (files ${rounded(all - anonymous)}, heap ${rounded(heap)}, external ${rounded(external)}, rest ${rounded(anonymous - heap - external)})`,
        `in mind: ${ledgers.join(", ")}`,
      ].join("; "),
    );
    [at, used, threads] = [now, used2, threads2];
  };
};

try {
  const config = join(folder, "layang.yaml");
  writeFileSync(
    config,
    `data: ${join(folder, "data")}\nportal: {port: 0, access: token}\nsensors: {port: 0}\nlog: {level: warn}\n`,
  );
  const node = start(["node", "--config", config]);
  let said = "";
  node.stdout?.setEncoding("utf8").on("data", (text: string) => (said += text));
  while (!said.includes("Open ")) await sleep(100);
  const door = /Sensors send to (\S+)/.exec(said)?.[1] ?? "";
  const [, portal = "", token = ""] = /Open (\S+?)\/\?token=(\S+)/.exec(said) ?? [];
  const registry = new SensorRegistry(join(folder, "data", "sensors"));
  const capture = join(folder, "mix.pcap");
  // They begin when they are written (a second of them in some 100 ms): rows of a time that is over would have its hours computed again every minute.
  const begins = Date.now() + 10_000 + seconds * 150 + many * 1_000;
  const captures = await Promise.all(
    Array.from({ length: many }, async (_, i) => {
      const n = i + 1;
      const file = openSync(`${capture}${n}`, "w");
      const write = (bytes: Uint8Array) => writeSync(file, bytes);
      writeMix(
        Math.ceil(rate / many) * (seconds + 10),
        Math.ceil(rate / many),
        n,
        Number(values.crowd),
        write,
        begins * 1_000,
      );
      closeSync(file);
      const state = join(folder, `sensor-${n}`);
      await enrolSensor({ state, node: door, token: registry.add({ name: `bench-${n}` }).token });
      return { state, file: `${capture}${n}` };
    }),
  );
  await sleep(Math.max(0, begins - Date.now()));
  for (const { state, file } of captures)
    start(["sensor", "--state", state, "--read", file, "--pace", "1", "--dark", "198.51.0.0/16"]);
  await sleep(5_000);
  const pid = node.pid ?? 0;
  const before = cpuOf(pid);
  const began = performance.now();
  const headers = { authorization: `Bearer ${token}` };
  const tell = teller(pid, () => fetch(`${portal}/metrics`, { headers }).then((r) => r.text()));
  let told = 1;
  while (performance.now() - began < seconds * 1000) {
    // What an open page asks again and again.
    await Promise.all(
      ["ports/top?last=1h", "sensors", "status"].map((question) =>
        fetch(`${portal}/api/v1/${question}`, { headers }).then((r) => r.text()),
      ),
    );
    if (performance.now() - began >= told * Number(values.every) * 1000) {
      await tell();
      told++;
    }
    await sleep(5_000);
  }
  const elapsed = (performance.now() - began) / 1000;
  const used = cpuOf(pid) - before;
  const sums = await fetch(`${portal}/api/v1/sensors`, { headers }).then(
    (r) => r.json() as Promise<{ rows: { counted: number }[] }>,
  );
  const counted = sums.rows.reduce((sum, row) => sum + row.counted, 0);
  console.log(
    `node with ${many} sensors at ${rate} packets/s in all: ${(used / elapsed).toFixed(2)} of one core over ${elapsed.toFixed(0)} s, peak ${peakOf(pid).toFixed(0)} MiB, ${counted} packets counted`,
  );
} finally {
  for (const child of children.toReversed()) {
    if (child.exitCode !== null) continue;
    child.kill("SIGTERM");
    await Promise.race([once(child, "exit"), sleep(10_000).then(() => child.kill("SIGKILL"))]);
  }
  rmSync(folder, { recursive: true, force: true });
}
