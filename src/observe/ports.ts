// SPDX-License-Identifier: Apache-2.0
import type { QueryOf } from "../api/contract/index.ts";
import { protocolName } from "../model/traffic.ts";
import type { Asked } from "./asked.ts";
import { compared } from "./coverage.ts";
import type { Statement } from "./engine.ts";
import { allStatement, contenders, exactStatement, leadersStatement, proved, topOf } from "./leaders.ts";
import type { TopSearch } from "./leaders.ts";
import type { QuestionOf, Results } from "./question.ts";
import { change, num, numOrNull, share, text } from "./question.ts";
import { asking } from "./relation.ts";
import { among, tally } from "./tally.ts";
import type { Tally } from "./tally.ts";

const key = (row: Record<string, unknown>): string => `${num(row, "protocol")}/${numOrNull(row, "port") ?? ""}`;

const searchOf = (asked: Asked<QueryOf<"ports/top">>): TopSearch => ({
  filters: asking(asked.query),
  spans: [asked, asked.previous],
  by: asked.query.by === "sources" ? "crowd" : "packets",
  limit: asked.query.limit ?? 20,
});
const eachOf = (asked: Asked<QueryOf<"ports/by-sensor">>): TopSearch => ({
  filters: asking(asked.query),
  spans: [asked],
  by: "packets",
  limit: asked.query.limit ?? 10,
  perSensor: true,
});

/** Whether the places of the period before mean anything. */
const isRanked = (asked: Asked<QueryOf<"ports/top">>, results: Results): boolean =>
  compared(asked, results, num(results["total"]?.[0], "before_packets"));

/** Whether the sums of a few ports came with their sources. */
const tellsSources = (exact: Results[string] | undefined): boolean =>
  exact !== undefined && exact.length > 0 && (exact[0]?.["now_sources"] ?? exact[0]?.["sources"]) !== undefined;

/** Ports whose sources are counted before it is known who else could be among the first. */
const counted = 60;
/** What is shown of some ports: distinct counts are merged only for those that can win. */
const closely = (asked: Asked<QueryOf<"ports/top">>, ports: readonly (number | null)[]): Statement => {
  const { query } = asked;
  const rows = tally(asked, [asked, asked.previous], asking(query), {
    by: ["protocol", "port"],
    grain: "1d",
    sources: true,
    where: among("port", ports, "UInt16"),
  });
  return {
    sql: `SELECT protocol, dst_port AS port, ${rows.packets("now = 1")} AS now_packets, ${rows.packets("now = 0")} AS before_packets,
  ${rows.sources("now = 1")} AS now_sources, ${rows.sources("now = 0")} AS before_sources
FROM ${rows.sql} GROUP BY protocol, port ORDER BY now_${query.by ?? "packets"} DESC, now_packets DESC, protocol, port LIMIT {limit:UInt32}`,
    parameters: { ...rows.parameters, limit: Math.max(2 * counted, query.limit ?? 20) },
  };
};
/** The search, and what it knows of the ports counted already. */
const knowing = (
  asked: Asked<QueryOf<"ports/top">>,
  { counted: rows = [] }: Results,
): TopSearch & { readonly least: number } => {
  const search = searchOf(asked);
  const order = rows.map((row) => num(row, "now_sources")).toSorted((a, b) => b - a);
  return { ...search, least: order[search.limit - 1] ?? 0 };
};
const without = (ports: readonly (number | null)[], { counted: rows = [] }: Results): (number | null)[] => {
  const had = new Set(rows.map((row) => numOrNull(row, "port")));
  return [...new Set(ports)].filter((port) => !had.has(port));
};

export const portsTop: QuestionOf<"ports/top"> = {
  about: "The busiest destination ports, by packets or by sources, against the period before",
  last: "24h",
  compares: true,
  since: (asked) =>
    tally(asked, [asked], asking(asked.query), { by: ["protocol", "port"], grain: "1d", sources: true }).since,
  compile: (asked) => {
    const filters = asking(asked.query);
    const all = tally(asked, [asked, asked.previous], filters, { by: [], grain: "1d", sources: true, ports: true });
    const every = tally(asked, [asked, asked.previous], asked.query, { by: [], grain: "1d", sources: true });
    return {
      every: {
        sql: `SELECT ${every.packets("now = 1")} AS now_packets, ${every.packets("now = 0")} AS before_packets, ${every.sources("now = 1")} AS now_sources FROM ${every.sql}`,
        parameters: every.parameters,
      },
      // How many ports there are is told by the roll-up of sensors; where it cannot, all ports are summed up.
      chosen: (all.ports === undefined ? allStatement : leadersStatement)(asked, searchOf(asked)),
      total: {
        sql: `SELECT ${all.packets("now = 1")} AS now_packets, ${all.packets("now = 0")} AS before_packets, ${all.sources("now = 1")} AS now_sources${all.ports === undefined ? "" : `, ${all.ports("now = 1")} AS ports`} FROM ${all.sql}`,
        parameters: all.parameters,
      },
    };
  },
  next: (asked, results) => {
    const { chosen = [] } = results;
    if (asked.query.by === "sources" && !proved(chosen)) {
      const most = chosen.toSorted((a, b) => num(b, "weight") - num(a, "weight"));
      const first = most.slice(0, Math.max(counted, asked.query.limit ?? 20));
      return { counted: closely(asked, [...new Set(first.map((row) => numOrNull(row, "port")))]) };
    }
    const exact = exactStatement(
      asked,
      searchOf(asked),
      chosen,
      results,
      isRanked(asked, results),
      undefined,
      (rows) => `${rows.sources("now = 1")} AS now_sources, ${rows.sources("now = 0")} AS before_sources`,
    );
    return exact === undefined ? {} : { exact };
  },
  after: (asked, results) => {
    const { chosen, exact } = results;
    if (results["counted"] === undefined) {
      if (tellsSources(exact)) return {};
      return {
        rows: closely(
          asked,
          topOf(searchOf(asked), chosen, exact).map(({ port }) => port),
        ),
      };
    }
    const search = knowing(asked, results);
    const others = without(contenders(asked, search, chosen, results), results);
    const places = exactStatement(asked, search, chosen, results, isRanked(asked, results));
    return {
      ...(places === undefined ? {} : { exact: places }),
      ...(others.length === 0 ? {} : { rows: closely(asked, others) }),
    };
  },
  // All were summed up after all: who had not led may be among the first.
  atLast: (asked, results) => {
    if (results["counted"] === undefined || !proved(results["exact"])) return {};
    const ports = topOf(knowing(asked, results), results["chosen"], results["exact"]).map(({ port }) => port);
    const others = without(ports, results);
    return others.length === 0 ? {} : { rows: closely(asked, others) };
  },
  fold: (asked, results) => {
    const { query } = asked;
    const { rows: others = [], counted: had = [], total: totals, chosen = [], exact, every } = results;
    const by = query.by ?? "packets";
    const few = (exact ?? []).map((row) => ({ ...row, now_packets: row["n"], before_packets: row["before"] }));
    const found = (had.length === 0 && tellsSources(exact) ? few : [...had, ...others])
      .toSorted(
        (a, b) =>
          num(b, `now_${by}`) - num(a, `now_${by}`) ||
          num(b, "now_packets") - num(a, "now_packets") ||
          num(a, "protocol") - num(b, "protocol") ||
          num(a, "port") - num(b, "port"),
      )
      .slice(0, query.limit ?? 20);
    const total = totals?.[0];
    const ports = num(total?.["ports"] === undefined ? chosen[0] : total, "ports");
    const all = num(total, `now_${by}`);
    const usual = isRanked(asked, results);
    const places = new Map(
      topOf(had.length > 0 ? knowing(asked, results) : searchOf(asked), chosen, exact)
        .filter(({ before }) => before > 0)
        .map(({ protocol, port, place }) => [`${protocol}/${port ?? ""}`, place]),
    );
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
        counted: num(every?.[0], "now_packets"),
        countedSources: num(every?.[0], "now_sources"),
        previousCounted: usual ? num(every?.[0], "before_packets") : null,
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
  since: (asked) =>
    tally(asked, [asked], asking(asked.query), { by: ["sensor", "protocol", "port"], grain: "1d", sources: true })
      .since,
  compile: (asked) => {
    const whole = tally(asked, [asked], asking(asked.query), { by: ["sensor"], grain: "1d" });
    return {
      leaders: leadersStatement(asked, eachOf(asked)),
      whole: {
        sql: `SELECT sensor, ${whole.packets()} AS n FROM ${whole.sql} GROUP BY sensor`,
        parameters: whole.parameters,
      },
    };
  },
  next: (asked, { leaders }) => {
    const counted = (rows: Tally): string => `${rows.sources()} AS sources`;
    const exact = exactStatement(asked, eachOf(asked), leaders, {}, false, undefined, counted);
    return exact === undefined ? {} : { exact };
  },
  after: (asked, { leaders, exact }) => {
    if (tellsSources(exact)) return {};
    const rows = tally(asked, [asked], asking(asked.query), {
      by: ["sensor", "protocol", "port"],
      grain: "1d",
      sources: true,
      where: among(
        "port",
        topOf(eachOf(asked), leaders, exact).map(({ port }) => port),
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
  fold: (asked, { leaders, exact, sources = exact ?? [], whole = [] }) => {
    const { around } = asked;
    const counted = new Map(sources.map((row) => [`${text(row, "sensor")} ${key(row)}`, num(row, "sources")]));
    const all = new Map(whole.map((row) => [text(row, "sensor"), num(row, "n")]));
    const found = topOf(eachOf(asked), leaders, exact).filter(({ packets }) => packets > 0);
    const rows = [...Map.groupBy(found, ({ sensor }) => sensor)].flatMap(([sensor, own]) =>
      own.map(({ protocol, port, packets }, i) => ({
        sensor,
        country: around.sensors.find(({ name }) => name === sensor)?.country ?? null,
        rank: i + 1,
        protocol: protocolName(protocol),
        port,
        packets,
        sources: counted.get(`${sensor} ${protocol}/${port ?? ""}`) ?? 0,
        share: share(packets, all.get(sensor) ?? 0),
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
