// SPDX-License-Identifier: Apache-2.0
import type { QueryOf } from "../api/contract/index.ts";
import type { Asked } from "./asked.ts";
import { compared } from "./coverage.ts";
import type { Statement } from "./engine.ts";
import type { QuestionOf, Results } from "./question.ts";
import { change, num, numOrNull, share, text, textOrNull } from "./question.ts";
import { among, tally } from "./tally.ts";
import type { Tally } from "./tally.ts";

type Query = QueryOf<"countries">;

const columns = { packets: "now_packets", sources: "now_sources", mirai_sources: "mirai_sources" } as const;

const originOf = { country: "ifNull(src_cc, '--')", asn: "src_asn" } as const;
const shared = { grain: "1d", named: true } as const;

const statements = (asked: Asked<Query>, dimension: "country" | "asn"): Record<"chosen" | "total", Statement> => {
  const { query } = asked;
  const limit = query.limit ?? 50;
  const by = query.by ?? "packets";
  const light = tally(asked, [asked], query, { ...shared, by: [dimension] });
  const all = tally(asked, [asked, asked.previous], query, { ...shared, by: [], sources: true, miraiSources: true });
  // By sources, an upper bound chooses who is counted.
  const weight = by === "packets" ? light.packets() : by === "sources" ? light.crowd() : light.marked("mirai");
  return {
    chosen: {
      sql: `SELECT ${originOf[dimension]} AS origin, ${weight} AS weight, countIf(n > 0) OVER () AS origins, ${light.packets()} AS n FROM ${light.sql} GROUP BY origin ORDER BY weight DESC, origin LIMIT ${by === "packets" ? limit : Math.max(200, limit)}`,
      parameters: light.parameters,
    },
    total: { sql: `SELECT ${sums(all)} FROM ${all.sql}`, parameters: all.parameters },
  };
};

const sinceOf = (asked: Omit<Asked<Query>, "since">, dimension: "country" | "asn"): number =>
  tally(asked, [asked], asked.query, { ...shared, by: [dimension], sources: true, miraiSources: true }).since;

const sums = (
  rows: Tally,
): string => `${rows.packets("now = 1")} AS now_packets, ${rows.packets("now = 0")} AS before_packets,
  ${rows.sources("now = 1")} AS now_sources, ${rows.sources("now = 0")} AS before_sources, ${rows.miraiSources("now = 1")} AS mirai_sources`;

const closely = (asked: Asked<Query>, dimension: "country" | "asn", chosen: Results[string] | undefined): Statement => {
  const { query } = asked;
  const values = (chosen ?? []).map((row) =>
    dimension === "asn" ? numOrNull(row, "origin") : text(row, "origin") === "--" ? null : text(row, "origin"),
  );
  const rows = tally(asked, [asked, asked.previous], query, {
    ...shared,
    // The country of a network is shown beside it.
    by: dimension === "asn" ? ["asn", "country"] : ["country"],
    sources: true,
    miraiSources: true,
    where: among(dimension, values, dimension === "asn" ? "UInt32" : "String"),
  });
  return {
    sql: `SELECT ${originOf[dimension]} AS origin${dimension === "asn" ? ", any(src_cc) AS cc" : ""}, ${sums(rows)} FROM ${rows.sql} GROUP BY origin HAVING now_packets > 0
ORDER BY ${columns[query.by ?? "packets"]} DESC, now_packets DESC, origin LIMIT {limit:UInt32}`,
    parameters: { ...rows.parameters, limit: query.limit ?? 50 },
  };
};

const folded = (
  asked: Asked<Query>,
  results: Results,
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
  const { query } = asked;
  const found = results["rows"] ?? [];
  const total = results["total"]?.[0];
  const usual = compared(asked, results, num(total, "before_packets"));
  const column = columns[query.by ?? "packets"];
  return found.map((row, i) => ({
    rank: i + 1,
    packets: num(row, "now_packets"),
    sources: num(row, "now_sources"),
    miraiSources: num(row, "mirai_sources"),
    share: share(num(row, column), num(total, column)),
    previousPackets: usual ? num(row, "before_packets") : null,
    previousSources: usual ? num(row, "before_sources") : null,
    change:
      query.by === "sources"
        ? change(num(row, "now_sources"), usual ? num(row, "before_sources") : null)
        : change(num(row, "now_packets"), usual ? num(row, "before_packets") : null),
  }));
};

export const countries: QuestionOf<"countries"> = {
  about: "Countries of the sources, by packets, sources or Mirai-type sources",
  last: "24h",
  compares: true,
  since: (asked) => sinceOf(asked, "country"),
  compile: (asked) => statements(asked, "country"),
  next: (asked, { chosen }) => ({ rows: closely(asked, "country", chosen) }),
  fold: (asked, results) => {
    const { rows: found = [], total: totals, chosen } = results;
    const total = totals?.[0];
    const rows = folded(asked, results).map((row, i) => Object.assign(row, { country: text(found[i], "origin") }));
    return {
      facts: {
        countries: num(chosen?.[0], "origins"),
        packets: num(total, "now_packets"),
        sources: num(total, "now_sources"),
        topCountry: rows[0]?.country ?? null,
        topShare: rows[0]?.share ?? null,
        topChange: rows[0]?.change ?? null,
      },
      rows,
      truncated: num(chosen?.[0], "origins") > rows.length,
    };
  },
};

export const networks: QuestionOf<"networks"> = {
  about: "Networks (autonomous systems) of the sources, by packets, sources or Mirai-type sources",
  last: "24h",
  compares: true,
  since: (asked) => sinceOf(asked, "asn"),
  compile: (asked) => statements(asked, "asn"),
  next: (asked, { chosen }) => {
    const { sql, parameters } = closely(asked, "asn", chosen);
    return {
      rows: {
        sql: `SELECT t.*, networks.name AS network FROM (${sql}) AS t LEFT JOIN networks ON networks.asn = t.origin
ORDER BY ${columns[asked.query.by ?? "packets"]} DESC, now_packets DESC, origin`,
        parameters,
      },
    };
  },
  fold: (asked, results) => {
    const { rows: found = [], total: totals, chosen } = results;
    const total = totals?.[0];
    const rows = folded(asked, results).map((row, i) =>
      Object.assign(row, {
        asn: numOrNull(found[i], "origin"),
        network: textOrNull(found[i], "network"),
        country: textOrNull(found[i], "cc"),
      }),
    );
    return {
      facts: {
        networks: num(chosen?.[0], "origins"),
        packets: num(total, "now_packets"),
        sources: num(total, "now_sources"),
        topNetwork: rows[0]?.network ?? null,
        topShare: rows[0]?.share ?? null,
        topChange: rows[0]?.change ?? null,
      },
      rows,
      truncated: num(chosen?.[0], "origins") > rows.length,
    };
  },
};
