// SPDX-License-Identifier: Apache-2.0
import { protocolName } from "../model/traffic.ts";
import { engineTime } from "./asked.ts";
import type { QuestionOf } from "./question.ts";
import { change, num, numOrNull, share, text } from "./question.ts";
import { asking, relation } from "./relation.ts";

export const portsTop: QuestionOf<"ports/top"> = {
  about: "The busiest destination ports, by packets or by sources, against the period before",
  last: "24h",
  compares: true,
  compile: (asked) => {
    const { from, previous, to, query } = asked;
    const rows = relation(asked, { from: previous.from, to }, asking(query));
    const order = (query.by ?? "packets") === "sources" ? "sources" : "packets";
    const parameters = { ...rows.parameters, start: engineTime(from), limit: query.limit ?? 20 };
    const now = "first_seen >= {start:DateTime64(3,'UTC')}";
    const sums = `sumIf(${rows.packets}, ${now}) AS now_packets, sumIf(${rows.packets}, NOT (${now})) AS before_packets,
  uniqCombinedIf(src, named AND ${now}) AS now_sources, uniqCombinedIf(src, named AND NOT (${now})) AS before_sources`;
    return {
      rows: {
        sql: `SELECT *, row_number() OVER (ORDER BY before_${order} DESC, protocol, port) AS before_rank
FROM (SELECT protocol, dst_port AS port, ${sums} FROM ${rows.sql} GROUP BY protocol, port)
ORDER BY now_${order} DESC, now_packets DESC, protocol, port LIMIT {limit:UInt32}`,
        parameters,
      },
      total: {
        sql: `SELECT ${sums}, uniqIf((protocol, dst_port), ${now}) AS ports FROM ${rows.sql}`,
        parameters,
      },
    };
  },
  fold: ({ query }, { rows: found = [], total: totals }) => {
    const total = totals?.[0];
    const by = query.by ?? "packets";
    const all = num(total, `now_${by}`);
    const compared = num(total, "before_packets") > 0;
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
          previousRank: compared && before > 0 ? num(row, "before_rank") : null,
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
        ports: num(total, "ports"),
        topPort: top?.port ?? null,
        topProtocol: top?.protocol ?? null,
        topShare: top?.share ?? null,
        topChange: top?.change ?? null,
      },
      rows,
      truncated: num(total, "ports") > rows.length,
    };
  },
};

export const portsBySensor: QuestionOf<"ports/by-sensor"> = {
  about: "The top ports of every sensor, side by side",
  last: "24h",
  compares: false,
  compile: (asked) => {
    const rows = relation(asked, asked, asking(asked.query));
    return {
      rows: {
        sql: `SELECT sensor, protocol, port, packets_sum, sources,
  sum(packets_sum) OVER (PARTITION BY sensor) AS sensor_packets,
  row_number() OVER (PARTITION BY sensor ORDER BY packets_sum DESC, protocol, port) AS rank
FROM (SELECT sensor, protocol, dst_port AS port, sum(${rows.packets}) AS packets_sum, uniqCombinedIf(src, named) AS sources
  FROM ${rows.sql} GROUP BY sensor, protocol, port)
QUALIFY rank <= {limit:UInt32} ORDER BY sensor, rank`,
        parameters: { ...rows.parameters, limit: asked.query.limit ?? 10 },
      },
    };
  },
  fold: ({ around }, { rows: found = [] }) => {
    const rows = found.map((row) => ({
      sensor: text(row, "sensor"),
      country: around.sensors.find(({ name }) => name === text(row, "sensor"))?.country ?? null,
      rank: num(row, "rank"),
      protocol: protocolName(num(row, "protocol")),
      port: numOrNull(row, "port"),
      packets: num(row, "packets_sum"),
      sources: num(row, "sources"),
      share: share(num(row, "packets_sum"), num(row, "sensor_packets")),
    }));
    const sensors = new Set(rows.map(({ sensor }) => sensor)).size;
    const seen = Map.groupBy(rows, ({ protocol, port }) => `${protocol}/${port}`);
    return {
      facts: { sensors, commonPorts: [...seen.values()].filter((list) => list.length === sensors).length },
      rows,
    };
  },
};
