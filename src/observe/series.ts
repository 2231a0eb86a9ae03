// SPDX-License-Identifier: Apache-2.0
import { marks, protocolName } from "../model/traffic.ts";
import { day } from "./asked.ts";
import type { Asked } from "./asked.ts";
import { filled, upStatement } from "./coverage.ts";
import type { QueryOf } from "../api/contract/index.ts";
import type { Statement } from "./engine.ts";
import type { QuestionOf } from "./question.ts";
import { change, num, numOrNull, text, textOrNull } from "./question.ts";
import { among, tally } from "./tally.ts";
import type { Dimension, Tally } from "./tally.ts";
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

/** The text of a row's group, and what tells it apart. */
const groups: Readonly<Record<NonNullable<Query["group"]>, { sql: string; by: readonly Dimension[] }>> = {
  none: { sql: "''", by: [] },
  port: { sql: "concat(toString(protocol), '/', toString(dst_port))", by: ["protocol", "port"] },
  country: { sql: "ifNull(src_cc, '--')", by: ["country"] },
  network: { sql: "toString(src_asn)", by: ["asn"] },
  sensor: { sql: "sensor", by: ["sensor"] },
  class: { sql: "toString(class)", by: ["class"] },
  mark: { sql: "mark_name", by: [] },
};

const measured = (query: Query, rows: Tally): string => {
  const measure = query.measure ?? "packets";
  if (query.group === "mark") {
    // Sources and flows of a mark are in the base alone: there a row has its marks beside it.
    return measure === "packets" ? "sum(mark_packets)" : measure === "flows" ? "count()" : "uniqCombined(12)(src)";
  }
  return measure === "packets" ? rows.packets() : measure === "sources" ? rows.sources() : rows.flows();
};

/** The rows, one for each mark when those are the groups. */
const source = (query: Query, rows: Tally): string =>
  query.group === "mark"
    ? `(SELECT *, mark.1 AS mark_name, mark.2 AS mark_packets FROM (SELECT *, arrayJoin([${marks.map((mark) => `('${mark}', toUInt64(${mark}))`).join(", ")}]) AS mark FROM ${rows.sql}) WHERE mark_packets > 0)`
    : rows.sql;

export const series: QuestionOf<"series"> = {
  about: "Packets, sources or flows over time, under any filter, grouped or not",
  last: "24h",
  compares: true,
  compile: (asked) => {
    const { query } = asked;
    const step = stepOf(asked);
    const { by, sql: group } = groups[query.group ?? "none"];
    const measure = query.measure ?? "packets";
    // Counting sources of marks needs rows that name their source.
    const plainRows = query.group === "mark" && measure !== "packets";
    const around = plainRows ? { ...asked, around: { ...asked.around, rollUps: null } } : asked;
    const wanted = { by, sources: measure === "sources", flows: measure === "flows" };
    const light = tally(around, [asked], query, { by, grain: "1d", ...(measure === "flows" ? wanted : {}) });
    const before = tally(around, [asked.previous], query, { ...wanted, by: [], grain: "1d" });
    const after = tally(around, [asked], query, { ...wanted, by: [], grain: "1d" });
    const weight = measure === "packets" ? light.packets() : measure === "sources" ? light.crowd() : light.flows();
    const whole = (tallied: Tally): Statement => ({
      sql: `SELECT ${measured({ ...query, group: "none" }, tallied)} AS total FROM ${tallied.sql}`,
      parameters: tallied.parameters,
    });
    return {
      // Chosen by a cheap upper bound where sources are measured.
      ...(by.length > 0
        ? {
            top: {
              sql: `SELECT ifNull(${group}, '') AS g FROM ${light.sql} GROUP BY g ORDER BY ${weight} DESC, g LIMIT {limit:UInt32}`,
              parameters: { ...light.parameters, limit: query.limit ?? 7 },
            },
          }
        : {}),
      total: whole(after),
      before: whole(before),
      up: upStatement(asked, seconds[step], query.sensor),
    };
  },
  next: (asked, { top }) => {
    const { query } = asked;
    const step = stepOf(asked);
    const { by, sql: group } = groups[query.group ?? "none"];
    const measure = query.measure ?? "packets";
    const around =
      query.group === "mark" && measure !== "packets"
        ? { ...asked, around: { ...asked.around, rollUps: null } }
        : asked;
    const chosen = (top ?? []).map((row) => text(row, "g"));
    // What is left over is summed up where sums are cheap and right; distinct sources are counted of the chosen alone.
    const ports = chosen.map((g) => (g.endsWith("/") ? null : Number(g.split("/")[1])));
    const where = query.group === "port" && measure === "sources" ? { where: among("port", ports, "UInt16") } : {};
    const wanted = { by, sources: measure === "sources", flows: measure === "flows", ...where };
    const rows = tally(around, [asked], query, { ...wanted, grain: step });
    const whole = tally(around, [asked], query, { ...wanted, grain: "1d" });
    const named =
      top === undefined
        ? `ifNull(${group}, '')`
        : `if(ifNull(${group}, '') IN {chosen:Array(String)}, ifNull(${group}, ''), 'other')`;
    const only =
      measure === "sources" && top !== undefined ? `WHERE ifNull(${group}, '') IN {chosen:Array(String)}` : "";
    return {
      values: {
        sql: `SELECT ${rows.bucket} AS t, ${named} AS g, ${measured(query, rows)} AS value FROM ${source(query, rows)} ${only} GROUP BY t, g ORDER BY t, g`,
        parameters: { ...rows.parameters, chosen },
      },
      groups: {
        sql:
          query.group === "network"
            ? `SELECT t.*, networks.name AS network FROM (SELECT ${named} AS g, any(src_asn) AS asn, ${measured(query, whole)} AS total FROM ${source(query, whole)} ${only} GROUP BY g) AS t LEFT JOIN networks ON networks.asn = t.asn ORDER BY total DESC, g`
            : `SELECT ${named} AS g, ${measured(query, whole)} AS total FROM ${source(query, whole)} ${only} GROUP BY g ORDER BY total DESC, g`,
        parameters: { ...whole.parameters, chosen },
      },
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
