// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import { day } from "../alert/alert.ts";
import { defaultPreferences, dueAt } from "../alert/delivery.ts";
import type { IsHoliday, Preferences } from "../alert/delivery.ts";
import type { NoticeItem, NoticePayload } from "../alert/notice.ts";
import type { Actor } from "../model/actor.ts";
import { hasRole } from "../model/actor.ts";
import { readdress, successorsOf } from "./addressee.ts";
import { holidaysWith } from "./holidays.ts";
import { cursorText, readCursor } from "../platform/cursor.ts";
import { AppError } from "../platform/errors.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { lateAfter, triedSince } from "../store/desk/tried.ts";

/*
 * What people see of the outbox, and what they may do to a letter.
 */

export type LetterState = "waiting" | "sending" | "sent" | "dead" | "held";
export type Channel = "mail" | "webhook" | "inbox";
export interface LetterLine {
  readonly id: string;
  readonly state: LetterState;
  readonly channel: Channel;
  readonly recipient: string;
  readonly organisation_id: string | null;
  readonly organisation_name: string | null;
  readonly case_number: number | null;
  readonly payload: NoticePayload;
  readonly attempts: number;
  readonly created: number;
  readonly due: number;
  readonly sent: number | null;
  readonly error: string | null;
  readonly exercise: string;
  readonly contact_id: string | null;
  readonly read: number | null;
  /** An attempt has no known end. */
  readonly maybe_sent: boolean;
}
export interface LetterFilter {
  readonly states?: readonly LetterState[];
  readonly channel?: Channel;
  readonly organisation?: string;
  readonly case?: number;
  readonly exercise: string;
}
export interface LetterList {
  readonly total: number;
  readonly next: string | null;
  readonly facts: {
    readonly waiting: number;
    readonly sending: number;
    readonly sent: number;
    readonly dead: number;
    readonly held: number;
    readonly sentDay: number;
    readonly oldestWaiting: number | null;
    /** Tried in vain for longer than `lateAfter`. */
    readonly late: number;
  };
  readonly rows: readonly LetterLine[];
}

const columns = sql`SELECT b.id, b.state, b.channel, b.recipient, b.organisation_id, o.name AS organisation_name, c.number AS case_number, b.payload, b.attempts, b.created, b.due, b.sent, b.error, b.exercise, b.contact_id, b.read,
  (b.state <> 'sent' AND EXISTS (SELECT 1 FROM deliveries d WHERE d.outbox_id = b.id AND (d.outcome = 'unknown' OR (d.ended IS NULL AND (b.state <> 'sending' OR d.attempt < b.attempts))))) AS maybe_sent
FROM outbox b LEFT JOIN organisations o ON o.id = b.organisation_id LEFT JOIN cases c ON c.id = b.case_id`;
const where = (list: readonly RawBuilder<unknown>[]): RawBuilder<unknown> =>
  sql`WHERE ${sql.join([...list], sql` AND `)}`;
const countedTo = 100_000;

/** Letters, newest first. The portal's inbox is not among them unless it is asked for by name. */
export const listLetters = (
  desk: Desk,
  actor: Actor,
  filter: LetterFilter,
  page: { readonly cursor?: string; readonly limit: number },
  now: number,
): Promise<LetterList> =>
  desk.as(actor, async (trx) => {
    const list: RawBuilder<unknown>[] = [sql`b.exercise = ${filter.exercise}`];
    list.push(filter.channel === undefined ? sql`b.channel <> 'inbox'` : sql`b.channel = ${filter.channel}`);
    if (filter.organisation !== undefined) list.push(sql`b.organisation_id = ${filter.organisation}`);
    if (filter.case !== undefined) list.push(sql`b.case_id IN (SELECT id FROM cases WHERE number = ${filter.case})`);
    // What has not left is counted whole, what has left up to a bound: it grows for years.
    const open = await sql<{
      state: LetterState;
      n: number;
      oldest: number | null;
      late: number;
    }>`SELECT b.state, count(*)::int AS n, min(b.created) AS oldest, count(*) FILTER (WHERE ${triedSince} < ${now - lateAfter})::int AS late FROM outbox b ${where([...list, sql`b.state <> 'sent'`])} GROUP BY b.state`.execute(
      trx,
    );
    const sent = await sql<{
      n: number;
      day: number;
    }>`SELECT count(*)::int AS n, count(*) FILTER (WHERE k.sent > ${now - day})::int AS day FROM (SELECT b.sent FROM outbox b ${where([...list, sql`b.state = 'sent'`])} ORDER BY b.sent DESC LIMIT ${countedTo}) AS k`.execute(
      trx,
    );
    const of = (state: LetterState): number =>
      state === "sent" ? (sent.rows[0]?.n ?? 0) : (open.rows.find((row) => row.state === state)?.n ?? 0);
    const states = filter.states ?? ["waiting", "sending", "sent", "dead", "held"];
    const wanted = [...list, sql`b.state = ANY (${[...states]})`];
    if (page.cursor !== undefined) {
      const [at, id] = readCursor(page.cursor, "integer", "text");
      wanted.push(sql`(b.created, b.id) < (${at}::bigint, ${id})`);
    }
    const { rows } =
      await sql<LetterLine>`${columns} ${where(wanted)} ORDER BY b.created DESC, b.id DESC LIMIT ${page.limit + 1}`.execute(
        trx,
      );
    const shown = rows.slice(0, page.limit);
    const last = shown.at(-1);
    return {
      total: states.reduce((sum, state) => sum + of(state), 0),
      next: rows.length > page.limit && last !== undefined ? cursorText(last.created, last.id) : null,
      facts: {
        waiting: of("waiting"),
        sending: of("sending"),
        sent: of("sent"),
        dead: of("dead"),
        held: of("held"),
        sentDay: sent.rows[0]?.day ?? 0,
        oldestWaiting: open.rows.find(({ state }) => state === "waiting")?.oldest ?? null,
        late: open.rows.reduce((sum, { late }) => sum + late, 0),
      },
      rows: shown,
    };
  });

/** What a node's metrics tell of its letters. `tried`: since when the oldest of those that wait is tried in vain; null: none is. */
export interface LettersStanding {
  readonly waiting: number;
  readonly dead: number;
  readonly tried: number | null;
}
export const standingOfLetters = (desk: Desk, actor: Actor): Promise<LettersStanding> =>
  desk.as(actor, async (trx) => {
    const { rows } =
      await sql<LettersStanding>`SELECT count(*) FILTER (WHERE b.state <> 'dead')::int AS waiting, count(*) FILTER (WHERE b.state = 'dead')::int AS dead, min(${triedSince}) AS tried
FROM outbox b WHERE b.channel <> 'inbox' AND b.state <> 'sent' AND b.state <> 'held'`.execute(trx);
    return rows[0] ?? { waiting: 0, dead: 0, tried: null };
  });

export interface Attempt {
  readonly attempt: number;
  readonly began: number;
  readonly ended: number | null;
  readonly outcome: "accepted" | "refused" | "deferred" | "unknown" | null;
  readonly answer: string | null;
  readonly message_id: string | null;
}
export interface WholeLetter {
  readonly line: LetterLine;
  readonly attempts: readonly Attempt[];
}
const noLetter = (): AppError => new AppError("NOT_FOUND", "no such letter");
const ofDesk = (actor: Actor): boolean => hasRole(actor, "analyst", "administrator", "system");

/** One letter with its attempts. @throws AppError NOT_FOUND, also when it is there for others. */
export const loadLetter = (desk: Desk, actor: Actor, id: string): Promise<WholeLetter> =>
  desk.as(actor, async (trx) => {
    const { rows } = await sql<LetterLine>`${columns} WHERE b.id = ${id}`.execute(trx);
    // Nobody has let it go yet.
    if (rows[0] === undefined || (rows[0].state === "held" && !ofDesk(actor))) throw noLetter();
    const attempts =
      await sql<Attempt>`SELECT attempt, began, ended, outcome, answer, message_id FROM deliveries WHERE outbox_id = ${id} ORDER BY attempt DESC LIMIT 100`.execute(
        trx,
      );
    return { line: rows[0], attempts: attempts.rows };
  });

/**
 * `retry`: a dead or waiting letter is due now, its attempts count anew. `discard`: it will not leave. `release`: a letter that was held
 * for a look leaves, and so does all that waits for the same organisation, now and later.
 */
export const actOnLetter = (
  desk: Desk,
  actor: Actor,
  id: string,
  action: "retry" | "discard" | "release",
  reason: string | null,
  now: number,
  isHoliday: IsHoliday = holidaysWith(),
): Promise<WholeLetter> =>
  desk
    .as(actor, async (trx) => {
      if (!ofDesk(actor)) throw noLetter();
      const { rows } = await sql<{
        state: LetterState;
        case_id: string | null;
        organisation_id: string | null;
        id: string;
        exercise: string;
        contact_id: string | null;
        channel: string;
        payload: NoticePayload;
        says: boolean;
      }>`SELECT id, state, case_id, organisation_id, exercise, contact_id, channel, payload, (payload->'items' <> '[]' OR form IN ('plain', 'breaker')) AS says FROM outbox WHERE id = ${id} FOR UPDATE`.execute(
        trx,
      );
      const [letter] = rows;
      if (letter === undefined) throw noLetter();
      const demand = (...states: LetterState[]): void => {
        if (!states.includes(letter.state)) throw new AppError("CHANGED", `the letter is ${letter.state} by now`);
      };
      if (action === "retry") {
        demand("dead", "waiting");
        if (!letter.says) throw new AppError("CHANGED", "what the letter said was taken back: nothing of it is left");
        // To where the contact is reached by now: the address may be what was mended.
        const next = letter.organisation_id === null ? null : (await successorsOf(trx, [letter], true)).get(id);
        if (next) await readdress(trx, letter, next);
        await sql`UPDATE outbox SET state = 'waiting', due = ${now}, error = NULL, tried_before = attempts, recipient = coalesce(
  (SELECT CASE outbox.channel WHEN 'mail' THEN c.mail WHEN 'webhook' THEN c.webhook END FROM contacts c WHERE c.id = outbox.contact_id AND c.organisation_id = outbox.organisation_id AND c.state <> 'ended'), recipient)
WHERE id = ${id}`.execute(trx);
      } else if (action === "discard") {
        demand("dead", "waiting", "held");
        await sql`UPDATE outbox SET state = 'dead', error = ${`discarded${reason === null ? "" : `: ${reason}`}`} WHERE id = ${id}`.execute(
          trx,
        );
        if (letter.state === "held") await discardInbox(trx, letter);
      } else {
        demand("held");
        // A letter of no organisation (to a contact that is checked, to analysts) is released by itself.
        if (letter.organisation_id === null)
          await sql`UPDATE outbox SET state = 'waiting', due = greatest(due, ${now}), error = NULL WHERE id = ${id}`.execute(
            trx,
          );
        else await releaseFirst(trx, actor, letter.organisation_id, letter.exercise, now, isHoliday);
      }
      if (letter.case_id !== null) {
        await sql`INSERT INTO case_events (case_id, organisation_id, realm, at, actor, kind, body, marking, audience)
SELECT id, organisation_id, realm, ${now}, ${actor.id}, 'letter', ${JSON.stringify({ letter: id, action, reason })}::jsonb, marking, 'staff' FROM cases WHERE id = ${letter.case_id}`.execute(
          trx,
        );
      }
    })
    .then(() => loadLetter(desk, actor, id));

/** Lines of the inbox of which no letter is held any more: what was discarded is not read in the portal either. */
const discardInbox = async (
  trx: DeskTransaction,
  { organisation_id, payload }: { readonly organisation_id: string | null; readonly payload: NoticePayload },
): Promise<void> => {
  const alerts = payload.items.map(({ alert }) => alert);
  await sql`UPDATE outbox b SET state = 'dead', error = 'discarded with its letter' WHERE b.organisation_id = ${organisation_id} AND b.channel = 'inbox' AND b.state = 'held'
  AND b.payload->'items'->0->>'alert' = ANY (${alerts}) AND NOT EXISTS (SELECT 1 FROM outbox o CROSS JOIN LATERAL jsonb_array_elements(o.payload->'items') AS i
    WHERE o.organisation_id = b.organisation_id AND o.channel <> 'inbox' AND o.state = 'held' AND i->>'alert' = b.payload->'items'->0->>'alert')`.execute(
    trx,
  );
};

/** When a letter may leave by its recipient's hours; what is critical in it, at once. */
const earliest = (
  preferences: Preferences,
  items: readonly NoticeItem[],
  now: number,
  isHoliday: IsHoliday,
): number => {
  const always: Preferences = { ...preferences, rules: [] };
  const moments = items.map(({ kind, severity }) => dueAt(always, kind, severity, now, isHoliday)?.due ?? now);
  return moments.length === 0 ? now : Math.min(...moments);
};

/** Somebody looked at the first letter to an organisation: what waited for it leaves. A drill's lets go what is the drill's, and no real letter. */
const releaseFirst = async (
  trx: DeskTransaction,
  actor: Actor,
  organisation: string,
  exercise: string,
  now: number,
  isHoliday: IsHoliday,
): Promise<void> => {
  if (exercise === "")
    await sql`INSERT INTO preferences (organisation_id, document, previewed, changed, actor) VALUES (${organisation}, '{}', ${now}, ${now}, ${actor.id})
ON CONFLICT (organisation_id) DO UPDATE SET previewed = coalesce(preferences.previewed, excluded.previewed)`.execute(
      trx,
    );
  const { rows } = await sql<{
    id: string;
    items: readonly NoticeItem[];
    document: Partial<Preferences> | null;
  }>`SELECT b.id, b.payload->'items' AS items, p.document FROM outbox b LEFT JOIN preferences p ON p.organisation_id = b.organisation_id
WHERE b.organisation_id = ${organisation} AND b.exercise = ${exercise} AND b.state = 'held' FOR UPDATE OF b`.execute(
    trx,
  );
  // It was day when it was written, and may be night where it goes when somebody looks at it.
  const due = rows.map(({ id, items, document }) => ({
    id,
    due: earliest({ ...defaultPreferences, ...document }, items, now, isHoliday),
  }));
  // The portal's inbox has no hours.
  await sql`UPDATE outbox b SET state = CASE b.channel WHEN 'inbox' THEN 'sent' ELSE 'waiting' END, due = greatest(b.due, w.due) FROM jsonb_to_recordset(${JSON.stringify(due)}::jsonb) AS w(id text, due bigint) WHERE b.id = w.id`.execute(
    trx,
  );
};

/** Marks lines of the portal's inbox as read, or unread; reading in the portal acknowledges. */
export const markRead = (desk: Desk, actor: Actor, ids: readonly string[], read: boolean, now: number): Promise<void> =>
  desk.as(actor, async (trx) => {
    if (!hasRole(actor, "member")) throw new AppError("ACCESS_DENIED", "an inbox is its organisation's");
    const { rows } = await sql<{
      case_id: string | null;
    }>`UPDATE outbox SET read = ${read ? now : null} WHERE id = ANY (${[...ids]}) AND channel = 'inbox' AND state = 'sent' AND organisation_id = ANY (${[...actor.organisations]}) RETURNING case_id`.execute(
      trx,
    );
    if (rows.length < new Set(ids).size) throw noLetter();
    if (!read) return;
    const cases = rows.flatMap(({ case_id }) => case_id ?? []);
    await sql`UPDATE alerts SET acknowledged = ${now}, version = version + 1 WHERE case_id = ANY (${cases}) AND acknowledged IS NULL AND state <> 'closed'`.execute(
      trx,
    );
  });

export interface InboxList {
  readonly total: number;
  readonly unread: number;
  readonly next: string | null;
  readonly rows: readonly LetterLine[];
}
/** The portal's inbox of the actor's organisations, newest first. */
export const listInbox = (
  desk: Desk,
  actor: Actor,
  filter: { readonly unread: boolean; readonly exercise: string },
  page: { readonly cursor?: string; readonly limit: number },
): Promise<InboxList> =>
  desk.as(actor, async (trx) => {
    const list: RawBuilder<unknown>[] = [
      sql`b.channel = 'inbox'`,
      sql`b.state = 'sent'`,
      sql`b.exercise = ${filter.exercise}`,
      sql`b.organisation_id = ANY (${[...actor.organisations]})`,
    ];
    const counted = await sql<{
      n: number;
      unread: number;
    }>`SELECT count(*)::int AS n, count(*) FILTER (WHERE b.read IS NULL)::int AS unread FROM outbox b ${where(list)}`.execute(
      trx,
    );
    if (filter.unread) list.push(sql`b.read IS NULL`);
    if (page.cursor !== undefined) {
      const [at, id] = readCursor(page.cursor, "integer", "text");
      list.push(sql`(b.created, b.id) < (${at}::bigint, ${id})`);
    }
    const { rows } =
      await sql<LetterLine>`${columns} ${where(list)} ORDER BY b.created DESC, b.id DESC LIMIT ${page.limit + 1}`.execute(
        trx,
      );
    const shown = rows.slice(0, page.limit);
    const last = shown.at(-1);
    const { n = 0, unread = 0 } = counted.rows[0] ?? {};
    return {
      total: filter.unread ? unread : n,
      unread,
      next: rows.length > page.limit && last !== undefined ? cursorText(last.created, last.id) : null,
      rows: shown,
    };
  });
