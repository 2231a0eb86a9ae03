// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import type { Actor } from "../model/actor.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import { roomy } from "../store/desk/planner.ts";
import { ownRows } from "./asking.ts";

/*
 * Every figure of times is of what is real, and of the shared realm: `exercise = ''` stands in one place, `perEpisode`, and every question goes through it.
 */

/** Taken back, false, or another's: these were no infections of the owner's, and no figure has them. */
const counted = (table: "a" | "e"): RawBuilder<unknown> => {
  const closing = sql.ref(`${table}.closing`);
  return sql`(${closing} IS NULL OR ${closing} NOT IN ('withdrawn', 'false-positive', 'not-ours'))`;
};

/**
 * A question of every episode that began in [from, to) of every alert: of what an alert is now, and of what it was before it came back. `of` asks one of the
 * two, as `x`, and both answers follow one another. An episode begins with its notice, or where nobody was told with its detection. `followed` and `lengths` are
 * what the desk's functions `layang_followed` and `layang_lengths` make of its clocks. The first packet is that of what was claimed; of what came back there is none,
 * since a claim that goes on keeps its first packet.
 */
export const perEpisode = (
  period: { readonly from: number; readonly to: number },
  of: (episodes: RawBuilder<unknown>) => RawBuilder<unknown>,
): RawBuilder<unknown> => {
  const { from, to } = period;
  // As the index alerts_clocks has them.
  const now = sql`(SELECT a.organisation_id, a.kind, a.family, a.country, a.case_id, a.detected, a.began, a.followed, a.lengths FROM alerts a
  WHERE a.exercise = '' AND a.realm = '' AND ${counted("a")} AND a.began >= ${from}::bigint AND a.began < ${to}::bigint) AS x`;
  const before = sql`(SELECT a.organisation_id, a.kind, a.family, a.country, a.case_id, e.detected, coalesce(e.notified, e.detected) AS began,
  layang_followed(e.detected, e.notified, e.quieted, 'quiet', e.relapsed, e.relapsed, e.closing) AS followed,
  layang_lengths(CASE WHEN e.episode = 0 THEN a.first END, e.detected, e.notified, e.acknowledged, e.acted, e.quieted, e.episode > 0) AS lengths
  FROM alert_episodes e JOIN alerts a ON a.id = e.alert_id WHERE a.exercise = '' AND a.realm = '' AND ${counted("e")} AND coalesce(e.notified, e.detected) >= ${from}::bigint AND coalesce(e.notified, e.detected) < ${to}::bigint) AS x`;
  return sql`${of(now)} UNION ALL ${of(before)}`;
};

/** Rows are grouped, and not sorted first, for how few they seem to be. Holds for the transaction. */
export const grouping = async (trx: DeskTransaction): Promise<void> => {
  await roomy(trx);
  await sql`SELECT set_config('enable_sort', 'off', true)`.execute(trx);
};
/** Rows of those of who asks, or of all; of one organisation where it is named. */
export const own = (actor: Actor, table: "a" | "x", organisation?: string): RawBuilder<unknown> => {
  const column = sql.ref(`${table}.organisation_id`);
  const list = [...ownRows(actor, column), ...(organisation === undefined ? [] : [sql`${column} = ${organisation}`])];
  return sql.join(
    list.map((condition) => sql`AND ${condition}`),
    sql` `,
  );
};

/** Names of organisations by id. */
export const namesOf = async (trx: DeskTransaction, ids: readonly string[]): Promise<ReadonlyMap<string, string>> => {
  const { rows } = await sql<{
    id: string;
    name: string;
  }>`SELECT id, name FROM organisations WHERE id = ANY (${[...ids]})`.execute(trx);
  return new Map(rows.map(({ id, name }) => [id, name]));
};
