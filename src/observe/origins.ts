// SPDX-License-Identifier: Apache-2.0
import type { QueryOf } from "../api/contract/index.ts";
import type { Asked } from "./asked.ts";
import type { Statement } from "./engine.ts";
import type { QuestionOf } from "./question.ts";
import { change, num, numOrNull, share, text, textOrNull } from "./question.ts";
import { tally } from "./tally.ts";
import type { Tally } from "./tally.ts";

type Query = QueryOf<"countries">;

const columns = { packets: "now_packets", sources: "now_sources", mirai_sources: "mirai_sources" } as const;

const statements = (
  asked: Asked<Query>,
  dimension: "country" | "asn",
): Record<"rows" | "total" | "origins", Statement> => {
  const { query } = asked;
  const spans = [asked, asked.previous];
  const source = dimension === "country" ? "ifNull(src_cc, '--')" : "src_asn";
  const limit = query.limit ?? 50;
  const by = query.by ?? "packets";
  const shared = { grain: "1d", named: true } as const;
  const light = tally(asked, spans, query, { ...shared, by: [dimension] });
  // Mirai-type sources are few states; by sources, an upper bound chooses who is counted.
  const weight =
    by === "packets"
      ? light.packets("now = 1")
      : by === "sources"
        ? light.crowd("now = 1")
        : light.marked("mirai", "now = 1");
  const chosen = `SELECT ${source} AS origin, ${weight} AS weight FROM ${light.sql} GROUP BY origin HAVING ${light.packets("now = 1")} > 0 ORDER BY weight DESC, origin LIMIT ${by === "packets" ? limit : Math.max(200, limit)}`;
  const heavy = tally(asked, spans, query, {
    ...shared,
    by: [dimension],
    sources: true,
    miraiSources: true,
    where: {
      sql: `ifNull(toString(${source}), '') IN (SELECT ifNull(toString(origin), '') FROM (${chosen}))`,
      parameters: light.parameters,
    },
  });
  const all = tally(asked, spans, query, { ...shared, by: [], sources: true, miraiSources: true });
  const sums = (
    rows: Tally,
  ): string => `${rows.packets("now = 1")} AS now_packets, ${rows.packets("now = 0")} AS before_packets,
  ${rows.sources("now = 1")} AS now_sources, ${rows.sources("now = 0")} AS before_sources, ${rows.miraiSources("now = 1")} AS mirai_sources`;
  return {
    rows: {
      sql: `SELECT ${source} AS origin${dimension === "asn" ? ", any(src_cc) AS cc" : ""}, ${sums(heavy)} FROM ${heavy.sql} GROUP BY origin HAVING now_packets > 0
ORDER BY ${columns[by]} DESC, now_packets DESC, origin LIMIT {limit:UInt32}`,
      parameters: { ...heavy.parameters, limit },
    },
    total: { sql: `SELECT ${sums(all)} FROM ${all.sql}`, parameters: all.parameters },
    origins: {
      sql: `SELECT uniq(origin) AS origins FROM (SELECT ${source} AS origin, ${light.packets("now = 1")} AS n FROM ${light.sql} GROUP BY origin HAVING n > 0)`,
      parameters: light.parameters,
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
  compile: (asked) => statements(asked, "country"),
  fold: ({ query }, { rows: found = [], total: totals, origins: counted }) => {
    const total = totals?.[0];
    const rows = folded(query, found, total).map((row, i) => Object.assign(row, { country: text(found[i], "origin") }));
    return {
      facts: {
        countries: num(counted?.[0], "origins"),
        packets: num(total, "now_packets"),
        sources: num(total, "now_sources"),
        topCountry: rows[0]?.country ?? null,
        topShare: rows[0]?.share ?? null,
        topChange: rows[0]?.change ?? null,
      },
      rows,
      truncated: num(counted?.[0], "origins") > rows.length,
    };
  },
};

export const networks: QuestionOf<"networks"> = {
  about: "Networks (autonomous systems) of the sources, by packets, sources or Mirai-type sources",
  last: "24h",
  compares: true,
  compile: (asked) => {
    const { rows, ...others } = statements(asked, "asn");
    return {
      rows: {
        ...rows,
        sql: `SELECT t.*, networks.name AS network FROM (${rows.sql}) AS t LEFT JOIN networks ON networks.asn = t.origin
ORDER BY ${columns[asked.query.by ?? "packets"]} DESC, now_packets DESC, origin`,
      },
      ...others,
    };
  },
  fold: ({ query }, { rows: found = [], total: totals, origins: counted }) => {
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
        networks: num(counted?.[0], "origins"),
        packets: num(total, "now_packets"),
        sources: num(total, "now_sources"),
        topNetwork: rows[0]?.network ?? null,
        topShare: rows[0]?.share ?? null,
        topChange: rows[0]?.change ?? null,
      },
      rows,
      truncated: num(counted?.[0], "origins") > rows.length,
    };
  },
};
