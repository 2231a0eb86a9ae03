// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryLedger, examineSpan, sensorsAt } from "../../src/app/detection-examine.ts";
import { amplification } from "../../src/detect/amplification.ts";
import { dosVictim } from "../../src/detect/dos.ts";
import type { Context, Detector, Scope, Sensor, Span } from "../../src/detect/detector.ts";
import { event } from "../../src/detect/event.ts";
import { binomialTail, watching } from "../../src/detect/guards.ts";
import { heavyScanner } from "../../src/detect/heavy.ts";
import { infectedHost } from "../../src/detect/infected.ts";
import type { Detection } from "../../src/model/detection.ts";
import { ip, syn, udp } from "../flow/packets.ts";
import type { Packet } from "../flow/packets.ts";
import { HOUR, SECOND, START, batchesOf, openWorld, ownersOf, presence, presences } from "./world.ts";
import type { SensorSpec, World } from "./world.ts";

const MINUTE = 60 * SECOND;
const jakarta: SensorSpec = { name: "jakarta", dark: ["192.0.2.0/24"], country: "ID" };
const tokyo: SensorSpec = { name: "tokyo", dark: ["198.51.100.0/24"], country: "JP" };
const v6 = "2001:db8::/32";
const owners = ownersOf("organisation,prefix,country\nisp,36.64.0.0/11,ID\nisp,2400:1::/32,ID\n");
/** Numbers that look drawn at random, the same each time. */
const drawn = (i: number): number => Math.imul(i + 17, 0x9e3779b1) >>> 8;

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

/** A sensor, when it was there, and the packets: those that it was there for reach it. */
type There = readonly [SensorSpec, from: number, to: number];
const feed = async (scope: Scope, sensors: readonly There[], packets: readonly Packet[]): Promise<void> => {
  for (const [sensor, from, to] of sensors) {
    const seen = packets.filter(({ time }) => time >= from && time < to);
    await world.append([...presences(scope, sensor, from, to), ...batchesOf(scope, sensor, seen)]);
  }
};
const find = async (
  detector: Detector<never> | Detector,
  sensors: readonly There[],
  packets: readonly Packet[],
  step?: number,
): Promise<Detection[]> => {
  const scope = world.scope();
  await feed(scope, sensors, packets);
  return world.detect(scope, [detector as Detector], {
    owners,
    home: "ID",
    sensors: sensors.map(([one]) => one),
    ...(step === undefined ? {} : { step }),
  });
};
const [BEFORE, AFTER] = [START - 2 * HOUR, START + 16 * HOUR];

/** SYNs, or SYN-ACKs that come back, of one source. */
const packetsOf = (
  src: string,
  n: number,
  { net = "192.0.2.", gap = MINUTE, from = START, back = false, hosts = 250, mirai = false } = {},
): Packet[] =>
  Array.from({ length: n }, (_, i) => {
    const dst = ip(`${net}${(1 + (drawn(i) % hosts)).toString(net.includes(":") ? 16 : 10)}`);
    return syn({
      time: from + i * gap + (drawn(i) % 900_000),
      src: ip(src),
      dst,
      srcPort: back ? 443 : 1_024 + (drawn(i * 3) % 60_000),
      dstPort: back ? 1_024 + (drawn(i * 7) % 60_000) : 23,
      tcpFlags: back ? 18 : 2,
      ttl: 50,
      ...(mirai ? { tcpSeq: dst[3] } : {}),
    });
  });

describe("an IPv6 dark prefix beside IPv4 ones", () => {
  const both: There = [{ ...tokyo, dark: [...tokyo.dark, v6] }, BEFORE, AFTER];
  const plain: There = [jakarta, BEFORE, AFTER];

  it("changes nothing that detectors say of IPv4", async () => {
    const bot = [
      ...packetsOf("36.70.1.2", 15, { gap: HOUR / 4 }),
      ...packetsOf("36.70.1.2", 14, { net: "198.51.100.", gap: HOUR / 4 }),
    ];
    const [host] = await find(infectedHost, [plain, both], bot);
    expect([host?.kind, host?.held]).toEqual(["infected-host", []]);
    expect(host?.evidence["implied_rate"]).toBeGreaterThan(1_000);
    const victim = await find(dosVictim, [plain, both], packetsOf("36.70.9.9", 200, { back: true, gap: 5 * SECOND }));
    expect(victim.map(({ evidence }) => evidence["asked_rate"])).toEqual([5]);
    const scan = packetsOf("36.70.1.1", 300, { gap: 5 * SECOND });
    expect((await find(event, [plain, both], scan)).map(({ packets }) => packets)).toEqual([300]);
    const [heavy] = await find(heavyScanner, [plain, both], scan);
    expect([heavy?.evidence["by"], heavy?.evidence["share_of_dark"]]).toEqual([["dispersion", "packets"], 0.39]);
  });
  it("says nothing of speed or agreement of an IPv6 source", async () => {
    const scan = packetsOf("2400:1::5", 15, { net: "2001:db8::", gap: 60 * MINUTE });
    const [host] = await find(infectedHost, [plain, both], scan);
    expect([host?.kind, host?.held, host?.evidence["implied_rate"], host?.evidence["agreement"]]).toEqual([
      "infected-host",
      [],
      null,
      null,
    ]);
    const [told] = await find(
      event,
      [plain, both],
      packetsOf("2400:1::5", 60, { net: "2001:db8::", gap: 10 * SECOND }),
    );
    expect([told?.packets, told?.evidence["implied_rate"]]).toEqual([60, null]);
    const lone: There = [{ name: "six", dark: [v6] }, BEFORE, AFTER];
    expect((await find(infectedHost, [plain, lone], scan)).map(({ kind }) => kind)).toEqual(["infected-host"]);
    expect((await find(infectedHost, [lone], scan)).map(({ kind }) => kind)).toEqual(["infected-host"]);
  });
  it("is no number of IPv4 addresses, whatever a sensor says", async () => {
    const scope = world.scope();
    for (const [name, says] of [
      ["blind", 0],
      ["lies", 2 ** 53 - 1],
      ["plain", 256],
    ] as const) {
      const batch = presence(scope, { name, dark: [] }, START);
      await world.store.append({ ...batch, report: { ...batch.report, darkAddresses: says } });
    }
    const sensors = await sensorsAt(world.store, scope, START + HOUR, new Map());
    expect(sensors.map(({ name, darkAddresses, blind }) => [name, darkAddresses, blind ?? false])).toEqual([
      ["blind", 0, true],
      ["lies", 0, false],
      ["plain", 256, false],
    ]);
  });
});

describe("a sensor that was not there", () => {
  const scan = packetsOf("36.70.1.2", 15, { gap: 10 * MINUTE });

  it("cannot have seen what it did not see", async () => {
    const held = async (...sensors: There[]): Promise<unknown> =>
      (await find(infectedHost, sensors, scan)).map((one) => one.held);
    const there: There = [jakarta, BEFORE, AFTER];
    expect(await held(there, [tokyo, BEFORE, AFTER])).toEqual([["sensor-disagrees"]]);
    expect(await held(there, [tokyo, BEFORE, START - MINUTE])).toEqual([[]]);
    // Away and back again.
    expect(await held(there, [tokyo, BEFORE, START - MINUTE], [tokyo, START + 4 * HOUR, AFTER])).toEqual([[]]);
  });
  it("cannot give the second word that a short proof needs", async () => {
    const mirai = packetsOf("36.70.1.2", 3, { mirai: true });
    const kinds = async (until: number): Promise<unknown> =>
      (
        await find(
          infectedHost,
          [
            [jakarta, BEFORE, AFTER],
            [tokyo, BEFORE, until],
          ],
          mirai,
        )
      ).map(({ kind }) => kind);
    expect(await kinds(AFTER)).toEqual(["sighting"]);
    expect(await kinds(START - 5 * MINUTE)).toEqual(["infected-host"]);
  });
  it("leaves a victim as it was, whether it went before or joined meanwhile", async () => {
    const attack = packetsOf("36.70.9.9", 600, { back: true, gap: 10 * SECOND });
    const large: SensorSpec = { name: "large", dark: ["10.0.0.0/8"] };
    const end = START + 2 * HOUR;
    const small: There = [jakarta, BEFORE, end];
    const say = async (sensors: There[]): Promise<unknown> =>
      (await find(dosVictim, sensors, attack, 600 * SECOND)).map(({ packets, evidence }) => [
        packets,
        evidence["asked_rate"],
      ]);
    expect(await say([small])).toEqual([[600, 5]]);
    expect(await say([small, [large, BEFORE, START - 10 * MINUTE]])).toEqual([[600, 5]]);
    expect(await say([small, [large, START + HOUR, end]])).toEqual([[600, 5]]);
    expect(await say([small, [large, BEFORE, end]])).toEqual([]);
  });
  it("counts from when it joined, in history too", async () => {
    const early = packetsOf("36.70.1.1", 60, { gap: 10 * SECOND });
    const large: SensorSpec = { name: "large", dark: ["10.0.0.0/8"] };
    const rates = async (from: number): Promise<unknown> =>
      (
        await find(
          event,
          [
            [jakarta, BEFORE, AFTER],
            [large, from, AFTER],
          ],
          early,
        )
      ).map(({ evidence }) => Number(evidence["implied_rate"]) > 1e6);
    expect(await rates(START + 20 * HOUR)).toEqual([true]);
    expect(await rates(BEFORE)).toEqual([false]);
  });
});

it("tells who watched from one time to another", () => {
  const sensor = (name: string, rest: Partial<Sensor>): Sensor => ({
    name,
    country: null,
    darkAddresses: 256,
    since: 0,
    until: 10 * HOUR,
    clockError: null,
    ...rest,
  });
  const names = (from: number, to: number): string =>
    watching(
      [
        sensor("a", {}),
        sensor("b", { since: HOUR }),
        sensor("c", { until: 2 * HOUR }),
        sensor("d", { silent: [[3 * HOUR, 4 * HOUR]] }),
      ],
      from,
      to,
    )
      .map(({ name }) => name)
      .join("");
  expect(names(0, HOUR)).toBe("acd");
  expect(names(HOUR, 2 * HOUR)).toBe("abcd");
  expect(names(HOUR, 5 * HOUR)).toBe("ab");
  expect(names(3.5 * HOUR, 3.5 * HOUR)).toBe("ab");
  expect(names(4 * HOUR, 4 * HOUR)).toBe("abd");
});

it("sums a binomial's tail by the shorter way, and no further than is asked", () => {
  expect(binomialTail(1, 10, 0.5)).toBeCloseTo(11 / 1024, 12);
  expect(binomialTail(8, 10, 0.5)).toBeCloseTo(1 - 11 / 1024, 12);
  expect(binomialTail(10, 10, 0.3)).toBe(1);
  expect(binomialTail(25, 26, 0.996)).toBeCloseTo(1 - 0.996 ** 26, 9);
  // Half of all, were it added up to its end.
  const [enough, some] = [0.001, binomialTail(500_000, 1e6, 0.5, 0.001)];
  expect(some).toBeGreaterThan(enough);
  expect(some).toBeLessThan(2 * enough);
  // Three million terms, were it not for the other end.
  expect(binomialTail(3_000_000, 3_000_002, 0.999)).toBeCloseTo(1, 9);
});

describe("more dark addresses than a row has a list for", () => {
  const wide: There = [{ name: "wide", dark: ["10.7.0.0/16"] }, BEFORE, START + HOUR];
  /** Five times two thousand addresses, a second each, ten seconds apart. */
  const sweep = Array.from({ length: 10_000 }, (_, i) =>
    syn({
      time: START + Math.floor(i / 2_000) * 10 * SECOND + (i % 2_000) * 500,
      src: ip("36.70.1.1"),
      dst: ip(`10.7.${i >>> 8}.${i & 255}`),
      ttl: 50,
    }),
  );
  it("are counted over all rows, whatever their length", async () => {
    for (const detector of [event, heavyScanner, amplification]) {
      const packets =
        detector.name === "amplification"
          ? sweep.map(({ time, src, dst }) => udp({ time, src, dst, dstPort: 123 }))
          : sweep;
      const counts: (number | undefined)[] = [];
      for (const interval of [10e6, 0.25e6]) {
        const scope = world.scope();
        const [sensor, from, to] = wide;
        await feed(scope, [[sensor, from, to]], []);
        await world.append(batchesOf(scope, sensor, packets, { interval }));
        counts.push((await world.detect(scope, [detector as Detector]))[0]?.darkAddresses);
      }
      expect(counts[0], detector.name).toBe(counts[1]);
      expect(Math.abs(counts[0]! - 10_000), detector.name).toBeLessThan(1_500);
    }
  });
});

describe("a heavy scanner", () => {
  const DAY = 24 * HOUR;
  const scan = packetsOf("36.70.1.1", 200, { gap: MINUTE, hosts: 20 });
  const small: There = [jakarta, BEFORE, START + 6 * HOUR];
  const contextOf = async (scope: Scope, ledger = new MemoryLedger()): Promise<Context> => ({
    scope,
    owners,
    sensors: await sensorsAt(world.store, scope, START + DAY, new Map()),
    home: null,
    researcher: () => null,
    ledger,
  });
  const judge = async (context: Context, memory: unknown, span: Partial<Span> = {}) =>
    examineSpan(
      world.store,
      heavyScanner as Detector,
      { from: START + DAY + HOUR, to: START + DAY + 2 * HOUR, ...span },
      memory,
      context,
    );

  it("is taken back with the rows it rested on, of each day that they lay in", async () => {
    const scope = world.scope();
    const later = packetsOf("36.70.1.1", 150, { gap: MINUTE, hosts: 20, from: START + DAY });
    const other: SensorSpec = { name: "other", dark: ["203.0.113.0/24"] };
    const steady = packetsOf("36.70.1.3", 120, { net: "203.0.113.", gap: 12 * MINUTE });
    await feed(
      scope,
      [
        [{ ...jakarta, name: "liar" }, BEFORE, START + 2 * DAY],
        [other, BEFORE, START + 2 * DAY],
      ],
      [...scan, ...later, ...steady],
    );
    const context = await contextOf(scope);
    const first = await judge(context, { position: 0 });
    const second = await judge(context, first.memory, { from: START + 2 * DAY + HOUR, to: START + 2 * DAY + 2 * HOUR });
    expect([first, second].map(({ detections }) => detections.map(({ source }) => source))).toEqual([
      ["36.70.1.1", "36.70.1.3"],
      ["36.70.1.1"],
    ]);
    await world.store.revoke("liar", START);
    const again = await judge(context, second.memory, {
      from: START,
      to: START + 2 * DAY,
      late: true,
      withdrawn: "liar",
    });
    expect(again.detections.map(({ source }) => source)).toEqual(["36.70.1.3"]);
    expect(again.complete?.filter(({ source }) => source === "36.70.1.1").map(({ since }) => since)).toEqual([START]);
  });
  it("leads those that send, whatever comes back from a victim, with the day's roll-up and without", async () => {
    const scope = world.scope();
    const back = packetsOf("36.70.9.9", 5_000, { back: true, gap: 4 * SECOND });
    await feed(scope, [small], [...scan, ...back, ...packetsOf("36.70.9.9", 40)]);
    const context = await contextOf(scope);
    const plain = await judge(context, { position: 0 });
    expect(plain.detections.map(({ source, packets }) => [source, packets])).toEqual([["36.70.1.1", 200]]);
    await world.store.rollUp(START + 2 * DAY);
    const rolled = await judge(context, { position: 0 });
    expect(rolled).toEqual(plain);
  });
});

it("asks open events anew when rows of them are withdrawn", async () => {
  const scope = world.scope();
  const liar = { ...jakarta, name: "forger" };
  const sensors: There[] = [
    [liar, BEFORE, START + HOUR],
    [tokyo, BEFORE, START + HOUR],
  ];
  const packets = [
    ...packetsOf("36.70.1.1", 30, { gap: 10 * SECOND }),
    ...packetsOf("36.70.1.1", 20, { gap: 10 * SECOND, net: "198.51.100." }),
    ...packetsOf("36.70.1.2", 30, { gap: 10 * SECOND }),
  ];
  await feed(scope, sensors, packets);
  const ledger = new MemoryLedger();
  const context: Context = {
    scope,
    owners,
    sensors: await sensorsAt(world.store, scope, START + HOUR, new Map()),
    home: null,
    researcher: () => null,
    ledger,
  };
  const span = { from: START, to: START + 10 * MINUTE };
  await examineSpan(world.store, event as Detector, span, { untold: 0 }, context);
  const open = (): number[] => [...ledger.entries()].map(([, value]) => (value as { packets: number }).packets);
  expect(open().toSorted()).toEqual([30, 50]);
  await world.store.revoke("forger", START);
  await examineSpan(
    world.store,
    event as Detector,
    { ...span, late: true, withdrawn: "forger" },
    { untold: 0 },
    context,
  );
  expect(open()).toEqual([20]);
});
