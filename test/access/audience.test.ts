// SPDX-License-Identifier: Apache-2.0
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { releasedMonths } from "../../src/access/audience.ts";
import { clientOf } from "../../src/access/guard.ts";
import { lotOf } from "../../src/access/secrets.ts";
import { toldSources } from "../../src/access/told.ts";
import { endpoints } from "../../src/api/contract/endpoints.ts";
import type { QuestionName } from "../../src/api/contract/index.ts";
import { createLive } from "../../src/api/live.ts";
import { createApi } from "../../src/api/server.ts";
import type { Actor, Role } from "../../src/model/actor.ts";
import { systemActor } from "../../src/model/actor.ts";
import { createObservatory } from "../../src/observe/observatory.ts";
import { createReleased, laplace, releaseRule } from "../../src/observe/released.ts";
import { json } from "../../src/store/desk/desk.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import type { FlowStore } from "../../src/store/flows/store.ts";
import { appendKnown, knownStore } from "../api/known.ts";
import type { KnownRow } from "../api/known.ts";
import { embeddedPlace } from "../desk/place.ts";

const now = Date.parse("2026-07-10T12:00:00Z");
const actorOf = (role: Role, over: Partial<Actor> = {}): Actor => ({
  id: `person:${role}-${role}`,
  roles: [role],
  organisations: [],
  realms: [],
  sensors: [],
  ...over,
});
const actors = {
  administrator: actorOf("administrator"),
  analyst: actorOf("analyst"),
  "sensor-host": actorOf("sensor-host", { sensors: ["jp-01"] }),
  member: actorOf("member", { organisations: ["alpha"], realms: ["alpha-inside"] }),
  stranger: actorOf("member", { id: "person:stranger-1", organisations: ["beta"], realms: ["beta-inside"] }),
  researcher: actorOf("researcher"),
  observer: actorOf("observer"),
  link: actorOf("link", { id: "link:1", case: "c" }),
} as const;
type Who = keyof typeof actors;
const who = Object.keys(actors) as Who[];

let store: FlowStore;
let done: () => Promise<void>;
let place: Awaited<ReturnType<typeof embeddedPlace>>;
let desk: Desk;
let server: ReturnType<typeof createApi>;
/** Whose an address is now. */
let ownerOf = (address: string): string | null => (address.startsWith("192.0.2.") ? "alpha" : "beta");

/** One source from each of many networks (/16) at a port. */
const crowd = (port: number, networks: number, packets = 3): KnownRow[] =>
  Array.from({ length: networks }, (_, i) => ({ src: `${20 + (i >> 7)}.${i & 127}.1.1`, port, packets }));

beforeAll(async () => {
  ({ store, done } = await knownStore());
  await appendKnown(store, [
    // Port 23 is usual; 8080 comes up on the 7th, from as many networks as somebody who forges sources likes.
    ...[1, 2, 3, 4, 5, 6].map((date) => ({
      sensor: "jp-01",
      at: `2026-07-0${date}T10:00:00Z`,
      rows: crowd(23, 60, 40),
    })),
    {
      sensor: "jp-01",
      at: "2026-07-07T10:00:00Z",
      rows: [...crowd(23, 60, 40), ...crowd(8080, 1000, 50), { src: "192.0.2.7", port: 23, packets: 40 }],
    },
    // One network with a thousand addresses, at a port of its own.
    {
      sensor: "id-01",
      at: "2026-07-07T11:00:00Z",
      rows: Array.from({ length: 1000 }, (_, i) => ({ src: `203.0.${i >> 8}.${i & 255}`, port: 4444, packets: 100 })),
    },
    {
      sensor: "id-01",
      at: "2026-07-10T11:00:00Z",
      rows: [
        { src: "192.0.2.7", port: 23, packets: 30 },
        { src: "192.0.2.8", port: 23, packets: 20 },
        { src: "198.51.100.9", port: 23, packets: 20 },
      ],
    },
    {
      sensor: "in-01",
      at: "2026-07-10T11:10:00Z",
      realm: "alpha-inside",
      rows: [{ src: "10.1.2.3", port: 445, packets: 50 }],
    },
    {
      sensor: "in-02",
      at: "2026-07-10T11:20:00Z",
      realm: "beta-inside",
      rows: [{ src: "10.9.9.9", port: 445, packets: 50 }],
    },
    {
      sensor: "ex-01",
      at: "2026-07-10T11:30:00Z",
      exercise: "drill",
      rows: [{ src: "192.0.2.66", port: 80, packets: 5 }],
    },
  ]);
  place = await embeddedPlace();
  desk = await place.open();
  await desk.as(systemActor, async (trx) => {
    for (const id of ["alpha", "beta"]) {
      await trx
        .insertInto("organisations")
        .values({ id, name: id, names: json({}), essential: false, exercise: "", created: 1 })
        .execute();
    }
    const alert = (id: string, organisation: string, source: string, over: object = {}) =>
      trx
        .insertInto("alerts")
        .values({
          id,
          organisation_id: organisation,
          realm: "",
          exercise: "",
          kind: "infected-host",
          subject: source,
          source,
          family: null,
          state: "new",
          severity: "medium",
          rank: 1,
          first: Date.parse("2026-07-10T11:00:03Z") * 1000,
          last: Date.parse("2026-07-10T11:00:07Z") * 1000,
          ports: [23],
          packets: 30,
          dark_addresses: 3,
          sensors: ["id-01"],
          confidence: 1,
          held: [],
          released: null,
          suppressed_until: null,
          suppressed_reason: null,
          detected: 1,
          notified: null,
          acknowledged: null,
          acted: null,
          quieted: null,
          closed: null,
          case_id: null,
          marking: "TLP:AMBER",
          origin: "node",
          told: Date.parse("2026-07-10T11:01:00Z") * 1000,
          ...over,
        } as never)
        .execute();
    await alert("a1", "alpha", "192.0.2.7");
    await alert("a2", "alpha", "192.0.2.8", { held: ["one-sensor-abroad"] });
    await alert("a3", "alpha", "192.0.2.66", { exercise: "drill" });
    await alert("b1", "beta", "198.51.100.9");
  });
  const observatory = createObservatory({
    engine: store,
    now: () => now,
    simulated: true,
    alarms: () =>
      (["jp-01", "id-01"] as const).map((sensor) => ({
        time: now,
        sensor,
        kind: "duplicate",
        text: "Sensors id-01 and jp-01 report the same packets",
      })),
    sensors: () =>
      (["jp-01", "id-01"] as const).map((name) => ({
        name,
        country: name.slice(0, 2).toUpperCase(),
        enrolled: now - 9 * 86_400_000,
        revoked: null,
      })),
  });
  server = createApi({
    observatory,
    released: createReleased({ engine: store, now: () => now, simulated: true, lot: lotOf(Buffer.alloc(32, 3)) }),
    told: toldSources(desk, (address) => ownerOf(address)),
    live: createLive({ run: "t" }),
    guard: {
      decide: (visit) => ({
        kind: "allow",
        actor: actors[visit.authorization as Who] ?? null,
        name: "",
        scopes: null,
        session: null,
        client: clientOf(visit),
      }),
    },
    portalFolder: null,
    metrics: new Registry(),
    status: () => ({ name: "test", version: "1", started: "2026-07-01T00:00:00Z", attribution: [] }),
  });
  await server.ready();
}, 120_000);
afterAll(async () => {
  await server.close();
  await desk.close();
  await place.remove();
  await done();
});

const ask = (role: string, url: string) =>
  server.inject({ method: "GET", url: `/api/v1${url}`, headers: { authorization: role } });
const pathOf = (name: QuestionName): string =>
  `${endpoints[name].path.replace("/api/v1", "").replace("{protocol}", "tcp").replace("{port}", "23").replace("{ip}", "192.0.2.7")}?${name === "search" ? "q=23" : ""}`;
const names = Object.keys(endpoints) as QuestionName[];

/** What each role is told of the shared realm. A question that is not here fails the test below. */
const audience: Readonly<Record<QuestionName, Partial<Record<Who, "released" | "own">>>> = {
  "ports/top": {
    "sensor-host": "released",
    member: "released",
    stranger: "released",
    researcher: "released",
    observer: "released",
  },
  countries: {
    "sensor-host": "released",
    member: "released",
    stranger: "released",
    researcher: "released",
    observer: "released",
  },
  series: {
    "sensor-host": "released",
    member: "released",
    stranger: "released",
    researcher: "released",
    observer: "released",
  },
  "sources/top": { member: "own", stranger: "own" },
  source: { member: "own" },
  sensors: { "sensor-host": "own" },
  "ports/by-sensor": {},
  port: {},
  "region/domestic-overseas": {},
  "mirai/hosts": {},
  "mirai/ports": {},
  "scanners/research": {},
  networks: {},
  news: {},
  "reports/tsubame": {},
  search: {},
};

describe("every question and every role", () => {
  it.each(names.flatMap((name) => who.map((role) => [name, role] as const)))("%s for %s", async (name, role) => {
    const answer = await ask(role, pathOf(name));
    const expected = audience[name][role];
    if (role === "administrator" || role === "analyst") {
      expect(answer.statusCode).toBe(200);
      return;
    }
    // That the source of somebody else was seen is not told: it does not exist for the stranger.
    const other = name === "source" && role === "stranger" ? 404 : 403;
    expect(answer.statusCode).toBe(expected === undefined ? other : 200);
    if (expected === "released") expect(answer.json().meta.released).toBe(true);
    const text = answer.body;
    if (!(role === "sensor-host" && name === "sensors")) expect(text).not.toMatch(/jp-01|id-01|in-0|ex-01/);
    const seen = [...text.matchAll(/\b(?:\d{1,3}\.){3}\d{1,3}\b/g)].map(([ip]) => ip);
    expect(
      new Set(seen).difference(
        new Set(role === "member" ? ["192.0.2.7"] : role === "stranger" ? ["198.51.100.9"] : []),
      ),
    ).toEqual(new Set());
  });
  it.each(names)("%s of a realm that is not one's own does not exist", async (name) => {
    for (const role of who) {
      const answer = await ask(role, `${pathOf(name)}&realm=beta-inside`);
      expect(answer.statusCode, role).toBe(role === "link" ? 403 : role === "stranger" ? 200 : 404);
    }
    expect((await ask("member", `${pathOf(name)}&realm=alpha-inside`)).body).not.toContain("10.9.9.9");
  });
  it.each(names)("%s of an exercise is for staff", async (name) => {
    for (const role of who) {
      const answer = await ask(role, `${pathOf(name)}&exercise=drill`);
      expect(answer.statusCode, role).toBe(
        role === "link" ? 403 : role === "administrator" || role === "analyst" ? 200 : 404,
      );
    }
  });
  it("shows a member its own inside, whole", async () => {
    const { rows } = (await ask("member", "/sources/top?realm=alpha-inside")).json();
    expect(rows).toMatchObject([{ ip: "10.1.2.3", packets: 50 }]);
  });
  it.each(who)("live events are for staff: %s", async (role) => {
    if (role === "administrator" || role === "analyst") return;
    for (const path of ["/api/v1/live", "/metrics"]) {
      const { statusCode } = await server.inject({ method: "GET", url: path, headers: { authorization: role } });
      expect(statusCode).toBe(403);
    }
  });
  it("tells nobody but staff how much arrived", async () => {
    const staff = (await ask("analyst", "/status")).json();
    expect(staff.data).toMatchObject({ flows: 2424, to: "2026-07-10T11:00:10Z" });
    const { data } = (await ask("observer", "/status")).json();
    expect(data).toEqual({ from: "2026-07-01T00:00:00Z", to: "2026-07-09T00:00:00Z", flows: 1000 });
  });
});

describe("an owner", () => {
  it("sees the sources it was told of, and none that is held back, foreign or of an exercise", async () => {
    const { rows, facts } = (await ask("member", "/sources/top?last=24h")).json();
    expect(rows).toMatchObject([{ ip: "192.0.2.7", packets: 30, firstSeen: "2026-07-10T11:00:00Z" }]);
    expect(facts).toMatchObject({ sources: 1, packets: 30 });
    for (const ip of ["192.0.2.8", "192.0.2.66", "198.51.100.9", "192.0.2.99", "::ffff:198.51.100.9", "203.0.0.1"]) {
      expect((await ask("member", `/sources/${ip}`)).statusCode, ip).toBe(404);
    }
  });
  it("sees of them what the notice says, to the hour", async () => {
    const found = (await ask("member", "/sources/192.0.2.7?last=24h")).json();
    expect(found).toMatchObject({ sensorRows: [], evidence: [], hours: [], coverage: null });
    expect(found.facts).toMatchObject({
      seen: true,
      packets: 30,
      firstSeen: "2026-07-10T11:00:00Z",
      lastSeen: "2026-07-10T11:00:00Z",
    });
    expect((await ask("member", "/sources/::ffff:192.0.2.7?last=24h")).statusCode).toBe(200);
  });
  it("sees nothing more of what is another's by now, though it was told of it once", async () => {
    const before = ownerOf;
    ownerOf = () => "beta";
    expect((await ask("member", "/sources/192.0.2.7?last=24h")).statusCode).toBe(404);
    expect((await ask("member", "/sources/top?last=24h")).json().rows).toEqual([]);
    // Nor does the new owner by that: it was not told.
    expect((await ask("stranger", "/sources/192.0.2.7?last=24h")).statusCode).toBe(404);
    ownerOf = before;
  });
  it("has no filter by sensor", async () => {
    expect((await ask("member", "/sources/top?sensor=id-01")).statusCode).toBe(403);
    expect((await ask("member", "/series?sensor=id-01")).statusCode).toBe(403);
    expect((await ask("observer", "/ports/top?asn=64496")).statusCode).toBe(403);
    // Nor any other: what was told is no question about packets.
    for (const filter of ["port=23", "class=udp", "mark=mirai", "country=ID", "asn=64496"])
      expect((await ask("member", `/sources/top?${filter}`)).statusCode, filter).toBe(403);
  });
  it("sees the same in every form of answer", async () => {
    expect((await ask("member", "/sources/top?format=csv")).body).not.toMatch(/192\.0\.2\.8|198\.51|id-01/);
  });
});

describe("a sensor's host", () => {
  it("sees the health of its own sensor alone", async () => {
    const found = (await ask("sensor-host", "/sensors")).json();
    expect(found.rows.map(({ sensor }: { sensor: string }) => sensor)).toEqual(["jp-01"]);
    expect(JSON.stringify(found)).not.toContain("id-01");
    expect(found.facts.sensors).toBe(1);
    // Who reports as its own what it sent somewhere would be told who saw it there.
    expect(found.alarms.map(({ kind }: { kind: string }) => kind)).not.toContain("duplicate");
    expect(found.facts.alarms).toBe(found.alarms.length);
    const { alarms } = (await ask("analyst", "/sensors")).json();
    expect(alarms.map(({ kind }: { kind: string }) => kind)).toContain("duplicate");
  });
});

describe("released figures", () => {
  it("are of whole days that are over for 26 hours", async () => {
    const { period } = (await ask("observer", "/ports/top?last=7d")).json();
    expect(period).toEqual({ from: "2026-07-02T00:00:00Z", to: "2026-07-09T00:00:00Z" });
    expect((await ask("observer", "/ports/top?from=2026-07-10T00:00:00Z")).json().code).toBe("QUERY_PERIOD");
    expect((await ask("observer", "/series?step=5m")).statusCode).toBe(403);
    expect((await ask("observer", "/series?step=1h")).statusCode).toBe(403);
  });
  it("tell a port that many networks ask for, and not one that a single network floods", async () => {
    const { rows } = (await ask("observer", "/ports/top?last=7d")).json();
    expect(rows.map(({ port }: { port: number }) => port)).toEqual([23]);
  });
  it("tell no port that came up by itself, and nothing where nothing was told", async () => {
    const value = async (query: string): Promise<(number | null)[]> =>
      (await ask("observer", `/series?from=2026-07-05T00:00:00Z&to=2026-07-09T00:00:00Z${query}`))
        .json()
        .rows.map((row: { value: number | null }) => row.value);
    // Whole days with a sensor have a total; the 8th had none, and no zero either. Port 23 was usual from the 6th on.
    const [fifth, sixth, seventh, eighth] = await value("");
    expect([fifth, sixth, seventh].every((one) => typeof one === "number" && one > 0)).toBe(true);
    expect(eighth).toBeNull();
    expect((await value("&port=23")).map((one) => one !== null)).toEqual([false, true, true, false]);
    expect(await value("&port=8080")).toEqual([null, null, null, null]);
    const analyst = (await ask("analyst", "/ports/top?from=2026-07-07T00:00:00Z&to=2026-07-08T00:00:00Z")).json();
    expect(analyst.rows.map(({ port }: { port: number }) => port)).toContain(8080);
    // Two digits count.
    for (const one of [fifth, sixth, seventh]) expect(String(one)).toMatch(/^\d{1,2}0*$/);
  });
  it("are the same however often they are asked, and in every answer", async () => {
    const once = (await ask("observer", "/ports/top?last=7d")).json().rows;
    const again = (await ask("researcher", "/ports/top?last=14d")).json().rows;
    const series = (await ask("observer", "/series?last=7d&group=port")).json().rows as { value: number }[];
    // Its share is of more days.
    expect(again.map(({ share: _, ...row }: { share: number }) => row)).toEqual(
      once.map(({ share: _, ...row }: { share: number }) => row),
    );
    expect(series.reduce((n, { value }) => n + value, 0)).toBe(once[0].packets);
  });
  it("have noise of the size that the rule says", () => {
    const draws = Array.from({ length: 20_000 }, (_, i) =>
      laplace(lotOf(Buffer.alloc(32))(String(i)), releaseRule.packets * releaseRule.noise),
    );
    const scale = draws.reduce((n, x) => n + Math.abs(x), 0) / draws.length;
    expect(Math.abs(scale / (releaseRule.packets * releaseRule.noise) - 1)).toBeLessThan(0.05);
    expect(Math.abs(draws.reduce((n, x) => n + x, 0) / draws.length)).toBeLessThan(15);
  });
});

describe("statistics for who sees aggregates alone", () => {
  const at = (time: string): number => Date.parse(time) * 1000;
  it.each([
    ["2026-01-01T00:00:00Z", "2026-07-10T12:00:00Z", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"],
    ["2026-01-01T00:00:01Z", "2026-07-10T12:00:00Z", "2026-02-01T00:00:00Z", "2026-07-01T00:00:00Z"],
    // Of a month that ended less than a week ago nothing is told yet.
    ["2026-05-20T00:00:00Z", "2026-07-05T00:00:00Z", "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"],
    ["2025-12-15T00:00:00Z", "2026-01-31T00:00:00Z", "2026-01-01T00:00:00Z", null],
  ])("%s to %s are whole months", (from, to, start, end) => {
    expect(releasedMonths(at(from), at(to), now * 1000)).toEqual(
      end === null ? null : { from: at(start), to: at(end) },
    );
  });
  it("of a month that is not over for a week are none", () => {
    expect(
      releasedMonths(at("2026-06-01T00:00:00Z"), at("2026-07-01T00:00:00Z"), at("2026-07-07T00:00:00Z")),
    ).toBeNull();
    expect(
      releasedMonths(at("2026-06-01T00:00:00Z"), at("2026-07-01T00:00:00Z"), at("2026-07-08T00:00:00Z")),
    ).not.toBeNull();
  });
});
