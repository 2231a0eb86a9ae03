// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Kysely } from "kysely";
import type { DeskTables } from "./tables.ts";

/**
 * What a PostgreSQL server does by itself and the engine in the process does not: clears away what rows were before they changed, and counts anew
 * what the planner goes by. Without it tables grow with every change, and lists read rows where an index would do.
 * A table takes its turn when a tenth of it has changed; one at a time, the fullest first, for nobody else is answered meanwhile (a second or two
 * for a hundred thousand rows). Gives the table; null: none needed it. A table that could not be tidied is put down in `spared`, and does not stand
 * before the others again while it is there.
 */
export const tidyDesk = async (owner: Kysely<DeskTables>, spared: Set<string> = new Set()): Promise<string | null> => {
  // What changed in this second is not counted yet.
  await sql`SELECT pg_stat_force_next_flush()`.execute(owner);
  const { rows } = await sql<{
    name: string;
  }>`SELECT s.relname::text AS name FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE greatest(s.n_dead_tup, s.n_mod_since_analyze, s.n_ins_since_vacuum) > 1000 + greatest(c.reltuples, 0) / 10 AND NOT s.relname::text = ANY (${[...spared]})
ORDER BY greatest(s.n_dead_tup, s.n_mod_since_analyze, s.n_ins_since_vacuum) DESC LIMIT 1`.execute(owner);
  const name = rows[0]?.name ?? null;
  if (name !== null) {
    spared.add(name);
    await sql`VACUUM (ANALYZE) ${sql.table(name)}`.execute(owner);
    spared.delete(name);
  }
  return name;
};
