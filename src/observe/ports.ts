// SPDX-License-Identifier: Apache-2.0
import { protocolName } from "../model/traffic.ts";
import type { QuestionOf } from "./question.ts";
import { change, num, numOrNull, share, text } from "./question.ts";
import { asking } from "./relation.ts";
import { tally } from "./tally.ts";

/** Ports whose sources are counted when the order is by sources: the rest has a smaller upper bound. */
const candidates = 200;
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
    const limit = query.limit ?? 20;
    const light = tally(asked, spans, filters, { by: ["protocol", "port"], grain: "1d" });
    const [weight, before] =
      by === "packets"
        ? [light.packets("now = 1"), light.packets("now = 0")]
        : [light.crowd("now = 1"), light.crowd("now = 0")];
    const most = by === "packets" ? limit : Math.max(candidates, limit);
    const chosen = `SELECT protocol, dst_port AS port, ${weight} AS weight, ${light.packets("now = 1")} AS n FROM ${light.sql} GROUP BY protocol, port ORDER BY weight DESC, n DESC, protocol, port LIMIT ${most}`;
    // Distinct counts are merged only for ports that can win.
    const heavy = tally(asked, spans, filters, {
      by: ["protocol", "port"],
      grain: "1d",
      sources: true,
      where: {
        sql: `(protocol, ifNull(dst_port, 0)) IN (SELECT protocol, ifNull(port, 0) FROM (${chosen}))`,
        parameters: light.parameters,
      },
    });
    const all = tally(asked, spans, filters, { by: [], grain: "1d", sources: true });
    return {
      rows: {
        sql: `SELECT protocol, dst_port AS port, ${heavy.packets("now = 1")} AS now_packets, ${heavy.packets("now = 0")} AS before_packets,
  ${heavy.sources("now = 1")} AS now_sources, ${heavy.sources("now = 0")} AS before_sources
FROM ${heavy.sql} GROUP BY protocol, port ORDER BY now_${by} DESC, now_packets DESC, protocol, port LIMIT {limit:UInt32}`,
        parameters: { ...heavy.parameters, limit },
      },
      ranks: {
        sql: `SELECT protocol, dst_port AS port, ${before} AS weight, row_number() OVER (ORDER BY weight DESC, protocol, dst_port) AS place
FROM ${light.sql} GROUP BY protocol, dst_port HAVING weight > 0 ORDER BY place LIMIT 1000`,
        parameters: light.parameters,
      },
      total: {
        sql: `SELECT ${all.packets("now = 1")} AS now_packets, ${all.packets("now = 0")} AS before_packets, ${all.sources("now = 1")} AS now_sources FROM ${all.sql}`,
        parameters: all.parameters,
      },
      ports: {
        sql: `SELECT uniqIf((protocol, dst_port), now = 1) AS ports FROM ${light.sql}`,
        parameters: light.parameters,
      },
    };
  },
  fold: ({ query }, { rows: found = [], total: totals, ports: counted, ranks = [] }) => {
    const by = query.by ?? "packets";
    const total = totals?.[0];
    const ports = num(counted?.[0], "ports");
    const all = num(total, `now_${by}`);
    const compared = num(total, "before_packets") > 0;
    const places = new Map(ranks.map((row) => [key(row), num(row, "place")]));
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
          previousPackets: compared ? num(row, "before_packets") : null,
          previousSources: compared ? num(row, "before_sources") : null,
          previousRank: places.get(key(row)) ?? null,
          change: change(num(row, `now_${by}`), compared ? before : null),
        };
      });
    const top = rows[0];
    return {
      facts: {
        by,
        packets: num(total, "now_packets"),
        sources: num(total, "now_sources"),
        previousPackets: compared ? num(total, "before_packets") : null,
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
    const ranked = `SELECT sensor, protocol, dst_port AS port, ${light.packets()} AS n, sum(n) OVER (PARTITION BY sensor) AS sensor_packets,
  row_number() OVER (PARTITION BY sensor ORDER BY n DESC, protocol, port) AS rank FROM ${light.sql} GROUP BY sensor, protocol, port QUALIFY rank <= {limit:UInt32}`;
    const heavy = tally(asked, [asked], filters, {
      by,
      grain: "1d",
      sources: true,
      where: {
        sql: `(sensor, protocol, ifNull(dst_port, 0)) IN (SELECT sensor, protocol, ifNull(port, 0) FROM (${ranked}))`,
        parameters: light.parameters,
      },
    });
    return {
      rows: { sql: `SELECT * FROM (${ranked}) ORDER BY sensor, rank`, parameters: { ...light.parameters, limit } },
      sources: {
        sql: `SELECT sensor, protocol, dst_port AS port, ${heavy.sources()} AS sources FROM ${heavy.sql} GROUP BY sensor, protocol, port`,
        parameters: { ...heavy.parameters, limit },
      },
    };
  },
  fold: ({ around }, { rows: found = [], sources = [] }) => {
    const counted = new Map(sources.map((row) => [`${text(row, "sensor")} ${key(row)}`, num(row, "sources")]));
    const rows = found.map((row) => ({
      sensor: text(row, "sensor"),
      country: around.sensors.find(({ name }) => name === text(row, "sensor"))?.country ?? null,
      rank: num(row, "rank"),
      protocol: protocolName(num(row, "protocol")),
      port: numOrNull(row, "port"),
      packets: num(row, "n"),
      sources: counted.get(`${text(row, "sensor")} ${key(row)}`) ?? 0,
      share: share(num(row, "n"), num(row, "sensor_packets")),
    }));
    const sensors = new Set(rows.map(({ sensor }) => sensor)).size;
    const seen = Map.groupBy(rows, ({ protocol, port }) => `${protocol}/${port}`);
    return {
      facts: { sensors, commonPorts: [...seen.values()].filter((list) => list.length === sensors).length },
      rows,
    };
  },
};
