// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { contactRoles } from "../../model/constituency.ts";
import type { ContactRole } from "../../model/constituency.ts";
import type { DeskTransaction } from "./desk.ts";

/** Hard bounces after which a contact counts as dead; soft ones count a third. */
const hardBounces = 2;
const softBounces = 6;

/** Contacts of an organisation that have not ended, in the order in which letters try them. */
export const contactsOf = (trx: DeskTransaction, organisation: string) =>
  trx
    .selectFrom("contacts")
    .selectAll("contacts")
    .select((eb) =>
      eb
        .selectFrom("changes")
        .select((one) => one.fn.max("waits_until").as("until"))
        .whereRef("changes.contact_id", "=", "contacts.id")
        .where("changes.state", "=", "waiting")
        .as("waits_until"),
    )
    .where("organisation_id", "=", organisation)
    .where("state", "<>", "ended")
    .orderBy(sql`array_position(${[...contactRoles]}::text[], role)`)
    .orderBy("valid_from")
    .limit(200)
    .execute();

/** Who is written to now. */
export interface Reached {
  readonly role: ContactRole;
  readonly contacts: readonly { readonly id: string; readonly mail: string; readonly language: string }[];
}

/**
 * The contacts that letters to an organisation go to: those in force of the first role that has one with a mail address. Null: nobody
 * can be reached, and analysts must look.
 */
export const reachedContacts = async (trx: DeskTransaction, organisation: string): Promise<Reached | null> => {
  const rows = await trx
    .selectFrom("contacts")
    .select(["id", "role", "mail", "language"])
    .where("organisation_id", "=", organisation)
    .where("state", "=", "active")
    .where("mail", "is not", null)
    .orderBy("valid_from")
    .execute();
  for (const role of contactRoles) {
    const of = rows.filter((row) => row.role === role);
    if (of.length > 0)
      return { role, contacts: of.map(({ id, mail, language }) => ({ id, mail: mail ?? "", language })) };
  }
  return null;
};

/** What a bounce did. `next` is the role that letters go to from now on; null with `dead`: nobody is left, analysts are called. */
export interface Bounced {
  readonly organisation: string;
  /** It died of this one. */
  readonly dead: boolean;
  readonly next: ContactRole | null;
}

/**
 * A letter to this contact came back. `hard`: the mailbox does not exist; otherwise it was full or away. A contact that
 * did not answer since and whose letters keep coming back is dead; the next role takes over. Called by the program itself. Null for a contact
 * that is not there or has ended.
 */
export const markBounced = async (
  trx: DeskTransaction,
  contact: string,
  when: number,
  hard: boolean,
): Promise<Bounced | null> => {
  const row = await trx.selectFrom("contacts").selectAll().where("id", "=", contact).forUpdate().executeTakeFirst();
  if (row === undefined || row.state === "ended") return null;
  const bounces = row.bounces + (hard ? softBounces / hardBounces : 1);
  const dead = bounces >= softBounces;
  await trx
    .updateTable("contacts")
    .set({ bounces, bounced: when, ...(dead ? { state: "dead" } : {}) })
    .where("id", "=", contact)
    .execute();
  if (dead && row.state !== "dead") {
    await trx
      .insertInto("constituency_history")
      .values({
        organisation_id: row.organisation_id,
        at: when,
        actor: "system",
        realm: "",
        what: "contact",
        change: "changed",
        subject: `${row.role} ${row.mail ?? row.webhook ?? ""}`.trim(),
        before: row.state,
        after: "dead: letters come back",
      })
      .execute();
  }
  const reached = dead ? await reachedContacts(trx, row.organisation_id) : null;
  return { organisation: row.organisation_id, dead: dead && row.state !== "dead", next: reached?.role ?? null };
};

/** Somebody there answered: whatever came back before is forgotten. */
export const markVerified = async (trx: DeskTransaction, contact: string, when: number): Promise<void> => {
  await trx
    .updateTable("contacts")
    .set((eb) => ({
      verified: when,
      bounces: 0,
      state: sql`CASE WHEN state = 'ended' THEN state ELSE 'active' END`,
      bounced: eb.val(null),
    }))
    .where("id", "=", contact)
    .execute();
};

/** Contacts that were neither checked nor answered since `before`, the longest unheard first. */
export const contactsToCheck = (trx: DeskTransaction, before: number, limit: number) =>
  trx
    .selectFrom("contacts")
    .innerJoin("organisations", "organisations.id", "contacts.organisation_id")
    .select(["contacts.id", "organisation_id", "organisations.name as organisation", "mail", "language", "role"])
    .where("contacts.state", "=", "active")
    .where("organisations.ended", "is", null)
    .where("organisations.exercise", "=", "")
    .where("mail", "is not", null)
    .where(sql<boolean>`greatest(coalesce(last_check, 0), coalesce(verified, 0), valid_from) < ${before}`)
    .orderBy(sql`greatest(coalesce(last_check, 0), coalesce(verified, 0), valid_from)`)
    .limit(limit)
    .execute();

/** Organisations that nobody can be reached at: every contact is dead, or there is none. For analysts. */
export const unreachable = (trx: DeskTransaction) =>
  trx
    .selectFrom("organisations")
    .select(["id", "name"])
    .where("ended", "is", null)
    .where("exercise", "=", "")
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("contacts")
            .select("id")
            .whereRef("organisation_id", "=", "organisations.id")
            .where("state", "=", "active")
            .where((one) => one.or([one("mail", "is not", null), one("webhook", "is not", null)])),
        ),
      ),
    )
    .orderBy("name")
    .limit(1000)
    .execute();
