// SPDX-License-Identifier: Apache-2.0
import { markBounced as bounce } from "../store/desk/contacts.ts";
import type { Bounced } from "../store/desk/contacts.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import { writeLetter } from "./letters.ts";

/** A letter came back, or was refused for good. In the caller's transaction, as the program; analysts are called when nobody is left. */
export const markBounced = async (
  trx: DeskTransaction,
  contact: string,
  when: number,
  hard: boolean,
  dutyMail: string | null,
): Promise<Bounced | null> => {
  const bounced = await bounce(trx, contact, when, hard);
  if (bounced === null || !bounced.dead || bounced.next !== null || dutyMail === null) return bounced;
  const row = await trx
    .selectFrom("contacts")
    .innerJoin("organisations", "organisations.id", "contacts.organisation_id")
    .select(["organisations.name", "mail"])
    .where("contacts.id", "=", contact)
    .executeTakeFirst();
  await writeLetter(trx, {
    kind: "unreachable",
    recipient: dutyMail,
    language: "en",
    contact: null,
    organisation: { id: bounced.organisation, name: row?.name ?? bounced.organisation },
    link: null,
    at: when,
    values: { subject: row?.mail ?? "" },
  });
  return bounced;
};
