// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import type { Detection, DetectionKind } from "../model/detection.ts";
import type { OutbreakRecord, SourceTruth } from "../simulate/census.ts";
import type { SimulatedSensor } from "../simulate/scenario.ts";
import { watchedTime } from "./evaluate.ts";
import type { Evaluation } from "./evaluate.ts";
import { monthsOf, sumAsked } from "./evaluate-asked.ts";
import { quantile } from "./evaluate-measured.ts";
import { score } from "./evaluate-score.ts";
import { openWorld } from "./evaluate-world.ts";
import type { WorldTruth } from "./evaluate-world.ts";

const HOUR = 3_600e6;
const source = (address: string, more: Partial<SourceTruth>): SourceTruth => ({
  source: address,
  realm: "",
  organisation: "isp",
  kind: "infected",
  name: "mirai",
  infected: true,
  mimics: false,
  host: address,
  from: 0,
  to: 10 * HOUR,
  recycled: false,
  first: HOUR,
  last: 9 * HOUR,
  packets: 40,
  dark: 20,
  plain: 2 * HOUR,
  ports: "23",
  sensors: [],
  ...more,
});
const outbreak = (more: Partial<OutbreakRecord>): OutbreakRecord => ({
  family: "worm",
  protocol: "tcp",
  port: 7001,
  start: 10 * HOUR,
  first: 1,
  hosts: 10_000,
  doublingMinutes: 60,
  rate: 100,
  mirai: false,
  onePercent: 20 * HOUR,
  reachedByOnePercent: 12,
  reached: 500,
  tenth: 18 * HOUR,
  packets: 5000,
  ...more,
});
const claim = (kind: DetectionKind, address: string | null, more: Partial<Detection> = {}): Detection => ({
  id: `${kind} ${address ?? ""} ${more.port ?? ""}`,
  detector: "one",
  version: 1,
  kind,
  realm: "",
  exercise: "",
  source: address,
  protocol: address === null ? "tcp" : null,
  port: null,
  first: 2 * HOUR,
  last: 8 * HOUR,
  packets: 20,
  darkAddresses: 10,
  sensors: [],
  confidence: 0.9,
  family: null,
  held: [],
  evidence: {},
  samples: [],
  ...more,
});
const scored = (truth: Partial<WorldTruth>, claims: readonly Detection[]) =>
  score(
    {
      packets: 0,
      kinds: {},
      storms: {},
      organisations: [],
      sources: [],
      attacks: [],
      outbreaks: [],
      ...truth,
    },
    claims,
    {
      watched: 30 * 24 * HOUR,
      darkAddresses: 256,
      hostsAt: () => 500,
      letters: claims.filter(({ kind, held }) => kind === "infected-host" && held.length === 0),
      isOwned: () => true,
    },
  );

it("counts who was never found among those whose time to be found is told, and who is held as found", () => {
  const { infected, toldAtOnce, delays } = scored(
    { sources: ["1.0.0.1", "1.0.0.2", "1.0.0.3"].map((one) => source(one, {})) },
    [
      claim("infected-host", "1.0.0.1", { evidence: { accepted: 2 * HOUR + 10e6 } }),
      claim("infected-host", "1.0.0.2", { evidence: { accepted: 3 * HOUR }, held: ["one-way"] }),
    ],
  );
  expect(infected).toEqual({ right: 2, n: 3 });
  expect(toldAtOnce).toEqual({ right: 1, n: 2 });
  expect(delays.infectedEnough).toEqual([10, 3600, Infinity]);
  expect(quantile(delays.infectedEnough, 0.9)).toBe(Infinity);
  expect(scored({ outbreaks: [outbreak({})] }, []).delays.outbreaks).toEqual([Infinity]);
  // Of what nobody could have found there is no time.
  expect(scored({ outbreaks: [outbreak({ tenth: null })] }, []).delays.outbreaks).toEqual([]);
});

it("counts scanning hosts that somebody made up as false, since their owners are told", () => {
  const sources = [
    source("1.0.0.1", { kind: "forged", infected: false, plain: null }),
    source("1.0.0.2", { kind: "benign", infected: false, plain: null }),
    source("1.0.0.3", {}),
  ];
  const { scanning } = scored(
    { sources },
    ["1.0.0.1", "1.0.0.2", "1.0.0.3", "1.0.0.4"].map((one) => claim("scanning-host", one)),
  );
  expect(scanning).toEqual({ right: 2, n: 4 });
});

it("credits no surge that was told before its outbreak began, and no forecast of an outbreak that is none", () => {
  const early = claim("surge", null, { port: 7001, evidence: { found: 5 * HOUR }, last: 15 * HOUR });
  const { falseSurges, outbreaksEver } = scored({ outbreaks: [outbreak({})] }, [early]);
  expect(falseSurges).toBe(1);
  expect(outbreaksEver).toEqual({ right: 0, n: 1 });
  const said = (port: number) =>
    claim("outbreak", null, {
      port,
      evidence: {
        found: 19 * HOUR,
        forecasts: [{ hours: 6, due: 25 * HOUR, low: 400, high: 600, true: true }],
        hosts_by_hour: [[20, 400, 500, 600]],
      },
    });
  const { forecastsTrue, populations } = scored({ outbreaks: [outbreak({})] }, [said(7001), said(9999)]);
  expect(forecastsTrue).toEqual({ right: 1, n: 2 });
  expect(populations).toEqual({ right: 1, n: 2 });
});

it("counts the time in which a sensor watched, not that in which it was away", () => {
  const world = openWorld("region", { days: 1 });
  const whole = world.to - world.from;
  const [first, ...others] = world.scenario.sensors;
  const sensor: SimulatedSensor = { ...first!, outages: [], changes: [] };
  const away = { ...sensor, outages: [{ startHours: 6, hours: 6 }] };
  const of = (one: SimulatedSensor): number =>
    watchedTime({ ...world, scenario: { ...world.scenario, sensors: [one, ...others] } }, [sensor.name]);
  expect(of(sensor)).toBe(whole);
  expect(of(away)).toBe(0.75 * whole);
});

it("sums of each world what it was asked for", () => {
  const world = (kind: DetectionKind, scores: ReturnType<typeof scored>): Evaluation =>
    ({
      asked: [{ name: kind, version: 1, kinds: [kind] }],
      scores: { ...scores, sensorMonths: 2 },
    }) as unknown as Evaluation;
  const truth = { sources: [source("1.0.0.1", {}), source("1.0.0.2", {})], outbreaks: [outbreak({})] };
  const hosts = world("infected-host", scored(truth, [claim("infected-host", "1.0.0.1")]));
  const ports = world("surge", scored(truth, []));
  const sum = sumAsked([hosts, ports]);
  expect(sum.infected).toEqual({ right: 1, n: 2 });
  expect(sum.notices).toEqual({ right: 1, n: 1 });
  expect(sum.outbreaks).toEqual({ right: 0, n: 1 });
  expect([sum.delays.infectedFirst.length, sum.delays.outbreaks.length]).toEqual([2, 1]);
  expect(sum.sensorMonths).toBe(2);
  expect([monthsOf([hosts, ports], "surge"), monthsOf([hosts, ports], "campaign")]).toEqual([2, 0]);
});
