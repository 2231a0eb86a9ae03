// SPDX-License-Identifier: Apache-2.0
import type { QueryOf } from "../api/contract/index.ts";
import { engineTime } from "./asked.ts";
import type { Asked } from "./asked.ts";
import type { Statement } from "./engine.ts";
import type { QuestionOf } from "./question.ts";
import { change, num, numOrNull, share, text, textOrNull } from "./question.ts";
import { relation } from "./relation.ts";

type Query = QueryOf<"countries">;

const columns = { packets: "now_packets", sources: "now_sources", mirai_sources: "mirai_sources" } as const;

const statements = (asked: Asked<Query>, key: string, also: string): Record<"rows" | "total", Statement> => {
  const { from, previous, query, to } = asked;
  const rows = relation(asked, { from: previous.from, to }, query);
  const now = "first_seen >= {start:DateTime64(3,'UTC')}";
  const sums = `sumIf(${rows.packets}, ${now}) AS now_packets, sumIf(${rows.packets}, NOT (${now})) AS before_packets,
  uniqCombinedIf(src, ${now}) AS now_sources, uniqCombinedIf(src, NOT (${now})) AS before_sources, uniqCombinedIf(src, mirai > 0 AND ${now}) AS mirai_sources`;
  const parameters = { ...rows.parameters, start: engineTime(from), limit: query.limit ?? 50 };
  return {
    rows: {
      sql: `SELECT ${key} AS origin${also}, ${sums} FROM ${rows.sql} WHERE named GROUP BY origin HAVING now_packets > 0
ORDER BY ${columns[query.by ?? "packets"]} DESC, now_packets DESC, origin LIMIT {limit:UInt32}`,
      parameters,
    },
    total: {
      sql: `SELECT ${sums}, uniqIf(${key}, ${now}) AS origins FROM ${rows.sql} WHERE named`,
      parameters,
    },
  };
};

const folded = (
  query: Query,
  found: readonly Record<string, unknown>[],
  total: Record<string, unknown> | undefined,
): {
  rank: number;
  packets: number;
  sources: number;
  miraiSources: number;
  share: number;
  previousPackets: number | null;
  previousSources: number | null;
  change: number | null;
}[] => {
  const compared = num(total, "before_packets") > 0;
  const column = columns[query.by ?? "packets"];
  return found.map((row, i) => ({
    rank: i + 1,
    packets: num(row, "now_packets"),
    sources: num(row, "now_sources"),
    miraiSources: num(row, "mirai_sources"),
    share: share(num(row, column), num(total, column)),
    previousPackets: compared ? num(row, "before_packets") : null,
    previousSources: compared ? num(row, "before_sources") : null,
    change:
      query.by === "sources"
        ? change(num(row, "now_sources"), compared ? num(row, "before_sources") : null)
        : change(num(row, "now_packets"), compared ? num(row, "before_packets") : null),
  }));
};

export const countries: QuestionOf<"countries"> = {
  about: "Countries of the sources, by packets, sources or Mirai-type sources",
  last: "24h",
  compares: true,
  compile: (asked) => statements(asked, "ifNull(src_cc, '--')", ""),
  fold: ({ query }, { rows: found = [], total: totals }) => {
    const total = totals?.[0];
    const rows = folded(query, found, total).map((row, i) => Object.assign(row, { country: text(found[i], "origin") }));
    return {
      facts: {
        countries: num(total, "origins"),
        packets: num(total, "now_packets"),
        sources: num(total, "now_sources"),
        topCountry: rows[0]?.country ?? null,
        topShare: rows[0]?.share ?? null,
        topChange: rows[0]?.change ?? null,
      },
      rows,
      truncated: num(total, "origins") > rows.length,
    };
  },
};

export const networks: QuestionOf<"networks"> = {
  about: "Networks (autonomous systems) of the sources, by packets, sources or Mirai-type sources",
  last: "24h",
  compares: true,
  compile: (asked) => {
    const { rows, total } = statements(asked, "src_asn", ", any(src_cc) AS cc");
    return {
      rows: {
        ...rows,
        sql: `SELECT t.*, networks.name AS network FROM (${rows.sql}) AS t LEFT JOIN networks ON networks.asn = t.origin
ORDER BY ${columns[asked.query.by ?? "packets"]} DESC, now_packets DESC, origin`,
      },
      total,
    };
  },
  fold: ({ query }, { rows: found = [], total: totals }) => {
    const total = totals?.[0];
    const rows = folded(query, found, total).map((row, i) =>
      Object.assign(row, {
        asn: numOrNull(found[i], "origin"),
        network: textOrNull(found[i], "network"),
        country: textOrNull(found[i], "cc"),
      }),
    );
    return {
      facts: {
        networks: num(total, "origins"),
        packets: num(total, "now_packets"),
        sources: num(total, "now_sources"),
        topNetwork: rows[0]?.network ?? null,
        topShare: rows[0]?.share ?? null,
        topChange: rows[0]?.change ?? null,
      },
      rows,
      truncated: num(total, "origins") > rows.length,
    };
  },
};
