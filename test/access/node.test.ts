// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateSync } from "otplib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashOfRow } from "../../src/access/audit.ts";
import { openEmbeddedDesk } from "../../src/store/desk/embedded/index.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "layang-people-"));
const config = join(folder, "layang.yaml");
const data = join(folder, "node");
let node: ChildProcess | undefined;
let portal = "";

const start = async (): Promise<string> => {
  const child = spawn(process.execPath, ["bin/layang.js", "node", "--config", config], { cwd: root });
  node = child;
  return new Promise((resolve, reject) => {
    let said = "";
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      const address = /Open (http\S+)\n/.exec(said)?.[1];
      if (address === undefined) return;
      portal = new URL(address).origin;
      resolve(said);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("exit", () => reject(new Error(`the node ended: ${said}`)));
  });
};
const stop = async (): Promise<void> => {
  if (node === undefined) return;
  const ended = once(node, "exit");
  node.kill("SIGTERM");
  await ended;
  node = undefined;
};
const layang = (...args: string[]): { status: number | null; out: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["bin/layang.js", ...args, "--config", config], {
    cwd: root,
    encoding: "utf8",
  });
  return { status, out: stdout + stderr };
};

beforeAll(() =>
  writeFileSync(
    config,
    "data: node\nportal: {port: 0}\nsensors: {port: 0}\naudit: {folder: heads}\nlog: {level: warn}\n",
  ),
);
afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("a node with accounts", { timeout: 300_000 }, () => {
  let cookie = "";
  const post = async (path: string, body: unknown) => {
    const response = await fetch(`${portal}/api/v1/desk/session/${path}`, {
      method: "POST",
      headers: { origin: portal, "content-type": "application/json", cookie },
      body: JSON.stringify(body),
    });
    const [set] = response.headers.getSetCookie();
    if (set !== undefined) cookie = set.split(";")[0] ?? "";
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  it("has no account, and a link to make one that no log and no other user sees", async () => {
    const said = await start();
    expect(said).not.toMatch(/first#/);
    const file = join(data, "first-administrator.link");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const link = readFileSync(file, "utf8").trim();
    expect(link).toMatch(new RegExp(`^${portal}/first#[\\w-]{43}$`));
    for (const path of ["/api/v1/ports/top", "/metrics", "/api/v1/live", "/api/v1/desk/people", "/api/v1/status"]) {
      expect((await fetch(portal + path)).status, path).toBe(401);
    }
    expect((await fetch(`${portal}/`)).status).toBe(200);
    const made = await post("first", {
      token: link.split("#")[1],
      name: "Ada",
      mail: "ada@example.org",
      password: "a long enough phrase",
      language: "en",
    });
    expect(made.body["state"]).toBe("enrol");
    expect(existsSync(file)).toBe(false);
    const begun = await post("totp/begin", {});
    const code = generateSync({ secret: String(begun.body["secret"]) });
    const done = await post("totp/confirm", { code });
    expect(done.body).toMatchObject({ session: { state: "in", roles: ["administrator", "analyst"] } });
    expect((await fetch(`${portal}/api/v1/status`, { headers: { cookie } })).status).toBe(200);
  });
  it("is worked at from the machine while it runs, through a socket that its owner alone can open", () => {
    expect(statSync(join(data, "node.sock")).mode & 0o777).toBe(0o600);
    expect(layang("node", "people", "list").out).toMatch(/ada@example\.org\s+Ada\s+administrator analyst/);
    const added = layang("node", "people", "add", "bo@example.org", "--role", "observer");
    expect(added.out).toMatch(/\/invitation#[\w-]{43}\n/);
    expect(layang("node", "people", "add", "bo@example.org", "--role", "observer").out).toContain("[MAIL_TAKEN]");
    expect(layang("node", "people", "add", "x@example.org", "--role", "system").out).toContain("[USAGE]");
    const token = layang(
      "node",
      "tokens",
      "add",
      "script",
      "--person",
      "ada@example.org",
      "--scope",
      "observatory:read",
    );
    expect(token.out).toMatch(/ly_[\w-]{43}/);
    expect(layang("node", "tokens", "list").out).toMatch(/script\s+Ada\s+observatory:read/);
    expect(layang("ask", "ports/top").status).toBe(0);
  });
  it("takes a token for what it is for", async () => {
    const secret =
      /ly_[\w-]{43}/.exec(
        layang("node", "tokens", "add", "two", "--person", "ada@example.org", "--scope", "observatory:read").out,
      )?.[0] ?? "";
    const ask = (path: string) => fetch(portal + path, { headers: { authorization: `Bearer ${secret}` } });
    expect((await ask("/api/v1/ports/top")).status).toBe(200);
    expect((await ask("/api/v1/desk/people")).status).toBe(403);
    const id = /(\S+)\s+two\s/.exec(layang("node", "tokens", "list").out)?.[1] ?? "";
    expect(layang("node", "tokens", "revoke", id).status).toBe(0);
    expect((await ask("/api/v1/ports/top")).status).toBe(401);
  });
  it("disables a person at once: the session ends", async () => {
    expect(layang("node", "people", "revoke", "ada@example.org").out).toContain("is disabled");
    expect((await fetch(`${portal}/api/v1/status`, { headers: { cookie } })).status).toBe(401);
    expect(layang("node", "people", "revoke", "ada@example.org", "--enable").out).toContain("is enabled");
    expect(layang("node", "people", "link", "ada@example.org").out).toMatch(/invitation#/);
  });
  it("is worked at from the machine while it rests", async () => {
    await stop();
    expect(existsSync(join(data, "node.sock"))).toBe(false);
    expect(layang("node", "people", "list").out).toContain("bo@example.org");
    expect(layang("node", "people", "link").out).toContain("an administrator already");
  });
  it("sends signed heads of its log away, and shows what was rewritten", async () => {
    // As in the data folder of a program that left it there.
    writeFileSync(join(data, "first-administrator.link"), "used");
    await start();
    expect(existsSync(join(data, "first-administrator.link"))).toBe(false);
    const heads = join(folder, "heads");
    const until = Date.now() + 20_000;
    while (!existsSync(heads) || readdirSync(heads).length === 0) {
      if (Date.now() > until) throw new Error("no head came");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(layang("node", "audit", "verify").out).toMatch(/rows fit their hashes and 1 signed heads/);
    const lines = layang("node", "audit", "export").out.trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { action: string }).action)).toEqual(
      expect.arrayContaining([
        "first administrator",
        "factor.totp",
        "person.invite",
        "operator.token",
        "person.state",
        "audit.export",
      ]),
    );
    await stop();
    const desk = await openEmbeddedDesk({ folder: data });
    const rows = await desk.owner.selectFrom("audit_log").selectAll().orderBy("id").execute();
    let hash = rows[1]?.hash ?? "";
    for (const row of rows.slice(2)) {
      hash = hashOfRow(hash, { ...row, actor: "person:innocent" });
      await desk.owner
        .updateTable("audit_log")
        .set({ actor: "person:innocent", hash })
        .where("id", "=", row.id)
        .execute();
    }
    await desk.close();
    const found = layang("node", "audit", "verify");
    expect([found.status, found.out]).toEqual([1, expect.stringMatching(/is not what it was .* \[AUDIT_BROKEN\]/)]);
  });
});
