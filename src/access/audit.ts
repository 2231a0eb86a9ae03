// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Selectable } from "kysely";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import type { AuditLogTable } from "../store/desk/people.ts";
import { asSystem } from "./identity.ts";

/** One act, as it is told to the log. */
export interface Act {
  readonly actor: string;
  /** The name at the time. */
  readonly name: string;
  readonly kind: "read" | "change" | "session";
  /** Noun and verb: `case.read`, `login`. */
  readonly action: string;
  readonly subject?: string | null;
  readonly organisation?: string | null;
  readonly outcome: "done" | "refused";
  readonly address?: string | null;
  readonly detail?: string | null;
}
export type AuditRow = Selectable<AuditLogTable>;

const lock = 7_382_916;
/** Characters of a subject that are kept. */
export const longestSubject = 300;
/** The hash before the first row. */
export const ground = "0".repeat(64);

/** The hash of a row: SHA-256 over the hash before it and everything the row says, in one fixed order. */
export const hashOfRow = (previous: string, row: Omit<AuditRow, "hash">): string =>
  createHash("sha256")
    .update(
      JSON.stringify([
        previous,
        row.id,
        row.at,
        row.actor,
        row.name,
        row.kind,
        row.action,
        row.subject,
        row.organisation_id,
        row.outcome,
        row.address,
        row.detail,
      ]),
    )
    .digest("hex");

export interface AuditLog {
  /** Resolves when the act is kept; acts that come together are kept together. */
  write(act: Act): Promise<void>;
}

/** Cut to a length, and only what a database gives back as it was given: half a character would break the chain for good. */
const cut = (text: string | null | undefined, most: number): string | null =>
  text === null || text === undefined ? null : text.slice(0, most).replaceAll("\0", "").toWellFormed();

/**
 * Appends to the chain, in turns: one writer in this process, and a lock in the desk against another one.
 */
export const createAuditLog = ({ desk, now }: { readonly desk: Desk; readonly now: () => number }): AuditLog => {
  let queue: { act: Act; at: number; done: () => void; failed: (error: unknown) => void }[] = [];
  let running = false;
  const append = (trx: DeskTransaction, acts: readonly { act: Act; at: number }[]): Promise<void> =>
    (async () => {
      await sql`SELECT pg_advisory_xact_lock(${lock})`.execute(trx);
      const last = await trx
        .selectFrom("audit_log")
        .select(["id", "hash"])
        .orderBy("id", "desc")
        .limit(1)
        .executeTakeFirst();
      let { id, hash } = last ?? { id: 0, hash: ground };
      const rows = acts.map(({ act, at }) => {
        const row = {
          id: ++id,
          at,
          actor: cut(act.actor, 100) ?? "",
          name: cut(act.name, 200) ?? "",
          kind: act.kind,
          action: act.action.slice(0, 80),
          subject: cut(act.subject, longestSubject),
          organisation_id: act.organisation ?? null,
          outcome: act.outcome,
          address: act.address ?? null,
          detail: cut(act.detail, 1000),
        };
        hash = hashOfRow(hash, row);
        return { ...row, hash };
      });
      await trx.insertInto("audit_log").values(rows).execute();
    })();
  const work = async (): Promise<void> => {
    if (running) return;
    running = true;
    while (queue.length > 0) {
      const batch = queue.slice(0, 500);
      queue = queue.slice(500);
      try {
        await asSystem(desk, (trx) => append(trx, batch));
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    running = false;
  };
  return {
    write: (act) =>
      new Promise((done, failed) => {
        queue.push({ act, at: now(), done, failed });
        void work();
      }),
  };
};
