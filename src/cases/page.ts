// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Actor } from "../model/actor.ts";
import { hasRole } from "../model/actor.ts";
import type { Marking } from "../model/marking.ts";
import { AppError } from "../platform/errors.ts";
import { attachmentsAtMost, isKnown } from "../store/desk/attachments.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { boardRows } from "./board.ts";
import type { BoardRow } from "./board.ts";
import { idOf } from "./ids.ts";
import { caseLine } from "./list.ts";
import type { CaseLine, CaseState } from "./list.ts";
import type { CaseRules } from "./options.ts";
import { alertColumns, alertOf, alertRowOf } from "./rows.ts";
import { insertRows, orReplace } from "./bulk.ts";
import { toldKinds } from "../alert/alert.ts";
import { isHeld, isSuppressed } from "../alert/life.ts";
import { tell } from "./tell.ts";

const noCase = (): AppError => new AppError("NOT_FOUND", "no such case");
export const isStaff = (actor: Actor): boolean => hasRole(actor, "analyst", "administrator", "system");

/** A line of the timeline as it is shown. */
export interface TimelineLine {
  readonly id: number;
  readonly at: number;
  readonly actor: string;
  /** Name of the person, where who asks may know it. */
  readonly name: string | null;
  /** Name of the person that it was given to. */
  readonly person: string | null;
  readonly kind: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly marking: Marking;
}
const timelineAt = async (
  trx: DeskTransaction,
  id: string,
  before: number,
  limit: number,
): Promise<readonly TimelineLine[]> => {
  const { rows } =
    await sql<TimelineLine>`SELECT e.id, e.at, e.actor, (SELECT p.name FROM people p WHERE 'person:' || p.id = e.actor) AS name, (SELECT p.name FROM people p WHERE e.kind = 'assigned' AND p.id = e.body->>'person') AS person, e.kind, e.body, e.marking
FROM case_events e WHERE e.case_id = ${id} AND e.id < ${before}::bigint ORDER BY e.id DESC LIMIT ${limit}`.execute(trx);
  return rows.toReversed();
};
const earlierThan = async (trx: DeskTransaction, id: string, first: number | undefined): Promise<number> => {
  if (first === undefined) return 0;
  const { rows } = await sql<{
    n: number;
  }>`SELECT count(*)::int AS n FROM case_events WHERE case_id = ${id} AND id < ${first}`.execute(trx);
  return rows[0]?.n ?? 0;
};
const endless = Number.MAX_SAFE_INTEGER;

export interface Whole {
  readonly line: CaseLine;
  readonly alerts: readonly BoardRow[];
  readonly timeline: readonly TimelineLine[];
  readonly earlier: number;
  readonly tasks: readonly {
    readonly id: string;
    readonly title: string;
    readonly assignee: string | null;
    readonly due: number | null;
    readonly done: number | null;
  }[];
  readonly links: readonly {
    readonly number: number;
    readonly title: string;
    readonly kind: string;
    readonly state: CaseState;
  }[];
  readonly attachments: readonly {
    readonly id: string;
    readonly name: string;
    readonly media_type: string;
    readonly size: number;
    readonly at: number;
    readonly actor: string;
    readonly name_of: string | null;
    readonly marking: Marking;
  }[];
  readonly letters: readonly {
    readonly id: string;
    readonly channel: "mail" | "webhook" | "inbox";
    readonly recipient: string;
    readonly state: "waiting" | "sending" | "sent" | "dead" | "held";
    readonly created: number;
    readonly sent: number | null;
  }[];
  readonly answers: readonly {
    readonly at: number;
    readonly answer: string;
    readonly channel: string | null;
    readonly note: string | null;
    readonly state: string;
  }[];
  readonly link: { readonly expires: number | null; readonly revoked: boolean };
  /** When its owner last wrote by mail; of what came back: since then. */
  readonly replied: number | null;
}

export const wholeOf = async (
  trx: DeskTransaction,
  what: { readonly number: number } | { readonly id: string },
): Promise<Whole> => {
  const line = await caseLine(trx, what);
  if (line === undefined) throw noCase();
  const { id } = line;
  const timeline = await timelineAt(trx, id, endless, 200);
  const tasks = await sql<
    Whole["tasks"][number]
  >`SELECT t.id, t.title, (SELECT p.name FROM people p WHERE p.id = t.assignee) AS assignee, t.due, t.done FROM case_tasks t WHERE t.case_id = ${id} ORDER BY t.created LIMIT 100`.execute(
    trx,
  );
  const links = await sql<
    Whole["links"][number]
  >`SELECT c.number, c.title, l.kind, c.state FROM case_links l JOIN cases c ON c.id = CASE WHEN l.case_id = ${id} THEN l.other_id ELSE l.case_id END
WHERE l.case_id = ${id} OR l.other_id = ${id} ORDER BY l.at LIMIT 100`.execute(trx);
  const attachments = await sql<
    Whole["attachments"][number]
  >`SELECT x.id, x.name, x.media_type, x.size, x.at, x.actor, (SELECT p.name FROM people p WHERE 'person:' || p.id = x.actor) AS name_of, x.marking FROM attachments x WHERE x.case_id = ${id} ORDER BY x.at LIMIT 100`.execute(
    trx,
  );
  const letters = await sql<
    Whole["letters"][number]
  >`SELECT id, channel, recipient, state, created, sent FROM outbox WHERE case_id = ${id}
  OR (case_id IS NULL AND organisation_id = ${line.organisation_id} AND state IN ('held', 'waiting') AND payload->'items' @> ${JSON.stringify([{ case: id }])}::jsonb) ORDER BY created DESC LIMIT 100`.execute(
    trx,
  );
  const answers = await sql<
    Whole["answers"][number]
  >`SELECT at, answer, channel, note, state FROM answers WHERE case_id = ${id} ORDER BY id DESC LIMIT 20`.execute(trx);
  const replied = await sql<{
    at: number | null;
  }>`SELECT max(e.at) AS at FROM case_events e WHERE e.case_id = ${id} AND e.kind = 'reply' AND e.body->>'known' = 'true'
  AND e.at >= coalesce((SELECT max(a.detected) FROM alerts a WHERE a.case_id = ${id} AND a.relapses > 0), 0)`.execute(
    trx,
  );
  const link = await sql<{
    expires: number | null;
    open: boolean | null;
  }>`SELECT max(expires) AS expires, bool_or(revoked IS NULL) AS open FROM help_links WHERE case_id = ${id}`.execute(
    trx,
  );
  return {
    line,
    alerts: await boardRows(trx, { case: id, limit: 100 }),
    timeline,
    earlier: await earlierThan(trx, id, timeline[0]?.id),
    tasks: tasks.rows,
    links: links.rows,
    attachments: attachments.rows,
    letters: letters.rows,
    answers: answers.rows,
    link: { expires: link.rows[0]?.expires ?? null, revoked: link.rows[0]?.open === false },
    replied: replied.rows[0]?.at ?? null,
  };
};

/** A case whole, by its number. @throws AppError NOT_FOUND, also when it is there for others. */
export const loadWhole = (desk: Desk, actor: Actor, number: number): Promise<Whole> =>
  desk.as(actor, (trx) => wholeOf(trx, { number }));

export const loadTimeline = (
  desk: Desk,
  actor: Actor,
  number: number,
  page: { readonly before?: number; readonly limit: number },
): Promise<{ readonly rows: readonly TimelineLine[]; readonly earlier: number }> =>
  desk.as(actor, async (trx) => {
    const line = await caseLine(trx, { number });
    if (line === undefined) throw noCase();
    const rows = await timelineAt(trx, line.id, page.before ?? endless, page.limit);
    return { rows, earlier: await earlierThan(trx, line.id, rows[0]?.id) };
  });

/** What a person does to a case. Each writes a line of the timeline. */
export type CaseAction =
  | { readonly action: "note"; readonly text: string; readonly marking: Marking }
  | { readonly action: "task"; readonly title: string; readonly due: number | null; readonly assignee: string | null }
  | { readonly action: "task-done"; readonly task: string; readonly done: boolean }
  | {
      readonly action: "link";
      readonly case: number;
      readonly relation: "related" | "duplicate" | "parent" | "child" | "campaign";
    }
  | {
      readonly action: "attach";
      readonly name: string;
      readonly type: string;
      readonly content: Uint8Array;
      readonly marking: Marking;
    }
  | { readonly action: "state"; readonly state: CaseState; readonly version: number; readonly reason: string | null }
  | { readonly action: "assign"; readonly person: string | null; readonly version: number }
  | { readonly action: "notify" }
  | { readonly action: "revoke" };
/** What owners may do too, beside answering. */
const ofOwners = new Set<CaseAction["action"]>(["note", "attach"]);
const notesAtMost = 2_000;

export const actOnCase = (
  desk: Desk,
  rules: CaseRules,
  actor: Actor,
  number: number,
  action: CaseAction,
  now: number,
): Promise<Whole> =>
  desk.as(actor, async (trx) => {
    const line = await caseLine(trx, { number });
    if (line === undefined) throw noCase();
    const staff = isStaff(actor);
    if (!staff && !(hasRole(actor, "member") && ofOwners.has(action.action)))
      throw new AppError("ACCESS_DENIED", "your role does not include this");
    const { id } = line;
    const audience = staff ? "staff" : "owner";
    const say = async (
      kind: string,
      body: Readonly<Record<string, unknown>>,
      marking: Marking = line.marking,
      seenBy: "staff" | "owner" = audience,
    ): Promise<void> => {
      await sql`INSERT INTO case_events (case_id, organisation_id, realm, at, actor, kind, body, marking, audience)
VALUES (${id}, ${line.organisation_id}, ${line.realm}, ${now}, ${actor.id}, ${kind}, ${JSON.stringify(body)}::jsonb, ${marking}, ${seenBy})`.execute(
        trx,
      );
    };
    const current = async (version: number, set: ReturnType<typeof sql>): Promise<void> => {
      const { rows } =
        await sql`UPDATE cases SET ${set}, version = version + 1 WHERE id = ${id} AND version = ${version} RETURNING id`.execute(
          trx,
        );
      if (rows.length === 0) throw new AppError("CHANGED", "somebody else changed the case since you read it");
    };
    switch (action.action) {
      case "note": {
        const had = await sql<{
          n: number;
        }>`SELECT count(*)::int AS n FROM case_events WHERE case_id = ${id} AND kind = 'note'`.execute(trx);
        if ((had.rows[0]?.n ?? 0) >= notesAtMost)
          throw new AppError("REQUEST_INVALID", `a case has at most ${notesAtMost} notes`);
        await say("note", { text: action.text }, action.marking);
        break;
      }
      case "task":
        await sql`INSERT INTO case_tasks (case_id, title, assignee, due, created, actor) VALUES (${id}, ${action.title}, ${action.assignee}, ${action.due}, ${now}, ${actor.id})`.execute(
          trx,
        );
        await say("task", { title: action.title, due: action.due });
        break;
      case "task-done": {
        const { rows } = await sql<{
          title: string;
        }>`UPDATE case_tasks SET done = ${action.done ? now : null} WHERE id = ${action.task} AND case_id = ${id} RETURNING title`.execute(
          trx,
        );
        if (rows[0] === undefined) throw new AppError("NOT_FOUND", "no such task");
        await say("task", { title: rows[0].title, done: action.done });
        break;
      }
      case "link": {
        const other = await caseLine(trx, { number: action.case });
        if (other === undefined || other.id === id) throw new AppError("NOT_FOUND", "no such case to link to");
        if (other.exercise !== line.exercise)
          throw new AppError("REQUEST_INVALID", "a case of an exercise is not linked to a real one");
        await sql`INSERT INTO case_links (case_id, other_id, kind, at, actor) VALUES (${id}, ${other.id}, ${action.relation}, ${now}, ${actor.id}) ON CONFLICT (case_id, other_id) DO NOTHING`.execute(
          trx,
        );
        await say("linked", { case: other.number, relation: action.relation });
        break;
      }
      case "attach": {
        // What strangers sent by mail has places of its own.
        const { rows } = await sql<{
          n: number;
        }>`SELECT count(*)::int AS n FROM attachments WHERE case_id = ${id} AND ${isKnown}`.execute(trx);
        if ((rows[0]?.n ?? 0) >= attachmentsAtMost.known || action.content.length > attachmentsAtMost.bytes) {
          throw new AppError("ATTACHMENT_TOO_LARGE", "an attachment has at most 5 MiB, a case at most 20 of them");
        }
        const hash = createHash("sha256").update(action.content).digest("hex");
        // The name is a label; what it is kept under is made by the database.
        await sql`INSERT INTO attachments (case_id, at, actor, name, media_type, size, sha256, content, marking, audience)
VALUES (${id}, ${now}, ${actor.id}, ${action.name}, ${action.type}, ${action.content.length}, ${hash}, ${Buffer.from(action.content)}, ${action.marking}, ${audience})`.execute(
          trx,
        );
        await say("attachment", { name: action.name, bytes: action.content.length, sha256: hash }, action.marking);
        break;
      }
      case "state":
        await current(action.version, sql`state = ${action.state}, closed = ${action.state === "closed" ? now : null}`);
        await say("state", { state: action.state, reason: action.reason }, line.marking, "owner");
        break;
      case "assign":
        await current(action.version, sql`assignee = ${action.person}`);
        await say("assigned", { person: action.person });
        break;
      case "notify":
        await notify(trx, rules, actor, line, now);
        break;
      case "revoke":
        await sql`UPDATE help_links SET revoked = ${now} WHERE case_id = ${id} AND revoked IS NULL`.execute(trx);
        await say("revoked", {}, line.marking, "owner");
        break;
    }
    return wholeOf(trx, { id });
  });

/** Tells the owner now, whatever was told before; what is held stays held. A letter that waits leaves now instead of a second one. */
const notify = async (
  trx: DeskTransaction,
  rules: CaseRules,
  actor: Actor,
  line: CaseLine,
  now: number,
): Promise<void> => {
  const rows = await boardRows(trx, { case: line.id, limit: 100 });
  const alerts = rows
    .map(alertOf)
    .filter((alert) => alert.state !== "closed" && alert.organisation !== null && toldKinds.includes(alert.kind));
  if (alerts.some((alert) => isSuppressed(alert, now)))
    throw new AppError("REQUEST_INVALID", "an alert of this case is suppressed: end that first");
  if (alerts.some(isHeld)) throw new AppError("REQUEST_INVALID", "an alert of this case is held: release it first");
  if (alerts.length === 0) throw new AppError("REQUEST_INVALID", "the case has no open alert of an owner");
  const leaving = await sql<{
    id: string;
    alert: string;
    state: string;
    case_id: string | null;
  }>`SELECT b.id, i->>'alert' AS alert, b.state, b.case_id FROM outbox b CROSS JOIN LATERAL jsonb_array_elements(b.payload->'items') AS i
WHERE b.organisation_id = ${line.organisation_id} AND b.channel <> 'inbox' AND b.state IN ('held', 'waiting', 'sending')
  AND i->>'alert' = ANY (${alerts.map(({ id }) => id)}) AND i->>'form' <> 'correction' FOR UPDATE OF b`.execute(trx);
  if (leaving.rows.some(({ state }) => state === "held"))
    throw new AppError("REQUEST_INVALID", "a letter of this case waits to be looked at: release it");
  // A digest is its recipient's hour, and no answer to who says now.
  const own = leaving.rows.filter(({ case_id }) => case_id === line.id);
  const hurried = [...new Set(own.filter(({ state }) => state === "waiting").map(({ id }) => id))];
  if (hurried.length > 0)
    await sql`UPDATE outbox SET due = ${now} WHERE id = ANY (${hurried}) AND state = 'waiting'`.execute(trx);
  for (const letter of hurried)
    await sql`INSERT INTO case_events (case_id, organisation_id, realm, at, actor, kind, body, marking, audience)
VALUES (${line.id}, ${line.organisation_id}, ${line.realm}, ${now}, ${actor.id}, 'letter', ${JSON.stringify({ letter, action: "retry" })}::jsonb, ${line.marking}, 'staff')`.execute(
      trx,
    );
  const told = alerts
    .filter(({ id }) => own.every(({ alert }) => alert !== id))
    .map((alert) => ({ ...alert, told: now }));
  await insertRows(trx, "alerts", alertColumns, told.map(alertRowOf), orReplace(alertColumns, "id"));
  await tell(
    trx,
    rules,
    told.map((alert) => ({
      alert,
      form: alert.relapses > 0 ? "relapse" : "notice",
      way: "letter",
      urgent: true,
      actor: actor.id,
    })),
    new Map([[line.id, { id: line.id, number: Number(line.number) }]]),
    now,
  );
};

/** Opens a case for alerts that have none, or joins them in a new one. Answers its number. */
export const newCase = (
  desk: Desk,
  actor: Actor,
  title: string,
  ids: readonly string[],
  now: number,
): Promise<number> =>
  desk.as(actor, async (trx) => {
    if (!isStaff(actor)) throw new AppError("ACCESS_DENIED", "your role does not include this");
    const { rows } = await sql<{
      id: string;
      organisation_id: string | null;
      realm: string;
      exercise: string;
      kind: string;
      severity: string;
      marking: string;
      origin: string;
      case_id: string | null;
    }>`SELECT id, organisation_id, realm, exercise, kind, severity, marking, origin, case_id FROM alerts WHERE id = ANY (${[...ids]}) ORDER BY rank DESC FOR UPDATE`.execute(
      trx,
    );
    const [first] = rows;
    if (first === undefined || rows.length < new Set(ids).size) throw new AppError("NOT_FOUND", "no such alert");
    if (
      rows.some(
        (row) =>
          row.organisation_id !== first.organisation_id || row.realm !== first.realm || row.exercise !== first.exercise,
      )
    ) {
      throw new AppError("REQUEST_INVALID", "alerts of different owners, realms or exercises are not one case");
    }
    if (rows.some((row) => row.case_id !== null))
      throw new AppError("REQUEST_INVALID", "one of them has a case: merge them instead");
    const id = idOf("case by hand", now, ...ids);
    const made = await sql<{
      number: number;
    }>`INSERT INTO cases (id, organisation_id, realm, exercise, title, kind, state, severity, marking, origin, opened)
VALUES (${id}, ${first.organisation_id}, ${first.realm}, ${first.exercise}, ${title}, ${first.kind}, 'open', ${first.severity}, ${first.marking}, ${first.origin}, ${now}) RETURNING number`.execute(
      trx,
    );
    await sql`UPDATE alerts SET case_id = ${id}, version = version + 1 WHERE id = ANY (${[...ids]})`.execute(trx);
    await sql`INSERT INTO case_events (case_id, organisation_id, realm, at, actor, kind, body, marking, audience)
VALUES (${id}, ${first.organisation_id}, ${first.realm}, ${now}, ${actor.id}, 'opened', ${JSON.stringify({ alerts: ids.length })}::jsonb, ${first.marking}, 'staff')`.execute(
      trx,
    );
    return Number(made.rows[0]?.number);
  });

export interface Attachment {
  readonly name: string;
  readonly media_type: string;
  readonly content: Uint8Array;
}
export const loadAttachment = (desk: Desk, actor: Actor, number: number, id: string): Promise<Attachment> =>
  desk.as(actor, async (trx) => {
    const { rows } =
      await sql<Attachment>`SELECT x.name, x.media_type, x.content FROM attachments x JOIN cases c ON c.id = x.case_id WHERE x.id = ${id} AND c.number = ${number}`.execute(
        trx,
      );
    if (rows[0] === undefined) throw new AppError("NOT_FOUND", "no such attachment");
    return rows[0];
  });
