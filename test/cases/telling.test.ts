// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultPreferences } from "../../src/alert/delivery.ts";
import type { AlertActionOf } from "../../src/cases/actions.ts";
import { actOnAlerts } from "../../src/cases/actions.ts";
import type { Cases } from "../../src/cases/cases.ts";
import { actOnCase } from "../../src/cases/page.ts";
import { summaryOf } from "../../src/cases/statistics.ts";
import { verifySilence } from "../../src/cases/silence.ts";
import type { Actor } from "../../src/model/actor.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Detection } from "../../src/model/detection.ts";
import {
  actOnLetter,
  listInbox,
  listLetters,
  loadLetter,
  markRead,
  standingOfLetters,
} from "../../src/notify/letters.ts";
import { backoff, createOutbox, leaseFor } from "../../src/notify/outbox.ts";
import type { OutboxOptions } from "../../src/notify/outbox.ts";
import { makeSigningKey, openPgp } from "../../src/notify/pgp.ts";
import { messageIdOf } from "../../src/notify/post.ts";
import { savePreferences } from "../../src/notify/preferences.ts";
import type { Sent } from "../../src/notify/smtp.ts";
import { doStep } from "../../src/store/desk/steps.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import type { DeskPlace } from "../../src/store/desk/desk.conformance.ts";
import { embeddedPlace } from "../desk/place.ts";
import { day, detection, hour, makeCases, makeOutbox, organisation, owner, smtpSink, start } from "./place.ts";
import type { Sink } from "./place.ts";

const analyst: Actor = { id: "person:ana", roles: ["analyst"], organisations: [], realms: [], sensors: [] };
let place: DeskPlace;
let desk: Desk;
let sink: Sink;
beforeAll(async () => {
  place = await embeddedPlace();
  desk = await place.open();
  sink = await smtpSink();
});
afterAll(async () => {
  await desk.close();
  await place.remove();
  await sink.close();
});

const take = (cases: Cases, list: readonly Detection[], now: number, withdrawn: readonly string[] = []) =>
  desk.as(systemActor, (trx) => cases.takeDetections(trx, list, { now, withdrawn }));
const rowsOf = async <R>(text: ReturnType<typeof sql<R>>): Promise<R[]> =>
  (await desk.as(systemActor, (trx) => text.execute(trx))).rows;
/** The one case of an organisation. */
const cased = async (organisation: string): Promise<{ id: string; number: number }> => {
  const [found] = await rowsOf(
    sql<{ id: string; number: number }>`SELECT id, number FROM cases WHERE organisation_id = ${organisation}`,
  );
  return { id: found?.id ?? "", number: Number(found?.number) };
};
/** What is sent at a moment: subjects of mails. */
const drain = async (cases: Cases, now: number): Promise<readonly (string | undefined)[]> => {
  const before = sink.mails.length;
  const outbox = makeOutbox(desk, cases, sink.port, () => now);
  await outbox.drain();
  await outbox.close();
  return sink.mails.slice(before).map(({ parsed }) => parsed.subject);
};
const alertsOf = (id: string) =>
  rowsOf(
    sql<{
      id: string;
      version: number;
      subject: string;
      state: string;
      closing: string | null;
      relapses: number;
      case_id: string;
    }>`SELECT id, version, subject, state, closing, relapses, case_id FROM alerts WHERE organisation_id = ${id} ORDER BY subject, detected, id`,
  );
const mailsOf = (id: string) =>
  rowsOf(
    sql<{
      id: string;
      form: string;
      state: string;
      recipient: string;
      items: number;
    }>`SELECT id, form, state, recipient, jsonb_array_length(payload->'items') AS items FROM outbox WHERE organisation_id = ${id} AND channel = 'mail' ORDER BY created, id`,
  );
const act = async (cases: Cases, id: string, action: AlertActionOf, now: number) => {
  const done = await actOnAlerts(desk, cases.rules, analyst, await alertsOf(id), action, now);
  expect(done.refused).toEqual([]);
};
const prefer = (id: string, how: "immediate" | "digest" | "inbox" | "never", now = start) =>
  savePreferences(desk, analyst, id, { ...defaultPreferences, rules: [{ kind: null, severity: "low", how }] }, [], now);
/** A sender whose attempts end as they are told to. */
const sender = (now: () => number, deliver: OutboxOptions["deliver"]) =>
  createOutbox({ desk, now, deliver, messageIdOf: messageIdOf("node.example") });

describe("a letter that waits for its look", () => {
  const member: Actor = { id: "person:mia", roles: ["member"], organisations: ["looked"], realms: [], sensors: [] };
  const inbox = () => listInbox(desk, member, { unread: false, exercise: "" }, { limit: 10 });

  it("is not read in the portal before, and no second one is written beside it", async () => {
    await organisation(desk, "looked");
    const cases = makeCases(desk, [owner("looked", "198.51.60.0/24")], { policy: { previewFirst: true } });
    await take(cases, [detection("198.51.60.1")], start);
    const [held] = await mailsOf("looked");
    const { number } = await cased("looked");
    expect(held?.state).toBe("held");
    expect(await inbox()).toMatchObject({ total: 0, unread: 0, rows: [] });
    expect((await summaryOf(desk, member, "mia", start)).inbox).toBe(0);
    await expect(loadLetter(desk, member, held?.id ?? "")).rejects.toMatchObject({ code: "NOT_FOUND" });
    const lines = await rowsOf(
      sql<{ id: string }>`SELECT id FROM outbox WHERE organisation_id = 'looked' AND channel = 'inbox'`,
    );
    await expect(markRead(desk, member, [lines[0]?.id ?? ""], true, start + 1)).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await expect(actOnCase(desk, cases.rules, analyst, number, { action: "notify" }, start + 1)).rejects.toMatchObject({
      code: "REQUEST_INVALID",
      message: expect.stringContaining("waits to be looked at"),
    });
    expect(await mailsOf("looked")).toHaveLength(1);
    await actOnLetter(desk, analyst, held?.id ?? "", "release", null, start + 2);
    expect(await inbox()).toMatchObject({ total: 1, unread: 1 });
    expect(await drain(cases, start + 2)).toHaveLength(1);
    expect(await inbox()).toMatchObject({ total: 1 });
  });

  it("takes its line of the inbox with it when it is discarded", async () => {
    await organisation(desk, "dropped");
    const cases = makeCases(desk, [owner("dropped", "198.51.61.0/24")], { policy: { previewFirst: true } });
    await take(cases, [detection("198.51.61.1")], start);
    await take(cases, [detection("198.51.61.2")], start + 1);
    const [first, second] = await mailsOf("dropped");
    await actOnLetter(desk, analyst, first?.id ?? "", "discard", "a test", start + 2);
    await actOnLetter(desk, analyst, second?.id ?? "", "release", null, start + 3);
    const { rows } = await listInbox(
      desk,
      { ...member, organisations: ["dropped"] },
      { unread: false, exercise: "" },
      { limit: 10 },
    );
    expect(rows.map(({ payload }) => payload.items.map(({ source }) => source))).toEqual([["198.51.61.2"]]);
  });
});

describe("an owner who is told by hand", () => {
  it("gets the letter that waits, now, and no second one; the timeline names who said so", async () => {
    await organisation(desk, "hurried");
    const cases = makeCases(desk, [owner("hurried", "198.51.62.0/24")]);
    await take(cases, [detection("198.51.62.1")], start);
    await sender(
      () => start,
      () => Promise.resolve({ outcome: "deferred", answer: "451 later" }),
    ).drain();
    const { number, id } = await cased("hurried");
    const notify = (at: number) => actOnCase(desk, cases.rules, analyst, number, { action: "notify" }, at);
    const said = () =>
      rowsOf(sql`SELECT kind, actor FROM case_events WHERE case_id = ${id} AND actor <> 'system' ORDER BY id`);
    await notify(start + 1);
    expect(await mailsOf("hurried")).toHaveLength(1);
    expect(await drain(cases, start + 1)).toHaveLength(1);
    expect(await said()).toEqual([{ kind: "letter", actor: "person:ana" }]);
    await notify(start + hour);
    expect(await mailsOf("hurried")).toHaveLength(2);
    expect(await drain(cases, start + hour)).toContainEqual(expect.stringContaining("198.51.62.1"));
    expect(await said()).toEqual([
      { kind: "letter", actor: "person:ana" },
      { kind: "letter", actor: "person:ana" },
    ]);
  });
});

it("tells of the packets that were counted and no later moment, however far silence was asked meanwhile", async () => {
  await organisation(desk, "figures");
  const cases = makeCases(desk, [owner("figures", "198.51.65.0/24")]);
  const found = detection("198.51.65.1", { packets: 6, darkAddresses: 6, last: start + 5_000_000 });
  await take(cases, [found], start + 6_000_000);
  await drain(cases, start + 6_000_000);
  const seen = { last: start + 50_000_000, visits: 3, exposure: 3, since: start };
  await verifySilence(
    desk,
    (_scope, subjects) =>
      Promise.resolve(new Map(subjects.filter(({ subject }) => subject === "198.51.65.1").map(({ id }) => [id, seen]))),
    start + 60_000_000,
  );
  const [alert] = await rowsOf(sql<{ last: number }>`SELECT last FROM alerts WHERE organisation_id = 'figures'`);
  expect(alert?.last).toBe(seen.last);
  await actOnCase(
    desk,
    cases.rules,
    analyst,
    (await cased("figures")).number,
    { action: "notify" },
    start + 61_000_000,
  );
  const items = await rowsOf(
    sql<{
      packets: number;
      last: number;
    }>`SELECT (i->>'packets')::int AS packets, (i->>'last')::bigint AS last FROM outbox CROSS JOIN LATERAL jsonb_array_elements(payload->'items') AS i
WHERE organisation_id = 'figures' AND channel = 'mail' ORDER BY created`,
  );
  expect(items).toEqual([
    { packets: 6, last: found.last },
    { packets: 6, last: found.last },
  ]);
  await drain(cases, start + 61_000_000);
});

describe("a mail server that is away", () => {
  it("is told of once, and what waits for it is due at once when it is back", async () => {
    await organisation(desk, "outage");
    await organisation(desk, "patient");
    const cases = makeCases(desk, [owner("outage", "198.51.63.0/24"), owner("patient", "198.51.64.0/24")]);
    await take(cases, [detection("198.51.63.1"), detection("198.51.63.2"), detection("198.51.64.1")], start);
    const heard: (string | null)[] = [];
    let now = start;
    let answer: Sent = { outcome: "deferred", answer: "connect ECONNREFUSED", server: true };
    const outbox = createOutbox({
      desk,
      now: () => now,
      // What the tests before left is nobody's concern here.
      deliver: ({ organisation_id }) =>
        Promise.resolve(
          organisation_id === "outage" || organisation_id === "patient" ? answer : { outcome: "refused", answer: "no" },
        ),
      messageIdOf: messageIdOf("node.example"),
      onServer: (away) => heard.push(away),
      parallel: 1,
    });
    await outbox.drain();
    heard.length = 0;
    // For hours.
    for (let tries = 1; tries < 5; tries++) {
      now += backoff(tries);
      await outbox.drain();
    }
    expect(heard).toEqual([]);
    const facts = async () =>
      (await listLetters(desk, analyst, { exercise: "", organisation: "outage" }, { limit: 10 }, now)).facts;
    expect(await facts()).toMatchObject({ waiting: 2, late: 2 });
    expect((await summaryOf(desk, analyst, "ana", now)).outbox.late).toBeGreaterThanOrEqual(3);
    expect((await standingOfLetters(desk, systemActor)).tried).toBe(start);
    // One of them is sent by hand; the server is back.
    answer = { outcome: "accepted", answer: "250 yes" };
    const [one] = await mailsOf("outage");
    await actOnLetter(desk, analyst, one?.id ?? "", "retry", null, now);
    expect(await outbox.drain()).toBe(3);
    expect(heard).toEqual([null]);
    expect(await facts()).toMatchObject({ sent: 2, waiting: 0, late: 0 });
    expect(await mailsOf("patient")).toMatchObject([{ state: "sent" }]);
    // What a server says of one letter is no news of the server.
    await take(cases, [detection("198.51.63.3"), detection("198.51.63.4")], now);
    answer = { outcome: "deferred", answer: "450 4.2.0 greylisted" };
    await outbox.drain();
    expect(heard).toEqual([null]);
    answer = { outcome: "deferred", answer: "connect ECONNREFUSED", server: true };
    now += backoff(1);
    await outbox.drain();
    expect(heard).toEqual([null, "connect ECONNREFUSED"]);
    await outbox.stop();
  });
});

describe("a letter and two senders", () => {
  it("stays sent when an attempt that outlived its lease ends badly after another was accepted", async () => {
    await organisation(desk, "twice");
    const cases = makeCases(desk, [owner("twice", "198.51.30.0/24")]);
    const now = start;
    await take(cases, [detection("198.51.30.1")], now);
    const slow = Promise.withResolvers<Sent>();
    const begun = Promise.withResolvers<void>();
    const first = sender(
      () => now,
      () => {
        begun.resolve();
        return slow.promise;
      },
    );
    const ended = first.drain();
    await begun.promise;
    await sender(
      () => now + leaseFor + 1,
      () => Promise.resolve({ outcome: "accepted", answer: "250 yes" }),
    ).drain();
    expect(await mailsOf("twice")).toMatchObject([{ state: "sent" }]);
    slow.resolve({ outcome: "deferred", answer: "451 later" });
    await ended;
    await first.stop();
    expect(await mailsOf("twice")).toMatchObject([{ state: "sent" }]);
    // Both attempts are on record.
    expect(
      await rowsOf(
        sql`SELECT attempt, outcome FROM deliveries d JOIN outbox b ON b.id = d.outbox_id WHERE b.organisation_id = 'twice' ORDER BY attempt`,
      ),
    ).toEqual([
      { attempt: 1, outcome: "deferred" },
      { attempt: 2, outcome: "accepted" },
    ]);
  });

  it("stays dead when it came back before the server's yes was written down", async () => {
    await organisation(desk, "quick");
    const cases = makeCases(desk, [owner("quick", "198.51.31.0/24")]);
    await take(cases, [detection("198.51.31.1")], start);
    await sender(
      () => start,
      async ({ id }) => {
        await rowsOf(sql`UPDATE outbox SET state = 'dead', error = 'came back: 5.1.1' WHERE id = ${id}`);
        return { outcome: "accepted", answer: "250 yes" };
      },
    ).drain();
    expect(await mailsOf("quick")).toMatchObject([{ state: "dead" }]);
  });
});

describe("what was taken back", () => {
  it("does not leave after its correction, when the attempt that was on its way failed", async () => {
    await organisation(desk, "crossed");
    const cases = makeCases(desk, [owner("crossed", "198.51.32.0/24")]);
    const found = detection("198.51.32.1");
    await take(cases, [found], start);
    await sender(
      () => start,
      async () => {
        await take(cases, [], start + 1, [found.id]);
        return { outcome: "deferred", answer: "451 later" };
      },
    ).drain();
    expect(await drain(cases, start + 2)).toEqual([expect.stringContaining("Correction")]);
    expect(await drain(cases, start + backoff(1) + hour)).toEqual([]);
    const letter = (await mailsOf("crossed")).find(({ form }) => form === "notice");
    expect(letter).toMatchObject({ state: "dead", items: 0 });
    // Nor by hand: nothing is left to say.
    await expect(actOnLetter(desk, analyst, letter?.id ?? "", "retry", null, start + day)).rejects.toMatchObject({
      code: "CHANGED",
    });
  });

  it("is told again when it is claimed again after all", async () => {
    await organisation(desk, "again");
    const cases = makeCases(desk, [owner("again", "198.51.33.0/24")]);
    const found = detection("198.51.33.1");
    await take(cases, [found], start + hour);
    await drain(cases, start + hour);
    await take(cases, [], start + 2 * hour, [found.id]);
    expect(await drain(cases, start + 2 * hour)).toEqual([expect.stringContaining("Correction")]);
    await take(cases, [found], start + 3 * hour);
    expect(await alertsOf("again")).toMatchObject([{ state: "continuing", closing: null, relapses: 0 }]);
    expect(await drain(cases, start + 3 * hour)).toEqual([expect.stringMatching(/\] Infected host 198\.51\.33\.1/)]);
  });

  it("is corrected by mail to those alone who get mails", async () => {
    for (const how of ["inbox", "never"] as const) {
      const id = `told-${how}`;
      await organisation(desk, id);
      await prefer(id, how);
      const cases = makeCases(desk, [owner(id, "198.51.34.0/24")]);
      const found = detection("198.51.34.1");
      await take(cases, [found], start);
      await take(cases, [], start + 1, [found.id]);
      expect(await mailsOf(id)).toEqual([]);
      const inbox = await rowsOf(
        sql<{
          form: string;
        }>`SELECT form FROM outbox WHERE organisation_id = ${id} AND channel = 'inbox' ORDER BY created`,
      );
      expect(inbox.map(({ form }) => form)).toEqual(how === "inbox" ? ["notice", "correction"] : []);
    }
  });

  it("does not leave when an analyst closes it before: a held letter, and a finding of a digest", async () => {
    await organisation(desk, "judged");
    const cases = makeCases(desk, [owner("judged", "198.51.35.0/24")], { policy: { previewFirst: true } });
    await take(cases, [detection("198.51.35.1")], start);
    await act(cases, "judged", { action: "close", outcome: "false-positive", reason: "a resolver" }, start + 1);
    await take(cases, [detection("198.51.35.2")], start + 2);
    const held = (await mailsOf("judged")).find(({ state }) => state === "held");
    await actOnLetter(desk, analyst, held?.id ?? "", "release", null, start + 3);
    expect(await drain(cases, start + 3)).toEqual([expect.stringContaining("198.51.35.2")]);
  });

  it("does not leave while it is suppressed, and is told when that is over", async () => {
    await organisation(desk, "hushed");
    await prefer("hushed", "digest");
    const cases = makeCases(desk, [owner("hushed", "198.51.36.0/24")]);
    const found = detection("198.51.36.1");
    await take(cases, [found], start);
    await act(cases, "hushed", { action: "suppress", reason: "known test", until: start + 3 * day }, start + 1);
    expect(await drain(cases, start + 2 * day)).toEqual([]);
    await prefer("hushed", "immediate", start + 2 * day);
    await take(cases, [{ ...found, last: start + 2 * day, packets: 80 }], start + 2 * day);
    expect(await drain(cases, start + 2 * day)).toEqual([]);
    await take(cases, [{ ...found, last: start + 4 * day, packets: 90 }], start + 4 * day);
    expect(await drain(cases, start + 4 * day)).toEqual([expect.stringMatching(/\] Infected host 198\.51\.36\.1/)]);
  });
});

it("opens another alert where one was another's, and leaves the one that ended as it is", async () => {
  await organisation(desk, "lessor");
  const cases = makeCases(desk, [owner("lessor", "198.51.37.0/24")]);
  const found = detection("198.51.37.1");
  await take(cases, [found], start);
  for (const round of [1, 2]) {
    const open = (await alertsOf("lessor")).filter(({ state }) => state !== "closed");
    await actOnAlerts(desk, cases.rules, analyst, open, { action: "close", outcome: "not-ours" }, start + round * hour);
    // The claim goes on under its one id.
    await take(cases, [{ ...found, last: start + round * hour + 1, packets: 40 + round }], start + round * hour + 2);
    await take(cases, [{ ...found, last: start + round * hour + 3, packets: 50 + round }], start + round * hour + 4);
    const all = await alertsOf("lessor");
    expect(all.map(({ closing }) => closing)).toEqual([...Array.from({ length: round }, () => "not-ours"), null]);
    expect(new Set(all.map(({ case_id }) => case_id)).size).toBe(round + 1);
  }
});

it("opens one of the closed alerts of one subject again, and does what else the request names", async () => {
  await organisation(desk, "reopened");
  const cases = makeCases(desk, [owner("reopened", "198.51.43.0/24")]);
  const end = async (now: number) =>
    actOnAlerts(
      desk,
      cases.rules,
      analyst,
      (await alertsOf("reopened")).filter(({ state }) => state !== "closed"),
      { action: "close", outcome: "not-ours" },
      now,
    );
  const found = [detection("198.51.43.1"), detection("198.51.43.2")] as const;
  await take(cases, found, start);
  await end(start + hour);
  await take(cases, [{ ...found[0], last: start + hour + 1, packets: 80 }], start + hour + 2);
  await end(start + 2 * hour);
  const reopen = async () =>
    actOnAlerts(
      desk,
      cases.rules,
      analyst,
      (await alertsOf("reopened")).filter(({ state }) => state === "closed"),
      { action: "reopen", reason: "a mistake" },
      start + 3 * hour,
    );
  const twin = { code: "CHANGED", detail: "there is another open alert about 198.51.43.1" };
  expect(await reopen()).toMatchObject({ done: 2, refused: [twin] });
  const open = (await alertsOf("reopened")).filter(({ state }) => state !== "closed");
  expect(open.map(({ subject }) => subject)).toEqual(["198.51.43.1", "198.51.43.2"]);
  // One after the other, the answer is the same.
  expect(await reopen()).toMatchObject({ done: 0, refused: [twin] });
});

it("writes to one mailbox once, however many people of a role stand behind it", async () => {
  await organisation(desk, "shared");
  await rowsOf(
    sql`INSERT INTO contacts (organisation_id, role, mail, language, state, valid_from) VALUES ('shared', 'abuse', 'Abuse@Shared.example', 'en', 'active', ${start + 1}), ('shared', 'abuse', 'night@shared.example', 'en', 'active', ${start + 1})`,
  );
  const cases = makeCases(desk, [owner("shared", "198.51.38.0/24")]);
  await take(cases, [detection("198.51.38.1")], start + 2);
  expect((await mailsOf("shared")).map(({ recipient }) => recipient).toSorted()).toEqual([
    "abuse@shared.example",
    "night@shared.example",
  ]);
});

it("lets no real letter go when a drill's is released", async () => {
  await organisation(desk, "drilled");
  const cases = makeCases(desk, [owner("drilled", "198.51.39.0/24")], { policy: { previewFirst: true } });
  await take(cases, [detection("198.51.39.1"), detection("198.51.39.2", { exercise: "drill" })], start);
  const drill = await rowsOf(
    sql<{
      id: string;
    }>`SELECT id FROM outbox WHERE organisation_id = 'drilled' AND state = 'held' AND exercise = 'drill'`,
  );
  await actOnLetter(desk, analyst, drill[0]?.id ?? "", "release", null, start);
  expect(await drain(cases, start)).toEqual([expect.stringContaining("198.51.39.2")]);
  await take(cases, [detection("198.51.39.3")], start + 1);
  expect(await drain(cases, start + 1)).toEqual([]);
});

it("lets a held letter go by its recipient's hours, whenever somebody looks at it", async () => {
  await organisation(desk, "asleep");
  const cases = makeCases(desk, [owner("asleep", "198.51.46.0/24", { essential: true })], {
    policy: { previewFirst: true },
  });
  await savePreferences(
    desk,
    analyst,
    "asleep",
    { ...defaultPreferences, timeZone: "Asia/Jakarta", quiet: { from: 18, to: 7 }, holidays: "ID" },
    ["ID"],
    start,
  );
  const noon = Date.parse("2026-08-14T05:00:00Z") * 1000;
  const low = detection("198.51.46.1", { kind: "scanning-host", family: null });
  await take(cases, [low, detection("198.51.46.2")], noon);
  const [letter] = await mailsOf("asleep");
  // Friday evening, and Monday is Independence Day.
  await actOnLetter(desk, analyst, letter?.id ?? "", "release", null, noon + 8 * hour);
  const due = await rowsOf(
    sql<{
      severity: string;
      due: number;
    }>`SELECT payload->'items'->0->>'severity' AS severity, due FROM outbox WHERE organisation_id = 'asleep' AND channel = 'mail' ORDER BY due`,
  );
  expect(due).toEqual([
    { severity: "critical", due: noon + 8 * hour },
    { severity: "medium", due: Date.parse("2026-08-15T00:00:00Z") * 1000 },
  ]);
});

it("tells nobody by hand of what is suppressed", async () => {
  await organisation(desk, "silenced");
  const cases = makeCases(desk, [owner("silenced", "198.51.47.0/24")]);
  await take(cases, [detection("198.51.47.1")], start);
  await act(cases, "silenced", { action: "suppress", reason: "known test", until: start + day }, start + 1);
  const { rows } = await desk.as(systemActor, (trx) =>
    sql<{ number: number }>`SELECT number FROM cases WHERE organisation_id = 'silenced'`.execute(trx),
  );
  await expect(
    actOnCase(desk, cases.rules, analyst, Number(rows[0]?.number), { action: "notify" }, start + 2),
  ).rejects.toMatchObject({ code: "REQUEST_INVALID" });
});

it("sends to who took a contact's place what had not left, and to nobody who is there no more", async () => {
  const change = (organisation: string, contact: string, mail: string | null, at: number) =>
    desk.as(systemActor, (trx) =>
      doStep(
        trx,
        systemActor,
        mail === null
          ? { what: "contact", change: "ended", id: contact }
          : {
              what: "contact",
              change: "changed",
              id: contact,
              record: {
                organisation,
                role: "abuse",
                name: null,
                mail,
                phone: null,
                language: "en",
                openpgpKey: null,
                webhook: null,
              },
            },
        { at, origin: "analyst" },
      ),
    );
  const kept = sink.mails.length;
  for (const [id, network, mail] of [
    ["moved", "198.51.48.0/24", "new@moved.example"],
    ["left", "198.51.49.0/24", null],
  ] as const) {
    const contact = await organisation(desk, id);
    await prefer(id, "digest");
    const cases = makeCases(desk, [owner(id, network)]);
    await take(cases, [detection(network.replace("0/24", "1"))], start);
    await change(id, contact, mail, start + hour);
    await drain(cases, start + day);
    expect(await mailsOf(id)).toMatchObject([
      mail === null ? { state: "dead", recipient: "abuse@left.example" } : { state: "sent", recipient: mail },
    ]);
  }
  expect(sink.mails.slice(kept).map(({ to }) => to)).not.toContain("abuse@moved.example");
  expect(sink.mails.slice(kept).map(({ to }) => to)).not.toContain("abuse@left.example");
  // Sent again by hand, it goes to who is there by then.
  await rowsOf(
    sql`INSERT INTO contacts (organisation_id, role, mail, language, state, valid_from) VALUES ('left', 'security', 'soc@left.example', 'en', 'active', ${start + 2 * day})`,
  );
  const [letter] = await mailsOf("left");
  await actOnLetter(desk, analyst, letter?.id ?? "", "retry", null, start + 3 * day);
  await drain(makeCases(desk, []), start + 3 * day);
  expect(await mailsOf("left")).toMatchObject([{ state: "sent", recipient: "soc@left.example" }]);
});

it("dates a letter by when it leaves, at every attempt the same", async () => {
  await organisation(desk, "weekly");
  await prefer("weekly", "digest");
  const cases = makeCases(desk, [owner("weekly", "198.51.40.0/24")]);
  await take(cases, [detection("198.51.40.1")], start);
  const leaves = start + 8 * hour;
  const dates: number[] = [];
  for (const now of [leaves, leaves + backoff(1)]) {
    await sender(
      () => now,
      ({ begun, organisation_id }) => {
        if (organisation_id === "weekly") dates.push(begun);
        return Promise.resolve({ outcome: "deferred", answer: "451 later" });
      },
    ).drain();
  }
  expect(dates).toEqual([leaves, leaves]);
  await drain(cases, leaves + day);
  expect(sink.mails.at(-1)?.parsed.date?.getTime()).toBe(leaves / 1000);
});

it("gives a letter up at once that no key opens, in clear it never leaves, and the mailbox is not blamed", async () => {
  const openpgp = await import("openpgp");
  const node = await openPgp(await makeSigningKey("Test node", "desk@node.example"));
  const made = await openpgp.generateKey({
    userIDs: [{ email: "abuse@ended.example" }],
    date: new Date("2020-01-01"),
    keyExpirationTime: 86_400,
    format: "armored",
  });
  const good = await openpgp.generateKey({ userIDs: [{ email: "abuse@revoked.example" }], format: "armored" });
  const { publicKey: revoked } = await openpgp.revokeKey({
    key: await openpgp.readKey({ armoredKey: good.publicKey }),
    revocationCertificate: good.revocationCertificate,
    format: "armored",
  });
  for (const [id, key, network] of [
    ["ended", made.publicKey, "198.51.43.0/24"],
    ["revoked", revoked, "198.51.44.0/24"],
    ["cut", good.publicKey.slice(0, 200), "198.51.45.0/24"],
  ] as const) {
    await organisation(desk, id, { key });
    const cases = makeCases(desk, [owner(id, network)]);
    await take(cases, [detection(network.replace("0/24", "1"))], start);
    const before = sink.mails.length;
    const said: Sent[] = [];
    const outbox = makeOutbox(desk, cases, sink.port, () => start, {
      pgp: node,
      onOutcome: (_trx, _letter, sent) => Promise.resolve(void said.push(sent)),
    });
    await outbox.drain();
    await outbox.close();
    expect(sink.mails.slice(before)).toEqual([]);
    expect(said).toEqual([{ outcome: "refused", answer: expect.stringContaining("OpenPGP key") as string }]);
    expect(await mailsOf(id)).toMatchObject([{ state: "dead" }]);
  }
});

it("confirms an answer by silence, never by an analyst's closing", async () => {
  await organisation(desk, "claims");
  const cases = makeCases(desk, [owner("claims", "198.51.41.0/24")]);
  await take(cases, [detection("198.51.41.1")], start);
  const [alert] = await alertsOf("claims");
  await cases.answer(
    systemActor,
    alert?.case_id ?? "",
    { answer: "cleaned", channel: null, note: null, alerts: [] },
    start + hour,
  );
  await act(cases, "claims", { action: "close", outcome: "cleaned" }, start + 2 * hour);
  await verifySilence(desk, () => Promise.resolve(new Map()), start + 3 * hour);
  expect(await rowsOf(sql`SELECT state FROM answers WHERE organisation_id = 'claims'`)).toEqual([{ state: "claimed" }]);
});

it("takes answers along when cases are merged: of the alerts that they spoke of, silence still decides", async () => {
  await organisation(desk, "joined");
  const cases = makeCases(desk, [owner("joined", "198.51.50.0/24")]);
  await take(cases, [detection("198.51.50.1"), detection("198.51.50.2")], start);
  const [one, two] = await alertsOf("joined");
  await cases.answer(
    systemActor,
    one?.case_id ?? "",
    { answer: "cleaned", channel: null, note: null, alerts: [] },
    start + hour,
  );
  await act(cases, "joined", { action: "merge", title: "both" }, start + 2 * hour);
  // The first falls silent, the second goes on.
  const now = start + 20 * day;
  await verifySilence(
    desk,
    () =>
      Promise.resolve(
        new Map([
          [one?.id ?? "", { last: start + 60_000_000, visits: 200, exposure: day, since: now - start - 60_000_000 }],
          [two?.id ?? "", { last: now, visits: 200, exposure: 20 * day, since: 0 }],
        ]),
      ),
    now,
  );
  const answers = await rowsOf(
    sql<{
      state: string;
      here: boolean;
      alerts: string[];
    }>`SELECT w.state, w.alerts, w.case_id = (SELECT case_id FROM alerts WHERE id = ${two?.id}) AS here FROM answers w WHERE w.organisation_id = 'joined'`,
  );
  expect(answers).toEqual([{ state: "confirmed", here: true, alerts: [one?.id] }]);
});

it("counts towards a breaker what is told, not what is too weak to be", async () => {
  await organisation(desk, "weak");
  const cases = makeCases(desk, [owner("weak", "198.51.42.0/24")], { policy: { ownerBreaker: 10 } });
  const now = start + 60 * day;
  const at = { first: now - hour / 2, last: now - 1 };
  await take(
    cases,
    Array.from({ length: 20 }, (_, i) => detection(`198.51.42.${i + 1}`, { ...at, confidence: 0.2 })),
    now,
  );
  expect(await take(cases, [detection("198.51.42.99", at)], now + 1)).toMatchObject({ told: 1, held: 0 });
});

it("opens an owner's breaker for a claim that flips between two kinds: each letter counts, corrections too", async () => {
  await organisation(desk, "flipped");
  await organisation(desk, "beside");
  const cases = makeCases(desk, [owner("flipped", "198.51.44.0/24"), owner("beside", "198.51.45.0/24")], {
    policy: { ownerBreaker: 50 },
    dutyMail: "duty@node.example",
  });
  const begin = start + 80 * day;
  const [first, second] = (["infected-host", "scanning-host"] as const).map((kind) =>
    detection("198.51.44.1", { kind, first: begin - hour, last: begin }),
  );
  if (first === undefined || second === undefined) throw new Error("two claims");
  let now = begin;
  for (let flip = 0; flip < 40; flip++) {
    now = begin + flip * 7_000_000;
    const [claimed, dropped] = flip % 2 === 0 ? [first, second] : [second, first];
    await take(cases, [{ ...claimed, last: now, packets: 40 + flip }], now, flip === 0 ? [] : [dropped.id]);
    const at = now;
    await sender(
      () => at,
      () => Promise.resolve({ outcome: "accepted", answer: "250 yes" }),
    ).drain();
  }
  const told = await rowsOf(
    sql<{
      form: string;
      n: number;
    }>`SELECT form, count(*)::int AS n FROM outbox WHERE organisation_id = 'flipped' AND channel = 'inbox' GROUP BY form ORDER BY form`,
  );
  // The last of them takes back what was told before the breaker opened.
  expect(told.reduce((sum, { n }) => sum + n, 0)).toBeLessThanOrEqual(51);
  const held = await rowsOf(sql<{ held: string[] }>`SELECT held FROM alerts WHERE organisation_id = 'flipped'`);
  expect(held).toContainEqual({ held: ["owner-breaker"] });
  expect(
    await rowsOf(
      sql`SELECT payload->'organisation'->>'id' AS owner FROM outbox WHERE form = 'breaker' AND created >= ${begin}`,
    ),
  ).toEqual([{ owner: "flipped" }]);
  // Another owner is told as ever, and all of them count for all.
  expect(await take(cases, [detection("198.51.45.1", { first: now - 1, last: now })], now)).toMatchObject({ told: 1 });
  const strict = makeCases(desk, [owner("beside", "198.51.45.0/24")], { policy: { globalBreaker: 50 } });
  expect(await take(strict, [detection("198.51.45.2", { first: now - 1, last: now })], now)).toMatchObject({ held: 1 });
  // An hour later nothing of it counts.
  const later = now + hour;
  expect(await take(strict, [detection("198.51.45.3", { first: later - 1, last: later })], later)).toMatchObject({
    told: 1,
  });
});
