// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { flowColumns, wordsOf } from "../model/flows.ts";
import type { ColumnData } from "../model/flows.ts";
import type { SourceTruth } from "../simulate/census.ts";
import { HOUR } from "../simulate/scenario.ts";
import { openEmbedded } from "../store/flows/embedded/index.ts";
import { keepForEver } from "../store/flows/retention.ts";
import type { AppendOutcome, ArrivedBatch, FlowStore } from "../store/flows/store.ts";
import { openWorld, playWorld, worldSteps } from "./evaluate-world.ts";
import type { WorldTruth } from "./evaluate-world.ts";

const sample = join(import.meta.dirname, "../../scenarios/evaluate/sample.yaml");
const world = openWorld(sample);
const folder = mkdtempSync(join(tmpdir(), "layang-world-"));
const at = (hours: number): number => world.from + hours * HOUR;
/** Takes what a store would, and keeps a hash of all rows of each sensor: the same rows in other batches have the same. */
const hashes = () => {
  const sensors = new Map<string, Map<string, Hash>>();
  const append = ({ batch }: ArrivedBatch): Promise<AppendOutcome> => {
    const columns = sensors.get(batch.sensor) ?? new Map<string, Hash>();
    sensors.set(batch.sensor, columns);
    const { count } = batch.flows;
    const add = (name: string, values: ArrayBufferView): void => {
      const hash = columns.get(name) ?? createHash("sha256");
      columns.set(name, hash);
      hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    };
    for (const [name, { kind }] of Object.entries(flowColumns)) {
      const { values, ends, present } = batch.flows.columns[name as keyof typeof flowColumns] as ColumnData;
      const words = wordsOf(kind);
      const used = values.slice(0, ends === undefined ? count * words : count === 0 ? 0 : ends[count - 1]!);
      // Where a value is absent, what stands in its place means nothing.
      if (present !== undefined) for (let i = 0; i < used.length; i++) used[i]! *= present[Math.floor(i / words)]!;
      add(name, used);
      if (present !== undefined) add(`${name} present`, present.subarray(0, count));
      if (ends !== undefined) {
        add(
          `${name} lengths`,
          Uint32Array.from(ends.subarray(0, count), (end, row) => end - (ends[row - 1] ?? 0)),
        );
      }
    }
    return Promise.resolve("stored");
  };
  const digest = (): string[] =>
    [...sensors].flatMap(([sensor, columns]) =>
      [...columns].map(([name, hash]) => `${sensor} ${name} ${hash.digest("hex")}`),
    );
  return { append, digest };
};

describe("a world", () => {
  let store: FlowStore;
  let truth: WorldTruth;
  const steps: number[] = [];
  beforeAll(async () => {
    store = await openEmbedded({ folder, retention: keepForEver });
    truth = await playWorld(world, { store, onStep: (now) => void steps.push(now) });
  }, 240_000);
  afterAll(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const inside = (kind: string, name?: string): SourceTruth[] =>
    truth.sources.filter((one) => one.kind === kind && one.organisation !== null && (name ?? one.name) === one.name);

  it("is the same to the last row, in whatever steps it is played", async () => {
    const short = { ...world, to: at(12) };
    const again: string[][] = [];
    const truths: WorldTruth[] = [];
    for (const step of [HOUR, 4 * HOUR]) {
      const { append, digest } = hashes();
      truths.push(await playWorld(short, { store: { append }, step }));
      again.push(digest());
    }
    expect(again[0]!.length).toBeGreaterThan(4 * Object.keys(flowColumns).length);
    expect(again[1]).toEqual(again[0]);
    expect(truths[1]).toEqual(truths[0]);
    const { append, digest } = hashes();
    await playWorld({ ...short, seed: 302 }, { store: { append } });
    expect(digest()).not.toEqual(again[0]);
  }, 240_000);

  it("comes in order of time, in whole steps", () => {
    expect(steps.length).toBe(12);
    expect(steps.every((now, i) => now === at(6 * (i + 1)))).toBe(true);
    const chunks = worldSteps(world, 6 * HOUR);
    // Six hours with an outage of two make two chunks around it.
    expect(chunks[5]!.filter(({ sensor }) => sensor === "sample-b").map(({ from, to }) => [from, to])).toEqual([
      [at(32), at(36)],
    ]);
    expect(chunks.flat().every(({ from, to }) => to > from)).toBe(true);
  });

  it("adds up: the flows hold what the truth says was sent, source by source and sensor by sensor", async () => {
    const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
    expect(sum(Object.values(truth.kinds))).toBe(truth.packets);
    const { rows: totals } = await store.query<{ packets: number }>("SELECT sum(packets) AS packets FROM flows");
    const { rows: reports } = await store.query<{ read: number; counted: number; other: number }>(
      "SELECT sum(read) AS read, sum(counted) AS counted, sum(not_dark) AS other FROM reports",
    );
    expect(reports[0]!.read).toBe(truth.packets);
    // A forged source may lie in a dark prefix: such a packet makes no flow.
    expect(reports[0]!.counted + reports[0]!.other).toBe(truth.packets);
    expect(totals[0]!.packets).toBe(reports[0]!.counted);
    expect(reports[0]!.other).toBeLessThan(10);

    const { rows } = await store.query<{ key: string; packets: number; dark: number; first: number; last: number }>(
      `SELECT concat(sensor, ' ', replaceOne(toString(src), '::ffff:', '')) AS key, sum(packets) AS packets,
uniqExactArray(dst_tokens) AS dark, toUnixTimestamp64Micro(min(first_seen)) AS first,
toUnixTimestamp64Micro(max(last_seen)) AS last FROM flows GROUP BY key`,
    );
    const flows = new Map(rows.map((row) => [row.key, row]));
    // Actors that share an address share its flows; storms may fall on any.
    const actors = Map.groupBy(
      truth.sources.filter(({ organisation }) => organisation !== null),
      ({ realm, source }) => `${realm} ${source}`,
    );
    let compared = 0;
    for (const list of actors.values()) {
      for (const sensor of world.scenario.sensors) {
        const told = sum(
          list.flatMap((one) => one.sensors.filter((s) => s.sensor === sensor.name)).map((s) => s.packets),
        );
        const row = flows.get(`${sensor.name} ${list[0]!.source}`);
        if ((sensor.realm ?? "") !== list[0]!.realm) continue;
        if (told === 0 && row !== undefined) {
          // Only a storm's one packet.
          expect(row.packets).toBeLessThan(3);
          continue;
        }
        if (told === 0) continue;
        expect(row!.packets - told).toBeGreaterThanOrEqual(0);
        expect(row!.packets - told).toBeLessThan(2);
        if (list.length === 1 && row!.packets === told && list[0]!.kind !== "backscatter") {
          expect(row!.dark).toBe(list[0]!.sensors.find((s) => s.sensor === sensor.name)!.dark);
          if (list[0]!.sensors.length === 1) {
            expect([row!.first, row!.last]).toEqual([list[0]!.first, list[0]!.last]);
          }
          compared++;
        }
      }
    }
    expect(compared).toBeGreaterThan(1000);
  });

  it("has nobody in the constituency but whom the truth knows", async () => {
    const allowed = new Set(["infected", "benign", "forged", "framed", "reflector", "outbreak", "backscatter"]);
    const strangers = truth.sources.filter(({ organisation, kind }) => organisation !== null && !allowed.has(kind));
    expect(strangers).toEqual([]);
  });

  it("says who is infected, and when that could be seen", () => {
    const bots = inside("infected", "mirai");
    expect(bots.length).toBeGreaterThan(300);
    expect(new Set(bots.map(({ host }) => host)).size).toBe(300);
    expect(bots.every(({ infected }) => infected)).toBe(true);
    const seen = bots.filter(({ first }) => first !== null);
    expect(seen.every(({ first, last, from, to }) => first! >= from && last! < to)).toBe(true);
    const plain = bots.filter((one) => one.plain !== null);
    expect(plain.length).toBeGreaterThan(100);
    expect(
      plain.every(
        ({ packets, dark, plain: time, first, last }) =>
          packets >= 10 && dark >= 3 && time! >= first! && time! <= last!,
      ),
    ).toBe(true);
    expect(bots.filter(({ packets, dark }) => packets >= 10 && dark >= 3).length).toBe(plain.length);
    const most = Math.max(...bots.map(({ packets }) => packets));
    expect(most).toBeGreaterThan(100);
  });

  it("gives clean hosts addresses that infected ones had before", () => {
    const again = inside("benign").filter(({ recycled }) => recycled);
    expect(again.length).toBeGreaterThan(3);
    for (const one of again) {
      const before = truth.sources.filter(
        (other) => other.infected && other.realm === "" && other.source === one.source,
      );
      expect(before.length).toBeGreaterThan(0);
      expect(before.every(({ to }) => to <= one.from)).toBe(true);
      expect(one.infected).toBe(false);
    }
  });

  it("keeps a realm to itself", async () => {
    const worms = inside("infected", "works-worm");
    expect(worms.length).toBeGreaterThan(0);
    expect(
      worms.every(
        ({ realm, source, sensors }) =>
          realm === "works" && source.startsWith("10.") && sensors.every(({ sensor }) => sensor === "sample-in"),
      ),
    ).toBe(true);
    const { rows } = await store.query<{ realm: string; sensor: string; private: number }>(
      "SELECT realm, sensor, max(startsWith(toString(src), '::ffff:10.')) AS private FROM flows GROUP BY realm, sensor ORDER BY sensor",
    );
    expect(rows.map(({ realm, sensor }) => [realm, sensor])).toEqual([
      ["", "sample-a"],
      ["", "sample-b"],
      ["", "sample-c"],
      ["works", "sample-in"],
    ]);
    expect(rows.at(-1)!.private).toBe(1);
    const { rows: foreign } = await store.query(
      "SELECT src FROM flows WHERE realm = 'works' AND NOT startsWith(toString(src), '::ffff:10.')",
    );
    expect(foreign).toEqual([]);
  });

  it("has one sensor that lies, and forgers whose way gives them away", async () => {
    const framed = inside("framed");
    expect(framed.length).toBe(30);
    expect(
      framed.every(({ infected, sensors }) => !infected && sensors.every(({ sensor }) => sensor === "sample-c")),
    ).toBe(true);
    const forged = inside("forged");
    expect(forged.length).toBe(200);
    const packets = forged.reduce((sum, one) => sum + one.packets, 0) / forged.length;
    expect(packets).toBeGreaterThan(18);
    expect(packets).toBeLessThan(22);
    expect(forged.filter(({ dark }) => dark >= 8).length).toBeGreaterThan(190);
    const list = forged.map(({ source }) => `toIPv6('::ffff:${source}')`).join(",");
    const { rows } = await store.query<{ sensor: string; ttls: number }>(
      `SELECT sensor, uniqExact(ttl_min, ttl_max) AS ttls FROM flows WHERE src IN (${list}) AND mirai > 0 AND first_seen >= fromUnixTimestamp64Micro(${at(40)}) AND first_seen < fromUnixTimestamp64Micro(${at(41)}) GROUP BY sensor`,
    );
    expect(rows.length).toBe(3);
    expect(rows.every(({ ttls }) => ttls === 1)).toBe(true);
  });

  it("has victims whose name is on requests from one port to few addresses, and scans that look like echoes", async () => {
    const victims = truth.sources.filter(({ kind }) => kind === "reflector");
    expect(victims.length).toBe(6);
    for (const { sensors } of victims) expect(sensors.every(({ dark }) => dark <= 2)).toBe(true);
    const source = victims.find(({ packets }) => packets >= 100)!.source;
    const { rows } = await store.query<{ ports: number }>(
      `SELECT length(groupUniqArrayArray(sample_ports)) AS ports FROM flows WHERE src = toIPv6('::ffff:${source}') AND class = 'udp'`,
    );
    expect(rows[0]!.ports).toBe(1);
    const scans = truth.sources.filter(({ kind }) => kind === "syn-ack-scan");
    expect(scans.length).toBe(3);
    expect(scans.every(({ infected, dark }) => !infected && dark >= 3)).toBe(true);
  });

  it("knows of each attack when and how hard, and of the outbreak who had come by when", async () => {
    const stated = truth.attacks.filter(({ background }) => !background);
    expect(stated.length).toBe(12);
    const hard = stated.filter(({ perMinute, start, end }) => perMinute >= 25 && end - start >= 300e6);
    expect(hard.length).toBeGreaterThan(3);
    for (const { packets, perMinute, start, end } of hard) {
      const wanted = (perMinute * (end - start)) / 60e6;
      // A sensor may have been away for part of it.
      expect(packets).toBeLessThan(wanted + 5 * Math.sqrt(wanted));
      expect(packets).toBeGreaterThan(wanted * 0.6);
    }
    const [one] = truth.outbreaks;
    expect(one!.reachedByOnePercent).toBeGreaterThanOrEqual(10);
    expect(one!.tenth).toBeLessThan(one!.onePercent);
    const half = one!.start + one!.doublingMinutes * 60e6 * Math.log2((20_000 / 20 - 1) / 99);
    expect(one!.onePercent).toBeCloseTo(half, -3);
    const { rows } = await store.query<{ bots: number }>(
      `SELECT uniqExact(src) AS bots FROM flows WHERE dst_port = 20880 AND protocol = 6 AND first_seen <= fromUnixTimestamp64Micro(${Math.floor(one!.onePercent)})`,
    );
    // Some bots change their address, and a research scan may have come by.
    expect(rows[0]!.bots).toBeGreaterThanOrEqual(one!.reachedByOnePercent);
    expect(rows[0]!.bots).toBeLessThan(one!.reachedByOnePercent * 1.2 + 5);
  });

  it("shows nothing of a sensor that is away", async () => {
    const { rows } = await store.query<{ n: number }>(
      `SELECT count() AS n FROM flows WHERE sensor = 'sample-b' AND first_seen >= fromUnixTimestamp64Micro(${at(30)}) AND first_seen < fromUnixTimestamp64Micro(${at(32)})`,
    );
    expect(rows[0]!.n).toBe(0);
  });
});

it("cuts a sensor's time where its dark addresses change", () => {
  const quiet = openWorld(join(import.meta.dirname, "../../scenarios/evaluate/test/quiet-a.yaml"));
  const chunks = worldSteps(quiet, 6 * HOUR).flat();
  const sizes = (name: string): number[] => [
    ...new Set(chunks.filter(({ sensor }) => sensor === name).map(({ darkAddresses }) => darkAddresses)),
  ];
  expect(sizes("medan")).toEqual([256, 512]);
  const first = (name: string): number => chunks.find(({ sensor }) => sensor === name)!.from;
  expect([first("padang"), first("penang")]).toEqual([at(0), at(230)]);
  const sequences = chunks.filter(({ sensor }) => sensor === "padang").map(({ sequence }) => sequence);
  expect(sequences).toEqual(sequences.map((_, i) => i + 1));
});
