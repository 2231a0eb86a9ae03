// SPDX-License-Identifier: Apache-2.0

/**
 * A sensor process on paced traffic (background radiation on a /16): what memory, processor and disk it takes, with its node
 * near and away.
 *
 *   node bench/sensor.ts [--rate PACKETS_PER_SECOND] [--seconds N] [--crowd N] [--away] [--first | --homeless]
 *
 * `--crowd` is the number of possible sources (600,000: about 0.3 rows a packet at 25,000 packets/s and rows of 10 s; more
 * rows at 1 s). `--first`: nothing of the program is compiled yet; `--homeless`: nor is there a home to keep it in. Memory is the process's peak (VmHWM). `--away`: no node answers; the spool's growth is what a day costs.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { enrolSensor } from "../src/app/sensor.ts";
import { createLog } from "../src/platform/log.ts";
import { openReceiver } from "../src/ship/receiver.ts";
import { SensorRegistry } from "../src/ship/registry.ts";
import { writeMix } from "./flow-packets.ts";

const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "100000" },
    seconds: { type: "string", default: "15" },
    crowd: { type: "string", default: "600000" },
    away: { type: "boolean", default: false },
    first: { type: "boolean", default: false },
    homeless: { type: "boolean", default: false },
  },
});
const [rate, seconds, crowd] = [Number(values.rate), Number(values.seconds), Number(values.crowd)];
const folder = mkdtempSync(join(tmpdir(), "layang-bench-"));
try {
  const capture = join(folder, "mix.pcap");
  const file = openSync(capture, "w");
  writeMix(rate * seconds, rate, 7, crowd, (bytes) => writeSync(file, bytes));
  closeSync(file);

  const registry = new SensorRegistry(join(folder, "sensors"));
  let rows = 0;
  let packets = 0;
  let wire = 0;
  const receiver = await openReceiver({
    host: "127.0.0.1",
    port: 0,
    registry,
    folder: join(folder, "sensors"),
    quarantine: join(folder, "quarantine"),
    log: createLog("warn"),
    behind: Number.POSITIVE_INFINITY,
    final: Number.POSITIVE_INFINITY,
    accept: async ({ batch, report, size }) => {
      rows += batch.flows.count;
      packets += report.counted;
      wire += size;
    },
  });
  const state = join(folder, "state");
  const { token } = registry.add({ name: "bench-1" });
  await enrolSensor({ state, node: receiver.address.url, token });
  if (values.away) await receiver.close();

  const program = join(import.meta.dirname, "../bin/layang.js");
  const child = spawn(
    process.execPath,
    [program, "sensor", "--state", state, "--read", capture, "--pace", "1", "--dark", "198.51.0.0/16"],
    {
      stdio: ["ignore", "inherit", "ignore"],
      cwd: folder,
      env: values.homeless
        ? { PATH: process.env["PATH"] }
        : values.first
          ? { ...process.env, XDG_CACHE_HOME: join(folder, "cache") }
          : process.env,
    },
  );
  const ended = once(child, "exit");
  let largest = 0;
  const status = (): { peak: number; cpu: number } => {
    const text = readFileSync(`/proc/${child.pid}/status`, "utf8");
    // A process that begins again forgets its peak; its first life counts too.
    largest = Math.max(largest, Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1_024);
    const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return {
      peak: largest,
      cpu: (Number(stat[11]) + Number(stat[12])) / 100,
    };
  };
  let last = { peak: 0, cpu: 0 };
  const begun = performance.now();
  const spool = join(state, "spool");
  // Without a node the process would wait for one; it is ended when all was read.
  const until = values.away ? (seconds + 3) * 1_000 : Number.POSITIVE_INFINITY;
  while (child.exitCode === null && performance.now() - begun < until) {
    try {
      last = status();
    } catch {
      break; // it ended between the question and the look
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const took = (performance.now() - begun) / 1_000;
  child.kill("SIGTERM");
  await ended;
  const waiting = readdirSync(spool).filter((name) => name.endsWith(".frame"));
  const bytes = waiting.reduce((sum, name) => sum + statSync(join(spool, name)).size, 0);
  const whole = values.away ? bytes : wire;
  console.log(
    JSON.stringify({
      rate,
      seconds,
      node: values.away ? "away" : "near",
      packets_stored: packets,
      rows_per_packet: values.away ? null : Number((rows / packets).toFixed(3)),
      bytes_per_packet: Number((whole / (rate * seconds)).toFixed(2)),
      bytes_per_row: values.away ? null : Number((whole / rows).toFixed(1)),
      gib_per_day_at_this_rate: Number((((whole / seconds) * 86_400) / 2 ** 30).toFixed(1)),
      peak_rss_mib: Math.round(last.peak),
      cpu_share: Number((last.cpu / took).toFixed(2)),
    }),
  );
  if (!values.away) await receiver.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
