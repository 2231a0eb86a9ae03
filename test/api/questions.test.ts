// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parametersOf } from "../../src/api/parameters.ts";
import type { AnswerOf, QuestionName } from "../../src/api/contract/index.ts";
import { createObservatory } from "../../src/observe/observatory.ts";
import type { Observatory } from "../../src/observe/observatory.ts";
import type { RollUps } from "../../src/observe/asked.ts";
import { parseResearchList } from "../../src/observe/research-list.ts";
import { rollUpsAt } from "../../src/store/flows/rollup-read.ts";
import type { FlowStore } from "../../src/store/flows/store.ts";
import { appendKnown, knownStore } from "./known.ts";
import type { KnownBatch, KnownRow } from "./known.ts";

/** Friday, noon. */
const now = Date.parse("2026-07-10T12:00:00Z");
const from = (net: string, hosts: number, row: Omit<KnownRow, "src">): KnownRow[] =>
  Array.from({ length: hosts }, (_, i) => ({ src: `${net}.${i + 1}`, ...row }));

const week: KnownBatch[] = [3, 4, 5, 6, 7, 8, 9].map((date) => ({
  sensor: "jp-01",
  at: `2026-07-0${date}T13:00:00Z`,
  rows: [...from("198.51.100", 10, { port: 23, packets: 1 }), ...from("203.0.113", 40, { port: 445, packets: 2 })],
}));
const many = Array.from({ length: 11 }, (_, i) => ({ src: "203.0.113.200", port: 1000 + i, packets: 1, zmap: 1 }));
/** Ten o'clock to eleven, a batch each five minutes; id-01 falls silent at half past. */
const today: KnownBatch[] = Array.from(
  { length: 12 },
  (_, i) => `2026-07-10T10:${String(i * 5).padStart(2, "0")}:00Z`,
).flatMap((at, i): KnownBatch[] => [
  {
    sensor: "jp-01",
    at,
    rows:
      i === 0
        ? [
            ...from("198.51.100", 40, { port: 23, packets: 2, tokens: [7, 9] }).map((row, host) => ({
              ...row,
              mirai: host < 20 ? 2 : 0,
            })),
            ...from("192.0.2", 5, { port: 7547, packets: 3 }),
            ...from("203.0.113", 10, { port: 445, packets: 2 }),
            ...many,
            { src: "2001:db8::5", port: 53, packets: 4, kind: "udp" },
            { src: "192.0.2.99", port: 80, packets: 50, kind: "tcp-syn-ack" },
          ]
        : [],
    ...(i === 1 ? { storm: 1000 } : {}),
  },
  ...(i < 6
    ? [{ sensor: "id-01", at, rows: i === 0 ? from("198.51.100", 3, { port: 22, packets: 7, tokens: [1, 2, 3] }) : [] }]
    : []),
]);
/** TSUBAME's published table for source Japan, April to June 2022: port, Mirai-type packets, packets. */
const anchor = [
  [23, 51_468, 54_555],
  [37_215, 6_551, 6_554],
  [2_323, 2_679, 3_180],
  [22, 1_906, 5_351],
  [5_501, 1_285, 1_285],
] as const;
const quarter: KnownBatch[] = [
  {
    sensor: "jp-01",
    at: "2022-05-02T00:00:00Z",
    rows: anchor.flatMap(([port, mirai, packets]) => [
      { src: "192.0.2.1", port, packets: mirai, mirai },
      ...(packets > mirai ? [{ src: "192.0.2.2", port, packets: packets - mirai }] : []),
    ]),
  },
];
const everything = [...quarter, ...week, ...today];

let store: FlowStore;
let done: () => Promise<void>;
const observatory = (rollUps: boolean): Observatory =>
  createObservatory({
    engine: store,
    now: () => now,
    simulated: true,
    sensors: () => [
      { name: "jp-01", country: "JP", enrolled: Date.parse("2022-01-01T00:00:00Z"), revoked: null },
      { name: "id-01", country: "ID", enrolled: Date.parse("2026-07-10T10:00:00Z"), revoked: null },
      { name: "th-01", country: "TH", enrolled: Date.parse("2026-07-10T11:00:00Z"), revoked: null },
    ],
    research: () =>
      parseResearchList("# known\n198.51.100.1 # probe7.scan.example.org\n192.0.2.0/29 # lab\nnonsense\n"),
    ...(rollUps
      ? {
          rollUps: (): RollUps => rollUpsAt(store.frontiers()),
        }
      : {}),
  });

beforeAll(async () => {
  ({ store, done } = await knownStore());
  await appendKnown(store, everything);
  // Up to an hour in the middle of today: answers then come from all grains and the base together.
  await store.rollUp(Date.parse("2026-07-10T10:10:00Z") * 1000);
});
afterAll(async () => {
  await done();
});

const hour = { from: "2026-07-10T10:00:00Z", to: "2026-07-10T11:00:00Z" };

describe.each([
  ["the base", false],
  ["roll-ups and the base", true],
])("from %s", (_name, rollUps) => {
  const ask = <Q extends QuestionName>(name: Q, given: Record<string, string> = {}): Promise<AnswerOf<Q>> =>
    observatory(rollUps).ask(name, parametersOf(name, given));

  it("ports/top counts packets, storms included, and compares with the period before", async () => {
    const { rows, facts, coverage } = await ask("ports/top", hour);
    expect(rows.slice(0, 4).map(({ protocol, port, packets, sources }) => [protocol, port, packets, sources])).toEqual([
      ["tcp", 23, 1080, 40],
      ["tcp", 22, 21, 3],
      ["tcp", 445, 20, 10],
      ["tcp", 7547, 15, 5],
    ]);
    const packets = 1080 + 21 + 20 + 15 + 11 + 4;
    expect(facts).toMatchObject({ packets, sources: 40 + 5 + 10 + 1 + 1, ports: 16, previousPackets: null });
    // Answers to forged requests chose no port, and were counted all the same: the headline is what sensors counted.
    expect(facts).toMatchObject({ counted: packets + 50, countedSources: 40 + 5 + 10 + 1 + 1 + 1 });
    expect(facts.counted).toBe((await ask("series", { ...hour, measure: "packets" })).facts.total);
    expect(rows[0]?.share).toBeCloseTo(1080 / packets, 10);
    expect(coverage).toMatchObject({ degraded: true, outages: [{ sensor: "id-01", minutes: 30 }], enrolled: 2 });
    expect(coverage?.up).toBeCloseTo(18 / 24, 10);
  });

  it("port over days sums up its sources, origins and signatures", async () => {
    const answer = await ask("port", {
      protocol: "tcp",
      port: "23",
      from: "2026-07-02T00:00:00Z",
      to: "2026-07-11T00:00:00Z",
    });
    expect(answer.facts).toMatchObject({
      packets: 7 * 10 + 1080,
      sources: 40,
      miraiPackets: 40,
      firstSeen: "2026-07-03T13:00:00Z",
    });
    // Ten hosts came every day with a packet, and with two on the last.
    expect(answer.rows.slice(0, 11).map(({ packets }) => packets)).toEqual([...Array<number>(10).fill(9), 2]);
    expect(answer.rows[0]).toMatchObject({ ip: "198.51.100.1", firstSeen: "2026-07-03T13:00:00Z", mirai: 2 });
    expect(answer.countries.reduce((sum, { packets }) => sum + packets, 0)).toBe(7 * 10 + 80);
    expect(answer.signatures.reduce((sum, { packets }) => sum + packets, 0)).toBe(7 * 10 + 80);
    expect(answer.signatures[0]?.sources).toBe(40);
  });

  it("ports/top by sources has another order, and knows the day before", async () => {
    const day = (date: string, next: string): Promise<AnswerOf<"ports/top">> =>
      ask("ports/top", { from: `2026-07-${date}T00:00:00Z`, to: `2026-07-${next}T00:00:00Z`, by: "sources" });
    const { rows, facts } = await day("09", "10");
    expect(
      rows.map(({ port, packets, sources, previousPackets, previousSources, previousRank, change }) => [
        port,
        packets,
        sources,
        previousPackets,
        previousSources,
        previousRank,
        change,
      ]),
    ).toEqual([
      [445, 80, 40, 80, 40, 1, 0],
      [23, 10, 10, 10, 10, 2, 0],
    ]);
    expect(facts.previousPackets).toBe(10 + 80);
    // An hour of today against a moment of yesterday: that the sensors were up longer is no rise.
    const today = await day("10", "11");
    expect(today.rows.slice(0, 2).map(({ port, sources, change }) => [port, sources, change])).toEqual([
      [23, 40, null],
      [445, 10, null],
    ]);
    expect(today.previous?.comparable).toBe(false);
  });

  it("ports/by-sensor puts sensors side by side", async () => {
    const { rows, facts } = await ask("ports/by-sensor", { ...hour, limit: "2" });
    expect(
      rows.map(({ sensor, country, rank, port, packets, sources }) => [sensor, country, rank, port, packets, sources]),
    ).toEqual([
      ["id-01", "ID", 1, 22, 21, 3],
      ["jp-01", "JP", 1, 23, 1080, 40],
      ["jp-01", "JP", 2, 445, 20, 10],
    ]);
    expect(facts.sensors).toBe(2);
  });

  it("one port has its origins, sensors, signatures and Mirai share", async () => {
    const answer = await ask("port", { protocol: "tcp", port: "23", ...hour });
    expect(answer.facts).toMatchObject({ packets: 1080, sources: 40, miraiPackets: 40, rank: 1, sensors: 1 });
    expect(answer.countries[0]).toEqual({ country: "ID", packets: 80, sources: 40 });
    expect(answer.networks[0]).toEqual({ asn: 64_497, network: "=Invented Jakarta", packets: 80, sources: 40 });
    expect(answer.signatures).toEqual([{ signature: "64240:mss:1460:7", packets: 80, sources: 40, mirai: 40 }]);
    expect(answer.rows).toHaveLength(20);
    expect(answer.rows[0]).toMatchObject({ ip: "198.51.100.1", packets: 2, mirai: 2, country: "ID" });
    expect(answer.series.reduce((sum, { packets }) => sum + (packets ?? 0), 0)).toBe(1080);
  });

  it("series has a value in every bucket, null where nobody looked", async () => {
    const answer = await ask("series", {
      from: "2026-07-10T09:55:00Z",
      to: "2026-07-10T11:05:00Z",
      step: "5m",
      port: "23",
    });
    expect(answer.rows.slice(0, 4).map(({ value }) => value)).toEqual([null, 80, 1000, 0]);
    expect(answer.rows.at(-1)?.value).toBeNull();
    expect(answer.buckets[1]).toMatchObject({ up: 2, enrolled: 2, degraded: false });
    expect(answer.buckets[2]).toMatchObject({ up: 2, degraded: true });
    expect(answer.buckets[8]).toMatchObject({ up: 1, enrolled: 2, down: ["id-01"] });
    expect(answer.buckets.slice(0, 3).map(({ down }) => down)).toEqual([["jp-01"], [], []]);
    // Of an hour it missed the half.
    const hours = await ask("series", { from: "2026-07-10T10:00:00Z", to: "2026-07-10T11:00:00Z", step: "1h" });
    expect(hours.buckets).toMatchObject([{ up: 2, enrolled: 2, down: ["id-01"] }]);
    expect(answer.facts).toMatchObject({ total: 1080, peak: 1000, gaps: 2 });
  });

  it("series flags the bucket under way", async () => {
    const { buckets } = await ask("series", { from: "2026-07-10T00:00:00Z", to: "2026-07-11T00:00:00Z", step: "1d" });
    expect(buckets.map(({ incomplete }) => incomplete)).toEqual([true]);
  });

  it.each([
    [
      { group: "port", limit: "2" },
      [
        ["tcp/23", 1080],
        ["tcp/80", 50],
        ["other", 71],
      ],
    ],
    [
      { group: "sensor" },
      [
        ["jp-01", 1180],
        ["id-01", 21],
      ],
    ],
    [
      { group: "country", measure: "sources", class: "tcp-syn" },
      [
        ["ID", 40],
        ["TH", 11],
        ["JP", 5],
      ],
    ],
    [
      { group: "network", measure: "packets", asn: "64498,64497" },
      [
        ["64497", 101],
        ["64498", 31],
      ],
    ],
    [
      { group: "class" },
      [
        ["tcp-syn", 1147],
        ["tcp-syn-ack", 50],
        ["udp", 4],
      ],
    ],
    [
      { group: "mark" },
      [
        ["mirai", 40],
        ["zmap", 11],
      ],
    ],
    [{ mark: "mirai", measure: "sources" }, [["", 20]]],
    [{ measure: "flows", sensor: "id-01" }, [["", 3]]],
    [{ signature: "64240:mss:1460:7", port: "7547" }, [["", 15]]],
    [{ country: "MY" }, [["", 4]]],
  ] as [Record<string, string>, [string, number][]][])("series under %o", async (given, expected) => {
    const { groups } = await ask("series", { ...hour, step: "5m", ...given });
    const sums = groups
      .map(({ group, total }) => [group, total] as const)
      .filter(([group]) => group !== "" || expected.length === 1);
    expect(sums.slice(0, expected.length)).toEqual(expected);
  });

  it("domestic is a source in the sensor's own country, per sensor and day that it was up", async () => {
    const { rows } = await ask("region/domestic-overseas", {
      from: "2026-07-10T00:00:00Z",
      to: "2026-07-11T00:00:00Z",
    });
    const sensorDays = 18 / 288;
    expect(rows).toEqual([
      { date: "2026-07-10", side: "domestic", packets: 15 + 50 + 21, sensorDays, perSensorDay: 86 / sensorDays },
      { date: "2026-07-10", side: "overseas", packets: 80 + 20 + 11 + 4, sensorDays, perSensorDay: 115 / sensorDays },
    ]);
  });

  it("days on which no sensor was up have no average", async () => {
    const { rows } = await ask("region/domestic-overseas", {
      from: "2026-06-01T00:00:00Z",
      to: "2026-06-02T00:00:00Z",
    });
    expect(rows.map(({ perSensorDay }) => perSensorDay)).toEqual([null, null]);
  });

  it("mirai/hosts counts hosts per country and day", async () => {
    const { rows, totals, facts } = await ask("mirai/hosts", {
      from: "2026-07-09T00:00:00Z",
      to: "2026-07-12T00:00:00Z",
    });
    expect(rows).toEqual([
      { date: "2026-07-09", country: "ID", hosts: 0 },
      { date: "2026-07-10", country: "ID", hosts: 20 },
      { date: "2026-07-11", country: "ID", hosts: null },
    ]);
    expect(totals[1]).toEqual({ date: "2026-07-10", hosts: 20 });
    expect(facts).toMatchObject({ hosts: 20, topCountry: "ID" });
  });

  it("mirai/ports gives TSUBAME's published shares", async () => {
    const { rows } = await ask("mirai/ports", {
      from: "2022-04-01T00:00:00Z",
      to: "2022-07-01T00:00:00Z",
      country: "JP",
    });
    expect(rows.map(({ port, miraiPackets, packets }) => [port, miraiPackets, packets])).toEqual(anchor);
    expect(rows.map(({ share }) => (share * 100).toFixed(2))).toEqual(["94.34", "99.95", "84.25", "35.62", "100.00"]);
  });

  it("reports/tsubame has all four tables of the quarter", async () => {
    const answer = await ask("reports/tsubame", { quarter: "2022Q2" });
    expect(answer.facts).toMatchObject({
      quarter: "2022Q2",
      complete: true,
      topPort: 23,
      miraiHosts: 1,
      packets: 70_925,
    });
    expect(answer.miraiPorts.map(({ port }) => port)).toEqual([23, 37_215, 2_323, 22, 5_501]);
    expect(answer.rows.map(({ month, side }) => `${month} ${side}`)).toEqual([
      "2022-04 domestic",
      "2022-04 overseas",
      "2022-05 domestic",
      "2022-05 overseas",
      "2022-06 domestic",
      "2022-06 overseas",
    ]);
    expect(answer.rows[2]).toMatchObject({ packets: 70_925, perSensorDay: 70_925 * 288 });
    expect(answer.rows[0]?.perSensorDay).toBeNull();
    expect(answer.bySensor[0]).toEqual({ sensor: "jp-01", rank: 1, protocol: "tcp", port: 23, packets: 54_555 });
    expect(answer.miraiTotals).toHaveLength(91);
  });

  it("scanners/research knows the list and the rule of more than ten ports", async () => {
    const { rows, facts, owners } = await ask("scanners/research", {
      from: "2026-07-10T00:00:00Z",
      to: "2026-07-11T00:00:00Z",
    });
    expect(rows).toHaveLength(1);
    // 198.51.100.1 sent 2 and 7; 192.0.2.1 to .5 lie in the listed network with 3 each; 203.0.113.200 sent to 11 ports.
    expect(facts).toMatchObject({ listed: 9 + 15, heuristic: 11, either: 35, packets: 1201, listSize: 2, sources: 6 });
    expect(owners[0]).toEqual({ owner: "listed network", sources: 5, packets: 15 });
    expect(owners[1]).toEqual({ owner: "example.org", sources: 1, packets: 9 });
  });

  it("countries and networks of sources", async () => {
    const { rows } = await ask("countries", hour);
    expect(
      rows.map(({ country, packets, sources, miraiSources }) => [country, packets, sources, miraiSources]),
    ).toEqual([
      ["ID", 101, 40, 20],
      ["JP", 65, 6, 0],
      ["TH", 31, 11, 0],
      ["MY", 4, 1, 0],
    ]);
    const networks = await ask("networks", { ...hour, by: "mirai_sources", limit: "1" });
    expect(networks.rows).toMatchObject([
      { asn: 64_497, network: "=Invented Jakarta", country: "ID", miraiSources: 20, share: 1 },
    ]);
    expect(networks.meta.truncated).toBe(true);
  });

  it("sources/top ranks by packets", async () => {
    const { rows } = await ask("sources/top", { ...hour, limit: "3" });
    expect(rows.map(({ ip, packets, ports, sensors }) => [ip, packets, ports, sensors])).toEqual([
      ["192.0.2.99", 50, 1, 1],
      ["203.0.113.200", 11, 11, 1],
      ["198.51.100.1", 9, 2, 2],
    ]);
  });

  it("one source: sums over sensors, verdict, evidence without the dark address", async () => {
    const answer = await ask("source", { ip: "198.51.100.2", ...hour });
    expect(answer.facts).toMatchObject({
      verdict: "mirai-type",
      packets: 9,
      sensors: 2,
      destinations: 5,
      ports: 2,
      country: "ID",
      asn: 64_497,
    });
    expect(answer.sensorRows.map(({ sensor, destinations }) => [sensor, destinations])).toEqual([
      ["id-01", 3],
      ["jp-01", 2],
    ]);
    expect(answer.evidence).toHaveLength(2);
    expect(JSON.stringify(answer)).not.toMatch(/token|dst/);
  });

  it.each([
    ["203.0.113.200", "research"],
    ["198.51.100.1", "research"],
    ["192.0.2.3", "research"],
    ["192.0.2.99", "backscatter"],
    ["203.0.113.250", "unseen"],
    ["2001:db8::5", "other"],
  ])("%s is %s", async (ip, verdict) => {
    expect((await ask("source", { ip, ...hour })).facts.verdict).toBe(verdict);
  });

  it("news tells what is new and what grew", async () => {
    const { rows, facts } = await ask("news", { from: "2026-07-10T00:00:00Z", to: "2026-07-11T00:00:00Z" });
    expect(
      rows
        .filter(({ kind }) => kind.endsWith("port"))
        .map(({ kind, port, sources, usualSources }) => [kind, port, sources, usualSources]),
    ).toEqual([
      ["new-port", 7547, 5, 0],
      ["new-port", 22, 3, 0],
      ["fast-port", 23, 40, 10],
    ]);
    expect(rows.filter(({ kind }) => kind.endsWith("country")).map(({ kind, country }) => [kind, country])).toEqual([
      ["new-country", "JP"],
      ["fast-country", "ID"],
    ]);
    // Of the two sensors that there are now, one was up for five minutes of each day of the week.
    expect(facts.weekCovered).toBeCloseTo(7 / 2016 / 2, 10);
  });

  it("news without a week before calls nothing new", async () => {
    const { rows, baseline } = await ask("news", { from: "2022-05-02T00:00:00Z", to: "2022-05-03T00:00:00Z" });
    expect(rows).toEqual([]);
    expect(baseline).toBeNull();
  });

  it("sensors shows who is down, and since when", async () => {
    const { rows, history, alarms } = await ask("sensors", { days: "1" });
    expect(rows.map(({ sensor, state }) => [sensor, state])).toEqual([
      ["id-01", "down"],
      ["jp-01", "down"],
      ["th-01", "never"],
    ]);
    expect(rows[1]).toMatchObject({
      read: 1180 + 90 + 12 * 5 + 5,
      notDark: 39,
      undecoded: 26,
      skewSeconds: 0.0015,
      lastSeen: "2026-07-10T10:55:11Z",
    });
    expect(history.find(({ sensor }) => sensor === "id-01")?.runs).toEqual([
      { from: "2026-07-10T10:00:00Z", to: "2026-07-10T10:30:00Z", state: "up" },
      { from: "2026-07-10T10:30:00Z", to: "2026-07-10T12:00:00Z", state: "down" },
    ]);
    expect(alarms.map(({ kind }) => kind)).toEqual(["silent", "silent", "never"]);
  });

  it.each([
    ["198.51.100.2", "address", [["source", "198.51.100.2"]]],
    [
      "192.0.2.0/29",
      "prefix",
      [
        ["prefix", "192.0.2.0/29"],
        ["source", "192.0.2.1"],
      ],
    ],
    ["AS64497", "asn", [["network", "AS64497"]]],
    ["jakarta", "text", [["network", "AS64497"]]],
    [
      "7547",
      "port",
      [
        ["port", "tcp/7547"],
        ["port", "udp/7547"],
      ],
    ],
    ["udp/53", "port", [["port", "udp/53"]]],
    ["Indonesia", "country", [["country", "ID"]]],
    ["jp-0", "text", [["sensor", "jp-01"]]],
  ])("search for %s", async (q, understood, hits) => {
    const { facts, rows } = await ask("search", { q });
    expect(facts.understood).toBe(understood);
    expect(rows.slice(0, hits.length).map(({ kind, label }) => [kind, label])).toEqual(hits);
  });

  it("an exercise sees nothing of what is real", async () => {
    const { facts } = await ask("ports/top", { ...hour, exercise: "drill-1" });
    expect(facts).toMatchObject({ packets: 0, sources: 0 });
  });
});
