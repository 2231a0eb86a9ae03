// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, it } from "vitest";
import { parametersOf } from "../../src/api/parameters.ts";
import type { QuestionName } from "../../src/api/contract/index.ts";
import { createObservatory } from "../../src/observe/observatory.ts";
import { rollUpsAt } from "../../src/store/flows/rollup-read.ts";
import type { FlowStore } from "../../src/store/flows/store.ts";
import { appendKnown, knownStore } from "./known.ts";
import type { KnownBatch, KnownRow } from "./known.ts";

/**
 * Where a few ports and sources have nearly all and most have next to nothing, as in a real darknet: then the largest are found without summing up
 * the rare ones, and the answers are those of the base.
 */
const now = Date.parse("2026-07-10T12:00:00Z");
const sensors = ["jp-01", "id-01"];
const rowsOf = (seed: number): KnownRow[] => [
  // 24 ports from 40 sources each, some packets of Mirai's; how many differs by port and hour.
  ...Array.from({ length: 24 * 40 }, (_, i): KnownRow => {
    const port = 20 + (i % 24);
    return { src: `198.51.100.${1 + ((i * 7) % 40)}`, port, packets: 2 + ((port * 13 + seed) % 9), mirai: port % 3 };
  }),
  // Each of the others once in a while.
  ...Array.from({ length: 150 }, (_, i): KnownRow => ({
    src: `203.0.113.${1 + ((i + seed) % 250)}`,
    port: 1000 + ((i * 37 + seed * 11) % 3000),
    packets: 1 + (i % 2),
  })),
];
const batches: KnownBatch[] = ["07", "08", "09", "10"].flatMap((date) =>
  Array.from({ length: date === "10" ? 12 : 24 }, (_, hour) => hour).flatMap((hour) =>
    sensors.map((sensor, i) => ({
      sensor,
      at: `2026-07-${date}T${String(hour).padStart(2, "0")}:00:00Z`,
      seconds: 3600,
      rows: rowsOf(hour + 5 * i + Number(date)),
      ...(date === "09" && hour === 3 ? { storm: 500 } : {}),
    })),
  ),
);

let store: FlowStore;
let done: () => Promise<void>;
const asked: string[] = [];
beforeAll(async () => {
  ({ store, done } = await knownStore());
  await appendKnown(store, batches);
  await store.rollUp(Date.parse("2026-07-10T11:35:00Z") * 1000);
}, 120_000);
afterAll(() => done());

const observatory = (rollUps: boolean) =>
  createObservatory({
    engine: {
      queryRaw: (...all) => store.queryRaw(...all),
      query: <Row>(...all: Parameters<FlowStore["query"]>) => {
        asked.push(all[0]);
        return store.query<Row>(...all);
      },
    },
    now: () => now,
    simulated: true,
    sensors: () =>
      sensors.map((name) => ({ name, country: "JP", enrolled: Date.parse("2026-07-01T00:00:00Z"), revoked: null })),
    ...(rollUps ? { rollUps: () => rollUpsAt(store.frontiers()) } : {}),
  });

it.each([
  ["ports/top", { last: "24h" }, true],
  // No hour has more sources than the rare ones could add up to.
  ["ports/top", { last: "24h", by: "sources", limit: "5" }, false],
  ["ports/top", { last: "2d" }, true],
  ["ports/top", { from: "2026-07-07T10:00:00Z", to: "2026-07-10T11:00:00Z", sensor: "id-01" }, true],
  // As many as there are not among the leaders: all are summed up.
  ["ports/top", { last: "24h", limit: "200" }, false],
  ["ports/by-sensor", { last: "2d" }, true],
  ["mirai/ports", { last: "2d", limit: "10" }, true],
  ["mirai/hosts", { last: "2d" }, undefined],
  ["series", { last: "2d", group: "port", class: "tcp-syn" }, true],
  ["port", { protocol: "tcp", port: "23", last: "24h" }, true],
  ["port", { protocol: "tcp", port: "1100", last: "24h" }, false],
  ["reports/tsubame", { quarter: "2026Q3" }, true],
  ["sources/top", { from: "2026-07-07T00:00:00Z", to: "2026-07-10T00:00:00Z", limit: "10" }, true],
  ["sources/top", { from: "2026-07-07T00:00:00Z", to: "2026-07-10T00:00:00Z", limit: "45" }, true],
  ["sources/top", { from: "2026-07-07T00:00:00Z", to: "2026-07-10T00:00:00Z", limit: "500" }, false],
  ["sources/top", { last: "24h", limit: "20" }, undefined],
  ["scanners/research", { last: "2d" }, undefined],
  ["scanners/research", { last: "24h" }, undefined],
  ["source", { ip: "198.51.100.7", last: "2d" }, undefined],
  ["news", { last: "24h" }, undefined],
] as [QuestionName, Record<string, string>, boolean | undefined][])(
  "%s %o is the same from roll-ups",
  async (name, given, proved) => {
    const parameters = parametersOf(name, given);
    const { meta: _base, ...base } = await observatory(false).ask(name, parameters);
    asked.length = 0;
    const { meta: _rolled, ...rolled } = await observatory(true).ask(name, parameters);
    expect(rolled).toEqual(base);
    if (proved === undefined) return;
    // Leaders were asked for; all together only where they did not suffice.
    expect(asked.some((sql) => sql.includes("rare = 0"))).toBe(true);
    const whole = (sql: string): boolean =>
      !sql.includes("rare = 0") &&
      !sql.includes("chosen") &&
      (sql.includes("1 AS proved") || sql.includes("AS place") || /GROUP BY src ORDER BY most DESC/.test(sql));
    expect(asked.some(whole)).toBe(!proved);
  },
  60_000,
);
