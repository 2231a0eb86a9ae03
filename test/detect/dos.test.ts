// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryLedger } from "../../src/app/detection-examine.ts";
import { emptyVector } from "../../src/detect/backscatter.ts";
import { dosVictim, prune, scaledRate } from "../../src/detect/dos.ts";
import type { Detector } from "../../src/detect/detector.ts";
import type { Detection } from "../../src/model/detection.ts";
import { icmp, ip, syn, udp } from "../flow/packets.ts";
import type { Packet } from "../flow/packets.ts";
import { HOUR, SECOND, START, openWorld } from "./world.ts";
import type { SensorSpec, World } from "./world.ts";

const detector = [dosVictim as Detector];
const jakarta: SensorSpec = { name: "jakarta", dark: ["192.0.2.0/24"] };
const tokyo: SensorSpec = { name: "tokyo", dark: ["198.51.100.0/24"] };
const victim = "36.70.9.9";
/** Numbers that look drawn at random, the same each time. */
const drawn = (i: number): number => Math.imul(i + 17, 0x9e3779b1) >>> 8;

interface Attack {
  readonly packets?: number;
  readonly gap?: number;
  readonly from?: number;
  readonly hosts?: number;
  readonly change?: (packet: Packet, i: number) => Packet;
}
/** SYN-ACKs of one attacked host to addresses that forged packets came from. */
const echo = ({
  packets = 200,
  gap = 5 * SECOND,
  from = START,
  hosts = 250,
  change = (one) => one,
}: Attack = {}): Packet[] =>
  Array.from({ length: packets }, (_, i) =>
    change(
      syn({
        time: from + i * gap + (drawn(i) % 900_000),
        src: ip(victim),
        dst: ip(`${drawn(i) & 1 ? "192.0.2." : "198.51.100."}${1 + (drawn(i * 3) % hosts)}`),
        srcPort: 443,
        dstPort: 1_024 + (drawn(i * 7) % 60_000),
        tcpFlags: 18,
        ttl: 50,
      }),
      i,
    ),
  );

it("scales the rate by the size of the telescope, down to a floor", () => {
  expect(scaledRate(2 ** 24)).toBe(30);
  expect(scaledRate(2 ** 23)).toBe(15);
  expect(scaledRate(512)).toBe(5);
  expect(scaledRate(1)).toBe(5);
});

it("gives up the least of too many vectors, and none that was told of", () => {
  const ledger = new MemoryLedger();
  for (let i = 0; i < 40; i++) {
    const vector = { ...emptyVector(START + i), packets: 1 + i };
    ledger.set(String(i), { vector, found: null, claim: i < 5 ? "told" : "", dirty: false });
  }
  prune(ledger, 12);
  expect([...ledger.keys()].map(Number)).toEqual([0, 1, 2, 3, 4, 33, 34, 35, 36, 37, 38, 39]);
});

describe("a victim of denial of service", () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world.close());
  const find = async (
    packets: readonly Packet[],
    sensors: readonly SensorSpec[] = [jakarta, tokyo],
  ): Promise<Detection[]> => {
    const scope = world.scope();
    await world.feed(scope, sensors, packets);
    return world.detect(scope, detector);
  };

  it("is told by its replies, with port, time and rate", async () => {
    const packets = echo();
    const [one, ...more] = await find(packets);
    expect(more).toEqual([]);
    expect(one).toMatchObject({
      kind: "dos-victim",
      source: victim,
      protocol: "tcp",
      port: 443,
      packets: 200,
      first: packets[0]!.time,
      sensors: ["jakarta", "tokyo"],
    });
    expect(one!.evidence).toMatchObject({ ports: { "443/tcp": 200 }, types: { "tcp-syn-ack": 200 } });
  });
  it("asks for 25 packets, a minute, and a rate", async () => {
    expect(await find(echo({ packets: 24, gap: 5 * SECOND }))).toEqual([]);
    expect(await find(echo({ packets: 200, gap: 0.2 * SECOND }))).toEqual([]);
    expect(await find(echo({ packets: 200, gap: 30 * SECOND }))).toEqual([]);
    expect(await find(echo({ packets: 26, gap: 5 * SECOND }))).toHaveLength(1);
  });
  it("is never told by a sensor of one address alone", async () => {
    const one = { name: "lone", dark: ["192.0.2.7/32"] };
    const packets = echo({ packets: 3_000, gap: SECOND }).map((packet) => ({ ...packet, dst: ip("192.0.2.7") }));
    expect(await find(packets, [one])).toEqual([]);
  });
  it("is not the sender of a SYN-ACK scan", async () => {
    // To one port from one port, to one port from any port, from any port to any.
    expect(await find(echo({ packets: 500, gap: SECOND, change: (one) => ({ ...one, dstPort: 80 }) }))).toEqual([]);
    expect(
      await find(
        echo({
          packets: 500,
          gap: SECOND,
          change: (one, i) => ({ ...one, srcPort: 1_024 + (drawn(i) % 60_000), dstPort: 80 }),
        }),
      ),
    ).toEqual([]);
    expect(
      await find(
        echo({ packets: 500, gap: SECOND, change: (one, i) => ({ ...one, srcPort: 1_024 + (drawn(i) % 60_000) }) }),
      ),
    ).toEqual([]);
  });
  it("is not a scanner whose own resets come back", async () => {
    const resets = echo({ change: (one) => ({ ...one, tcpFlags: 4 }) });
    const scan = echo({
      packets: 200,
      change: (one) => ({ ...one, tcpFlags: 2, shape: 12, signature: [5_840 * 65_536, 0xff000000] }),
    });
    expect(await find([...resets, ...scan])).toEqual([]);
    expect(await find(resets)).toHaveLength(1);
  });
  it("is the inner destination of ICMP errors, together with its own replies", async () => {
    const errors = echo({ packets: 120 }).map(({ time, dst }, i) =>
      icmp(i % 2 === 0 ? 3 : 11, {
        time,
        src: ip(`8.8.${i % 7}.1`),
        dst,
        shape: 16 | 32,
        innerProtocol: 17,
        innerSrc: dst,
        innerDst: ip(victim),
        innerSrcPort: 1_024 + i,
        innerDstPort: 53,
        ttl: 240,
      }),
    );
    const [one, ...more] = await find(errors);
    expect(more).toEqual([]);
    expect(one).toMatchObject({ source: victim, protocol: "udp", port: 53, packets: 120 });
    const forged = errors.map((error) => ({ ...error, innerSrc: ip("36.1.1.1") }));
    expect(await find(forged)).toEqual([]);
    const both = await find([...errors, ...echo({ packets: 100 })]);
    expect(both.map(({ packets, source }) => [packets, source])).toEqual([[220, victim]]);
  });
  it("is attacked at the port that its datagrams come from", async () => {
    const answers = echo().map(({ time, src, dst, dstPort }) =>
      udp({ time, src: src!, dst: dst!, srcPort: 53, dstPort: dstPort! }),
    );
    const [one, ...more] = await find(answers);
    expect(more).toEqual([]);
    expect(one).toMatchObject({ source: victim, protocol: "udp", port: 53, packets: 200 });
    expect(one!.evidence).toMatchObject({ ports: { "53/udp": 200 }, other_ports: 0 });
  });
  it("is one attack through pauses of less than an hour, two behind a longer one", async () => {
    const pause = await find([...echo({ packets: 60 }), ...echo({ packets: 60, from: START + 0.9 * HOUR })]);
    expect(pause.map(({ packets }) => packets)).toEqual([120]);
    const two = await find([...echo({ packets: 60 }), ...echo({ packets: 60, from: START + 3.5 * HOUR })]);
    expect(two.map(({ packets }) => packets)).toEqual([60, 60]);
    expect(new Set(two.map(({ id }) => id)).size).toBe(2);
  });
  it("stays the same whether judged by the minute or by the hour", async () => {
    const scope = world.scope();
    await world.feed(
      scope,
      [jakarta, tokyo],
      [...echo({ packets: 300 }), ...echo({ packets: 60, from: START + 2.7 * HOUR })],
    );
    const hourly = await world.detect(scope, detector);
    expect(hourly).toHaveLength(2);
    expect(JSON.stringify(await world.detect(scope, detector, { step: 60 * SECOND }))).toBe(JSON.stringify(hourly));
  });
});
