// SPDX-License-Identifier: Apache-2.0
import type { Asked, Span } from "./asked.ts";
import type { Statement } from "./engine.ts";
import { num, numOrNull, text } from "./question.ts";
import type { Results } from "./question.ts";
import { protocolNumber } from "./relation.ts";
import type { Filters } from "./relation.ts";
import { among, tally } from "./tally.ts";
import type { Tally } from "./tally.ts";

/** Protocol and port in one number: grouping by it is twice as fast as by two columns, one of them Nullable. */
export const packed = "toUInt32(protocol) * 131072 + ifNull(toUInt32(dst_port), 65536) AS packed";
export const unpacked =
  "toUInt8(intDiv(packed, 131072)) AS protocol, if(packed % 131072 = 65536, NULL, toUInt16(packed % 131072)) AS port";
export const packedOf = (protocol: string, port: number): number => protocolNumber(protocol) * 131_072 + port;

/** The largest sums of a port: nearly all ports are rare, so they are looked for among the others first, and that is proved. */
export interface TopSearch {
  readonly filters: Filters;
  /** The second is only ranked in. */
  readonly spans: readonly Span[];
  readonly by: "packets" | "crowd" | "mirai";
  readonly limit: number;
  /** The largest of every sensor. */
  readonly perSensor?: boolean;
  /** By crowd: so many have each of the first at least, counted already. Else the throng is the bound. */
  readonly least?: number;
}
/** Leaders looked at, of each sensor where they are told apart. */
const looked = 300;

const tallied = (
  asked: Asked<unknown>,
  search: TopSearch,
  leaders: boolean,
  ports?: readonly (number | null)[],
  sources = false,
): Tally =>
  tally(asked, search.spans, search.filters, {
    by: search.perSensor === true ? ["sensor", "protocol", "port"] : ["protocol", "port"],
    grain: "1d",
    leaders,
    sources,
    ...(ports === undefined ? {} : { where: among("port", ports, "UInt16") }),
  });

/** Sums of each port: weight (what is ranked by), its n packets, marked ones, the weight before, and the throng: no fewer sources than that. */
const sums = ({ by, spans, perSensor }: TopSearch, rows: Tally, also = ""): string => {
  const [now, then] = spans.length > 1 ? ["now = 1", "now = 0"] : [undefined, undefined];
  const weight = (condition?: string): string =>
    by === "packets"
      ? rows.packets(condition)
      : by === "crowd"
        ? rows.crowd(condition)
        : rows.marked("mirai", condition);
  const sensor = perSensor === true ? "sensor, " : "";
  return `SELECT ${sensor}${packed}, ${weight(now)} AS weight, ${by === "packets" ? "weight" : rows.packets(now)} AS n, ${rows.marked("mirai", now)} AS marked,
  ${then === undefined ? "0" : weight(then)} AS before, ${by === "crowd" ? rows.throng(now) : "0"} AS throng${also} FROM ${rows.sql} GROUP BY ${sensor}packed`;
};
const everything = (search: TopSearch, rows: Tally): Statement => ({
  sql: `SELECT *, ${unpacked}${search.spans.length > 1 ? ", row_number() OVER (ORDER BY before DESC, packed) AS place" : ""}, countIf(n > 0) OVER () AS ports, 1 AS proved FROM (${sums(search, rows)})
ORDER BY ${search.perSensor === true ? "sensor, " : ""}weight DESC, n DESC, packed LIMIT ${search.by === "crowd" ? Math.max(200, search.limit) : search.limit}${search.perSensor === true ? " BY sensor" : ""}`,
  parameters: rows.parameters,
});
/** Whether the rows are of all ports. */
export const proved = (rows: Results[string] | undefined): boolean =>
  rows?.some((row) => num(row, "proved") === 1) ?? false;

/** All ports, at once: nothing is left to prove. */
export const allStatement = (asked: Asked<unknown>, search: TopSearch): Statement =>
  everything(search, tallied(asked, search, false));

/** Whether there is anything rare to leave out: not where the base answers. */
export const leavesOut = (asked: Asked<unknown>, search: TopSearch): boolean => {
  const rows = tallied(asked, search, true);
  return search.spans.some((span) => rows.rest(span, 1) > 0);
};

/** Leaders, or all where nothing can be left out. */
export const leadersStatement = (asked: Asked<unknown>, search: TopSearch): Statement => {
  const rows = tallied(asked, search, true);
  if (!leavesOut(asked, search)) return everything(search, rows);
  const sensor = search.perSensor === true ? "sensor, " : "";
  return {
    sql: `SELECT *, ${unpacked}, 0 AS proved FROM (${sums(search, rows)}) ORDER BY ${sensor}greatest(weight, before) DESC, packed LIMIT ${looked}${search.perSensor === true ? " BY sensor" : ""}`,
    parameters: rows.parameters,
  };
};

/** Sensors that any report of the period and the one before tells of. */
const sensorsIn = (results: Results): number =>
  Math.max(
    1,
    new Set([...(results["coverage"] ?? []), ...(results["coverageBefore"] ?? [])].map((row) => text(row, "sensor")))
      .size,
  );

/**
 * What the leaders do not tell: their own rare rows, where nothing outside can be among the first; else all ports. Undefined where all was told already.
 * `ranked` says whether the order before matters; `also` is asked of the few at once, so that they need not be read again.
 */
export const exactStatement = (
  asked: Asked<unknown>,
  search: TopSearch,
  found: Results[string] = [],
  results: Results = {},
  ranked = false,
  otherwise = everything,
  also?: (rows: Tally) => string,
): Statement | undefined => {
  if (proved(found)) return undefined;
  const rows = tallied(asked, search, true);
  const many = search.perSensor === true ? 1 : sensorsIn(results);
  const [rest = 0, restBefore = 0] = search.spans.map((span) => rows.rest(span, many));
  const groups = Map.groupBy(found, (row) => text(row, "sensor"));
  const wanted = new Set<Record<string, unknown>>();
  const enough = [...groups.values()].every((group) => {
    // Of those not looked at, none has more.
    const cut =
      group.length < looked ? 0 : Math.min(...group.map((row) => Math.max(num(row, "weight"), num(row, "before"))));
    const least = search.by === "crowd" ? "throng" : "weight";
    const order = group.map((row) => num(row, least)).toSorted((a, b) => b - a);
    const last = search.least ?? order[search.limit - 1] ?? -1;
    const first = group.filter((row) => num(row, "weight") + rest >= last);
    // Also those that may stand before them in the order before.
    const earlier = ranked ? Math.min(...first.map((row) => num(row, "before"))) : Infinity;
    for (const row of group) {
      if (first.includes(row) || num(row, "before") + restBefore >= earlier) wanted.add(row);
    }
    return last > cut + rest && (!ranked || first.every((row) => num(row, "before") > cut + restBefore));
  });
  if (groups.size === 0 || !enough) return otherwise(search, tallied(asked, search, false));
  const ports = tallied(
    asked,
    search,
    false,
    // Protocols without ports are few, and some questions count them as one.
    [...[...wanted].map((row) => numOrNull(row, "port")), null],
    also !== undefined,
  );
  const more = also === undefined ? "" : `, ${also(ports)}`;
  return { sql: `SELECT *, ${unpacked} FROM (${sums(search, ports, more)})`, parameters: ports.parameters };
};

/** The leaders by crowd that can still be among the first, once so many sources are counted for each of those. */
export const contenders = (
  asked: Asked<unknown>,
  search: TopSearch & { readonly least: number },
  found: Results[string] = [],
  results: Results = {},
): (number | null)[] => {
  const [span] = search.spans;
  const rest = span === undefined ? 0 : tallied(asked, search, true).rest(span, sensorsIn(results));
  return found.filter((row) => num(row, "weight") + rest >= search.least).map((row) => numOrNull(row, "port"));
};

export interface Top {
  readonly sensor: string;
  readonly protocol: number;
  readonly port: number | null;
  readonly weight: number;
  readonly packets: number;
  readonly marked: number;
  readonly before: number;
  readonly throng: number;
  /** Place in the order before. */
  readonly place: number;
}

/** The first of both statements' rows, in order; by crowd all that may be among the first. */
export const topOf = (search: TopSearch, found: Results[string] = [], exact?: Results[string]): Top[] => {
  const rows = exact ?? found;
  const packedOfRow = (row: Record<string, unknown>): number => num(row, "packed");
  const before = rows.toSorted((a, b) => num(b, "before") - num(a, "before") || packedOfRow(a) - packedOfRow(b));
  const places = new Map(
    before.map((row, i) => [packedOfRow(row), row["place"] === undefined ? i + 1 : num(row, "place")]),
  );
  const order = rows.toSorted(
    (a, b) =>
      (text(a, "sensor") < text(b, "sensor") ? -1 : text(a, "sensor") > text(b, "sensor") ? 1 : 0) ||
      num(b, "weight") - num(a, "weight") ||
      num(b, "n") - num(a, "n") ||
      packedOfRow(a) - packedOfRow(b),
  );
  const taken = [...Map.groupBy(order, (row) => text(row, "sensor")).values()].flatMap((group) => {
    if (search.by !== "crowd") return group.slice(0, search.limit);
    const least =
      search.least ?? group.map((row) => num(row, "throng")).toSorted((a, b) => b - a)[search.limit - 1] ?? 0;
    return group.filter((row) => num(row, "weight") >= least).slice(0, Math.max(200, search.limit));
  });
  return taken.map((row) => ({
    sensor: text(row, "sensor"),
    protocol: num(row, "protocol"),
    port: numOrNull(row, "port"),
    weight: num(row, "weight"),
    packets: num(row, "n"),
    marked: num(row, "marked"),
    before: num(row, "before"),
    throng: num(row, "throng"),
    place: places.get(packedOfRow(row)) ?? 0,
  }));
};
