// SPDX-License-Identifier: Apache-2.0
import { formatSignature } from "../model/signature.ts";
import { protocolName } from "../model/traffic.ts";
import { iso } from "./asked.ts";
import type { Asked, Grain } from "./asked.ts";
import { compared, filled, stepFor, upStatement } from "./coverage.ts";
import type { Statement } from "./engine.ts";
import { exactStatement, leadersStatement, leavesOut, packed, packedOf, topOf } from "./leaders.ts";
import type { Top, TopSearch } from "./leaders.ts";
import { busyStatement, originsStatement, sourcesOf } from "./port-sources.ts";
import type { QueryOf } from "../api/contract/index.ts";
import type { QuestionOf, Results } from "./question.ts";
import { change, num, numOrNull, shareOrNull, text, textOrNull } from "./question.ts";
import { plainIp, protocolNumber } from "./relation.ts";
import { tally } from "./tally.ts";

const grainOf = (step: number): Grain => (step === 300 ? "5m" : step === 3600 ? "1h" : "1d");

const everywhere = (asked: Asked<unknown>): TopSearch => ({
  filters: { class: "tcp-syn,udp" },
  spans: [asked],
  by: "packets",
  limit: Number.MAX_SAFE_INTEGER,
});
const isOwn = ({ query }: Asked<QueryOf<"port">>, { protocol, port }: Top): boolean =>
  protocol === protocolNumber(query.protocol) && port === query.port;
/** The port's place among all, by summing up all. */
const placeStatement = (asked: Asked<QueryOf<"port">>): Statement => {
  const { query } = asked;
  const rows = tally(asked, [asked], { class: "tcp-syn,udp" }, { by: ["protocol", "port"], grain: "1d" });
  return {
    sql: `SELECT 1 + countIf(n > own OR (n = own AND packed < {own_key:UInt32})) AS place, any(own) AS mine
FROM (SELECT packed, n, maxIf(n, packed = {own_key:UInt32}) OVER () AS own FROM (SELECT ${packed}, ${rows.packets()} AS n FROM ${rows.sql} GROUP BY packed)) HAVING mine > 0`,
    parameters: { ...rows.parameters, own_key: packedOf(query.protocol, query.port) },
  };
};

/** The exact place, where the leaders alone do not tell. */
const rankStatement = (asked: Asked<QueryOf<"port">>, results: Results): Statement | undefined => {
  if (results["leaders"] === undefined) return undefined;
  const at = topOf(everywhere(asked), results["leaders"]).findIndex((one) => isOwn(asked, one));
  // One of the many with few packets: they are all summed up.
  const place = (): Statement => placeStatement(asked);
  if (at < 0) return place();
  return exactStatement(asked, { ...everywhere(asked), limit: at + 1 }, results["leaders"], results, false, place);
};

export const onePort: QuestionOf<"port"> = {
  about: "One port: its series, origins, sensors, signatures and Mirai share",
  last: "7d",
  compares: true,
  names: true,
  compile: (asked) => {
    const { query } = asked;
    const filters = { port: String(query.port), protocol: query.protocol, class: "tcp-syn,udp" };
    const named = sourcesOf(asked, filters);
    const step = stepFor(asked);
    const both = tally(asked, [asked, asked.previous], filters, { by: ["sensor"], grain: "1d", sources: true });
    const fine = tally(asked, [asked], filters, { by: [], grain: grainOf(step), sources: true });
    const limit = query.limit ?? 20;
    return {
      sums: {
        sql: `SELECT grouping(sensor) = 0 AS of_sensor, sensor, ${both.packets("now = 1")} AS now_packets, ${both.sources("now = 1")} AS now_sources, ${both.packets("now = 0")} AS before_packets,
  ${both.sources("now = 0")} AS before_sources, ${both.marked("mirai", "now = 1")} AS mirai_packets FROM ${both.sql} GROUP BY GROUPING SETS ((sensor), ()) ORDER BY sensor`,
        parameters: both.parameters,
      },
      ...(leavesOut(asked, everywhere(asked))
        ? { leaders: leadersStatement(asked, everywhere(asked)) }
        : { rank: placeStatement(asked) }),
      series: {
        sql: `SELECT ${fine.bucket} AS t, ${fine.packets()} AS n, ${fine.sources()} AS sources FROM ${fine.sql} GROUP BY t ORDER BY t`,
        parameters: fine.parameters,
      },
      seriesUp: upStatement(asked, step),
      top: {
        sql: `SELECT src, sum(n) AS total FROM ${named.sql} GROUP BY src ORDER BY total DESC, src LIMIT ${limit + 1}`,
        parameters: named.parameters,
      },
      ...busyStatement(asked, filters),
    };
  },
  next: (asked, results) => {
    const { query } = asked;
    const filters = { port: String(query.port), protocol: query.protocol, class: "tcp-syn,udp" };
    const chosen = (results["top"] ?? []).map((row) => text(row, "src"));
    const named = sourcesOf(asked, filters, chosen);
    const rank = rankStatement(asked, results);
    return {
      origins: originsStatement(asked, filters, query.limit ?? 20, results["busy"]),
      sources: {
        sql: `SELECT t.*, networks.name AS network FROM (
  SELECT src, any(src_asn) AS asn, any(src_cc) AS cc, sum(n) AS total, sum(m) AS marked, toUnixTimestamp64Milli(min(first)) AS first_at, toUnixTimestamp64Milli(max(last)) AS last_at
  FROM ${named.sql} GROUP BY src) AS t
LEFT JOIN networks ON networks.asn = t.asn ORDER BY total DESC, src`,
        parameters: named.parameters,
      },
      ...(rank === undefined ? {} : { rank }),
    };
  },
  fold: (asked, results) => {
    const { query } = asked;
    const kinds = Map.groupBy(results["origins"] ?? [], (row) => text(row, "kind"));
    const limit = query.limit ?? 20;
    const of = (kind: string): Results[string] => (kinds.get(kind) ?? []).slice(0, limit);
    const seen = results["origins"]?.[0];
    const named = results["sources"] ?? [];
    const summary = results["sums"]?.find((row) => num(row, "of_sensor") === 0);
    const sensors = (results["sums"] ?? []).filter((row) => num(row, "of_sensor") === 1 && num(row, "now_packets") > 0);
    const ranked = results["rank"] ?? [];
    const at = topOf(everywhere(asked), ranked).findIndex((one) => isOwn(asked, one));
    const place = ranked[0]?.["place"] === undefined ? (at < 0 ? null : at + 1) : num(ranked[0], "place");
    const packets = num(summary, "now_packets");
    const usual = compared(asked, results, num(summary, "before_packets"));
    return {
      facts: {
        protocol: protocolName(protocolNumber(query.protocol)),
        port: query.port,
        packets,
        sources: num(summary, "now_sources"),
        previousPackets: usual ? num(summary, "before_packets") : null,
        previousSources: usual ? num(summary, "before_sources") : null,
        change: change(packets, usual ? num(summary, "before_packets") : null),
        rank: place,
        miraiPackets: num(summary, "mirai_packets"),
        miraiShare: shareOrNull(num(summary, "mirai_packets"), packets),
        sensors: sensors.length,
        firstSeen: num(seen, "total") > 0 && asked.from >= asked.around.kept.rows ? iso(num(seen, "first_at")) : null,
        lastSeen: num(seen, "total") > 0 ? iso(num(seen, "last_at")) : null,
      },
      rows: named.slice(0, limit).map((row) => ({
        ip: plainIp(text(row, "src")),
        asn: numOrNull(row, "asn"),
        network: textOrNull(row, "network"),
        country: textOrNull(row, "cc"),
        packets: num(row, "total"),
        mirai: num(row, "marked"),
        firstSeen: iso(num(row, "first_at")),
        lastSeen: iso(num(row, "last_at")),
      })),
      series: filled(asked, stepFor(asked), results["series"], results["seriesUp"]).map(({ time, row, up, down }) => ({
        time,
        packets: row === undefined && up === 0 ? null : num(row, "n"),
        sources: row === undefined && up === 0 ? null : num(row, "sources"),
        down: down.slice(0, 10),
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
      sensorRows: sensors.map((row) => ({
        sensor: text(row, "sensor"),
        packets: num(row, "now_packets"),
        sources: num(row, "now_sources"),
      })),
      signatures: of("signature")
        .filter((row) => num(row, "signed") === 1)
        .map((row) => ({
          signature: formatSignature(num(row, "high"), num(row, "low")),
          packets: num(row, "total"),
          sources: num(row, "sources"),
          mirai: num(row, "marked"),
        })),
      truncated: named.length > limit,
    };
  },
};
