// SPDX-License-Identifier: Apache-2.0
import type { Asked, Grain, RollUpName, Span } from "./asked.ts";
import { classes } from "../model/traffic.ts";
import { conditions, markColumn, relation } from "./relation.ts";
import type { Filters } from "./relation.ts";

export type Dimension = "sensor" | "protocol" | "port" | "class" | "country" | "asn";
const columnOf: Readonly<Record<Dimension, string>> = {
  sensor: "sensor",
  protocol: "protocol",
  port: "dst_port",
  class: "class",
  country: "src_cc",
  asn: "src_asn",
};

/** The roll-ups that sum over sources, smallest first, with what they can tell apart. */
const rollUps: readonly {
  name: RollUpName;
  dimensions: readonly Dimension[];
  grains: readonly Grain[];
  mirai: boolean;
}[] = [
  { name: "sensors", dimensions: ["sensor", "protocol", "class"], grains: ["5m", "1h", "1d"], mirai: true },
  { name: "countries", dimensions: ["sensor", "country"], grains: ["5m", "1h", "1d"], mirai: true },
  { name: "origins", dimensions: ["sensor", "country", "asn"], grains: ["1h", "1d"], mirai: true },
  { name: "port_days", dimensions: ["protocol", "port", "class"], grains: ["1d"], mirai: false },
  { name: "ports", dimensions: ["sensor", "protocol", "port", "class"], grains: ["5m", "1h", "1d"], mirai: false },
];

export interface Wanted {
  /** Told apart by the question, beside what the filters speak of. */
  readonly by: readonly Dimension[];
  /** The finest times told apart. */
  readonly grain: Grain;
  readonly sources?: boolean;
  readonly miraiSources?: boolean;
  readonly flows?: boolean;
  /** Distinct ports, where sources are told apart by sensor, protocol and class at most. */
  readonly ports?: boolean;
  /** Only what is not rare: `rest` says what that leaves out. */
  readonly leaders?: boolean;
  /** Leave out storms: packets whose source nobody knows. */
  readonly named?: boolean;
  /** One more condition over the dimensions' columns. */
  readonly where?: { readonly sql: string; readonly parameters: Readonly<Record<string, unknown>> };
}

/**
 * Sums over flows, from roll-ups where they can tell, else from the base. After FROM stands `sql`; its columns are those of
 * the dimensions and `now` (1 in the first span, 0 in the second). The functions give expressions under a condition.
 */
export interface Tally {
  readonly sql: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly from: "base" | "rollup";
  /** From when on it is whole, milliseconds. */
  readonly since: number;
  /** Start of the bucket, seconds. */
  readonly bucket: string;
  packets(condition?: string): string;
  flows(condition?: string): string;
  sources(condition?: string): string;
  miraiSources(condition?: string): string;
  marked(mark: string, condition?: string): string;
  /** A cheap upper bound of sources, to choose by before counting them. */
  crowd(condition?: string): string;
  /** A cheap lower bound of them: the largest of the numbers that make up the crowd. */
  throng(condition?: string): string;
  /** Distinct ports; undefined where that was not wanted or cannot be told. */
  readonly ports?: (condition?: string) => string;
  /**
   * With `leaders`: at most so much of packets, crowd or a mark is missing in the sum of a protocol and port over one span, where it is
   * summed up over so many sensors. 0 where nothing is left out.
   */
  rest(span: Span, sensors: number): number;
}
/** The largest number of classes of one protocol that pass the filter: each has a row of its own. */
const classesOf = (filter: string | undefined): number => {
  const names = filter?.split(",") ?? classes;
  const of = (prefix: string): number => names.filter((name) => name.startsWith(prefix)).length;
  return of("unknown") + Math.max(of("tcp"), of("udp"), of("icmp"));
};

const seconds: Readonly<Record<Grain, number>> = { "5m": 300, "1h": 3600, "1d": 86_400 };
const filterDimensions = ["sensor", "protocol", "port", "class", "country", "asn"] as const;

type Asking = Pick<Asked<unknown>, "around" | "realm" | "exercise">;

/** What one source of roll-ups or none answers with; `spans` are told apart as `now` 1, 0. */
export const tally = (asked: Asking, spans: readonly Span[], filters: Filters, wanted: Wanted): Tally => {
  const needed = new Set<Dimension>([...wanted.by, ...filterDimensions.filter((name) => filters[name] !== undefined)]);
  const markedSources = wanted.sources === true && filters.mark !== undefined;
  const miraiOnly = markedSources && filters.mark === "mirai";
  const fits =
    filters.signature === undefined &&
    !(filters.mark !== undefined && wanted.flows === true) &&
    !(markedSources && !miraiOnly);
  const found = rollUps.find(
    (one) =>
      fits &&
      [...needed].every((name) => one.dimensions.includes(name)) &&
      one.grains.includes(wanted.grain) &&
      (one.mirai || (wanted.miraiSources !== true && !miraiOnly)),
  );
  const when = (function_: string, argument: string, condition?: string): string =>
    condition === undefined ? `${function_}(${argument})` : `${function_}If(${argument}, ${condition})`;
  const more = wanted.where === undefined ? "" : ` AND (${wanted.where.sql})`;

  if (found === undefined || asked.around.rollUps === null) {
    const parts = spans.map((span, i) =>
      relation(asked, span, filters, {
        suffix: String(i),
        also: wanted.where === undefined ? [] : [`(${wanted.where.sql})`],
        storms: wanted.named !== true,
      }),
    );
    const packets = parts[0]?.packets ?? "packets";
    const uniq = (condition: string): string => `uniqCombinedIf(12)(src, ${condition})`;
    return {
      sql: `(${parts.map(({ sql }, i) => `SELECT *, ${i === 0 ? 1 : 0} AS now FROM ${sql}`).join(" UNION ALL ")})`,
      parameters: Object.assign({}, ...parts.map(({ parameters }) => parameters), wanted.where?.parameters) as Record<
        string,
        unknown
      >,
      from: "base",
      since: asked.around.kept.rows,
      bucket: `intDiv(toUnixTimestamp(first_seen), ${seconds[wanted.grain]}) * ${seconds[wanted.grain]}`,
      packets: (condition) => when("sum", packets, condition),
      flows: (condition) => `countIf(named${condition === undefined ? "" : ` AND ${condition}`})`,
      sources: (condition) => uniq(condition === undefined ? "named" : `named AND ${condition}`),
      miraiSources: (condition) => uniq(condition === undefined ? "mirai > 0" : `mirai > 0 AND ${condition}`),
      marked: (mark, condition) => when("sum", markColumn(mark), condition),
      crowd: (condition) => uniq(condition === undefined ? "named" : `named AND ${condition}`),
      throng: (condition) => uniq(condition === undefined ? "named" : `named AND ${condition}`),
      ...(wanted.ports === true
        ? {
            ports: (condition?: string) =>
              when("uniqExact", `toUInt32(protocol) * 131072 + ifNull(toUInt32(dst_port), 65536)`, condition),
          }
        : {}),
      rest: () => 0,
    };
  }

  const { mark: _mark, ...unmarked } = filters;
  const filter = conditions(unmarked);
  const where = `realm = {realm:String} AND exercise = {exercise:String}${[...filter.all, ...filter.named].map((one) => ` AND ${one}`).join("")}${more}`;
  const leaders = wanted.leaders === true && (found.name === "ports" || found.name === "port_days");
  const tellsPorts = wanted.ports === true && found.name === "sensors" && filters.mark === undefined;
  const state = miraiOnly ? "mirai_sources" : "sources";
  const measures = [
    "packets",
    "storm_packets",
    ...(wanted.flows === true ? ["flows"] : []),
    "mirai",
    "zmap",
    "masscan",
    "stateless",
    ...(wanted.sources === true ? [state, "source_count"] : ["source_count"]),
    ...(wanted.miraiSources === true && state !== "mirai_sources" ? ["mirai_sources"] : []),
    ...(tellsPorts ? ["port_set"] : []),
  ];
  const table = asked.around.rollUps;
  const source = table.source(
    found.name,
    wanted.grain,
    spans.map(({ from, to }) => ({ from: from * 1000, to: to * 1000 })),
    { measures, where, leaders, oneScope: true },
  );
  const packets =
    filters.mark === undefined
      ? wanted.named === true
        ? "packets - storm_packets"
        : "packets"
      : markColumn(filters.mark);
  const merge = (name: string, condition?: string): string =>
    condition === undefined ? `uniqCombinedMerge(12)(${name})` : `uniqCombinedMergeIf(12)(${name}, ${condition})`;
  return {
    sql: source,
    parameters: { realm: asked.realm, exercise: asked.exercise, ...filter.parameters, ...wanted.where?.parameters },
    from: "rollup",
    since: wanted.grain === "1d" ? -Infinity : asked.around.kept.fine,
    bucket: "toUnixTimestamp(bucket)",
    packets: (condition) => when("sum", packets, condition),
    flows: (condition) => when("sum", "flows", condition),
    sources: (condition) => merge(state, condition),
    miraiSources: (condition) => merge("mirai_sources", condition),
    marked: (mark, condition) => when("sum", markColumn(mark), condition),
    // The sources counted are all: of those with a mark there are no more than packets with it, and nobody knows how many at least.
    crowd: (condition) =>
      when("sum", filters.mark === undefined ? "source_count" : `least(source_count, ${packets})`, condition),
    throng: (condition) =>
      filters.mark === undefined ? when("max", "source_count", condition) : when("max", `${packets} > 0`, condition),
    ...(tellsPorts ? { ports: (condition?: string) => when("groupBitmapMerge", "port_set", condition) } : {}),
    rest: (span, sensors) =>
      leaders
        ? table.rareSum(found.name, wanted.grain, { from: span.from * 1000, to: span.to * 1000 }) *
          classesOf(filters.class) *
          sensors
        : 0,
  };
};

/** The SQL column of a dimension. */
export const column = (dimension: Dimension): string => columnOf[dimension];

/** The condition that a column is one of some values, NULL among them when it is; `name` is of its parameter. */
export const among = (
  dimension: Dimension,
  values: readonly (string | number | null)[],
  type: string,
): NonNullable<Wanted["where"]> => {
  const name = `chosen_${dimension}`;
  const sql = `${columnOf[dimension]} IN {${name}:Array(${type})}`;
  return {
    sql: values.includes(null) ? `(${sql} OR ${columnOf[dimension]} IS NULL)` : sql,
    parameters: { [name]: [...new Set(values.filter((value) => value !== null))] },
  };
};
