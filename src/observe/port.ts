// SPDX-License-Identifier: Apache-2.0
import { formatSignature } from "../model/signature.ts";
import { protocolName } from "../model/traffic.ts";
import { iso } from "./asked.ts";
import type { Grain } from "./asked.ts";
import { filled, stepFor, upStatement } from "./coverage.ts";
import { packed } from "./ports.ts";
import type { QuestionOf, Results } from "./question.ts";
import { change, num, numOrNull, shareOrNull, text, textOrNull } from "./question.ts";
import { conditions, plainIp, protocolNumber, scopeOf } from "./relation.ts";
import { tally } from "./tally.ts";

const grainOf = (step: number): Grain => (step === 300 ? "5m" : step === 3600 ? "1h" : "1d");

export const onePort: QuestionOf<"port"> = {
  about: "One port: its series, origins, sensors, signatures and Mirai share",
  last: "7d",
  compares: true,
  compile: (asked) => {
    const { query } = asked;
    const filters = { port: String(query.port), protocol: query.protocol, class: "tcp-syn,udp" };
    const scope = scopeOf(asked, asked);
    const own = conditions(filters);
    const step = stepFor(asked);
    const both = tally(asked, [asked, asked.previous], filters, { by: [], grain: "1d", sources: true });
    const fine = tally(asked, [asked], filters, { by: [], grain: grainOf(step), sources: true });
    const each = tally(asked, [asked], filters, { by: ["sensor"], grain: "1d", sources: true });
    const everything = tally(asked, [asked], { class: "tcp-syn,udp" }, { by: ["protocol", "port"], grain: "1d" });
    const limit = query.limit ?? 20;
    return {
      summary: {
        sql: `SELECT ${both.packets("now = 1")} AS now_packets, ${both.sources("now = 1")} AS now_sources, ${both.packets("now = 0")} AS before_packets,
  ${both.sources("now = 0")} AS before_sources, ${both.marked("mirai", "now = 1")} AS mirai_packets FROM ${both.sql}`,
        parameters: both.parameters,
      },
      rank: {
        sql: `SELECT 1 + countIf(n > own OR (n = own AND packed < {own_key:UInt32})) AS place, any(own) AS mine
FROM (SELECT packed, n, maxIf(n, packed = {own_key:UInt32}) OVER () AS own FROM (SELECT ${packed}, ${everything.packets()} AS n FROM ${everything.sql} GROUP BY packed)) HAVING mine > 0`,
        parameters: { ...everything.parameters, own_key: protocolNumber(query.protocol) * 131_072 + query.port },
      },
      series: {
        sql: `SELECT ${fine.bucket} AS t, ${fine.packets()} AS n, ${fine.sources()} AS sources FROM ${fine.sql} GROUP BY t ORDER BY t`,
        parameters: fine.parameters,
      },
      seriesUp: upStatement(asked, step),
      sensors: {
        sql: `SELECT sensor, ${each.packets()} AS n, ${each.sources()} AS sources FROM ${each.sql} GROUP BY sensor ORDER BY sensor`,
        parameters: each.parameters,
      },
      // One pass over the base answers everything that names sources: each source once per signature, then summed four ways.
      origins: {
        sql: `SELECT t.*, networks.name AS network FROM (
  SELECT multiIf(grouping(src) = 0, 'source', grouping(cc) = 0, 'country', grouping(asn) = 0, 'network', grouping(signature) = 0, 'signature', 'all') AS kind,
    src, cc, asn, toUInt32(bitShiftRight(ifNull(signature, 0), 32)) AS high, toUInt32(bitAnd(ifNull(signature, 0), 4294967295)) AS low, signature IS NOT NULL AS signed,
    any(own_asn) AS a, any(own_cc) AS c, sum(n) AS total, sum(m) AS marked, uniqExact(own_src) AS sources, min(first_ms) AS first_at, max(last_ms) AS last_at
  FROM (SELECT src, src AS own_src, any(src_cc) AS cc, any(src_cc) AS own_cc, any(src_asn) AS asn, any(src_asn) AS own_asn, signature, sum(packets) AS n, sum(mirai) AS m,
      toUnixTimestamp64Milli(min(first_seen)) AS first_ms, toUnixTimestamp64Milli(max(last_seen)) AS last_ms
    FROM flows WHERE ${scope.sql} AND ${own.all.join(" AND ")} GROUP BY src, signature)
  GROUP BY GROUPING SETS ((src), (cc), (asn), (signature), ()) ORDER BY total DESC, src, cc, asn, high, low LIMIT ${limit + 1} BY kind) AS t
LEFT JOIN networks ON networks.asn = t.a ORDER BY total DESC, src, cc, t.asn, high, low`,
        parameters: { ...scope.parameters, ...own.parameters },
      },
    };
  },
  fold: (asked, results) => {
    const { query } = asked;
    const kinds = Map.groupBy(results["origins"] ?? [], (row) => text(row, "kind"));
    const limit = query.limit ?? 20;
    const of = (kind: string): Results[string] => (kinds.get(kind) ?? []).slice(0, limit);
    const all = kinds.get("all")?.[0];
    const summary = results["summary"]?.[0];
    const packets = num(summary, "now_packets");
    const compared = num(summary, "before_packets") > 0;
    return {
      facts: {
        protocol: protocolName(protocolNumber(query.protocol)),
        port: query.port,
        packets,
        sources: num(summary, "now_sources"),
        previousPackets: compared ? num(summary, "before_packets") : null,
        previousSources: compared ? num(summary, "before_sources") : null,
        change: change(packets, compared ? num(summary, "before_packets") : null),
        rank: numOrNull(results["rank"]?.[0], "place"),
        miraiPackets: num(summary, "mirai_packets"),
        miraiShare: shareOrNull(num(summary, "mirai_packets"), packets),
        sensors: results["sensors"]?.length ?? 0,
        firstSeen: num(all, "total") > 0 ? iso(num(all, "first_at")) : null,
        lastSeen: num(all, "total") > 0 ? iso(num(all, "last_at")) : null,
      },
      rows: of("source").map((row) => ({
        ip: plainIp(text(row, "src")),
        asn: numOrNull(row, "a"),
        network: textOrNull(row, "network"),
        country: textOrNull(row, "c"),
        packets: num(row, "total"),
        mirai: num(row, "marked"),
        firstSeen: iso(num(row, "first_at")),
        lastSeen: iso(num(row, "last_at")),
      })),
      series: filled(asked, stepFor(asked), results["series"], results["seriesUp"]).map(({ time, row, up }) => ({
        time,
        packets: row === undefined && up === 0 ? null : num(row, "n"),
        sources: row === undefined && up === 0 ? null : num(row, "sources"),
      })),
      countries: of("country").map((row) => ({
        country: textOrNull(row, "cc") ?? "--",
        packets: num(row, "total"),
        sources: num(row, "sources"),
      })),
      networks: of("network").map((row) => ({
        asn: numOrNull(row, "asn"),
        network: numOrNull(row, "asn") === null ? null : textOrNull(row, "network"),
        packets: num(row, "total"),
        sources: num(row, "sources"),
      })),
      sensorRows: (results["sensors"] ?? []).map((row) => ({
        sensor: text(row, "sensor"),
        packets: num(row, "n"),
        sources: num(row, "sources"),
      })),
      signatures: of("signature")
        .filter((row) => num(row, "signed") === 1)
        .map((row) => ({
          signature: formatSignature(num(row, "high"), num(row, "low")),
          packets: num(row, "total"),
          sources: num(row, "sources"),
          mirai: num(row, "marked"),
        })),
      truncated: (kinds.get("source") ?? []).length > limit,
    };
  },
};
