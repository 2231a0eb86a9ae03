// SPDX-License-Identifier: Apache-2.0
// The demo, whole: a small simulated region with a past, real sensor processes, its mailbox, and a visitor who answers a letter.
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { sql } from "kysely";
import { simpleParser } from "mailparser";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runDemo } from "../src/app/demo.ts";
import type { Demo, DemoOptions } from "../src/app/demo.ts";
import { responseTimes } from "../src/cases/response.ts";
import { cleanUp } from "../src/cases/statistics.ts";
import { systemActor } from "../src/model/actor.ts";
import { createLog } from "../src/platform/log.ts";

const engine = ((): string => {
  try {
    createRequire(import.meta.url).resolve("chdb");
    return "";
  } catch {
    return " (skipped: no embedded engine: npm ci)";
  }
})();
const HOUR = 3_600e6;
const DAY = 24 * HOUR;

const scenario = `
name: small
intensity: 0.0002
sensors:
  - { name: sim-one, country: ID, dark: [192.0.2.0/24] }
  - { name: sim-two, country: JP, dark: [198.51.100.0/24] }
organisations:
  - { group: access-id, kind: access, country: ID, count: 1, prefixes: 1, length: 18 }
  - { group: campus-id, kind: campus, country: ID, count: 1, prefixes: 1, length: 21 }
  - { group: hosting-id, kind: hosting, country: ID, count: 1, prefixes: 1, length: 22 }
cast:
  # Over before the present begins.
  - { role: infected, name: mirai, in: [access-id, campus-id], hosts: 16, tool: mirai, aims: ["23"], packets: [200, 400], startHours: [-24, -12], hours: [2, 6] }
  # At it when the present begins, and for hours after.
  - { role: infected, name: loud, in: [access-id], hosts: 2, tool: mirai, aims: ["23*10 2323*1"], packets: [40000, 50000], startHours: [-0.2, -0.1], hours: [8, 9] }
outbreaks:
  - { family: kite, protocol: tcp, port: 5666, startHours: -7, first: 40, hosts: 9000, doublingMinutes: 34, rate: 180, mirai: false }
attacks:
  - { kind: syn, in: hosting-id, port: 443, startHours: 0, minutes: 60, answered: 20000000 }
`;

describe.skipIf(engine !== "")(`the demo's past and its present${engine}`, { timeout: 600_000 }, () => {
  const home = mkdtempSync(join(tmpdir(), "layang-demo-past-"));
  let demo: Demo;
  let settings: DemoOptions;
  let began = 0;
  /** What the desk holds, as the system sees it. */
  const rows = async <T>(query: ReturnType<typeof sql<T>>): Promise<T[]> =>
    (await demo.node.desk.desk.as(systemActor, (trx) => query.execute(trx))).rows;
  const letters = (): string[] =>
    readdirSync(demo.mailbox)
      .filter((name) => name.endsWith(".eml"))
      .toSorted();

  beforeAll(async () => {
    const file = join(home, "small.yaml");
    writeFileSync(file, scenario);
    began = Date.now() * 1000;
    settings = {
      data: join(home, "demo"),
      port: 0,
      scenario: file,
      log: createLog("silent"),
      past: 1.5 * DAY,
      // A test waits even less than a visitor.
      silence: { stretch: 10e6, atLeast: 20e6, needed: 0.001 },
    };
    demo = await runDemo(settings);
    await demo.history;
  }, 480_000);
  afterAll(async () => {
    await demo?.close();
    rmSync(home, { recursive: true, force: true });
  }, 60_000);

  it("judged the past by the past's clock, and its letters lie in the mailbox under their own times", async () => {
    const alerts = await rows<{
      detected: number;
      first: number;
      notified: number | null;
      last: number;
      state: string;
    }>(
      sql`SELECT detected, first, notified, last, state FROM alerts WHERE kind = 'infected-host' AND first < ${began - 11 * HOUR}`,
    );
    expect(alerts.length).toBeGreaterThanOrEqual(14);
    // Its time was over hours ago, and the darknet was asked.
    const isAsItWas = ({ detected, first, notified, last, state }: (typeof alerts)[number]): boolean =>
      detected > first &&
      detected <= first + 2 * HOUR &&
      notified !== null &&
      notified < began &&
      last < began - 5 * HOUR &&
      state === "quiet";
    expect(
      alerts.filter((one) => !isAsItWas(one)),
      `the present began at ${began}`,
    ).toEqual([]);
    const past = letters().filter(
      (name) => Date.parse(name.replace(/T(\d\d)-(\d\d)-(\d\d)-(\d{3})Z.*/, "T$1:$2:$3.$4Z")) * 1000 < began,
    );
    expect(past.length).toBeGreaterThanOrEqual(14);
    const mail = await simpleParser(readFileSync(join(demo.mailbox, past[0]!)));
    // Beside it, what a reader sees.
    const beside = readFileSync(join(demo.mailbox, past[0]!.replace(/eml$/, "txt")), "utf8");
    expect(beside).toContain(mail.subject);
    expect(beside).toContain(mail.text!.trim());
    expect(mail.date!.getTime() * 1000).toBeLessThan(began - 11 * HOUR);
    // In its owner's language: English, or the economy's own.
    expect(mail.subject).toMatch(/SIMULATED|SIMULASI/);
  });

  it("has owners who answered in time, whom silence confirmed, and a clean-up curve that fell", async () => {
    const answers = await rows<{ state: string; at: number; n: number }>(
      sql`SELECT state, min(at) AS at, count(*)::int AS n FROM answers GROUP BY state ORDER BY state`,
    );
    expect(answers.find(({ state }) => state === "confirmed")?.n).toBeGreaterThanOrEqual(4);
    expect(answers.every(({ at }) => at < began)).toBe(true);
    const now = Date.now() * 1000;
    const { all } = await cleanUp(
      demo.node.desk.desk,
      systemActor,
      { by: "none", from: now - 30 * DAY, to: now, days: 30 },
      now,
    );
    expect(all.n - all.censored).toBeGreaterThanOrEqual(14);
    expect(all.medianDays).toBeGreaterThan(0);
    expect(all.medianDays).toBeLessThan(0.5);
    // Some acted before the machine was clean: from then to its last packet is a length that can be told.
    const times = await responseTimes(demo.node.desk.desk, systemActor, { by: "owner", from: now - 30 * DAY, to: now });
    expect(times.all.actedQuiet.n).toBeGreaterThanOrEqual(3);
    expect(times.all.actedQuiet.median).toBeLessThan(8 * 3_600);
  });

  it("warned of the outbreak, with a forecast that was made when it could not be known", async () => {
    const [warning] = await rows<{
      port: number;
      first: number;
      evidence: { forecasts: { made: number; came: unknown }[] };
    }>(sql`SELECT port, first, evidence FROM detections WHERE kind = 'outbreak' AND NOT withdrawn`);
    expect(warning?.port).toBe(5666);
    expect(warning?.evidence.forecasts.some(({ made }) => made < began)).toBe(true);
  });

  it("tells the owner of a host under attack, and a visitor's click ends in silence that the darknet confirms", async () => {
    await expect
      .poll(
        () =>
          rows<{ n: number }>(
            sql`SELECT count(*)::int AS n FROM alerts WHERE kind = 'dos-victim' AND notified >= ${began}`,
          ),
        {
          timeout: 150_000,
          interval: 1_000,
        },
      )
      .toEqual([{ n: 1 }]);
    await expect
      .poll(
        () =>
          rows<{ n: number }>(
            sql`SELECT count(*)::int AS n FROM alerts WHERE kind = 'infected-host' AND notified IS NOT NULL AND last > ${began}`,
          ),
        { timeout: 60_000, interval: 1_000 },
      )
      .toEqual([{ n: 2 }]);
    const [bot] = await rows<{ id: string; source: string; case: string }>(
      sql`SELECT id, host(source) AS source, case_id AS case FROM alerts WHERE kind = 'infected-host' AND last > ${began} ORDER BY id LIMIT 1`,
    );
    // The letter as it lies there: in English, with an address of this node that needs no account.
    const found = await Promise.all(letters().map((name) => simpleParser(readFileSync(join(demo.mailbox, name)))));
    const mail = found.find(({ text }) => text?.includes(`: ${bot!.source}\n`));
    expect(mail?.text).toContain("Address");
    const link = /http:\/\/\S+\/help#(\S+)/.exec(mail?.text ?? "");
    expect(new URL(link![0]).origin).toBe(new URL(demo.node.portal).origin);
    for (const name of ["127.0.0.1", "localhost"]) {
      const { port } = new URL(demo.node.portal);
      const page = await fetch(`http://${name}:${port}/api/v1/desk/help`, {
        headers: { authorization: `Link ${link![1]}` },
      });
      expect(page.status).toBe(200);
    }
    const answered = await fetch(`${new URL(link![0]).origin}/api/v1/desk/help/answer`, {
      method: "POST",
      headers: {
        authorization: `Link ${link![1]}`,
        "content-type": "application/json",
        origin: new URL(link![0]).origin,
      },
      body: JSON.stringify({ answer: "cleaned" }),
    });
    expect(answered.status).toBe(200);
    await expect
      .poll(() => rows<{ state: string }>(sql`SELECT state FROM alerts WHERE id = ${bot!.id}`), {
        timeout: 300_000,
        interval: 1_000,
      })
      .toEqual([{ state: "quiet" }]);
    await expect
      .poll(() => rows<{ state: string }>(sql`SELECT state FROM answers WHERE case_id = ${bot!.case}`), {
        timeout: 30_000,
        interval: 1_000,
      })
      .toEqual([{ state: "confirmed" }]);
    // Stopped and started again, the region is the one that the visitor left: not one packet comes from a machine that was cleaned.
    await demo.close();
    const again = Date.now() * 1000;
    demo = await runDemo(settings);
    await demo.history;
    await expect
      .poll(
        () =>
          rows<{ n: number }>(
            sql`SELECT count(*)::int AS n FROM alerts WHERE kind = 'infected-host' AND last > ${again} AND id <> ${bot!.id}`,
          ),
        { timeout: 60_000, interval: 1_000 },
      )
      .toEqual([{ n: 1 }]);
    await setTimeout(15_000);
    expect(await rows(sql`SELECT state, relapses FROM alerts WHERE id = ${bot!.id}`)).toEqual([
      { state: "quiet", relapses: 0 },
    ]);
    // The other machine, which nobody cleaned, goes on.
    const others = await rows<{ state: string }>(
      sql`SELECT state FROM alerts WHERE kind = 'infected-host' AND last > ${began} AND id <> ${bot!.id}`,
    );
    expect(others.map(({ state }) => state)).not.toContain("quiet");
  });
});
