// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openDarkness } from "../src/app/sensor-state.ts";
import { enrolSensor, runSensor } from "../src/app/sensor.ts";
import type { SensorOptions } from "../src/app/sensor.ts";
import { parsePrefix } from "../src/net/prefix.ts";
import { Spool } from "../src/ship/spool.ts";
import { openNode, quiet } from "./ship/bench.ts";
import type { Node } from "./ship/bench.ts";
import { captureOf } from "./ship/capture.ts";
import type { Syn } from "./ship/capture.ts";
import { HOUR_ZERO } from "./ship/rows.ts";

const DARK = 0xc0000200; // 192.0.2.0/24
const dark = [parsePrefix("192.0.2.0/24")].flatMap((one) => one ?? []);
let folder = "";
let node: Node;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "layang-sensor-"));
  // The captures here are of the past, which a node would quarantine.
  node = await openNode({
    clock: () => Date.now() * 1_000,
    behind: Number.POSITIVE_INFINITY,
    final: Number.POSITIVE_INFINITY,
  });
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** One packet a source: 11.0.0.0 plus `base` and its number; every 10th goes elsewhere, every 50th is no IP. */
function* spread(count: number, seconds: number, base = 0): Generator<Syn> {
  for (let i = 0; i < count; i++) {
    yield {
      time: HOUR_ZERO + Math.floor((i * seconds * 1e6) / count),
      src: 0x0b000000 + base + i,
      dst: i % 10 === 9 ? 0x08080808 : DARK + (i % 256),
      port: 23,
    };
  }
}
const write = (name: string, packets: Iterable<Syn>, count: number): string => {
  const path = join(folder, name);
  writeFileSync(path, captureOf(packets, count));
  return path;
};
const enrolled = async (state: string, name = "field-1"): Promise<void> => {
  const { token } = node.registry.add({ name });
  await enrolSensor({ state, node: node.receiver.address.url, token });
};
const options = (state: string, change: Partial<SensorOptions>): SensorOptions => ({
  state,
  dark,
  spoolLimit: 64 << 20,
  log: quiet,
  ...change,
});
const start = (state: string, change: Record<string, unknown>): ChildProcess => {
  const given = JSON.stringify({ state, dark: ["192.0.2.0/24"], spoolLimit: 64 << 20, ...change });
  const child = spawn(process.execPath, [join(import.meta.dirname, "ship/run-sensor.ts"), given], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  return child;
};
const sources = (): number[] =>
  node.accepted.flatMap(({ batch: { flows } }) =>
    Array.from({ length: flows.count }, (_, i) => flows.columns.src.values[4 * i + 3] ?? 0),
  );

describe("the sensor", () => {
  it("brings every packet of a capture to the node, and says what became of each", async () => {
    const state = join(folder, "state");
    await enrolled(state);
    const read = write("a.pcap", spread(20_000, 5), 20_000);
    const bytes = readFileSync(read);
    // Every 100th frame is no IP.
    for (let i = 0; i < 20_000; i += 100) bytes.writeUInt16BE(0x0806, 24 + i * 70 + 16 + 12);
    writeFileSync(read, bytes);
    const sums = await runSensor(options(state, { read }), new AbortController().signal);
    expect(sums).toMatchObject({ read: 20_000, notDark: 2_000, undecoded: 200, counted: 17_800, retired: 0 });
    expect(node.packets()).toBe(17_800);
    const reported = node.accepted.reduce((sum, { report }) => sum + report.read, 0);
    expect(reported).toBe(20_000);
    expect(node.accepted.every(({ report }) => report.darkAddresses === 256)).toBe(true);
    expect(new Set(sources()).size).toBe(17_800);
    const marks = node.accepted.map(({ report }) => report.watermark);
    expect(marks).toEqual(marks.toSorted((a, b) => a - b));
  });

  it("refuses to start without enrolment, and twice on one state folder", async () => {
    const state = join(folder, "state");
    const read = write("b.pcap", spread(10, 1), 10);
    await expect(runSensor(options(state, { read }), AbortSignal.timeout(5_000))).rejects.toMatchObject({
      code: "SENSOR_NOT_ENROLLED",
    });
    await enrolled(state);
    const stop = new AbortController();
    const first = runSensor(options(state, { read, pace: 0.001 }), stop.signal);
    await expect(runSensor(options(state, { read }), stop.signal)).rejects.toMatchObject({ code: "SENSOR_STATE" });
    stop.abort();
    await first;
  });

  it("keeps its time going while nothing comes", async () => {
    const state = join(folder, "state");
    await enrolled(state);
    const packets = [0, 4_300_000].map((after, i) => ({ time: HOUR_ZERO + after, src: i, dst: DARK, port: 23 }));
    const read = write("c.pcap", packets, 2);
    await runSensor(options(state, { read, pace: 1 }), new AbortController().signal);
    expect(node.packets()).toBe(2);
    const quietOnes = node.accepted.filter(({ batch }) => batch.flows.count === 0);
    expect(quietOnes.length).toBeGreaterThanOrEqual(2);
    const marks = node.accepted.map(({ report }) => report.watermark);
    expect(new Set(marks).size).toBe(marks.length);
  });

  it("tells of its last packets though none of them made a flow", async () => {
    const state = join(folder, "state");
    await enrolled(state);
    // The first one's second is over and shipped when the others come, and a moment later all is over.
    const packets = [DARK, 0x08080808, 0x08080808].map((dst, i) => ({
      time: HOUR_ZERO + (i === 0 ? 0 : 1_500_000),
      src: i,
      dst,
      port: 23,
    }));
    const read = write("last.pcap", packets, packets.length);
    const sums = await runSensor(options(state, { read, pace: 1 }), new AbortController().signal);
    expect(sums).toMatchObject({ read: 3, counted: 1, notDark: 2 });
    expect(node.accepted.reduce((sum, { report }) => sum + report.read, 0)).toBe(3);
  });

  it("retires a dark address that speaks, for good", async () => {
    const state = join(folder, "state");
    await enrolled(state);
    const speaker = DARK + 7;
    const packets: Syn[] = [
      { time: HOUR_ZERO, src: 1, dst: speaker, port: 23 },
      { time: HOUR_ZERO + 10, src: speaker, dst: 1, port: 23 },
      { time: HOUR_ZERO + 2_000_000, src: 2, dst: speaker, port: 23 },
      { time: HOUR_ZERO + 2_000_001, src: 2, dst: DARK + 8, port: 23 },
    ];
    const read = write("d.pcap", packets, packets.length);
    const forever = new AbortController().signal;
    expect(await runSensor(options(state, { read }), forever)).toMatchObject({
      read: 4,
      counted: 2,
      notDark: 1,
      retired: 1,
    });
    expect(node.accepted.at(-1)?.report.darkAddresses).toBe(255);
    expect(readFileSync(join(state, "retired.json"), "utf8")).toContain("192.0.2.7");
    expect(await runSensor(options(state, { read }), forever)).toMatchObject({ counted: 1, retired: 2 });
  });

  it("says nothing of a dark address in its log, in few lines, and goes on when nothing can be written", async () => {
    const state = join(folder, "state");
    const lines: string[] = [];
    const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(line) });
    const { set, speaks, counters } = openDarkness(dark, state, log); // the folder is not there: nothing can be written
    for (let i = 0; i < 256; i++) speaks([0, 0, 0xffff, DARK + i], HOUR_ZERO + i);
    expect(counters).toEqual({ spoke: 256, retired: 16 });
    expect(set.size).toBe(240);
    expect(lines.length).toBe(16 + 16 + 1);
    expect(lines.join("")).not.toMatch(/192\.0\.2\./);
    writeFileSync(join(folder, "retired.json"), '[{"address":"192.0.2"}]');
    expect(() => openDarkness(dark, folder, log)).toThrow(expect.objectContaining({ code: "SENSOR_STATE" }));
  });

  it("does not go blind by one forged packet, however few its addresses are", () => {
    const lines: string[] = [];
    const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(line) });
    const speaker: [number, number, number, number] = [0, 0, 0xffff, DARK];
    const { set, speaks } = openDarkness([parsePrefix("192.0.2.0/32")!], folder, log);
    for (let i = 0; i < 100; i++) speaks(speaker, HOUR_ZERO + i);
    expect(set.size).toBe(1);
    expect(lines).toHaveLength(1);
    // It goes on and on: that is no dark address.
    for (let i = 1; i < 10; i++) speaks(speaker, HOUR_ZERO + i * 60_000_000);
    expect(set.size).toBe(0);
    expect(lines.join("")).not.toMatch(/192\.0\.2\./);
  });

  it("does not let one packet of the future hold back what follows", async () => {
    const state = join(folder, "state");
    await enrolled(state);
    const times = [0, 1, 2_000_000, 4_000_000].map((after) => HOUR_ZERO + after);
    times.splice(1, 0, 4_200_000_000_000_000);
    const packets = times.map((time, i) => ({ time, src: 100 + i, dst: DARK + i, port: 23 }));
    const read = write("future.pcap", packets, packets.length);
    const sums = await runSensor(options(state, { read }), new AbortController().signal);
    expect(sums).toMatchObject({ read: 5, counted: 5 });
    // The packet itself is in the node's quarantine.
    expect(sources()).toEqual([100, 102, 103, 104]);
    expect(node.receiver.standings()[0]).toMatchObject({ quarantined: 1, refused: {} });
  });

  it("is heard with an IPv6 prefix, whose addresses nobody can count", async () => {
    const state = join(folder, "state");
    await enrolled(state);
    const read = write("six.pcap", spread(10, 1), 10);
    const six = parsePrefix("2001:db8:1::/48")!;
    await runSensor(options(state, { read, dark: [...dark, six] }), new AbortController().signal);
    expect(node.packets()).toBe(9);
    expect(node.receiver.standings()[0]).toMatchObject({ refused: {} });
  });

  it("enrols anew with a new token under its old name, and needs no used one", async () => {
    const state = join(folder, "state");
    const address = node.receiver.address.url;
    const forever = new AbortController().signal;
    const { token } = node.registry.add({ name: "field-1" });
    const read = write("first.pcap", spread(10, 1), 10);
    await runSensor(options(state, { read, node: address, token }), forever);
    node.registry.revoke("field-1");
    const { token: again } = node.registry.add({ name: "field-1" });
    const more = write("more.pcap", spread(10, 1, 100), 10);
    await runSensor(options(state, { read: more, node: address, token: again }), forever);
    expect(node.packets()).toBe(18);
    // A unit file still has the first one.
    const last = write("last.pcap", spread(10, 1, 200), 10);
    await runSensor(options(state, { read: last, node: address, token }), forever);
    expect(node.packets()).toBe(27);
    expect(readFileSync(join(state, "enrolment.json"), "utf8")).not.toContain(again.split(".")[1]);
  });

  /**
   * A program in tcpdump's place: silent for `silence` ms, then a capture's head and the file `up`; told to stop it hands
   * over the rest.
   */
  const withTcpdump = async (silence: number, rest: string, work: () => Promise<void>): Promise<void> => {
    const program = [
      `#!${process.execPath}`,
      `const bytes = require("node:fs").readFileSync(${JSON.stringify(rest)});`,
      `const up = () => require("node:fs").writeFileSync(${JSON.stringify(join(folder, "up"))}, "");`,
      `setTimeout(() => process.stdout.write(bytes.subarray(0, 24), up), ${silence});`,
      `process.on("SIGTERM", () => process.stdout.write(bytes.subarray(24), () => process.exit()));`,
      `process.on("SIGUSR1", () => undefined);`,
      "setInterval(() => undefined, 1000);",
    ];
    mkdirSync(join(folder, "bin"));
    writeFileSync(join(folder, "bin/tcpdump"), program.join("\n"), { mode: 0o755 });
    const before = process.env["PATH"];
    process.env["PATH"] = `${join(folder, "bin")}:${before}`;
    await work().finally(() => (process.env["PATH"] = before));
  };

  it("carries the clock before its capture is up, and counts what was handed over when it is told to stop", async () => {
    const state = join(folder, "state");
    await enrolled(state);
    const begun = Date.now() * 1_000;
    const now = [...spread(500, 0.1)].map((one) => ({ ...one, time: one.time - HOUR_ZERO + begun }));
    await withTcpdump(1_700, write("live.pcap", now, now.length), async () => {
      const stop = new AbortController();
      const running = runSensor(options(state, { interface: "dark0" }), stop.signal);
      await expect.poll(() => node.accepted.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(3);
      for (const { batch, report } of node.accepted) {
        expect(batch.interval).toBeGreaterThan(begun - 10e6);
        expect(report.watermark).toBeGreaterThan(begun - 10e6);
      }
      await expect.poll(() => existsSync(join(folder, "up"))).toBe(true);
      stop.abort();
      expect(await running).toMatchObject({ read: 500, counted: 450 });
    });
  });

  it("is counted again once its clock, which was an hour ahead for a moment, is right", async () => {
    await node.stop();
    node = await openNode({ clock: () => Math.round((performance.timeOrigin + performance.now()) * 1_000) });
    const state = join(folder, "state");
    await enrolled(state);
    const own = Date.now.bind(Date);
    let ahead = 0;
    const clock = vi.spyOn(Date, "now").mockImplementation(() => own() + ahead);
    try {
      await withTcpdump(0, write("none.pcap", [], 0), async () => {
        const stop = new AbortController();
        const running = runSensor(options(state, { interface: "dark0" }), stop.signal);
        const quarantined = () => node.receiver.standings()[0]?.quarantined ?? 0;
        await expect.poll(() => node.accepted.length, { timeout: 20_000 }).toBeGreaterThan(0);
        ahead = 3_600_000;
        await expect.poll(quarantined, { timeout: 20_000 }).toBeGreaterThan(0);
        ahead = 0;
        const before = node.accepted.length;
        await expect.poll(() => node.accepted.length - before, { timeout: 10_000 }).toBeGreaterThan(1);
        stop.abort();
        await running;
      });
    } finally {
      clock.mockRestore();
    }
  });

  it("does not take another name while batches of the old one wait", async () => {
    const state = join(folder, "state");
    await enrolled(state);
    const spool = new Spool({ folder: join(state, "spool"), limit: 1 << 20 });
    await spool.add(() => Buffer.from("frame"));
    await expect(enrolled(state, "field-2")).rejects.toMatchObject({ code: "SENSOR_STATE" });
    await spool.acknowledge([1]);
    await enrolled(state, "field-2");
  });

  it("loses nothing while the node is away", async () => {
    const state = join(folder, "state");
    await enrolled(state);
    await node.receiver.close();
    const read = write("e.pcap", spread(5_000, 20), 5_000);
    const running = runSensor(options(state, { read }), new AbortController().signal);
    await sleep(700);
    expect(node.accepted.length).toBe(0);
    await node.reopen();
    expect(await running).toMatchObject({ read: 5_000, counted: 4_500, lostBatches: 0 });
    expect(node.packets()).toBe(4_500);
    expect(node.receiver.standings()[0]).toMatchObject({ gaps: [] });
  });

  it.each([["answers"], ["is away at the start"]])(
    "loses and doubles nothing when its folder was restored from an old copy, while the node %s",
    async (how) => {
      const [state, copy] = [join(folder, "state"), join(folder, "copy")];
      await enrolled(state);
      cpSync(state, copy, { recursive: true });
      const forever = new AbortController().signal;
      const before = await runSensor(options(state, { read: write("a.pcap", spread(2_000, 8), 2_000) }), forever);
      await node.receiver.close();
      const read = write("b.pcap", spread(1_000, 12, 2_000), 1_000);
      if (how === "answers") await node.reopen();
      const running = runSensor(options(copy, { read }), forever);
      await sleep(300);
      if (how !== "answers") await node.reopen();
      const after = await running;
      expect(after).toMatchObject({ counted: 900, lostBatches: 0 });
      expect(before.counted).toBe(1_800);
      expect(node.packets()).toBe(2_700);
      expect(new Set(sources()).size).toBe(2_700);
      const { refused } = node.receiver.standings()[0]!;
      expect(Object.keys(refused)).toEqual(how === "answers" ? [] : ["SEQUENCE_REUSED"]);
    },
  );

  const kills = process.env["LAYANG_PROVE"] === "1" ? 50 : 5;
  it(
    `keeps every batch it made and doubles none over ${kills} kill -9 under load`,
    { timeout: 60_000 + kills * 30_000 },
    async () => {
      const state = join(folder, "state");
      await enrolled(state);
      const each = 60_000;
      let hit = 0;
      for (let run = 0; run < kills; run++) {
        // Each run's sources are its own, in the order of its packets.
        const read = write("run.pcap", spread(each, 40, run << 16), each);
        const before = node.accepted.length;
        const child = start(state, { read });
        const ended = once(child, "exit");
        // The blow falls while batches are on their way: some time after the first of this run arrived. What arrives
        // before is left over from the run before.
        const begun = (): boolean =>
          node.accepted
            .slice(before)
            .some(
              ({ batch: { flows } }) =>
                flows.count > 0 && ((flows.columns.src.values[3] ?? 0) - 0x0b000000) >>> 16 === run,
            );
        for (let i = 0; i < 12_000 && !begun(); i++) await sleep(2);
        expect(begun()).toBe(true);
        await sleep(5 + ((run * 37) % 60));
        child.kill("SIGKILL");
        if (((await ended) as [number | null, string | null])[1] === "SIGKILL") hit++;
        if (run % 2 === 1) {
          await node.receiver.close();
          await node.reopen();
        }
      }
      // Where the sensor was quicker there was nothing to kill; not each time.
      expect(hit).toBeGreaterThan(0);
      // The last start brings home what was spooled.
      const none = write("none.pcap", [], 0);
      await runSensor(options(state, { read: none }), new AbortController().signal);
      expect(node.receiver.standings()[0]).toMatchObject({ gaps: [], refused: {} });
      const sequences = node.accepted.map(({ identity }) => identity.sequence).sort((a, b) => a - b);
      expect(sequences).toEqual(sequences.map((_, i) => i + 1));
      const seen = sources();
      expect(new Set(seen).size).toBe(seen.length);
      expect(node.packets()).toBe(seen.length);
      for (let run = 0; run < kills; run++) {
        // What came of a run is the beginning of its dark packets, without a hole.
        const numbers = seen.map((src) => src - 0x0b000000 - (run << 16)).filter((i) => i >= 0 && i < each);
        expect(numbers.length).toBeGreaterThan(0);
        const expected = Array.from({ length: each }, (_, i) => i).filter((i) => i % 10 !== 9);
        expect(numbers.sort((a, b) => a - b)).toEqual(expected.slice(0, numbers.length));
      }
    },
  );
});
