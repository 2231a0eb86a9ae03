// SPDX-License-Identifier: Apache-2.0
import { marks, protocolName } from "../model/traffic.ts";
import { day } from "./asked.ts";
import type { Asked, Grain, Span } from "./asked.ts";
import { compared, filled, upStatement } from "./coverage.ts";
import type { QueryOf } from "../api/contract/index.ts";
import type { Statement } from "./engine.ts";
import { exactStatement, leadersStatement, topOf } from "./leaders.ts";
import type { TopSearch } from "./leaders.ts";
import type { QuestionOf, Results } from "./question.ts";
import { change, num, text, textOrNull } from "./question.ts";
import { among, tally } from "./tally.ts";
import type { Dimension, Tally } from "./tally.ts";
import { AppError } from "../platform/errors.ts";

type Query = QueryOf<"series">;
type Asking = Omit<Asked<Query>, "since">;
const seconds = { "5m": 300, "1h": 3600, "1d": 86_400 } as const;
const most = 5000;

const stepOf = ({ query, from, to }: Asking): keyof typeof seconds => {
  const step = query.step ?? (to - from <= 1.7 * day ? "5m" : to - from <= 20 * day ? "1h" : "1d");
  if ((to - from) / 1000 / seconds[step] > most) {
    throw new AppError("QUERY_PERIOD", `at most ${most} buckets: take a longer \`step\` or a shorter period`);
  }
  return step;
};

/** What a row is grouped by, as text or a number: numbers are twice as fast. `other` stands for the rest. */
interface Group {
  readonly sql: string;
  readonly by: readonly Dimension[];
  readonly type: "String" | "UInt32";
  readonly other: string;
}
const textual = (sql: string, by: readonly Dimension[]): Group => ({
  sql: `ifNull(${sql}, '')`,
  by,
  type: "String",
  other: "'other'",
});
const [noValue, theRest] = [0xffff_fffe, 0xffff_ffff];
const groups: Readonly<Record<NonNullable<Query["group"]>, Group>> = {
  none: textual("''", []),
  port: {
    sql: `ifNull(toUInt32(protocol) * 65536 + dst_port, ${noValue})`,
    by: ["protocol", "port"],
    type: "UInt32",
    other: String(theRest),
  },
  country: textual("ifNull(src_cc, '--')", ["country"]),
  network: textual("toString(src_asn)", ["asn"]),
  sensor: textual("sensor", ["sensor"]),
  class: textual("toString(class)", ["class"]),
  mark: textual("mark_name", []),
};
/** A group's value in a row, as text: for ports protocol number and port. */
const groupOf = (row: Record<string, unknown>): string => {
  const value = row["g"];
  if (typeof value !== "number") return text(row, "g");
  return value === theRest ? "other" : value === noValue ? "" : `${Math.floor(value / 65_536)}/${value % 65_536}`;
};
/** Whether the whole is the sum of its parts: then it need not be asked for. */
const additive = (query: Query): boolean => query.measure !== "sources" && query.group !== "mark";

/** Counting sources of marks needs rows that name their source. */
const plainly = (asked: Asking): Asking =>
  asked.query.group === "mark" && (asked.query.measure ?? "packets") !== "packets"
    ? { ...asked, around: { ...asked.around, rollUps: null } }
    : asked;
const wantedOf = ({ measure }: Query): { sources: boolean; flows: boolean } => ({
  sources: measure === "sources",
  flows: measure === "flows",
});
const wholeOf = (asked: Asking, span: Span): Tally =>
  tally(plainly(asked), [span], asked.query, { ...wantedOf(asked.query), by: [], grain: "1d" });

/** What the values are read from. */
const valuesOf = (asked: Asking): Tally =>
  tally(plainly(asked), [asked], asked.query, {
    ...wantedOf(asked.query),
    by: groups[asked.query.group ?? "none"].by,
    grain: stepOf(asked),
  });

const limitOf = ({ limit }: Query): number => limit ?? 7;
/** Groups by sources are chosen by an upper bound, and so many of them counted. */
const candidates = 200;
const counted = ({ measure, group }: Query): boolean => measure === "sources" && groups[group ?? "none"].by.length > 0;

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
    ? `(SELECT *, mark.1 AS mark_name, mark.2 AS mark_packets FROM (SELECT *, arrayJoin([${marks
        .filter((mark) => query.mark === undefined || mark === query.mark)
        .map((mark) => `('${mark}', toUInt64(${mark}))`)
        .join(", ")}]) AS mark FROM ${rows.sql}) WHERE mark_packets > 0)`
    : rows.sql;

/** Ports by packets are looked for among the leaders; what is left is the whole less theirs. */
const searchOf = (asked: Asked<Query>): TopSearch | undefined =>
  asked.query.group === "port" && (asked.query.measure ?? "packets") === "packets"
    ? { filters: asked.query, spans: [asked], by: "packets", limit: limitOf(asked.query) + 1 }
    : undefined;
/** The first ports as groups; those without a port are one. */
const portsOf = (asked: Asked<Query>, search: TopSearch, { top, exact }: Results): number[] => {
  const all = topOf({ ...search, limit: Infinity }, top, exact).filter(({ packets }) => packets > 0);
  const sums = Map.groupBy(all, ({ protocol, port }) => (port === null ? noValue : protocol * 65_536 + port));
  return [...sums]
    .map(([g, rows]) => ({ g, n: rows.reduce((sum, { packets }) => sum + packets, 0) }))
    .toSorted((a, b) => b.n - a.n || a.g - b.g)
    .slice(0, limitOf(asked.query))
    .map(({ g }) => g);
};
const withRest = (results: Results): Results => {
  if (results["all"] === undefined) return results;
  const values = results["values"] ?? [];
  const chosen = Map.groupBy(values, (row) => num(row, "t"));
  const rest = results["all"]
    .map((row) => ({
      t: num(row, "t"),
      g: theRest,
      value: num(row, "value") - (chosen.get(num(row, "t")) ?? []).reduce((sum, one) => sum + num(one, "value"), 0),
    }))
    .filter(({ value }) => value > 0);
  return { ...results, values: [...values, ...rest] };
};

/** Buckets of before are told in part at best: what is left over, by what is kept longer than the groups. */
const keptOf = (results: Results, since: number): Results => ({
  ...results,
  values: (results["values"] ?? []).filter((row) => num(row, "t") * 1000 >= since),
});

/** Every group with its sum or count, the largest first. */
const groupRows = (query: Query, results: Results): { g: string; network: string | null; total: number }[] => {
  const named = results["groups"] ?? [];
  if (!additive(query)) {
    const first = counted(query) ? named.slice(0, limitOf(query)) : named;
    return first.map((row) => ({ g: groupOf(row), network: textOrNull(row, "network"), total: num(row, "total") }));
  }
  const networks = new Map(named.map((row) => [text(row, "g"), textOrNull(row, "network")]));
  const sums = Map.groupBy(results["values"] ?? [], groupOf);
  return [...sums]
    .map(([g, rows]) => ({
      g,
      network: networks.get(g) ?? null,
      total: rows.reduce((sum, row) => sum + num(row, "value"), 0),
    }))
    .toSorted((a, b) => b.total - a.total || (a.g < b.g ? -1 : 1));
};

/** The rows of the period that name the chosen groups, by a grain; what else there is stands under `other`, where sums are cheap and right. */
const chosenRows = (
  asked: Asked<Query>,
  chosen: readonly unknown[],
  grain: Grain,
): { rows: Tally; named: string; from: string } => {
  const { query } = asked;
  const { by, sql: group, type, other } = groups[query.group ?? "none"];
  const ports = chosen.map((g) => (groupOf({ g }) === "" ? null : Number(groupOf({ g }).split("/")[1])));
  const where = query.group === "port" && query.measure === "sources" ? { where: among("port", ports, "UInt16") } : {};
  const rows = tally(plainly(asked), [asked], query, { ...wantedOf(query), by, grain, ...where });
  const told = by.length > 0;
  // Distinct sources are counted of the chosen alone.
  const only = counted(query) ? `WHERE ${group} IN {chosen:Array(${type})}` : "";
  return {
    rows,
    named: told ? `if(${group} IN {chosen:Array(${type})}, ${group}, ${other})` : group,
    from: `${source(query, rows)} ${only}`,
  };
};
const valuesStatement = (asked: Asked<Query>, chosen: readonly unknown[]): Statement => {
  const { rows, named, from } = chosenRows(asked, chosen, stepOf(asked));
  return {
    sql: `SELECT ${rows.bucket} AS t, ${named} AS g, ${measured(asked.query, rows)} AS value FROM ${from} GROUP BY t, g ORDER BY t, g`,
    parameters: { ...rows.parameters, chosen },
  };
};
/** What each group has in the whole period, where that is not the sum of its values; else what networks are called. */
const groupsStatement = (asked: Asked<Query>, chosen: readonly unknown[]): Statement => {
  const { query } = asked;
  if (additive(query)) {
    return {
      sql:
        query.group === "network"
          ? "SELECT toString(asn) AS g, asn, name AS network FROM networks WHERE has({chosen:Array(String)}, toString(asn))"
          : "SELECT '' AS g WHERE 0",
      parameters: { chosen },
    };
  }
  const { rows, named, from } = chosenRows(asked, chosen, "1d");
  const parameters = { ...rows.parameters, chosen };
  const value = measured(query, rows);
  return query.group === "network"
    ? {
        sql: `SELECT t.*, networks.name AS network FROM (SELECT ${named} AS g, any(src_asn) AS asn, ${value} AS total FROM ${from} GROUP BY g) AS t LEFT JOIN networks ON networks.asn = t.asn ORDER BY total DESC, g`,
        parameters,
      }
    : { sql: `SELECT ${named} AS g, ${value} AS total FROM ${from} GROUP BY g ORDER BY total DESC, g`, parameters };
};

export const series: QuestionOf<"series"> = {
  about: "Packets, sources or flows over time, under any filter, grouped or not",
  last: "24h",
  compares: true,
  since: (asked) => Math.max(valuesOf(asked).since, wholeOf(asked, asked.previous).since),
  compile: (asked) => {
    const { query } = asked;
    const step = stepOf(asked);
    const { by, sql: group } = groups[query.group ?? "none"];
    const measure = query.measure ?? "packets";
    const around = plainly(asked);
    const light = tally(around, [asked], query, { by, grain: "1d", flows: measure === "flows" });
    const before = wholeOf(asked, asked.previous);
    const after = wholeOf(asked, asked);
    const weight = measure === "packets" ? light.packets() : measure === "sources" ? light.crowd() : light.flows();
    const whole = (tallied: Tally): Statement => ({
      sql: `SELECT ${measured({ ...query, group: "none" }, tallied)} AS total FROM ${tallied.sql}`,
      parameters: tallied.parameters,
    });
    return {
      // By sources, an upper bound chooses who is counted.
      ...(by.length > 0 && searchOf(asked) === undefined
        ? {
            top: {
              sql: `SELECT ${group} AS g FROM ${light.sql} GROUP BY g ORDER BY ${weight} DESC, g LIMIT {limit:UInt32}`,
              parameters: {
                ...light.parameters,
                limit: counted(query) ? Math.max(candidates, limitOf(query)) : limitOf(query),
              },
            },
          }
        : {}),
      ...(searchOf(asked) === undefined ? {} : { top: leadersStatement(asked, searchOf(asked)!) }),
      ...(additive(query) ? {} : { total: whole(after) }),
      before: whole(before),
      up: upStatement(asked, seconds[step], query.sensor),
    };
  },
  next: (asked, results) => {
    const { top } = results;
    const { query } = asked;
    const search = searchOf(asked);
    if (search !== undefined) {
      const exact = exactStatement(asked, search, top, results);
      return exact === undefined ? {} : { exact };
    }
    const chosen = (top ?? []).map((row) => row["g"]);
    const groups = groupsStatement(asked, chosen);
    return counted(query) ? { groups } : { groups, values: valuesStatement(asked, chosen) };
  },
  after: (asked, found) => {
    const search = searchOf(asked);
    if (counted(asked.query)) {
      const first = (found["groups"] ?? []).slice(0, limitOf(asked.query));
      return {
        values: valuesStatement(
          asked,
          first.map((row) => row["g"]),
        ),
      };
    }
    if (search === undefined) return {};
    const step = stepOf(asked);
    const chosen = portsOf(asked, search, found);
    const ports = chosen.map((g) => (g === noValue ? null : g % 65_536));
    const rows = tally(asked, [asked], asked.query, {
      by: ["protocol", "port"],
      grain: step,
      where: among("port", ports, "UInt16"),
    });
    const all = tally(asked, [asked], asked.query, { by: [], grain: step });
    return {
      values: {
        sql: `SELECT ${rows.bucket} AS t, ${groups.port.sql} AS g, ${rows.packets()} AS value FROM ${rows.sql} WHERE g IN {chosen:Array(UInt32)} GROUP BY t, g ORDER BY t, g`,
        parameters: { ...rows.parameters, chosen },
      },
      all: {
        sql: `SELECT ${all.bucket} AS t, ${all.packets()} AS value FROM ${all.sql} GROUP BY t ORDER BY t`,
        parameters: all.parameters,
      },
    };
  },
  fold: (asked, given) => {
    const { query } = asked;
    const { since } = valuesOf(asked);
    const results = keptOf(withRest(given), since);
    const step = stepOf(asked);
    const nameOf = (g: string): string => {
      if (query.group !== "port" || g === "other" || g === "") return g;
      const [protocol = "", port = ""] = g.split("/");
      return `${protocolName(Number(protocol))}/${port}`;
    };
    const buckets = filled(asked, seconds[step], [], results["up"], query.sensor);
    const present = new Map((results["up"] ?? []).map((row) => [num(row, "t"), row["who"]]));
    // A sensor's own line has a gap while it was down, though others were up: nothing seen is not nothing sent.
    const away = (t: number, g: string): boolean => {
      const who = present.get(t);
      return query.group === "sensor" && !(Array.isArray(who) && who.includes(g));
    };
    const found = groupRows(query, results).toSorted((a, b) => Number(a.g === "other") - Number(b.g === "other"));
    const names = found.length > 0 ? found.map(({ g }) => g) : [""];
    const values = new Map(
      (results["values"] ?? []).map((row) => [`${num(row, "t")} ${groupOf(row)}`, num(row, "value")]),
    );
    const rows = names.flatMap((g) =>
      buckets.map((bucket) => {
        const value =
          values.get(`${bucket.ms / 1000} ${g}`) ?? (bucket.up === 0 || away(bucket.ms / 1000, g) ? null : 0);
        return { time: bucket.time, group: nameOf(g), value: bucket.ms < since ? null : value };
      }),
    );
    const total =
      asked.to <= since
        ? null
        : additive(query)
          ? (results["values"] ?? []).reduce((sum, row) => sum + num(row, "value"), 0)
          : num(results["total"]?.[0], "total");
    const previous = num(results["before"]?.[0], "total");
    const usual = compared(asked, results, previous) ? previous : null;
    const sums = Map.groupBy(results["values"] ?? [], (row) => num(row, "t"));
    const peak = [...sums]
      .map(([t, list]) => ({ t, value: list.reduce((sum, row) => sum + num(row, "value"), 0) }))
      .toSorted((a, b) => b.value - a.value || a.t - b.t)[0];
    return {
      facts: {
        measure: query.measure ?? "packets",
        step,
        total,
        previousTotal: usual,
        change: change(total, usual),
        peak: peak?.value ?? null,
        peakTime: peak === undefined ? null : new Date(peak.t * 1000).toISOString().replace(".000Z", "Z"),
        gaps: buckets.filter(({ up }) => up === 0).length,
      },
      groups: found.map(({ g, network, total: sum }) => ({
        group: nameOf(g),
        label: query.group === "network" && g !== "" && g !== "other" ? (network ?? `AS${g}`) : nameOf(g),
        total: sum,
      })),
      buckets: buckets.map(({ time, up, enrolled, down, incomplete, degraded }) => ({
        time,
        up,
        enrolled,
        down: down.slice(0, 10),
        incomplete,
        degraded,
      })),
      rows,
    };
  },
};
