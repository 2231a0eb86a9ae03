// SPDX-License-Identifier: Apache-2.0
import type { Asked } from "./asked.ts";
import { conditions, relation } from "./relation.ts";
import type { Filters } from "./relation.ts";

/** Filters that a day of a source cannot answer. */
const unknown = ["port", "protocol", "class", "sensor", "mark", "signature"] as const;

/**
 * Sources by day (UTC), a subquery with columns date (Date), src, n (packets), ports (over 10 are 11 where the base answers). From the roll-up where the filters let it, whose days are whole: a
 * day cut by the period's end is taken from the base.
 */
export const sourceDays = (
  asked: Asked<unknown>,
  filters: Filters,
  measures: readonly ("packets" | "ports")[] = ["packets", "ports"],
): { sql: string; parameters: Readonly<Record<string, unknown>>; from: "base" | "rollup" } => {
  const { rollUps } = asked.around;
  const fits = unknown.every((name) => filters[name] === undefined);
  if (rollUps === null || !fits) {
    const rows = relation(asked, asked, filters, { storms: false });
    return {
      sql: `(SELECT toDate(first_seen) AS date, src, sum(${rows.packets}) AS n, uniqUpTo(10)(protocol, dst_port) AS ports FROM ${rows.sql} GROUP BY date, src)`,
      parameters: rows.parameters,
      from: "base",
    };
  }
  const filter = conditions(filters);
  // What is filtered by is read with them.
  const needed = [...measures, ...(filter.named.length > 0 ? ["src_asn", "src_cc"] : [])];
  const where = "realm = {realm:String} AND exercise = {exercise:String}";
  const rows = rollUps.source(
    "source_days",
    "1d",
    { from: asked.from * 1000, to: asked.to * 1000 },
    { measures: needed, where },
  );
  const named = filter.named.length > 0 ? `WHERE ${filter.named.join(" AND ")}` : "";
  return {
    sql: `(SELECT toDate(bucket) AS date, src, packets AS n${measures.includes("ports") ? ", ports" : ""} FROM ${rows} ${named})`,
    parameters: { realm: asked.realm, exercise: asked.exercise, ...filter.parameters },
    from: "rollup",
  };
};
