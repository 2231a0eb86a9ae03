// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { DeskTransaction } from "../store/desk/desk.ts";
import type { DeskTables } from "../store/desk/tables.ts";

/** Columns of a table and the engine's types they are read as. */
export type Columns = Readonly<Record<string, string>>;

const atOnce = 1_000;
/** PostgreSQL keeps no zero byte and no half of a character in text. */
const text = (value: unknown): string =>
  JSON.stringify(value, (_name, one: unknown) =>
    typeof one === "string" ? one.replaceAll("\0", "").toWellFormed() : one,
  );

/**
 * Writes many rows with one statement a thousand: one document in, taken apart by the engine. `conflict` is what follows the
 * rows, such as `ON CONFLICT (id) DO NOTHING`. Answers the first column of the rows that were written.
 */
export const insertRows = async <Row extends object>(
  trx: DeskTransaction,
  table: keyof DeskTables,
  columns: Columns,
  rows: readonly Row[],
  conflict = "",
): Promise<ReadonlySet<unknown>> => {
  const written = new Set<unknown>();
  const first = Object.keys(columns)[0] ?? "id";
  const names = Object.keys(columns).join(", ");
  const types = Object.entries(columns)
    .map(([name, type]) => `${name} ${type}`)
    .join(", ");
  for (let at = 0; at < rows.length; at += atOnce) {
    const slice = text(rows.slice(at, at + atOnce));
    const { rows: done } = await sql<
      Record<string, unknown>
    >`INSERT INTO ${sql.raw(table)} (${sql.raw(names)}) SELECT ${sql.raw(names)} FROM jsonb_to_recordset(${slice}::jsonb) AS r(${sql.raw(types)}) ${sql.raw(conflict)} RETURNING ${sql.raw(first)}`.execute(
      trx,
    );
    for (const row of done) written.add(row[first]);
  }
  return written;
};

/** `ON CONFLICT (key) DO UPDATE` of all other columns. */
export const orReplace = (columns: Columns, key: string): string =>
  `ON CONFLICT (${key}) DO UPDATE SET ${Object.keys(columns)
    .filter((name) => name !== key)
    .map((name) => `${name} = excluded.${name}`)
    .join(", ")}`;
