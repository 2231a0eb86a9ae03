// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import type { Actor } from "../model/actor.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import { isStaff } from "../store/desk/steps.ts";

/*
 * What lists of alerts and of cases ask in the same way: where a page begins, whose rows, by which words, in which states.
 */

/** Counts are exact up to this. */
export const countedTo = 100_000;
/** `%` and `_` of what was typed mean themselves. */
export const like = (typed: string): string => `%${typed.replaceAll(/[\\%_]/g, "\\$&")}%`;

/**
 * For who has rows of its own alone: whose they are, said so that an index can be asked. Row-level security says it too, but of each row.
 */
export const ownRows = (actor: Actor, column: RawBuilder<unknown>): RawBuilder<unknown>[] =>
  isStaff(actor) || actor.case !== undefined ? [] : [sql`${column} = ANY (${[...actor.organisations]})`];

/** A prefix as the range that an index is asked for, then the prefix: under row-level security `<<=` alone is asked of each row. */
export const inside = (column: RawBuilder<unknown>, prefix: string): RawBuilder<unknown> =>
  sql`(${column} >= network(${prefix}::inet) AND ${column} <= set_masklen(broadcast(${prefix}::inet), CASE family(${prefix}::inet) WHEN 4 THEN 32 ELSE 128 END) AND ${column} <<= ${prefix}::inet)`;

/** Organisations by name or id, as who asks may see them. */
export const named = async (trx: DeskTransaction, typed: string): Promise<readonly string[]> => {
  const { rows } = await sql<{
    id: string;
  }>`SELECT id FROM organisations WHERE name ILIKE ${like(typed)} OR id = ${typed.toLowerCase()}`.execute(trx);
  return rows.map(({ id }) => id);
};

/**
 * Families of alerts that hold what was typed. There are a dozen of them on a hundred thousand alerts, so the index is asked for one after the
 * other; who sees few alerts asks those themselves.
 */
export const ofFamily = async (trx: DeskTransaction, actor: Actor, typed: string): Promise<RawBuilder<unknown>> => {
  if (!isStaff(actor)) return sql`a.family ILIKE ${like(typed)}`;
  const { rows } = await sql<{
    family: string;
  }>`WITH RECURSIVE f(family) AS ((SELECT family FROM alerts WHERE family IS NOT NULL ORDER BY family LIMIT 1)
  UNION ALL SELECT (SELECT a.family FROM alerts a WHERE a.family > f.family ORDER BY a.family LIMIT 1) FROM f WHERE f.family IS NOT NULL)
SELECT family FROM f WHERE family ILIKE ${like(typed)} LIMIT 1000`.execute(trx);
  return sql`a.family = ANY (${rows.map(({ family }) => family)})`;
};

/**
 * The first of those in some states: of what is closed and of what is not each asked by itself, since each has indexes of its own.
 */
export const firstOf = (
  states: readonly string[],
  among: (condition: RawBuilder<unknown>) => RawBuilder<unknown>,
): RawBuilder<unknown> => {
  const open = states.filter((state) => state !== "closed");
  const parts = [
    ...(open.length > 0 ? [among(sql`state <> 'closed' AND state = ANY (${open})`)] : []),
    ...(states.includes("closed") ? [among(sql`state = 'closed'`)] : []),
  ];
  // None of them: nothing, and no broken statement.
  if (parts.length === 0) return among(sql`false`);
  return sql.join(
    parts.map((part) => sql`(${part})`),
    sql` UNION ALL `,
  );
};
