// SPDX-License-Identifier: Apache-2.0
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withAlerts } from "../../src/api/desk/alerts.ts";
import { withCases } from "../../src/api/desk/cases.ts";
import { withHelp } from "../../src/api/desk/help.ts";
import { withNotices } from "../../src/api/desk/notices.ts";
import { withStatistics } from "../../src/api/desk/statistics.ts";
import { deskEndpoints } from "../../src/api/contract/desk/index.ts";
import type { DeskAnswer, DeskName } from "../../src/api/contract/desk/index.ts";
import type { Cases } from "../../src/cases/cases.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Detection } from "../../src/model/detection.ts";
import { writeLetter } from "../../src/registry/letters.ts";
import { embeddedPlace } from "../desk/place.ts";
import { openHouse } from "../access/house.ts";
import type { Browser, Called, House } from "../access/house.ts";
import type { AlertServices } from "../../src/api/desk/alerts.ts";
import { detection, hour, makeCases, makeOutbox, owner, smtpSink } from "./place.ts";
import type { Sink } from "./place.ts";
import { holidayCountries } from "../../src/notify/holidays.ts";

const ajv = new Ajv2020({ strict: false });
formats.default(ajv as never, ["date-time", "email", "uuid", "date"]);
const checks = new Map<string, ReturnType<typeof ajv.compile>>();
/** The answer, after a look whether it is what the contract says: every key, and no other. */
const asContract = <N extends DeskName>(name: N, called: Called): DeskAnswer<N> => {
  expect(faults.splice(0)).toEqual([]);
  expect(called.status, JSON.stringify(called.body).slice(0, 400)).toBe(200);
  let check = checks.get(name);
  if (check === undefined) {
    check = ajv.compile(JSON.parse(JSON.stringify(deskEndpoints[name].answer)) as object);
    checks.set(name, check);
  }
  expect(check(called.body) ? [] : check.errors, name).toEqual([]);
  return called.body as DeskAnswer<N>;
};

let house: House;
let cases: Cases;
let sink: Sink;
let analyst: Browser;
let alpha: Browser;
let beta: Browser;
let observer: Browser;
let token = "";
const faults: unknown[] = [];
const base = "/api/v1/desk";

beforeAll(async () => {
  sink = await smtpSink();
  const place = await embeddedPlace();
  const desk = await place.open();
  const owners = [owner("alpha", "192.0.2.0/24"), owner("beta", "198.51.100.0/24", { essential: true })];
  cases = makeCases(desk, owners);
  const services: AlertServices & Record<string, unknown> = {
    desk,
    cases,
    now: () => house.clock.now,
    desker: { name: "Test node", mail: "desk@node.example", phone: null },
    simulated: false,
    testMail: null,
    signs: false,
    countries: holidayCountries,
    sender: {
      reporter: { org: "Test node", contact: "desk@node.example", domain: "node.example" },
      from: "Layang <desk@node.example>",
      replyTo: null,
      portal: "https://layang.example",
      tokenOf: cases.tokenOf,
      linkFor: cases.rules.policy.linkFor,
      returnTagOf: () => "0".repeat(20),
    },
  };
  house = await openHouse({
    place: { open: () => Promise.resolve(desk), remove: () => place.remove() },
    api: { onFault: (error) => faults.push(error) },
    accounts: { link: (secret) => cases.linkActor(secret, house.clock.now).catch(() => null) },
    desk: [
      (server, actorOf) => withAlerts(server, services, actorOf),
      (server, actorOf) => withCases(server, services, actorOf),
      (server, actorOf) => withHelp(server, services as never, actorOf),
      (server, actorOf) => withNotices(server, services as never, actorOf),
      (server, actorOf) => withStatistics(server, services, actorOf),
    ],
  });
  const { clock } = house;
  analyst = await house.person("ana@node.example", ["analyst"]);
  alpha = await house.person("alpha@alpha.example", ["member"], ["alpha"]);
  beta = await house.person("beta@beta.example", ["member"], ["beta"]);
  observer = await house.person("obs@node.example", ["observer"]);
  await desk.as(systemActor, async (trx) => {
    for (const id of ["alpha", "beta"]) {
      await sql`INSERT INTO contacts (organisation_id, role, mail, language, state, valid_from) VALUES (${id}, 'abuse', ${`abuse@${id}.example`}, 'en', 'active', 1)`.execute(
        trx,
      );
    }
  });
  const at = (source: string, more: Partial<Detection> = {}) =>
    detection(source, { first: clock.now - hour, last: clock.now - hour / 2, ...more });
  const found = [
    ...Array.from({ length: 7 }, (_, i) => at(`192.0.2.${i + 1}`)),
    at("198.51.100.9", { kind: "dos-victim", family: null }),
    at("203.0.113.5"),
    at("192.0.2.77", { held: ["ttl-spread"] }),
    at("192.0.2.78", { kind: "sighting" }),
  ];
  await desk.as(systemActor, (trx) => cases.takeDetections(trx, found, { now: clock.now }));
  const outbox = makeOutbox(desk, cases, sink.port, () => clock.now);
  await outbox.drain();
  await outbox.close();
  token =
    /help#([\w-]{43})/.exec(sink.mails.find(({ to }) => to === "abuse@alpha.example")?.parsed.text ?? "")?.[1] ?? "";
});
afterAll(async () => {
  await house.close();
  await sink.close();
});

const board = async (browser: Browser, query = ""): Promise<DeskAnswer<"alerts">> =>
  asContract("alerts", await browser.call("GET", `${base}/alerts${query}`));

it("shows each its board, and the facts of the sentence above it", async () => {
  const all = await board(analyst);
  expect(all.total).toBe(11);
  expect(all.rows).toHaveLength(11);
  expect(all.facts).toMatchObject({ states: { new: 11 }, held: 1, unclaimed: 1, essential: 1, owners: 2, day: 11 });
  // The host of an essential service stands first.
  expect(all.rows[0]).toMatchObject({ subject: "198.51.100.9", organisation: { id: "beta" } });
  const own = await board(alpha);
  expect(own.rows.every(({ organisation }) => organisation?.id === "alpha")).toBe(true);
  // What is held and what is a sighting is not told, and so not there.
  expect(own.total).toBe(7);
  expect((await board(beta)).total).toBe(1);
  expect((await observer.call("GET", `${base}/alerts`)).status).toBe(403);
});

it("finds, filters and pages without losing a row", async () => {
  expect((await board(analyst, "?q=192.0.2.3")).rows.map(({ subject }) => subject)).toEqual(["192.0.2.3"]);
  expect((await board(analyst, "?q=192.0.2.0/24")).total).toBe(9);
  expect((await board(analyst, "?q=the%20beta")).total).toBe(1);
  expect((await board(analyst, "?q=%25")).total).toBe(0);
  expect((await board(analyst, "?only=held")).rows[0]).toMatchObject({ held: ["ttl-spread"], case: null });
  expect((await board(analyst, "?only=unclaimed")).rows[0]).toMatchObject({
    subject: "203.0.113.5",
    organisation: null,
  });
  expect((await board(analyst, "?kind=sighting,dos-victim&severity=low,medium,high,critical")).total).toBe(2);
  for (const order of ["rank", "last", "first", "packets"]) {
    const seen: string[] = [];
    let cursor = "";
    for (let i = 0; i < 9; i++) {
      const { rows, next } = await board(analyst, `?limit=2&order=${order}${cursor}`);
      seen.push(...rows.map(({ id }) => id));
      if (next === null) break;
      cursor = `&cursor=${next}`;
    }
    expect(new Set(seen).size).toBe(11);
    expect(seen).toHaveLength(11);
  }
  expect((await analyst.call("GET", `${base}/alerts?cursor=abc`)).status).toBe(400);
});

it("opens an alert and a case for who may see them, and for nobody else", async () => {
  const [row] = (await board(analyst, "?q=192.0.2.1")).rows;
  const alert = asContract("alert", await analyst.call("GET", `${base}/alerts/${row?.id}`));
  expect(alert).toMatchObject({ clocks: { acknowledged: null }, detections: [{ detector: "infected" }] });
  expect((await beta.call("GET", `${base}/alerts/${row?.id}`)).status).toBe(404);
  const path = `${base}/cases/${row?.case}`;
  const mine = asContract("case", await alpha.call("GET", `${path}?language=th`));
  expect(mine.may).toEqual(["answer", "note", "attach"]);
  expect(mine.steps[0]).toMatch(/อุปกรณ์/);
  expect((await beta.call("GET", path)).status).toBe(404);
  expect((await beta.call("POST", `${path}/answers`, { answer: "cleaned" })).status).toBe(404);
  expect((await alpha.call("POST", `${path}/notify`, {})).status).toBe(403);
  const list = asContract("cases", await analyst.call("GET", `${base}/cases`));
  expect(list).toMatchObject({ total: 8, facts: { open: 0, waiting: 8, unanswered: 8 } });
  expect(asContract("cases", await beta.call("GET", `${base}/cases`)).total).toBe(1);
});

it("keeps what analysts write to each other from owners, also by going around the repository", async () => {
  const [row] = (await board(analyst, "?q=192.0.2.2")).rows;
  const path = `${base}/cases/${row?.case}`;
  asContract(
    "case/note",
    await analyst.call("POST", `${path}/notes`, { text: "their router is known to us", marking: "TLP:RED" }),
  );
  asContract("case/note", await alpha.call("POST", `${path}/notes`, { text: "we look for it", marking: "TLP:AMBER" }));
  asContract("case/task", await analyst.call("POST", `${path}/tasks`, { title: "call them" }));
  asContract(
    "case/attach",
    await analyst.call("POST", `${path}/attachments`, {
      name: "a.txt",
      type: "text/plain",
      content: Buffer.from("secret").toString("base64"),
      marking: "TLP:AMBER+STRICT",
    }),
  );
  const theirs = asContract("case", await alpha.call("GET", path));
  expect(JSON.stringify(theirs)).not.toMatch(/known to us|call them|a\.txt/);
  expect(theirs.timeline.map(({ kind }: { kind: string }) => kind)).toEqual([
    "detected",
    "notified",
    "delivered",
    "note",
  ]);
  const ours = asContract("case", await analyst.call("GET", path));
  expect(ours).toMatchObject({
    tasks: [{ title: "call them", done: null }],
    attachments: [{ name: "a.txt", bytes: 6 }],
  });
  const member = { id: "person:x", roles: ["member"], organisations: ["alpha"], realms: [], sensors: [] } as const;
  const around = await house.desk.as(member, async (trx) => ({
    events: (await sql<{ kind: string }>`SELECT kind FROM case_events WHERE audience = 'staff'`.execute(trx)).rows,
    tasks: (await sql`SELECT * FROM case_tasks`.execute(trx)).rows,
    attachments: (await sql`SELECT * FROM attachments`.execute(trx)).rows,
    links: (await sql`SELECT * FROM help_links`.execute(trx)).rows,
    others: (await sql`SELECT * FROM alerts WHERE organisation_id IS DISTINCT FROM 'alpha'`.execute(trx)).rows,
  }));
  expect(around).toEqual({ events: [], tasks: [], attachments: [], links: [], others: [] });
  const file = await analyst.call("GET", `${path}/attachments/${ours.attachments[0]?.id}`);
  expect(file).toMatchObject({ status: 200, headers: { "content-type": "application/octet-stream" } });
  expect((await alpha.call("GET", `${path}/attachments/${ours.attachments[0]?.id}`)).status).toBe(404);
});

it("serves the self-help page to the bearer of a link; reading changes nothing, an answer is a POST", async () => {
  const bearer = house.browser();
  const headers = { authorization: `Link ${token}` };
  const before = await house.desk.as(systemActor, (trx) => sql`SELECT * FROM alerts ORDER BY id`.execute(trx));
  const help = asContract("help", await bearer.call("GET", `${base}/help?language=ja`, undefined, headers));
  expect(help).toMatchObject({
    organisation: "The alpha",
    state: "asked",
    language: "ja",
    subjects: [{ ports: [23] }],
  });
  const csv = await bearer.call("GET", `${base}/help/evidence.csv`, undefined, headers);
  expect(csv.status).toBe(200);
  expect(String(csv.body)).toContain('"infected-host"');
  // Scanners of mail follow links, also with HEAD.
  expect((await house.desk.as(systemActor, (trx) => sql`SELECT * FROM alerts ORDER BY id`.execute(trx))).rows).toEqual(
    before.rows,
  );
  expect(
    (await bearer.call("GET", `${base}/help`, undefined, { authorization: `Link ${token.slice(1)}A` })).status,
  ).not.toBe(200);
  expect((await bearer.call("GET", `${base}/alerts`, undefined, headers)).status).toBe(403);
  const answered = asContract(
    "help/answer",
    await bearer.call(
      "POST",
      `${base}/help/answer`,
      { answer: "subscriber-notified", channel: "walled-garden", text: "port closed" },
      headers,
    ),
  );
  expect(answered).toMatchObject({ state: "claimed", answers: [{ channel: "walled-garden" }] });
  const shown = asContract("case", await analyst.call("GET", `${base}/cases/${help.case}`));
  expect(shown.case).toMatchObject({ state: "open", answer: "subscriber-notified", silence: "active" });
  expect(shown.timeline.at(-1)).toMatchObject({ kind: "answered", who: "owner", text: "port closed" });
  expect((await bearer.call("POST", `${base}/help/answer`, { answer: "clean" }, headers)).status).toBe(400);
});

it("shows the owner the packets of the letter, however much was seen since, and marks what a later one tells", async () => {
  const bearer = house.browser();
  const headers = { authorization: `Link ${token}` };
  const letter = sink.mails.find(({ parsed }) => parsed.text?.includes(token))?.parsed;
  const source = /192\.0\.2\.\d/.exec(letter?.subject ?? "")?.[0] ?? "";
  const inText = [
    ...(letter?.text ?? "").matchAll(/^ {2}(\S+ \S+) UTC ± (\d+) ms {2}source port (\d+) {2}destination port (\d+)$/gm),
  ];
  expect(inText.length).toBeGreaterThan(0);
  const read = async () => {
    const [subject] = asContract("help", await bearer.call("GET", `${base}/help`, undefined, headers)).subjects;
    const rows = (subject?.samples ?? []).map(({ time, errorSeconds, sourcePort, port, newer }) => [
      time.replace("T", " ").replace("Z", ""),
      String(Math.round((errorSeconds ?? 0) * 1_000)),
      String(sourcePort),
      String(port),
      newer,
    ]);
    return { subject, old: rows.filter((row) => row[4] === false), newer: rows.filter((row) => row[4] === true) };
  };
  const first = await read();
  expect(first.old).toEqual(inText.map(([, ...row]) => [...row, false]));
  expect(first.newer).toEqual([]);
  // The machine goes on, and the sensor's clock drifts: the same packets are named again with another error.
  const { now } = house.clock;
  const told = first.subject?.told;
  const before = await house.desk.as(systemActor, (trx) =>
    trx.selectFrom("alerts").select("samples").where("subject", "=", source).executeTakeFirstOrThrow(),
  );
  let packets = told?.packets;
  let shown: unknown[] = [];
  for (const error of [9_000, 77_000]) {
    const samples = Array.from({ length: 30 }, (_, i) => ({
      time: now + i * 1_000_000,
      error,
      sourcePort: 50_000 + i,
      port: 2_323,
    }));
    const again = before.samples.map((sample) => ({ ...sample, error }));
    const found = detection(source, { first: now, last: now + hour, packets: 500, samples: [...again, ...samples] });
    await house.desk.as(systemActor, (trx) => cases.takeDetections(trx, [found], { now }));
    // What it sends is no question that the page answers: nothing of it stands there before the owner is told again.
    const silent = await read();
    expect(silent.subject?.packets).toBe(packets);
    expect(silent.newer).toEqual(shown);
    await house.desk.as(systemActor, (trx) =>
      trx
        .updateTable("alerts")
        .set({ told: now + error })
        .where("subject", "=", source)
        .execute(),
    );
    const then = await read();
    packets = then.subject?.packets;
    shown = then.newer;
    expect(then.old).toEqual(first.old);
    expect(then.subject?.told).toEqual(told);
    expect(then.subject?.packets).toBeGreaterThan(told?.packets ?? Infinity);
    expect(then.newer.length).toBeGreaterThan(0);
    // Its clock error stays what it was when the packet was first told.
    expect(new Set(then.newer.map(([, ms]) => ms))).toEqual(new Set(["9"]));
  }
  const table = String((await bearer.call("GET", `${base}/help/evidence.csv`, undefined, headers)).body);
  const attached = letter?.attachments.find(({ filename }) => filename === "findings.csv")?.content.toString() ?? "";
  expect(table.startsWith(attached.replaceAll("Layang test", "Test node"))).toBe(true);
  expect(table.slice(attached.length)).toContain('"infected-host;newer"');
});

it("handles many alerts as one, and refuses each for its own reason", async () => {
  const { rows } = await board(analyst, "?q=192.0.2.0/24&kind=infected-host");
  const wanted = rows.filter(({ case: number, held }) => number !== null && held.length === 0).slice(0, 4);
  const named = wanted.map(({ id, version }) => ({ id, version }));
  const act = async (body: unknown) =>
    asContract("alerts/act", await analyst.call("POST", `${base}/alerts/actions`, body));
  expect(
    await act({
      action: "suppress",
      alerts: [...named, { id: "0".repeat(32), version: 1 }, { id: named[0]?.id, version: 99 }].slice(0, 5),
      reason: "known",
      until: new Date(house.clock.now / 1000 + 86_400_000).toISOString(),
    }),
  ).toMatchObject({ done: 4, refused: [{ code: "NOT_FOUND" }] });
  // They changed: what was read before is old.
  expect((await act({ action: "unsuppress", alerts: named })).refused).toHaveLength(4);
  const again = (await board(analyst, "?only=suppressed")).rows.map(({ id, version }) => ({ id, version }));
  expect(await act({ action: "unsuppress", alerts: again })).toMatchObject({ done: 4 });
  const now = (await board(analyst, "?q=192.0.2.0/24&kind=infected-host")).rows.filter(({ id }) =>
    named.some((one) => one.id === id),
  );
  const merged = await act({
    action: "merge",
    alerts: now.map(({ id, version }) => ({ id, version })),
    title: "one router model",
  });
  expect(merged).toMatchObject({ done: 4 });
  const whole = asContract("case", await analyst.call("GET", `${base}/cases/${merged.case}`));
  expect(whole.alerts).toHaveLength(4);
  expect(whole.links.map(({ relation }: { relation: string }) => relation)).toEqual([
    "duplicate",
    "duplicate",
    "duplicate",
    "duplicate",
  ]);
  const [held] = (await board(analyst, "?only=held")).rows;
  expect(
    await act({ action: "release", alerts: [{ id: held?.id, version: held?.version }], reason: "looked at it" }),
  ).toMatchObject({ done: 1 });
  const released = (await board(analyst, `?q=${held?.subject}`)).rows[0];
  expect(released?.held).toEqual([]);
  expect(released?.case).not.toBeNull();
  const page = asContract("case", await analyst.call("GET", `${base}/cases/${released?.case}`));
  expect(page.notices.map(({ state }: { state: string }) => state).toSorted()).toEqual(["sent", "waiting"]);
  expect(
    await act({
      action: "close",
      alerts: [{ id: released?.id, version: released?.version }],
      outcome: "false-positive",
    }),
  ).toMatchObject({ done: 1 });
  expect(asContract("case", await analyst.call("GET", `${base}/cases/${released?.case}`)).case.state).toBe("closed");
  expect((await alpha.call("POST", `${base}/alerts/actions`, { action: "unsuppress", alerts: named })).status).toBe(
    403,
  );
});

it("shows the outbox, its letters and the owner's inbox and preferences", async () => {
  const outbox = asContract("outbox", await analyst.call("GET", `${base}/outbox`));
  // The letter of what was released and then found to be false did not leave.
  expect(outbox.facts).toMatchObject({ sent: 8, dead: 1 });
  const sent = outbox.rows.find(({ state }: { state: string }) => state === "sent");
  expect(sent?.subject).toMatch(/^\[LAYANG-\d+\] /);
  const letter = asContract("letter", await analyst.call("GET", `${base}/outbox/${sent?.id}`));
  expect(letter).toMatchObject({ deliveries: [{ attempt: 1, outcome: "accepted" }] });
  // Nobody reads a link's secret off the screen.
  expect(letter.rendered?.text).not.toMatch(/help#[\w-]{20}/);
  const inbox = asContract("inbox", await beta.call("GET", `${base}/inbox`));
  expect(inbox).toMatchObject({ total: 1, facts: { unread: 1 } });
  asContract("inbox/read", await beta.call("POST", `${base}/inbox/read`, { ids: [inbox.rows[0]?.id], read: true }));
  expect((await alpha.call("POST", `${base}/inbox/read`, { ids: [inbox.rows[0]?.id], read: true })).status).toBe(404);
  const path = `${base}/organisations/alpha/preferences`;
  const standard = asContract("preferences", await alpha.call("GET", path));
  expect(standard).toMatchObject({ standard: true, nextDigest: null });
  const wish = {
    ...standard.preferences,
    timeZone: "Asia/Jakarta",
    language: "id",
    holidays: "ID",
    rules: [
      { kind: null, severity: "high", how: "immediate" },
      { kind: null, severity: "low", how: "digest" },
    ],
  };
  const set = asContract("preferences/set", await alpha.call("POST", path, wish));
  expect(set).toMatchObject({ standard: false, preferences: { timeZone: "Asia/Jakarta" } });
  expect(new Date(set.nextDigest ?? 0).getUTCHours()).toBe(1);
  expect((await alpha.call("POST", path, { ...wish, timeZone: "Asia/Nowhere" })).status).toBe(400);
  expect((await alpha.call("POST", path, { ...wish, admin: true })).status).toBe(400);
  expect((await beta.call("GET", path)).status).toBe(404);
  const preview = asContract("preview", await alpha.call("GET", `${base}/organisations/alpha/preview?language=th`));
  expect(preview.rendered.text).toContain("เรียน ทีมความมั่นคงปลอดภัย");
});

it("shows nobody the secret of a letter that proves, objects or confirms", async () => {
  for (const kind of ["claim", "object", "check"] as const) {
    const link = `registry:${kind}`;
    await house.desk.as(systemActor, (trx) =>
      writeLetter(trx, {
        kind,
        recipient: `${kind}@holder.example`,
        language: "en",
        contact: null,
        organisation: { id: "alpha", name: "The alpha" },
        link,
        at: house.clock.now,
        values: { subject: "192.0.2.0/24", role: "abuse", until: "tomorrow", after: "mail x@example.org" },
      }),
    );
    const { rows } = asContract("outbox", await analyst.call("GET", `${base}/outbox`));
    const id = rows.find(({ recipient }) => recipient === `${kind}@holder.example`)?.id;
    const letter = asContract("letter", await analyst.call("GET", `${base}/outbox/${id}`));
    expect(letter.letter.subject).toContain("The alpha");
    expect(letter.rendered?.text).toContain("/contact-check#");
    expect(JSON.stringify(letter)).not.toContain(cases.tokenOf(link));
    expect((await alpha.call("GET", `${base}/outbox/${id}`)).status).toBe(404);
  }
});

it("counts for each what it may see", async () => {
  expect(asContract("summary", await analyst.call("GET", `${base}/summary`)).alerts.open).toBeGreaterThan(5);
  expect(asContract("summary", await beta.call("GET", `${base}/summary`)).alerts).toMatchObject({
    open: 1,
    essential: 1,
  });
  house.clock.now += hour / 60;
  const curve = asContract(
    "statistics/clean-up",
    await analyst.call("GET", `${base}/statistics/clean-up?by=family&days=30`),
  );
  expect(curve.all.n).toBeGreaterThan(4);
  expect(curve.all.points[0]).toMatchObject({ day: 0, still: 1 });
  // Who sees aggregates alone is told of whole months that are over: what moves at once would answer probes.
  const told = asContract("statistics/clean-up", await observer.call("GET", `${base}/statistics/clean-up?by=family`));
  expect(told.all.n).toBe(0);
  expect(told.period.to < new Date(house.clock.now / 1000 - 7 * 86_400_000).toISOString()).toBe(true);
  expect(told.period.to.slice(7)).toBe("-01T00:00:00.000Z");
  expect((await observer.call("GET", `${base}/statistics/clean-up?by=owner`)).status).toBe(403);
  const times = asContract("statistics/response", await analyst.call("GET", `${base}/statistics/response?by=owner`));
  expect(times.all.answered).toMatchObject({ n: expect.any(Number) });
  expect(times.rows.map(({ group }: { group: string }) => group).toSorted()).toEqual(["alpha", "beta"]);
  await sql`UPDATE alerts SET tests = '{infected-host:4}', case_id = (SELECT case_id FROM answers LIMIT 1) WHERE organisation_id = 'alpha'`.execute(
    house.desk.owner,
  );
  const precision = async (of: Browser) =>
    asContract("statistics/precision", await of.call("GET", `${base}/statistics/precision`)).rows;
  expect((await precision(analyst)).map(({ month }) => month)).toContain("2026-07");
  // Who sees aggregates alone: whole months, a week after their end. Until then no answer moves anything.
  expect(await precision(observer)).toEqual([]);
  house.clock.now = Date.parse("2026-08-08T01:00:00Z") * 1000;
  await house.signIn("obs@node.example", observer);
  expect((await precision(observer)).map(({ month }) => month)).toContain("2026-07");
});
