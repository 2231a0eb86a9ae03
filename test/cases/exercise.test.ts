// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { actOnAlerts } from "../../src/cases/actions.ts";
import { listAlerts } from "../../src/cases/board.ts";
import type { Cases } from "../../src/cases/cases.ts";
import { listCases } from "../../src/cases/list.ts";
import { verifySilence } from "../../src/cases/silence.ts";
import { responseTimes } from "../../src/cases/response.ts";
import { cleanUp, measuredPrecision, precisionOfKind, summaryOf } from "../../src/cases/statistics.ts";
import type { Actor } from "../../src/model/actor.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Detection } from "../../src/model/detection.ts";
import { AppError } from "../../src/platform/errors.ts";
import { listInbox, listLetters } from "../../src/notify/letters.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import type { DeskPlace } from "../../src/store/desk/desk.conformance.ts";
import { answerKinds } from "../../src/store/desk/tables.ts";
import { embeddedPlace } from "../desk/place.ts";
import { day, detection, hour, makeCases, makeOutbox, organisation, owner, smtpSink, start } from "./place.ts";
import type { Sink } from "./place.ts";

const analyst: Actor = { id: "person:ana", roles: ["analyst"], organisations: [], realms: [], sensors: [] };
const member: Actor = { id: "person:m", roles: ["member"], organisations: ["alpha"], realms: [], sensors: [] };
const now = start + 40 * day;
let place: DeskPlace;
let desk: Desk;
let sink: Sink;
let cases: Cases;
/** Everything is heard up to a time, and nothing after. */
const hears =
  (until: number) =>
  (_scope: unknown, subjects: readonly { readonly id: string; readonly from: number }[], at: number) =>
    Promise.resolve(
      new Map(
        subjects.map(({ id, from }) => [
          id,
          { last: Math.max(from, until), visits: 200, exposure: 2 * day, since: at - Math.max(from, until) },
        ]),
      ),
    );
const take = (list: readonly Detection[], at: number) =>
  desk.as(systemActor, (trx) => cases.takeDetections(trx, list, { now: at }));
const drain = async (at: number): Promise<void> => {
  const outbox = makeOutbox(desk, cases, sink.port, () => at);
  await outbox.drain();
  await outbox.close();
};

beforeAll(async () => {
  place = await embeddedPlace();
  desk = await place.open();
  sink = await smtpSink();
  await organisation(desk, "alpha");
  cases = makeCases(desk, [owner("alpha", "198.51.100.0/24")]);
  // What is real: some quiet, some answered, some nobody's.
  await take(
    [
      ...Array.from({ length: 12 }, (_, i) => detection(`198.51.100.${i + 1}`)),
      ...Array.from({ length: 6 }, (_, i) => detection(`203.0.113.${i + 1}`)),
    ],
    start + hour,
  );
  await drain(start + hour + 1_000_000);
  const list = await listAlerts(desk, analyst, { realm: "", exercise: "" }, "rank", { limit: 50 }, start + hour);
  const rows = await desk.as(systemActor, (trx) =>
    sql<{ case_id: string }>`SELECT case_id FROM alerts WHERE case_id IS NOT NULL ORDER BY id`.execute(trx),
  );
  for (const [i, { case_id }] of rows.rows.entries()) {
    if (i < 10)
      await cases.answer(
        systemActor,
        case_id,
        {
          answer: i % 5 !== 0 ? "subscriber-notified" : "false-positive",
          channel: i % 5 !== 0 ? "phone" : null,
          note: null,
          alerts: [],
        },
        start + 3 * hour,
      );
  }
  await verifySilence(desk, hears(start + 5 * hour), start + 3 * day, { atMost: Math.ceil(list.rows.length / 2) });
});
afterAll(async () => {
  await desk.close();
  await place.remove();
  await sink.close();
});

/** What the desk refuses does not happen. */
const refused = (error: unknown): void => {
  if (!(error instanceof AppError && error.code === "REQUEST_INVALID")) throw error;
};

/** Every figure that anybody is shown of what is real. */
const figures = async (): Promise<unknown> => {
  const scope = { realm: "", exercise: "" };
  const all: unknown[] = [];
  for (const by of ["none", "channel", "owner", "family", "country"] as const)
    all.push(await cleanUp(desk, analyst, { by, from: start, to: now, days: 60 }, now));
  for (const by of ["owner", "kind", "month", "country", "sector"] as const)
    all.push(await responseTimes(desk, analyst, { by, from: start, to: now }));
  all.push(await measuredPrecision(desk, analyst, start));
  all.push(await desk.as(systemActor, (trx) => precisionOfKind(trx, "infected-host")));
  for (const actor of [analyst, member]) {
    all.push(await summaryOf(desk, actor, "ana", start));
    all.push(await listAlerts(desk, actor, scope, "rank", { limit: 100 }, now));
    all.push(await listCases(desk, actor, scope, "opened", { limit: 100 }, now));
    all.push(await listInbox(desk, actor, { unread: false, exercise: "" }, { limit: 100 }));
    all.push(await listLetters(desk, actor, { exercise: "" }, { limit: 100 }, now));
  }
  return all;
};

const step = fc.record({
  what: fc.constantFrom("take", "again", "send", "answer", "silence", "release", "close", "withdraw", "suppress"),
  host: fc.integer({ min: 1, max: 12 }),
  answer: fc.constantFrom(...answerKinds),
  kind: fc.constantFrom("infected-host", "scanning-host", "dos-victim" as const),
  held: fc.boolean(),
});

it("leaves no trace of an exercise in any statistic, whatever happens in it", { timeout: 300_000 }, async () => {
  const before = await figures();
  expect(JSON.stringify(before)).toContain('"phone"');
  let exercises = 0;
  let seen = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
      const exercise = `drill-${exercises++}`;
      let at = start + 5 * day;
      const made = new Map<number, Detection>();
      // A drill begins with something.
      for (const [i, { what: drawn, host, answer, kind, held }] of steps.entries()) {
        const what = i === 0 ? "take" : drawn;
        at += 7 * hour;
        // The very addresses that are infected in earnest, too.
        const found: Detection = detection(`198.51.100.${host}`, {
          exercise,
          kind,
          first: at - hour,
          last: at - 1,
          held: held ? ["ttl-spread"] : [],
        });
        const scope = { realm: "", exercise };
        if (what === "take") {
          made.set(host, found);
          await take([found], at);
        } else if (what === "again") await take([{ ...(made.get(host) ?? found), last: at, packets: 99 }], at);
        else if (what === "send") await drain(at);
        else if (what === "silence") await verifySilence(desk, hears(at - 2 * day), at, { closeAfter: day, exercise });
        else if (what === "withdraw")
          await desk.as(systemActor, (trx) =>
            cases.takeDetections(trx, [], { now: at, withdrawn: [...made.values()].map(({ id }) => id) }),
          );
        else {
          const { rows } = await listAlerts(desk, analyst, scope, "rank", { limit: 100 }, at);
          const named = rows.map(({ id, version }) => ({ id, version }));
          if (what === "answer")
            for (const row of rows)
              if (row.case_id !== null)
                // An answer about a host under attack is refused where there is none, and the other way round.
                await cases
                  .answer(
                    member,
                    row.case_id,
                    { answer, channel: answer === "subscriber-notified" ? "sms" : null, note: null, alerts: [] },
                    at,
                  )
                  .catch(refused);
          if (what === "release")
            await actOnAlerts(desk, cases.rules, analyst, named, { action: "release", reason: "drill" }, at);
          if (what === "suppress")
            await actOnAlerts(
              desk,
              cases.rules,
              analyst,
              named,
              { action: "suppress", reason: "drill", until: at + day },
              at,
            );
          if (what === "close")
            await actOnAlerts(desk, cases.rules, analyst, named, { action: "close", outcome: "cleaned" }, at);
        }
      }
      seen += (
        await listAlerts(
          desk,
          analyst,
          { realm: "", exercise, states: ["new", "continuing", "quiet", "closed", "relapsed"] },
          "rank",
          { limit: 100 },
          at,
        )
      ).total;
    }),
    { numRuns: 12 },
  );
  // There was something to be seen.
  expect(seen).toBeGreaterThan(12);
  const tables = await desk.as(systemActor, (trx) =>
    sql<{
      exercise: string;
      n: number;
    }>`SELECT c.exercise, count(*)::int AS n FROM case_events e JOIN cases c ON c.id = e.case_id WHERE c.exercise <> '' GROUP BY 1`.execute(
      trx,
    ),
  );
  expect(tables.rows.length).toBeGreaterThan(3);
  expect(await figures()).toEqual(before);
});

it("does not let a flood of an exercise open the breakers of what is real, nor mail without its mark", async () => {
  const strict = makeCases(desk, [owner("alpha", "198.51.100.0/24")], {
    policy: { ownerBreaker: 3, globalBreaker: 5 },
  });
  const at = start + 60 * day;
  // What the drills above left waiting goes first.
  await drain(at - 1);
  const flood = Array.from({ length: 20 }, (_, i) =>
    detection(`198.51.100.${100 + i}`, { exercise: "flood", first: at - hour, last: at - 1 }),
  );
  expect(await desk.as(systemActor, (trx) => strict.takeDetections(trx, flood, { now: at }))).toMatchObject({
    told: 3,
    held: 17,
  });
  const real = detection("198.51.100.200", { first: at - hour, last: at - 1 });
  expect(await desk.as(systemActor, (trx) => strict.takeDetections(trx, [real], { now: at }))).toMatchObject({
    told: 1,
    held: 0,
  });
  const mails = sink.mails.length;
  await drain(at + 1);
  const fresh = sink.mails.slice(mails);
  expect(fresh.filter(({ parsed }) => parsed.subject?.startsWith("[EXERCISE] ") === true)).toHaveLength(3);
  expect(fresh.filter(({ parsed }) => parsed.subject?.startsWith("[LAYANG-") === true)).toHaveLength(1);
});
