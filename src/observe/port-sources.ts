// SPDX-License-Identifier: Apache-2.0
import { day } from "./asked.ts";
import type { Asked, Span } from "./asked.ts";
import type { Statement } from "./engine.ts";
import { num, text } from "./question.ts";
import type { Results } from "./question.ts";
import { conditions, scopeOf } from "./relation.ts";
import type { Filters } from "./relation.ts";

/** What a port is asked for by, where the rows are of what asks for it already. */
const keysOf = (
  asked: Asked<unknown>,
  filters: Filters,
): { readonly where: string } & Pick<Statement, "parameters"> => {
  const { class: _class, ...keys } = filters;
  const own = conditions(keys);
  return {
    where: `realm = {realm:String} AND exercise = {exercise:String} AND ${own.all.join(" AND ")}`,
    parameters: { realm: asked.realm, exercise: asked.exercise, ...own.parameters },
  };
};
/** Its buckets are asked for while rows are kept, microseconds. */
const keptOf = ({ from, to, around }: Asked<unknown>): Span => ({
  from: Math.min(to, Math.max(from, around.kept.rows)) * 1000,
  to: to * 1000,
});

/**
 * Rows that name the sources of a port, or some of them, a subquery with columns src, signature, src_asn, src_cc, n, m (Mirai's packets), first, last.
 * A period with no whole day in it is read from flow rows: the recent ones lie by port.
 */
export const sourcesOf = (asked: Asked<unknown>, filters: Filters, chosen?: readonly string[]): Statement => {
  const { rollUps } = asked.around;
  const also = chosen === undefined ? "1" : "src IN {chosen:Array(IPv6)}";
  const more = chosen === undefined ? {} : { chosen };
  const range = { from: asked.from * 1000, to: asked.to * 1000 };
  if (rollUps === null || asked.to - asked.from < 2 * day) {
    const scope = scopeOf(asked, asked);
    const own = conditions(filters);
    const where = [scope.sql, ...own.all, also].join(" AND ");
    const rows = rollUps?.rows(range, where, chosen === undefined ? undefined : 0) ?? `flows WHERE ${where}`;
    return {
      sql: `(SELECT src, signature, src_asn, src_cc, packets AS n, mirai AS m, first_seen AS first, last_seen AS last FROM ${rows})`,
      parameters: { ...scope.parameters, ...own.parameters, ...more },
    };
  }
  const { where, parameters } = keysOf(asked, filters);
  const rows = rollUps.source("port_sources", "1d", range, {
    measures: ["packets", "mirai", "first", "last", "src_asn", "src_cc"],
    where: `${where} AND ${also}`,
    oneScope: true,
    fewSources: chosen !== undefined,
  });
  return {
    sql: `(SELECT src, signature, src_asn, src_cc, packets AS n, mirai AS m, first, last FROM ${rows})`,
    parameters: { ...parameters, ...more },
  };
};

/** In which hours and days the port is busy: those are summed up already. */
export const busyStatement = (asked: Asked<unknown>, filters: Filters): Record<string, Statement> => {
  const { where, parameters } = keysOf(asked, filters);
  const { rollUps } = asked.around;
  return rollUps === null ? {} : { busy: { sql: rollUps.busyBuckets(keptOf(asked), where), parameters } };
};

/** A port's sources by country, network and signature: the first of each kind by packets; and in each row when the port was first and last seen. */
export const originsStatement = (
  asked: Asked<unknown>,
  filters: Filters,
  limit: number,
  busy: Results[string] = [],
): Statement => {
  const keys = keysOf(asked, filters);
  const named = sourcesOf(asked, filters);
  const { rollUps } = asked.around;
  const buckets = busy.map((row) => ({ grain: text(row, "grain"), bucket: num(row, "bucket") }));
  const { parts, rest } = rollUps?.portParts(keptOf(asked), keys.where, buckets) ?? {
    parts: undefined,
    rest: named.sql,
  };
  const rows = [
    ...(parts === undefined
      ? []
      : [`SELECT toString(kind) AS kind, src_cc, src_asn, signature, n, m, sources, first, last FROM ${parts}`]),
    ...(rest === undefined
      ? []
      : [
          `SELECT multiIf(grouping(src_cc) = 0, 'country', grouping(src_asn) = 0, 'network', 'signature') AS kind, src_cc, src_asn, signature, sum(n) AS n, sum(m) AS m, uniqCombinedState(12)(src) AS sources, min(first) AS first, max(last) AS last
  FROM ${rest} GROUP BY GROUPING SETS ((src_cc), (src_asn), (signature))`,
        ]),
  ];
  return {
    sql: `SELECT t.*, networks.name AS network FROM (SELECT kind, src_cc AS cc, src_asn AS asn, toUInt32(bitShiftRight(ifNull(signature, 0), 32)) AS high, toUInt32(bitAnd(ifNull(signature, 0), 4294967295)) AS low, signature IS NOT NULL AS signed,
  total, marked, counted AS sources, toUnixTimestamp64Milli(min(begun) OVER ()) AS first_at, toUnixTimestamp64Milli(max(ended) OVER ()) AS last_at
  FROM (SELECT kind, src_cc, src_asn, signature, sum(n) AS total, sum(m) AS marked, uniqCombinedMerge(12)(sources) AS counted, min(first) AS begun, max(last) AS ended FROM (${rows.join(" UNION ALL ")}) GROUP BY kind, src_cc, src_asn, signature)
  ORDER BY total DESC, cc, asn, high, low LIMIT ${limit + 1} BY kind) AS t
LEFT JOIN networks ON networks.asn = t.asn ORDER BY total DESC, cc, t.asn, high, low`,
    parameters: rollUps === null ? named.parameters : keys.parameters,
  };
};
