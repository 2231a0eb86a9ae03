// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import { systemActor } from "../../src/model/actor.ts";
import { openEmbeddedDesk } from "../../src/store/desk/embedded/index.ts";
import { layDesk } from "../desk/template.ts";

const kills = process.env["LAYANG_PROVE"] === "1" ? 20 : 1;
const folders: string[] = [];
const newFolder = async (): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), "layang-kill-"));
  folders.push(folder);
  await layDesk(join(folder, "desk"));
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Runs the node over `folder`; killed so many milliseconds after its first claim, or never. Resolves to whether it was, and to what it said. */
const run = async (folder: string, after: number | null): Promise<{ killed: boolean; said: string }> => {
  const child = spawn(process.execPath, [join(import.meta.dirname, "killed-node.ts"), folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  const exit = once(child, "exit");
  if (after !== null) {
    while (!said.includes("claims") && child.exitCode === null) await sleep(20);
    await sleep(after);
    child.kill("SIGKILL");
  }
  const [code, signal] = (await exit) as [number | null, string | null];
  if (signal !== "SIGKILL" && code !== 0) throw new Error(`the node ended with ${code}: ${said}`);
  return { killed: signal === "SIGKILL", said };
};

/** Standing claims, and the letters that were written; opened in this process once the node is gone. */
const outcome = async (folder: string): Promise<{ claims: unknown[]; letters: string[] }> => {
  const desk = await openEmbeddedDesk({ folder: join(folder, "desk") });
  try {
    return await desk.as(systemActor, async (trx) => {
      const claims = await trx
        .selectFrom("detections")
        .selectAll()
        .where("withdrawn", "=", false)
        .orderBy("id")
        .execute();
      const letters = await trx.selectFrom("outbox").select("id").orderBy("id").execute();
      return { claims: claims.map(({ revision: _, ...claim }) => claim), letters: letters.map(({ id }) => id) };
    });
  } finally {
    await desk.close();
  }
};

it(`loses no claim and doubles none over ${kills} kill -9`, { timeout: 60_000 + kills * 120_000 }, async () => {
  const plain = await newFolder();
  expect((await run(plain, null)).said).toContain("done");
  const expected = await outcome(plain);
  expect(expected.claims.filter((claim) => (claim as { kind: string }).kind !== "sighting").length).toBe(24);

  let killed = await newFolder();
  /** Brings what was killed to its end, and compares. */
  const compare = async (): Promise<void> => {
    expect((await run(killed, null)).said).toContain("done");
    const found = await outcome(killed);
    expect(found.claims).toEqual(expected.claims);
    // A letter for every claim that was ever made, and `take` would have failed on a second.
    const ids = new Set(found.letters);
    expect(ids.size).toBe(found.letters.length);
    for (const claim of found.claims) expect(ids.has(`letter-${(claim as { id: string }).id}`)).toBe(true);
  };
  for (let hits = 0, tries = 0; hits < kills; tries++) {
    const one = await run(killed, (tries * 733) % 2_000);
    if (one.killed) {
      hits++;
      continue;
    }
    // After some kills everything is told, and nothing is left to kill: another node.
    await compare();
    killed = await newFolder();
  }
  await compare();
});
