// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { detectors as all } from "../../src/detect/detectors.ts";
import { ip, syn, udp, icmp } from "../flow/packets.ts";
import type { Packet } from "../flow/packets.ts";
import { bot, scan } from "./scan.ts";
import { Walk } from "./walk.ts";
import { HOUR, SECOND, START, openWorld, ownersOf } from "./world.ts";
import type { World } from "./world.ts";

const sensors = [
  { name: "jakarta", dark: ["192.0.2.0/24"], country: "ID" },
  { name: "tokyo", dark: ["198.51.100.0/24"], country: "JP" },
];
const owners = ownersOf("organisation,prefix,country\nisp,36.64.0.0/10,ID\n");

/** Packets of one host: what it sends, how often, at whom. */
const host = fc
  .record({
    src: fc.constantFrom("36.70.0.1", "36.70.0.2", "36.99.1.255", "8.8.4.4", "36.64.0.3"),
    packets: fc.integer({ min: 1, max: 40 }),
    gap: fc.constantFrom(2e5, 3e6, 4e7, 2e8),
    from: fc.integer({ min: 0, max: HOUR }),
    ports: fc.array(fc.constantFrom(23, 2323, 80, 443, 445, 8080, 5555, 22, 21, 25, 110, 143, 993), {
      minLength: 1,
      maxLength: 13,
    }),
    kind: fc.constantFrom("syn", "mirai", "zmap", "syn-ack", "udp", "echo", "unreachable"),
    ttl: fc.integer({ min: 30, max: 250 }),
    seed: fc.integer({ min: 0, max: 1e6 }),
  })
  .map(({ src, packets, gap, from, ports, kind, ttl, seed }): Packet[] =>
    Array.from({ length: packets }, (_, i) => {
      const draw = Math.imul(seed + i * 2_654_435_761, 0x9e3779b1) >>> 0;
      const dst = ip(`${draw & 1 ? "192.0.2." : "198.51.100."}${1 + ((draw >>> 8) % 250)}`);
      const base = { time: START + from + i * gap + (draw % 1_000), src: ip(src), dst, ttl };
      const port = ports[i % ports.length]!;
      if (kind === "udp") return udp({ ...base, dstPort: port === 23 ? 123 : port, srcPort: 1_024 + (draw % 999) });
      if (kind === "echo") return icmp(8, base);
      if (kind === "unreachable") {
        return icmp(3, { ...base, shape: 16, innerProtocol: 17, innerSrc: dst, innerDst: ip("36.70.0.9") });
      }
      const tcp = syn({ ...base, dstPort: port, srcPort: 1_024 + (draw % 60_000) });
      if (kind === "mirai") return { ...tcp, tcpSeq: dst[3] };
      if (kind === "zmap") return { ...tcp, ipId: 54_321 };
      return kind === "syn-ack" ? { ...tcp, tcpFlags: 18, srcPort: 80, dstPort: 1_024 + (draw % 60_000) } : tcp;
    }),
  );

// Those that remember step by step have a property of their own: they are far slower to walk.
const detectors = all.filter(({ late }) => late === "again");

const runs = process.env["LAYANG_PROVE"] === "1" ? 30 : 3;

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

it("finds the same to the byte, however rows, batches and spans were cut", { timeout: 300_000 }, async () => {
  let found = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(host, { minLength: 3, maxLength: 9 }),
      fc.constantFrom(1e6, 2e6, 5e6),
      fc.constantFrom(16, 64, 4_096),
      fc.constantFrom(7, 60, 500),
      fc.constantFrom(300e6, 1_200e6),
      async (hosts, interval, capacity, join, step) => {
        const packets = hosts.flat();
        const [plain, other] = [world.scope(), world.scope()];
        await world.feed(plain, sensors, packets);
        await world.feed(other, sensors, packets, { interval, capacity, join });
        const whole = await world.detect(plain, detectors, { owners, sensors, home: "ID" });
        const cut = await world.detect(other, detectors, { owners, sensors, home: "ID", step });
        found += whole.length;
        // The two cases are two exercises; nothing else may differ.
        const bare = (list: typeof whole): unknown => list.map(({ id: _, exercise: __, ...rest }) => rest);
        const order = (list: typeof whole): typeof whole =>
          list.toSorted(
            (a, b) =>
              a.first - b.first ||
              (`${a.detector}${a.kind}${a.source}${a.port}` < `${b.detector}${b.kind}${b.source}${b.port}` ? -1 : 1),
          );
        expect(JSON.stringify(bare(order(cut)))).toBe(JSON.stringify(bare(order(whole))));
      },
    ),
    { numRuns: runs, seed: 20_130_913 },
  );
  // A property of nothing would hold too.
  expect(found).toBeGreaterThan(runs);
});

describe("an infected host", { timeout: 300_000 }, () => {
  const jakarta = "192.0.2.";
  /** SYNs to the same few dark addresses in turn. */
  const again = (packets: number, few: number, { from = START, gap = SECOND, src = bot } = {}): Packet[] =>
    Array.from({ length: packets }, (_, i) =>
      syn({
        time: from + i * gap,
        src: ip(src),
        dst: ip(`${jakarta}${1 + (i % few)}`),
        dstPort: 443,
        srcPort: 4_000 + i,
      }),
    );
  /** The same flows, judged by whole hours and step by step; rows of the live ones as short as they get. */
  const both = async (packets: readonly Packet[], step: number, until: number): Promise<[Walk, Walk]> => {
    const [plain, live] = [world.scope(), world.scope()];
    await world.feed(plain, sensors, packets);
    await world.feed(live, sensors, packets, { interval: 1e6 });
    const first = Math.floor(packets.reduce((least, { time }) => Math.min(least, time), Infinity) / HOUR) * HOUR;
    const hours = await new Walk(world, plain, owners).walk(first, until, HOUR);
    return [hours, await new Walk(world, live, owners).walk(first, until, step)];
  };

  it("is a stray or is none, whoever looks when", async () => {
    // Eight of 512 in ten seconds, and then the same again and again: no stray, and told of.
    const once = [...again(10, 8), ...again(100, 8, { from: START + 60 * SECOND, gap: SECOND / 5 })];
    // The same within ten seconds: one all along.
    const stray = again(110, 8, { from: START + 100 * SECOND, gap: 80_000, src: "36.70.1.3" });
    const scope = world.scope();
    await world.feed(scope, sensors, [...once, ...stray], { interval: 1e6 });
    const live = await new Walk(world, scope, owners).walk(START, START + 120 * SECOND, SECOND);
    expect(live.claims().map(({ source }) => source)).toEqual([bot]);
    const whole = await new Walk(world, scope, owners).walk(START, START + HOUR, HOUR);
    const bare = (walk: Walk): unknown => walk.standing().map(({ source, kind }) => [source, kind]);
    expect(bare(whole)).toEqual([
      [bot, "scanning-host"],
      ["36.70.1.3", "sighting"],
    ]);
    await live.walk(START + 120 * SECOND, START + HOUR, 120 * SECOND);
    expect(JSON.stringify(live.standing())).toBe(JSON.stringify(whole.standing()));
    // A row that comes a little late makes it anew, and nothing is taken back.
    const withdrawn = live.withdrawn.length;
    await world.feed(scope, sensors, again(1, 8, { from: START + 70.5 * SECOND }), { interval: 1e6 });
    await live.late(START + 70 * SECOND, START + 71 * SECOND);
    expect(live.claims().map(({ source, packets }) => [source, packets])).toEqual([[bot, 111]]);
    expect(live.withdrawn.length).toBe(withdrawn);
  });

  it("is accepted by one half of the rule, whatever the flow interval", async () => {
    const marked = (n: number, net: string, from: number): Packet[] =>
      scan({ packets: n, nets: [net], from, gap: 10_000, mirai: true, seed: n });
    const packets = [
      ...marked(5, jakarta, START + SECOND),
      ...marked(1, "198.51.100.", START + 5 * SECOND),
      ...marked(5, jakarta, START + 6 * SECOND),
    ];
    const [hours, live] = await both(packets, SECOND, START + 20 * SECOND);
    expect(live.claims()[0]?.evidence["rule"]).toBe("mark");
    // Who shows the mark is told of at once, others when their second is over.
    expect(live.told.find(({ kind }) => kind === "infected-host")?.packets).toBe(6);
    expect(hours.claims()[0]?.evidence["rule"]).toBe("mark");
  });

  it("is held or is not, whoever looks when", async () => {
    const hosts = (n: number, from: number, ttlOf: (i: number) => number): Packet[] =>
      Array.from({ length: n }, (_, i) =>
        scan({
          src: `36.${70 + i}.${i}.${from === START ? 1 : 2}`,
          packets: 14,
          from: from + i * 40 * SECOND,
          gap: 20 * SECOND,
          nets: [jakarta, "198.51.100."],
          ports: [8080],
          seed: i + 1,
          change: { ttl: ttlOf(i) },
        }),
      ).flat();
    // Seven from one distance at first, as if one had sent them all, and then many from elsewhere.
    const seven = hosts(7, START, () => 52);
    const [hours, live] = await both(
      [...seven, ...hosts(20, START + 900 * SECOND, (i) => 34 + ((i * 5) % 15))],
      20 * SECOND,
      START + HOUR,
    );
    expect(live.told.filter(({ held }) => held.includes("one-way")).length).toBeGreaterThan(3);
    expect(live.claims()).toHaveLength(27);
    expect(JSON.stringify(live.claims())).toBe(JSON.stringify(hours.claims()));
    expect(live.claims().filter(({ held }) => held.includes("one-way"))).toEqual([]);
    const alone = await both(seven, 60 * SECOND, START + HOUR);
    for (const walk of alone) {
      expect(walk.claims().map(({ held }) => held)).toEqual(Array.from({ length: 7 }, () => ["one-way"]));
    }
  });

  it("that goes to and fro is called something else twice at most, when an hour is over", async () => {
    // Pings and SYNs in turn, too slow for a server's scan: when an hour is over half of all were pings, when the next is over a few less.
    const packets = Array.from({ length: 8 * 12 }, (_, i): Packet => {
      const dst = ip(`${i & 2 ? jakarta : "198.51.100."}${1 + ((i * 37) % 250)}`);
      const base = { time: START + i * 300 * SECOND, src: ip(bot), dst };
      const [hour, at] = [Math.floor(i / 12), i % 12];
      const more = at === 11 || (hour > 0 && at === 9);
      const pings = hour % 2 === 0 ? at % 2 === 0 || more : at % 2 === 0 && at < 8;
      return pings ? icmp(8, base) : syn({ ...base, dstPort: 445, srcPort: 4_000 + i });
    });
    const [hours, live] = await both(packets, 600 * SECOND, START + 8 * HOUR);
    const changes = ({ told }: Walk): string[] =>
      told.map(({ kind }) => kind).filter((kind, i, all) => kind !== "sighting" && kind !== all[i - 1]);
    for (const walk of [hours, live]) {
      expect(changes(walk).length).toBeGreaterThan(1);
      expect(changes(walk).length).toBeLessThanOrEqual(4);
    }
    expect(live.claims().map(({ kind }) => kind)).toEqual(hours.claims().map(({ kind }) => kind));
  });

  it("that turns out to be none is a sighting again", async () => {
    const src = "36.70.1.255";
    // With every second packet from port 0 two spoof reasons are on more than a half at last.
    const packets = scan({ src, packets: 12, gap: 100 * SECOND, nets: [jakarta] }).concat(
      scan({
        src,
        packets: 24,
        gap: 10 * SECOND,
        from: START + 2_000 * SECOND,
        nets: [jakarta],
        change: { srcPort: 0 },
      }),
    );
    const [hours, live] = await both(packets, 20 * SECOND, START + HOUR);
    expect(live.told.some(({ kind }) => kind !== "sighting")).toBe(true);
    expect(live.standing().map(({ kind }) => kind)).toEqual(["sighting"]);
    expect(JSON.stringify(live.standing())).toBe(JSON.stringify(hours.standing()));
  });
});
