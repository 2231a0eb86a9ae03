// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, it } from "vitest";
import { silenceEvidence } from "../../src/observe/silence.ts";
import { actOnAlerts } from "../../src/cases/actions.ts";
import { listAlerts } from "../../src/cases/board.ts";
import { responseTimes } from "../../src/cases/response.ts";
import { cleanUp } from "../../src/cases/statistics.ts";
import { verifySilence } from "../../src/cases/silence.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Detection } from "../../src/model/detection.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import type { DeskPlace } from "../../src/store/desk/desk.conformance.ts";
import { appendKnown, knownStore } from "../api/known.ts";
import type { KnownBatch } from "../api/known.ts";
import { embeddedPlace } from "../desk/place.ts";
import { day, detection, hour, makeCases, organisation, owner, start } from "./place.ts";

const minute = hour / 60;
const iso = (time: number): string => new Date(time / 1000).toISOString();
const bot = "198.51.100.7";
const slow = "198.51.100.9";
/** Seen once. */
const once = "203.0.113.66";
const six = "2001:db8:7:1::5";

/** Two sensors are up for four days; one of them fails after a day and a half, when it alone had seen `slow`. */
const batches: KnownBatch[] = [];
for (let h = 0; h < 96; h++) {
  for (const sensor of ["one", "two"]) {
    if (sensor === "two" && h >= 36) continue;
    const quiet: KnownBatch = { sensor, at: iso(start + h * hour), seconds: 3600, rows: [] };
    batches.push(quiet);
  }
}
for (let i = 0; i < 72; i++) {
  // The bot is seen every 20 minutes of the first day; an IPv6 host under changing addresses of one /64.
  const at = start + i * 20 * minute;
  batches.push({
    sensor: "one",
    at: iso(at),
    rows: [
      { src: bot, port: 23, packets: 3 },
      { src: `2001:db8:7:1::${(i + 1).toString(16)}`, port: 23, packets: 1 },
    ],
  });
  if (i % 24 === 0) batches.push({ sensor: "two", at: iso(at), rows: [{ src: slow, port: 445, packets: 1 }] });
}
batches.push({ sensor: "one", at: iso(start + hour), rows: [{ src: once, port: 23, packets: 4 }] });
// Backscatter of the bot's address later on says nothing about the bot, be it an open resolver's.
batches.push({
  sensor: "one",
  at: iso(start + 40 * hour),
  rows: [
    { src: bot, port: 80, packets: 50, kind: "tcp-syn-ack" },
    { src: bot, port: 40_000, packets: 20, kind: "udp", victim: bot },
  ],
});

// A flood for twenty minutes of the third hour: what the host answers to forged packets.
const victim = "198.51.100.80";
for (let m = 0; m < 20; m++) {
  batches.push({
    sensor: "one",
    at: iso(start + 2 * hour + m * minute),
    rows: [{ src: victim, port: 443, packets: 30, kind: "tcp-syn-ack" }],
  });
}

let known: Awaited<ReturnType<typeof knownStore>>;
let place: DeskPlace;
let desk: Desk;
beforeAll(async () => {
  known = await knownStore();
  // Sequences count by sensor and must follow the time.
  await appendKnown(
    known.store,
    batches.toSorted((a, b) => (a.at < b.at ? -1 : 1)),
  );
  place = await embeddedPlace();
  desk = await place.open();
  await organisation(desk, "alpha");
});
afterAll(async () => {
  await known.done();
  await desk.close();
  await place.remove();
});

const evidence = (now: number, list: readonly (readonly [string, string])[]) =>
  silenceEvidence(
    known.store,
    { realm: "", exercise: "", stretch: 10 * minute, past: 30 * day },
    list.map(([id, subject]) => ({ id, subject, from: start })),
    now,
  );

it("reads visits, last packets and the up-time of who saw them from the flow store", async () => {
  const found = await evidence(start + 3 * day, [
    ["bot", bot],
    ["slow", slow],
    ["six", "2001:db8:7:1::/64"],
    ["nobody", "198.51.100.200"],
  ]);
  const last = start + 71 * 20 * minute + 2_000_000;
  expect(found.get("bot")).toMatchObject({ visits: 72, last });
  expect(found.get("bot")?.since).toBeCloseTo(start + 3 * day - last, -7);
  expect(found.get("bot")?.exposure).toBeCloseTo(last - start + 10 * minute, -7);
  // Privacy addresses of one /64 are one host; 72 addresses, one subject.
  expect(found.get("six")).toMatchObject({ visits: 72 });
  expect(found.get("slow")).toMatchObject({ visits: 3 });
  // Its only sensor was up for 36 of 72 hours: the rest is not silence.
  expect((found.get("slow")?.since ?? 0) / hour).toBeCloseTo(36 - 16, 0);
  expect(found.get("nobody")).toEqual({ last: null, visits: 0, exposure: 0, since: 0 });
});

it("makes an alert quiet when silence proves it, confirms the answer, and finds it back", async () => {
  const cases = makeCases(desk, [owner("alpha", "198.51.100.0/24"), owner("alpha", "2001:db8:7::/48")]);
  const take = (now: number, ...list: Detection[]) =>
    desk.as(systemActor, (trx) => cases.takeDetections(trx, list, { now }));
  const alerts = async () =>
    new Map(
      (await desk.as(systemActor, (trx) => trx.selectFrom("alerts").selectAll().execute())).map((row) => [
        row.subject,
        row,
      ]),
    );
  const seen = { first: start, last: start + 71 * 20 * minute };
  await take(
    start + hour,
    detection(bot, seen),
    detection(slow, { ...seen, port: 445, family: null, signature: undefined } as Partial<Detection>),
    detection(six, seen),
  );
  const verify = (now: number) =>
    verifySilence(
      desk,
      (scope, subjects, at) => silenceEvidence(known.store, { ...scope, past: 30 * day }, subjects, at),
      now,
    );
  const id = (await alerts()).get(bot)?.case_id ?? "";
  await cases.answer(
    systemActor,
    id,
    { answer: "subscriber-notified", channel: "phone", note: null, alerts: [] },
    start + 30 * hour,
  );

  expect(await verify(start + 30 * hour)).toMatchObject({ looked: 3, quiet: 0 });
  expect((await alerts()).get(bot)).toMatchObject({ state: "new", silence: "counting" });
  expect(await verify(start + 50 * hour)).toMatchObject({ looked: 3, quiet: 2 });
  const quiet = (await alerts()).get(bot);
  expect(quiet).toMatchObject({ state: "quiet", silence: "silent", quieted: start + 71 * 20 * minute + 2_000_000 });
  expect((await alerts()).get("2001:db8:7:1::/64")).toMatchObject({ state: "quiet" });
  // Half of what was seen of it, half of the time nobody watched.
  await verify(start + 90 * hour);
  expect((await alerts()).get(slow)).toMatchObject({ state: "new", silence: "unknown" });
  const answers = await desk.as(systemActor, (trx) => trx.selectFrom("answers").selectAll().execute());
  expect(answers).toMatchObject([{ state: "confirmed", channel: "phone" }]);

  await take(
    start + 4 * day,
    detection(bot, { first: start + 91 * hour, last: start + 91 * hour + minute, packets: 9 }),
  );
  const back = (await alerts()).get(bot);
  expect(back).toMatchObject({ state: "relapsed", relapses: 1, quieted: null, severity: "critical", id: quiet?.id });
  const events = await desk.as(systemActor, (trx) =>
    trx.selectFrom("case_events").select("kind").where("case_id", "=", id).orderBy("id").execute(),
  );
  expect(events.map(({ kind }) => kind)).toEqual(["detected", "letter", "answered", "quiet", "relapsed", "letter"]);
  const episodes = await desk.as(systemActor, (trx) => trx.selectFrom("alert_episodes").selectAll().execute());
  expect(episodes).toMatchObject([{ alert_id: quiet?.id, episode: 0, quieted: quiet?.quieted }]);
});

it("gives up what was seen once: an end of its own, which confirms nothing and counts as no clean-up", async () => {
  await organisation(desk, "beta");
  const cases = makeCases(desk, [owner("beta", "203.0.113.0/24")]);
  const first = start + hour;
  const take = (now: number, found: Detection) =>
    desk.as(systemActor, (trx) => cases.takeDetections(trx, [found], { now }));
  await take(start + 2 * hour, detection(once, { first, last: first + 2_000_000, packets: 4 }));
  const alert = () =>
    desk.as(systemActor, (trx) =>
      trx.selectFrom("alerts").selectAll().where("subject", "=", once).executeTakeFirstOrThrow(),
    );
  const { case_id } = await alert();
  await desk.as(systemActor, (trx) =>
    trx
      .updateTable("alerts")
      .set({ notified: start + 3 * hour })
      .where("subject", "=", once)
      .execute(),
  );
  await cases.answer(
    systemActor,
    case_id ?? "",
    { answer: "cleaned", channel: null, note: null, alerts: [] },
    start + 4 * hour,
  );
  const verify = (now: number) =>
    verifySilence(
      desk,
      (scope, subjects, at) => silenceEvidence(known.store, { ...scope, past: 30 * day }, subjects, at),
      now,
      { policy: { giveUp: 2 * day } },
    );
  expect(await verify(start + 2 * day)).toMatchObject({ unconfirmed: 0 });
  expect(await alert()).toMatchObject({ state: "new", silence: "unknown", closing: null });
  expect(await verify(start + 3 * day)).toMatchObject({ unconfirmed: 1 });
  // Whatever comes after it in the same pass and in later ones.
  await verify(start + 3 * day + hour);
  expect(await alert()).toMatchObject({
    state: "closed",
    closing: "unconfirmed",
    closed: start + 3 * day,
    quieted: null,
  });
  const beside = await desk.as(systemActor, async (trx) => ({
    answer: await trx.selectFrom("answers").select("state").where("case_id", "=", case_id).executeTakeFirst(),
    of: await trx
      .selectFrom("cases")
      .select(["state", "quieted"])
      .where("id", "=", case_id ?? "")
      .executeTakeFirst(),
    events: await trx
      .selectFrom("case_events")
      .select(["kind", "body"])
      .where("case_id", "=", case_id ?? "")
      .orderBy("id")
      .execute(),
  }));
  expect(beside.answer).toEqual({ state: "claimed" });
  expect(beside.of).toEqual({ state: "closed", quieted: null });
  expect(beside.events.slice(-2)).toMatchObject([
    { kind: "unconfirmed" },
    { kind: "state", body: { state: "closed", by: "unconfirmed" } },
  ]);
  const period = { from: start, to: start + 4 * day };
  const found = await cleanUp(
    desk,
    systemActor,
    { by: "none", ...period, organisation: "beta", days: 30 },
    start + 4 * day,
  );
  expect(found).toMatchObject({ unconfirmed: 1, all: { n: 1, censored: 1, medianDays: null } });
  // From the first packet to the notice, and from the alert to the notice: two figures, in seconds.
  const { rows } = await responseTimes(desk, systemActor, { by: "owner", ...period });
  expect(rows.find(({ group }) => group === "beta")).toMatchObject({
    firstNotified: { n: 1, median: 2 * 3_600 },
    detectedNotified: { n: 1, median: 3_600 },
    actedQuiet: { n: 0 },
  });

  await take(
    start + 4 * day,
    detection(once, { first: start + 4 * day - hour, last: start + 4 * day - 1, packets: 9 }),
  );
  expect(await alert()).toMatchObject({ state: "relapsed", closing: null, closed: null });
});

it("says that an attack is over when its victim's replies end, and takes what the owner says for what it is", async () => {
  await organisation(desk, "gamma");
  const cases = makeCases(desk, [owner("gamma", "198.51.100.80/32")]);
  const flood = detection(victim, {
    detector: "dos-victim",
    kind: "dos-victim",
    family: null,
    port: 443,
    first: start + 2 * hour,
    last: start + 2 * hour + 10 * minute,
    samples: [],
    evidence: {},
  });
  const take = (now: number, found: Detection) =>
    desk.as(systemActor, (trx) => cases.takeDetections(trx, [found], { now }));
  await take(start + 2 * hour + 11 * minute, flood);
  const alert = () =>
    desk.as(systemActor, (trx) =>
      trx.selectFrom("alerts").selectAll().where("subject", "=", victim).executeTakeFirstOrThrow(),
    );
  const { case_id } = await alert();
  const answer = (said: "mitigated" | "attack-over" | "cleaned", now: number, of = case_id) =>
    cases.answer(systemActor, of ?? "", { answer: said, channel: null, note: null, alerts: [] }, now);
  await answer("mitigated", start + 2 * hour + 12 * minute);
  expect(await alert()).toMatchObject({ acted: start + 2 * hour + 12 * minute });
  const verify = (now: number) =>
    verifySilence(
      desk,
      (scope, subjects, at) => silenceEvidence(known.store, { ...scope, past: 30 * day }, subjects, at),
      now,
    );
  // It goes on, and then too little time has passed.
  await verify(start + 2 * hour + 15 * minute);
  expect(await alert()).toMatchObject({ state: "new", silence: "counting" });
  await verify(start + 3 * hour);
  expect(await alert()).toMatchObject({ state: "new", silence: "counting" });
  // An hour without a reply, the sensors up: not a day, for attacks do not sleep at night.
  await verify(start + 3 * hour + 25 * minute);
  expect(await alert()).toMatchObject({ state: "quiet", quieted: start + 2 * hour + 19 * minute + 2_000_000 });
  const answers = await desk.as(systemActor, (trx) =>
    trx.selectFrom("answers").select(["answer", "state"]).where("case_id", "=", case_id).execute(),
  );
  expect(answers).toEqual([{ answer: "mitigated", state: "confirmed" }]);
  // On the board it stands among what is quiet and confirmed, to be closed in bulk; the bot, which came back, does not.
  const board = await listAlerts(
    desk,
    systemActor,
    { only: ["confirmed"], realm: "", exercise: "" },
    "last",
    { limit: 10 },
    start + 4 * hour,
  );
  expect(board.rows.map(({ subject }) => subject)).toEqual([victim]);
  // The time from the deed to the last reply is a length that the statistics have.
  expect((await alert()).quieted ?? 0).toBeGreaterThan((await alert()).acted ?? 0);
  // Nobody mitigates an infection.
  const bots = await desk.as(systemActor, (trx) =>
    trx.selectFrom("alerts").select("case_id").where("subject", "=", bot).executeTakeFirstOrThrow(),
  );
  await expect(answer("mitigated", start + 4 * hour, bots.case_id)).rejects.toMatchObject({ code: "REQUEST_INVALID" });
});

it("says nothing of an alert whose packets came meanwhile, though another of its case has fallen silent", async () => {
  await organisation(desk, "delta");
  const cases = makeCases(desk, [owner("delta", "192.0.2.0/24")]);
  const [silent, sending, exercise] = ["192.0.2.7", "192.0.2.8", "drill"] as const;
  const take = (now: number, ...list: Detection[]) =>
    desk.as(systemActor, (trx) => cases.takeDetections(trx, list, { now }));
  await take(start + hour, detection(silent, { exercise }), detection(sending, { exercise }));
  const alerts = () =>
    desk.as(systemActor, (trx) =>
      trx.selectFrom("alerts").selectAll().where("organisation_id", "=", "delta").orderBy("subject").execute(),
    );
  const merged = await actOnAlerts(desk, cases.rules, systemActor, await alerts(), { action: "merge" }, start + hour);
  const events = async () =>
    (
      await desk.as(systemActor, (trx) =>
        trx
          .selectFrom("case_events")
          .innerJoin("cases", "cases.id", "case_events.case_id")
          .select(["case_events.kind", "case_events.body"])
          .where("cases.number", "=", merged.case)
          .orderBy("case_events.id")
          .execute(),
      )
    ).map(({ kind, body }) => [kind, (body as { subject?: string }).subject]);
  /** A pass in the midst of which packets of `sending` come; of both the darknet had seen nothing any more. */
  const verify = (now: number, visits: number) =>
    verifySilence(
      desk,
      async (_scope, subjects) => {
        await take(now, detection(sending, { exercise, first: now - minute, last: now - minute }));
        const since = now - start - hour;
        return new Map(subjects.map(({ id }) => [id, { last: start + hour, visits, exposure: hour, since }]));
      },
      now,
      { exercise, policy: { giveUp: 2 * day } },
    );
  expect(await verify(start + 3 * day, 60)).toMatchObject({ looked: 2, quiet: 1 });
  expect((await alerts()).map(({ state }) => state)).toEqual(["quiet", "continuing"]);
  expect((await events()).filter(([kind]) => kind === "quiet")).toEqual([["quiet", silent]]);
  // Nor is it said to be given up.
  expect(await verify(start + 6 * day, 0)).toMatchObject({ looked: 1, unconfirmed: 0, unknown: 0 });
  expect((await events()).filter(([kind]) => kind === "unconfirmed" || kind === "unknown")).toEqual([]);
});
