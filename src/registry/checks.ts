// SPDX-License-Identifier: Apache-2.0
import type { Actor } from "../model/actor.ts";
import { systemActor } from "../model/actor.ts";
import { AppError } from "../platform/errors.ts";
import { contactsToCheck, markVerified } from "../store/desk/contacts.ts";
import type { Bounced } from "../store/desk/contacts.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import { seesOrganisation } from "../store/desk/steps.ts";
import { markBounced } from "./bounces.ts";
import { momentText, writeLetter } from "./letters.ts";
import { checkEvery, day, linkFor } from "./options.ts";
import type { RegistryOptions } from "./options.ts";
import { hashOf, makeLink } from "./secrets.ts";

export interface Checks {
  /** Asks contacts that were not heard of for half a year, at most `limit` at once. Gives how many letters were written. */
  sendDue(limit?: number): Promise<number>;
  /** Asks one contact now. At most once a day. @throws AppError NOT_FOUND. */
  send(actor: Actor, organisation: string, contact: string): Promise<void>;
  /**
   * The button behind a letter's link: confirms a mailbox, objects to a change, or agrees to a claim; once. Without an account. @throws
   * AppError LINK_ENDED.
   */
  confirm(token: string): Promise<{ readonly organisation: string; readonly mail: string }>;
  /** A letter came back. In the caller's transaction, as the program. Calls analysts when nobody is left. */
  markBounced(trx: DeskTransaction, contact: string, when: number, hard: boolean): Promise<Bounced | null>;
}

const ended = (): AppError =>
  new AppError("LINK_ENDED", "this link is wrong, was used or has ended: reply to the mail that it came in");

export const createChecks = (options: RegistryOptions): Checks => {
  const { desk, now } = options;
  const write = async (
    trx: DeskTransaction,
    contact: { readonly id: string; readonly mail: string; readonly language: string; readonly role: string },
    organisation: { readonly id: string; readonly name: string },
    at: number,
  ): Promise<void> => {
    const expires = at + linkFor;
    const link = await makeLink(trx, options.tokenOf, {
      purpose: "check",
      contact: contact.id,
      change: null,
      made: at,
      expires,
    });
    await writeLetter(trx, {
      kind: "check",
      recipient: contact.mail,
      language: contact.language,
      contact: contact.id,
      organisation,
      link,
      at,
      values: { role: contact.role, until: momentText(expires) },
    });
    await trx.updateTable("contacts").set({ last_check: at }).where("id", "=", contact.id).execute();
  };
  return {
    sendDue: (limit = 50) =>
      desk.as(systemActor, async (trx) => {
        const at = now();
        const rows = await contactsToCheck(trx, at - checkEvery, limit);
        for (const { id, mail, language, role, organisation_id, organisation } of rows) {
          await write(trx, { id, mail: mail ?? "", language, role }, { id: organisation_id, name: organisation }, at);
        }
        return rows.length;
      }),
    send: async (actor, organisation, contact) => {
      if (!seesOrganisation(actor, organisation)) throw new AppError("NOT_FOUND", "there is no such contact");
      await desk.as(systemActor, async (trx) => {
        const at = now();
        const row = await trx
          .selectFrom("contacts")
          .innerJoin("organisations", "organisations.id", "contacts.organisation_id")
          .select(["contacts.id", "mail", "language", "role", "state", "last_check", "organisations.name"])
          .where("contacts.id", "=", contact)
          .where("organisation_id", "=", organisation)
          .forUpdate("contacts")
          .executeTakeFirst();
        if (row === undefined || row.mail === null || row.state === "ended")
          throw new AppError("NOT_FOUND", "there is no such contact");
        if (row.last_check !== null && at - row.last_check < day) return;
        await write(trx, { ...row, mail: row.mail }, { id: organisation, name: row.name }, at);
      });
    },
    confirm: (token) =>
      desk.as(systemActor, async (trx) => {
        const at = now();
        const secret = await trx
          .selectFrom("contact_secrets")
          .selectAll()
          .where("hash", "=", hashOf(token))
          .where("used", "is", null)
          .where("expires", ">", at)
          .forUpdate()
          .executeTakeFirst();
        if (secret === undefined) throw ended();
        await trx.updateTable("contact_secrets").set({ used: at }).where("hash", "=", secret.hash).execute();
        const change =
          secret.change_id === null
            ? undefined
            : await trx
                .selectFrom("changes")
                .selectAll()
                .where("id", "=", secret.change_id)
                .forUpdate()
                .executeTakeFirst();
        if (secret.purpose === "object") {
          if (change?.state !== "waiting") throw ended();
          await trx
            .updateTable("changes")
            .set({
              state: "refused",
              decided: at,
              decided_by: `contact:${secret.contact_id ?? ""}`,
              reason: "the contact objected",
            })
            .where("id", "=", change.id)
            .execute();
        }
        if (secret.purpose === "claim") {
          if (change?.state !== "proof") throw ended();
          await trx.updateTable("changes").set({ shown: at, state: "asked" }).where("id", "=", change.id).execute();
        }
        // Whoever pressed the button reads the mailbox.
        if (secret.contact_id !== null) await markVerified(trx, secret.contact_id, at);
        const found = await trx
          .selectFrom("organisations")
          .leftJoin("contacts", (join) =>
            join.onRef("contacts.organisation_id", "=", "organisations.id").on("contacts.id", "=", secret.contact_id),
          )
          .select(["organisations.name", "contacts.mail"])
          .where((eb) =>
            change === undefined
              ? eb("contacts.id", "=", secret.contact_id)
              : eb("organisations.id", "=", change.organisation_id),
          )
          .executeTakeFirst();
        if (found === undefined) throw ended();
        return { organisation: found.name, mail: found.mail ?? "" };
      }),
    markBounced: (trx, contact, when, hard) => markBounced(trx, contact, when, hard, options.dutyMail),
  };
};
