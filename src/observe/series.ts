// SPDX-License-Identifier: Apache-2.0
import { protocolName } from "../model/traffic.ts";
import { day } from "./asked.ts";
import type { Asked } from "./asked.ts";
import { filled, upStatement } from "./coverage.ts";
import type { QueryOf } from "../api/contract/index.ts";
import type { QuestionOf } from "./question.ts";
import { change, num, numOrNull, text, textOrNull } from "./question.ts";
import { relation } from "./relation.ts";
import type { Relation } from "./relation.ts";
import { AppError } from "../platform/errors.ts";

type Query = QueryOf<"series">;
const seconds = { "5m": 300, "1h": 3600, "1d": 86_400 } as const;
const most = 5000;

const stepOf = ({ query, from, to }: Asked<Query>): keyof typeof seconds => {
  const step = query.step ?? (to - from <= 1.7 * day ? "5m" : to - from <= 20 * day ? "1h" : "1d");
  if ((to - from) / 1000 / seconds[step] > most) {
    throw new AppError("QUERY_PERIOD", `at most ${most} buckets: take a longer \`step\` or a shorter period`);
  }
  return step;
};

/** The text of a row's group. */
const groups = {
  none: "''",
  port: "concat(toString(protocol), '/', toString(dst_port))",
  country: "ifNull(src_cc, '--')",
  network: "toString(src_asn)",
  sensor: "sensor",
  class: "toString(class)",
  mark: "mark_name",
} as const satisfies Record<NonNullable<Query["group"]>, string>;

const measured = (query: Query, rows: Relation): string => {
  const measure = query.measure ?? "packets";
  if (measure === "sources") return "uniqCombinedIf(src, named)";
  if (measure === "flows") return "count()";
  return query.group === "mark" ? "sum(mark_packets)" : `sum(${rows.packets})`;
};

const source = (query: Query, rows: Relation): string =>
  query.group === "mark"
    ? `${rows.sql} ARRAY JOIN ['mirai', 'zmap', 'masscan', 'stateless'] AS mark_name, [mirai, zmap, masscan, stateless] AS mark_packets WHERE mark_packets > 0`
    : rows.sql;

export const series: QuestionOf<"series"> = {
  about: "Packets, sources or flows over time, under any filter, grouped or not",
  last: "24h",
  compares: true,
  compile: (asked) => {
    const { query } = asked;
    const step = seconds[stepOf(asked)];
    const rows = relation(asked, asked, query);
    const before = relation(asked, asked.previous, query);
    const value = measured(query, rows);
    const group = groups[query.group ?? "none"];
    const parameters = { ...rows.parameters, limit: query.limit ?? 7 };
    const top = `SELECT ifNull(${group}, '') AS g FROM ${source(query, rows)} GROUP BY g ORDER BY ${value} DESC, g LIMIT {limit:UInt32}`;
    const named =
      query.group === undefined || query.group === "none"
        ? "''"
        : `if(ifNull(${group}, '') IN (${top}), ifNull(${group}, ''), 'other')`;
    return {
      values: {
        sql: `SELECT intDiv(toUnixTimestamp(first_seen), ${step}) * ${step} AS t, ${named} AS g, ${value} AS value FROM ${source(query, rows)} GROUP BY t, g ORDER BY t, g`,
        parameters,
      },
      groups: {
        sql:
          query.group === "network"
            ? `SELECT t.*, networks.name AS network FROM (SELECT ${named} AS g, any(src_asn) AS asn, ${value} AS total FROM ${source(query, rows)} GROUP BY g) AS t LEFT JOIN networks ON networks.asn = t.asn ORDER BY total DESC, g`
            : `SELECT ${named} AS g, ${value} AS total FROM ${source(query, rows)} GROUP BY g ORDER BY total DESC, g`,
        parameters,
      },
      total: { sql: `SELECT ${value} AS total FROM ${source(query, rows)}`, parameters: rows.parameters },
      before: { sql: `SELECT ${value} AS total FROM ${source(query, before)}`, parameters: before.parameters },
      up: upStatement(asked, step, query.sensor),
    };
  },
  fold: (asked, results) => {
    const { query } = asked;
    const step = stepOf(asked);
    const nameOf = (g: string): string => {
      if (query.group !== "port" || g === "other" || g === "") return g;
      const [protocol = "", port = ""] = g.split("/");
      return `${protocolName(Number(protocol))}/${port}`;
    };
    const buckets = filled(asked, seconds[step], [], results["up"], query.sensor);
    const found = (results["groups"] ?? []).toSorted((a, b) => Number(a["g"] === "other") - Number(b["g"] === "other"));
    const names = found.length > 0 ? found.map((row) => text(row, "g")) : [""];
    const values = new Map(
      (results["values"] ?? []).map((row) => [`${num(row, "t")} ${text(row, "g")}`, num(row, "value")]),
    );
    const rows = names.flatMap((g) =>
      buckets.map((bucket) => {
        const value = values.get(`${bucket.ms / 1000} ${g}`);
        return { time: bucket.time, group: nameOf(g), value: value ?? (bucket.up === 0 ? null : 0) };
      }),
    );
    const total = num(results["total"]?.[0], "total");
    const previous = num(results["before"]?.[0], "total");
    const compared = previous > 0 ? previous : null;
    const sums = Map.groupBy(results["values"] ?? [], (row) => num(row, "t"));
    const peak = [...sums]
      .map(([t, list]) => ({ t, value: list.reduce((sum, row) => sum + num(row, "value"), 0) }))
      .toSorted((a, b) => b.value - a.value || a.t - b.t)[0];
    return {
      facts: {
        measure: query.measure ?? "packets",
        step,
        total,
        previousTotal: compared,
        change: change(total, compared),
        peak: peak?.value ?? null,
        peakTime: peak === undefined ? null : new Date(peak.t * 1000).toISOString().replace(".000Z", "Z"),
        gaps: buckets.filter(({ up }) => up === 0).length,
      },
      groups: found.map((row) => ({
        group: nameOf(text(row, "g")),
        label:
          query.group === "network" && numOrNull(row, "asn") !== null && text(row, "g") !== "other"
            ? (textOrNull(row, "network") ?? `AS${text(row, "g")}`)
            : nameOf(text(row, "g")),
        total: num(row, "total"),
      })),
      buckets: buckets.map(({ time, up, enrolled, incomplete, degraded }) => ({
        time,
        up,
        enrolled,
        incomplete,
        degraded,
      })),
      rows,
    };
  },
};
