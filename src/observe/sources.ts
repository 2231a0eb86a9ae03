// SPDX-License-Identifier: Apache-2.0
import { iso } from "./asked.ts";
import type { QuestionOf } from "./question.ts";
import { num, numOrNull, share, text, textOrNull } from "./question.ts";
import { plainIp, relation } from "./relation.ts";

export const sourcesTop: QuestionOf<"sources/top"> = {
  about: "The sources with the most packets",
  last: "24h",
  compares: false,
  compile: (asked) => {
    const rows = relation(asked, asked, asked.query);
    // Two steps: the packets of every source are cheap, its ports and sensors are not.
    const top = `SELECT src FROM ${rows.sql} WHERE named GROUP BY src ORDER BY sum(${rows.packets}) DESC, src LIMIT {limit:UInt32}`;
    return {
      rows: {
        sql: `SELECT t.*, networks.name AS network FROM (
  SELECT src, any(src_asn) AS asn, any(src_cc) AS cc, sum(${rows.packets}) AS n, uniqExact(protocol, dst_port) AS ports, uniqExact(sensor) AS sensor_count,
    sum(mirai) AS m, sum(zmap) AS z, sum(masscan) AS a, sum(stateless) AS s,
    toUnixTimestamp64Milli(min(first_seen)) AS first_ms, toUnixTimestamp64Milli(max(last_seen)) AS last_ms
  FROM ${rows.sql} WHERE named AND src IN (${top}) GROUP BY src ORDER BY n DESC, src) AS t
LEFT JOIN networks ON networks.asn = t.asn ORDER BY n DESC, src`,
        parameters: { ...rows.parameters, limit: asked.query.limit ?? 50 },
      },
      total: {
        sql: `SELECT sum(${rows.packets}) AS n, uniqCombined(src) AS sources FROM ${rows.sql} WHERE named`,
        parameters: rows.parameters,
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
