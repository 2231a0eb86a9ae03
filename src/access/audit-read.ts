// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Actor } from "../model/actor.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { asSystem } from "./identity.ts";
import { ground, hashOfRow } from "./audit.ts";
import type { AuditRow } from "./audit.ts";

export interface AuditFilter {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly subject?: string | undefined;
  readonly organisation?: string | undefined;
  readonly outcome?: "done" | "refused" | undefined;
  readonly kind?: "read" | "change" | "session" | undefined;
  /** Microseconds; from <= at < to. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

const filtered = (trx: DeskTransaction, filter: AuditFilter) => {
  let query = trx.selectFrom("audit_log");
  if (filter.actor !== undefined) query = query.where("actor", "=", filter.actor);
  if (filter.action !== undefined) query = query.where("action", "=", filter.action);
  if (filter.subject !== undefined) {
    query = query.where("subject", "ilike", `%${filter.subject.replaceAll(/[\\%_]/g, "\\$&")}%`);
  }
  if (filter.organisation !== undefined) query = query.where("organisation_id", "=", filter.organisation);
  if (filter.outcome !== undefined) query = query.where("outcome", "=", filter.outcome);
  if (filter.kind !== undefined) query = query.where("kind", "=", filter.kind);
  if (filter.from !== undefined) query = query.where("at", ">=", filter.from);
  if (filter.to !== undefined) query = query.where("at", "<", filter.to);
  return query;
};

/** Rows of the log, newest first, before row `before`. */
export const auditRows = (
  desk: Desk,
  actor: Actor,
  filter: AuditFilter,
  page: { readonly before: number | null; readonly limit: number },
): Promise<{ total: number; rows: AuditRow[] }> =>
  desk.as(actor, async (trx) => {
    const counted = filtered(trx, filter).select("id").limit(100_000).as("found");
    const total = await trx
      .selectFrom(counted)
      .select(sql<number>`count(*)`.as("n"))
      .executeTakeFirst();
    let query = filtered(trx, filter).selectAll().orderBy("id", "desc").limit(page.limit);
    if (page.before !== null) query = query.where("id", "<", page.before);
    return { total: Number(total?.n ?? 0), rows: await query.execute() };
  });

/** How many refusals since, and by how many people all was done. */
export const auditFacts = (desk: Desk, actor: Actor, since: number): Promise<{ refusedDay: number; people: number }> =>
  desk.as(actor, async (trx) => {
    const refused = await trx
      .selectFrom("audit_log")
      .select(sql<number>`count(*)`.as("n"))
      .where("at", ">=", since)
      .where("outcome", "=", "refused")
      .executeTakeFirst();
    const people = await trx
      .selectFrom("audit_log")
      .select(sql<number>`count(DISTINCT actor)`.as("n"))
      .where("at", ">=", since)
      .executeTakeFirst();
    return { refusedDay: Number(refused?.n ?? 0), people: Number(people?.n ?? 0) };
  });

/** The rows of the log in order, as JSON lines, in pages so that nothing grows. */
export async function* auditLines(desk: Desk, actor: Actor, filter: AuditFilter): AsyncGenerator<string> {
  for (let after = 0; ;) {
    const rows = await desk.as(actor, (trx) =>
      filtered(trx, filter).selectAll().where("id", ">", after).orderBy("id").limit(1000).execute(),
    );
    for (const row of rows) yield `${JSON.stringify(row)}\n`;
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

/** A head that left the node: what the chain was when it did. */
export interface KnownHead {
  readonly row: number;
  readonly hash: string;
  readonly at: number;
}
export interface AuditVerdict {
  readonly rows: number;
  readonly whole: boolean;
  /** First row that does not fit, or is missing. */
  readonly broken: number | null;
  readonly heads: readonly { readonly at: number; readonly row: number; readonly agrees: boolean }[];
}

/** Computes the chain anew and compares it with heads that left: a tail that was rewritten together with its hashes does not agree. */
export const verifyAudit = async (desk: Desk, heads: readonly KnownHead[]): Promise<AuditVerdict> => {
  let hash = ground;
  let rows = 0;
  let broken: number | null = null;
  const wanted = new Map<number, KnownHead[]>();
  for (const head of heads) wanted.set(head.row, [...(wanted.get(head.row) ?? []), head]);
  const verdicts: { at: number; row: number; agrees: boolean }[] = [];
  for (let after = 0; ;) {
    const page = await asSystem(desk, (trx) =>
      trx.selectFrom("audit_log").selectAll().where("id", ">", after).orderBy("id").limit(2000).execute(),
    );
    for (const row of page) {
      rows++;
      if (broken === null && (row.id !== rows || hashOfRow(hash, row) !== row.hash)) broken = rows;
      hash = row.hash;
      for (const head of wanted.get(row.id) ?? []) {
        verdicts.push({ at: head.at, row: head.row, agrees: head.hash === row.hash });
      }
      wanted.delete(row.id);
    }
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.id;
  }
  // A head of a row that is no longer there: the tail was cut off.
  for (const left of wanted.values()) for (const { at, row } of left) verdicts.push({ at, row, agrees: false });
  const against = verdicts.filter(({ agrees }) => !agrees).map(({ row }) => row);
  if (broken === null && against.length > 0) broken = Math.min(...against);
  return { rows, whole: broken === null, broken, heads: verdicts.toSorted((a, b) => b.row - a.row) };
};
