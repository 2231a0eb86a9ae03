// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryLedger, examineSpan } from "../../src/app/detection-examine.ts";
import { pastOf } from "../../src/app/detection-past.ts";
import { earlyWarning } from "../../src/detect/early-warning.ts";
import type { Detector, Scope } from "../../src/detect/detector.ts";
import type { Detection } from "../../src/model/detection.ts";
import { ip, syn, udp } from "../flow/packets.ts";
import type { Packet } from "../flow/packets.ts";
import { HOUR, START, batchesOf, noOwners, openWorld, presences } from "./world.ts";
import type { Cut, SensorSpec, World } from "./world.ts";

const DAY = 24 * HOUR;
const detector = earlyWarning as Detector;
const jakarta: SensorSpec = { name: "jakarta", dark: ["192.0.2.0/24"], country: "ID" };
const tokyo: SensorSpec = { name: "tokyo", dark: ["198.51.100.0/24"], country: "JP" };

/** Eighty networks, each a /16: 40.0.0.0/16 is AS 1000, 40.1.0.0/16 AS 1001, ... */
const networks = Array.from({ length: 80 }, (_, i) => {
  const first = 40 * 2 ** 24 + i * 65_536;
  return `${first},${first + 65_535},${1000 + i},Network ${i}`;
}).join("\n");

const draw = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
};
const darkOf = (unit: () => number, sensors: readonly SensorSpec[]) => {
  const [prefix = ""] = sensors[Math.floor(unit() * sensors.length)]!.dark;
  return ip(prefix.replace("0/24", String(1 + Math.floor(unit() * 250))));
};
const host = (unit: () => number, among = 80): string =>
  `40.${Math.floor(unit() * among)}.${Math.floor(unit() * 250)}.${1 + Math.floor(unit() * 250)}`;

/** Five new hosts an hour on 23/tcp, now and then one on another port: what is always there. */
const usual = (days: number, sensors: readonly SensorSpec[], seed = 1, perHour = 5): Packet[] => {
  const unit = draw(seed);
  return Array.from({ length: Math.round(days * 24 * perHour) }, (_, i): Packet => {
    const time = START + Math.floor(((i + unit()) / perHour) * HOUR);
    const dstPort = unit() < 0.8 ? 23 : 1024 + Math.floor(unit() * 60_000);
    return syn({ time, src: ip(host(unit)), dst: darkOf(unit, sensors), dstPort });
  });
};
/** Hosts that double every two hours from `from` on, each with a few packets: `hosts` of them in ten hours. */
const outbreak = (from: number, hosts: number, sensors: readonly SensorSpec[], among = 80, port = 7001): Packet[] => {
  const unit = draw(9);
  return Array.from({ length: hosts }, (_, i) => {
    const began = from + 2 * HOUR * Math.log2(1 + (i * 31) / hosts);
    const src = ip(host(unit, among));
    return Array.from({ length: 1 + Math.floor(unit() * 3) }, (__, k) =>
      syn({ time: Math.floor(began + k * unit() * 2 * HOUR), src, dst: darkOf(unit, sensors), dstPort: port }),
    );
  }).flat();
};

let world: World;
beforeAll(async () => {
  world = await openWorld(networks);
});
afterAll(() => world.close());

interface There {
  readonly sensor: SensorSpec;
  readonly from?: number;
  readonly to?: number;
  readonly away?: readonly [number, number];
}
/** Stores what sensors see while they are there, hour by hour, and that they were there. */
const feed = async (days: number, there: readonly There[], packets: readonly Packet[], cut?: Cut): Promise<Scope> => {
  const scope = world.scope();
  for (const { sensor, from = 0, to = days * DAY, away = [-1, -1] } of there) {
    const isUp = (time: number): boolean =>
      time >= START + from && time < START + to && !(time >= START + away[0] && time < START + away[1]);
    const seen = packets.filter(({ time }) => isUp(time));
    await world.append([
      ...presences(scope, sensor, START, START + days * DAY).filter(({ batch }) => isUp(batch.interval)),
      ...batchesOf(scope, sensor, seen, cut),
    ]);
  }
  return scope;
};
const ask = (scope: Scope, sensors: readonly SensorSpec[] = [jakarta, tokyo]): Promise<Detection[]> =>
  world.detect(scope, [detector], { sensors });
const kinds = (found: readonly Detection[]): string[] =>
  found.map(({ kind, port, protocol }) => `${kind} ${port}/${protocol}`).toSorted();
const both = [jakarta, tokyo];

describe("early warning", () => {
  it("names an outbreak on a port that nobody asked for, long before it is large", async () => {
    const from = START + 3 * DAY;
    const scope = await feed(
      4,
      both.map((sensor) => ({ sensor })),
      [...usual(4, both), ...outbreak(from, 120, both)],
    );
    const found = await ask(scope);
    // First a port that is new, for analysts; then a surge; then one that grows.
    expect(kinds(found)).toEqual(["novelty 7001/tcp", "outbreak 7001/tcp", "surge 7001/tcp"]);
    const surge = found.find(({ kind }) => kind === "surge")!;
    // What it became goes on; the novelty does not.
    const novelty = found.find(({ kind }) => kind === "novelty")!;
    expect(novelty.evidence["state"]).toBe("over");
    expect(novelty.last).toBe(surge.evidence["claimed"]);
    expect(Number(surge.evidence["claimed"])).toBeGreaterThan(Number(novelty.evidence["claimed"]));
    const seen = Number(surge.evidence["found"]);
    // Half of its hosts came in the last two of ten hours.
    expect(seen).toBeGreaterThan(from);
    expect(seen).toBeLessThan(from + 7 * HOUR);
    expect(surge.evidence["networks"]).toBeGreaterThan(5);
    expect(surge.sensors).toEqual(["jakarta", "tokyo"]);
    const { growth_per_hour: growth } = found.find(({ kind }) => kind === "outbreak")!.evidence;
    expect(typeof growth).toBe("number");
  });

  it("says nothing of as many hosts from three networks: a forger has few to take from", async () => {
    const scope = await feed(
      4,
      both.map((sensor) => ({ sensor })),
      [...usual(4, both), ...outbreak(START + 3 * DAY, 120, both, 3)],
    );
    expect(await ask(scope)).toEqual([]);
  });

  it("says nothing of hosts that ask for many ports, nor of answers from an amplifier's port", async () => {
    const unit = draw(5);
    const from = START + 3 * DAY;
    const scanners = Array.from({ length: 40 }, (_, i) => {
      const src = ip(host(unit));
      return Array.from({ length: 14 }, (__, k) =>
        syn({
          time: from + i * 300e6 + k * 1e6,
          src,
          dst: darkOf(unit, both),
          dstPort: k === 13 ? 7001 : 9000 + k * 37 + i,
        }),
      );
    }).flat();
    const reflected = Array.from({ length: 60 }, (_, i) =>
      udp({ time: from + i * 60e6, src: ip(host(unit)), dst: darkOf(unit, both), srcPort: 161, dstPort: 51_767 }),
    );
    const scope = await feed(
      4,
      both.map((sensor) => ({ sensor })),
      [...usual(4, both), ...scanners, ...reflected],
    );
    expect((await ask(scope)).filter(({ kind }) => kind !== "novelty")).toEqual([]);
    // The same datagrams from ports of their own are asked of one's own will.
    const own = reflected.map((packet) => ({ ...packet, srcPort: 40_000 }));
    const other = await feed(
      4,
      both.map((sensor) => ({ sensor })),
      [...usual(4, both), ...own],
    );
    expect(kinds(await ask(other))).toContain("surge 51767/udp");
  });

  it("takes no sensor that joins, fails or grows for news", async () => {
    const larger: SensorSpec = { ...jakarta, dark: ["192.0.2.0/24", "203.0.113.0/24"] };
    const third: SensorSpec = { name: "hanoi", dark: ["203.0.114.0/24"], country: "VN" };
    const all = [jakarta, tokyo, third, { ...jakarta, dark: ["203.0.113.0/24"] }];
    const scope = await feed(
      6,
      [
        { sensor: jakarta, to: 4 * DAY },
        { sensor: larger, from: 4 * DAY },
        { sensor: tokyo, away: [2 * DAY, 3 * DAY] },
        { sensor: third, from: 3.5 * DAY },
      ],
      usual(6, all, 3, 24),
    );
    expect((await ask(scope, all)).filter(({ kind }) => kind !== "novelty")).toEqual([]);
  });

  const whole = process.env["LAYANG_PROVE"] === "1";
  it(
    `says the same after every restart${whole ? ", and however rows and spans were cut" : ""}`,
    { timeout: 600_000 },
    async () => {
      const packets = [...usual(4, both), ...outbreak(START + 3 * DAY, 90, both)];
      const there = both.map((sensor) => ({ sensor }));
      const bare = (list: readonly Detection[]): string =>
        JSON.stringify(
          list
            .map(({ id: _, exercise: __, ...rest }) => rest)
            .toSorted((a, b) => a.first - b.first || (a.kind < b.kind ? -1 : 1)),
        );
      const scope = await feed(4, there, packets);
      const said = bare(await ask(scope));
      expect(said.length).toBeGreaterThan(500);
      // Days of rows of a second each: `npm run prove` asks them.
      if (whole) {
        const finer = await feed(4, there, packets, { interval: 1e6, capacity: 64, join: 500 });
        expect(bare(await world.detect(finer, [detector], { sensors: both, step: 4 * HOUR }))).toBe(said);
      }
      // A few hours at a time, from nothing but what was written down, and the days before as roll-ups have them.
      await world.store.rollUp(START + 4 * DAY);
      const last = { from: START + 3 * DAY, to: START + 4 * DAY };
      expect(pastOf(world.store).hours(last, "")).toMatchObject(last);
      let memory: unknown = detector.begin();
      const standing = new Map<string, Detection>();
      const some = 3 * HOUR;
      for (let from = START; from < START + 6 * DAY; from += some) {
        const verdict = await examineSpan(world.store, detector, { from, to: from + some }, memory, {
          scope,
          owners: noOwners,
          home: null,
          researcher: () => null,
          ledger: new MemoryLedger(),
          past: pastOf(world.store),
          sensors: [],
        });
        memory = JSON.parse(JSON.stringify(verdict.memory)) as unknown;
        for (const one of verdict.detections) standing.set(one.id, one);
      }
      expect(bare([...standing.values()])).toBe(said);
    },
  );
});
