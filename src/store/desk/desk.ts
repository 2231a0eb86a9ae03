// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Kysely, RawBuilder, Transaction } from "kysely";
import type { Actor } from "../../model/actor.ts";
import type { DeskTables } from "./tables.ts";

export type DeskTransaction = Transaction<DeskTables>;

/**
 * Where organisations, alerts, cases, people and letters are kept: PostgreSQL, in the process (PGlite) or a server. Times are
 * microseconds since 1970 UTC in `bigint` columns, read as numbers; addresses are `inet` (IPv4 as IPv4); absent is NULL.
 */
export interface Desk {
  /**
   * One transaction for an actor. It runs under the role `layang_desk`, which owns nothing, with the actor in settings that
   * row-level security reads: what a repository forgets to check, the engine still refuses. Errors roll back.
   * A transaction that the server could not serialize is tried again, so `work` has no other effects.
   */
  as<T>(actor: Actor, work: (trx: DeskTransaction) => Promise<T>): Promise<T>;
  /** The owner's connection: migrations, backup. Row-level security does not hold here. */
  readonly owner: Kysely<DeskTables>;
  close(): Promise<void>;
}

/** A list as the policies read it. A name with a comma in it would be two names there: nobody gets in with one. */
const listText = (names: readonly string[]): string => {
  const wrong = names.find((name) => name === "" || name.includes(","));
  if (wrong !== undefined) throw new RangeError(`${JSON.stringify(wrong)} is no name that an actor can have`);
  return names.join(",");
};

/** Takes the role that owns nothing, and says who acts. First statement of every transaction. */
export const actAs = async (trx: DeskTransaction, actor: Actor): Promise<void> => {
  await sql`SET LOCAL ROLE layang_desk`.execute(trx);
  const settings: readonly (readonly [string, string])[] = [
    ["layang.actor", actor.id],
    ["layang.roles", listText(actor.roles)],
    ["layang.organisations", listText(actor.organisations)],
    ["layang.realms", listText(actor.realms)],
    ["layang.case", actor.case ?? ""],
  ];
  await sql`SELECT ${sql.join(settings.map(([name, value]) => sql`set_config(${name}, ${value}, true)`))}`.execute(trx);
};

/** A value for a `jsonb` column. */
export const json = (value: unknown): RawBuilder<never> => sql<never>`${JSON.stringify(value)}::jsonb`;
