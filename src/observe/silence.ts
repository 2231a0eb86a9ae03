// SPDX-License-Identifier: Apache-2.0
import { formatIp, parseIp } from "../net/ip.ts";
import { maskOf, parsePrefix } from "../net/prefix.ts";
import { AppError } from "../platform/errors.ts";
import { beat, covered } from "./coverage.ts";
import type { Engine, Limits } from "./engine.ts";
import { num, text } from "./question.ts";
import { engineAddress } from "./source.ts";

/** Whose silence is asked for: an address, or an IPv6 /64. */
export interface SilenceSubject {
  readonly id: string;
  /** `198.51.100.7`, `2001:db8::/64`. */
  readonly subject: string;
  /** When it was first seen, microseconds UTC: flows before are another story (the address was another's). */
  readonly from: number;
}
/** Lengths and times in microseconds; what the words mean stands in `src/alert/silence.ts`. */
export interface Silence {
  readonly last: number | null;
  readonly visits: number;
  readonly exposure: number;
  readonly since: number;
}
export interface SilenceScope {
  readonly realm: string;
  readonly exercise: string;
  /** Length of a visit, a multiple of 10 s. */
  readonly stretch: number;
  /** Whether requests or, of hosts under attack, replies are looked for; requests where absent. */
  readonly of?: "asks" | "replies";
  /** How far back the past of a subject is read. */
  readonly past: number;
  readonly limits?: Limits;
}

/** What a host sends by itself; replies (backscatter, also those of UDP) say nothing about it, and everything about an attack on it. */
const asks = {
  column: "src",
  where: "class IN ('tcp-syn', 'udp', 'icmp-echo-request') AND victim IS NULL",
} as const;
const replies = { column: "victim", where: "victim IS NOT NULL" } as const;
const atOnce = 500;

const rangeOf = (subject: string): readonly [string, string] => {
  const prefix = parsePrefix(subject);
  const words = prefix?.words ?? parseIp(subject);
  if (words === undefined) throw new AppError("QUERY_PARAMETER", `${subject.slice(0, 64)} is no address or prefix`);
  const length = prefix?.length ?? 128;
  const last = words.map((word, i) => (word | (~maskOf(length, i) >>> 0)) >>> 0);
  return [engineAddress(formatIp(words)), engineAddress(formatIp(last))];
};

type Stretches = readonly (readonly [number, number])[];

/** How much of [from, to) lies in the stretches. */
const overlap = (stretches: Stretches, from: number, to: number): number => {
  let sum = 0;
  for (const [start, end] of stretches) sum += Math.max(0, Math.min(end, to) - Math.max(start, from));
  return sum;
};
const merged = (list: [number, number][]): Stretches => {
  const out: [number, number][] = [];
  for (const [start, end] of list.toSorted((a, b) => a[0] - b[0])) {
    const top = out.at(-1);
    if (top !== undefined && start <= top[1]) top[1] = Math.max(top[1], end);
    else out.push([start, end]);
  }
  return out;
};

/**
 * What the flow store says of each subject's silence up to `now` (microseconds UTC): when it was last seen, how often before, and for how
 * long the sensors that saw it were up meanwhile. A sensor that was down tells nothing, and each counts by its share of the packets.
 */
export const silenceEvidence = async (
  engine: Engine,
  scope: SilenceScope,
  subjects: readonly SilenceSubject[],
  now: number,
): Promise<ReadonlyMap<string, Silence>> => {
  const found = new Map<string, Silence>();
  if (subjects.length === 0) return found;
  const { column, where } = scope.of === "replies" ? replies : asks;
  const oldest = now - scope.past;
  const earliest = Math.max(oldest, Math.min(...subjects.map(({ from }) => from)));
  const step = Math.max(10, Math.round(scope.stretch / 1e6));
  // Up-time is read once, for all; in the same five minutes as everywhere, or in shorter ones where visits are shorter.
  const grain = Math.min(step, beat / 1000);
  const up = covered(scope, { from: Math.floor(earliest / 1000), to: Math.ceil(now / 1000) }, grain);
  const { rows: upRows } = await engine.query<Record<string, unknown>>(
    `SELECT sensor, first, last FROM ${up.sql} ORDER BY sensor, first`,
    up.parameters,
    scope.limits,
  );
  const bySensor = new Map<string, [number, number][]>();
  for (const row of upRows) {
    const list = bySensor.get(text(row, "sensor")) ?? [];
    list.push([num(row, "first") * grain * 1e6, (num(row, "last") + 1) * grain * 1e6]);
    bySensor.set(text(row, "sensor"), list);
  }
  const upOf = new Map([...bySensor].map(([sensor, list]) => [sensor, merged(list)]));

  for (let at = 0; at < subjects.length; at += atOnce) {
    const slice = subjects.slice(at, at + atOnce).map((one) => ({ ...one, range: rangeOf(one.subject) }));
    const single = slice.filter(({ range }) => range[0] === range[1]);
    const wide = slice.filter(({ range }) => range[0] !== range[1]);
    const among = [
      ...(single.length > 0 ? [`${column} IN {single:Array(IPv6)}`] : []),
      ...wide.map((_, i) => `(${column} >= {low${i}:IPv6} AND ${column} <= {high${i}:IPv6})`),
    ].join(" OR ");
    const { rows } = await engine.query<Record<string, unknown>>(
      `SELECT toString(${column}) AS ip, sensor, sum(packets) AS n, toUnixTimestamp64Micro(min(first_seen)) AS first_us, toUnixTimestamp64Micro(max(last_seen)) AS last_us,
  groupUniqArray(intDiv(toUnixTimestamp(first_seen), ${step})) AS visits
FROM flows WHERE (${among}) AND realm = {realm:String} AND exercise = {exercise:String} AND ${where}
  AND first_seen >= fromUnixTimestamp64Micro({earliest:Int64}) AND first_seen < fromUnixTimestamp64Micro({now:Int64})
GROUP BY ${column}, sensor`,
      {
        single: single.map(({ range }) => range[0]),
        ...Object.fromEntries(
          wide.flatMap(({ range }, i) => [
            [`low${i}`, range[0]],
            [`high${i}`, range[1]],
          ]),
        ),
        realm: scope.realm,
        exercise: scope.exercise,
        earliest,
        now,
      },
      scope.limits,
    );
    const exact = new Map<string, Record<string, unknown>[]>();
    const own = (ip: string, row: Record<string, unknown>): void => {
      const list = exact.get(ip) ?? [];
      list.push(row);
      exact.set(ip, list);
    };
    const plain = (ip: string): string => formatIp(parseIp(ip) ?? [0, 0, 0, 0]);
    const networks = new Map(
      wide.map(({ subject }) => [parsePrefix(subject)?.words.slice(0, 2).join(":") ?? "", subject]),
    );
    for (const row of rows) {
      const ip = plain(text(row, "ip"));
      own(ip, row);
      const network = networks.get(parseIp(ip)?.slice(0, 2).join(":") ?? "");
      if (network !== undefined) own(network, row);
    }
    for (const { id, subject, from, range } of slice) {
      const mine = (exact.get(range[0] === range[1] ? plain(subject) : subject) ?? []).filter(
        (row) => num(row, "last_us") >= from,
      );
      if (mine.length === 0) {
        found.set(id, { last: null, visits: 0, exposure: 0, since: 0 });
        continue;
      }
      const begin = Math.max(from, Math.min(...mine.map((row) => num(row, "first_us"))));
      const last = Math.max(...mine.map((row) => num(row, "last_us")));
      const visits = new Set(mine.flatMap((row) => (row["visits"] as (string | number)[]).map(Number)));
      const packets = new Map<string, number>();
      for (const row of mine) packets.set(text(row, "sensor"), (packets.get(text(row, "sensor")) ?? 0) + num(row, "n"));
      const all = [...packets.values()].reduce((sum, n) => sum + n, 0);
      const weighed = (start: number, end: number): number =>
        [...packets].reduce((sum, [sensor, n]) => sum + (n / all) * overlap(upOf.get(sensor) ?? [], start, end), 0);
      found.set(id, {
        last,
        visits: [...visits].filter((visit) => (visit + 1) * step * 1e6 > from).length,
        exposure: weighed(begin, last) + scope.stretch,
        since: weighed(last, now),
      });
    }
  }
  return found;
};
