// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "layang-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
const layang = (args: readonly string[], input?: Uint8Array): Run => {
  const run = spawnSync(process.execPath, [join(root, "bin/layang.js"), ...args], {
    cwd: folder,
    encoding: "utf8",
    ...(input === undefined ? {} : { input }),
  });
  return { code: run.status, out: run.stdout, err: run.stderr };
};

/** A pcap (microseconds, raw IP) of SYNs: [seconds, source's last octet, destination's last octet, port]. */
const syns = (packets: readonly (readonly [number, number, number, number])[]): Buffer => {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(65535, 16);
  head.writeUInt32LE(101, 20);
  return Buffer.concat([
    head,
    ...packets.map(([second, from, to, port]) => {
      const packet = Buffer.alloc(16 + 40);
      packet.writeUInt32LE(1_700_000_000 + Math.floor(second), 0);
      packet.writeUInt32LE(Math.round((second % 1) * 1e6), 4);
      packet.writeUInt32LE(40, 8);
      packet.writeUInt32LE(40, 12);
      packet.set([0x45, 0, 0, 40, 0x12, 0x34, 0, 0, 60, 6, 0, 0, 198, 51, 100, from, 192, 0, 2, to], 16);
      packet.writeUInt16BE(40_000 + from, 36);
      packet.writeUInt16BE(port, 38);
      packet.writeUInt32BE(7, 40);
      packet.set([0x50, 2, 4, 0], 48);
      return packet;
    }),
  ]);
};
const capture = join(folder, "small.pcap");
const bytes = syns([
  [0, 1, 10, 23],
  [0.25, 1, 11, 23],
  [1, 2, 10, 23],
  [12, 2, 12, 445],
  [13, 3, 200, 445],
]);
writeFileSync(capture, bytes);

interface Answer {
  readonly captures: readonly Readonly<Record<string, unknown>>[];
  readonly packets: number;
  readonly bytes: number;
  readonly undecoded: number;
  readonly flows: number;
  readonly sources: number;
  readonly classes: Readonly<Record<string, number>>;
  readonly marks: Readonly<Record<string, number>>;
  readonly ports: readonly Readonly<Record<string, unknown>>[];
  readonly timing: { readonly seconds: number; readonly packets_per_second: number };
}
const replay = (args: readonly string[], input?: Uint8Array): Answer => {
  const { code, out, err } = layang(["replay", "--json", ...args], input);
  expect(err).toBe("");
  expect(code).toBe(0);
  return JSON.parse(out) as Answer;
};

describe("replay --json", () => {
  it("says of a capture what other programs rely on", () => {
    const { timing, ...answer } = replay([capture]);
    expect(answer).toEqual({
      captures: [
        {
          file: capture,
          packets: 5,
          bytes: 200,
          first: "2023-11-14T22:13:20.000000Z",
          last: "2023-11-14T22:13:33.000000Z",
          undecoded: 0,
          truncated: false,
        },
      ],
      packets: 5,
      bytes: 200,
      undecoded: 0,
      not_dark: 0,
      flows: 4,
      sources: 3,
      degraded: false,
      classes: { "tcp-syn": 5 },
      marks: { mirai: 0, zmap: 0, masscan: 0, stateless: 0 },
      ports: [
        { protocol: "tcp", port: 23, packets: 3, sources: 2 },
        { protocol: "tcp", port: 445, packets: 2, sources: 2 },
      ],
    });
    expect(timing.seconds).toBeGreaterThan(0);
  });

  it("counts only what goes to the declared dark prefixes", () => {
    const answer = replay([capture, "--dark", "192.0.2.0/25"]);
    expect([answer.packets, answer.classes["tcp-syn"], answer.sources]).toEqual([5, 4, 2]);
  });

  it("reads gzip, zstd, standard input and folders alike", () => {
    const many = join(folder, "many");
    mkdirSync(join(many, "deeper"), { recursive: true });
    writeFileSync(join(many, "a.pcap.gz"), gzipSync(bytes));
    writeFileSync(join(many, "deeper", "b.pcap.zst"), zstdCompressSync(bytes));
    expect(replay(["-"], bytes).packets).toBe(5);
    expect(replay(["-"], gzipSync(bytes)).packets).toBe(5);
    expect(replay([many]).captures.map(({ packets }) => packets)).toEqual([5, 5]);
    writeFileSync(join(many, "notes.txt"), "no capture");
    const { code, err } = layang(["replay", "--json", many]);
    expect([code, err]).toEqual([0, `layang: ${join(many, "notes.txt")}: is no capture, passed over\n`]);
  });

  it("gives everything before a cut and says truncated", () => {
    const cut = join(folder, "cut.pcap");
    writeFileSync(cut, bytes.subarray(0, bytes.length - 7));
    const answer = replay([cut]);
    expect([answer.packets, answer.captures[0]?.["truncated"]]).toEqual([4, true]);
  });

  it("gives the same answer twice, to the byte but for the timing", () => {
    const strip = ({ timing: _, ...rest }: Answer): string => JSON.stringify(rest);
    expect(strip(replay([capture]))).toBe(strip(replay([capture])));
  });

  it("stores a capture once, however often it is replayed, and the store answers", () => {
    const data = join(folder, "store");
    replay([capture, "--data", data, "--sensor", "id-01"]);
    expect(layang(["replay", capture, "--data", data, "--sensor", "id-01"]).err).toContain("in the store already");
    const asked = layang(["ask", "ports/top", "--data", data, "--format", "json"]);
    const { rows } = JSON.parse(asked.out) as { rows: { port: number; packets: number; sources: number }[] };
    expect(rows.map(({ port, packets, sources }) => [port, packets, sources])).toEqual([
      [23, 3, 2],
      [445, 2, 2],
    ]);
    const source = layang(["ask", "source", "--ip", "198.51.100.1", "--data", data]).out;
    expect(source).toMatch(/^ {2}verdict +scanner$/m);
    expect(source).toMatch(/^ {2}packets +2$/m);
  }, 240_000);
});

it("stores what comes through a pipe, and counts dark addresses once, IPv6 ones too", () => {
  const prefixes = ["192.0.2.0/24", "192.0.2.0/25", "2001:db8:1::/48"].flatMap((one) => ["--dark", one]);
  const first = layang(["replay", capture, "--json", "--data", "piped", "--sensor", "six", ...prefixes]);
  expect(first).toMatchObject({ code: 0, err: "" });
  const script = '"$0" "$1" replay <(cat "$2") --json --data piped --sensor pipe';
  const args = ["-c", script, process.execPath, join(root, "bin/layang.js"), capture];
  const { status, stdout, stderr } = spawnSync("bash", args, { cwd: folder, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect((JSON.parse(stdout) as Answer).packets).toBe(5);
});

describe("wrong use", () => {
  const refused = (args: readonly string[], words: string): void => {
    const { code, out, err } = layang(args);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(/^layang: [^\n]+ \[[A-Z_]+\]\n$/);
    expect(err).toContain(words);
  };
  it("is one line and exit code 2", () => {
    const text = join(folder, "text.pcap");
    writeFileSync(text, "this is no capture at all, only words");
    refused(["replay", text], "is no capture");
    refused(["replay", join(folder, "nowhere.pcap")], "no such file");
    refused(["replay"], "needs a capture");
    refused(["replay", capture, "--dark", "192.0.2.1/24"], "192.0.2.1/24");
    refused(["replay", capture, "--jsn"], "did you mean --json?");
    refused(["repley", capture], "did you mean `replay`?");
    refused(["ask", "alerts"], "asked at the portal or its API");
    refused(["ask", "news", "--data", join(folder, "no-node")], "--config FILE or its data folder with --data DIR");
    refused(["ask", "ports/tpo"], "did you mean ports/top?");
    refused(["check-config", join(folder, "nowhere.yaml")], "cannot be read");
    refused(["detect"], "there is `detect changefinder`");
    refused(["simulate", "--out", "x.pcap", "--packets", "-5"], "--packets=-5");
    refused(["sensor", "enrol", "--token", "--node", "http://127.0.0.1:1"], "--token needs a value");
    refused(["sensor", "enrol", "--token"], "--token needs a value");
    refused(["evaluate", "nosuch"], "there are sample, tune/dos, tune/mixed");
    refused(["evaluate", "tune/mixd"], "did you mean tune/mixed?");
    refused(["node", "people", "add", "a@b.example", "--role", "boss"], 'observer, not "boss"');
    refused(["node", "sensors", "add", "id-01", "--country", "XX"], "economy's code");
    const nowhere = join(folder, "prefixes.yaml");
    writeFileSync(nowhere, "prefixes: /nope");
    refused(["check-config", nowhere], "/nope");
  });
  it("of a word that is no command names the one that was meant", () => {
    refused(["node", "people"], "`node people` alone is no command; there is `node people add`, `node people list`");
    refused(["node", "sensors", "--data", "x"], "there is `node sensors add`");
    refused(["node", "sensor", "add", "x"], "there is no command `node sensor add`; did you mean `node sensors add`?");
    refused(["node", "doctor"], "did you mean `sensor doctor`?");
    refused(["node", "frobnicate"], "under `node` there is `node mail`, `node sensors`, `node people`");
    refused(["node", "layang.yaml"], "did you mean --config or --data?");
    refused(["sensor", "enroll"], "did you mean `sensor enrol`?");
  }, 120_000);
  it("of paths is one line too, whatever the system says of them", () => {
    const taken = join(folder, "taken");
    writeFileSync(taken, "a file, no folder");
    const loop = join(folder, "loop");
    symlinkSync(loop, loop);
    refused(["replay", loop], "ELOOP");
    refused(["replay", capture, "--data", taken], "EEXIST");
    refused(["replay", capture, "--data", join(taken, "data")], "ENOTDIR");
    refused(["sensor", "--read", capture, "--dark", "192.0.2.0/24", "--state", taken], "EEXIST");
    refused(["simulate", "--packets", "1", "--out", join(folder, "no/where.pcap")], "no/where.pcap");
    const out = join(folder, "kept.pcap");
    refused(["simulate", "--packets", "1", "--out", out, "--truth", join(folder, "no/truth.json")], "no/truth.json");
    refused(["simulate", "--packets", "1", "--out", out, "--truth", `${folder}/./kept.pcap`], "one file");
    refused(["simulate", "--packets", "1", "--out", "-", "--truth", "-"], "one file");
    refused(["simulate", "--packets", "1", "--out", out, "--from", "2200-01-01"], "2106");
  });
  const noFull = existsSync("/dev/full") ? "" : " (skipped: no /dev/full)";
  it.skipIf(noFull !== "")(`is not a full disk: one line and exit code 1${noFull}`, () => {
    const { status, stderr } = spawnSync(
      "sh",
      ["-c", '"$0" "$1" --help > /dev/full', process.execPath, join(root, "bin/layang.js")],
      {
        encoding: "utf8",
      },
    );
    expect(stderr).toMatch(/^layang: [^\n]+ENOSPC[^\n]+ \[SYSTEM_REFUSED\]\n$/);
    expect(status).toBe(1);
  });
  it("of an empty file is told as well", () => {
    const empty = join(folder, "empty.pcap");
    writeFileSync(empty, "");
    refused(["replay", empty], "is no capture");
  });
});

it("a replay that finds nothing says why", () => {
  const empty = join(folder, "no-captures");
  mkdirSync(empty);
  expect(layang(["replay", empty])).toMatchObject({ code: 2, out: "" });
  expect(layang(["replay", empty]).err).toContain("no file is in there [CAPTURE_NOT_FOUND]");
  writeFileSync(join(empty, "notes.txt"), "words");
  expect(layang(["replay", empty]).err).toContain("notes.txt: is no capture, and no other file is there");
  const dark = ["--dark", "203.0.113.0/24"];
  expect(layang(["replay", capture, ...dark]).out).toContain("Nothing went to 203.0.113.0/24");
  expect(layang(["replay", capture, "--dark", "192.0.2.0/24"]).out).not.toContain("Nothing went to");
});

it("a simulated capture is known for one, and names nobody real", () => {
  const file = join(folder, "invented.pcap");
  const made = layang(["simulate", "--packets", "500", "--out", file]);
  expect(made.err).toContain("These packets are invented");
  const { out } = layang(["replay", file]);
  expect(out).toMatch(/^SIMULATED {2}500 packets/);
  expect(out).toContain("Economies and networks are not named");
  expect(out).not.toMatch(/\bAS\d+/);
  expect(replay([file]).captures[0]).toMatchObject({ packets: 500, simulated: true });
  expect(replay([capture]).captures[0]).not.toHaveProperty("simulated");
  expect(layang(["replay", capture]).out).toContain("\nNetworks\n");
});

it("a second token of a sensor says that the first is void, in whatever data folder", () => {
  const data = join(folder, "elsewhere");
  const add = () => layang(["node", "sensors", "add", "id-01", "--country", "ID", "--data", data]);
  const [first, second] = [add(), add()];
  expect([first.code, second.code]).toEqual([0, 0]);
  expect(first.out).not.toContain("void");
  expect(second.out).toContain("the token that was printed then is void");
  expect(layang(["node", "sensors", "list", "--data", data]).out).toContain("id-01");
  const none = join(folder, "no-sensors");
  expect(layang(["node", "sensors", "list", "--data", none]).out).toContain("No sensors yet");
  expect(existsSync(none)).toBe(false);
  expect(existsSync(join(data, "sensors", "id-01.json"))).toBe(true);
});

it("a series without a change says why", () => {
  const file = join(folder, "few.csv");
  writeFileSync(file, "time,packets\n202601010000,1\n202601010010,2\n202601010020,3\n202601010030,4\n");
  expect(layang(["detect", "changefinder", "--series", file])).toMatchObject({
    code: 0,
    out: "",
    err: "layang: 4 points are too few: what is usual is learnt from the first 15\n",
  });
});

it("helps with a group of commands", () => {
  for (const args of [
    ["node", "sensors", "--help"],
    ["help", "node", "sensors"],
  ]) {
    const { code, out } = layang(args);
    expect(code).toBe(0);
    expect(out.match(/^ {2}node .*$/gm)).toEqual([
      "  node sensors add     admit a sensor: print its one-time token",
      "  node sensors list    list the sensors of this node",
      "  node sensors revoke  refuse a sensor from now on, and withdraw what it sent",
    ]);
  }
});

it("says its version, and helps every command with examples", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  expect(layang(["--version"]).out).toBe(`${version}\n`);
  const overview = layang(["--help"]);
  expect(overview.code).toBe(0);
  const commands = [...overview.out.matchAll(/^ {2}([a-z][a-z -]*[a-z]) {2,}/gm)].map((match) => match[1] ?? "");
  expect(commands.length).toBeGreaterThan(8);
  for (const command of commands) {
    const help = layang([...command.split(" "), "--help"]);
    expect(help.code, command).toBe(0);
    expect(help.out, command).toMatch(/^layang .+\n\nUsage: layang [\s\S]+Examples:\n {2}layang/);
  }
}, 240_000);

it("answers without a home that can be written", () => {
  const { HOME: _, ...rest } = process.env;
  for (const env of [
    { ...rest, XDG_CACHE_HOME: join(capture, "no", "folder") },
    { ...rest, XDG_CACHE_HOME: "" },
  ]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "bin/layang.js"), "replay", capture], {
      encoding: "utf8",
      env,
    });
    expect(stderr).toBe("");
    expect(stdout).toContain("5 packets of one capture");
    expect(status).toBe(0);
  }
}, 240_000);

/** Whether every user may enter the folders on the way to `path`: a checkout in a home is often closed. */
const openToAll = (path: string): boolean =>
  (statSync(path).mode & 0o5) === 0o5 && (dirname(path) === path || openToAll(dirname(path)));
const notOther =
  process.getuid?.() !== 0
    ? " (skipped: not root)"
    : openToAll(root) && openToAll(process.execPath)
      ? ""
      : " (skipped: other users may not read this checkout)";
it.skipIf(notOther !== "")(`starts for a user whom the system does not know${notOther}`, () => {
  const { HOME: _, XDG_CACHE_HOME: __, ...env } = process.env;
  const { status, stderr } = spawnSync(process.execPath, [join(root, "bin/layang.js"), "--version"], {
    encoding: "utf8",
    uid: 54_321,
    gid: 54_321,
    env,
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

it("refuses an old Node in one line", () => {
  const source = readFileSync(join(root, "bin/layang.js"), "utf8");
  const old = source.replace("process.versions.node.split", '"20.20.2".split');
  expect(old).not.toBe(source);
  const copy = join(folder, "old.mjs");
  writeFileSync(copy, old);
  const { status, stderr } = spawnSync(process.execPath, [copy], { encoding: "utf8" });
  expect(status).toBe(2);
  expect(stderr).toMatch(/^layang: needs Node 24[^\n]+\[NODE_TOO_OLD\][^\n]*\n$/);
});

it("runs as the unit in docs/ starts it, and ends at SIGTERM with nothing left behind", async () => {
  const unit = readFileSync(join(root, "docs/layang-node.service"), "utf8");
  const config = join(folder, "service.yaml");
  writeFileSync(config, "portal: {port: 0}\nsensors: {port: 0}\n");
  const [program = "", ...args] = (/^ExecStart=(.*)$/m.exec(unit)?.[1] ?? "")
    .replaceAll("/opt/layang", root)
    .replace("/etc/layang/layang.yaml", config)
    .replace("/var/lib/layang/data", join(folder, "service"))
    .split(" ");
  const node = spawn(program, args, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  for await (const text of node.stdout) if ((said += String(text)).includes("\nOpen http")) break;
  expect(said).toContain("\nOpen http");
  expect(said).toMatch(new RegExp(`^A new node was made in ${join(folder, "service")}$`, "m"));
  const door = /^Sensors send to (\S+)$/m.exec(said)?.[1];
  expect(door).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]/);
  const added = layang(["node", "sensors", "add", "id-02", "--data", join(folder, "service")]);
  expect(added.out).toContain(`--node ${door} --token id-02.`);
  const ended = once(node, "exit");
  // One process, under the number that a service manager knows.
  node.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
}, 120_000);

it("opens both doors of a node or none: a taken port ends it", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as AddressInfo;
  const config = join(folder, "both-doors.yaml");
  for (const text of [`portal: {port: ${port}}\nsensors: {port: 0}`, `portal: {port: 0}\nsensors: {port: ${port}}`]) {
    writeFileSync(config, `data: both-doors\nlog: {level: silent}\n${text}\n`);
    const { code, err } = layang(["node", "--config", config]);
    expect(code).toBe(1);
    expect(err).toMatch(/^layang: [^\n]*EADDRINUSE[^\n]*\n$/);
  }
  other.close();
});
