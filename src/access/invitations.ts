// SPDX-License-Identifier: Apache-2.0
import type { Selectable } from "kysely";
import { AppError } from "../platform/errors.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import type { InvitationsTable } from "../store/desk/people.ts";
import { hashOf, newSecret } from "./secrets.ts";

export type Purpose = InvitationsTable["purpose"];
/** Microseconds that a one-time link is good for. */
export const lifetimes: Readonly<Record<Purpose, number>> = {
  first: 15 * 60e6,
  account: 7 * 24 * 3600e6,
  reset: 3600e6,
};
export interface MadeLink {
  /** The whole address, the secret behind `#`: no server, log or referrer sees it. */
  readonly link: string;
  readonly expires: number;
}

/** Links of a person, or of the first administrator, open nothing any more. */
export const endLinks = async (trx: DeskTransaction, person: string | null, now: number): Promise<void> => {
  await trx
    .updateTable("invitations")
    .set({ used: now })
    .where("used", "is", null)
    .where("person_id", person === null ? "is" : "=", person)
    .execute();
};

/** Makes a one-time link; those of the same person and purpose that were made before open nothing any more. */
export const makeLink = async (
  trx: DeskTransaction,
  one: {
    readonly purpose: Purpose;
    readonly person: string | null;
    readonly by: string;
    readonly now: number;
    readonly origin: string;
  },
): Promise<MadeLink> => {
  const secret = newSecret();
  const expires = one.now + lifetimes[one.purpose];
  await endLinks(trx, one.person, one.now);
  await trx
    .insertInto("invitations")
    .values({
      hash: hashOf(secret),
      purpose: one.purpose,
      person_id: one.person,
      made_by: one.by,
      made: one.now,
      expires,
      used: null,
    })
    .execute();
  return { link: `${one.origin}/${one.purpose === "first" ? "first" : "invitation"}#${secret}`, expires };
};

const refuse = (): never => {
  throw new AppError("LINK_INVALID", "this one-time link is wrong, used or too old: ask for a new one");
};

/** The link's row, still good. @throws AppError LINK_INVALID */
export const readLink = async (
  trx: DeskTransaction,
  secret: string,
  now: number,
  ...purposes: readonly Purpose[]
): Promise<Selectable<InvitationsTable>> => {
  const row = await trx.selectFrom("invitations").selectAll().where("hash", "=", hashOf(secret)).executeTakeFirst();
  return row === undefined || row.used !== null || now >= row.expires || !purposes.includes(row.purpose)
    ? refuse()
    : row;
};

/** Uses a link up; two that come at once do not both succeed. @throws AppError LINK_INVALID */
export const takeLink = async (
  trx: DeskTransaction,
  secret: string,
  now: number,
  ...purposes: readonly Purpose[]
): Promise<Selectable<InvitationsTable>> => {
  const row = await readLink(trx, secret, now, ...purposes);
  const { numUpdatedRows } = await trx
    .updateTable("invitations")
    .set({ used: now })
    .where("hash", "=", row.hash)
    .where("used", "is", null)
    .executeTakeFirst();
  return numUpdatedRows === 1n ? row : refuse();
};
