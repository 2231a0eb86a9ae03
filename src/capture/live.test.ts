// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DST4, DST6, SRC4, ethernet, ipv4, ipv6, pcap, stamped, tcp, udp, vlan, zeros } from "../../test/fuzz/build.ts";
import { parsePrefix } from "../net/prefix.ts";
import type { Prefix } from "../net/prefix.ts";
import { openCapture } from "./capture.ts";
import { darkFilter, headerLength } from "./filter.ts";
import { openLive } from "./live.ts";
import type { LiveEvent } from "./live.ts";
import { readCounters } from "./tcpdump.ts";

const prefixes = (...texts: string[]): Prefix[] => texts.map((text) => parsePrefix(text)!);
const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;
const tcpdump = has("tcpdump", "--version");
const skipped = tcpdump ? "" : " (skipped: apt-get install tcpdump)";

describe("the kernel filter", () => {
  it("names every prefix, outside and inside a VLAN", () => {
    const dark = prefixes("192.0.2.0/24", "2001:db8::/32", "198.51.100.1");
    const nets = "net 192.0.2.0/24 or net 2001:db8::/32 or net 198.51.100.1/32";
    expect(darkFilter(dark, true)).toBe(`(${nets}) or (vlan and (${nets}))`);
    expect(darkFilter(dark, false)).toBe(nets);
  });

  it("ends at the headers", () => {
    expect(headerLength(prefixes("192.0.2.0/24"))).toBe(98);
    expect(headerLength(prefixes("192.0.2.0/24", "2001:db8::/32"))).toBe(118);
  });

  it.skipIf(!tcpdump)(`admits traffic to or from dark prefixes and nothing else${skipped}`, () => {
    const away = { src: [203, 0, 113, 1], dst: [203, 0, 113, 2] };
    const packets: [boolean, number[]][] = [
      [true, ethernet(0x0800, ipv4(tcp()))],
      [true, ethernet(0x0800, ipv4(tcp(), { src: DST4, dst: SRC4 }))],
      [true, ethernet(0x86dd, ipv6(6, tcp()))],
      [true, ethernet(0x8100, vlan(0x0800, ipv4(udp(), { protocol: 17 })))],
      [true, ethernet(0x8100, vlan(0x86dd, ipv6(17, udp())))],
      [false, ethernet(0x0800, ipv4(tcp(), away))],
      [false, ethernet(0x8100, vlan(0x0800, ipv4(tcp(), away)))],
      [false, ethernet(0x88cc, zeros(50))],
    ];
    const file = pcap(packets.map(([, packet], i) => stamped(packet, 1_700_000_000 + i, 0)));
    const filter = darkFilter(prefixes("192.0.2.0/24", "2001:db8:ffff::/48"), true);
    const { stdout } = spawnSync("tcpdump", ["-r", "-", "-w", "-", "--", filter], { input: file });
    const admitted = pcap(
      packets.flatMap(([dark, packet], i) => (dark ? [stamped(packet, 1_700_000_000 + i, 0)] : [])),
    );
    expect([...stdout.subarray(24)]).toEqual([...admitted.subarray(24)]);
    expect(DST6).toHaveLength(16);
  });
});

it("reads the counters that tcpdump tells, on request or at the end", () => {
  const drops = { kernel: 0, interface: 0 };
  const request = "tcpdump: 9 packets captured, 12 packets received by filter, 3 packets dropped by kernel";
  expect(readCounters(request, drops)).toBe(true);
  expect(drops).toEqual({ kernel: 3, interface: 0 });
  for (const line of ["1 packet captured", "7 packets received by filter", "1 packet dropped by kernel"]) {
    expect(readCounters(line, drops)).toBe(true);
  }
  expect(readCounters("5 packets dropped by interface", drops)).toBe(true);
  expect(drops).toEqual({ kernel: 1, interface: 5 });
  expect(readCounters("tcpdump: eth9: No such device exists", drops)).toBe(false);
});

describe("a child that misbehaves", () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-live-"));
  const file = join(folder, "one.pcap");
  writeFileSync(file, pcap([stamped(ethernet(0x0800, ipv4(tcp())))]));
  afterAll(() => rmSync(folder, { recursive: true }));
  const dark = prefixes("192.0.2.0/24");
  /** A stand-in for tcpdump: a shell script; tcpdump's own arguments come behind it. */
  const script = (text: string): string[] => ["sh", "-c", text, "sh"];

  it("cannot be started: a code and one line", async () => {
    const first = async (command: string[]): Promise<unknown> => {
      const live = openLive({ interface: "eth9", dark, command });
      for await (const raw of live) return raw;
      return undefined;
    };
    const failed = { code: "CAPTURE_LIVE_FAILED", exit: 1 };
    await expect(first([join(folder, "nothing")])).rejects.toMatchObject(failed);
    const refused = script(
      "echo 'tcpdump: eth9: No such device exists' >&2; echo '(No such device exists)' >&2; exit 1",
    );
    const message = "cannot capture on eth9: eth9: No such device exists";
    await expect(first(refused)).rejects.toMatchObject({ ...failed, message });
    await expect(first(script("echo no capture at all, but many words"))).rejects.toMatchObject(failed);
  });

  it("needs dark prefixes", () => {
    expect(() => openLive({ interface: "eth9", dark: [] })).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  it("dies: it is started again, with longer pauses, and its losses add up", async () => {
    const events: LiveEvent[] = [];
    const command = script(`cat ${file}; echo 2 packets dropped by kernel >&2`);
    const live = openLive({
      interface: "eth9",
      dark,
      command,
      backoff: 5,
      quiet: 1,
      onEvent: (event) => events.push(event),
    });
    const counts: number[] = [];
    let downs = 0;
    for await (const raw of live) {
      counts.push(raw.count);
      if (raw.count === 0 && !live.running) downs++;
      if (live.summary.packets === 3) live.close();
    }
    expect(counts.filter((count) => count > 0)).toEqual([1, 1, 1]);
    expect(downs).toBeGreaterThan(0);
    expect(events.map((event) => event.kind)).toEqual(["up", "down", "up", "down", "up"]);
    expect(events.flatMap((event) => (event.kind === "down" ? [event.delay] : []))).toEqual([5, 10]);
    // The third run was ended before it could tell.
    expect(live.drops().kernel).toBeGreaterThanOrEqual(4);
    expect(live.summary.truncated).toBe(false);
  });

  it("dies in the midst of a packet: what it gave before is kept", async () => {
    const live = openLive({ interface: "eth9", dark, command: script(`cat ${file}; head -c 40 ${file}`), backoff: 5 });
    for await (const raw of live) if (raw.count > 0 && live.summary.packets === 2) live.close();
    expect(live.summary).toMatchObject({ packets: 2, truncated: false });
  });

  it("knows no VLAN: the filter goes without", async () => {
    const events: LiveEvent[] = [];
    const text = `case "$*" in *vlan*) echo 'tcpdump: no VLAN support for Raw IP' >&2; exit 1;; *) cat ${file};; esac`;
    const live = openLive({ interface: "tun0", dark, command: script(text), onEvent: (event) => events.push(event) });
    for await (const raw of live) if (raw.count > 0) live.close();
    expect(events.map((event) => event.kind)).toEqual(["no-vlan", "up"]);
  });

  it("is ended when the reader leaves the loop", async () => {
    const live = openLive({ interface: "eth9", dark, command: script(`cat ${file}; exec sleep 600`), quiet: 20 });
    for await (const raw of live) if (raw.count > 0) break;
    expect(live.running).toBe(false);
  });
});

const root = process.getuid?.() === 0 && has("ip", "netns", "list");
const skippedLive = tcpdump && root ? "" : " (skipped: needs root, iproute2 and tcpdump)";
describe.skipIf(!tcpdump || !root)(`a real interface in a network namespace of its own${skippedLive}`, () => {
  const name = `layang-${process.pid}`;
  const inside = (...words: string[]): string[] => ["ip", "netns", "exec", name, ...words];
  beforeAll(() => {
    expect(has("ip", "netns", "add", name)).toBe(true);
    const [program = "", ...rest] = inside("ip", "link", "set", "lo", "up");
    expect(has(program, ...rest)).toBe(true);
  });
  afterAll(() => void spawnSync("ip", ["netns", "delete", name]));

  it("captures what concerns dark prefixes, up to the headers, as it comes", async () => {
    const sender = `
      const socket = require("node:dgram").createSocket("udp4");
      let left = 40;
      const send = () => {
        for (const to of ["127.9.9.9", "127.0.0.1"]) socket.send(Buffer.alloc(500), 9, to);
        if (--left > 0) setTimeout(send, 20); else socket.close();
      };
      send();`;
    const live = openLive({ interface: "lo", dark: prefixes("127.9.9.0/24"), command: inside("tcpdump"), quiet: 100 });
    let child: ReturnType<typeof spawn> | undefined;
    let quiet = 0;
    const sizes = new Set<string>();
    for await (const raw of live) {
      if (live.running && child === undefined) {
        const [program = "", ...rest] = inside(process.execPath, "-e", sender);
        child = spawn(program, rest, { stdio: "ignore" });
      }
      if (raw.count === 0) quiet++;
      for (let i = 0; i < raw.count; i++) sizes.add(`${raw.linkType}/${raw.captured[i]}/${raw.lengths[i]}`);
      // ICMP port unreachable answers to the same addresses, cut at the same length.
      if (live.summary.packets >= 40) live.close();
    }
    expect(sizes).toContain("1/98/542");
    expect([...sizes].every((size) => Number(size.split("/")[1]) <= 98)).toBe(true);
    expect(quiet).toBeGreaterThan(0);
    expect(live.drops().kernel).toBe(0);
    expect(Math.abs(live.summary.last! / 1000 - Date.now())).toBeLessThan(60_000);
    child?.kill();
  });

  it("answers SIGUSR1 with its counters while it runs", async () => {
    const events: string[] = [];
    const live = openLive({
      interface: "lo",
      dark: prefixes("127.9.9.0/24"),
      command: inside("tcpdump"),
      quiet: 100,
      onEvent: ({ kind }) => events.push(kind),
    });
    let since: number | undefined;
    for await (const raw of live) {
      expect(raw.count).toBe(0);
      if (live.running) since ??= performance.now();
      if (since !== undefined && performance.now() - since > 2_500) live.close();
    }
    // Asked twice and still alive until it was closed: it was never begun anew.
    expect(events).toEqual(["up"]);
    expect(live.drops()).toEqual({ kernel: 0, interface: 0 });
  });
});

it("standard input is read as a stream", async () => {
  const folder = join(import.meta.dirname, "capture.ts");
  const code = `import { openCapture } from ${JSON.stringify(folder)};
    const capture = openCapture({ path: "-" });
    for await (const raw of capture) if (raw.count === 0) throw new Error("empty");
    process.stdout.write(JSON.stringify(capture.summary));`;
  const input = pcap([stamped(ethernet(0x0800, ipv4(tcp())), 1_700_000_000, 5)]);
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
    input,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({ file: "-", packets: 1, first: 1_700_000_000_000_005, truncated: false });
  expect(openCapture({ path: "-" }).summary.file).toBe("-");
});
