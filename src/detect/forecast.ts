// SPDX-License-Identifier: Apache-2.0
import { doublingHours, fitGrowth, population } from "./growth.ts";
import type { Population } from "./growth.ts";
import type { Forecast } from "./watched.ts";

export const horizons = [6, 24, 72] as const;
/** No forecast goes beyond what the address space can hold of one kind of device. */
export const MOST_HOSTS = 20_000_000;
const HOUR = 3_600e6;

/** What was seen of a port up to a moment: everybody who asked for it, not only who is new. */
export interface Sighted {
  /** Distinct sources of each hour, counted back from the moment: the first is the last hour. */
  readonly hourly: readonly number[];
  /** Distinct sources of the last hours and their packets, by the hours of `spans`. */
  readonly spans: readonly { readonly sources: number; readonly packets: number }[];
  /** Hours since the finding began, at least 1. */
  readonly since: number;
  /** Distinct sources an hour that came before it began. */
  readonly usual: number;
}

/** Hours over which sources are counted: the shortest in which enough were seen twice says most of now. */
export const spans = [3, 6, 12, 24] as const;
const ENOUGH = 50;

export interface Outlook {
  /** Growth a hour, its standard error, and the time in which it doubles; null where nothing can be fitted. */
  readonly growth: { readonly rate: number; readonly error: number; readonly doublingHours: number | null } | null;
  /** Infected hosts in the whole Internet, now. */
  readonly hosts: Population;
  /** It grows for certain: the lower 90 % bound of the rate is above 0. */
  readonly grows: boolean;
}

const capped = (hosts: number): number => Math.round(Math.min(MOST_HOSTS, hosts));

/** Hours that a fit looks at, at most and at least; and as many doublings as it needs: an outbreak that slows down is not to be averaged with its beginning. */
const FIT = { most: 48, least: 8, doublings: 4 } as const;

/** Beyond chance: hosts do not all send at one rate, are switched off and on, and change their addresses. Measured on the tuning scenarios. */
const WIDER = 1.3;

/** How fast a port's sources grow and how many hosts are behind them. */
export const outlook = ({ hourly, spans: counted, since, usual }: Sighted): Outlook => {
  const fitted = (hours: number) =>
    fitGrowth({
      step: 1,
      counts: hourly.slice(0, Math.max(3, Math.min(hours, Math.ceil(since) + 1))).toReversed(),
      usual: Math.max(0.01, usual),
    });
  let fit = fitted(FIT.most);
  if (fit !== undefined && fit.rate > 0) {
    const needed = Math.max(FIT.least, Math.ceil((FIT.doublings * Math.LN2) / fit.rate));
    if (needed < FIT.most) fit = fitted(needed) ?? fit;
  }
  const at = counted.findIndex(({ sources, packets }) => packets - sources >= ENOUGH);
  const span = at < 0 ? spans.length - 1 : at;
  const { sources = 0, packets = 0 } = counted[span] ?? {};
  const others = Math.max(0, Math.min(spans[span]! * usual, sources - 1));
  const own = Math.max(1, sources - others);
  const hosts = population({
    sources: own,
    packets: Math.max(own, packets - (others * packets) / Math.max(1, sources)),
    hours: spans[span]!,
    growth: Math.max(0, fit?.rate ?? 0),
  });
  return {
    growth: fit === undefined ? null : { rate: fit.rate, error: fit.error, doublingHours: doublingHours(fit.rate) },
    hosts: {
      low: capped(hosts.low / WIDER),
      middle: capped(hosts.middle),
      high: hosts.high === null ? null : capped(hosts.high * WIDER),
    },
    grows: fit !== undefined && fit.rate > 1.64 * fit.error && fit.rate > 0.005,
  };
};

/**
 * How many doublings are to come, for doublings that the present growth would bring by then: the lower and upper end of an 80 % range and its middle, as log2 of hosts then over
 * hosts now. Growth that would go on for long never does: hosts run out, owners clean up. Measured on the tuning scenarios, whose outbreaks
 * grow as the logistic curve and then are cleaned.
 */
const course: readonly (readonly [doublings: number, low: number, middle: number, high: number])[] = [
  [0, -1, 0, 1],
  [1, -0.5, 0.8, 2],
  [2, 0, 1.5, 3],
  [4, 0.5, 3, 5],
  [8, 0, 4, 8],
  [16, -3, 3, 9],
  [32, -6, 1, 9],
];
const courseOf = (doublings: number): readonly [number, number, number] => {
  const at = course.findIndex(([x]) => x >= doublings);
  const [right, left] = [
    course[at < 0 ? course.length - 1 : at]!,
    course[Math.max(0, (at < 0 ? course.length : at) - 1)]!,
  ];
  const share = right[0] === left[0] ? 1 : Math.min(1, (doublings - left[0]) / (right[0] - left[0]));
  const between = (i: 1 | 2 | 3): number => left[i] + share * (right[i] - left[i]);
  return [between(1), between(2), between(3)];
};

/** The share of outcomes that a forecast's range is to hold. */
export const STATED = 0.8;

/** What will be there in 6, 24 and 72 hours, with a range that holds four outcomes in five. */
export const forecasts = ({ growth, hosts }: Outlook, made: number): Forecast[] => {
  if (growth === null) return [];
  return horizons.map((hours) => {
    const doublings = Math.max(0, (growth.rate * hours) / Math.LN2);
    const [low, middle, high] = courseOf(doublings);
    return {
      made,
      due: made + hours * HOUR,
      hours,
      from: hosts.middle,
      doublings: Number(doublings.toFixed(2)),
      low: capped(hosts.middle * 2 ** low),
      middle: capped(hosts.middle * 2 ** middle),
      high: capped(hosts.middle * 2 ** high),
      came: null,
    };
  });
};

/** Fills in what came of forecasts whose time has passed; true when there was one. */
export const verify = (made: readonly Forecast[], now: number, hosts: Population): boolean => {
  let news = false;
  for (const one of made) {
    if (one.came !== null || one.due > now) continue;
    one.came = [hosts.low, hosts.middle, hosts.high];
    news = true;
  }
  return news;
};

/** A forecast was right when its range holds what was then estimated. */
export const cameTrue = ({ low, high, came }: Forecast): boolean | null =>
  came === null ? null : low <= came[1] && came[1] <= (high ?? Infinity);
