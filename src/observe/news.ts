// SPDX-License-Identifier: Apache-2.0
import type { AnswerOf, QueryOf } from "../api/contract/index.ts";
import { protocolName } from "../model/traffic.ts";
import { day, floorTo, iso } from "./asked.ts";
import type { Asked, Span } from "./asked.ts";
import { beat, coverageStatement, covered } from "./coverage.ts";
import type { Statement } from "./engine.ts";
import { packed, unpacked } from "./leaders.ts";
import type { QuestionOf, Results } from "./question.ts";
import { num, numOrNull, text, textOrNull } from "./question.ts";
import type { Filters } from "./relation.ts";
import { among, column, tally } from "./tally.ts";
import type { Dimension, Tally, Wanted } from "./tally.ts";

type Row = AnswerOf<"news">["rows"][number];

/** The rule, in numbers: what is rarer than this is weather. */
const rule = { newSources: 3, newPackets: 10, times: 3, moreSources: 20 } as const;
export const ruleText = `the seven whole days (UTC) before are the measure; new: no packet then, now at least ${rule.newSources} sources and ${rule.newPackets} packets; fast: at least ${rule.times} times the sources a day of those days of the week on which a sensor was up, and at least ${rule.moreSources} more; of a period longer than a day the mean of its days is compared, of a shorter one what it has`;

/** Seven whole days (UTC) before the day on which the period begins. */
const week = (asked: Asked<unknown>): Span => {
  const to = floorTo(asked.from, day);
  return { from: to - 7 * day, to };
};

const kinds = {
  port: { by: ["protocol", "port"], filters: { class: "tcp-syn,udp" } },
  country: { by: ["country"], filters: {} },
} as const satisfies Record<string, { by: readonly Dimension[]; filters: Filters }>;
/** Ports and countries looked at closely. */
const most = 300;

/**
 * Over how many days what is counted by the day is shared out. Distinct sources do not grow with time: those of an hour are compared as they are, and of a
 * longer period those of each day (UTC) that it touches.
 */
const daysOf = ({ from, to, around }: Asked<unknown>): number =>
  to - from <= day ? 1 : Math.ceil((Math.max(from + 1, Math.min(to, around.now)) - floorTo(from, day)) / day);

/** Days of the week before on which any sensor was up: a node's second day is not seven times its first. */
const daysIn = (results: Results): number => Math.max(1, num(results["week"]?.[0], "days"));

const moved = (
  asked: Asked<QueryOf<"news">>,
  what: keyof typeof kinds,
  where: NonNullable<Wanted["where"]>,
  key: string,
  names: string,
  days: number,
): Statement => {
  const rows = tally(asked, [asked, week(asked)], kinds[what].filters, {
    by: [...kinds[what].by, "sensor"],
    grain: "1d",
    named: true,
    sources: true,
    where,
  });
  return {
    sql: `SELECT ${names}, sumIf(n, of_all AND of_now) AS now_packets, sumIf(s, of_all AND of_now) AS now_sources, sumIf(p, of_all AND of_now) AS sensor_count, ${daysOf(asked) === 1 ? "now_sources" : `sumIf(s, NOT of_all AND of_now) / ${daysOf(asked)}`} AS now_daily,
  sumIf(n, NOT of_all AND NOT of_now) / {days:Float64} AS usual_packets, sumIf(s, NOT of_all AND NOT of_now) / {days:Float64} AS usual_sources
FROM (SELECT ${names}, of_now, grouping(d) = 1 AS of_all, ${rows.packets()} AS n, ${rows.sources()} AS s, uniqExact(sensor) AS p
  FROM (SELECT *, ${key}, now = 1 AS of_now, ${rows.bucket} AS d FROM ${rows.sql}) GROUP BY GROUPING SETS ((${names}, of_now, d), (${names}, of_now))) GROUP BY ${names}
HAVING (usual_packets = 0 AND now_sources >= ${rule.newSources} AND now_packets >= ${rule.newPackets})
  OR (usual_packets > 0 AND now_daily >= ${rule.times} * usual_sources AND now_daily >= usual_sources + ${rule.moreSources})
ORDER BY usual_packets = 0 DESC, now_daily / greatest(usual_sources, 1) DESC, now_packets DESC, ${names} LIMIT {limit:UInt32}`,
    parameters: { ...rows.parameters, days, limit: asked.query.limit ?? 20 },
  };
};

/** Of every day of the week before no fewer sources than this, added up: what has no more now can be left aside without counting. */
const usual = (asked: Asked<unknown>, rows: Tally): string =>
  Array.from({ length: 7 }, (_, i) => (week(asked).from + i * day) / 1000)
    .map((start) => rows.throng(`now = 0 AND ${rows.bucket} = ${start}`))
    .join(" + ");

export const news: QuestionOf<"news"> = {
  about: "New and fast-moving ports and countries against the seven days before",
  last: "24h",
  compares: false,
  compile: (asked) => {
    const spans = [asked, week(asked)];
    const days = daysOf(asked);
    const beats = covered(asked, week(asked), beat / 1000);
    return {
      ...Object.fromEntries(
        (["port", "country"] as const).map((what) => {
          const light = tally(asked, spans, kinds[what].filters, { by: kinds[what].by, grain: "1d", named: true });
          // No fewer than the sources of its days added up: in roll-ups the bound is such a sum, in the base each day has at most what all have.
          const [shown, by] = what === "port" ? [unpacked, "packed"] : [column("country"), column("country")];
          const grouped = what === "port" ? packed : by;
          return [
            what === "port" ? "ports" : "countries",
            {
              sql: `SELECT ${shown} FROM (SELECT ${grouped}, ${light.crowd("now = 1")}${light.from === "base" ? ` * ${days}` : ""} AS crowd, ${light.packets("now = 1")} AS n, ${light.packets("now = 0")} AS before, (${usual(asked, light)}) * ${days} / 7 AS usual FROM ${light.sql} GROUP BY ${by}
HAVING crowd >= ${rule.newSources} AND n >= ${rule.newPackets} AND (before = 0 OR crowd >= ${rule.moreSources} AND crowd >= ${rule.times} * usual AND crowd >= usual + ${days} * ${rule.moreSources}) ORDER BY before = 0 DESC, n / before DESC, ${by} LIMIT ${most})`,
              parameters: light.parameters,
            },
          ];
        }),
      ),
      weekEach: coverageStatement(asked, week(asked)),
      week: {
        sql: `SELECT uniqExact(at) / ${(7 * day) / beat} AS covered, uniqExact(intDiv(at, ${day / beat})) AS days FROM (SELECT arrayJoin(range(first, last + 1)) AS at FROM ${beats.sql})`,
        parameters: beats.parameters,
      },
    };
  },
  // Only what can be news is counted: enough sources by the upper bound, the largest growth first.
  next: (asked, results) => ({
    ports: moved(
      asked,
      "port",
      among(
        "port",
        (results["ports"] ?? []).map((row) => numOrNull(row, "port")),
        "UInt16",
      ),
      "dst_port AS port",
      "protocol, port",
      daysIn(results),
    ),
    countries: moved(
      asked,
      "country",
      among(
        "country",
        (results["countries"] ?? []).map((row) => textOrNull(row, "src_cc")),
        "String",
      ),
      "ifNull(src_cc, '--') AS country",
      "country",
      daysIn(results),
    ),
  }),
  fold: (asked, results) => {
    const share = num(results["week"]?.[0], "covered");
    // Of the sensors there are now: what one of three saw is not the week of the three.
    const beatsBefore = new Map((results["weekEach"] ?? []).map((row) => [text(row, "sensor"), num(row, "beats")]));
    const there = (results["coverage"] ?? []).map((row) => text(row, "sensor"));
    const weekCovered =
      there.length === 0
        ? share
        : there.reduce((sum, sensor) => sum + Math.min(1, (beatsBefore.get(sensor) ?? 0) / ((7 * day) / beat)), 0) /
          there.length;
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
        times: usualSources === 0 ? null : num(row, "now_daily") / usualSources,
        sensors: num(row, "sensor_count"),
      };
    };
    // Without a week before, everything would be new: then nothing is.
    const rows =
      share === 0
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
        weekCovered: Math.min(1, weekCovered),
      },
      baseline: share === 0 ? null : { from: iso(week(asked).from), to: iso(week(asked).to) },
      rows,
    };
  },
};
