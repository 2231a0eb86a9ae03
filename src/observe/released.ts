// SPDX-License-Identifier: Apache-2.0
import type { AnswerOf, QueryOf } from "../api/contract/index.ts";
import { protocolName } from "../model/traffic.ts";
import { AppError } from "../platform/errors.ts";
import { day, dayOf, engineTime, floorTo, hour, iso, only } from "./asked.ts";
import type { Engine } from "./engine.ts";
import { num, text } from "./question.ts";
import { protocolNumber } from "./relation.ts";

/**
 * Figures for everybody, made so that who sends probes learns nothing of where sensors are. They count *networks* (/16 of IPv4, /32 of
 * IPv6), since a prober has one or a few of them and thousands of addresses; who forges sources has them all, and gets no cell of its own:
 * - whole days (UTC), not before they are final (26 h after their end);
 * - of each network at most `packets` packets and `sources` sources count in a cell, and at most `cells` ports a day;
 * - a cell needs `networks` networks, give or take, on the day and on `usual.days` of the `usual.of` days before it: a port that somebody made up is none;
 * - of ports and of countries a day tells `most` at most, those of the most networks: so many answers there are in it, whoever made them;
 * - figures have two digits that count;
 * - everything carries noise, Laplace, `noise` times what one network can contribute. It is drawn by a keyed hash of cell, day and true
 *   value: asking again gives the same, and two figures of a day that changed (a sensor's rows were withdrawn) do not differ by the change alone.
 */
export const releaseRule = {
  delay: 26 * hour,
  networks: 20,
  packets: 50,
  sources: 4,
  cells: 10,
  noise: 8,
  usual: { days: 5, of: 7 },
  most: 100,
  longest: 31 * day,
} as const;

interface Cell {
  readonly packets: number;
  readonly sources: number;
}
interface ReleasedDay {
  readonly ports: ReadonlyMap<string, Cell>;
  readonly countries: ReadonlyMap<string, Cell>;
  /** Null: nothing is told of this day. */
  readonly total: Cell | null;
}
const untold: ReleasedDay = { ports: new Map(), countries: new Map(), total: null };
export interface ReleasedOptions {
  readonly engine: Engine;
  /** Milliseconds. */
  readonly now: () => number;
  readonly simulated: boolean;
  /** A number in (0, 1) for a text, always the same, that nobody without the node's key can foresee. */
  readonly lot: (text: string) => number;
}
type Answer = AnswerOf<"ports/top"> | AnswerOf<"countries"> | AnswerOf<"series">;
export interface Released {
  ask(name: "ports/top", query: QueryOf<"ports/top">): Promise<AnswerOf<"ports/top">>;
  ask(name: "countries", query: QueryOf<"countries">): Promise<AnswerOf<"countries">>;
  ask(name: "series", query: QueryOf<"series">): Promise<AnswerOf<"series">>;
  ask(name: "ports/top" | "countries" | "series", query: Readonly<Record<string, unknown>>): Promise<Answer>;
  /** Computes days again when they are next asked for, from the one of `since` (milliseconds) on: their rows have changed. */
  forget(since: number): void;
}

/** Laplace noise of scale `b` from a lot in (0, 1). */
export const laplace = (lot: number, b: number): number =>
  lot < 0.5 ? b * Math.log(2 * lot) : -b * Math.log(2 * (1 - lot));

const perNetwork = (
  key: string,
  select: string,
): string => `SELECT ${select}, n16, sum(packets) AS p, uniqExact(src) AS s
  FROM (SELECT ${key}, cutIPv6(src, 12, 2) AS n16, src, packets FROM flows
    WHERE realm = '' AND exercise = '' AND class IN ('tcp-syn', 'udp') AND first_seen >= {from:DateTime64(3,'UTC')} AND first_seen < {to:DateTime64(3,'UTC')})
  GROUP BY ${select}, n16`;
const cells = (
  inner: string,
  select: string,
): string => `SELECT ${select}, sum(least(p, {packets:UInt64})) AS packets, sum(least(s, {sources:UInt64})) AS sources, count() AS networks
FROM (${inner}) GROUP BY ${select}`;

const longestKept = 400;
/** How long what is known of which days there are, and a day that could not be computed, stand, milliseconds. */
const stands = 300_000;
/** Two digits that count: what is finer is noise, and the less of it is told the better. */
const rounded = (value: number): number => Number(value.toPrecision(2));

export const createReleased = ({ engine, now, simulated, lot }: ReleasedOptions): Released => {
  interface Kept {
    readonly value: Promise<ReleasedDay>;
    /** Milliseconds; a day that could not be computed is tried again then. */
    until: number;
  }
  const kept = new Map<string, Kept>();
  let known: { readonly value: Promise<ReadonlySet<string>>; readonly until: number } | undefined;
  let queue: Promise<unknown> = Promise.resolve();
  /** Whoever asks for how many days, the engine works at one of them. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const made = queue.then(work);
    queue = made.catch(() => undefined);
    return made;
  };
  /** Days (UTC) in which a sensor reported. */
  const watched = (): Promise<ReadonlySet<string>> => {
    if (known === undefined || known.until <= now()) {
      const value = inTurn(async () => {
        const { rows } = await engine.query<{ date: string }>(
          "SELECT DISTINCT toString(toDate(interval, 'UTC')) AS date FROM reports WHERE realm = '' AND exercise = ''",
          {},
        );
        return new Set(rows.map(({ date }) => date));
      });
      known = { value, until: now() + stands };
    }
    return known.value;
  };

  const compute = async (start: number): Promise<ReleasedDay> => {
    const date = dayOf(start);
    const parameters = {
      from: engineTime(start),
      to: engineTime(start + day),
      packets: releaseRule.packets,
      sources: releaseRule.sources,
      cells: releaseRule.cells,
    };
    const run = async (sql: string) => (await engine.query<Record<string, unknown>>(sql, parameters)).rows;
    const told = (rows: readonly Record<string, unknown>[], key: (row: Record<string, unknown>) => string) => {
      const found = new Map<string, Cell>();
      const largest = rows.toSorted((a, b) => num(b, "networks") - num(a, "networks") || (key(a) < key(b) ? -1 : 1));
      for (const row of largest.slice(0, releaseRule.most)) {
        const name = key(row);
        const noisy = (what: "networks" | "packets" | "sources", scale: number): number => {
          const value = num(row, what);
          return value + laplace(lot(`${date} ${name} ${what} ${value}`), scale);
        };
        // Told by a noisy count of networks: who adds one at the edge does not see it cross.
        if (noisy("networks", 2) < releaseRule.networks) continue;
        const of = (what: "packets" | "sources"): number =>
          Math.max(0, rounded(noisy(what, releaseRule[what] * releaseRule.noise)));
        found.set(name, { packets: of("packets"), sources: of("sources") });
      }
      return found;
    };
    // A network counts in the few ports it sent most to; ties are drawn.
    const ports = await run(
      cells(
        `${perNetwork("protocol, dst_port", "protocol, dst_port")} ORDER BY p DESC, cityHash64(n16, dst_port) LIMIT {cells:UInt32} BY n16`,
        "protocol, dst_port",
      ),
    );
    const countries = await run(cells(perNetwork("ifNull(src_cc, '--') AS cc", "cc"), "cc"));
    const total = await run(cells(perNetwork("1 AS whole", "whole"), "whole"));
    return {
      ports: told(
        ports.filter((row) => row["dst_port"] !== null),
        (row) => `${num(row, "protocol")}/${num(row, "dst_port")}`,
      ),
      countries: told(countries, (row) => text(row, "cc")),
      total: told(total, () => "all").get("all") ?? null,
    };
  };
  /** What cleared the floor on a day, whatever there was before it. */
  const cleared = async (start: number): Promise<ReleasedDay> => {
    const date = dayOf(start);
    // Days that nobody can have seen are not computed, and push none out that was.
    if (!(await watched()).has(date)) return untold;
    const found = kept.get(date);
    if (found !== undefined && found.until > now()) return found.value;
    const one: Kept = { value: inTurn(() => compute(start)), until: Infinity };
    kept.set(date, one);
    one.value.catch(() => {
      one.until = now() + stands;
    });
    if (kept.size > longestKept) kept.delete([...kept.keys()].reduce((a, b) => (a < b ? a : b)));
    return one.value;
  };
  const released = async (start: number): Promise<ReleasedDay> => {
    const one = await cleared(start);
    if (one.total === null) return untold;
    const before: ReleasedDay[] = [];
    for (let i = 1; i <= releaseRule.usual.of; i++) before.push(await cleared(start - i * day));
    const usual = (what: "ports" | "countries"): ReadonlyMap<string, Cell> =>
      new Map(
        [...one[what]].filter(
          ([key]) => before.filter((other) => other[what].has(key)).length >= releaseRule.usual.days,
        ),
      );
    return { ...one, ports: usual("ports"), countries: usual("countries") };
  };

  /** Whole days of what is asked that are out already. */
  const spanOf = (query: Readonly<Record<string, unknown>>): { from: number; to: number } => {
    const newest = floorTo(now() - releaseRule.delay, day);
    const given = (name: string): number | undefined =>
      typeof query[name] === "string" ? Date.parse(query[name]) : undefined;
    if (query["last"] !== undefined && (given("from") ?? given("to")) !== undefined) {
      throw new AppError("QUERY_PERIOD", "give `last`, or `from` and `to`, not both");
    }
    const to = Math.min(newest, floorTo(given("to") ?? newest, day));
    const days = /^(\d+)d$/.exec(String(query["last"] ?? "7d"))?.[1];
    const from = floorTo(given("from") ?? to - Number(days ?? 1) * day, day);
    if (!(from < to)) throw new AppError("QUERY_PERIOD", `figures are out up to ${iso(newest)}, for whole days`);
    if (to - from > releaseRule.longest) throw new AppError("QUERY_PERIOD", "at most 31 days at once");
    return { from, to };
  };
  const daysOf = async ({ from, to }: { from: number; to: number }): Promise<[number, ReleasedDay][]> => {
    const days: [number, ReleasedDay][] = [];
    for (let start = from; start < to; start += day) days.push([start, await released(start)]);
    return days;
  };
  const sum = (days: readonly [number, ReleasedDay][], what: "ports" | "countries"): Map<string, Cell> => {
    const all = new Map<string, Cell>();
    for (const [, one] of days) {
      for (const [key, { packets, sources }] of one[what]) {
        const before = all.get(key) ?? { packets: 0, sources: 0 };
        all.set(key, { packets: before.packets + packets, sources: before.sources + sources });
      }
    }
    return all;
  };
  const whole = (days: readonly [number, ReleasedDay][]): Cell => ({
    packets: days.reduce((n, [, one]) => n + (one.total?.packets ?? 0), 0),
    sources: days.reduce((n, [, one]) => n + (one.total?.sources ?? 0), 0),
  });
  const envelope = (question: string, span: { from: number; to: number }, began: number, truncated: boolean) => ({
    question,
    period: { from: iso(span.from), to: iso(span.to) },
    previous: null,
    // Up-time of sensors is a figure of few, not of many.
    coverage: null,
    meta: {
      simulated,
      realm: "",
      exercise: "",
      asked: iso(now()),
      dataUntil: iso(span.to),
      milliseconds: Math.round(performance.now() - began),
      from: "base" as const,
      truncated,
      released: true,
    },
  });
  const share = (part: number, all: number): number => (all > 0 ? Math.min(1, part / all) : 0);
  const named = (key: string): { protocol: string; port: number } => {
    const [protocol = "", port = ""] = key.split("/");
    return { protocol: protocolName(Number(protocol)), port: Number(port) };
  };

  const portsTop = async (query: QueryOf<"ports/top">): Promise<AnswerOf<"ports/top">> => {
    only(query, "released figures have", "limit", "by", "protocol");
    const began = performance.now();
    const span = spanOf(query);
    const days = await daysOf(span);
    const by = query.by ?? "packets";
    const total = whole(days);
    const protocol = query.protocol === undefined ? undefined : String(protocolNumber(query.protocol));
    const found = [...sum(days, "ports")]
      .filter(([key]) => protocol === undefined || key.split("/")[0] === protocol)
      .toSorted(([a, x], [b, y]) => y[by] - x[by] || (a < b ? -1 : 1));
    const rows = found.slice(0, query.limit ?? 20).map(([key, cell], i) => ({
      rank: i + 1,
      ...named(key),
      ...cell,
      share: share(cell[by], total[by]),
      previousPackets: null,
      previousSources: null,
      previousRank: null,
      change: null,
    }));
    const [top] = rows;
    return {
      ...envelope("ports/top", span, began, rows.length < found.length),
      facts: {
        by,
        ...total,
        previousPackets: null,
        counted: total.packets,
        countedSources: total.sources,
        previousCounted: null,
        ports: found.length,
        topPort: top?.port ?? null,
        topProtocol: top?.protocol ?? null,
        topShare: top?.share ?? null,
        topChange: null,
      },
      rows,
    };
  };
  const countries = async (query: QueryOf<"countries">): Promise<AnswerOf<"countries">> => {
    only(query, "released figures have", "limit", "by");
    const began = performance.now();
    const span = spanOf(query);
    const days = await daysOf(span);
    const by = query.by === "sources" ? "sources" : "packets";
    const total = whole(days);
    const found = [...sum(days, "countries")].toSorted(([a, x], [b, y]) => y[by] - x[by] || (a < b ? -1 : 1));
    const rows = found.slice(0, query.limit ?? 50).map(([country, cell], i) => ({
      rank: i + 1,
      country,
      ...cell,
      miraiSources: null,
      share: share(cell[by], total[by]),
      previousPackets: null,
      previousSources: null,
      change: null,
    }));
    const [top] = rows;
    return {
      ...envelope("countries", span, began, rows.length < found.length),
      facts: {
        countries: found.length,
        ...total,
        topCountry: top?.country ?? null,
        topShare: top?.share ?? null,
        topChange: null,
      },
      rows,
    };
  };
  const series = async (query: QueryOf<"series">): Promise<AnswerOf<"series">> => {
    only(query, "released figures have", "limit", "step", "measure", "group", "protocol", "port", "country");
    if ((query.step ?? "1d") !== "1d")
      throw new AppError("ACCESS_DENIED", "released figures are of whole days: `step=1d`");
    const { group = "none", measure = "packets" } = query;
    if (measure === "flows" || !["none", "port", "country"].includes(group)) {
      throw new AppError("ACCESS_DENIED", "released figures are packets and sources, by port or country");
    }
    const began = performance.now();
    const span = spanOf(query);
    const days = await daysOf(span);
    const byCountry = group === "country" || query.country !== undefined;
    const protocol = query.protocol === undefined ? undefined : String(protocolNumber(query.protocol));
    const wanted = (key: string): boolean =>
      byCountry
        ? query.country === undefined || query.country.split(",").includes(key)
        : (protocol === undefined || key.split("/")[0] === protocol) &&
          (query.port === undefined || query.port.split(",").includes(key.split("/")[1] ?? ""));
    if (byCountry && (query.port ?? query.protocol) !== undefined) {
      throw new AppError("ACCESS_DENIED", "released figures are by port or by country, not by both");
    }
    const filtered = query.country !== undefined || query.port !== undefined || protocol !== undefined;
    const label = (key: string): string => (byCountry ? key : `${named(key).protocol}/${named(key).port}`);
    /** Null: not told. That is no zero: a day without sensors, one whose rows are gone, a cell below the floor. */
    const valueOf = (one: ReleasedDay, key: string | null): number | null => {
      const among = byCountry ? one.countries : one.ports;
      if (key !== null) return among.get(key)?.[measure] ?? null;
      if (!filtered) return one.total?.[measure] ?? null;
      const told = [...among].filter(([name]) => wanted(name));
      return told.length === 0 ? null : told.reduce((n, [, cell]) => n + cell[measure], 0);
    };
    const chosen =
      group === "none"
        ? [null]
        : [...sum(days, byCountry ? "countries" : "ports")]
            .filter(([key]) => wanted(key))
            .toSorted(([a, x], [b, y]) => y[measure] - x[measure] || (a < b ? -1 : 1))
            .slice(0, query.limit ?? 7)
            .map(([key]) => key);
    const rows = days.flatMap(([start, one]) =>
      chosen.map((key) => ({ time: iso(start), group: key === null ? "" : label(key), value: valueOf(one, key) })),
    );
    const totals = days.map(([, one]) => valueOf(one, null));
    const told = totals.filter((value) => value !== null);
    const peak = told.length === 0 ? null : Math.max(...told);
    const at = peak === null ? -1 : totals.indexOf(peak);
    return {
      ...envelope("series", span, began, false),
      facts: {
        measure,
        step: "1d",
        total: told.reduce((a, b) => a + b, 0),
        previousTotal: null,
        change: null,
        peak,
        peakTime: at < 0 ? null : iso(days[at]?.[0] ?? span.from),
        gaps: 0,
      },
      groups: chosen.map((key) => ({
        group: key === null ? "" : label(key),
        label: key === null ? "" : label(key),
        total: days.reduce((n, [, one]) => n + (valueOf(one, key) ?? 0), 0),
      })),
      buckets: days.map(([start]) => ({
        time: iso(start),
        up: null,
        enrolled: null,
        down: [],
        incomplete: false,
        degraded: false,
      })),
      rows,
    };
  };
  const ask = (name: string, query: Readonly<Record<string, unknown>>): Promise<Answer> =>
    name === "ports/top" ? portsTop(query) : name === "countries" ? countries(query) : series(query);
  const forget = (since: number): void => {
    for (const date of kept.keys()) if (date >= dayOf(floorTo(since, day))) kept.delete(date);
  };
  return { ask: ask as Released["ask"], forget };
};
