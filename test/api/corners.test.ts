// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parametersOf } from "../../src/api/parameters.ts";
import type { AnswerOf, QuestionName } from "../../src/api/contract/index.ts";
import type { Kept } from "../../src/observe/asked.ts";
import { createObservatory } from "../../src/observe/observatory.ts";
import type { Observatory } from "../../src/observe/observatory.ts";
import { rollUpsAt } from "../../src/store/flows/rollup-read.ts";
import type { FlowStore } from "../../src/store/flows/store.ts";
import { appendKnown, knownStore } from "./known.ts";
import type { KnownBatch, KnownRow } from "./known.ts";

/** What lies at the edges of questions: marks, answers of UDP, rows without ports, bounds, what is not kept any more. */
const now = Date.parse("2026-07-10T12:00:00Z");
const from = (net: string, hosts: number, row: Omit<KnownRow, "src">): KnownRow[] =>
  Array.from({ length: hosts }, (_, i) => ({ src: `${net}.${i + 1}`, ...row }));

const [pinger, resolver, router] = ["192.0.2.50", "192.0.2.53", "192.0.2.99"];
const dates = Array.from({ length: 10 }, (_, i) => `2026-07-${String(i + 1).padStart(2, "0")}`);
const batches: KnownBatch[] = dates.flatMap((date, i): KnownBatch[] => [
  ...["jp-01", "id-01"].flatMap((sensor): KnownBatch[] => [
    {
      sensor,
      at: `${date}T00:00:00Z`,
      seconds: 36_000,
      // A few hosts that every sensor sees every day.
      rows: from("203.0.113", 6, { port: 22, packets: 2 }),
    },
    {
      sensor,
      at: `${date}T10:00:00Z`,
      seconds: date === "2026-07-10" ? 7_200 : 50_400,
      // Ten of them a day; from the eighth on forty.
      rows: sensor === "jp-01" ? from("198.51.100", i < 7 ? 10 : 40, { port: 445, packets: 3 }) : [],
    },
  ]),
  ...(date === "2026-07-09"
    ? [
        {
          sensor: "jp-01",
          at: "2026-07-09T11:00:00Z",
          rows: [
            { src: pinger, port: 0, packets: 7, kind: "icmp-echo-request" as const },
            { src: pinger, port: 23, packets: 2 },
            ...Array.from({ length: 12 }, (_, port) => ({
              src: resolver,
              port: 50_000 + port,
              packets: 3,
              kind: "udp" as const,
              victim: resolver,
            })),
            // Three attacked hosts, one dark address.
            ...["198.18.0.1", "198.18.0.2", "198.18.0.3"].map((victim, token) => ({
              src: router,
              port: 0,
              packets: 1,
              kind: "icmp-unreachable" as const,
              victim,
              tokens: [token + 1],
            })),
            // Many ask for port 80, one of them marked; few for port 2323, all of them.
            ...from("198.51.100", 60, { port: 80, packets: 3 }).map((row, host) => ({
              ...row,
              mirai: host === 0 ? 3 : 0,
            })),
            ...from("198.51.100", 20, { port: 2323, packets: 20, mirai: 20, zmap: 4 }),
            ...from("203.0.113", 1, { port: 81, packets: 9, zmap: 9 }),
          ],
        },
      ]
    : []),
]);

let store: FlowStore;
let done: () => Promise<void>;
const observatory = (
  rollUps: boolean,
  { kept, at = now, enrolled = true }: { kept?: Kept; at?: number; enrolled?: boolean } = {},
): Observatory =>
  createObservatory({
    engine: store,
    now: () => at,
    simulated: true,
    sensors: () =>
      enrolled
        ? ["jp-01", "id-01"].map((name) => ({
            name,
            country: "JP",
            enrolled: Date.parse("2026-07-01T00:00:00Z"),
            revoked: null,
          }))
        : [],
    ...(kept === undefined ? {} : { kept: () => kept }),
    ...(rollUps ? { rollUps: () => rollUpsAt(store.frontiers()) } : {}),
  });
const put = <Q extends QuestionName>(
  one: Observatory,
  name: Q,
  given: Record<string, string> = {},
): Promise<AnswerOf<Q>> => one.ask(name, parametersOf(name, given));

beforeAll(async () => {
  ({ store, done } = await knownStore());
  await appendKnown(store, batches);
  await store.rollUp(Date.parse("2026-07-10T10:10:00Z") * 1000);
}, 120_000);
afterAll(() => done());

const span = (first: string, last: string): Record<string, string> => ({
  from: `2026-07-${first}T00:00:00Z`,
  to: `2026-07-${last}T00:00:00Z`,
});
const ninth = span("09", "10");

describe.each([
  ["the base", false],
  ["roll-ups and the base", true],
])("from %s", (_name, rollUps) => {
  const ask = <Q extends QuestionName>(name: Q, given: Record<string, string> = {}): Promise<AnswerOf<Q>> =>
    put(observatory(rollUps), name, given);

  it("a source that pings has evidence, without a port", async () => {
    const { facts, evidence } = await ask("source", { ip: pinger, ...ninth });
    expect(evidence.map(({ protocol, port, sourcePort }) => [protocol, port, sourcePort === null])).toEqual([
      ["tcp", 23, false],
      ["icmp", null, true],
    ]);
    expect(facts.ports).toBe(1);
  });

  it("what has no port counts as none among the ports of a source", async () => {
    const { rows } = await ask("sources/top", { ...span("08", "10"), limit: "100" });
    expect(rows.find(({ ip }) => ip === pinger)?.ports).toBe(1);
    expect(rows.find(({ ip }) => ip === router)?.ports).toBe(0);
  });

  it("a server that answers forged datagrams asks for nothing", async () => {
    const { facts } = await ask("source", { ip: resolver, ...ninth });
    expect(facts).toMatchObject({ verdict: "backscatter", mostPortsInDay: 0 });
    expect((await ask("scanners/research", ninth)).facts.heuristic).toBe(0);
    expect((await ask("scanners/research", { ...span("09", "10"), sensor: "jp-01" })).facts.heuristic).toBe(0);
  });

  it("errors about three attacked hosts reached one dark address", async () => {
    expect((await ask("source", { ip: router, ...ninth })).facts.destinations).toBe(1);
  });

  it("ports by sources of a mark are those that most marked sources ask for", async () => {
    const { rows } = await ask("ports/top", { ...ninth, by: "sources", mark: "mirai", limit: "1" });
    expect(rows.map(({ port, sources }) => [port, sources])).toEqual([[2323, 20]]);
  });

  it("groups by sources are counted before the first are told", async () => {
    // Six hosts of TH every day at both sensors are more by the sum of days and sensors; of ID there are ten.
    const { groups, rows } = await ask("series", {
      ...span("01", "07"),
      group: "country",
      measure: "sources",
      limit: "1",
    });
    expect(groups).toEqual([{ group: "ID", label: "ID", total: 10 }]);
    expect(new Set(rows.map(({ group }) => group))).toEqual(new Set(["ID"]));
    const networks = await ask("series", { ...ninth, group: "network", measure: "sources", limit: "1" });
    expect(networks.groups).toEqual([{ group: "64497", label: "=Invented Jakarta", total: 60 }]);
    const ports = await ask("series", { ...span("01", "07"), group: "port", measure: "sources", limit: "1" });
    expect(ports.groups.map(({ group, total }) => [group, total])).toEqual([["tcp/445", 10]]);
  });

  it("packets with a mark are grouped under that mark alone", async () => {
    const { groups } = await ask("series", { ...ninth, mark: "mirai", group: "mark" });
    expect(groups.map(({ group, total }) => [group, total])).toEqual([["mirai", 403]]);
    const flows = await ask("series", { ...ninth, mark: "mirai", group: "mark", measure: "flows" });
    expect(flows.groups.map(({ group, total }) => [group, total])).toEqual([["mirai", 21]]);
  });

  it("the sources of an hour are no day's, and those of days are a mean", async () => {
    const hour = await ask("news", { from: "2026-07-07T10:00:00Z", to: "2026-07-07T11:00:00Z" });
    expect(hour.rows.map(({ kind, port }) => [kind, port])).toEqual([]);
    // Ten a day in the week before, forty on each of three days since, the last of which is not over.
    const days = await ask("news", span("08", "11"));
    expect(
      days.rows
        .filter(({ kind }) => kind === "fast-port")
        .map(({ port, sources, usualSources, times }) => [port, sources, usualSources, times]),
    ).toEqual([[445, 40, 10, 4]]);
  });
});

it("what has not passed of a period is not compared", async () => {
  const { previous } = await put(observatory(true), "ports/top", span("10", "11"));
  expect(previous).toMatchObject({ from: "2026-07-09T12:00:00Z", to: "2026-07-10T00:00:00Z" });
  // Past and wholly future ones as they are.
  expect((await put(observatory(true), "ports/top", ninth)).previous?.from).toBe("2026-07-08T00:00:00Z");
  expect((await put(observatory(true), "ports/top", span("12", "13"))).previous?.from).toBe("2026-07-11T00:00:00Z");
});

it("a replay names the quarter of its data", async () => {
  const replay = observatory(true, { at: Date.parse("2027-02-01T00:00:00Z"), enrolled: false });
  const { facts, period } = await put(replay, "reports/tsubame");
  expect(period?.from).toBe("2026-07-01T00:00:00Z");
  expect(facts.quarter).toBe("2026Q3");
});

describe("what is not kept any more", () => {
  const kept = { rows: Date.parse("2026-07-05T00:00:00Z"), fine: -Infinity };
  const ask = <Q extends QuestionName>(name: Q, given: Record<string, string> = {}): Promise<AnswerOf<Q>> =>
    put(observatory(true, { kept }), name, given);

  it("is null in a series that only rows tell, and compared with nothing", async () => {
    const filters = { country: "ID", port: "445", step: "1d" };
    const { rows, facts, meta } = await ask("series", { ...span("03", "07"), ...filters });
    expect(rows.map(({ value }) => value)).toEqual([null, null, 30, 30]);
    expect(facts).toMatchObject({ total: 60, gaps: 0, peak: 30 });
    expect(meta.keptFrom).toBe("2026-07-05T00:00:00Z");
    // Two days that are there, two before that are not.
    const next = await ask("series", { ...span("06", "08"), ...filters });
    expect(next).toMatchObject({ facts: { total: 60, change: null }, previous: { comparable: false } });
    expect(next.meta.keptFrom).toBe("2026-07-05T00:00:00Z");
    const later = await ask("series", { ...span("07", "09"), ...filters });
    expect(later).toMatchObject({ facts: { total: 150, change: 1.5 }, previous: { comparable: true } });
    expect(later.meta.keptFrom).toBeUndefined();
    const gone = await ask("series", { ...span("02", "04"), ...filters });
    expect(gone.facts).toMatchObject({ total: null, peak: null, change: null });
    const others = await ask("series", { ...span("03", "07"), country: "ID", group: "port", step: "1d" });
    expect(others.groups).toEqual([{ group: "tcp/445", label: "tcp/445", total: 60 }]);
  });

  it("is told by roll-ups that name no source", async () => {
    const { rows, facts, meta } = await ask("series", { ...span("03", "05"), port: "445", step: "1d" });
    expect(rows.map(({ value }) => value)).toEqual([30, 30]);
    expect(facts.change).toBe(0);
    expect(meta.keptFrom).toBeUndefined();
    const fine = observatory(true, { kept: { ...kept, fine: Date.parse("2026-07-04T00:00:00Z") } });
    const hours = await put(fine, "series", { ...span("03", "05"), step: "1h" });
    expect(hours.rows.filter(({ value }) => value === null)).toHaveLength(24);
  });

  it("leaves shares of what is", async () => {
    const { rows, facts, meta } = await ask("scanners/research", span("04", "06"));
    expect(rows).toEqual([
      { date: "2026-07-04", packets: 54, listed: null, heuristic: null, either: null, share: null },
      { date: "2026-07-05", packets: 54, listed: 0, heuristic: 0, either: 0, share: 0 },
    ]);
    expect(facts).toMatchObject({ packets: 54, share: 0 });
    expect(meta.keptFrom).toBe("2026-07-05T00:00:00Z");
    expect((await ask("sources/top", span("03", "10"))).facts.packets).toBe(
      (await ask("sources/top", span("05", "10"))).facts.packets,
    );
  });

  it("is not the first that was seen of a port", async () => {
    const port = { protocol: "tcp", port: "445" };
    expect((await ask("port", { ...port, ...span("03", "07") })).facts.firstSeen).toBeNull();
    expect((await ask("port", { ...port, ...span("05", "07") })).facts.firstSeen).toBe("2026-07-05T10:00:00Z");
  });

  it("is no measure of ports of one country", async () => {
    const { rows, facts } = await ask("ports/top", { ...span("06", "08"), country: "ID" });
    expect(rows[0]).toMatchObject({ port: 445, packets: 60, change: null, previousPackets: null });
    expect(facts.previousPackets).toBeNull();
  });
});
