// SPDX-License-Identifier: Apache-2.0

/**
 * A sensor whose node was away for hours, and what it takes to bring home what it kept: the spool's size, then the rate at which a
 * node (store, roll-ups and all) takes it.
 *
 *   node bench/drain.ts [--rate PACKETS_PER_SECOND] [--hours N] [--crowd N]
 *
 * The sensor reads background radiation on a /16 as fast as it can instead of waiting for hours: a batch for each second, as
 * large as a live one, of a time that ends now. The node is stopped meanwhile. Both are whole processes.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
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
    hours: { type: "string", default: "2" },
    crowd: { type: "string", default: "600000" },
    write: { type: "string" },
  },
});
const [rate, hours] = [Number(values.rate), Number(values.hours)];
const packets = Math.round(rate * hours * 3_600);

if (values.write === undefined) await drain();
// The other end of the pipe, a process of its own: writing waits for the reader.
else writeMix(packets, rate, 7, Number(values.crowd), writeWhole, Number(values.write));

function writeWhole(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at);
}

async function drain(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "layang-bench-"));
  const program = join(import.meta.dirname, "../bin/layang.js");
  const children: ChildProcess[] = [];
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as AddressInfo;
  free.close();
  const config = join(folder, "layang.yaml");
  const data = join(folder, "data");
  writeFileSync(
    config,
    `data: ${data}\nportal: {port: 0, access: token}\nsensors: {port: ${port}}\nsensor: {spoolLimitMiB: 100000}\nlog: {level: error}\n`,
  );
  const startNode = async (): Promise<{ child: ChildProcess; portal: string; token: string }> => {
    const child = spawn(process.execPath, [program, "node", "--config", config], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    while (!said.includes("Open ")) await sleep(50);
    const [, portal = "", token = ""] = /Open (\S+?)\/\?token=(\S+)/.exec(said) ?? [];
    return { child, portal, token };
  };
  const stop = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await Promise.race([once(child, "exit"), sleep(20_000).then(() => child.kill("SIGKILL"))]);
  };
  const proc = (pid: number | undefined): { cpu: number; peak: number } => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, peak: Number(peak ?? 0) / 1_024 };
  };

  try {
    const first = await startNode();
    const state = join(folder, "state");
    const registry = new SensorRegistry(join(data, "sensors"));
    await enrolSensor({ state, node: `http://127.0.0.1:${port}`, token: registry.add({ name: "bench-1" }).token });
    await stop(first.child);

    const start = (Date.now() - hours * 3_600_000) * 1_000;
    const again = [import.meta.filename, "--rate", `${rate}`, "--hours", `${hours}`, "--crowd", values.crowd];
    const writer = spawn(process.execPath, [...again, "--write", `${start}`], { stdio: ["ignore", "pipe", "inherit"] });
    const sensor = spawn(
      process.execPath,
      [program, "sensor", "--config", config, "--state", state, "--read", "-", "--dark", "198.51.0.0/16"],
      { stdio: [writer.stdout, "inherit", "ignore"] },
    );
    children.push(writer, sensor);
    writer.stdout.destroy();
    const ended = once(sensor, "exit");
    const waiting = (): string[] => readdirSync(join(state, "spool")).filter((name) => name.endsWith(".frame"));
    let began = performance.now();
    await once(writer, "exit");
    for (let before = -1; before !== waiting().length;) {
      before = waiting().length;
      await sleep(3_000);
    }
    const batches = waiting().length;
    const bytes = waiting().reduce((sum, name) => sum + statSync(join(state, "spool", name)).size, 0);
    console.log(
      `spool: ${packets} packets (${hours} h at ${rate} a second) in ${batches} batches, ${(bytes / 2 ** 30).toFixed(2)} GiB, ${(bytes / packets).toFixed(1)} bytes a packet: ${(((bytes / hours) * 24) / 2 ** 30).toFixed(1)} GiB a day; written in ${((performance.now() - began) / 1_000).toFixed(0)} s`,
    );

    const node = await startNode();
    // A sensor that had no answer for long asks again after up to a minute.
    while (waiting().length === batches) await sleep(20);
    began = performance.now();
    const before = proc(node.child.pid).cpu;
    await ended;
    const seconds = (performance.now() - began) / 1_000;
    const after = proc(node.child.pid);
    const sums = (await (
      await fetch(`${node.portal}/api/v1/sensors`, { headers: { authorization: `Bearer ${node.token}` } })
    ).json()) as { rows: { counted: number }[] };
    const counted = sums.rows.reduce((sum, row) => sum + row.counted, 0);
    console.log(
      `drain: ${seconds.toFixed(0)} s, ${(batches / seconds).toFixed(0)} batches/s, ${(packets / seconds / 1e6).toFixed(2)} M packets/s, ${((hours * 3_600) / seconds).toFixed(0)} times as fast as they came; node: ${((after.cpu - before) / seconds).toFixed(2)} cores, peak ${after.peak.toFixed(0)} MiB; spool left: ${waiting().length} batches; ${counted} packets counted in the last 24 h`,
    );
  } finally {
    for (const child of children.toReversed()) await stop(child);
    rmSync(folder, { recursive: true, force: true });
  }
}
