// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { Count, Share, Time, oneOf, orNull, strict } from "../shapes.ts";
import { Country, Evidence, Id, Measured, Port, base, list, page, scope, some, text } from "./shapes.ts";

const Num = Type.Number({ minimum: 0 });
/** A port on which more came than its rhythm explains, or that nobody asked for before. */
export const SurgeRow = strict({
  id: Id,
  kind: oneOf(["surge", "novelty", "outbreak"]),
  state: oneOf(["rising", "steady", "over"]),
  protocol: text(16),
  port: Port,
  first: Time,
  last: Time,
  /** Counts are told to who sees what sensors counted; null, and no spark: to nobody else. */
  packets: orNull(Count),
  sources: orNull(Count),
  /** Expected for this time of day and week; null for what is new. */
  usualSources: orNull(Num),
  sensors: orNull(Count),
  /** At two sensors or from two networks. */
  corroborated: Type.Boolean(),
  /** ChangeFinder's score: evidence, never a verdict. */
  score: orNull(Type.Number()),
  /** Chance of such a value on any of all ports in a month, after correction. */
  falsePerMonth: orNull(Num),
  topCountry: orNull(Country),
  /** New sources in each of the newest 48 whole hours, oldest first; null: no sensor up. */
  spark: some(orNull(Num), 144),
});
export const SurgesQuery = strict({
  kind: Type.Optional(oneOf(["surge", "novelty", "outbreak"])),
  state: Type.Optional(oneOf(["rising", "steady", "over"])),
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  ...scope,
  ...page(50, 200),
});
export const Surges = list(
  SurgeRow,
  {
    /** Up to when the detector has judged; null: nothing yet. What came since is in no row. */
    judged: orNull(Time),
    rising: Count,
    surges: Count,
    novelties: Count,
    outbreaks: Count,
    /** Raised in the last 30 days, per sensor. */
    perSensorMonth: orNull(Num),
    /** Those of them in all, and the sensors that are enrolled. */
    month: Count,
    sensors: Count,
    /** Forecasts that were due, and those whose range held what came. */
    verified: Count,
    inside: Count,
  },
  "Early warnings, newest first.",
  200,
);

/** One forecast of an outbreak: a range for the infected population, and later what came. */
export const ForecastRow = strict({
  made: Time,
  hours: oneOf(["6", "24", "72"]),
  due: Time,
  low: Num,
  middle: Num,
  high: Num,
  /** Estimated then by the same method; null: not due yet, or no sensor was up. */
  came: orNull(Num),
  outcome: oneOf(["due", "inside", "below", "above", "unknown"]),
});
export const OutbreakRow = strict({
  id: Id,
  protocol: text(16),
  port: Port,
  family: orNull(text(100)),
  state: oneOf(["rising", "steady", "over"]),
  first: Time,
  last: Time,
  sources: orNull(Count),
  /** Estimated infected population now, with its range. */
  population: orNull(strict({ low: Num, middle: Num, high: Num })),
  growthPerHour: orNull(Type.Number()),
  doublingHours: orNull(Num),
  countries: orNull(Count),
  forecasts: Count,
  inside: Count,
});
export const Outbreaks = list(
  OutbreakRow,
  { rising: Count, coverage: Measured },
  "Outbreaks with their forecasts' record.",
  200,
);
export const OutbreaksQuery = strict({
  state: Type.Optional(oneOf(["rising", "steady", "over"])),
  ...scope,
  ...page(50, 200),
});

export const WarningPath = strict({ warning: Id });
export const Warning = strict({
  asked: Time,
  surge: SurgeRow,
  outbreak: orNull(OutbreakRow),
  /** The series is of whole days, as released to everybody; sensors, economies, population, forecasts and evidence are empty. */
  released: Type.Boolean(),
  /** An hour each: sources that came new, and their packets; null where no sensor was up. Released: a day each; null where nothing is told. */
  series: some(
    strict({
      time: Time,
      packets: orNull(Num),
      sources: orNull(Num),
      usual: orNull(Num),
      score: orNull(Type.Number()),
    }),
    1100,
  ),
  /** The last hour of the series is not over. */
  filling: Type.Boolean(),
  /** Estimated population over time, for the picture of forecast against outcome. */
  population: some(strict({ time: Time, low: Num, middle: Num, high: Num }), 1100),
  forecasts: some(ForecastRow, 500),
  sensors: some(strict({ sensor: text(64), packets: Count, sources: Count }), 50),
  /** Economies of the sources, the busiest; shares are of all sources. */
  countries: some(strict({ country: orNull(Country), sources: Count, share: Share }), 50),
  /** Owners of the constituency with sources in it. */
  owners: some(strict({ organisation: text(200), sources: Count }), 50),
  evidence: Evidence,
});
export const warningEndpoints = {
  warnings: { method: "GET", path: `${base}/warnings`, query: SurgesQuery, answer: Surges },
  outbreaks: { method: "GET", path: `${base}/outbreaks`, query: OutbreaksQuery, answer: Outbreaks },
  warning: { method: "GET", path: `${base}/warnings/{warning}`, params: WarningPath, answer: Warning },
} as const;
export type SurgeRow = Static<typeof SurgeRow>;
export type Surges = Static<typeof Surges>;
export type ForecastRow = Static<typeof ForecastRow>;
export type OutbreakRow = Static<typeof OutbreakRow>;
export type Outbreaks = Static<typeof Outbreaks>;
export type Warning = Static<typeof Warning>;
