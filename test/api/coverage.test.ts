// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "vitest";
import { parametersOf } from "../../src/api/parameters.ts";
import type { AnswerOf, QuestionName } from "../../src/api/contract/index.ts";
import type { SensorInfo } from "../../src/observe/asked.ts";
import { createObservatory } from "../../src/observe/observatory.ts";
import type { Observatory } from "../../src/observe/observatory.ts";
import { rollUpsAt } from "../../src/store/flows/rollup-read.ts";
import type { FlowStore } from "../../src/store/flows/store.ts";
import { appendKnown, knownStore } from "./known.ts";
import type { KnownBatch, KnownRow } from "./known.ts";

const now = Date.parse("2026-07-10T12:00:00Z");
const at = (time: string): number => Date.parse(time);

let done: () => Promise<void> = async () => {};
afterEach(() => done());

const observed = async (
  batches: readonly KnownBatch[],
  sensors: readonly SensorInfo[] = [],
): Promise<{ store: FlowStore; observatory: Observatory }> => {
  const known = await knownStore();
  ({ done } = known);
  await appendKnown(known.store, batches);
  const { store } = known;
  return {
    store,
    observatory: createObservatory({
      engine: store,
      now: () => now,
      simulated: true,
      sensors: () => sensors,
      rollUps: () => rollUpsAt(store.frontiers()),
    }),
  };
};
const ask = <Q extends QuestionName>(
  observatory: Observatory,
  name: Q,
  given: Record<string, string>,
): Promise<AnswerOf<Q>> => observatory.ask(name, parametersOf(name, given));
const enrolled = (name: string, since: string): SensorInfo => ({
  name,
  country: "JP",
  enrolled: at(since),
  revoked: null,
});
const row: KnownRow = { src: "192.0.2.1", port: 23, packets: 144 };

describe("a report covers its interval to the end", () => {
  const sensors = [enrolled("jp-01", "2026-07-09T00:00:00Z")];

  it("and up-time is the same on every page that speaks of the same period", async () => {
    const { observatory } = await observed(
      [
        { sensor: "jp-01", at: "2026-07-09T00:00:00Z", seconds: 43_200, rows: [row] },
        { sensor: "jp-01", at: "2026-07-10T09:30:00Z", seconds: 9_000, rows: [row] },
      ],
      sensors,
    );
    const week = await ask(observatory, "sensors", { days: "7" });
    const of = async (last: string) => (await ask(observatory, "series", { last })).coverage?.up;
    // 14.5 of the 36 hours since it was enrolled; of the last day 2.5 hours: what differs is the period, and every page names its own.
    expect(week.rows[0]?.upShare).toBeCloseTo(14.5 / 36, 10);
    expect(await of("7d")).toBe(week.rows[0]?.upShare);
    expect(await of("24h")).toBeCloseTo(2.5 / 24, 10);
    // Nobody was there in five days of that week, and the answer says so.
    expect(week.rows[0]?.upSince).toBe("2026-07-09T00:00:00Z");
    const since = async (last: string) => (await ask(observatory, "series", { last })).coverage;
    expect(await since("7d")).toMatchObject({ since: "2026-07-09T00:00:00Z", joined: 1 });
    expect(await since("24h")).toMatchObject({ since: null, joined: 0 });
  });

  it("of three and of twelve hours", async () => {
    const { observatory } = await observed(
      [
        { sensor: "jp-01", at: "2026-07-09T00:00:00Z", seconds: 43_200, rows: [row] },
        { sensor: "jp-01", at: "2026-07-09T12:00:00Z", seconds: 10_800, rows: [row] },
      ],
      sensors,
    );
    const day = { from: "2026-07-09T00:00:00Z", to: "2026-07-10T00:00:00Z" };
    const { coverage, rows } = await ask(observatory, "region/domestic-overseas", day);
    expect(coverage).toMatchObject({ up: 15 / 24, outages: [{ sensor: "jp-01", minutes: 540 }] });
    // 288 packets in 15 of the day's 24 hours.
    expect(rows[0]).toMatchObject({ side: "domestic", sensorDays: 15 / 24, perSensorDay: 288 / (15 / 24) });
    const { buckets, rows: values } = await ask(observatory, "series", { ...day, step: "1h" });
    expect(buckets.map(({ up }) => up)).toEqual(Array.from({ length: 24 }, (_, hour) => (hour < 15 ? 1 : 0)));
    // The rows of a report stand at its beginning here; the hours after are 0, those of the outage null.
    expect(values.map(({ value }) => value)).toEqual(
      Array.from({ length: 24 }, (_, hour) => (hour >= 15 ? null : hour % 12 === 0 ? 144 : 0)),
    );
    const { history, rows: health } = await ask(observatory, "sensors", { days: "2" });
    expect(history[0]?.runs).toEqual([
      { from: "2026-07-09T00:00:00Z", to: "2026-07-09T15:00:00Z", state: "up" },
      { from: "2026-07-09T15:00:00Z", to: "2026-07-10T12:00:00Z", state: "down" },
    ]);
    expect(health[0]?.upShare).toBeCloseTo(15 / 36, 10);
    // The newest report's packets over the three hours it covers.
    expect(health[0]?.rate).toBeCloseTo(144 / 10_800, 10);
  });

  it("that begins before the period, to the microsecond", async () => {
    const { observatory } = await observed(
      [{ sensor: "jp-01", at: "2026-07-09T11:00:00Z", seconds: 3600, rows: [row] }],
      sensors,
    );
    const { coverage } = await ask(observatory, "ports/top", {
      from: "2026-07-09T11:30:00Z",
      to: "2026-07-09T12:30:00Z",
    });
    // Half past to twelve; the beat that begins at twelve is not covered.
    expect(coverage?.up).toBe(0.5);
  });
});

it("what a sensor read of the time before its enrolment makes up for no outage since", async () => {
  // Shipped with `sensor --read`: a capture that ends after the enrolment, then one that begins a quarter of an hour later.
  const { observatory } = await observed(
    [
      { sensor: "jp-01", at: "2026-07-10T11:00:00Z", seconds: 2340, rows: [row] },
      { sensor: "jp-01", at: "2026-07-10T11:54:32Z", seconds: 150, rows: [row] },
    ],
    [enrolled("jp-01", "2026-07-10T11:37:00Z")],
  );
  // Of the beats from 11:35 on, 11:40 and 11:45 are down; before the enrolment eight are up.
  const { rows, history } = await ask(observatory, "sensors", { days: "1" });
  expect(rows[0]?.upShare).toBe(3 / 5);
  expect(history[0]?.runs.map(({ state, from }) => `${from} ${state}`)).toContain("2026-07-10T11:40:00Z down");
  for (const name of ["series", "ports/top"] as const) {
    const { coverage } = await ask(observatory, name, { last: "24h" });
    expect(coverage).toMatchObject({ up: 3 / 5, outages: [{ sensor: "jp-01", minutes: 10 }] });
  }
});

it("of a sensor that stands nobody knows where, nothing is overseas", async () => {
  const { observatory } = await observed(
    [
      { sensor: "jp-01", at: "2026-07-09T00:00:00Z", seconds: 43_200, rows: [row] },
      { sensor: "xx-01", at: "2026-07-09T00:00:00Z", seconds: 43_200, rows: [{ ...row, packets: 1000 }] },
    ],
    [enrolled("jp-01", "2026-07-09T00:00:00Z"), { ...enrolled("xx-01", "2026-07-09T00:00:00Z"), country: null }],
  );
  const { facts } = await ask(observatory, "region/domestic-overseas", {
    from: "2026-07-09T00:00:00Z",
    to: "2026-07-10T00:00:00Z",
  });
  expect(facts).toMatchObject({ domestic: 288, overseas: 0, sensors: 1 });
});

describe("the data reach", () => {
  it("to the end of the report that ends last, whatever the length of others", async () => {
    const { observatory } = await observed([
      { sensor: "jp-01", at: "2026-07-08T00:00:00Z", seconds: 43_200, rows: [row] },
      { sensor: "jp-01", at: "2026-07-09T00:00:00Z", seconds: 10, rows: [row] },
    ]);
    expect(await observatory.range()).toMatchObject({
      from: at("2026-07-08T00:00:00Z"),
      to: at("2026-07-09T00:00:10Z"),
      up: 1,
    });
  });

  it("to now at most", async () => {
    const { observatory } = await observed([
      { sensor: "jp-01", at: "2026-07-10T11:59:59Z", seconds: 3600, rows: [row] },
    ]);
    expect((await observatory.range()).to).toBe(now);
  });

  it("and no enrolled sensor is up that was silent for the last five minutes", async () => {
    const { observatory } = await observed(
      [{ sensor: "jp-01", at: "2026-07-10T10:00:00Z", rows: [row] }],
      [enrolled("jp-01", "2026-07-09T00:00:00Z")],
    );
    expect((await observatory.range()).up).toBe(0);
  });
});

it("a sensor silent for longer than the period is down, not never heard", async () => {
  const { observatory } = await observed(
    [{ sensor: "jp-01", at: "2026-07-01T00:00:00Z", rows: [row] }],
    [enrolled("jp-01", "2026-06-01T00:00:00Z"), enrolled("jp-02", "2026-06-01T00:00:00Z")],
  );
  const { rows, alarms } = await ask(observatory, "sensors", { days: "1" });
  expect(rows.map(({ sensor, state, lastSeen }) => ({ sensor, state, lastSeen }))).toEqual([
    { sensor: "jp-01", state: "down", lastSeen: "2026-07-01T00:00:11Z" },
    { sensor: "jp-02", state: "never", lastSeen: null },
  ]);
  expect(alarms.map(({ kind }) => kind)).toEqual(["silent", "never"]);
});

it("on a node's second day what stays the same is no news", async () => {
  const hosts = Array.from({ length: 40 }, (_, i): KnownRow => ({ src: `203.0.113.${i + 1}`, port: 445, packets: 2 }));
  const { observatory } = await observed(
    ["09", "10"].map((date) => ({ sensor: "jp-01", at: `2026-07-${date}T09:00:00Z`, rows: hosts })),
    [enrolled("jp-01", "2026-07-09T00:00:00Z")],
  );
  const { rows, facts } = await ask(observatory, "news", { from: "2026-07-10T00:00:00Z", to: "2026-07-11T00:00:00Z" });
  expect(facts.weekCovered).toBeGreaterThan(0);
  expect(rows).toEqual([]);
});

it("a sensor of an exercise or of a member's own realm is no outage of the shared, real ones", async () => {
  const own = enrolled("jp-01", "2026-07-10T10:00:00Z");
  const { observatory } = await observed(
    [
      { sensor: "jp-01", at: "2026-07-10T10:00:00Z", seconds: 7200, rows: [row] },
      { sensor: "th-07", at: "2026-07-10T11:00:00Z", seconds: 3600, realm: "member-1", rows: [row] },
    ],
    [own, { ...own, name: "drill-7", exercise: "drill-1" }, { ...own, name: "th-07", realm: "member-1" }],
  );
  const { coverage } = await ask(observatory, "ports/top", {
    from: "2026-07-10T10:00:00Z",
    to: "2026-07-10T12:00:00Z",
  });
  expect(coverage).toMatchObject({ enrolled: 1, up: 1, outages: [] });
  const { rows, alarms } = await ask(observatory, "sensors", {});
  expect(rows.map(({ sensor }) => sensor)).toEqual(["jp-01"]);
  expect(alarms).toEqual([]);
  expect(observatory.sensors().map(({ name }) => name)).toEqual(["jp-01"]);
  expect((await ask(observatory, "sensors", { realm: "member-1" })).rows.map(({ sensor }) => sensor)).toEqual([
    "th-07",
  ]);
  expect((await ask(observatory, "search", { q: "drill-7" })).rows).toEqual([]);
});

it("lets a bounded number of questions wait, and answers again afterwards", async () => {
  const { observatory } = await observed([{ sensor: "jp-01", at: "2026-07-10T10:00:00Z", rows: [row] }]);
  const asked = await Promise.allSettled(
    Array.from({ length: 100 }, (_, i) => ask(observatory, "search", { q: String(i + 1) })),
  );
  const refused = asked.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
  expect(refused).toHaveLength(36);
  expect(refused[0]).toMatchObject({ code: "DOOR_BUSY", status: 503 });
  expect((await ask(observatory, "search", { q: "23" })).facts.hits).toBeGreaterThan(0);
}, 60_000);

it("what nobody waits for is not put to the engine; a question that another still waits for is", async () => {
  const { store } = await observed([{ sensor: "jp-01", at: "2026-07-10T10:00:00Z", rows: [row] }]);
  let statements = 0;
  const watched = createObservatory({
    engine: {
      queryRaw: (...all) => store.queryRaw(...all),
      query: async <Row>(...all: Parameters<FlowStore["query"]>) => {
        const answer = await store.query<Row>(...all);
        statements++;
        return answer;
      },
    },
    now: () => now,
    simulated: true,
  });
  await watched.range();
  statements = 0;
  let left = false;
  const asked = watched.ask("ports/top", parametersOf("ports/top", {}), () => left);
  left = true;
  await expect(asked).rejects.toMatchObject({ code: "STORE_QUERY_UNWANTED" });
  expect(statements).toBe(0);
  const [mine, other] = [false, true];
  const both = [mine, other].map((away) => watched.ask("ports/top", parametersOf("ports/top", {}), () => away));
  expect((await Promise.all(both)).map(({ facts }) => facts.packets)).toEqual([144, 144]);
});

it("an answer to the shared, real realm knows nothing of another realm or an exercise", async () => {
  const shared: KnownBatch[] = [{ sensor: "jp-01", at: "2026-07-10T10:00:00Z", rows: [{ ...row, mirai: 3 }] }];
  const others: KnownBatch[] = [{ exercise: "drill-1" }, { realm: "member-1" }].flatMap((whose) =>
    ["2026-07-05T10:00:00Z", "2026-07-10T10:05:00Z"].map((time) => ({
      ...whose,
      sensor: "xx-09",
      at: time,
      rows: Array.from({ length: 30 }, (_, i): KnownRow => ({
        src: `203.0.113.${i + 1}`,
        port: 4444,
        packets: 9,
        mirai: 9,
      })),
      storm: 50,
    })),
  );
  const answers = async (batches: readonly KnownBatch[]): Promise<unknown[]> => {
    const { store, observatory } = await observed(batches, [enrolled("jp-01", "2026-07-01T00:00:00Z")]);
    await store.rollUp(at("2026-07-10T11:00:00Z") * 1000);
    const given: Partial<Record<QuestionName, Record<string, string>>> = {
      port: { protocol: "tcp", port: "4444" },
      source: { ip: "203.0.113.1" },
      search: { q: "203.0.113.0/24" },
    };
    const names: QuestionName[] = [
      "ports/top",
      "ports/by-sensor",
      "port",
      "series",
      "region/domestic-overseas",
      "mirai/hosts",
      "mirai/ports",
      "scanners/research",
      "countries",
      "networks",
      "sources/top",
      "source",
      "news",
      "sensors",
      "reports/tsubame",
      "search",
    ];
    const found: unknown[] = [];
    for (const name of names) {
      const { meta, ...answer } = await ask(observatory, name, given[name] ?? {});
      found.push({ ...answer, dataUntil: meta.dataUntil });
    }
    await done();
    done = async () => {};
    return found;
  };
  expect(await answers([...shared, ...others])).toEqual(await answers(shared));
}, 180_000);

describe("is compared with the period before", () => {
  const both = [enrolled("jp-01", "2026-07-01T00:00:00Z"), enrolled("jp-02", "2026-07-01T00:00:00Z")];
  const hosts = (n: number): KnownRow[] =>
    Array.from({ length: n }, (_, i) => ({ src: `203.0.113.${i + 1}`, port: 23, packets: 1, mirai: 1 }));
  const stretch = (sensor: string, time: string, hours: number, n: number): KnownBatch => ({
    sensor,
    at: time,
    seconds: hours * 3600,
    rows: hosts(n),
  });
  /** Ten packets an hour and sensor on the ninth, twenty on the tenth, until noon; `then` are the hours of the ninth that jp-02 was up. */
  const days = (then: number): KnownBatch[] => [
    stretch("jp-01", "2026-07-09T12:00:00Z", 12, 10),
    ...(then > 0 ? [stretch("jp-02", "2026-07-09T12:00:00Z", then, 10)] : []),
    stretch("jp-01", "2026-07-10T00:00:00Z", 12, 20),
    stretch("jp-02", "2026-07-10T00:00:00Z", 12, 20),
  ];
  const half = { from: "2026-07-10T00:00:00Z", to: "2026-07-10T12:00:00Z" };

  it("where the same sensors saw both", async () => {
    const { store, observatory } = await observed(days(11), both);
    await store.rollUp(at("2026-07-10T05:10:00Z") * 1000);
    const top = await ask(observatory, "ports/top", half);
    expect(top.previous).toEqual({
      from: "2026-07-09T12:00:00Z",
      to: "2026-07-10T00:00:00Z",
      sensors: 1.917,
      comparable: true,
    });
    expect(top.facts).toMatchObject({ packets: 40, previousPackets: 20, topChange: 1 });
    expect(top.rows[0]).toMatchObject({ previousPackets: 20, previousSources: 10, previousRank: 1, change: 1 });
    expect((await ask(observatory, "series", half)).facts).toMatchObject({ previousTotal: 20, change: 1 });
    expect((await ask(observatory, "countries", half)).rows[0]).toMatchObject({ previousPackets: 20, change: 1 });
    expect((await ask(observatory, "networks", half)).rows[0]).toMatchObject({ previousSources: 10, change: 1 });
    expect((await ask(observatory, "mirai/hosts", half)).facts).toMatchObject({ previousHosts: 10, change: 1 });
    expect((await ask(observatory, "port", { protocol: "tcp", port: "23", ...half })).facts).toMatchObject({
      previousPackets: 20,
      change: 1,
    });
  });

  it.each([
    ["a sensor was down in a part of it", days(6), half],
    ["the data began inside it", days(0).filter(({ at: time }) => time !== "2026-07-09T12:00:00Z"), half],
    ["half of it was seen by nobody", days(12), { from: "2026-07-09T18:00:00Z", to: "2026-07-10T12:00:00Z" }],
  ])("but not where %s", async (_what, batches, period) => {
    const { observatory } = await observed(batches, both);
    const top = await ask(observatory, "ports/top", period);
    expect(top.previous?.comparable).toBe(false);
    expect(top.facts).toMatchObject({ previousPackets: null, topChange: null });
    expect(top.rows[0]).toMatchObject({
      previousPackets: null,
      previousSources: null,
      previousRank: null,
      change: null,
    });
    expect((await ask(observatory, "series", period)).facts).toMatchObject({ previousTotal: null, change: null });
    expect((await ask(observatory, "countries", period)).rows[0]).toMatchObject({
      previousPackets: null,
      change: null,
    });
    expect((await ask(observatory, "mirai/hosts", period)).facts).toMatchObject({ previousHosts: null, change: null });
    expect((await ask(observatory, "port", { protocol: "tcp", port: "23", ...period })).facts).toMatchObject({
      previousPackets: null,
      change: null,
    });
  });

  it("not while a sensor is down now, and by the one that is asked of where it was up", async () => {
    const { observatory } = await observed(days(12).slice(0, 3), both);
    expect((await ask(observatory, "series", half)).facts).toMatchObject({ previousTotal: null });
    expect((await ask(observatory, "series", { ...half, sensor: "jp-01" })).facts).toMatchObject({ previousTotal: 10 });
  });
});
