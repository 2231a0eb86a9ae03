// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { detectors as all } from "../../src/detect/detectors.ts";
import { ip, syn, udp, icmp } from "../flow/packets.ts";
import type { Packet } from "../flow/packets.ts";
import { HOUR, START, openWorld, ownersOf } from "./world.ts";
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
    { numRuns: 10, seed: 20_130_913 },
  );
  // A property of nothing would hold too.
  expect(found).toBeGreaterThan(10);
});
