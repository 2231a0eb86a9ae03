// SPDX-License-Identifier: Apache-2.0
import { formatSignature } from "../model/signature.ts";
import { protocolName } from "../model/traffic.ts";
import { engineTime, iso } from "./asked.ts";
import { filled, stepFor, upStatement } from "./coverage.ts";
import type { QuestionOf } from "./question.ts";
import { change, num, numOrNull, shareOrNull, text, textOrNull } from "./question.ts";
import { conditions, plainIp, protocolNumber, relation, scopeOf } from "./relation.ts";

export const onePort: QuestionOf<"port"> = {
  about: "One port: its series, origins, sensors, signatures and Mirai share",
  last: "7d",
  compares: true,
  compile: (asked) => {
    const { from, previous, to, query } = asked;
    const filters = { port: String(query.port), protocol: query.protocol, class: "tcp-syn,udp" };
    const both = relation(asked, { from: previous.from, to }, filters);
    const rows = relation(asked, asked, filters);
    const everything = relation(asked, asked, { class: "tcp-syn,udp" });
    const start = { start: engineTime(from), limit: query.limit ?? 20 };
    const now = "first_seen >= {start:DateTime64(3,'UTC')}";
    const seen =
      "toUnixTimestamp64Milli(min(first_seen)) AS first_ms, toUnixTimestamp64Milli(max(last_seen)) AS last_ms";
    const step = stepFor(asked);
    const scope = scopeOf(asked, asked);
    const own = conditions(filters);
    const limited = { ...rows.parameters, limit: query.limit ?? 20 };
    return {
      summary: {
        sql: `SELECT sumIf(packets, ${now}) AS now_packets, uniqCombinedIf(src, named AND ${now}) AS now_sources,
  sumIf(packets, NOT (${now})) AS before_packets, uniqCombinedIf(src, named AND NOT (${now})) AS before_sources,
  sumIf(mirai, ${now}) AS mirai_packets, uniqExactIf(sensor, ${now}) AS sensor_count,
  toUnixTimestamp64Milli(minIf(first_seen, ${now})) AS first_ms, toUnixTimestamp64Milli(maxIf(last_seen, ${now})) AS last_ms FROM ${both.sql}`,
        parameters: { ...both.parameters, ...start },
      },
      rank: {
        sql: `SELECT place FROM (SELECT protocol, dst_port, row_number() OVER (ORDER BY sum(packets) DESC, protocol, dst_port) AS place
FROM ${everything.sql} GROUP BY protocol, dst_port) WHERE protocol = {p:UInt8} AND dst_port = {q:UInt16}`,
        parameters: { ...everything.parameters, p: rows.parameters["protocol"], q: query.port },
      },
      rows: {
        sql: `SELECT t.*, networks.name AS network FROM (
  SELECT src, any(src_asn) AS asn, any(src_cc) AS cc, sum(packets) AS n, sum(mirai) AS mirai_packets, ${seen}
  FROM ${rows.sql} WHERE named GROUP BY src ORDER BY n DESC, src LIMIT {limit:UInt32}) AS t
LEFT JOIN networks ON networks.asn = t.asn ORDER BY n DESC, src`,
        parameters: limited,
      },
      series: {
        sql: `SELECT toUnixTimestamp(toStartOfInterval(first_seen, INTERVAL ${step} SECOND)) AS t, sum(packets) AS n, uniqCombinedIf(src, named) AS sources
FROM ${rows.sql} GROUP BY t ORDER BY t`,
        parameters: rows.parameters,
      },
      seriesUp: upStatement(asked, step),
      countries: {
        sql: `SELECT ifNull(src_cc, '--') AS country, sum(packets) AS n, uniqCombinedIf(src, named) AS sources FROM ${rows.sql} WHERE named GROUP BY country ORDER BY n DESC, country LIMIT {limit:UInt32}`,
        parameters: limited,
      },
      networks: {
        sql: `SELECT t.*, networks.name AS network FROM (SELECT src_asn AS asn, sum(packets) AS n, uniqCombinedIf(src, named) AS sources FROM ${rows.sql} WHERE named GROUP BY asn ORDER BY n DESC, asn LIMIT {limit:UInt32}) AS t
LEFT JOIN networks ON networks.asn = t.asn ORDER BY n DESC, asn`,
        parameters: limited,
      },
      sensors: {
        sql: `SELECT sensor, sum(packets) AS n, uniqCombinedIf(src, named) AS sources FROM ${rows.sql} GROUP BY sensor ORDER BY sensor`,
        parameters: rows.parameters,
      },
      signatures: {
        sql: `SELECT toUInt32(bitShiftRight(signature, 32)) AS high, toUInt32(bitAnd(signature, 4294967295)) AS low, sum(packets) AS n, uniqCombined(src) AS sources, sum(mirai) AS mirai_packets
FROM flows WHERE ${scope.sql} AND ${own.all.join(" AND ")} AND signature IS NOT NULL GROUP BY signature ORDER BY n DESC, signature LIMIT {limit:UInt32}`,
        parameters: limited,
      },
    };
  },
  fold: (asked, results) => {
    const { query } = asked;
    const { rows = [], countries = [], networks = [], sensors = [], signatures = [] } = results;
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
        sensors: num(summary, "sensor_count"),
        firstSeen: packets > 0 ? iso(num(summary, "first_ms")) : null,
        lastSeen: packets > 0 ? iso(num(summary, "last_ms")) : null,
      },
      rows: rows.map((row) => ({
        ip: plainIp(text(row, "src")),
        asn: numOrNull(row, "asn"),
        network: textOrNull(row, "network"),
        country: textOrNull(row, "cc"),
        packets: num(row, "n"),
        mirai: num(row, "mirai_packets"),
        firstSeen: iso(num(row, "first_ms")),
        lastSeen: iso(num(row, "last_ms")),
      })),
      series: filled(asked, stepFor(asked), results["series"], results["seriesUp"]).map(({ time, row, up }) => ({
        time,
        packets: row === undefined && up === 0 ? null : num(row, "n"),
        sources: row === undefined && up === 0 ? null : num(row, "sources"),
      })),
      countries: countries.map((row) => ({
        country: text(row, "country"),
        packets: num(row, "n"),
        sources: num(row, "sources"),
      })),
      networks: networks.map((row) => ({
        asn: numOrNull(row, "asn"),
        network: textOrNull(row, "network"),
        packets: num(row, "n"),
        sources: num(row, "sources"),
      })),
      sensorRows: sensors.map((row) => ({
        sensor: text(row, "sensor"),
        packets: num(row, "n"),
        sources: num(row, "sources"),
      })),
      signatures: signatures.map((row) => ({
        signature: formatSignature(num(row, "high"), num(row, "low")),
        packets: num(row, "n"),
        sources: num(row, "sources"),
        mirai: num(row, "mirai_packets"),
      })),
      truncated: num(summary, "now_sources") > rows.length,
    };
  },
};
