// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { sql } from "kysely";
import { day } from "../alert/alert.ts";
import { systemActor } from "../model/actor.ts";
import { attachmentsAtMost, isKnown } from "../store/desk/attachments.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { readIncoming } from "./incoming.ts";
import type { Incoming } from "./incoming.ts";
import { idsOf, isOutboxId, sameLetter, sameTag } from "./returns.ts";
import { isWrongAddress } from "./smtp.ts";

export interface ReceiveOptions {
  readonly desk: Desk;
  /** Domain of our own Message-IDs. */
  readonly domain: string;
  /** The tag that our letters bear, by outbox id: a report without it proves nothing. */
  readonly returnTagOf: (letter: string) => string;
  /** A letter came back: contacts learn from it. `hard`: the address is wrong for good. */
  readonly onBounce?: (trx: DeskTransaction, contact: string, at: number, hard: boolean) => Promise<unknown>;
}
export interface Received {
  readonly kind: "reply" | "bounce" | "automatic" | "unknown" | "known";
  /** Number of the case it landed on. */
  readonly case: number | null;
}

interface Letter {
  readonly id: string;
  readonly organisation_id: string | null;
  readonly case_id: string | null;
  readonly contact_id: string | null;
  readonly recipient: string;
  readonly state: string;
  readonly sent: number | null;
}
interface CasePlace {
  readonly id: string;
  readonly number: number;
  readonly organisation_id: string | null;
  readonly realm: string;
  readonly marking: string;
}
/** Lines of a case: of the owner's word, and, in places of their own, of what anybody can send who knows or guesses its number. */
const linesAtMost = { known: 200, others: 50 } as const;
/** Mail servers give up after five days (RFC 5321 4.5.4.1): what comes much later speaks of no delivery. */
const returnsWithin = 10 * day;

/**
 * Takes a mail that came in. A reply lands on its case's timeline, as the owner's word or as a stranger's; a delivery report on the letter and the contact; what
 * a machine wrote is noted and nothing more. Nothing is ever sent in answer, so there is no loop.
 */
export const receiveMail = async (options: ReceiveOptions, message: Uint8Array, now: number): Promise<Received> => {
  const mail = await readIncoming(message);
  const { desk } = options;
  return desk.as(systemActor, async (trx) => {
    const letter = await letterOf(trx, mail, options.domain);
    const place = await caseOf(trx, mail, letter);
    const kind = mail.kind !== "bounce" && place === undefined ? "unknown" : mail.kind;
    const { rows } =
      await sql`INSERT INTO received_mail (id, case_id, at, kind, sender, subject) VALUES (${mail.id}, ${place?.id ?? null}, ${now}, ${kind}, ${mail.from}, ${mail.subject}) ON CONFLICT (id) DO NOTHING RETURNING id`.execute(
        trx,
      );
    if (rows.length === 0) return { kind: "known", case: place?.number ?? null };
    if (mail.kind === "bounce") await bounced(trx, options, mail, letter, place, now);
    else if (place !== undefined) await answered(trx, mail, letter, place, now);
    return { kind, case: place?.number ?? null };
  });
};

/** Our letter that it answers: its Message-ID is made of the outbox id. */
const letterOf = async (trx: DeskTransaction, mail: Incoming, domain: string): Promise<Letter | undefined> => {
  const ids = mail.returnedTo.flatMap((place) => idsOf(place.letter));
  ids.push(
    ...mail.answers.flatMap((id) => {
      const [local = "", host = ""] = id.slice(1, -1).split("@");
      return host.toLowerCase() === domain.toLowerCase() && isOutboxId(local) ? [local] : [];
    }),
  );
  if (ids.length === 0) return undefined;
  const { rows } =
    await sql<Letter>`SELECT id, organisation_id, case_id, contact_id, recipient, state, sent FROM outbox WHERE id = ANY (${ids}) ORDER BY array_position(${ids}, id) LIMIT 1`.execute(
      trx,
    );
  return rows[0];
};

/** The case: the letter's own, else the one in the subject. A case that was merged goes on in another, and that may have been merged too. */
const caseOf = async (
  trx: DeskTransaction,
  mail: Incoming,
  letter: Letter | undefined,
): Promise<CasePlace | undefined> => {
  const { rows } = await sql<CasePlace>`WITH RECURSIVE at AS (
  (SELECT c.*, 0 AS steps FROM cases c WHERE c.number = ${mail.number} OR c.id = ${letter?.case_id ?? null} ORDER BY (c.id = ${letter?.case_id ?? ""}) DESC LIMIT 1)
  UNION ALL SELECT c.*, at.steps + 1 FROM at JOIN cases c ON c.id = at.merged_into WHERE at.steps < 8)
SELECT id, number, organisation_id, realm, marking FROM at ORDER BY steps DESC LIMIT 1`.execute(trx);
  return rows[0];
};

const say = async (
  trx: DeskTransaction,
  place: CasePlace,
  what: {
    readonly at: number;
    readonly actor: string;
    readonly kind: string;
    readonly body: object;
    readonly audience: "owner" | "staff";
  },
): Promise<void> => {
  await sql`INSERT INTO case_events (case_id, organisation_id, realm, at, actor, kind, body, marking, audience)
VALUES (${place.id}, ${place.organisation_id}, ${place.realm}, ${what.at}, ${what.actor}, ${what.kind}, ${JSON.stringify(what.body)}::jsonb, ${place.marking}, ${what.audience})`.execute(
    trx,
  );
};

/**
 * A line of what came by mail, as long as the case has room for such; then one line that more came. The mails stay in the maildir. `known`: it
 * is the owner's word.
 */
const note = async (
  trx: DeskTransaction,
  place: CasePlace,
  what: Parameters<typeof say>[2] & { readonly body: Readonly<Record<string, unknown>> & { readonly known: boolean } },
): Promise<void> => {
  const { known } = what.body;
  const lines = known ? linesAtMost.known : linesAtMost.others;
  const { rows } = await sql<{
    n: number;
    said: boolean;
  }>`SELECT count(*)::int AS n, coalesce(bool_or(kind = 'mail-left-out'), false) AS said FROM case_events
WHERE case_id = ${place.id} AND kind IN ('reply', 'automatic', 'delayed', 'bounce-not-counted', 'mail-left-out') AND (coalesce(body->>'known', '') = 'true') = ${known}`.execute(
    trx,
  );
  if ((rows[0]?.n ?? 0) < lines) return say(trx, place, what);
  if (rows[0]?.said === true) return;
  await say(trx, place, {
    at: what.at,
    actor: "system",
    kind: "mail-left-out",
    body: { known, most: lines },
    audience: "staff",
  });
};

const answered = async (
  trx: DeskTransaction,
  mail: Incoming,
  letter: Letter | undefined,
  place: CasePlace,
  now: number,
): Promise<void> => {
  const found = await sql<{
    id: string;
  }>`SELECT id FROM contacts WHERE organisation_id = ${place.organisation_id} AND lower(mail) = ${mail.from} AND state <> 'ended' LIMIT 1`.execute(
    trx,
  );
  const contact = found.rows[0]?.id;
  const ours =
    letter !== undefined && letter.organisation_id !== null && letter.organisation_id === place.organisation_id;
  // Anybody can write under a contact's address, and numbers of cases are guessed; the Message-ID of a letter to that owner nobody guesses. Who
  // has not both writes to analysts, and the owner does not read it.
  const known = contact !== undefined && ours;
  const actor = known
    ? `mail:contact-${contact}`
    : `mail:${createHash("sha256")
        .update(mail.from ?? "")
        .digest("hex")
        .slice(0, 16)}`;
  const body = { from: mail.from, subject: mail.subject, text: mail.text, attachments: mail.attachments.length };
  if (mail.kind === "automatic") {
    await note(trx, place, {
      at: now,
      actor,
      kind: "automatic",
      body: { ...body, text: mail.text.slice(0, 500), known: false },
      audience: "staff",
    });
    return;
  }
  await note(trx, place, {
    at: now,
    actor,
    kind: "reply",
    body: { ...body, known, ...(known ? {} : { why: contact === undefined ? "address" : "letter" }) },
    audience: known ? "owner" : "staff",
  });
  const had = await sql<{
    n: number;
  }>`SELECT count(*)::int AS n FROM attachments WHERE case_id = ${place.id} AND ${isKnown} = ${known}`.execute(trx);
  let room = (known ? attachmentsAtMost.known : attachmentsAtMost.others) - (had.rows[0]?.n ?? 0);
  for (const { name, type, content } of mail.attachments) {
    if (room <= 0 || content.length > attachmentsAtMost.bytes) continue;
    room--;
    await sql`INSERT INTO attachments (case_id, at, actor, name, media_type, size, sha256, content, marking, audience)
VALUES (${place.id}, ${now}, ${actor}, ${name}, ${type}, ${content.length}, ${createHash("sha256").update(content).digest("hex")}, ${Buffer.from(content)}, ${place.marking}, 'staff')`.execute(
      trx,
    );
  }
  if (!known) return;
  // A person wrote: they have taken note. What they did, their words or an answer say.
  await sql`UPDATE alerts SET acknowledged = ${now}, version = version + 1 WHERE case_id = ${place.id} AND acknowledged IS NULL AND state <> 'closed'`.execute(
    trx,
  );
  await sql`UPDATE cases SET state = 'open', version = version + 1 WHERE id = ${place.id} AND state = 'waiting'`.execute(
    trx,
  );
};

/** Whether a report brings what only the letter that it speaks of bore. */
const isProved = (mail: Incoming, letter: Letter, tag: string): boolean =>
  mail.tags.some((one) => sameTag(one, tag)) ||
  mail.returnedTo.some((place) => sameLetter(place.letter, letter.id) && sameTag(place.tag, tag));

/**
 * A delivery report. It counts against letter and contact when it is proved, when the letter had left not long ago, and once: whoever has
 * a letter could else say of it for ever that it came back. What does not count is noted for analysts.
 */
const bounced = async (
  trx: DeskTransaction,
  options: ReceiveOptions,
  mail: Incoming,
  letter: Letter | undefined,
  place: CasePlace | undefined,
  now: number,
): Promise<void> => {
  const failed = mail.reports.filter(({ action }) => action === "failed");
  const proved = letter !== undefined && isProved(mail, letter, options.returnTagOf(letter.id));
  const counts =
    proved && (letter.state === "sending" || (letter.state === "sent" && (letter.sent ?? 0) > now - returnsWithin));
  const body = { recipient: mail.reports[0]?.recipient ?? null, reports: mail.reports.slice(0, 10), proved };
  const line = { at: now, actor: "system", audience: "staff" } as const;
  if (place !== undefined && failed.length > 0 && counts) await say(trx, place, { ...line, kind: "bounce", body });
  else if (place !== undefined) {
    const kind = failed.length === 0 ? "delayed" : "bounce-not-counted";
    await note(trx, place, { ...line, kind, body: { ...body, known: false } });
  }
  if (letter === undefined || failed.length === 0 || !counts) return;
  const [first] = failed;
  await sql`UPDATE outbox SET state = 'dead', error = ${`came back: ${first?.status ?? ""} ${first?.diagnostic ?? ""}`.trim().slice(0, 300)} WHERE id = ${letter.id}`.execute(
    trx,
  );
  const hard = failed.some(({ status, diagnostic }) => isWrongAddress(status ?? diagnostic));
  if (letter.contact_id !== null) await options.onBounce?.(trx, letter.contact_id, now, hard);
};
