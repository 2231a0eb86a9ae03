// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Actor } from "../model/actor.ts";
import { systemActor } from "../model/actor.ts";
import { AppError } from "../platform/errors.ts";
import type { NoticeItem, NoticePayload } from "../alert/notice.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { hashOf } from "./ids.ts";

const ended = (): AppError =>
  new AppError("LINK_ENDED", "this link is wrong, has ended or was taken back: reply to the mail that it came in");

/** Who bears a link: may see and answer its one case, and nothing else. Reading changes nothing. @throws AppError LINK_ENDED */
export const linkActor = async (desk: Desk, token: string, now: number): Promise<Actor & { readonly case: string }> => {
  if (!/^[\w-]{43}$/.test(token)) throw ended();
  const { rows } = await desk.as(systemActor, (trx) =>
    sql<{ id: string; case_id: string }>`WITH RECURSIVE at AS (
  SELECT l.id AS link, c.id, c.merged_into, 0 AS steps FROM help_links l JOIN cases c ON c.id = l.case_id WHERE l.hash = ${hashOf(token)} AND l.revoked IS NULL AND l.expires > ${now}
  UNION ALL SELECT at.link, c.id, c.merged_into, steps + 1 FROM at JOIN cases c ON c.id = at.merged_into WHERE steps < 8)
SELECT link AS id, id AS case_id FROM at ORDER BY steps DESC LIMIT 1`.execute(trx),
  );
  const [found] = rows;
  if (found === undefined) throw ended();
  return { id: `link:${found.id}`, roles: ["link"], organisations: [], realms: [], sensors: [], case: found.case_id };
};

/** Takes links back: one, or all of a case. Who may see the case may do so. */
export const revokeLinks = (
  desk: Desk,
  actor: Actor,
  what: { readonly case: string; readonly link?: string },
  now: number,
): Promise<number> =>
  desk.as(actor, async (trx) => {
    const { rows } = await sql<{
      id: string;
    }>`UPDATE help_links SET revoked = ${now} WHERE case_id = ${what.case} AND revoked IS NULL
  AND (${what.link ?? null}::text IS NULL OR id = ${what.link ?? null}) RETURNING id`.execute(trx);
    return rows.length;
  });

/** What a letter told: the findings beside the link that was in it, and when the letter was written. */
export interface ToldByLetter {
  readonly at: number;
  readonly items: readonly NoticeItem[];
}

/**
 * The letter that a link came in, as far as it speaks of the link's case; null: there is no such letter any more. A digest speaks of many
 * cases, each with a link of its own: the bearer of one is shown that one.
 */
export const letterOfLink = async (trx: DeskTransaction, link: string): Promise<ToldByLetter | null> => {
  const { rows } = await sql<{
    payload: NoticePayload;
    case_id: string;
  }>`SELECT b.payload, l.case_id FROM help_links l JOIN outbox b ON b.organisation_id IS NOT DISTINCT FROM l.organisation_id
  AND b.contact_id IS NOT DISTINCT FROM l.contact_id AND (b.case_id = l.case_id OR b.case_id IS NULL)
WHERE l.id = ${link} AND b.created <= l.created AND b.payload->'items' @> ${JSON.stringify([{ link }])}::jsonb LIMIT 1`.execute(
    trx,
  );
  const [found] = rows;
  if (found === undefined) return null;
  return { at: found.payload.at, items: found.payload.items.filter((item) => item.case === found.case_id) };
};
