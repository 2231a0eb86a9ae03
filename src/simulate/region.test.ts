// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Census } from "./census.ts";
import { pcapHeader } from "./frames.ts";
import { ccCode, inventPlan } from "./plan.ts";
import type { Plan, RangeTable } from "./plan.ts";
import { Region } from "./region.ts";
import { Stream } from "./stream.ts";
import { completeScenario, infectedAt } from "./scenario.ts";
import type { Scenario, ScenarioFile } from "./scenario.ts";
import { Tally } from "./truth.ts";

const EPOCH = Date.UTC(2026, 0, 5, 12) * 1000;
const table = (rows: readonly (readonly [number, number, number])[]): RangeTable => ({
  starts: Uint32Array.from(rows, (row) => row[0]),
  ends: Uint32Array.from(rows, (row) => row[1]),
  values: Uint32Array.from(rows, (row) => row[2]),
});
/** A world of 2,000 networks with sizes from a /24 to a /13 in five countries. */
const world = (seed: number): Plan => {
  const asns: [number, number, number][] = [];
  const countries: [number, number, number][] = [];
  const ccs = ["JP", "ID", "TH", "US", "BR"].map(ccCode);
  let at = 0x01000000;
  for (let i = 0; i < 2000; i++) {
    const size = 256 << ((i * 7) % 12);
    asns.push([at, at + size - 1, 1 + (i % 1500)]);
    countries.push([at, at + size - 1, ccs[i % 5]!]);
    at += size + (i % 3) * 256;
  }
  return inventPlan(seed, table(asns), table(countries));
};
const plan = world(1);

interface Made {
  readonly hash: string;
  readonly tally: Tally;
  readonly region: Region;
  readonly packets: { time: number; src: number; dst: number; port: number }[];
}
const make = (scenario: Scenario, seed: number, most: number, step = Infinity, sensor = 0, until = Infinity): Made => {
  const region = new Region({ seed, scenario, plan, epoch: EPOCH, truth: true });
  const stream = new Stream(region, scenario.sensors[sensor]!, EPOCH);
  const tally = new Tally(region.registry, plan);
  const hash = createHash("sha256").update(pcapHeader("ethernet"));
  const packets: Made["packets"] = [];
  let limit = Math.min(until, EPOCH + step);
  while (tally.packets < most) {
    const { frames, from, to } = stream.read(limit);
    if (from === to) {
      if (limit >= until) break;
      limit = Math.min(until, limit + step);
      continue;
    }
    const end = Math.min(to, from + most - tally.packets);
    tally.add(frames, from, end);
    const view = new DataView(frames.bytes.buffer);
    for (let i = from; i < end; i++) {
      const start = frames.offsets[i]!;
      hash.update(frames.bytes.subarray(start - 16, start + frames.lengths[i]!));
      packets.push({
        time: frames.times[i]!,
        src: view.getUint32(start + 26),
        dst: view.getUint32(start + 30),
        port: view.getUint16(start + 36),
      });
    }
  }
  return { hash: hash.digest("hex"), tally, region, packets };
};
const calm = completeScenario({});
const only = (file: ScenarioFile): Scenario =>
  completeScenario({
    ...file,
    intensity: file.intensity ?? 0,
    sensors: [{ name: "one", country: "ID", dark: ["198.18.0.0/15"], outages: [] }],
  });

describe("a region", () => {
  it("gives the same bytes for the same seed, however it is asked, and others for another", () => {
    const whole = make(calm, 7, 20_000);
    expect(make(calm, 7, 20_000, 333_333).hash).toBe(whole.hash);
    expect(make(calm, 8, 20_000).hash).not.toBe(whole.hash);
    expect(whole.hash).toMatchInlineSnapshot(`"3feb9c8b802cea908a396f7663244e1df061aabbaf1acdc6f986c437ad9725a5"`);
  });

  it("goes on from any time as if it had run until there", () => {
    const { packets } = make(calm, 7, 20_000);
    const middle = EPOCH + 700_000;
    const region = new Region({ seed: 7, scenario: calm, plan, epoch: EPOCH });
    const { frames, from } = new Stream(region, calm.sensors[0]!, middle).read(Infinity);
    expect(frames.times[from]).toBe(packets.find(({ time }) => time >= middle)?.time);
  });

  it("is in order of time, and its truth adds up to what was written", () => {
    const { tally, packets } = make(calm, 3, 50_000);
    expect(packets.every((packet, i) => i === 0 || packet.time >= packets[i - 1]!.time)).toBe(true);
    const actors = [...tally.actors()];
    const sum = (list: readonly { packets: number }[]): number => list.reduce((total, { packets: n }) => total + n, 0);
    expect(sum(actors)).toBe(50_000);
    expect(sum(Object.values(tally.kinds()))).toBe(50_000);
    expect(Object.values(tally.types()).reduce((a, b) => a + b, 0)).toBe(50_000);
    expect(sum([...tally.attacks()])).toBe(tally.kinds()["backscatter"]!.packets);
    const named = new Set(actors.flatMap(({ sources }) => sources));
    expect(named.size).toBe(new Set(packets.map(({ src }) => src)).size);
  });

  it("follows the published mix and skew", () => {
    const { tally, packets } = make(calm, 5, 800_000);
    const share = (kind: string): number => tally.kinds()[kind]!.packets / tally.packets;
    expect(share("research")).toBeGreaterThan(0.5);
    expect(share("research")).toBeLessThan(0.64);
    expect(share("iot") + share("mirai")).toBeGreaterThan(0.08);
    const counts = [...tally.actors()].map((actor) => actor.packets).sort((a, b) => b - a);
    const top = counts.slice(0, Math.ceil(counts.length / 100)).reduce((a, b) => a + b, 0);
    expect(top / tally.packets).toBeGreaterThan(0.8);
    const at = (port: number): number => packets.filter((packet) => packet.port === port).length / packets.length;
    expect(at(23)).toBeGreaterThan(0.08);
    expect(at(23)).toBeLessThan(0.25);
    const mirai = [...tally.actors()].filter(({ kind }) => kind === "mirai").map(({ sources }) => sources);
    const bots = new Set(mirai.flat());
    expect(bots.size).toBeGreaterThan(1000);
    expect(tally.marks().mirai).toBe(tally.kinds()["mirai"]!.packets);
  });

  it("shows every sensor its own thinned view of the same hosts", () => {
    const scenario = completeScenario({
      intensity: 2,
      sensors: [
        { name: "wide", country: "ID", dark: ["192.0.2.0/24", "203.0.113.0/25"], outages: [] },
        { name: "narrow", country: "JP", dark: ["198.51.100.0/25"], outages: [] },
      ],
    });
    const until = EPOCH + 100e6;
    const wide = make(scenario, 4, Infinity, Infinity, 0, until).packets;
    const narrow = make(scenario, 4, Infinity, Infinity, 1, until).packets;
    // 384 addresses against 128: three times the packets, within five standard deviations.
    expect(Math.abs(wide.length - 3 * narrow.length)).toBeLessThan(5 * Math.sqrt(wide.length + 9 * narrow.length));
    const seen = new Set(wide.map(({ src }) => src));
    const common = narrow.filter(({ src }) => seen.has(src)).length;
    expect(common / narrow.length).toBeGreaterThan(0.8);
    expect(new Set(wide.map(({ dst }) => dst)).size).toBe(384);
    expect(narrow.every(({ dst }) => dst >>> 7 === 0xc6336400 >>> 7)).toBe(true);
    // Gaps between packets are those of a Poisson process: their deviation is their mean.
    const gaps = narrow.slice(1).map(({ time }, i) => time - narrow[i]!.time);
    const mean = gaps.reduce((a, b) => a + b, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((a, b) => a + (b - mean) ** 2, 0) / gaps.length);
    expect(deviation / mean).toBeGreaterThan(0.95);
    expect(deviation / mean).toBeLessThan(1.05);
  });

  it("lets an outbreak grow by its curve", () => {
    const spec = {
      family: "kite",
      protocol: "tcp",
      port: 5666,
      startHours: 0,
      first: 20,
      hosts: 4000,
      doublingMinutes: 1,
      rate: 500,
      mirai: false,
    } as const;
    const scenario = only({ outbreaks: [spec] });
    const { packets } = make(scenario, 6, Infinity, Infinity, 0, EPOCH + 900e6);
    const thinned = (spec.rate * 131072) / 2 ** 32;
    for (const minute of [5, 8, 14]) {
      const from = EPOCH + minute * 60e6;
      const got = packets.filter(({ time }) => time >= from && time < from + 60e6).length;
      let wanted = 0;
      for (let s = 0; s < 60; s++) wanted += infectedAt(spec, from - EPOCH + s * 1e6) * thinned;
      expect(Math.abs(got - wanted)).toBeLessThan(5 * Math.sqrt(wanted));
    }
    expect(packets.every(({ port }) => port === 5666)).toBe(true);
  });

  it("echoes a stated attack from its victim, in its time, and says so", () => {
    const attack = { kind: "syn", victim: "1.2.3.4", port: 443, startHours: 0.001, minutes: 1, answered: 1e6 } as const;
    const { packets, tally } = make(only({ attacks: [attack] }), 1, Infinity, Infinity, 0, EPOCH + 120e6);
    const [truth] = [...tally.attacks()];
    expect(truth).toMatchObject({ victim: "1.2.3.4", ports: "443", packets: packets.length, background: false });
    const wanted = (1e6 * 60 * 131072) / 2 ** 32;
    expect(Math.abs(packets.length - wanted)).toBeLessThan(5 * Math.sqrt(wanted));
    expect(packets.every(({ src }) => src === 0x01020304)).toBe(true);
    expect(packets[0]!.time).toBeGreaterThanOrEqual(EPOCH + 3.6e6);
    expect(packets.at(-1)!.time).toBeLessThan(EPOCH + 63.6e6);
  });

  it("states attacks whose echo nobody saw", () => {
    const attack = { kind: "syn", victim: "1.2.3.4", port: 443, startHours: 100, minutes: 1, answered: 1e6 } as const;
    const { tally } = make(only({ attacks: [attack] }), 1, Infinity, Infinity, 0, EPOCH + 1e6);
    expect([...tally.attacks()]).toMatchObject([{ victim: "1.2.3.4", packets: 0, first: null, last: null }]);
    expect([...tally.actors()]).toEqual([]);
  });

  it("tells two attacks on one victim that begin together apart", () => {
    const attack = { victim: "1.2.3.4", startHours: 0, minutes: 1 } as const;
    const scenario = only({
      attacks: [
        { ...attack, kind: "syn", port: 443, answered: 1e6 },
        { ...attack, kind: "udp", port: 53, answered: 2e5 },
      ],
    });
    const region = new Region({ seed: 1, scenario, plan, epoch: EPOCH, truth: true });
    const census = new Census(region);
    const { frames, from, to } = new Stream(region, scenario.sensors[0]!, EPOCH).read(EPOCH + 5e6);
    census.add(0, frames, from, to);
    const [syn, udp, ...others] = [...census.attacks()];
    expect(others).toEqual([]);
    expect(syn!.packets + udp!.packets).toBe(to - from);
    expect(udp!.packets).toBeGreaterThan(0);
    expect(syn!.packets).toBeGreaterThan(3 * udp!.packets);
  });

  it("says how hard an attack is by what was dark and watched meanwhile", () => {
    const attack = { kind: "syn", victim: "1.2.3.4", port: 443, startHours: 10, minutes: 60, answered: 1e6 } as const;
    const grows = { dark: "203.0.112.0/22", fromHours: 120 };
    const sensor = { name: "one", country: "ID", dark: ["198.51.100.0/22", grows.dark], changes: [grows] };
    const perMinute = (outages: { startHours: number; hours: number }[]): number => {
      const scenario = completeScenario({ intensity: 0, attacks: [attack], sensors: [{ ...sensor, outages }] });
      const region = new Region({ seed: 1, scenario, plan, epoch: EPOCH, truth: true });
      return [...new Census(region).attacks()][0]!.perMinute;
    };
    const whole = (1e6 * 60 * 1024) / 2 ** 32;
    expect(perMinute([])).toBeCloseTo(whole, 9);
    expect(perMinute([{ startHours: 10.5, hours: 5 }])).toBeCloseTo(whole / 2, 9);
    expect(perMinute([{ startHours: 9, hours: 5 }])).toBe(0);
  });

  it("gives a storm a source a packet", () => {
    const storm = { kind: "syn-ack", port: 443, startHours: 0, minutes: 1, intensity: 0.004 } as const;
    const { packets } = make(only({ storms: [storm] }), 1, 10_000);
    expect(new Set(packets.map(({ src }) => src)).size).toBeGreaterThan(9_990);
  });

  it("shows nothing while a sensor is away", () => {
    const scenario = completeScenario({
      sensors: [
        { name: "one", country: "ID", dark: ["198.18.0.0/15"], outages: [{ startHours: 0.0005, hours: 0.001 }] },
      ],
    });
    const { packets } = make(scenario, 2, Infinity, Infinity, 0, EPOCH + 8e6);
    expect(packets.filter(({ time }) => time >= EPOCH + 1.8e6 && time < EPOCH + 5.4e6)).toEqual([]);
    expect(packets.filter(({ time }) => time < EPOCH + 1.8e6 || time >= EPOCH + 5.4e6).length).toBeGreaterThan(1000);
  });
});

describe("an invented plan", () => {
  it("keeps sizes and countries and names nobody", () => {
    expect(plan.networks.length).toBe(1500);
    expect(plan.networks.every(({ asn, name }) => asn >= 4_200_000_000 && name.endsWith("(simulated)"))).toBe(true);
    expect(new Set(plan.networks.map(({ asn }) => asn)).size).toBe(1500);
    expect(plan.starts[0]).toBe(0x01000000);
    expect(plan.ccs[1]).toBe(ccCode("ID"));
    expect(world(1).networks).toEqual(plan.networks);
    expect(world(2).networks).not.toEqual(plan.networks);
  });
});
