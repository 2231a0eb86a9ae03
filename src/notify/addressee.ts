// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { NoticePayload } from "../alert/notice.ts";
import { contactRoles } from "../model/constituency.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";

/*
 * Another mailbox is another contact: whoever changes an address ends the contact that had it. A letter that has not left by then goes to who took its
 * place, and never to who is there no more.
 */

interface Addressed {
  readonly id: string;
  readonly contact_id: string | null;
  readonly channel: string;
  readonly payload: Pick<NoticePayload, "items">;
}
interface Addressee {
  readonly contact: string;
  readonly address: string;
}

/**
 * Of letters whose contact has ended: who took its place, null where nobody did. `anybody`: else who of the organisation is written to now, though
 * that one has had a letter of the same.
 */
export const successorsOf = async (
  trx: DeskTransaction,
  letters: readonly Addressed[],
  anybody: boolean,
): Promise<ReadonlyMap<string, Addressee | null>> => {
  const asked = letters.flatMap(({ id, contact_id, channel }) =>
    contact_id === null ? [] : [{ id, contact: contact_id, channel }],
  );
  if (asked.length === 0) return new Map();
  const { rows } = await sql<{
    id: string;
    contact: string | null;
    address: string | null;
  }>`SELECT k.id, n.id AS contact, n.address FROM jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) AS k(id text, contact text, channel text)
JOIN contacts o ON o.id = k.contact AND o.state = 'ended'
LEFT JOIN LATERAL (SELECT c.id, CASE k.channel WHEN 'mail' THEN c.mail ELSE c.webhook END AS address FROM contacts c
  WHERE c.organisation_id = o.organisation_id AND c.state = 'active' AND CASE k.channel WHEN 'mail' THEN c.mail ELSE c.webhook END IS NOT NULL
    AND (${anybody} OR (c.role = o.role AND c.valid_from = o.valid_until))
  ORDER BY (c.role = o.role AND c.valid_from = o.valid_until) DESC, array_position(${[...contactRoles]}::text[], c.role), c.valid_from, c.id LIMIT 1) AS n ON true`.execute(
    trx,
  );
  return new Map(
    rows.map(({ id, contact, address }) => [id, contact === null || address === null ? null : { contact, address }]),
  );
};

/** Gives a letter and the links in it to another contact. */
export const readdress = async (
  trx: DeskTransaction,
  { id, payload }: Addressed,
  { contact, address }: Addressee,
): Promise<void> => {
  await sql`UPDATE outbox SET contact_id = ${contact}, recipient = ${address} WHERE id = ${id}`.execute(trx);
  const links = payload.items.flatMap(({ link }) => link ?? []);
  await sql`UPDATE help_links SET contact_id = ${contact} WHERE id = ANY (${links})`.execute(trx);
};
