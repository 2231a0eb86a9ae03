// SPDX-License-Identifier: Apache-2.0
import { protocolName } from "../model/traffic.ts";
import { day, dayOf } from "./asked.ts";
import type { Asked } from "./asked.ts";
import { compared, upStatement } from "./coverage.ts";
import type { Statement } from "./engine.ts";
import type { QuestionOf, Results } from "./question.ts";
import { packed, unpacked } from "./ports.ts";
import { change, num, numOrNull, share, shareOrNull, text } from "./question.ts";
import type { Filters } from "./relation.ts";
import { tally } from "./tally.ts";
import type { Tally } from "./tally.ts";

/** Hosts of Mirai-type packets: per day, per day and country (of the top countries), per country, in all. */
export const miraiHostStatements = (
  asked: Asked<unknown>,
  filters: Filters,
  limit: number,
): Record<string, Statement> => {
  const marked = { ...filters, mark: "mirai" };
  const rows = tally(asked, [asked], marked, { by: ["country"], grain: "1d", sources: true, named: true });
  const all = tally(asked, [asked], marked, { by: [], grain: "1d", sources: true, named: true });
  const date = (tallied: Tally): string => `toString(toDate(toDateTime(${tallied.bucket}, 'UTC')))`;
  return {
    hosts: {
      sql: `SELECT ${date(rows)} AS date, ifNull(src_cc, '--') AS country, ${rows.sources()} AS n FROM ${rows.sql} GROUP BY date, country HAVING n > 0 ORDER BY date, n DESC, country`,
      parameters: rows.parameters,
    },
    hostTotals: {
      sql: `SELECT ${date(all)} AS date, ${all.sources()} AS n FROM ${all.sql} GROUP BY date ORDER BY date`,
      parameters: all.parameters,
    },
    hostCountries: {
      sql: `SELECT ifNull(src_cc, '--') AS country, ${rows.sources()} AS n FROM ${rows.sql} GROUP BY country HAVING n > 0 ORDER BY n DESC, country LIMIT {limit:UInt32}`,
      parameters: { ...rows.parameters, limit },
    },
    hostsInAll: { sql: `SELECT ${all.sources()} AS n FROM ${all.sql}`, parameters: all.parameters },
    days: daysStatement(asked, filters.sensor),
  };
};

/** Days on which any sensor reported. */
const daysStatement = (asked: Asked<unknown>, sensors: string | undefined): Statement =>
  upStatement(asked, 86_400, sensors);

/** The same as tables; a day on which no sensor was up is null, not 0. */
export const foldMiraiHosts = (
  asked: Asked<unknown>,
  results: Results,
): {
  rows: { date: string; country: string; hosts: number | null }[];
  totals: { date: string; hosts: number | null }[];
  countries: { country: string; hosts: number }[];
  hosts: number;
} => {
  const up = new Set((results["days"] ?? []).map((row) => dayOf(num(row, "t") * 1000)));
  const dates: string[] = [];
  for (let t = Math.floor(asked.from / day) * day; t < asked.to; t += day) dates.push(dayOf(t));
  const countries = (results["hostCountries"] ?? []).map((row) => ({
    country: text(row, "country"),
    hosts: num(row, "n"),
  }));
  const perDay = new Map(
    (results["hosts"] ?? []).map((row) => [`${text(row, "date")} ${text(row, "country")}`, num(row, "n")]),
  );
  const totals = new Map((results["hostTotals"] ?? []).map((row) => [text(row, "date"), num(row, "n")]));
  const unseen = (date: string): 0 | null => (up.has(date) ? 0 : null);
  return {
    rows: dates.flatMap((date) =>
      countries.map(({ country }) => ({ date, country, hosts: perDay.get(`${date} ${country}`) ?? unseen(date) })),
    ),
    totals: dates.map((date) => ({ date, hosts: totals.get(date) ?? unseen(date) })),
    countries,
    hosts: num(results["hostsInAll"]?.[0], "n"),
  };
};

export const miraiHosts: QuestionOf<"mirai/hosts"> = {
  about: "Hosts that send Mirai-type packets, per country and day",
  last: "30d",
  compares: true,
  compile: (asked) => {
    const filters = asked.query.sensor === undefined ? {} : { sensor: asked.query.sensor };
    const before = tally(
      asked,
      [asked.previous],
      { ...filters, mark: "mirai" },
      { by: [], grain: "1d", sources: true },
    );
    return {
      ...miraiHostStatements(asked, filters, asked.query.limit ?? 5),
      before: { sql: `SELECT ${before.sources()} AS n FROM ${before.sql}`, parameters: before.parameters },
    };
  },
  fold: (asked, results) => {
    const { hosts, ...tables } = foldMiraiHosts(asked, results);
    const previous = num(results["before"]?.[0], "n");
    const usual = compared(asked, results, previous) ? previous : null;
    const top = tables.countries[0];
    return {
      facts: {
        hosts,
        topCountry: top?.country ?? null,
        topHosts: top?.hosts ?? 0,
        previousHosts: usual,
        change: change(hosts, usual),
      },
      ...tables,
    };
  },
};

/** Ports with Mirai-type packets, most of them first, and all packets of the same ports. SYN only: the mark is a SYN's. */
export const miraiPortStatements = (
  asked: Asked<unknown>,
  filters: Filters,
  limit: number,
): Record<string, Statement> => {
  const syn = { ...filters, class: "tcp-syn" };
  const rows = tally(asked, [asked], syn, { by: ["protocol", "port"], grain: "1d" });
  const all = tally(asked, [asked], syn, { by: [], grain: "1d" });
  return {
    miraiPorts: {
      sql: `SELECT ${unpacked}, n, marked FROM (SELECT ${packed}, ${rows.packets()} AS n, ${rows.marked("mirai")} AS marked FROM ${rows.sql} GROUP BY packed HAVING marked > 0 ORDER BY marked DESC, packed LIMIT {limit:UInt32}) ORDER BY marked DESC, packed`,
      parameters: { ...rows.parameters, limit },
    },
    miraiTotal: {
      sql: `SELECT ${all.packets()} AS n, ${all.marked("mirai")} AS marked FROM ${all.sql}`,
      parameters: all.parameters,
    },
  };
};
export const foldMiraiPorts = (
  results: Results,
): { rank: number; protocol: string; port: number | null; miraiPackets: number; packets: number; share: number }[] =>
  (results["miraiPorts"] ?? []).map((row, i) => ({
    rank: i + 1,
    protocol: protocolName(num(row, "protocol")),
    port: numOrNull(row, "port"),
    miraiPackets: num(row, "marked"),
    packets: num(row, "n"),
    share: share(num(row, "marked"), num(row, "n")),
  }));

export const miraiPorts: QuestionOf<"mirai/ports"> = {
  about: "Share of Mirai-type packets among the packets of each port",
  last: "30d",
  compares: false,
  compile: (asked) => {
    const { country, sensor, limit } = asked.query;
    return miraiPortStatements(
      asked,
      { ...(country === undefined ? {} : { country }), ...(sensor === undefined ? {} : { sensor }) },
      limit ?? 20,
    );
  },
  fold: (_asked, results) => {
    const rows = foldMiraiPorts(results);
    const total = results["miraiTotal"]?.[0];
    return {
      facts: {
        miraiPackets: num(total, "marked"),
        packets: num(total, "n"),
        topPort: rows[0]?.port ?? null,
        topShare: shareOrNull(rows[0]?.miraiPackets ?? 0, rows[0]?.packets ?? 0),
      },
      rows,
    };
  },
};
