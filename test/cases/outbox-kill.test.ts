// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemActor } from "../../src/model/actor.ts";
import { openEmbeddedDesk } from "../../src/store/desk/embedded/index.ts";
import { layDesk } from "../desk/template.ts";
import { openServerDesk } from "../../src/store/desk/server/index.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import { chance } from "../../src/store/flows/batches.conformance.ts";
import { serverPlace } from "../desk/place.ts";
import { organisation } from "./place.ts";

/** 200 with LAYANG_PROVE=1 (`npm run prove`). */
const kills = process.env["LAYANG_PROVE"] === "1" ? 200 : 3;
const seed = Number(process.env["LAYANG_SEED"] ?? Date.now());
const random = chance(seed);
let folder: string;
let smtp: ChildProcess;
let port = "";
const log = (): string => join(folder, "accepted");

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "layang-outbox-"));
  smtp = spawn(process.execPath, [join(import.meta.dirname, "smtp-process.ts"), log()], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [first] = (await once(smtp.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  port = first.toString().trim();
});
afterAll(() => {
  smtp.kill();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Lets a node work until that many letters have begun to go or have gone, and a moment longer; kills it, and answers the numbers it said were
 * done. With `last`, waits until it ends by itself.
 */
const run = (
  where: string,
  first: number,
  how: { readonly moments: number; readonly later: number } | { readonly last: number },
): Promise<number[]> =>
  new Promise((resolve, reject) => {
    const last = "last" in how ? [String(how.last)] : [];
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, "outbox-process.ts"), where, port, String(first), ...last],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    let said = "";
    let complaint = "";
    let moments = 0;
    let timer: NodeJS.Timeout | undefined;
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      for (const byte of chunk) if (byte === 60 || byte === 62) moments++;
      if ("moments" in how && moments >= how.moments) timer ??= setTimeout(() => child.kill("SIGKILL"), how.later);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if ("moments" in how ? signal !== "SIGKILL" : code !== 0) {
        return reject(new Error(`the node ended by itself: ${complaint}`));
      }
      // The last line may be cut.
      resolve(
        said
          .split("\n")
          .slice(0, -1)
          .filter((line) => /^\d+$/.test(line))
          .map(Number),
      );
    });
  });

const proves = async (where: string, open: () => Promise<Desk>, times: number): Promise<void> => {
  const before = readFileSync(log(), { encoding: "utf8", flag: "a+" }).split("\n").length - 1;
  let desk = await open();
  await organisation(desk, "alpha");
  await desk.close();
  const done = new Set<number>();
  let next = 0;
  for (let kill = 0; kill < times; kill++) {
    for (const n of await run(where, next, { moments: 1 + Math.floor(random() * 24), later: random() * 30 }))
      done.add(n);
    // The detector's cursor: it goes on behind what it knows to be done, and may ask again for one that was.
    while (done.has(next)) next++;
  }
  const last = next + 20;
  for (const n of await run(where, next, { last })) done.add(n);
  desk = await open();
  const read = await desk.as(systemActor, async (trx) => ({
    letters: (
      await sql<{
        id: string;
        state: string;
        attempts: number;
      }>`SELECT id, state, attempts FROM outbox WHERE channel = 'mail'`.execute(trx)
    ).rows,
    deliveries: (
      await sql<{
        outbox_id: string;
        ended: number | null;
        outcome: string | null;
        message_id: string;
      }>`SELECT outbox_id, ended, outcome, message_id FROM deliveries ORDER BY id`.execute(trx)
    ).rows,
    alerts: (
      await sql<{
        n: number;
        told: number;
        notified: number;
      }>`SELECT count(*)::int AS n, count(told)::int AS told, count(notified)::int AS notified FROM alerts`.execute(trx)
    ).rows[0],
    noted:
      (await sql<{ n: number }>`SELECT count(*)::int AS n FROM case_events WHERE kind = 'notified'`.execute(trx))
        .rows[0]?.n ?? 0,
  }));
  await desk.close();
  const accepted = readFileSync(log(), "utf8").split("\n").slice(before, -1);
  const times_ = new Map<string, number>();
  for (const id of accepted) times_.set(id, (times_.get(id) ?? 0) + 1);

  // Every detection that was done is an alert with its letter, and no letter is lost.
  expect(done.size).toBe(last);
  expect(read.alerts).toEqual({ n: last, told: last, notified: last });
  expect(read.letters).toHaveLength(last);
  expect(read.letters.filter(({ state }) => state !== "sent")).toEqual([]);
  const attempts = new Map<string, typeof read.deliveries>();
  for (const one of read.deliveries) attempts.set(one.message_id, [...(attempts.get(one.message_id) ?? []), one]);
  expect([...attempts.keys()].filter((id) => !times_.has(id))).toEqual([]);
  expect([...times_.keys()].filter((id) => !attempts.has(id))).toEqual([]);
  // What arrived more often than it was recorded to have arrived has, for each time more, an attempt whose record says so.
  const unrecorded = [...times_].filter(([id, n]) => {
    const own = attempts.get(id) ?? [];
    const open = own.filter(({ ended, outcome }) => ended === null || outcome === "unknown").length;
    return n > own.filter(({ outcome }) => outcome === "accepted").length + open;
  });
  expect(unrecorded).toEqual([]);
  expect(read.noted).toBe(last);
  const twice = [...times_.values()].filter((n) => n > 1).length;
  console.log(
    `${times} kills: ${last} letters, ${accepted.length} accepted, ${twice} of them twice, each with a record that says so`,
  );
};

describe(`an outbox that is killed ${kills} times under load`, () => {
  it(
    "loses no letter and doubles none without a record, in the process (PGlite)",
    { timeout: kills * 30_000 },
    async () => {
      const place = join(folder, "embedded");
      await layDesk(place);
      await proves(place, () => openEmbeddedDesk({ folder: place }), kills);
    },
  );
  it(
    "loses no letter and doubles none without a record, on a server (PostgreSQL)",
    { timeout: kills * 30_000 },
    async () => {
      const place = await serverPlace();
      try {
        await proves(place.url, () => openServerDesk({ url: place.url, password: "layang" }), kills);
      } finally {
        await place.remove();
      }
    },
  );
});
