// SPDX-License-Identifier: Apache-2.0
import { day, iso } from "./asked.ts";
import type { Asked } from "./asked.ts";
import type { Statement } from "./engine.ts";
import type { QuestionOf } from "./question.ts";
import { num, numOrNull, share, text, textOrNull } from "./question.ts";
import { plainIp, relation } from "./relation.ts";
import type { Filters } from "./relation.ts";
import { sourceDays } from "./source-days.ts";
import { tally } from "./tally.ts";

const sourceRows = (asked: Asked<unknown>, filters: Filters): Statement => {
  const rows = relation(asked, asked, filters, { storms: false });
  return { sql: `(SELECT src, ${rows.packets} AS n FROM ${rows.sql})`, parameters: rows.parameters };
};

export const sourcesTop: QuestionOf<"sources/top"> = {
  about: "The sources with the most packets",
  last: "24h",
  compares: false,
  compile: (asked) => {
    // Where no whole day is in the period, packets are summed up straight from the base.
    const days =
      asked.to - asked.from < 2 * day ? sourceRows(asked, asked.query) : sourceDays(asked, asked.query, ["packets"]);
    const all = tally(asked, [asked], asked.query, { by: [], grain: "1d", sources: true, named: true });
    return {
      top: {
        sql: `SELECT src FROM ${days.sql} GROUP BY src ORDER BY sum(n) DESC, src LIMIT {limit:UInt32}`,
        parameters: { ...days.parameters, limit: asked.query.limit ?? 50 },
      },
      total: {
        sql: `SELECT ${all.packets()} AS n, ${all.sources()} AS sources FROM ${all.sql}`,
        parameters: all.parameters,
      },
    };
  },
  // The base is ordered by source: a few of them are read in no time.
  next: (asked, { top = [] }) => {
    const rows = relation(asked, asked, asked.query, { storms: false, also: ["src IN {chosen:Array(IPv6)}"] });
    return {
      rows: {
        sql: `SELECT t.*, networks.name AS network FROM (
  SELECT src, any(src_asn) AS asn, any(src_cc) AS cc, sum(${rows.packets}) AS n, uniqExact(protocol, dst_port) AS ports, uniqExact(sensor) AS sensor_count,
    sum(mirai) AS m, sum(zmap) AS z, sum(masscan) AS a, sum(stateless) AS s,
    toUnixTimestamp64Milli(min(first_seen)) AS first_ms, toUnixTimestamp64Milli(max(last_seen)) AS last_ms
  FROM ${rows.sql} GROUP BY src) AS t
LEFT JOIN networks ON networks.asn = t.asn ORDER BY n DESC, src`,
        parameters: { ...rows.parameters, chosen: top.map((row) => text(row, "src")) },
      },
    };
  },
  fold: (_asked, { rows: found = [], total: totals }) => {
    const total = totals?.[0];
    const rows = found.map((row, i) => ({
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

/** The same question among these addresses alone: the filter stands in every statement, before anything is counted. */
export const sourcesAmong = (addresses: readonly string[]): QuestionOf<"sources/top"> => {
  const own = addresses.slice(0, 20_000);
  const among = { also: ["src IN {own:Array(IPv6)}"], storms: false };
  const parameters = { own };
  return {
    ...sourcesTop,
    compile: (asked) => {
      const rows = relation(asked, asked, asked.query, among);
      const values = { ...rows.parameters, ...parameters };
      return {
        top: {
          sql: `SELECT src FROM ${rows.sql} GROUP BY src ORDER BY sum(${rows.packets}) DESC, src LIMIT {limit:UInt32}`,
          parameters: { ...values, limit: asked.query.limit ?? 50 },
        },
        total: {
          sql: `SELECT sum(${rows.packets}) AS n, uniqExact(src) AS sources FROM ${rows.sql}`,
          parameters: values,
        },
      };
    },
  };
};
