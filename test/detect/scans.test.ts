// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { amplification } from "../../src/detect/amplification.ts";
import type { Detector } from "../../src/detect/detector.ts";
import { event } from "../../src/detect/event.ts";
import { heavyScanner } from "../../src/detect/heavy.ts";
import type { Detection } from "../../src/model/detection.ts";
import { ip, syn, udp } from "../flow/packets.ts";
import type { Packet } from "../flow/packets.ts";
import { HOUR, SECOND, START, openWorld } from "./world.ts";
import type { SensorSpec, World } from "./world.ts";

const jakarta: SensorSpec = { name: "jakarta", dark: ["192.0.2.0/24"] };
const drawn = (i: number): number => Math.imul(i + 17, 0x9e3779b1) >>> 8;
const dst = (i: number, hosts = 250) => ip(`192.0.2.${1 + (drawn(i) % hosts)}`);

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());
const find = async (detector: Detector, packets: readonly Packet[]): Promise<Detection[]> => {
  const scope = world.scope();
  await world.feed(scope, [jakarta], packets);
  return world.detect(scope, [detector]);
};

describe("an event", () => {
  const scan = (packets: number, gap: number, from = START, port = 23, hosts = 250): Packet[] =>
    Array.from({ length: packets }, (_, i) =>
      syn({ time: from + i * gap, src: ip("36.70.1.1"), dst: dst(i, hosts), dstPort: port, ttl: 50 }),
    );
  const events = (packets: readonly Packet[]): Promise<Detection[]> => find(event as Detector, packets);

  it("is one source and one port from its first packet to its last", async () => {
    const packets = [...scan(40, 20 * SECOND), ...scan(40, 20 * SECOND, START, 2323)];
    const found = await events(packets);
    expect(found.map(({ port, packets: n }) => [port, n]).toSorted()).toEqual([
      [23, 40],
      [2323, 40],
    ]);
    expect(found[0]).toMatchObject({
      kind: "event",
      source: "36.70.1.1",
      first: START,
      last: START + 39 * 20 * SECOND,
      protocol: "tcp",
    });
    expect(found[0]!.darkAddresses).toBe(new Set(Array.from({ length: 40 }, (_, i) => drawn(i) % 250)).size);
  });
  it("goes on through 624 seconds of silence and ends behind them", async () => {
    const first = scan(20, 10 * SECOND);
    const last = first.at(-1)!.time;
    expect(
      (await events([...first, ...scan(20, 10 * SECOND, last + 620 * SECOND)])).map(({ packets }) => packets),
    ).toEqual([40]);
    expect(
      (await events([...first, ...scan(20, 10 * SECOND, last + 630 * SECOND)])).map(({ packets }) => packets),
    ).toEqual([20, 20]);
  });
  it("needs ten dark addresses and a rate", async () => {
    expect(await events(scan(60, 10 * SECOND, START, 23, 9))).toEqual([]);
    expect(await events(scan(60, 10 * SECOND, START, 23, 40))).toHaveLength(1);
  });
  it("has room for others when it has ended, however long a time is judged at once", { timeout: 120_000 }, async () => {
    // As many as are followed, for a moment, and with more packets than those have that count, an hour later.
    const crowd = Array.from({ length: 50_000 * 7 }, (_, i) => {
      const host = Math.floor(i / 7);
      const src = ip(`36.64.${host >>> 8}.${host & 255}`);
      return syn({ time: START + host, src, dst: dst(i), dstPort: 80, ttl: 50 });
    });
    const scope = world.scope();
    await world.feed(scope, [jakarta], [...crowd, ...scan(14, 100 * SECOND, START + HOUR)]);
    for (const step of [600 * SECOND, 6 * HOUR]) {
      const found = await world.detect(scope, [event as Detector], { step });
      expect(found.map(({ source, packets }) => [source, packets])).toEqual([["36.70.1.1", 14]]);
    }
  });
  it("ends in the ten minutes in which it was idle for long enough, not when it is seen again", async () => {
    // Open when the hour is over; those that end where it comes again are too many to be told of with it.
    const first = scan(12, 10 * SECOND, START + 3_000 * SECOND);
    const again = scan(12, 10 * SECOND, START + 6_600 * SECOND);
    const many = Array.from({ length: 60 }, (_, host) =>
      Array.from({ length: 40 }, (__, i) =>
        syn({
          time: START + (6_000 + i) * SECOND,
          src: ip(`36.80.0.${host}`),
          dst: dst(i),
          dstPort: 80,
          ttl: 50,
        }),
      ),
    ).flat();
    const scope = world.scope();
    await world.feed(
      scope,
      [jakarta],
      [...first, ...many, ...again].toSorted((a, b) => a.time - b.time),
    );
    const cuts = await Promise.all(
      [600 * SECOND, HOUR].map((step) => world.detect(scope, [event as Detector], { step })),
    );
    for (const found of cuts) {
      expect(found.filter(({ source }) => source === "36.70.1.1").map(({ packets }) => packets)).toEqual([12, 12]);
      expect(found).toHaveLength(52);
    }
  });
});

describe("a heavy scanner", () => {
  it("reached a tenth of the dark addresses on a day, and is told when the day is over", async () => {
    const packets = [
      ...Array.from({ length: 300 }, (_, i) =>
        syn({ time: START + i * 60 * SECOND, src: ip("36.70.1.1"), dst: dst(i), ttl: 50 }),
      ),
      ...Array.from({ length: 300 }, (_, i) =>
        syn({ time: START + i * 60 * SECOND, src: ip("36.70.1.2"), dst: dst(i, 9), ttl: 50 }),
      ),
      ...Array.from({ length: 50 }, (_, i) =>
        syn({ time: START + (i * HOUR) / 3, src: ip("36.70.1.3"), dst: dst(i), ttl: 50 }),
      ),
    ];
    const found = await find(heavyScanner as Detector, packets);
    const one = found.find(({ source }) => source === "36.70.1.1");
    expect(one).toMatchObject({ kind: "heavy-scanner", packets: 300, first: START });
    expect(one!.evidence).toMatchObject({ day: "2026-03-02" });
    expect(one!.evidence["by"]).toContain("dispersion");
    expect(found.some(({ source }) => source === "36.70.1.3")).toBe(false);
    expect(found.find(({ source }) => source === "36.70.1.2")?.evidence["by"] ?? []).not.toContain("dispersion");
  });
  it("led in ports", async () => {
    const wide = Array.from({ length: 200 }, (_, i) =>
      syn({ time: START + i * 60 * SECOND, src: ip("36.70.1.1"), dst: dst(i, 9), dstPort: 1 + i, ttl: 50 }),
    );
    const [one, ...more] = await find(heavyScanner as Detector, wide);
    expect([one?.evidence["by"], one?.evidence["ports"], more]).toEqual([["packets", "ports"], 200, []]);
  });
});

describe("amplification", () => {
  const requests = (packets: number, change: (i: number) => Partial<Packet>, gap = SECOND): Packet[] =>
    Array.from({ length: packets }, (_, i) =>
      udp({
        time: START + i * gap,
        src: ip("36.70.1.1"),
        dst: dst(i),
        dstPort: 123,
        srcPort: 1_024 + (drawn(i) % 60_000),
        ttl: 50,
        ...change(i),
      }),
    );
  const claims = async (packets: readonly Packet[]): Promise<[string, string | null, number][]> =>
    (await find(amplification as Detector, packets)).map(({ kind, family, packets: n }) => [kind, family, n]);

  it("is looked for by who asks many dark addresses", async () => {
    expect(await claims(requests(40, () => ({})))).toEqual([["amplification-scan", "ntp", 40]]);
    expect(await claims(requests(9, () => ({})))).toEqual([]);
    expect(await claims(requests(40, (i) => ({ dst: dst(i, 2) })))).toEqual([]);
    expect(await claims(requests(40, () => ({ dstPort: 40_000 })))).toEqual([]);
  });
  it("names packets by which the owner finds the machine behind a translation", async () => {
    const packets = requests(40, () => ({}), 5 * SECOND);
    const [scan] = await find(amplification as Detector, packets);
    // The first of every ten seconds, with the source port that it really had.
    const first = packets.filter((_, i) => i % 2 === 0);
    expect(scan?.samples.map(({ time, sourcePort, port }) => [time, sourcePort, port])).toEqual(
      first.map(({ time, srcPort, dstPort }) => [time, srcPort, dstPort]),
    );
    const [abuse] = await find(
      amplification as Detector,
      requests(150, (i) => ({ srcPort: 80, dst: dst(i, 2) })),
    );
    expect(abuse?.kind).toBe("reflector-abuse");
    expect(abuse?.samples).toHaveLength(15);
    expect(new Set(abuse?.samples.map(({ sourcePort }) => sourcePort))).toEqual(new Set([80]));
  });
  it("is abused by a hundred requests of one source port to few addresses; the source is the victim", async () => {
    const abuse = (n: number): Packet[] => requests(n, (i) => ({ srcPort: 80, dst: dst(i, 2) }));
    const found = await find(amplification as Detector, abuse(150));
    expect(found.map(({ kind, packets, evidence }) => [kind, packets, evidence["source_port"]])).toEqual([
      ["reflector-abuse", 150, 80],
    ]);
    expect(await claims(abuse(99))).toEqual([]);
    // From many source ports, or to many addresses, it is a scan.
    expect(await claims(requests(150, (i) => ({ dst: dst(i, 2) })))).toEqual([]);
    expect(await claims(requests(150, () => ({ srcPort: 80 })))).toEqual([["amplification-scan", "ntp", 150]]);
  });
});
