// SPDX-License-Identifier: Apache-2.0
import type { QueryOf } from "../api/contract/index.ts";
import { protocolName } from "../model/traffic.ts";
import { day, dayOf } from "./asked.ts";
import type { Asked } from "./asked.ts";
import { compared, upStatement } from "./coverage.ts";
import type { Statement } from "./engine.ts";
import type { QuestionOf, Results } from "./question.ts";
import { exactStatement, leadersStatement, topOf } from "./leaders.ts";
import type { TopSearch } from "./leaders.ts";
import { change, num, share, shareOrNull, text } from "./question.ts";
import type { Filters } from "./relation.ts";
import { tally } from "./tally.ts";

/** Hosts of Mirai-type packets: per day, per day and country (of the top countries), per country, in all. */
export const miraiHostStatements = (asked: Asked<unknown>, filters: Filters): Record<string, Statement> => {
  const marked = { ...filters, mark: "mirai" };
  const rows = tally(asked, [asked], marked, { by: ["country"], grain: "1d", sources: true, named: true });
  return {
    // All four in one pass: the states of distinct counts are read once.
    hosts: {
      sql: `SELECT grouping(date) = 0 AS of_date, grouping(country) = 0 AS of_country, toString(date) AS date, country, ${rows.sources()} AS n
FROM (SELECT *, toDate(toDateTime(${rows.bucket}, 'UTC')) AS date, ifNull(src_cc, '--') AS country FROM ${rows.sql})
GROUP BY GROUPING SETS ((date, country), (date), (country), ()) HAVING n > 0 ORDER BY n DESC, country`,
      parameters: rows.parameters,
    },
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
  limit: number,
): {
  rows: { date: string; country: string; hosts: number | null }[];
  totals: { date: string; hosts: number | null }[];
  countries: { country: string; hosts: number }[];
  hosts: number;
} => {
  const up = new Set((results["days"] ?? []).map((row) => dayOf(num(row, "t") * 1000)));
  const dates: string[] = [];
  for (let t = Math.floor(asked.from / day) * day; t < asked.to; t += day) dates.push(dayOf(t));
  const of = (date: 0 | 1, country: 0 | 1): Results[string] =>
    (results["hosts"] ?? []).filter((row) => num(row, "of_date") === date && num(row, "of_country") === country);
  const countries = of(0, 1)
    .slice(0, limit)
    .map((row) => ({ country: text(row, "country"), hosts: num(row, "n") }));
  const perDay = new Map(of(1, 1).map((row) => [`${text(row, "date")} ${text(row, "country")}`, num(row, "n")]));
  const totals = new Map(of(1, 0).map((row) => [text(row, "date"), num(row, "n")]));
  const unseen = (date: string): 0 | null => (up.has(date) ? 0 : null);
  return {
    rows: dates.flatMap((date) =>
      countries.map(({ country }) => ({ date, country, hosts: perDay.get(`${date} ${country}`) ?? unseen(date) })),
    ),
    totals: dates.map((date) => ({ date, hosts: totals.get(date) ?? unseen(date) })),
    countries,
    hosts: num(of(0, 0)[0], "n"),
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
      ...miraiHostStatements(asked, filters),
      before: { sql: `SELECT ${before.sources()} AS n FROM ${before.sql}`, parameters: before.parameters },
    };
  },
  fold: (asked, results) => {
    const { hosts, ...tables } = foldMiraiHosts(asked, results, asked.query.limit ?? 5);
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
const miraiSearch = (asked: Asked<unknown>, filters: Filters, limit: number): TopSearch => ({
  filters: { ...filters, class: "tcp-syn" },
  spans: [asked],
  by: "mirai",
  limit,
});
export const miraiPortStatements = (
  asked: Asked<unknown>,
  filters: Filters,
  limit: number,
): Record<string, Statement> => {
  const all = tally(asked, [asked], { ...filters, class: "tcp-syn" }, { by: [], grain: "1d" });
  return {
    miraiPorts: leadersStatement(asked, miraiSearch(asked, filters, limit)),
    miraiTotal: {
      sql: `SELECT ${all.packets()} AS n, ${all.marked("mirai")} AS marked FROM ${all.sql}`,
      parameters: all.parameters,
    },
  };
};
export const miraiPortsExactly = (
  asked: Asked<unknown>,
  filters: Filters,
  limit: number,
  results: Results,
): Record<string, Statement> => {
  const exact = exactStatement(asked, miraiSearch(asked, filters, limit), results["miraiPorts"], results);
  return exact === undefined ? {} : { miraiPortsExact: exact };
};
export const foldMiraiPorts = (
  asked: Asked<unknown>,
  filters: Filters,
  limit: number,
  results: Results,
): { rank: number; protocol: string; port: number | null; miraiPackets: number; packets: number; share: number }[] =>
  topOf(miraiSearch(asked, filters, limit), results["miraiPorts"], results["miraiPortsExact"])
    .filter(({ marked }) => marked > 0)
    .map(({ protocol, port, marked, packets }, i) => ({
      rank: i + 1,
      protocol: protocolName(protocol),
      port,
      miraiPackets: marked,
      packets,
      share: share(marked, packets),
    }));

const portFilters = ({ country, sensor }: QueryOf<"mirai/ports">): Filters => ({
  ...(country === undefined ? {} : { country }),
  ...(sensor === undefined ? {} : { sensor }),
});
export const miraiPorts: QuestionOf<"mirai/ports"> = {
  about: "Share of Mirai-type packets among the packets of each port",
  last: "30d",
  compares: false,
  since: (asked) =>
    tally(asked, [asked], { ...portFilters(asked.query), class: "tcp-syn" }, { by: ["port"], grain: "1d" }).since,
  compile: (asked) => miraiPortStatements(asked, portFilters(asked.query), asked.query.limit ?? 20),
  next: (asked, results) => miraiPortsExactly(asked, portFilters(asked.query), asked.query.limit ?? 20, results),
  fold: (asked, results) => {
    const rows = foldMiraiPorts(asked, portFilters(asked.query), asked.query.limit ?? 20, results);
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
