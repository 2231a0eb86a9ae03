// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { infectedHost } from "../../src/detect/infected.ts";
import type { Detector } from "../../src/detect/detector.ts";
import type { Detection } from "../../src/model/detection.ts";
import { parseSignature } from "../../src/model/signature.ts";
import { icmp, syn, udp } from "../flow/packets.ts";
import type { Packet } from "../flow/packets.ts";
import { chance } from "../../src/store/flows/batches.conformance.ts";
import { bot, scan } from "./scan.ts";
import { HOUR, SECOND, START, openWorld, ownersOf } from "./world.ts";
import type { Asked, Cut, SensorSpec, World } from "./world.ts";

const detector = [infectedHost as Detector];
const jakarta = { name: "jakarta", dark: ["192.0.2.0/24"], country: "ID" };
const tokyo = { name: "tokyo", dark: ["198.51.100.0/24"], country: "JP" };
const bangkok = { name: "bangkok", dark: ["203.0.113.0/24"], country: "TH" };
const three: readonly SensorSpec[] = [jakarta, tokyo, bangkok];
const owners = ownersOf(`organisation,prefix,country,translation
isp,36.64.0.0/11,ID,
mobile,114.120.0.0/13,ID,cgnat
abroad,133.0.0.0/8,JP,
`);
describe("infected host", () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world.close());

  const find = async (
    packets: readonly Packet[],
    asked: Asked & { realm?: string; cut?: Cut; seen?: readonly SensorSpec[] } = {},
  ): Promise<Detection[]> => {
    const sensors = asked.seen ?? three;
    const scope = world.scope(asked.realm);
    await world.feed(scope, sensors, packets, asked.cut);
    return world.detect(scope, detector, { owners, sensors, ...asked });
  };
  const kinds = (detections: readonly Detection[]): string[] => detections.map(({ kind }) => kind);

  it("tells of ten packets to three dark addresses, with what finds the machine", async () => {
    const packets = scan();
    const [one, ...more] = await find(packets);
    expect(more).toEqual([]);
    expect(one).toMatchObject({
      detector: "infected-host",
      kind: "infected-host",
      source: bot,
      port: 23,
      protocol: "tcp",
      packets: 12,
      family: "iot-telnet",
      held: [],
      first: packets[0]!.time,
      last: packets.at(-1)!.time,
    });
    expect(one!.samples).toHaveLength(12);
    expect(one!.samples[0]).toEqual({ time: packets[0]!.time, error: null, sourcePort: packets[0]!.srcPort, port: 23 });
    expect(one!.evidence).toMatchObject({
      rule: "packets",
      network: "36.64.0.0/11",
      mode: "outbound, seen at home and abroad",
    });
    expect(JSON.stringify(one)).not.toMatch(/192\.0\.2|198\.51\.100|203\.0\.113/);
  });

  it("tells of three packets with Mirai's mark that two sensors saw", async () => {
    const [one, ...more] = await find(scan({ packets: 3, mirai: true, seed: 3 }));
    expect([one?.kind, one?.family, one?.evidence["rule"], more]).toEqual(["infected-host", "mirai", "mark", []]);
  });
  it("waits for more where one sensor of three says so", async () => {
    expect(kinds(await find(scan({ packets: 3, mirai: true, nets: ["192.0.2."] })))).toEqual(["sighting"]);
  });
  it("believes the only sensor there is", async () => {
    const packets = scan({ packets: 3, mirai: true, nets: ["192.0.2."] });
    expect(kinds(await find(packets, { seen: [jakarta] }))).toEqual(["infected-host"]);
  });

  it("shows a single packet as a sighting, and nothing of sources outside", async () => {
    expect(kinds(await find(scan({ packets: 1 })))).toEqual(["sighting"]);
    expect(await find(scan({ src: "8.8.8.8", packets: 50 }))).toEqual([]);
  });
  it("shows nine packets, or two dark addresses, as a sighting", async () => {
    expect(kinds(await find(scan({ packets: 9 })))).toEqual(["sighting"]);
    expect(kinds(await find(scan({ packets: 60, nets: ["192.0.2."], hosts: 2 }), { seen: [jakarta] }))).toEqual([
      "sighting",
    ]);
  });
  it("takes one port and one dark host for a misconfiguration, however long", async () => {
    expect(
      kinds(await find(scan({ packets: 400, nets: ["192.0.2."], hosts: 1, gap: 120 * SECOND, ports: [443] }))),
    ).toEqual(["sighting"]);
  });

  it("never accuses for backscatter", async () => {
    const replies = scan({ packets: 40 }).map((packet, i) => ({
      ...packet,
      tcpFlags: i % 3 === 0 ? 20 : 18,
      srcPort: 80,
    }));
    const errors = scan({ packets: 40 }).map(({ time, src, dst }) => icmp(3, { time, src, dst, icmpCode: 3 }));
    const dns = scan({ packets: 40 }).map(({ time, src, dst }) =>
      udp({ time, src, dst, srcPort: 53, dstPort: 40_000 }),
    );
    expect(await find([...replies, ...errors, ...dns])).toEqual([]);
  });
  it("takes no amplifier's answers for a scan", async () => {
    const packets = scan({ packets: 60 }).map(({ time, src, dst }, i) =>
      udp({ time, src, dst, srcPort: 123, dstPort: 1_024 + i * 7, udpLength: 440 }),
    );
    expect(kinds(await find(packets))).toEqual(["sighting"]);
  });
  it("takes no strays of peer-to-peer programs for an infection", async () => {
    // Of many ports only some are counted one by one.
    for (const n of [40, 42, 100]) {
      const packets = scan({ packets: n, gap: 60 * SECOND }).map(({ time, src, dst }, i) =>
        udp({ time, src, dst, srcPort: 51_413, dstPort: 6_881 + ((i * 7_919) % 40_000) }),
      );
      expect(kinds(await find(packets))).toEqual(["sighting"]);
    }
  });

  it("names a scanner by its tool, its ports, its speed, its list", async () => {
    const zmap = await find(scan({ packets: 15, change: { ipId: 54_321, ttl: 240 }, ports: [443] }));
    expect(zmap.map(({ kind, family }) => [kind, family])).toEqual([["scanning-host", "zmap"]]);
    const quiet = await find(scan({ packets: 15, change: { ttl: 240, tcpWindow: 65_535 }, ports: [443] }));
    expect(kinds(quiet)).toEqual(["scanning-host"]);
    const nmap = await find(
      scan({ packets: 15, change: { signature: parseSignature("1024:mss:1460:-")! }, ports: [23, 8080] }),
    );
    expect(nmap.map(({ kind, family }) => [kind, family])).toEqual([["scanning-host", "nmap"]]);
    // Two such SYNs beside a worm's datagrams are not what it does.
    const beside = scan({ packets: 2, change: { signature: parseSignature("1024:mss:1460:-")! }, seed: 5 });
    const worm = scan({ packets: 40, seed: 9 }).map(({ time, src, dst, srcPort }) =>
      udp({ time, src, dst, srcPort: srcPort!, dstPort: 9_999 }),
    );
    const both = [...beside, ...worm].toSorted((a, b) => a.time - b.time);
    expect(kinds(await find(both))).toEqual(["infected-host"]);
    const likeIt = await find(
      scan({ packets: 15, change: { signature: parseSignature("1300:mss:1460:-")! }, ports: [23, 8080] }),
    );
    expect(kinds(likeIt)).toEqual(["infected-host"]);
    const many = await find(
      scan({ packets: 30, gap: 60 * SECOND, ports: [21, 22, 23, 25, 80, 81, 110, 143, 443, 445, 993, 8080] }),
    );
    expect(many.map(({ kind, evidence }) => [kind, evidence["reason"]])).toEqual([["scanning-host", "ports"]]);
    const fast = await find(scan({ packets: 40, gap: 10 * SECOND, ports: [80, 443] }));
    expect(fast.map(({ kind, evidence }) => [kind, evidence["reason"]])).toEqual([["scanning-host", "rate"]]);
    const listed = await find(scan({ packets: 15 }), { researchers: new Map([[bot, "university.example"]]) });
    expect(listed.map(({ kind, family }) => [kind, family])).toEqual([["scanning-host", "university.example"]]);
  });
  it("tells an operating system's connections to web ports from a bot's SYNs, and measurements from scans", async () => {
    const linux = parseSignature("64240:mss,sok,ts,nop,ws:1460:7")!;
    const crawler = await find(scan({ packets: 20, ports: [80, 443], change: { signature: linux } }));
    expect(crawler.map(({ kind, evidence }) => [kind, evidence["reason"]])).toEqual([["scanning-host", "web"]]);
    // Written by a program of its own, or to what no browser asks for, or for the most part to where few servers are.
    for (const { ports, signature } of [
      { ports: [80, 443], signature: parseSignature("5840:mss:1460:-")! },
      { ports: [80, 7547], signature: linux },
      { ports: [80, 8080, 8443, 8000, 8888], signature: linux },
    ]) {
      expect(kinds(await find(scan({ packets: 21, ports, change: { signature } })))).toEqual(["infected-host"]);
    }
    // A few systems behind a bot's address hide nothing.
    const several = [0, 1, 2, 3].flatMap((i) =>
      scan({
        packets: 2,
        ports: [80],
        seed: i + 1,
        from: START + i * 100 * SECOND,
        gap: SECOND,
        change: { signature: parseSignature(`${64_000 + i}:mss,sok,ts,nop,ws:1460:7`)! },
      }),
    );
    const hidden = [
      ...several,
      ...scan({ packets: 60, ports: [80], from: START + HOUR, change: { signature: parseSignature("5840:-:-:-")! } }),
    ];
    expect(kinds(await find(hidden))).toEqual(["infected-host"]);
    const traced = scan({ packets: 24 }).map(({ time, src, dst, srcPort }, i) =>
      i % 3 === 0
        ? syn({ time, src, dst, srcPort: srcPort!, dstPort: 443 })
        : udp({ time, src, dst, srcPort: srcPort!, dstPort: 33_434 + (i % 3) }),
    );
    expect((await find(traced)).map(({ kind, evidence }) => [kind, evidence["reason"]])).toEqual([
      ["scanning-host", "ping"],
    ]);
  });
  it("lets a Mirai mark outrank the number of ports", async () => {
    const packets = scan({
      packets: 40,
      gap: 60 * SECOND,
      mirai: true,
      ports: [23, 2323, 80, 81, 8080, 5555, 7547, 37215, 52869, 5501, 22, 26],
    });
    expect((await find(packets)).map(({ kind, family }) => [kind, family])).toEqual([["infected-host", "mirai"]]);
  });

  it("lets no single spoof reason veto", async () => {
    expect(kinds(await find(scan({ src: "36.70.1.255" })))).toEqual(["infected-host"]);
    expect(kinds(await find(scan({ src: "36.70.2.0" })))).toEqual(["infected-host"]);
  });
  it("believes no source with two of them", async () => {
    expect(kinds(await find(scan({ src: "36.70.1.255", change: { srcPort: 0 } })))).toEqual(["sighting"]);
  });
  it("never accuses a bogon, even one that somebody registered", async () => {
    const registered = ownersOf("organisation,prefix\nx,10.0.0.0/8\n");
    expect(await find(scan({ src: "10.1.2.3" }), { owners: registered })).toEqual([]);
  });

  it("looks inside a realm, where private addresses count and owners are its own", async () => {
    const inside = ownersOf("organisation,prefix,realm\nschool,10.0.0.0/8,school\nisp,36.64.0.0/11,\n");
    const dark = [{ name: "school-1", dark: ["10.99.0.0/24"] }];
    const packets = [...scan({ src: "10.1.2.3", nets: ["10.99.0."] }), ...scan({ src: bot, nets: ["10.99.0."] })];
    const found = await find(packets, { realm: "school", owners: inside, seen: dark });
    expect(found.map(({ kind, source, realm, evidence }) => [kind, source, realm, evidence["mode"]])).toEqual([
      ["infected-host", "10.1.2.3", "school", "internal"],
    ]);
  });

  it("raises nothing where every destination is taken for dark", async () => {
    // What a replay without --dark reports.
    const blind = [{ name: "blind", dark: ["192.0.0.0/3"], undeclared: true }];
    expect(await find(scan({ packets: 40 }), { seen: blind })).toEqual([]);
    expect(kinds(await find(scan({ packets: 40 }), { seen: [{ ...blind[0]!, undeclared: false }] }))).toEqual([
      "infected-host",
    ]);
  });

  it("answers a storm of one-packet sources with one line for each minute", async () => {
    const random = chance(99);
    const storm = Array.from({ length: 3_000 }, (_, i) =>
      scan({
        packets: 1,
        from: START + i * 40_000,
        gap: 1,
        src: `36.${64 + (i % 32)}.${Math.floor(random() * 256)}.${1 + (i >> 5)}`,
        seed: i,
      }),
    ).flat();
    const found = await find(storm);
    expect(found.map(({ kind, source, evidence }) => [kind, source, evidence["storm"]])).toEqual([
      ["sighting", null, true],
      ["sighting", null, true],
    ]);
    expect(found.reduce((sum, { packets }) => sum + packets, 0)).toBe(3_000);
  });

  it("holds back a forged storm of many packets a source", async () => {
    const storm = Array.from({ length: 400 }, (_, i) =>
      scan({
        packets: 12,
        from: START + (i % 97) * SECOND,
        gap: 150 * SECOND,
        src: `36.71.${i >> 6}.${(i * 3) % 251}`,
        seed: i + 1,
      }),
    ).flat();
    const found = await find([...scan({ from: START - 60 * HOUR, gap: HOUR / 2 }), ...storm]);
    const claims = found.filter(({ kind }) => kind !== "sighting");
    expect(claims.filter(({ source }) => source !== bot).every(({ held }) => held.includes("correlated-onset"))).toBe(
      true,
    );
    expect(claims.length).toBeGreaterThan(390);
    expect(claims.find(({ source }) => source === bot)?.held).toEqual([]);
  });
  it("holds back three that begin together at a server's speed", async () => {
    const packets = [1, 2, 3].flatMap((i) =>
      scan({ src: `36.72.0.${i}`, from: START + i * 60 * SECOND, gap: 40 * SECOND, seed: i, packets: 20 }),
    );
    // In the first hour everybody seems to begin.
    expect((await find(packets)).map(({ held }) => held)).toEqual([[], [], []]);
    const later = await find([...scan({ packets: 1, from: START - 2 * HOUR, src: "36.90.0.1" }), ...packets]);
    expect(later.filter(({ kind }) => kind !== "sighting").map(({ held }) => held)).toEqual([
      ["correlated-onset"],
      ["correlated-onset"],
      ["correlated-onset"],
    ]);
  });

  it("holds back TTLs from everywhere, but not the two systems behind one address", async () => {
    const random = chance(5);
    const spread = scan({ packets: 20 }).map((packet) => ({ ...packet, ttl: 30 + Math.floor(random() * 150) }));
    expect((await find(spread)).map(({ kind, held }) => [kind, held])).toEqual([["infected-host", ["ttl-spread"]]]);
    const shared = scan({ packets: 20 }).map((packet, i) => ({ ...packet, ttl: i % 2 === 0 ? 51 : 116 }));
    expect((await find(shared)).map(({ held }) => held)).toEqual([[]]);
  });

  it("holds back TTLs that change with every packet, even of a short proof", async () => {
    const random = chance(11);
    const wandering = scan({ packets: 11 }).map((packet) => ({ ...packet, ttl: 26 + Math.floor(random() * 38) }));
    expect((await find(wandering)).map(({ kind, held }) => [kind, held])).toEqual([["infected-host", ["ttl-spread"]]]);
    // A route that changes by a hop is one.
    const near = scan({ packets: 11 }).map((packet) => ({ ...packet, ttl: 50 + Math.floor(random() * 3) }));
    expect((await find(near)).map(({ held }) => held)).toEqual([[]]);
  });

  it("holds back a forger's slow drizzle from one place, and no outbreak among hosts at many distances", async () => {
    const drizzle = (ttlOf: (i: number) => number): Packet[] =>
      Array.from({ length: 60 }, (_, i) =>
        scan({
          packets: 14,
          from: START + i * 900 * SECOND,
          gap: HOUR / 4,
          src: `36.${64 + (i % 30)}.${i}.${(i * 7) % 251}`,
          seed: i + 1,
          ports: [8080],
          change: { ttl: ttlOf(i) },
        }),
      ).flat();
    const forged = (await find(drizzle(() => 52))).filter(({ kind }) => kind !== "sighting");
    expect(forged.length).toBe(60);
    expect(forged.filter(({ held }) => !held.includes("one-way"))).toEqual([]);
    // Told one by one, the first ones are held as soon as enough like them have come.
    const slowly = (
      await find(
        drizzle(() => 52),
        { step: 600 * SECOND },
      )
    ).filter(({ kind }) => kind !== "sighting");
    expect(slowly.filter(({ held }) => !held.includes("one-way"))).toEqual([]);
    const spread = (await find(drizzle((i) => 43 + ((i * 11) % 16)))).filter(({ kind }) => kind !== "sighting");
    expect(spread.length).toBe(60);
    expect(spread.filter(({ held }) => held.length > 0)).toEqual([]);
  });

  it("holds back one who is not where its neighbours are, and those of its tool who may not be either", async () => {
    const hosts = (
      n: number,
      { octet, tool, ttlOf, from }: { octet: number; tool: number; ttlOf: (i: number) => number; from: number },
    ): Packet[] =>
      Array.from({ length: n }, (_, i) =>
        scan({
          packets: 14,
          from: from + i * 600 * SECOND,
          gap: HOUR / 4,
          src: `36.70.${16 + (i % 14)}.${octet + i}`,
          seed: octet + i,
          ports: [tool],
          change: { ttl: ttlOf(i), signature: [tool * 65_536, 0xff000000] },
        }),
      ).flat();
    const neighbours = hosts(24, { octet: 10, tool: 23, ttlOf: (i) => 51 + (i % 2), from: START });
    const later = START + 12 * HOUR;
    const forged = hosts(16, { octet: 100, tool: 8080, ttlOf: (i) => 34 + ((i * 7) % 26), from: later });
    const own = hosts(6, { octet: 200, tool: 8081, ttlOf: () => 52, from: later });
    const found = (await find([...neighbours, ...forged, ...own].sort((a, b) => a.time - b.time))).filter(
      ({ kind }) => kind !== "sighting",
    );
    const ofPort = (port: number): Detection[] => found.filter((one) => one.port === port);
    expect(ofPort(8080).length).toBe(16);
    // One in five lies where it would by chance.
    expect(ofPort(8080).filter(({ held }) => held.includes("path-differs")).length).toBeGreaterThanOrEqual(12);
    expect([...ofPort(23), ...ofPort(8081)].map(({ held }) => held)).toEqual(Array.from({ length: 30 }, () => []));
  });

  it("knows Mirai's bots by their mark, though each has a window of its own", async () => {
    const forged = Array.from({ length: 20 }, (_, i) =>
      scan({
        packets: 14,
        from: START + i * 1800 * SECOND,
        gap: HOUR / 4,
        src: `36.${64 + i}.${i}.${(i * 7) % 251}`,
        seed: i + 1,
        mirai: true,
        change: { signature: [(1000 + i * 2503) * 65_536, 0xff000000] },
      }),
    ).flat();
    const found = (await find(forged)).filter(({ kind }) => kind !== "sighting");
    expect(found.map(({ family, held }) => [family, held])).toEqual(
      Array.from({ length: 20 }, () => ["mirai", ["one-way"]]),
    );
  });

  it("tells nobody of a client that has lost its servers", async () => {
    for (const packets of [12, 120]) {
      const lost = await find(scan({ packets, gap: HOUR / 20, hosts: 1, ports: [443] }));
      expect(lost.filter(({ kind }) => kind !== "sighting")).toEqual([]);
    }
    // A worm that tries each host three times goes on to the next.
    const tries = scan({ packets: 10, ports: [445] }).flatMap((packet) =>
      [0, 3, 9].map((later) => ({ ...packet, time: packet.time + later * SECOND })),
    );
    expect(kinds(await find(tries))).toEqual(["infected-host"]);
  });

  it("holds back what one sensor says and two others should have seen", async () => {
    const lie = scan({ packets: 14, nets: ["192.0.2."] });
    expect((await find(lie)).map(({ held }) => held)).toEqual([["sensor-disagrees"]]);
    expect((await find(lie, { seen: [jakarta] })).map(({ held }) => held)).toEqual([[]]);
  });
  it("holds back what one sensor says of an owner abroad", async () => {
    const packets = scan({ src: "133.5.6.7", nets: ["192.0.2."] });
    expect((await find(packets, { seen: [jakarta], home: "ID" })).map(({ held }) => held)).toEqual([
      ["one-sensor-abroad"],
    ]);
    expect((await find(scan({ src: "133.5.6.7" }), { home: "ID" })).map(({ held }) => held)).toEqual([[]]);
  });

  it("begins a new claim after a week of silence", async () => {
    const found = await find([...scan({ packets: 12 }), ...scan({ packets: 12, from: START + 9 * 24 * HOUR })]);
    expect(found.map(({ kind, first }) => [kind, first > START + 8 * 24 * HOUR])).toEqual([
      ["infected-host", false],
      ["infected-host", true],
    ]);
  });
});
