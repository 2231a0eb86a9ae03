// SPDX-License-Identifier: Apache-2.0
import type { AnswerOf } from "../api/contract/index.ts";
import { protocolName } from "../model/traffic.ts";
import { day, engineTime, iso } from "./asked.ts";
import type { Asked } from "./asked.ts";
import type { QuestionOf } from "./question.ts";
import { num, numOrNull, text } from "./question.ts";
import { relation, scopeOf } from "./relation.ts";

type Row = AnswerOf<"news">["rows"][number];

/** The rule, in numbers: what is rarer than this is weather. */
const rule = { newSources: 3, newPackets: 10, times: 3, moreSources: 20 } as const;
export const ruleText = `new: no packet in the seven days before, now at least ${rule.newSources} sources and ${rule.newPackets} packets; fast: at least ${rule.times} times the sources a day of the week before, and at least ${rule.moreSources} more`;

const week = (asked: Asked<unknown>): { from: number; to: number } => ({ from: asked.from - 7 * day, to: asked.from });

export const news: QuestionOf<"news"> = {
  about: "New and fast-moving ports and countries against the seven days before",
  last: "24h",
  compares: false,
  compile: (asked) => {
    const rows = relation(asked, { from: week(asked).from, to: asked.to }, { class: "tcp-syn,udp" });
    const scope = scopeOf(asked, week(asked), "interval");
    const parameters = { ...rows.parameters, start: engineTime(asked.from), limit: asked.query.limit ?? 20 };
    // Days of the week before are counted back from the start, so that a day is always 24 h.
    const days = `if(first_seen >= {start:DateTime64(3,'UTC')}, 0, intDiv(toUnixTimestamp({start:DateTime64(3,'UTC')}) - toUnixTimestamp(first_seen) + 86399, 86400))`;
    const moved = (
      key: string,
      keep: string,
    ): string => `SELECT ${key}, sumIf(n, d = 0) AS now_packets, sumIf(s, d = 0) AS now_sources, sumIf(p, d = 0) AS sensor_count, sumIf(n, d > 0) / 7 AS usual_packets, sumIf(s, d > 0) / 7 AS usual_sources
FROM (SELECT ${keep}, ${days} AS d, sum(packets) AS n, uniqCombinedIf(12)(src, named) AS s, uniqExactIf(sensor, first_seen >= {start:DateTime64(3,'UTC')}) AS p FROM ${rows.sql} GROUP BY ${key}, d) GROUP BY ${key}
HAVING (usual_packets = 0 AND now_sources >= ${rule.newSources} AND now_packets >= ${rule.newPackets})
  OR (usual_packets > 0 AND now_sources / {length:Float64} >= ${rule.times} * usual_sources AND now_sources / {length:Float64} >= usual_sources + ${rule.moreSources})
ORDER BY usual_packets = 0 DESC, now_sources / greatest(usual_sources, 1) DESC, now_packets DESC, ${key} LIMIT {limit:UInt32}`;
    const withLength = { ...parameters, length: Math.max(1 / 24, (asked.to - asked.from) / day) };
    return {
      ports: { sql: moved("protocol, port", "protocol, dst_port AS port"), parameters: withLength },
      countries: { sql: moved("country", "ifNull(src_cc, '--') AS country"), parameters: withLength },
      week: {
        sql: `SELECT uniqExact(intDiv(toUnixTimestamp(interval), 300)) / 2016 AS covered FROM reports WHERE ${scope.sql}`,
        parameters: scope.parameters,
      },
    };
  },
  fold: (asked, results) => {
    const covered = num(results["week"]?.[0], "covered");
    const length = Math.max(1 / 24, (asked.to - asked.from) / day);
    const rowOf = (row: Record<string, unknown>, what: "port" | "country"): Row => {
      const usualSources = num(row, "usual_sources");
      return {
        kind: num(row, "usual_packets") === 0 ? `new-${what}` : `fast-${what}`,
        protocol: what === "port" ? protocolName(num(row, "protocol")) : null,
        port: what === "port" ? numOrNull(row, "port") : null,
        country: what === "country" ? text(row, "country") : null,
        packets: num(row, "now_packets"),
        sources: num(row, "now_sources"),
        usualPackets: num(row, "usual_packets"),
        usualSources,
        times: usualSources === 0 ? null : num(row, "now_sources") / length / usualSources,
        sensors: num(row, "sensor_count"),
      };
    };
    // Without a week before, everything would be new: then nothing is.
    const rows =
      covered === 0
        ? []
        : [
            ...(results["ports"] ?? []).map((row) => rowOf(row, "port")),
            ...(results["countries"] ?? [])
              .filter((row) => text(row, "country") !== "--")
              .map((row) => rowOf(row, "country")),
          ];
    const count = (kind: Row["kind"]): number => rows.filter((row) => row.kind === kind).length;
    return {
      facts: {
        newPorts: count("new-port"),
        fastPorts: count("fast-port"),
        newCountries: count("new-country"),
        fastCountries: count("fast-country"),
        rule: ruleText,
        weekCovered: Math.min(1, covered),
      },
      baseline: covered === 0 ? null : { from: iso(week(asked).from), to: iso(week(asked).to) },
      rows,
    };
  },
};
