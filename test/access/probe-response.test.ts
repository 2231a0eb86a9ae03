// SPDX-License-Identifier: Apache-2.0
import Fastify from "fastify";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enoughSensors } from "../../src/alert/alert.ts";
import { lotOf } from "../../src/access/secrets.ts";
import { toldSources } from "../../src/access/told.ts";
import { operatorVisitor } from "../../src/access/guard.ts";
import type { DeskAnswer } from "../../src/api/contract/desk/index.ts";
import { withCampaigns } from "../../src/api/desk/campaigns.ts";
import { withDetections } from "../../src/api/desk/detections.ts";
import { actorOf as visitorOf } from "../../src/api/desk/index.ts";
import { withSearch } from "../../src/api/desk/search.ts";
import { withWarnings } from "../../src/api/desk/warnings.ts";
import { sendProblem } from "../../src/api/problem.ts";
import { askAs } from "../../src/api/view.ts";
import { portDays, portOrigins } from "../../src/app/warning-origins.ts";
import type { Actor, Role } from "../../src/model/actor.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Detection } from "../../src/model/detection.ts";
import { boardRows, listAlerts, loadAlert } from "../../src/cases/board.ts";
import { listCases } from "../../src/cases/list.ts";
import { loadWhole } from "../../src/cases/page.ts";
import { createObservatory } from "../../src/observe/observatory.ts";
import { createReleased } from "../../src/observe/released.ts";
import { json } from "../../src/store/desk/desk.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import type { FlowStore } from "../../src/store/flows/store.ts";
import { appendKnown, knownStore } from "../api/known.ts";
import type { KnownBatch, KnownRow } from "../api/known.ts";
import { detection, makeCases, organisation } from "../cases/place.ts";
import { embeddedPlace } from "../desk/place.ts";

/**
 * Probe-response (USENIX Security 2005): somebody sends probes of which each says where it went, looks at what the observatory tells, and
 * learns where sensors are. The attacker holds a /16, so it has 65,536 addresses: each probes one of the 65,536 blocks (/16) of the
 * Internet, every /24 in it at a port of its own. One finding that is told then names one /24: 256 addresses.
 */
const block = 256;
const print = (view: string, located: number, of: string): void =>
  console.log(`${view}: ${located * block} addresses located in a week (${located} of ${of})`);
const actorOf = (role: Role, organisations: readonly string[] = []): Actor => ({
  id: `person:${role}-${role}`,
  roles: [role],
  organisations,
  realms: [],
  sensors: [],
});
/** Chance without a clock: the same every time. */
const chance = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

describe("who sees figures alone", () => {
  const day = 86_400_000;
  const now = Date.parse("2026-07-20T12:00:00Z");
  const first = Date.parse("2026-06-27T00:00:00Z");
  const sensors = ["s-one", "s-two", "s-three"];
  /** Ports that many networks ask for on every day: only these can be figures at all. */
  const popular = 60;
  let store: FlowStore;
  let done: () => Promise<void>;

  /** Three weeks of a region's background, and in the last week the attacker's probes on top of it. */
  const fill = async (): Promise<void> => {
    const random = chance(20130913);
    const batches: KnownBatch[] = [];
    for (let d = 0; d < 22; d++) {
      for (const sensor of sensors) {
        const rows: KnownRow[] = [];
        for (let port = 1; port <= popular; port++) {
          const networks = 10 + Math.floor(random() * 40);
          for (let n = 0; n < networks; n++) {
            rows.push({
              src: `${20 + Math.floor(random() * 60)}.${Math.floor(random() * 250)}.${Math.floor(random() * 250)}.9`,
              port,
              packets: 1 + Math.floor(random() * 40),
            });
          }
        }
        batches.push({ sensor, at: new Date(first + d * day + 3_600_000).toISOString(), rows });
        if (d < 15) continue;
        // Every popular port and every day is one guess; the attacker happens to guess right at each third of them, which is far
        // more than chance gives. From thousands of its addresses, as much as it likes.
        const probes: KnownRow[] = [];
        for (let port = 1; port <= popular; port++) {
          if (!isHit(port, d, sensors.indexOf(sensor))) continue;
          for (let i = 0; i < 200; i++) probes.push({ src: `203.0.${i >> 4}.${i & 255}`, port, packets: 500 });
        }
        // And blocks that it gave ports which nobody else asks for.
        for (let i = 0; i < 200; i++)
          probes.push({
            src: `203.0.${i >> 4}.${i & 255}`,
            port: 30_000 + d * 10 + sensors.indexOf(sensor),
            packets: 500,
          });
        // Who forges sources has every network there is: sixty of them at another port that nobody asks for.
        for (let i = 0; i < 60; i++)
          probes.push({ src: `${100 + i}.7.7.7`, port: 40_000 + d * 10 + sensors.indexOf(sensor), packets: 50 });
        batches.push({ sensor, at: new Date(first + d * day + 7_200_000).toISOString(), rows: probes });
      }
    }
    await appendKnown(store, batches);
  };
  const isHit = (port: number, d: number, sensor: number): boolean => (port * 7 + d * 13) % 9 === sensor;

  beforeAll(async () => {
    ({ store, done } = await knownStore());
    await fill();
  }, 240_000);
  afterAll(() => done());

  /** The attacker's judgement of each (port, day): how far it stands above the days before, and whether that is more than it dares. */
  const judge = (values: ReadonlyMap<string, number>): { claims: string[]; right: number } => {
    const claims: string[] = [];
    const scores: { key: string; z: number }[] = [];
    for (let port = 1; port <= popular; port++) {
      const before = Array.from({ length: 7 }, (_, d) => values.get(`${port} ${d + 8}`) ?? 0);
      const mean = before.reduce((a, b) => a + b, 0) / before.length;
      const spread = Math.max(1, Math.sqrt(before.reduce((n, x) => n + (x - mean) ** 2, 0) / (before.length - 1)));
      for (let d = 15; d < 22; d++)
        scores.push({ key: `${port} ${d}`, z: ((values.get(`${port} ${d}`) ?? 0) - mean) / spread });
    }
    // One false claim in all is what it bears: the whole Internet has millions of blocks, and a guess that is wrong costs its cover.
    for (const { key, z } of scores) if (z > 6) claims.push(key);
    const right = claims.filter((key) => {
      const [port, d] = key.split(" ").map(Number) as [number, number];
      return sensors.some((_, s) => isHit(port, d, s));
    }).length;
    return { claims, right };
  };
  const valuesFor = async (actor: Actor): Promise<Map<string, number>> => {
    const observatory = createObservatory({ engine: store, now: () => now, simulated: false });
    const released = createReleased({
      engine: store,
      now: () => now,
      simulated: false,
      lot: lotOf(Buffer.alloc(32, 9)),
    });
    const values = new Map<string, number>();
    for (let d = 8; d < 22; d++) {
      const query = {
        from: new Date(first + d * day).toISOString(),
        to: new Date(first + (d + 1) * day).toISOString(),
        limit: 1000,
      };
      const { rows } = await askAs({ observatory, released }, actor, "ports/top", query);
      for (const { port, packets } of rows) values.set(`${port} ${d}`, packets);
    }
    return values;
  };

  it("an attack that works where nothing protects: an analyst's view", async () => {
    const values = await valuesFor(actorOf("analyst"));
    const { claims, right } = judge(values);
    const quiet = [...values.keys()].filter((key) => Number(key.split(" ")[0]) >= 30_000).length;
    console.log(
      `an analyst's view, to compare: ${right} right claims of ${claims.length}, and ${quiet} ports of the attacker's own`,
    );
    expect(right).toBeGreaterThan(100);
    expect(quiet).toBe(42);
  });
  it.each(["observer", "researcher", "member", "sensor-host"] as const)("learns nothing as %s", async (role) => {
    const values = await valuesFor(actorOf(role, role === "member" ? ["alpha"] : []));
    const { claims, right } = judge(values);
    const quiet = [...values.keys()].filter((key) => Number(key.split(" ")[0]) >= 30_000).length;
    // What is right by chance among wrong ones locates nothing: a third of all guesses were made right.
    const located = Math.max(0, right - (claims.length - right)) + quiet;
    print(`figures, ${role}`, located, `${popular * 7} probes that could be figures`);
    expect(values.size).toBeGreaterThan(500);
    expect(quiet).toBe(0);
    expect(located).toBe(0);
  });
});

describe("owners", () => {
  const count = 40;
  const random = chance(7);
  /** Forty /24 sensors in different places; which block (/16) and which /24 in it. */
  const sensors = Array.from({ length: count }, (_, i) => ({
    name: `sensor-${i}`,
    block: Math.floor(random() * 65_536),
    third: Math.floor(random() * 256),
  }));
  const owners = Array.from({ length: 8 }, (_, i) => `owner-${i}`);
  const week = 7 * 86_400_000_000;
  const start = Date.parse("2026-07-01T00:00:00Z") * 1000;
  let place: Awaited<ReturnType<typeof embeddedPlace>>;
  let desk: Desk;

  beforeAll(async () => {
    place = await embeddedPlace();
    desk = await place.open();
    for (const id of owners) await organisation(desk, id);
  });
  afterAll(async () => {
    await desk.close();
    await place.remove();
  });

  /** What detection makes of a source that probes these sensors' /24s; guards that hold such bursts are left out: the worst case. */
  const finding = (source: string, seen: readonly (typeof sensors)[number][], at: number): Detection =>
    detection(source, {
      id: `${source} ${at}`.replaceAll(/\W/g, "").padStart(32, "0").slice(-32),
      first: at,
      last: at + 60_000_000,
      packets: 256 * seen.length,
      darkAddresses: 200 * seen.length,
      sensors: seen.map(({ name }) => name),
      port: seen.at(-1)?.third ?? 0,
      samples: Array.from({ length: 30 }, (_, i) => ({
        time: at + i,
        error: 0,
        sourcePort: 40_000 + i,
        port: seen.at(-1)?.third ?? 0,
      })),
    });
  const addressOf = (owner: number, i: number): string => `${100 + owner}.1.${i >> 8}.${i & 255}`;
  /** Everything an owner can look at: boards, detections and the observatory's own sources. */
  const view = async (owners: readonly string[]): Promise<Set<string>> => {
    const found = new Set<string>();
    for (const id of owners) {
      const actor = actorOf("member", [id]);
      const rows = await desk.as(actor, async (trx) => [
        ...(await trx.selectFrom("alerts").select("source").where("exercise", "=", "").execute()),
        ...(await trx.selectFrom("detections").select("source").execute()),
      ]);
      for (const { source } of rows) if (source !== null) found.add(source);
      for (const { source } of await toldSources(desk, () => id)(actor)) found.add(source);
    }
    return found;
  };
  const clear = async (): Promise<void> => {
    for (const table of [
      "few_told",
      "told_counts",
      "alert_detections",
      "alert_episodes",
      "outbox",
      "help_links",
      "case_events",
    ] as const)
      await desk.owner.deleteFrom(table).execute();
    await desk.owner.updateTable("alerts").set({ case_id: null }).execute();
    await desk.owner.deleteFrom("detections").execute();
    await desk.owner.deleteFrom("alerts").execute();
    await desk.owner.deleteFrom("cases").execute();
  };
  const casesFor = (country: string | null, over: object = {}) =>
    makeCases(
      desk,
      owners.map((id, i) => ({
        organisation: id,
        network: `${100 + i}.1.0.0/16`,
        translation: "none" as const,
        essential: false,
        country: "ID",
      })) as never,
      { sensors: () => count, policy: { country, ...over } },
    );
  /** One pass: every address of an owner's /16 probes one block, and colluders share the blocks; apart in time, so that nothing looks like an onset. */
  const attack = async (
    cases: ReturnType<typeof makeCases>,
    attackers: readonly number[],
    begin: number,
    anchors: readonly (typeof sensors)[number][] = [],
  ): Promise<void> => {
    let at = begin;
    for (const [i, one] of sensors.entries()) {
      for (const owner of [attackers[i % attackers.length] ?? 0]) {
        at += 600_000_000;
        const now = at + 120_000_000;
        await desk.as(systemActor, (trx) =>
          cases.takeDetections(
            trx,
            [finding(addressOf(owner, one.block), [...anchors.filter((other) => other !== one), one], at)],
            { now },
          ),
        );
      }
    }
  };
  const located = (sources: ReadonlySet<string>, attackers: readonly number[]): number =>
    sensors.filter(({ block: b }) => attackers.some((owner) => sources.has(addressOf(owner, b)))).length;

  it("find every sensor where nothing protects them", async () => {
    await clear();
    await attack(casesFor("ID", { fewSensors: null }), [0], start);
    const found = located(await view(["owner-0"]), [0]);
    console.log(`an owner without a budget, to compare: ${found * block} addresses (${found} of ${count} sensors)`);
    expect(found).toBe(count);
  });
  it("locate four /24s a week at most, alone", async () => {
    await clear();
    const cases = casesFor("ID");
    await attack(cases, [0], start);
    const found = located(await view(["owner-0"]), [0]);
    print("an owner in the node's country", found, `${count} sensors; budget 4`);
    expect(found).toBeLessThanOrEqual(4);
    // The second week has its budget again, and what was held comes no sooner for being probed again.
    await attack(cases, [0], start + week + 1e9);
    expect(located(await view(["owner-0"]), [0])).toBeLessThanOrEqual(8);
  });
  it("locate sixteen a week at most, all together", async () => {
    await clear();
    const attackers = owners.map((_, i) => i);
    await attack(casesFor("ID"), attackers, start);
    const found = located(await view(owners), attackers);
    print("eight owners that collude", found, `${count} sensors; budget 16`);
    expect(found).toBeLessThanOrEqual(16);
  });
  it("gain nothing by sending every probe past sensors that they know already", async () => {
    await clear();
    const known = sensors.slice(0, 4);
    const attackers = owners.map((_, i) => i);
    await attack(casesFor("ID"), attackers, start, known);
    const found = located(await view(owners), attackers);
    print("eight owners that know four sensors", found, `${count} sensors; budget 16`);
    expect(enoughSensors(count)).toBeGreaterThan(known.length + 1);
    expect(found).toBeLessThanOrEqual(16);
  });
  it("get nothing back of the budget by what a told source does afterwards", async () => {
    await clear();
    const cases = casesFor("ID");
    await attack(cases, [0], start);
    const before = located(await view(["owner-0"]), [0]);
    // Those that were told of now reach every sensor.
    const told = [...(await view(["owner-0"]))];
    const at = start + week / 2;
    await desk.as(systemActor, (trx) =>
      cases.takeDetections(
        trx,
        told.map((source) => finding(source, sensors, at)),
        { now: at + 1e6 },
      ),
    );
    await attack(cases, [0], start + week / 2 + 2e9);
    expect(located(await view(["owner-0"]), [0])).toBe(before);
  });
  it("are answered about a host that was told of by its notices, and by none of its packets", async () => {
    await clear();
    const source = addressOf(0, 1);
    const at = start + 3_600_000_000;
    const { store, done } = await knownStore();
    const now = (at + 20_000_000_000) / 1000;
    const observatory = createObservatory({ engine: store, now: () => now, simulated: false });
    const cases = casesFor("ID");
    const take = (found: Detection, when: number) =>
      desk.as(systemActor, (trx) => cases.takeDetections(trx, [found], { now: when }));
    await take({ ...finding(source, sensors.slice(0, 1), at), packets: 30, port: 23, samples: [] }, at + 120_000_000);
    const owner = actorOf("member", ["owner-0"]);
    const told = toldSources(desk, () => "owner-0");
    const ask = async (actor: Actor) => {
      const views = { observatory, told };
      return [
        await askAs(views, actor, "source", { ip: source, last: "24h" }),
        await askAs(views, actor, "sources/top", { last: "24h" }),
      ].map(({ meta: _meta, period: _period, ...said }) => said);
    };
    /** All that a desk page is made of: the board, one alert, its case and the page of its link. */
    const deskPages = async (actor: Actor) => {
      const filter = { realm: "", exercise: "" };
      const board = await listAlerts(desk, actor, filter, "last", { limit: 10 }, at + week);
      const [row] = board.rows;
      const bearer = { ...actorOf("link"), case: row?.case_id ?? "" };
      const pages = [
        board,
        await loadAlert(desk, actor, row?.id ?? ""),
        await loadWhole(desk, actor, row?.case_number ?? 0),
        await listCases(desk, actor, filter, "touched", { limit: 10 }, at + week),
        await desk.as(bearer, (trx) => boardRows(trx, { case: bearer.case, limit: 10 })),
      ];
      // No page shows what the engine keeps beside a row for its own counts.
      const kept = new Set(["followed", "checked", "shown"]);
      return JSON.stringify(pages, (name, value: unknown) => (kept.has(name) ? undefined : value));
    };
    const before = JSON.stringify(await ask(owner));
    const pages = await deskPages(owner);
    expect(before).toContain(source);
    expect(before).toContain('"packets":30');
    expect((await askAs({ observatory, told }, owner, "source", { ip: source, last: "24h" })).rows).toMatchObject([
      { port: 23 },
    ]);

    // Now it probes: each /24 at a port of its own, and the sensors that it meets report, and detection judges it anew.
    await appendKnown(
      store,
      sensors.slice(0, 8).map(({ name, third }, i) => ({
        sensor: name,
        at: new Date(at / 1000 + 7_200_000 + i * 60_000).toISOString(),
        rows: [{ src: source, port: 1024 + third, packets: 1 }],
      })),
    );
    const later = at + 8_000_000_000;
    const seen = sensors.slice(0, 8);
    await take(
      {
        ...finding(source, seen, at),
        last: later,
        packets: 38,
        evidence: { ports: Object.fromEntries(seen.map(({ third }) => [`${1024 + third}/tcp`, 1])) },
      },
      later,
    );
    const analyst = await askAs({ observatory, told }, actorOf("analyst"), "source", { ip: source, last: "24h" });
    const named = new Set(analyst.rows.map(({ port }) => port));
    print("an analyst's view of a told source, to compare", named.size, "8 /24s probed");
    expect(named).toEqual(new Set(seen.map(({ third }) => 1024 + third)));
    expect(await deskPages(actorOf("analyst"))).toContain(`${later}`);
    expect(JSON.stringify(await ask(owner))).toBe(before);
    expect(await deskPages(owner)).toBe(pages);
    print("an owner's view of it, on every page", 0, "8 /24s probed");
    for (const filter of [{ port: 23 }, { mark: "mirai" }, { class: "udp" }, { sensor: "sensor-0" }])
      await expect(askAs({ observatory, told }, owner, "sources/top", filter as never)).rejects.toMatchObject({
        code: "ACCESS_DENIED",
      });
    await done();
  }, 240_000);
  it("are reminded of few sensors' findings within the budget, once a week each", async () => {
    await clear();
    const cases = casesFor("ID");
    const sent = async (): Promise<number> =>
      (await desk.as(systemActor, (trx) => trx.selectFrom("few_told").selectAll().execute())).length;
    await attack(cases, [0], start);
    expect(await sent()).toBe(4);
    const told = [...(await view(["owner-0"]))];
    const again = (at: number) =>
      desk.as(systemActor, (trx) =>
        cases.takeDetections(
          trx,
          told.map((source) => ({ ...finding(source, sensors.slice(0, 1), start), last: at })),
          { now: at + 1e6 },
        ),
      );
    for (let d = 1; d < 7; d++) await again(start + d * 86_400e6);
    expect(await sent()).toBe(4);
    // Half of the next week's budget, so that something is left for what is new.
    for (let d = 8; d < 14; d++) await again(start + d * 86_400e6);
    expect(await sent()).toBe(6);
  });
  it("abroad: locate nothing without an analyst's release", async () => {
    await clear();
    await attack(casesFor("TH"), [0], start);
    const found = located(await view(["owner-0"]), [0]);
    print("an owner abroad", found, `${count} sensors`);
    expect(found).toBe(0);
  });
  it("see a few samples, drawn when the rule had fired, whatever was sent", async () => {
    await clear();
    await attack(casesFor("ID"), [0], start);
    const rows = await desk.as(actorOf("member", ["owner-0"]), (trx) =>
      trx.selectFrom("alerts").select("samples").execute(),
    );
    for (const { samples } of rows) expect((samples as readonly unknown[]).length).toBeLessThanOrEqual(5);
    expect(rows.length).toBeGreaterThan(0);
  });
});

describe("who is told of surges and campaigns", () => {
  const day = 86_400_000;
  const now = Date.parse("2026-07-20T12:00:00Z");
  const sensors = ["s-one", "s-two", "s-three"];
  const hour = Math.floor(now / 3_600_000);
  let place: Awaited<ReturnType<typeof embeddedPlace>>;
  let desk: Desk;
  let store: FlowStore;
  let done: () => Promise<void>;
  let server: FastifyInstance;
  let who: Actor;

  /** What detectors make of the port and of its campaign, with so many packets and sources of the attacker's own in it. */
  const found = (probes: number, by: readonly string[]): Detection[] => {
    const common = {
      detector: "early-warning",
      source: null,
      port: 5555,
      family: null,
      first: (now - 3 * day) * 1000,
      last: now * 1000,
      packets: 9_000 + probes,
      darkAddresses: 0,
      sensors: by,
      samples: [],
    };
    const evidence = {
      state: "rising",
      found: 1,
      window_hours: 6,
      sources: 700 + probes,
      expected: 12,
      chance_log10: -40 - probes,
      sources_24h: 900 + probes,
      networks: 40 + probes,
      hours: Array.from({ length: 48 }, (_, i) => [hour - 48 + i, 30 + (i === 47 ? probes : 0), 90 + probes]).flat(),
      growth_per_hour: 0.1 + probes,
      hosts: { low: 4000 + probes, middle: 5000, high: 6000 },
      hosts_by_hour: [[hour - 2, 1, 2 + probes, 3]],
      forecasts: [{ made: 1, due: 2, hours: 6, low: 1, middle: 2 + probes, high: 3, came: null, true: null }],
      // What no detector writes there yet, and may one day.
      hops: Object.fromEntries(by.map((name) => [name, 7])),
      packets_by_sensor: Object.fromEntries(by.map((name) => [name, 10 + probes])),
    };
    const campaign = {
      mark: "zmap",
      ports: ["6/5555"],
      sources: 800 + probes,
      economies: ["CN", "ID"],
      by_origin: { CN: 800 + probes },
      by_economy: Object.fromEntries(by.map((_, i) => [["ID", "JP", "TH"][i], 100 + probes])),
      reached: Object.fromEntries(by.map((_, i) => [["ID", "JP", "TH"][i], now * 1000 - i])),
      days: [[Math.floor(now / day) - 1, 700 + probes, 8_000 + probes]],
      ours: 3 + probes,
      predictions: [{ economy: "TH", made: now * 1000 - 1e9, came: by.length > 2 ? true : null }],
    };
    return [
      detection("", { ...common, id: "5".repeat(32), kind: "surge", evidence }),
      detection("", { ...common, id: "6".repeat(32), kind: "outbreak", evidence }),
      detection("", { ...common, id: "7".repeat(32), kind: "campaign", detector: "campaign", evidence: campaign }),
    ];
  };
  const tell = async (probes: number, by: readonly string[]): Promise<void> => {
    await desk.owner.deleteFrom("detections").execute();
    for (const { darkAddresses, evidence, samples, sensors: seenBy, held, ...one } of found(probes, by))
      await desk.owner
        .insertInto("detections")
        .values({
          ...one,
          sensors: [...seenBy],
          held: [...held],
          dark_addresses: darkAddresses,
          evidence: json(evidence),
          samples: json(samples),
          organisation_id: null,
          marking: "TLP:AMBER",
          origin: "test",
          revision: 1,
          withdrawn: false,
        })
        .execute();
  };

  beforeAll(async () => {
    place = await embeddedPlace();
    desk = await place.open();
    await organisation(desk, "alpha");
    ({ store, done } = await knownStore());
    // A port that many networks ask for, on each day.
    const random = chance(5555);
    await appendKnown(
      store,
      Array.from({ length: 22 }, (_, d) =>
        sensors.map((sensor) => ({
          sensor,
          at: new Date(now - (21 - d) * day - 3_600_000).toISOString(),
          rows: Array.from({ length: 60 }, () => ({
            src: `${20 + Math.floor(random() * 60)}.${Math.floor(random() * 250)}.${Math.floor(random() * 250)}.9`,
            port: 5555,
            packets: 1 + Math.floor(random() * 40),
          })),
        })),
      ).flat(),
    );
    const clock = { now: () => now, simulated: false };
    const views = {
      observatory: createObservatory({
        engine: store,
        ...clock,
        sensors: () => sensors.map((name) => ({ name, country: "ID", enrolled: now - 40 * day, revoked: null })),
      }),
      released: createReleased({ engine: store, ...clock, lot: lotOf(Buffer.alloc(32, 9)) }),
    };
    const services = { desk, now: () => now * 1000 };
    server = Fastify({ logger: false });
    server.decorateRequest("visitor", null);
    server.decorateRequest("touched");
    server.addHook("onRequest", (request, _reply, next) => {
      request.visitor = { ...operatorVisitor, actor: who, name: who.id };
      request.touched = [];
      next();
    });
    server.setErrorHandler((error, request, reply) => sendProblem(reply, error, request, undefined));
    withWarnings(
      server,
      { ...services, origins: portOrigins(views), days: portDays(views), sensors: () => sensors.length },
      visitorOf,
    );
    withCampaigns(server, services, visitorOf);
    withDetections(server, services, visitorOf);
    withSearch(server, services, visitorOf);
    await server.ready();
  }, 240_000);
  afterAll(async () => {
    await server.close();
    await desk.close();
    await place.remove();
    await done();
  });

  const base = "/api/v1/desk";
  const idOf = (digit: string): string => digit.repeat(32);
  const routes = [
    "warnings",
    "warnings?state=rising",
    "outbreaks",
    `warnings/${idOf("5")}`,
    `warnings/${idOf("6")}`,
    "campaigns",
    "campaigns?order=sources",
    "campaigns?country=CN",
    `campaigns/${idOf("7")}`,
    "detections",
    "detections?kind=surge",
    `detections/${idOf("5")}`,
    `detections/${idOf("6")}`,
    `detections/${idOf("7")}`,
    "search?q=zmap",
  ];
  const pages = async (actor: Actor): Promise<Map<string, { status: number; body: string }>> => {
    who = actor;
    const all = new Map<string, { status: number; body: string }>();
    for (const route of routes) {
      const { statusCode, body } = await server.inject({ url: `${base}/${route}` });
      all.set(route, { status: statusCode, body });
    }
    return all;
  };

  it("reads what a probe did in none of its pages, and no sensor's name", { timeout: 240_000 }, async () => {
    await tell(0, sensors.slice(0, 2));
    const roles = ["analyst", "member", "researcher"] as const;
    const actors = roles.map((role) => actorOf(role, role === "member" ? ["alpha"] : []));
    const first: Awaited<ReturnType<typeof pages>>[] = [];
    for (const actor of actors) first.push(await pages(actor));
    // Five hundred packets from two hundred addresses to one /24 that is watched by a third sensor.
    await appendKnown(store, [
      {
        sensor: "s-three",
        at: new Date(now - 600_000).toISOString(),
        rows: Array.from({ length: 200 }, (_, i) => ({ src: `203.0.113.${i}`, port: 5555, packets: 3 })),
      },
    ]);
    await tell(200, sensors);
    for (const [i, actor] of actors.entries()) {
      const after = await pages(actor);
      const moved = routes.filter((route) => after.get(route)?.body !== first[i]?.get(route)?.body);
      const named = routes.filter((route) => /s-(one|two|three)/.test(after.get(route)?.body ?? ""));
      const faults = routes.filter((route) => (after.get(route)?.status ?? 500) >= 500);
      expect(faults).toEqual([]);
      if (actor.roles[0] === "analyst") {
        console.log(
          `surges and campaigns, an analyst's view, to compare: ${moved.length} of ${routes.length} pages move`,
        );
        expect(moved.length).toBeGreaterThan(8);
        expect(named.length).toBeGreaterThan(2);
        continue;
      }
      print(`surges and campaigns, ${actor.roles[0]}`, moved.length, `${routes.length} pages`);
      expect(moved).toEqual([]);
      expect(named).toEqual([]);
      // They are told that there is one, where and since when, and the days that are out.
      expect(JSON.parse(after.get("warnings")?.body ?? "")).toMatchObject({ total: 2 });
      const warning = JSON.parse(after.get(`warnings/${idOf("5")}`)?.body ?? "") as DeskAnswer<"warning">;
      expect(warning).toMatchObject({
        released: true,
        surge: {
          port: 5555,
          state: "rising",
          corroborated: true,
          packets: null,
          sources: null,
          sensors: null,
          spark: [],
        },
        sensors: [],
        countries: [],
        evidence: {},
      });
      expect(warning.series.filter(({ sources }) => sources !== null).length).toBeGreaterThan(7);
      expect(JSON.parse(after.get("campaigns")?.body ?? "")).toMatchObject({ rows: [{ sources: null, ours: null }] });
      expect(JSON.parse(after.get("search?q=zmap")?.body ?? "{}")).toMatchObject(
        actor.roles[0] === "member" ? { rows: [{ kind: "campaign" }] } : {},
      );
    }
  });
});
