// SPDX-License-Identifier: Apache-2.0
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

const program = join(import.meta.dirname, "../bin/layang.js");
let folder: string;
let config: string;
let running: ChildProcess | undefined;
beforeAll(() => {
  // A short name: the node's socket lies in it.
  folder = mkdtempSync(join(tmpdir(), "ly-bak-"));
  config = join(folder, "layang.yaml");
  writeFileSync(config, "data: node\nportal: { port: 0 }\nsensors: { port: 0 }\n");
});
afterAll(() => {
  running?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
const layang = (...args: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { cwd: folder, maxBuffer: 1 << 26 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : (error.code as unknown as number), out, err }),
    );
  });
const startNode = async (data: string): Promise<void> => {
  const child = spawn(process.execPath, [program, "node", "--config", config, "--data", data], { cwd: folder });
  running = child;
  let said = "";
  child.stderr.on("data", () => undefined);
  for await (const part of child.stdout as AsyncIterable<Buffer>) {
    said += part.toString();
    if (said.includes("Open ")) return;
  }
  throw new Error("the node did not start");
};
const stopNode = async (): Promise<void> => {
  const child = running;
  running = undefined;
  child?.kill("SIGTERM");
  if (child !== undefined && child.exitCode === null) await once(child, "exit");
};

/** SYNs from 40 sources to 8 dark addresses, over ten minutes. */
const capture = (): Buffer => {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(65535, 16);
  head.writeUInt32LE(101, 20);
  const packets = Array.from({ length: 2_000 }, (_, i) => {
    const packet = Buffer.alloc(16 + 40);
    packet.writeUInt32LE(1_764_000_000 + Math.floor(i * 0.3), 0);
    packet.writeUInt32LE(40, 8);
    packet.writeUInt32LE(40, 12);
    packet.set([0x45, 0, 0, 40, 0x12, 0x34, 0, 0, 60, 6, 0, 0, 203, 0, 113, i % 40, 192, 0, 2, i % 8], 16);
    packet.writeUInt16BE(40_000 + (i % 40), 36);
    packet.writeUInt16BE(i % 3 === 0 ? 23 : 445, 38);
    packet.writeUInt32BE(i + 1, 40);
    packet.set([0x50, 2, 4, 0], 48);
    return packet;
  });
  return Buffer.concat([head, ...packets]);
};

/** What somebody asks of a node: flows by port, the constituency, who owned an address, and the audit log's own check. */
const journey = async (data: string): Promise<unknown[]> => {
  const at = ["--config", config, "--data", data];
  // 1,764,000,000 s is 2025-11-24T16:00:00Z.
  const asked = await layang(
    "ask",
    "ports/top",
    "--from",
    "2025-11-24T00:00:00Z",
    "--to",
    "2025-11-25T12:00:00Z",
    "--format",
    "json",
    ...at,
  );
  const { rows, facts } = JSON.parse(asked.out) as { rows: unknown; facts: unknown };
  const members = await layang("node", "constituency", "export", "--form", "yaml", ...at);
  const who = await layang("node", "constituency", "who", "203.0.113.9", "--on", "2026-05-03", "--json", ...at);
  return [rows, facts, members.out, JSON.parse(who.out)];
};

it("copies a running node whole, and brings it back", async () => {
  const pcap = join(folder, "capture.pcap");
  writeFileSync(pcap, capture());
  expect(await layang("replay", pcap, "--dark", "192.0.2.0/24", "--data", "node", "--sensor", "id-01")).toMatchObject({
    code: 0,
  });
  await startNode("node");
  const members = join(folder, "members.csv");
  writeFileSync(members, "organisation,name,network,mail,language\nisp,Provider,203.0.113.0/24,abuse@isp.example,th\n");
  expect((await layang("node", "constituency", "import", members, "--config", config)).out).toContain("3 added");
  const before = await journey("node");
  expect(JSON.stringify(before)).toContain("Provider");
  expect(before[0]).toMatchObject([{ port: 445 }, { port: 23 }]);

  expect(await layang("backup", "node/inside", "--config", config)).toMatchObject({
    code: 1,
    err: expect.stringContaining("[BACKUP_FAILED]") as string,
  });
  // A disk that is not mounted: no copy beside the node instead.
  expect(await layang("backup", "disk/copy", "--config", config)).toMatchObject({
    code: 2,
    err: expect.stringContaining("[FOLDER_MISSING]") as string,
  });
  expect(existsSync(join(folder, "disk"))).toBe(false);
  const done = await layang("backup", "copy", "--config", config);
  expect(done).toMatchObject({ code: 0, out: expect.stringContaining("copy: ") as string });
  expect(await layang("backup", "copy", "--config", config)).toMatchObject({ code: 1 });
  // The node goes on, and restoring under it is refused.
  expect(await journey("node")).toEqual(before);
  expect(await layang("restore", "copy", "--config", config)).toMatchObject({
    code: 2,
    err: expect.stringContaining("[NODE_RUNNING]") as string,
  });
  await stopNode();
  expect(readdirSync(join(folder, "copy")).toSorted()).toEqual([
    "desk.jsonl.gz",
    "files",
    "flows",
    "journal",
    "manifest.json",
  ]);
  expect(statSync(join(folder, "copy")).mode & 0o077).toBe(0);
  // A one-time link is that running node's.
  expect(existsSync(join(folder, "node/first-administrator.link"))).toBe(true);
  expect(existsSync(join(folder, "copy/files/first-administrator.link"))).toBe(false);

  // What was changed on its way is refused, and leaves nothing behind.
  const secret = join(folder, "copy/files/node.secret");
  const kept = readFileSync(secret);
  appendFileSync(secret, "x");
  expect(await layang("restore", "copy", "--config", config, "--data", "again")).toMatchObject({
    code: 2,
    err: expect.stringContaining("node.secret is not what was written") as string,
  });
  expect(existsSync(join(folder, "again"))).toBe(false);
  writeFileSync(secret, kept);

  expect(await layang("restore", "copy", "--config", config, "--data", "again")).toMatchObject({
    code: 0,
    out: expect.stringContaining("Restored") as string,
  });
  expect(await layang("restore", "copy", "--config", config, "--data", "again")).toMatchObject({
    code: 2,
    err: expect.stringContaining("not empty") as string,
  });
  rmSync(join(folder, "node"), { recursive: true });
  expect(readFileSync(join(folder, "again/node.secret"))).toEqual(kept);
  // It runs, and answers the same; and a stopped node is copied too.
  await startNode("again");
  expect(await journey("again")).toEqual(before);
  await stopNode();
  expect(await layang("backup", "second", "--config", config, "--data", "again")).toMatchObject({ code: 0 });
  expect(await layang("restore", "second", "--config", config, "--data", "third")).toMatchObject({ code: 0 });
  expect(await journey("third")).toEqual(before);
}, 600_000);
