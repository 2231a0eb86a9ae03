// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Kysely, Transaction } from "kysely";
import { AppError } from "../../platform/errors.ts";
import { migrations } from "./migrations/index.ts";
import type { DeskTables } from "./tables.ts";

/**
 * A desk as lines of text, the same for both engines: what was written in the process can be read by a server. The first line
 * says which migrations it has; then for each table a line with its columns, and a line of JSON for each row, as the engine
 * itself writes it: numbers, times and documents go through no other hands.
 */
interface Head {
  readonly layang: "desk";
  readonly format: 1;
  readonly migrations: readonly string[];
}
interface TableHead {
  readonly table: string;
  readonly columns: readonly string[];
}
const page = 2_000;
/** A document goes as text: as part of a row, the document `null` and no document would be the same. */
const isDocument = (type: string | undefined): boolean => type === "jsonb" || type === "json";
/** Kept from other tables by the engine itself: they fill as those do. */
const keptOfOthers = ["alert_counts", "case_counts"];
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

interface TableShape {
  readonly name: string;
  readonly columns: readonly string[];
  /** Of each column, in the engine's words. */
  readonly types: readonly string[];
  /** Tables that must be there before. */
  readonly needs: readonly string[];
  /** Columns that refer to rows of the same table. */
  readonly self: readonly string[];
  readonly key: readonly string[];
}

const shapes = async (owner: Kysely<DeskTables>): Promise<TableShape[]> => {
  const { rows } = await sql<{
    name: string;
    columns: string[];
    types: string[];
    needs: string[];
    self: string[];
    key: string[];
  }>`SELECT c.relname AS name,
  (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
  (SELECT array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS types,
  coalesce((SELECT array_agg(DISTINCT f.relname::text) FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid <> c.oid), '{}') AS needs,
  coalesce((SELECT array_agg(a.attname::text) FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey) WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid = c.oid), '{}') AS self,
  coalesce((SELECT array_agg(a.attname::text) FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = c.oid AND i.indisprimary), '{}') AS key
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relkind = 'r' AND NOT c.relname::text = ANY (${["layang_migrations", ...keptOfOthers]}) ORDER BY c.relname`.execute(
    owner,
  );
  const left = new Map(rows.map((row) => [row.name, row]));
  const ordered: TableShape[] = [];
  while (left.size > 0) {
    const next = [...left.values()].find(({ needs }) => needs.every((need) => !left.has(need)));
    if (next === undefined)
      throw new AppError("BACKUP_FAILED", `tables that need each other: ${[...left.keys()].join(", ")}`);
    ordered.push(next);
    left.delete(next.name);
  }
  return ordered;
};

/** Writes everything of a desk, as it is at one moment; resolves to the rows of each table. */
export const dumpDesk = (
  owner: Kysely<DeskTables>,
  write: (line: string) => Promise<void>,
): Promise<Readonly<Record<string, number>>> =>
  owner
    .transaction()
    .setIsolationLevel("repeatable read")
    .execute(async (trx) => {
      const { rows: done } = await sql<{ name: string }>`SELECT name FROM layang_migrations ORDER BY name`.execute(trx);
      await write(
        JSON.stringify({ layang: "desk", format: 1, migrations: done.map(({ name }) => name) } satisfies Head),
      );
      const counts: Record<string, number> = {};
      for (const { name, columns, types } of await shapes(trx)) {
        await write(JSON.stringify({ table: name, columns } satisfies TableHead));
        let count = 0;
        // A cursor: a table is never in memory whole.
        await sql
          .raw(
            `DECLARE layang_dump NO SCROLL CURSOR FOR SELECT row_to_json(t)::text AS line FROM (SELECT ${columns.map((column, i) => (isDocument(types[i]) ? `${quoted(column)}::text AS ${quoted(column)}` : quoted(column))).join(", ")} FROM ${quoted(name)}) AS t`,
          )
          .execute(trx);
        for (;;) {
          const { rows } = await sql.raw<{ line: string }>(`FETCH ${page} FROM layang_dump`).execute(trx);
          for (const { line } of rows) await write(line);
          count += rows.length;
          if (rows.length < page) break;
        }
        await sql.raw("CLOSE layang_dump").execute(trx);
        counts[name] = count;
      }
      return counts;
    });

/** Rows of JSON as rows of a table's columns. */
const rowsOf = (
  { columns, types }: TableShape,
  wanted: readonly string[],
): { from: string; value: (column: string) => string } => {
  const typeOf = (column: string): string => types[columns.indexOf(column)] ?? "text";
  return {
    from: `AS r(${wanted.map((column) => `${quoted(column)} ${isDocument(typeOf(column)) ? "text" : typeOf(column)}`).join(", ")})`,
    value: (column) => (isDocument(typeOf(column)) ? `r.${quoted(column)}::${typeOf(column)}` : `r.${quoted(column)}`),
  };
};

/** The migrations that a dump has, from its first line. @throws AppError BACKUP_INVALID, DESK_NEWER. */
export const migrationsOf = (line: string): readonly string[] => {
  const head = parse(line) as Partial<Head>;
  if (head.layang !== "desk" || head.format !== 1 || !Array.isArray(head.migrations)) {
    throw new AppError("BACKUP_INVALID", "this is no desk of a backup");
  }
  const unknown = head.migrations.filter((name) => !Object.hasOwn(migrations, name));
  if (unknown.length > 0)
    throw new AppError("DESK_NEWER", `the backup was made by a newer program (${unknown.join(", ")})`);
  return head.migrations;
};

const parse = (line: string): unknown => {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    throw new AppError("BACKUP_INVALID", "a line of the desk's backup is cut or changed");
  }
};

/**
 * Fills an empty desk with a dump; all of it or nothing. The desk has at least the dump's migrations; columns that came later take
 * their defaults. @throws AppError BACKUP_INVALID when the desk is not empty or a line is not what a dump has.
 */
export const restoreDesk = (
  owner: Kysely<DeskTables>,
  lines: AsyncIterable<string>,
): Promise<Readonly<Record<string, number>>> =>
  owner.transaction().execute(async (trx) => {
    const known = new Map((await shapes(trx)).map((shape) => [shape.name, shape]));
    const counts: Record<string, number> = {};
    let shape: TableShape | undefined;
    let columns: readonly string[] = [];
    let rows: string[] = [];
    const later: { readonly shape: TableShape; readonly rows: string[] }[] = [];
    const flush = async (): Promise<void> => {
      if (shape === undefined || rows.length === 0) return;
      const plain = columns.filter((column) => !shape?.self.includes(column));
      const { from, value } = rowsOf(shape, plain);
      await sql`${sql.raw(`INSERT INTO ${quoted(shape.name)} (${plain.map(quoted).join(", ")}) OVERRIDING SYSTEM VALUE SELECT ${plain.map(value).join(", ")} FROM json_to_recordset(`)}${`[${rows.join(",")}]`}::json) ${sql.raw(from)}`.execute(
        trx,
      );
      counts[shape.name] = (counts[shape.name] ?? 0) + rows.length;
      const { self, key } = shape;
      if (self.length > 0) {
        // Of rows that refer to others of their table, what is needed to say so later; there are few, and a table is never in memory whole.
        const referring = rows
          .map((row) => parse(row) as Readonly<Record<string, unknown>>)
          .filter((row) => self.some((column) => (row[column] ?? null) !== null))
          .map((row) => JSON.stringify(Object.fromEntries([...key, ...self].map((name) => [name, row[name] ?? null]))));
        for (let at = 0; at < referring.length; at += page) later.push({ shape, rows: referring.slice(at, at + page) });
      }
      rows = [];
    };
    let first = true;
    for await (const line of lines) {
      if (line === "") continue;
      if (first) {
        migrationsOf(line);
        first = false;
        continue;
      }
      const head = line.startsWith('{"table":') ? (parse(line) as Partial<TableHead>) : undefined;
      if (head?.table !== undefined && Array.isArray(head.columns) && Object.keys(head).length === 2) {
        await flush();
        shape = known.get(head.table);
        if (shape === undefined)
          throw new AppError("BACKUP_INVALID", `the desk has no table ${String(head.table).slice(0, 64)}`);
        const there = new Set(shape.columns);
        columns = head.columns;
        const extra = columns.find((column) => !there.has(column));
        if (extra !== undefined)
          throw new AppError("BACKUP_INVALID", `${shape.name} has no column ${extra.slice(0, 64)}`);
        const held = await sql.raw<{ n: number }>(`SELECT count(*) AS n FROM ${quoted(shape.name)}`).execute(trx);
        if ((held.rows[0]?.n ?? 0) > 0) throw new AppError("BACKUP_INVALID", "the desk to restore into is not empty");
        counts[shape.name] = 0;
        continue;
      }
      if (shape === undefined) throw new AppError("BACKUP_INVALID", "a row stands before its table");
      parse(line);
      rows.push(line);
      if (rows.length >= page) await flush();
    }
    await flush();
    if (first) throw new AppError("BACKUP_INVALID", "the desk's backup is empty");
    for (const { shape: of, rows: all } of later) {
      const set = of.self.map((column) => `${quoted(column)} = r.${quoted(column)}`).join(", ");
      const key = of.key.map((column) => `t.${quoted(column)} = r.${quoted(column)}`).join(" AND ");
      const { from } = rowsOf(of, [...of.key, ...of.self]);
      await sql`${sql.raw(`UPDATE ${quoted(of.name)} AS t SET ${set} FROM json_to_recordset(`)}${`[${all.join(",")}]`}::json) ${sql.raw(from)} WHERE ${sql.raw(key)}`.execute(
        trx,
      );
    }
    await setSequences(trx, [...known.values()]);
    return counts;
  });

/** Numbers that the engine gives go on where they were. */
const setSequences = async (trx: Transaction<DeskTables>, tables: readonly TableShape[]): Promise<void> => {
  for (const { name, columns } of tables) {
    for (const column of columns) {
      const { rows } = await sql<{
        sequence: string | null;
      }>`SELECT pg_get_serial_sequence(${quoted(name)}, ${column}) AS sequence`.execute(trx);
      const sequence = rows[0]?.sequence;
      if (sequence === null || sequence === undefined) continue;
      await sql`SELECT setval(${sequence}, greatest((SELECT max(${sql.raw(quoted(column))}) FROM ${sql.raw(quoted(name))}), 1), (SELECT count(*) > 0 FROM ${sql.raw(quoted(name))}))`.execute(
        trx,
      );
    }
  }
};
