// SPDX-License-Identifier: Apache-2.0

/**
 * From a packet at a sensor to a letter that a mail server has accepted: three real sensor processes at 25,000 packets a second in
 * all, a real node process, a real SMTP server, all on this machine.
 *
 *   node bench/notice.ts [--rate PACKETS_PER_SECOND] [--seconds N] [--bots N]
 *
 * The background's sources are partly in the constituency too: they make alerts and letters of their own. Measured are bots that begin one after another:
 * the clock starts with the packet that completes a rule (10 packets to 3 dark addresses, or 3 with Mirai's mark to 2 dark addresses
 * and two sensors) and ends when the server answers 250 to the letter that names the bot. Letters need no first look here, as in the demo.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";
import { openConfig } from "../src/app/config.ts";
import { startNode } from "../src/app/node.ts";
import { enrolSensor } from "../src/app/sensor.ts";
import { createLog } from "../src/platform/log.ts";
import { SensorRegistry } from "../src/ship/registry.ts";
import { generator, mix, pcapStart, writeRecord } from "./flow-packets.ts";
import type { MixPacket } from "./flow-packets.ts";

const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "25000" },
    seconds: { type: "string", default: "90" },
    bots: { type: "string", default: "200" },
    serve: { type: "string" },
  },
});
const [rate, seconds, count] = [Number(values.rate), Number(values.seconds), Number(values.bots)];
const ORGANISATIONS = 200;
const SENSORS = 3;

if (values.serve !== undefined) {
  const node = await startNode(openConfig(values.serve), { log: createLog("warn"), previewFirst: false });
  process.stdout.write(`${node.door}\n`);
  process.once("SIGTERM", () => void node.close().then(() => process.exit(0)));
  await new Promise(() => undefined);
}

const folder = mkdtempSync(join(tmpdir(), "layang-bench-"));
const children: ChildProcess[] = [];
const start = (args: readonly string[], stdin: "pipe" | "ignore" = "ignore"): ChildProcess => {
  const child = spawn(process.execPath, [...args], { stdio: [stdin, "pipe", "inherit"] });
  children.push(child);
  return child;
};
const program = join(import.meta.dirname, "../bin/layang.js");
const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
const text = (address: number): string => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");

interface Bot {
  readonly address: number;
  readonly mirai: boolean;
  readonly begins: number;
  /** Packets so far by sensor. */
  readonly seen: number[];
  completed: number | null;
  told: number | null;
}

const letters: { readonly at: number; readonly raw: Buffer }[] = [];
const mail = new SMTPServer({
  disabledCommands: ["AUTH", "STARTTLS"],
  disableReverseLookup: true,
  onData: (stream, _session, callback) => {
    const parts: Buffer[] = [];
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("end", () => {
      letters.push({ at: Date.now() * 1000, raw: Buffer.concat(parts) });
      callback();
    });
  },
});

try {
  mail.listen(0, "127.0.0.1");
  await once(mail.server, "listening");
  const config = join(folder, "layang.yaml");
  writeFileSync(
    config,
    [
      `data: ${join(folder, "data")}`,
      "portal: {port: 0, access: token}",
      "sensors: {port: 0}",
      "log: {level: warn}",
      `mail: {host: 127.0.0.1, port: ${(mail.server.address() as AddressInfo).port}, tls: none, from: Bench <desk@bench.example>, duty: duty@bench.example}`,
      "",
    ].join("\n"),
  );
  // Each owns a /16 that the background's sources are drawn from, and one where only bots are.
  const lines = Array.from({ length: ORGANISATIONS }, (_, i) => [
    `o-${i},Organisation ${i},ID,${1 + (i % 120)}.${(i * 7) % 256}.0.0/16,abuse,abuse@o-${i}.example`,
    `o-${i},,,132.${i}.0.0/16,,`,
  ]);
  const members = join(folder, "members.csv");
  writeFileSync(members, `organisation,name,country,network,role,mail\n${lines.flat().join("\n")}\n`);
  const node = start([import.meta.filename, "--serve", config]);
  let said = "";
  node.stdout?.setEncoding("utf8").on("data", (line: string) => (said += line));
  while (!said.includes("\n")) await sleep(100);
  const door = said.trim();
  const imported = start([program, "node", "constituency", "import", members, "--config", config]);
  if ((await once(imported, "exit"))[0] !== 0) throw new Error("the constituency was not taken");
  const registry = new SensorRegistry(join(folder, "data", "sensors"));
  const sensors: ChildProcess[] = [];
  for (let n = 0; n < SENSORS; n++) {
    const state = join(folder, `sensor-${n}`);
    await enrolSensor({ state, node: door, token: registry.add({ name: `bench-${n}`, country: "ID" }).token });
    const one = start(
      [program, "sensor", "--state", state, "--read", "-", "--pace", "1", "--dark", `198.${51 + n}.0.0/16`],
      "pipe",
    );
    one.stdin?.on("error", () => undefined);
    one.stdin?.write(pcapStart());
    sensors.push(one);
  }
  await sleep(4_000);

  const next = generator(11);
  const began = Date.now() * 1000;
  const spread = (seconds - 30) * 1e6;
  const bots = Array.from({ length: count }, (_, i): Bot => ({
    address: ((132 << 24) | ((i % ORGANISATIONS) << 16) | (next() & 0xffff)) >>> 0,
    mirai: i % 2 === 0,
    begins: began + 5e6 + (i * spread) / count,
    seen: Array.from({ length: SENSORS }, () => 0),
    completed: null,
    told: null,
  }));
  const packet = {} as MixPacket;
  const streams = sensors.map((child, n) => ({ child, n, write: mix(2 * n + 1, 600_000), due: began }));
  const bytes = new Uint8Array(4 << 20);
  const view = new DataView(bytes.buffer);
  const step = (1e6 * SENSORS) / rate;
  let last = began;
  let sent = 0;
  const feed = (until: number): void => {
    for (const one of streams) {
      let at = 0;
      const dark = (0xc633_0000 + (one.n << 16)) >>> 0;
      for (; one.due < until && at < bytes.length - 1_024; one.due += step, sent++) {
        one.write(packet, Math.floor(one.due));
        packet.dst = (dark | (packet.dst & 0xffff)) >>> 0;
        if (packet.protocol === 6 && packet.sequence >>> 16 === 0xc633) packet.sequence = packet.dst;
        at = writeRecord(bytes, view, at, packet);
      }
      for (const bot of bots) {
        // 1.2 packets a second over three /16: 26,000 a second to the whole address space.
        if (bot.begins > until || next() / 2 ** 32 > (0.4 * (until - last)) / 1e6) continue;
        packet.time = until;
        packet.src = bot.address;
        packet.dst = (dark | (next() & 0xffff)) >>> 0;
        packet.protocol = 6;
        packet.flags = 2;
        // Hosts lie at many distances; many at one would be taken for a forger's.
        packet.ttl = 40 + (bot.address & 15);
        packet.srcPort = 1024 + (next() % 60_000);
        packet.dstPort = bot.mirai ? 23 : 5555;
        packet.sequence = bot.mirai ? packet.dst : next();
        packet.ipId = next() & 0xffff;
        packet.window = bot.mirai ? 5_840 : 64_240;
        packet.options = bot.mirai ? 0 : 2;
        at = writeRecord(bytes, view, at, packet);
        bot.seen[one.n]!++;
        const sum = bot.seen.reduce((a, b) => a + b, 0);
        const two = bot.seen.filter((seen) => seen > 0).length >= 2;
        if (sum >= 10 || (bot.mirai && sum >= 3 && two)) bot.completed ??= until;
      }
      if (at > 0) one.child.stdin?.write(bytes.slice(0, at));
    }
    last = until;
  };
  const pid = node.pid ?? 0;
  const before = cpuOf(pid);
  while (Date.now() * 1000 < began + seconds * 1e6) {
    feed(Date.now() * 1000);
    await sleep(20);
  }
  const used = cpuOf(pid) - before;
  await sleep(15_000);

  const byAddress = new Map(bots.map((bot) => [text(bot.address), bot]));
  for (const { at, raw } of letters) {
    const { text: body, subject } = await simpleParser(raw);
    for (const [address] of `${subject ?? ""} ${body ?? ""}`.matchAll(/132\.\d+\.\d+\.\d+/g)) {
      const bot = byAddress.get(address);
      if (bot !== undefined) bot.told ??= at;
    }
  }
  // A bot that completed a rule in the last seconds had no time to be told of.
  const fair = bots.filter(({ completed }) => completed !== null && completed < began + (seconds - 10) * 1e6);
  const delays = fair
    .flatMap(({ told, completed }) => (told === null || completed === null ? [] : [(told - completed) / 1e6]))
    .toSorted((a, b) => a - b);
  const quantile = (p: number): string =>
    (delays[Math.min(delays.length - 1, Math.floor(p * delays.length))] ?? Number.NaN).toFixed(2);
  console.log(
    `packet to letter at ${Math.round(sent / seconds)} packets/s: ${delays.length} of ${fair.length} bots told, ` +
      `p50 ${quantile(0.5)} s, p90 ${quantile(0.9)} s, p99 ${quantile(0.99)} s, longest ${quantile(1)} s ` +
      `(floor: p99 under 10 s); ${letters.length} letters in all, node ${(used / seconds).toFixed(2)} of a core`,
  );
} finally {
  for (const child of children.toReversed()) {
    if (child.exitCode !== null) continue;
    child.kill("SIGTERM");
    await Promise.race([once(child, "exit"), sleep(10_000).then(() => child.kill("SIGKILL"))]);
  }
  mail.close();
  rmSync(folder, { recursive: true, force: true });
}
