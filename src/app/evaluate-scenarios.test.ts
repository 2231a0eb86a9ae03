// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Scenario } from "../simulate/scenario.ts";
import { openScenario } from "./scenario.ts";

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
