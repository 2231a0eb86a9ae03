// SPDX-License-Identifier: Apache-2.0
import { protocolName } from "../model/traffic.ts";
import { compared } from "./coverage.ts";
import type { QuestionOf } from "./question.ts";
import { change, num, numOrNull, share, text } from "./question.ts";
import { asking } from "./relation.ts";
import { among, tally } from "./tally.ts";

/** Ports whose sources are counted when the order is by sources: the rest has a smaller upper bound. */
const candidates = 200;
/** Protocol and port in one number: grouping by it is twice as fast as by two columns, one of them Nullable. */
export const packed = "toUInt32(protocol) * 131072 + ifNull(toUInt32(dst_port), 65536) AS packed";
export const unpacked =
  "toUInt8(intDiv(packed, 131072)) AS protocol, if(packed % 131072 = 65536, NULL, toUInt16(packed % 131072)) AS port";
const key = (row: Record<string, unknown>): string => `${num(row, "protocol")}/${numOrNull(row, "port") ?? ""}`;

export const portsTop: QuestionOf<"ports/top"> = {
  about: "The busiest destination ports, by packets or by sources, against the period before",
  last: "24h",
  compares: true,
  compile: (asked) => {
    const { query } = asked;
    const filters = asking(query);
    const spans = [asked, asked.previous];
    const by = query.by ?? "packets";
    const light = tally(asked, spans, filters, { by: ["protocol", "port"], grain: "1d" });
    const [weight, before] =
      by === "packets"
        ? [light.packets("now = 1"), light.packets("now = 0")]
        : [light.crowd("now = 1"), light.crowd("now = 0")];
    const all = tally(asked, spans, filters, { by: [], grain: "1d", sources: true });
    return {
      chosen: {
        sql: `SELECT ${unpacked}, weight, before, row_number() OVER (ORDER BY before DESC, packed) AS place, countIf(n > 0) OVER () AS ports
FROM (SELECT ${packed}, ${weight} AS weight, ${before} AS before, ${light.packets("now = 1")} AS n FROM ${light.sql} GROUP BY packed)
ORDER BY weight DESC, n DESC, packed LIMIT ${by === "packets" ? (query.limit ?? 20) : Math.max(candidates, query.limit ?? 20)}`,
        parameters: light.parameters,
      },
      total: {
        sql: `SELECT ${all.packets("now = 1")} AS now_packets, ${all.packets("now = 0")} AS before_packets, ${all.sources("now = 1")} AS now_sources FROM ${all.sql}`,
        parameters: all.parameters,
      },
    };
  },
  // Distinct counts are merged only for ports that can win.
  next: (asked, { chosen = [] }) => {
    const { query } = asked;
    const rows = tally(asked, [asked, asked.previous], asking(query), {
      by: ["protocol", "port"],
      grain: "1d",
      sources: true,
      where: among(
        "port",
        chosen.map((row) => numOrNull(row, "port")),
        "UInt16",
      ),
    });
    return {
      rows: {
        sql: `SELECT protocol, dst_port AS port, ${rows.packets("now = 1")} AS now_packets, ${rows.packets("now = 0")} AS before_packets,
  ${rows.sources("now = 1")} AS now_sources, ${rows.sources("now = 0")} AS before_sources
FROM ${rows.sql} GROUP BY protocol, port ORDER BY now_${query.by ?? "packets"} DESC, now_packets DESC, protocol, port LIMIT {limit:UInt32}`,
        parameters: { ...rows.parameters, limit: query.limit ?? 20 },
      },
    };
  },
  fold: (asked, results) => {
    const { query } = asked;
    const { rows: found = [], total: totals, chosen = [] } = results;
    const by = query.by ?? "packets";
    const total = totals?.[0];
    const ports = num(chosen[0], "ports");
    const all = num(total, `now_${by}`);
    const usual = compared(asked, results, num(total, "before_packets"));
    const places = new Map(chosen.filter((row) => num(row, "before") > 0).map((row) => [key(row), num(row, "place")]));
    const rows = found
      .filter((row) => num(row, "now_packets") > 0)
      .map((row, i) => {
        const before = num(row, `before_${by}`);
        return {
          rank: i + 1,
          protocol: protocolName(num(row, "protocol")),
          port: numOrNull(row, "port"),
          packets: num(row, "now_packets"),
          sources: num(row, "now_sources"),
          share: share(num(row, `now_${by}`), all),
          previousPackets: usual ? num(row, "before_packets") : null,
          previousSources: usual ? num(row, "before_sources") : null,
          previousRank: usual ? (places.get(key(row)) ?? null) : null,
          change: change(num(row, `now_${by}`), usual ? before : null),
        };
      });
    const top = rows[0];
    return {
      facts: {
        by,
        packets: num(total, "now_packets"),
        sources: num(total, "now_sources"),
        previousPackets: usual ? num(total, "before_packets") : null,
        ports,
        topPort: top?.port ?? null,
        topProtocol: top?.protocol ?? null,
        topShare: top?.share ?? null,
        topChange: top?.change ?? null,
      },
      rows,
      truncated: ports > rows.length,
    };
  },
};

export const portsBySensor: QuestionOf<"ports/by-sensor"> = {
  about: "The top ports of every sensor, side by side",
  last: "24h",
  compares: false,
  compile: (asked) => {
    const filters = asking(asked.query);
    const limit = asked.query.limit ?? 10;
    const by = ["sensor", "protocol", "port"] as const;
    const light = tally(asked, [asked], filters, { by, grain: "1d" });
    const whole = tally(asked, [asked], filters, { by: ["sensor"], grain: "1d" });
    return {
      rows: {
        sql: `SELECT sensor, ${unpacked}, n FROM (SELECT sensor, ${packed}, ${light.packets()} AS n FROM ${light.sql} GROUP BY sensor, packed)
ORDER BY sensor, n DESC, packed LIMIT {limit:UInt32} BY sensor`,
        parameters: { ...light.parameters, limit },
      },
      whole: {
        sql: `SELECT sensor, ${whole.packets()} AS n FROM ${whole.sql} GROUP BY sensor`,
        parameters: whole.parameters,
      },
    };
  },
  next: (asked, { rows: found = [] }) => {
    const rows = tally(asked, [asked], asking(asked.query), {
      by: ["sensor", "protocol", "port"],
      grain: "1d",
      sources: true,
      where: among(
        "port",
        found.map((row) => numOrNull(row, "port")),
        "UInt16",
      ),
    });
    return {
      sources: {
        sql: `SELECT sensor, protocol, dst_port AS port, ${rows.sources()} AS sources FROM ${rows.sql} GROUP BY sensor, protocol, port`,
        parameters: rows.parameters,
      },
    };
  },
  fold: ({ around }, { rows: found = [], sources = [], whole = [] }) => {
    const counted = new Map(sources.map((row) => [`${text(row, "sensor")} ${key(row)}`, num(row, "sources")]));
    const all = new Map(whole.map((row) => [text(row, "sensor"), num(row, "n")]));
    const rows = [...Map.groupBy(found, (row) => text(row, "sensor"))].flatMap(([sensor, own]) =>
      own.map((row, i) => ({
        sensor,
        country: around.sensors.find(({ name }) => name === sensor)?.country ?? null,
        rank: i + 1,
        protocol: protocolName(num(row, "protocol")),
        port: numOrNull(row, "port"),
        packets: num(row, "n"),
        sources: counted.get(`${sensor} ${key(row)}`) ?? 0,
        share: share(num(row, "n"), all.get(sensor) ?? 0),
      })),
    );
    const sensors = new Set(rows.map(({ sensor }) => sensor)).size;
    const seen = Map.groupBy(rows, ({ protocol, port }) => `${protocol}/${port}`);
    return {
      facts: { sensors, commonPorts: [...seen.values()].filter((list) => list.length === sensors).length },
      rows,
    };
  },
};
