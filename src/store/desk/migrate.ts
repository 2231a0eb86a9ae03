// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Kysely } from "kysely";
import { AppError } from "../../platform/errors.ts";
import { migrations } from "./migrations/index.ts";
import type { DeskTables } from "./tables.ts";

/** Tables that a migration wrote anew: indexes alone answer for them when they have been looked through. */
const rewritten: Readonly<Record<string, readonly string[]>> = { "0212-counts": ["alerts"] };

/**
 * Brings the schema to the newest form, each migration in a transaction of its own; two nodes that start at once take turns.
 * `until` stops behind the migration of that name (tests). @throws AppError DESK_NEWER when a newer program wrote this desk.
 */
export const migrate = async (owner: Kysely<DeskTables>, until?: string): Promise<readonly string[]> => {
  const done: string[] = [];
  await sql`CREATE TABLE IF NOT EXISTS layang_migrations (name text PRIMARY KEY)`.execute(owner);
  const { rows } = await sql<{ name: string }>`SELECT name FROM layang_migrations`.execute(owner);
  const unknown = rows.map(({ name }) => name).filter((name) => !Object.hasOwn(migrations, name));
  if (unknown.length > 0) {
    throw new AppError(
      "DESK_NEWER",
      `the desk was written by a newer program (${unknown.join(", ")}): start that one, or restore a backup`,
    );
  }
  for (const name of Object.keys(migrations).toSorted()) {
    await owner.transaction().execute(async (trx) => {
      await sql`SELECT pg_advisory_xact_lock(7382915)`.execute(trx);
      const held = await sql`SELECT FROM layang_migrations WHERE name = ${name}`.execute(trx);
      if (held.rows.length > 0) return;
      for (const statement of migrations[name] ?? []) await sql.raw(statement).execute(trx);
      await sql`INSERT INTO layang_migrations VALUES (${name})`.execute(trx);
      done.push(name);
    });
    if (done.at(-1) === name)
      for (const table of rewritten[name] ?? []) await sql`VACUUM (ANALYZE) ${sql.table(table)}`.execute(owner);
    if (name === until) break;
  }
  return done;
};
