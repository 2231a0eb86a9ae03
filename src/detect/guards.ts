// SPDX-License-Identifier: Apache-2.0
import { IPV4_SPACE } from "../model/report.ts";
import { spoofReasons } from "../model/traffic.ts";
import type { Sensor } from "./detector.ts";
import { ttlsOf } from "./evidence.ts";
import type { Evidence } from "./evidence.ts";
import { HOUR } from "./rows.ts";

/** IPv4 dark addresses of the sensors; one that does not know its own, or watches IPv6 alone, adds none. */
export const darkAddresses = (sensors: readonly Sensor[]): number =>
  Math.min(
    IPV4_SPACE,
    sensors.reduce((sum, { darkAddresses: one }) => sum + one, 0),
  );

/** What a sensor reported last may be known so much later, microseconds: silence is told by five minutes too. */
const LAG = 300e6;
/** Of a time a sensor missed no more than this. */
const MISSED = 0.1;
/** The sensors that watched from one time to another: who was not there cannot have seen anything. */
export const watching = (sensors: readonly Sensor[], from: number, to: number): Sensor[] =>
  sensors.filter(({ since, until, silent = [] }) => {
    if (since > from || until + LAG < to) return false;
    const end = to + 1;
    const missed = silent.reduce((sum, [a, b]) => sum + Math.max(0, Math.min(b, end) - Math.max(a, from)), 0);
    return missed <= MISSED * (end - from);
  });

/**
 * Packets a second that a source would send to the whole IPv4 space if it drew addresses at random, by what reached the sensors:
 * over its time so far, or over its busiest hour where that says more. Null where it cannot be told, and of an IPv6 source: nobody draws from that space.
 */
export const impliedRate = ({ packets, first, last, busiest, v6 }: Evidence, dark: number): number | null => {
  if (dark === 0 || packets < 2 || v6 === true) return null;
  const soFar = (packets - 1) / Math.max(0.01, (last - first) / 1e6);
  // An hour of its own has said something only with a handful of packets in it.
  const hourly = busiest >= 10 && last - first >= HOUR ? busiest / 3_600 : 0;
  return (Math.max(soFar, hourly) * IPV4_SPACE) / dark;
};

/** Spoof reasons that most packets show. */
export const dominantSpoof = ({ spoof, packets }: Evidence): string[] =>
  spoofReasons.filter((_, i) => spoof[i]! * 2 > packets);

/** Where addresses are forged evenly, four in ten are of space that nobody announces; real hosts are not there, but for stale prefix data. */
export const UNROUTED = 0.15;
/** Whether so many of the sources that were looked at (`of`) lie where nobody announces anything that they are forged. Under 20 sources a share says nothing. */
export const isForgedEvenly = (sources: number, unrouted: number, of = sources): boolean =>
  sources >= 20 && unrouted > UNROUTED * of;

/** TTLs that lie further apart than this come from different paths or systems. */
const APART = 8;
/** In how many groups the TTLs fall that the sensor with most of them saw, and how many there are. */
export const ttlSpread = ({ sensors }: Evidence): { groups: number; values: number } => {
  let most = { groups: 0, values: 0 };
  for (const sight of Object.values(sensors)) {
    const ttls = ttlsOf(sight).sort((a, b) => a - b);
    const groups = ttls.filter((ttl, i) => i === 0 || ttl - ttls[i - 1]! > APART).length;
    if (groups > most.groups || (groups === most.groups && ttls.length > most.values)) {
      most = { groups, values: ttls.length };
    }
  }
  return most;
};

/** A route to one sensor changes by fewer hops. */
const ROUTE = 4;
/** TTLs beyond the first of each sensor, where they lie farther apart than a route changes. */
export const ttlWander = ({ sensors }: Evidence): number =>
  Object.values(sensors).reduce((sum, sight) => {
    const ttls = ttlsOf(sight);
    return sum + (Math.max(...ttls) - Math.min(...ttls) >= ROUTE ? ttls.length - 1 : 0);
  }, 0);

/** P(X <= x) for X binomial(n, p). What is above `enough` need not be told exactly. */
export const binomialTail = (x: number, n: number, p: number, enough = 1): number => {
  if (p <= 0 || x >= n) return 1;
  if (p >= 1) return 0;
  // The shorter way round.
  if (x > n - x) return Math.max(0, 1 - binomialTail(n - x - 1, n, 1 - p));
  const odds = Math.log(p) - Math.log1p(-p);
  let term = n * Math.log1p(-p);
  let sum = Math.exp(term);
  for (let i = 1; i <= x && sum <= enough; i++) {
    term += Math.log((n - i + 1) / i) + odds;
    sum += Math.exp(term);
  }
  return Math.min(1, sum);
};

export interface Disagreement {
  /** The sensor that saw most. */
  readonly sensor: string;
  /** Packets the others should have seen of a source that draws addresses at random, and did see. */
  readonly expected: number;
  readonly seen: number;
  /** The chance of so few; above `enough` it is not told exactly. Asked where it matters: it takes a step a packet. */
  readonly chance: (enough: number) => number;
}

/** How the other sensors that watched all the time agree with the one that saw most; null where there are none to compare with. */
export const disagreement = (evidence: Evidence, sensors: readonly Sensor[]): Disagreement | null => {
  const [sensor, sight] =
    Object.entries(evidence.sensors).sort(([a, m], [b, n]) => n.packets - m.packets || (a < b ? -1 : 1))[0] ?? [];
  const own = sensors.find(({ name }) => name === sensor);
  // How many packets each should have seen is known of the IPv4 space alone.
  if (evidence.v6 === true || sensor === undefined || sight === undefined || own === undefined) return null;
  if (own.darkAddresses === 0) return null;
  const others = watching(sensors, evidence.first, evidence.last).filter(
    ({ name, darkAddresses: dark }) => name !== sensor && dark > 0,
  );
  const dark = darkAddresses(others);
  if (dark === 0) return null;
  const there = new Set(others.map(({ name }) => name));
  const seen = Object.entries(evidence.sensors).reduce(
    (sum, [name, { packets }]) => sum + (there.has(name) ? packets : 0),
    0,
  );
  return {
    sensor,
    expected: (sight.packets * dark) / own.darkAddresses,
    seen,
    chance: (enough) => binomialTail(seen, sight.packets + seen, dark / (dark + own.darkAddresses), enough),
  };
};
