// SPDX-License-Identifier: Apache-2.0
import type { Asked } from "./asked.ts";
import { conditions, relation } from "./relation.ts";
import type { Filters } from "./relation.ts";

/** Filters that a day of a source cannot answer. */
const unknown = ["port", "protocol", "class", "sensor", "mark", "signature"] as const;

/** Whether the roll-up can answer under the filters. */
export const rolledUp = ({ around }: Asked<unknown>, filters: Filters): boolean =>
  around.rollUps !== null && unknown.every((name) => filters[name] === undefined);

const columnsOf = {
  packets: ["packets"],
  ports: ["ports"],
  marks: ["mirai", "zmap", "masscan", "stateless", "first", "last", "src_asn", "src_cc"],
  sets: ["port_set", "sensor_set"],
} as const;

/**
 * Sources by day (UTC), a subquery with columns date (Date), src, n (packets), ports (those asked for by SYN or UDP; over 10 are 11 where the base
 * answers). From the roll-up where the filters let it, whose days are whole: a day cut by the period's end is taken from the base.
 * Marks and sets are the roll-up's alone.
 */
export const sourceDays = (
  asked: Asked<unknown>,
  filters: Filters,
  measures: readonly (keyof typeof columnsOf)[] = ["packets", "ports"],
  { where = "", leaders = false }: { where?: string; leaders?: boolean } = {},
): { sql: string; parameters: Readonly<Record<string, unknown>>; from: "base" | "rollup" } => {
  const { rollUps } = asked.around;
  if (rollUps === null || !rolledUp(asked, filters)) {
    const rows = relation(asked, asked, filters, { storms: false, also: where === "" ? [] : [where] });
    return {
      sql: `(SELECT toDate(first_seen) AS date, src, sum(${rows.packets}) AS n, uniqUpToIf(10)(toUInt32(protocol) * 131072 + ifNull(toUInt32(dst_port), 65536), class IN ('tcp-syn', 'udp') AND victim IS NULL) AS ports FROM ${rows.sql} GROUP BY date, src)`,
      parameters: rows.parameters,
      from: "base",
    };
  }
  const filter = conditions(filters);
  const columns = measures.flatMap((name): readonly string[] => columnsOf[name]);
  // What is filtered by is read with them.
  const needed = new Set([...columns, ...(filter.named.length > 0 ? ["src_asn", "src_cc"] : [])]);
  const scope = "realm = {realm:String} AND exercise = {exercise:String}";
  const rows = rollUps.source(
    "source_days",
    "1d",
    { from: asked.from * 1000, to: asked.to * 1000 },
    { measures: [...needed], where: where === "" ? scope : `${scope} AND ${where}`, leaders, oneScope: true },
  );
  const named = filter.named.length > 0 ? `WHERE ${filter.named.join(" AND ")}` : "";
  return {
    sql: `(SELECT toDate(bucket) AS date, src, ${columns.map((name) => (name === "packets" ? "packets AS n" : name)).join(", ")} FROM ${rows} ${named})`,
    parameters: { realm: asked.realm, exercise: asked.exercise, ...filter.parameters },
    from: "rollup",
  };
};
