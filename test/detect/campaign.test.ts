// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { campaign } from "../../src/detect/campaign.ts";
import type { Detector, Scope } from "../../src/detect/detector.ts";
import type { Detection } from "../../src/model/detection.ts";
import { ip, syn, udp } from "../flow/packets.ts";
import type { Packet } from "../flow/packets.ts";
import { HOUR, START, batchesOf, captureBatches, openWorld, presences } from "./world.ts";
import type { SensorSpec, World } from "./world.ts";

const DAY = 24 * HOUR;
const detector = campaign as Detector;
const jakarta: SensorSpec = { name: "jakarta", dark: ["192.0.2.0/24"], country: "ID" };
const tokyo: SensorSpec = { name: "tokyo", dark: ["198.51.100.0/24"], country: "JP" };
const both = [jakarta, tokyo];
/** Ten networks of a /16 each: AS 1000 to 1009. */
const networks = Array.from({ length: 10 }, (_, i) => {
  const first = 40 * 2 ** 24 + i * 65_536;
  return `${first},${first + 65_535},${1000 + i},Network ${i}`;
}).join("\n");

let world: World;
beforeAll(async () => {
  world = await openWorld(networks);
});
afterAll(() => world.close());

const sourceOf = (i: number): string => `40.${i % 10}.1.${1 + i}`;
const first = [0x5b40_05b4, 0x0402_0303] as const;
const second = [0x7210_05b4, 0x0101_0402] as const;
/** Hosts that each ask a sensor for some ports, an hour apart, with one SYN signature. */
const bots = (
  from: number,
  hosts: number,
  {
    at = jakarta,
    ports = [23, 2323],
    signature = first,
    start = 0,
  }: {
    at?: SensorSpec;
    ports?: readonly number[];
    signature?: readonly [number, number];
    start?: number;
  } = {},
): Packet[] =>
  Array.from({ length: hosts }, (_, i) =>
    ports.map((dstPort, k) =>
      syn({
        time: from + i * 60e6 + k * 1e6,
        src: ip(sourceOf(start + i)),
        dst: ip(at.dark[0]!.replace("0/24", String(1 + ((i * 7 + k) % 250)))),
        dstPort,
        signature,
      }),
    ),
  ).flat();

const feed = async (days: number, packets: readonly Packet[]): Promise<Scope> => {
  const scope = world.scope();
  for (const sensor of both) {
    await world.append([...presences(scope, sensor, START, START + days * DAY), ...batchesOf(scope, sensor, packets)]);
  }
  return scope;
};
const find = async (days: number, packets: readonly Packet[]): Promise<Detection[]> =>
  world.detect(await feed(days, packets), [detector], { sensors: both });

describe("a campaign", () => {
  it("is sources of many networks with one signature and one set of ports", async () => {
    const found = await find(1, [
      ...bots(START + HOUR, 20),
      ...bots(START + 2 * HOUR, 12, { ports: [5555], signature: second, start: 30 }),
      // Too few, and too few networks.
      ...bots(START + 3 * HOUR, 5, { ports: [8080], signature: second, start: 50 }),
    ]);
    expect(found.map(({ port, evidence }) => [port, evidence["ports"], evidence["sources"]])).toEqual([
      [null, ["6/23", "6/2323"], 20],
      [5555, ["6/5555"], 12],
    ]);
    expect(found[0]!.evidence).toMatchObject({ networks: 10, many_ports: false });
    // Every source is counted once by its own economy, if that is known: fewer than the sensors' sums, never more.
    for (const { evidence } of found) {
      const origins = evidence["by_origin"] as Record<string, number>;
      const known = Object.values(origins).reduce((sum, n) => sum + n, 0);
      expect(known).toBeLessThanOrEqual(evidence["sources"] as number);
      expect(Object.keys(origins).toSorted()).toEqual(evidence["economies"]);
    }
  });

  it("knows Mirai's bots by their mark, though each has a window of its own", async () => {
    const marked = Array.from({ length: 20 }, (_, i) =>
      bots(START + HOUR, 1, { start: i, signature: [(1000 + i * 2503) * 65_536, 0xff00_0000] }).map((packet) => ({
        ...packet,
        tcpSeq: packet.dst![3]!,
      })),
    ).flat();
    const found = await find(1, marked);
    expect(found.map(({ family, evidence }) => [family, evidence["sources"], evidence["signature"]])).toEqual([
      ["mirai", 20, null],
    ]);
  });

  it("is another where sources of its tool ask for many ports: a set of none is part of no set", async () => {
    const many = [22, 80, 443, 5555, 7547, 8080, 37215, 52869];
    const telnet = bots(START + HOUR, 20, { ports: [23] });
    const packets = [...telnet, ...bots(START + 8 * HOUR, 30, { ports: many, start: 40 })];
    const found = await find(1, packets);
    expect(found.map(({ port, evidence }) => [port, evidence["many_ports"], evidence["sources"]])).toEqual([
      [23, false, 20],
      [null, true, 30],
    ]);
  });

  it("puts together again what a small telescope saw of it in pieces", async () => {
    const found = await find(1, [
      ...bots(START + HOUR, 10),
      ...bots(START + HOUR, 10, { ports: [23], start: 20 }),
      ...bots(START + HOUR, 10, { ports: [2323], start: 40 }),
    ]);
    expect(found.map(({ evidence }) => [evidence["ports"], evidence["sources"]])).toEqual([[["6/23", "6/2323"], 30]]);
  });

  it("predicts the neighbours, and is scored by what came", async () => {
    const spreads = [...bots(START + HOUR, 20), ...bots(START + 2 * DAY, 20, { at: tokyo })];
    const stays = [
      ...bots(START + HOUR, 20),
      ...bots(START + DAY, 20),
      ...bots(START + 2 * DAY, 20),
      ...bots(START + 3 * DAY, 20),
      ...bots(START + 4 * DAY, 20),
    ];
    const [came] = await find(5, spreads);
    expect(came!.evidence["predictions"]).toMatchObject([{ economy: "JP", came: true }]);
    expect(came!.evidence["predictions_right"]).toBe(1);
    const [stayed] = await find(5, stays);
    expect(stayed!.evidence["predictions"]).toMatchObject([{ economy: "JP", came: false }]);
    expect(stayed!.evidence["predictions_right"]).toBe(0);
  });

  it("is none of those who answer forged requests, for they chose no target", async () => {
    const answers = (srcPort: number): Packet[] =>
      Array.from({ length: 30 }, (_, i) =>
        udp({ time: START + i * 1e6, src: ip(sourceOf(i)), dst: ip("192.0.2.7"), srcPort, dstPort: 51_767 }),
      );
    expect(await find(1, answers(161))).toEqual([]);
    expect((await find(1, answers(40_000))).map(({ port }) => port)).toEqual([51_767]);
  });

  it("is none of sources of which many lie where nobody announces anything: they are forged", async () => {
    const forged = (n: number): Packet[] =>
      Array.from({ length: n }, (_, i) =>
        syn({
          time: START + HOUR + i * 60e6,
          src: ip(`50.0.0.${1 + i}`),
          dst: ip("192.0.2.9"),
          dstPort: 80,
          signature: first,
        }),
      );
    const real = bots(START + HOUR, 30, { ports: [80] });
    expect((await find(1, [...real, ...forged(4)])).map(({ evidence }) => evidence["sources"])).toEqual([34]);
    expect(await find(1, [...real, ...forged(12)])).toEqual([]);
  });

  it("says the same asked in pieces as at once", async () => {
    const packets = [
      ...bots(START + HOUR, 20),
      ...bots(START + 30 * HOUR, 25, { at: tokyo }),
      ...bots(START + 2 * DAY, 9),
    ];
    const scope = await feed(3, packets);
    const whole = await world.detect(scope, [detector], { sensors: both });
    const again = await world.detect(scope, [detector], { sensors: both, step: 6 * HOUR });
    expect(whole.length).toBe(1);
    expect(JSON.stringify(again)).toBe(JSON.stringify(whole));
  });

  const capture = join(import.meta.dirname, "../../../shared/data/captures/amp.TCP.reflection.SYNACK.pcap");
  it.skipIf(!existsSync(capture))(
    `is not in a real reflection${existsSync(capture) ? "" : " (skipped: no ../shared/data)"}`,
    async () => {
      const scope = world.scope();
      const everything: SensorSpec = { name: "all", dark: ["0.0.0.0/1", "128.0.0.0/1"] };
      await world.append(await captureBatches(scope, everything, capture));
      expect(await world.detect(scope, [detector])).toEqual([]);
    },
  );
});
