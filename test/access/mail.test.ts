// SPDX-License-Identifier: Apache-2.0
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { readHead } from "../../src/access/heads.ts";
import { smtpSink } from "../cases/place.ts";
import { layDesk } from "../desk/template.ts";

const root = join(import.meta.dirname, "../..");

/** A node of its own folder with a mail server, and what may be asked of it while it runs. */
const place = async (mail: string) => {
  const sink = await smtpSink();
  const folder = mkdtempSync(join(tmpdir(), "layang-mail-"));
  const config = join(folder, "layang.yaml");
  writeFileSync(
    config,
    `data: node\nportal: {port: 0}\nsensors: {port: 0}\nlog: {level: warn}\naudit: {mail: heads@elsewhere.example}\nmail: {host: 127.0.0.1, port: ${sink.port}, tls: none, from: Node <desk@node.example>${mail}}\n`,
  );
  await layDesk(join(folder, "node"));
  const start = async () => {
    const child = spawn(process.execPath, ["bin/layang.js", "node", "--config", config], { cwd: root });
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    while (!said.includes("Open ")) await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    return child;
  };
  const stop = async () => {
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
  };
  let child = await start();
  return {
    mails: sink.mails,
    layang: (...args: string[]) =>
      promisify(execFile)(process.execPath, ["bin/layang.js", ...args, "--config", config], { cwd: root }),
    /** Heads leave at the start and every hour. */
    restart: async () => {
      await stop();
      child = await start();
    },
    close: async () => {
      await stop();
      await sink.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

it("mails invitations in the person's language, and the heads of the audit log", { timeout: 120_000 }, async () => {
  const node = await place("");
  try {
    const { stdout } = await node.layang(
      "node",
      "people",
      "add",
      "bo@example.org",
      "--role",
      "observer",
      "--language",
      "id",
    );
    const link = /http\S+\/invitation#[\w-]{43}/.exec(stdout)?.[0] ?? "no link";
    const invitation = node.mails.find(({ to }) => to === "bo@example.org")?.parsed;
    expect(invitation?.text).toContain(link);
    expect(invitation?.subject).toBe("Akses Anda ke Layang");
    expect(invitation?.headers.get("auto-submitted")).toBe("auto-generated");
    await node.restart();
    await expect
      .poll(() => node.mails.some(({ to }) => to === "heads@elsewhere.example"), { timeout: 60_000 })
      .toBe(true);
    const head = node.mails.find(({ to }) => to === "heads@elsewhere.example")?.parsed;
    expect(readHead(head?.text ?? "")).toMatchObject({ node: "Layang" });
  } finally {
    await node.close();
  }
});

it(
  "mails nobody a one-time link in mail-test mode: who reads all letters is not who may sign in",
  { timeout: 120_000 },
  async () => {
    const node = await place(", test: lab@node.example");
    try {
      const { stdout } = await node.layang("node", "people", "add", "bo@example.org", "--role", "observer");
      expect(stdout).toMatch(/\/invitation#/);
      await node.restart();
      await expect.poll(() => node.mails.length, { timeout: 60_000 }).toBeGreaterThan(0);
      expect(node.mails.map(({ to }) => to)).not.toContain("bo@example.org");
      expect(node.mails.some(({ raw }) => raw.includes("invitation"))).toBe(false);
      expect(node.mails.every(({ parsed }) => parsed.subject?.startsWith("[TEST] Audit log"))).toBe(true);
    } finally {
      await node.close();
    }
  },
);
