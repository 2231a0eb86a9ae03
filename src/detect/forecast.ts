// SPDX-License-Identifier: Apache-2.0
import { doublingHours, fitGrowth, population } from "./growth.ts";
import type { Population } from "./growth.ts";
import { firstAbove, recent } from "./watched.ts";
import type { Forecast, WatchedMemory } from "./watched.ts";

export const horizons = [6, 24, 72] as const;
/** No forecast goes beyond what the address space can hold of one kind of device. */
const MOST_HOSTS = 20_000_000;
const HOUR = 3_600e6;

export interface Outlook {
  /** Growth a hour, its standard error, and the time in which it doubles; null where nothing can be fitted. */
  readonly growth: { readonly rate: number; readonly error: number; readonly doublingHours: number | null } | null;
  /** Infected hosts in the whole Internet, now. */
  readonly hosts: Population;
  /** It grows for certain: the lower 90 % bound of the rate is above 0. */
  readonly grows: boolean;
}

const capped = (hosts: number): number => Math.round(Math.min(MOST_HOSTS, hosts));

/**
 * How fast a port's new sources grow and how many hosts are behind them. `usual` is what an hour brings anyway; the hours looked at are those since the first above it,
 * at most two days: an outbreak that slows down is not to be averaged with its beginning.
 */
export const outlook = (watched: WatchedMemory, hour: number, usual: number): Outlook => {
  const byHour = new Map<number, number>();
  for (let i = 0; i < watched.hours.length; i += 3) byHour.set(watched.hours[i]!, watched.hours[i + 1]!);
  const begin = Math.min(firstAbove(watched, hour, 48, usual + 1), hour - 2);
  const counts: number[] = [];
  for (let at = begin; at <= hour; at++) counts.push(byHour.get(at) ?? 0);
  const fit = fitGrowth({ step: 1, counts, usual: Math.max(0.01, usual) });
  const { sources, packets } = recent(watched, hour, 24);
  const hosts = population({ sources, packets: Math.max(sources, packets) });
  return {
    growth: fit === undefined ? null : { rate: fit.rate, error: fit.error, doublingHours: doublingHours(fit.rate) },
    hosts: {
      low: capped(hosts.low),
      middle: capped(hosts.middle),
      high: hosts.high === null ? null : capped(hosts.high),
    },
    grows: fit !== undefined && fit.rate > 1.64 * fit.error && fit.rate > 0.005,
  };
};

/**
 * What will be there in 6, 24 and 72 hours: exponential growth at the fitted rate, with a range. The low end takes the slower rate and lets growth end half-way, since every outbreak
 * runs out of hosts; the high end lets the faster rate go on.
 */
export const forecasts = ({ growth, hosts }: Outlook, made: number): Forecast[] => {
  if (growth === null) return [];
  const { rate, error } = growth;
  const reach = Math.min(1.64 * error, 0.7);
  return horizons.map((hours) => ({
    made,
    due: made + hours * HOUR,
    hours,
    low: capped(hosts.low * Math.exp(Math.max(0, rate - reach) * Math.min(hours / 2, 12))),
    middle: capped(hosts.middle * Math.exp(Math.min(30, Math.max(0, rate) * hours))),
    high: hosts.high === null ? null : capped(hosts.high * Math.exp(Math.min(30, Math.max(0, rate + reach) * hours))),
    came: null,
  }));
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

/** A forecast was right when what was then estimated and what was said have hosts in common. */
export const cameTrue = ({ low, high, came }: Forecast): boolean | null =>
  came === null ? null : came[0] <= (high ?? Infinity) && (came[2] ?? Infinity) >= low;
