// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Census } from "../simulate/census.ts";
import type { SourceTruth } from "../simulate/census.ts";
import { Region } from "../simulate/region.ts";
import { Stream } from "../simulate/stream.ts";
import { DAY, HOUR, infectedAt, timeOfShare } from "../simulate/scenario.ts";
import type { OutbreakSpec, Scenario } from "../simulate/scenario.ts";
import { EVALUATION_EPOCH } from "./evaluate-world.ts";
import { openScenario } from "./scenario.ts";
import { simulatedPlan } from "./simulated-plan.ts";

const folder = join(import.meta.dirname, "../../scenarios/evaluate");
const files = (family: string): string[] => readdirSync(join(folder, family)).filter((file) => file.endsWith(".yaml"));
const open = (family: string): Scenario[] => files(family).map((file) => openScenario(join(folder, family, file)));
const test = open("test");
const tune = open("tune");
const hosts = (scenario: Scenario, roles: readonly string[], inside = true): number =>
  scenario.cast
    .filter(({ role, in: places }) => roles.includes(role) && (!inside || !places.includes("abroad")))
    .reduce((sum, one) => sum + one.hosts, 0);

describe("the test scenarios", () => {
  it("are those that were written before any detector was tuned", () => {
    const sums = readFileSync(join(folder, "test/SHA256SUMS"), "utf8").trim().split("\n");
    const now = files("test").map(
      (file) =>
        `${createHash("sha256")
          .update(readFileSync(join(folder, "test", file)))
          .digest("hex")}  ${file}`,
    );
    expect(now.toSorted()).toEqual(sums.toSorted());
  });

  it("have a hundred outbreaks of the stated sizes and doublings, on three /24 networks", () => {
    const withSome = test.filter(({ outbreaks }) => outbreaks.length > 0);
    const outbreaks = withSome.flatMap((one) => one.outbreaks);
    expect(outbreaks.length).toBe(100);
    expect(new Set(outbreaks.map(({ port }) => port)).size).toBeGreaterThan(95);
    expect(outbreaks.every(({ hosts: n }) => n >= 10_000)).toBe(true);
    expect(outbreaks.every(({ doublingMinutes: m }) => m >= 60 && m <= 24 * 60)).toBe(true);
    expect(Math.min(...outbreaks.map(({ rate }) => rate))).toBeLessThan(10);
    expect(Math.max(...outbreaks.map(({ rate }) => rate))).toBeGreaterThan(400);
    const marked = outbreaks.filter(({ mirai }) => mirai).length;
    expect(marked).toBeGreaterThan(20);
    expect(marked).toBeLessThan(60);
    for (const { sensors } of withSome) {
      expect(sensors.map(({ dark }) => dark.map((text) => text.split("/")[1]))).toEqual([["24"], ["24"], ["24"]]);
    }
  });

  it("have at least 500 benign hosts inside the constituency of each mix, some on recycled addresses", () => {
    for (const scenario of test.filter(({ name }) => name.startsWith("mixed"))) {
      expect(hosts(scenario, ["benign"])).toBeGreaterThanOrEqual(500);
      expect(scenario.cast.some(({ role, recycled }) => role === "benign" && (recycled ?? 0) > 0)).toBe(true);
      expect(hosts(scenario, ["forged"])).toBeGreaterThan(1000);
      expect(hosts(scenario, ["framed"])).toBeGreaterThan(100);
      expect(scenario.sensors.some(({ realm }) => realm !== undefined)).toBe(true);
      expect(scenario.organisations.some(({ cgnat }) => cgnat !== undefined)).toBe(true);
      expect(new Set(scenario.organisations.map(({ country }) => country)).size).toBeGreaterThan(1);
    }
  });

  it("have months in which nothing breaks out, with sensors that change", () => {
    const quiet = test.filter(({ name }) => name.startsWith("quiet"));
    expect(quiet.map(({ days }) => days)).toEqual([30, 30]);
    for (const { outbreaks, storms, cast, sensors } of quiet) {
      expect([outbreaks.length, storms.length, cast.length]).toEqual([0, 0, 0]);
      expect(sensors.some(({ changes }) => changes?.some(({ fromHours }) => fromHours !== undefined))).toBe(true);
      expect(sensors.some(({ outages }) => outages.length > 0)).toBe(true);
    }
  });

  it("differ from the tuning ones in more than the seed", () => {
    const parameters = (list: readonly Scenario[]): Set<string> =>
      new Set(
        list.flatMap(({ cast, outbreaks, attacks, storms, sensors, organisations }) =>
          [...cast, ...outbreaks, ...attacks, ...storms, ...sensors, ...organisations].map((one) =>
            JSON.stringify({ ...one, name: undefined, family: undefined, group: undefined }),
          ),
        ),
      );
    expect(parameters(tune).intersection(parameters(test))).toEqual(new Set());
    const ports = (list: readonly Scenario[]): Set<number> =>
      new Set(list.flatMap(({ outbreaks }) => outbreaks.map(({ port }) => port)));
    expect(ports(tune).difference(ports(test)).size).toBeGreaterThan(10);
    expect(new Set([...tune, ...test].map(({ seed }) => seed)).size).toBe(tune.length + test.length);
  });
});

/** Plays the cast and the outbreaks alone: what is steady background, storm or attack does not change them. */
const playCast = (scenario: Scenario): Census => {
  const alone = { ...scenario, intensity: 0, storms: [], attacks: [], attacksPerDay: 0 };
  const { seed = 1, days = 1 } = scenario;
  const plan = simulatedPlan(seed);
  const region = new Region({ seed, scenario: alone, plan, epoch: EVALUATION_EPOCH, link: "raw", truth: true });
  const census = new Census(region);
  const end = EVALUATION_EPOCH + days * DAY;
  for (const [i, sensor] of scenario.sensors.entries()) {
    const stream = new Stream(region, sensor, EVALUATION_EPOCH);
    for (let piece = stream.read(end); piece.to > piece.from; piece = stream.read(end)) {
      census.add(i, piece.frames, piece.from, piece.to);
    }
  }
  return census;
};
const darkOf = ({ sensors }: Scenario): number =>
  sensors
    .filter(({ realm }) => realm === undefined)
    .flatMap(({ dark }) => dark)
    .reduce((sum, text) => sum + 2 ** (32 - Number(text.split("/")[1])), 0);

/** All mixes with LAYANG_PROVE=1 (`npm run prove`), else one: what is said of all holds of each for its part. */
const isWhole = process.env["LAYANG_PROVE"] === "1";
describe(`the mixes, played${isWhole ? "" : " (one of them)"}`, () => {
  let played: { readonly scenario: Scenario; readonly packets: number; readonly sources: readonly SourceTruth[] }[];
  let sources: readonly SourceTruth[];
  beforeAll(() => {
    played = test
      .filter(({ name }) => name.startsWith("mixed"))
      .slice(0, isWhole ? Infinity : 1)
      .map((scenario) => {
        const census = playCast(scenario);
        return { scenario, packets: census.packets, sources: [...census.sources()] };
      });
    sources = played.flatMap((one) => one.sources);
  }, 400_000);

  it("have more than 10,000 infected hosts that sent 10 packets to 3 dark addresses, at rates over three orders of magnitude", () => {
    const plain = sources.filter(({ infected, plain: time, realm }) => infected && time !== null && realm === "");
    expect(plain.length).toBeGreaterThan(3_000 * played.length);
    const unseen = sources.filter(({ infected, first }) => infected && first === null);
    expect(unseen.length).toBeGreaterThan(250 * played.length);
    const packets = plain.map((one) => one.packets).toSorted((a, b) => a - b);
    expect(packets.at(-1)! / packets[0]!).toBeGreaterThan(300);
    expect(plain.filter(({ mimics }) => mimics).length / plain.length).toBeLessThan(0.003);
  });

  it("have 500 benign hosts each that were seen inside the constituency, many of which scan", () => {
    for (const { sources: mine } of played) {
      const benign = mine.filter(
        ({ kind, organisation, first, realm }) =>
          kind === "benign" && organisation !== null && first !== null && realm === "",
      );
      expect(new Set(benign.map(({ host }) => host)).size).toBeGreaterThan(500);
      expect(benign.filter(({ plain }) => plain !== null).length).toBeGreaterThan(300);
      expect(benign.filter(({ recycled }) => recycled).length).toBeGreaterThan(100);
    }
  });

  it("have addresses that several infected hosts share at one time, and hosts with several addresses", () => {
    for (const { sources: mine } of played) {
      const infected = mine.filter((one) => one.infected && one.realm === "");
      const byAddress = Map.groupBy(infected, ({ source }) => source);
      const shared = [...byAddress.values()].filter((list) =>
        list.some((a, i) => list.slice(i + 1).some((b) => a.host !== b.host && a.from < b.to && b.from < a.to)),
      );
      expect(shared.length).toBeGreaterThan(20);
      const byHost = Map.groupBy(infected, ({ host }) => host);
      expect([...byHost.values()].filter((list) => list.length > 2).length).toBeGreaterThan(300);
    }
  });

  it("are 60 % research scans, with storms of a million forged sources each: two, and one in mixed-d", () => {
    for (const { scenario, packets } of played) {
      const { shares, intensity, days = 1, storms, attacks } = scenario;
      const dark = darkOf(scenario);
      const background = intensity * dark * days * 86_400;
      const stated = attacks.reduce(
        (sum, { answered, minutes }) => sum + (answered * dark * minutes * 60) / 2 ** 32,
        0,
      );
      const share = (shares.research * background) / (background + packets + stated);
      expect(share).toBeGreaterThan(0.58);
      expect(share).toBeLessThan(0.68);
      const sizes = storms.map((storm) => storm.intensity * dark * storm.minutes * 60);
      expect(sizes.filter((size) => size > 0.99e6).length).toBeGreaterThanOrEqual(scenario.name === "mixed-d" ? 1 : 2);
    }
  });

  it("forge thousands of registered hosts with ten packets and more", () => {
    const forged = sources.filter(({ kind }) => kind === "forged");
    expect(forged.every(({ organisation, infected }) => organisation !== null && !infected)).toBe(true);
    expect(forged.filter(({ plain }) => plain !== null).length).toBeGreaterThan(2_250 * played.length);
    const framed = sources.filter(({ kind, plain }) => kind === "framed" && plain !== null);
    expect(framed.length).toBeGreaterThan(125 * played.length);
    expect(framed.every(({ sensors }) => sensors.length === 1)).toBe(true);
  });
});

/** How many distinct hosts of an outbreak are expected to have reached a sensor when it has 1 % of its final hosts. */
const expectedReach = (spec: OutbreakSpec, dark: number): number => {
  const end = timeOfShare(spec, 0.01);
  const seen = (since: number): number => 1 - Math.exp((-spec.rate * dark * (end - since)) / 1e6 / 2 ** 32);
  const steps = 4000;
  let sum = spec.first * seen(0);
  for (let i = 0; i < steps; i++) {
    const [a, b] = [(end * i) / steps, (end * (i + 1)) / steps];
    sum += (infectedAt(spec, b) - infectedAt(spec, a)) * seen((a + b) / 2);
  }
  return sum;
};

describe("the outbreaks", () => {
  it("can mostly be seen by ten hosts before 1 % of theirs are infected, and some cannot", () => {
    const reach = test.flatMap((scenario) => scenario.outbreaks.map((spec) => expectedReach(spec, darkOf(scenario))));
    const early = reach.filter((count) => count >= 10).length;
    expect(early).toBeGreaterThan(80);
    expect(early).toBeLessThan(98);
    expect(reach.filter((count) => count < 100).length).toBeGreaterThan(40);
  });

  it("come to 1 % of their hosts before their scenario ends", () => {
    for (const { outbreaks, days = 1 } of test) {
      for (const spec of outbreaks) {
        expect(spec.startHours * HOUR + timeOfShare(spec, 0.01)).toBeLessThan((days - 0.4) * DAY);
      }
    }
  });
});

describe("the attacks", () => {
  it("are hundreds, of which more than a hundred are of 5 minutes and 25 packets a minute and more, and many are less", () => {
    const attacks = test.flatMap((scenario) =>
      scenario.attacks.map(({ answered, minutes }) => ({
        perMinute: (answered * darkOf(scenario) * 60) / 2 ** 32,
        minutes,
      })),
    );
    const hard = attacks.filter(({ perMinute, minutes }) => perMinute >= 25 && minutes >= 5);
    expect(hard.length).toBeGreaterThan(150);
    expect(attacks.length - hard.length).toBeGreaterThan(150);
  });
});
