// SPDX-License-Identifier: Apache-2.0
import type { Actor, Role } from "../model/actor.ts";
import { systemActor } from "../model/actor.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";

/** A person as the desk knows it; nothing secret. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly mail: string;
  readonly language: string;
  readonly state: "active" | "invited" | "disabled";
  readonly actor: Actor;
}

/**
 * Organisations, and the realms of their own networks, that a person speaks for: a member, and nobody else. Where others work is no right to
 * what their organisation alone may see.
 */
const belongings = async (
  trx: DeskTransaction,
  personId: string,
  roles: readonly Role[],
  now: number,
): Promise<{ organisations: string[]; realms: string[] }> => {
  if (!roles.includes("member")) return { organisations: [], realms: [] };
  const organisations = (
    await trx
      .selectFrom("person_organisations")
      .select("organisation_id")
      .where("person_id", "=", personId)
      .orderBy("organisation_id")
      .execute()
  ).map(({ organisation_id }) => organisation_id);
  if (organisations.length === 0) return { organisations, realms: [] };
  const realms = await trx
    .selectFrom("networks")
    .select("realm")
    .distinct()
    .where("organisation_id", "in", organisations)
    .where("realm", "<>", "")
    .where("valid_from", "<=", now)
    .where((eb) => eb.or([eb("valid_until", "is", null), eb("valid_until", ">", now)]))
    .execute();
  return { organisations, realms: realms.map(({ realm }) => realm).toSorted() };
};

/** A person by id; inside a transaction of the program itself. Undefined: there is none. */
export const personOf = async (trx: DeskTransaction, id: string, now: number): Promise<Person | undefined> => {
  const row = await trx.selectFrom("people").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    id,
    name: row.name,
    mail: row.mail,
    language: row.language,
    state: row.state,
    actor: {
      id: `person:${id}`,
      roles: row.roles,
      ...(await belongings(trx, id, row.roles, now)),
      sensors: row.sensors,
    },
  };
};

/** Runs something as the program itself: before anyone is known, and for what people may not read. */
export const asSystem = <T>(desk: Desk, work: (trx: DeskTransaction) => Promise<T>): Promise<T> =>
  desk.as(systemActor, work);
