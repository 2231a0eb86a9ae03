// SPDX-License-Identifier: Apache-2.0
import { day, dayOf, floorTo, iso } from "./asked.ts";
import type { Asked } from "./asked.ts";
import type { Statement } from "./engine.ts";
import type { QuestionOf } from "./question.ts";
import { num, numOrNull, share, text, textOrNull } from "./question.ts";
import { plainIp, relation } from "./relation.ts";
import type { Filters } from "./relation.ts";
import { rolledUp, sourceDays } from "./source-days.ts";
import { tally } from "./tally.ts";

/** Leaders looked at. */
const looked = 1000;
/** Whether the period has whole days that are rolled up, and the filters let those answer. */
const leads = (asked: Asked<Filters>): boolean => asked.to - asked.from >= 2 * day && rolledUp(asked, asked.query);

const ceilDay = (ms: number): number => Math.ceil(ms / day) * day;
const wholeDays = ({ from, to }: Asked<unknown>): number => Math.max(0, (floorTo(to, day) - ceilDay(from)) / day);
/** What a source can have at most on a day in which it is rare. */
const perDay = ({ around }: Asked<unknown>): number =>
  around.rollUps?.rareSum("source_days", "1d", { from: 0, to: day * 1000 }) ?? 0;

/** Sources with the most packets; of all, or of some. */
const byPackets = (
  asked: Asked<Filters>,
  limit: number,
  { chosen, leaders = false }: { chosen?: readonly string[]; leaders?: boolean } = {},
): Statement => {
  const only = chosen === undefined ? "" : "src IN {chosen:Array(IPv6)}";
  // A source can have lost something on the days in which it does not lead, so much a day at most.
  const [first, past] = [dayOf(ceilDay(asked.from)), dayOf(ceilDay(asked.from) + wholeDays(asked) * day)];
  const led = `uniqExactIf(date, date >= toDate('${first}') AND date < toDate('${past}'))`;
  const most = leaders ? `n + (${wholeDays(asked)} - ${led}) * ${perDay(asked)}` : "n";
  const ordered = `GROUP BY src ORDER BY most DESC, src LIMIT ${limit}`;
  if (rolledUp(asked, asked.query) || asked.to - asked.from >= 2 * day) {
    const days = sourceDays(asked, asked.query, ["packets"], { where: only, leaders });
    return {
      sql: `SELECT src, sum(d.n) AS n, ${most} AS most FROM ${days.sql} AS d ${ordered}`,
      parameters: { ...days.parameters, ...(chosen === undefined ? {} : { chosen }) },
    };
  }
  // Where the filters let no roll-up answer, packets of a short period are summed up straight from the base.
  const rows = relation(asked, asked, asked.query, { storms: false, also: only === "" ? [] : [only] });
  return {
    sql: `SELECT src, sum(${rows.packets}) AS n, n AS most FROM ${rows.sql} ${ordered}`,
    parameters: { ...rows.parameters, ...(chosen === undefined ? {} : { chosen }) },
  };
};
const first = (asked: Asked<Filters & { limit?: number }>): Statement =>
  byPackets(asked, leads(asked) ? looked : (asked.query.limit ?? 50), { leaders: leads(asked) });

/** What is shown of a few sources: from the days where they tell, else from the base, which is ordered by source. */
const details = (asked: Asked<Filters>, chosen: readonly string[]): Statement => {
  const shown = (inner: string, parameters: Readonly<Record<string, unknown>>): Statement => ({
    sql: `SELECT t.*, networks.name AS network FROM (${inner} GROUP BY src) AS t LEFT JOIN networks ON networks.asn = t.asn ORDER BY n DESC, src`,
    parameters: { ...parameters, chosen },
  });
  if (leads(asked)) {
    const days = sourceDays(asked, asked.query, ["packets", "marks", "sets"], { where: "src IN {chosen:Array(IPv6)}" });
    return shown(
      `SELECT src, any(src_asn) AS asn, any(src_cc) AS cc, sum(d.n) AS n, uniqExactArray(arrayFilter(p -> p % 131072 != 65536, port_set)) AS ports, uniqExactArray(sensor_set) AS sensor_count,
    sum(mirai) AS m, sum(zmap) AS z, sum(masscan) AS a, sum(stateless) AS s, toUnixTimestamp64Milli(min(first)) AS first_ms, toUnixTimestamp64Milli(max(last)) AS last_ms
  FROM ${days.sql} AS d`,
      days.parameters,
    );
  }
  const rows = relation(asked, asked, asked.query, { storms: false, also: ["src IN {chosen:Array(IPv6)}"] });
  return shown(
    `SELECT src, any(src_asn) AS asn, any(src_cc) AS cc, sum(${rows.packets}) AS n, uniqExact(protocol, dst_port) AS ports, uniqExact(sensor) AS sensor_count,
    sum(mirai) AS m, sum(zmap) AS z, sum(masscan) AS a, sum(stateless) AS s, toUnixTimestamp64Milli(min(first_seen)) AS first_ms, toUnixTimestamp64Milli(max(last_seen)) AS last_ms
  FROM ${rows.sql}`,
    rows.parameters,
  );
};

export const sourcesTop: QuestionOf<"sources/top"> = {
  about: "The sources with the most packets",
  last: "24h",
  compares: false,
  names: true,
  compile: (asked) => {
    // Shares are of what was sent while rows are kept.
    const since = { from: Math.min(asked.to, Math.max(asked.from, asked.around.kept.rows)), to: asked.to };
    const all = tally(asked, [since], asked.query, { by: [], grain: "1d", sources: true, named: true });
    return {
      top: first(asked),
      total: {
        sql: `SELECT ${all.packets()} AS n, ${all.sources()} AS sources FROM ${all.sql}`,
        parameters: all.parameters,
      },
    };
  },
  next: (asked, { top = [] }) => {
    const limit = asked.query.limit ?? 50;
    if (!leads(asked)) return {};
    const last = num(top.toSorted((a, b) => num(b, "n") - num(a, "n"))[limit - 1], "n");
    const chosen = top.filter((row) => num(row, "most") >= last).map((row) => text(row, "src"));
    const cut = top.length < looked ? 0 : num(top.at(-1), "most");
    const unseen = wholeDays(asked) * perDay(asked);
    if (top.length < limit || last <= Math.max(cut, unseen)) return { exact: byPackets(asked, limit) };
    // Of a few all is asked at once.
    return chosen.length <= 4 * limit
      ? { rows: details(asked, chosen) }
      : { exact: byPackets(asked, limit, { chosen }) };
  },
  after: (asked, { top = [], exact, rows }) => {
    if (rows !== undefined) return {};
    const chosen = (exact ?? top).slice(0, asked.query.limit ?? 50).map((row) => text(row, "src"));
    return { rows: details(asked, chosen) };
  },
  fold: (asked, { rows: found = [], total: totals }) => {
    const total = totals?.[0];
    const rows = found.slice(0, asked.query.limit ?? 50).map((row, i) => ({
      rank: i + 1,
      ip: plainIp(text(row, "src")),
      asn: numOrNull(row, "asn"),
      network: textOrNull(row, "network"),
      country: textOrNull(row, "cc"),
      packets: num(row, "n"),
      ports: num(row, "ports"),
      sensors: num(row, "sensor_count"),
      mirai: num(row, "m"),
      zmap: num(row, "z"),
      masscan: num(row, "a"),
      stateless: num(row, "s"),
      share: share(num(row, "n"), num(total, "n")),
      firstSeen: iso(num(row, "first_ms")),
      lastSeen: iso(num(row, "last_ms")),
    }));
    return {
      facts: { sources: num(total, "sources"), packets: num(total, "n"), topShare: rows[0]?.share ?? null },
      rows,
      truncated: num(total, "sources") > rows.length,
    };
  },
};
