// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import { day } from "../alert/alert.ts";
import type { Severity } from "../alert/alert.ts";
import type { Actor } from "../model/actor.ts";
import type { DetectionKind } from "../model/detection.ts";
import type { Marking } from "../model/marking.ts";
import { formatIp, parseIp } from "../net/ip.ts";
import { cursorText, readCursor } from "../platform/cursor.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { fromIndexes } from "../store/desk/planner.ts";
import { isStaff } from "../store/desk/steps.ts";
import { personOf } from "./board.ts";
import type { Page } from "./board.ts";
import { countingShown, touchedShown } from "./shown.ts";
import { countedTo, firstOf, like, named, ownRows } from "./asking.ts";

export type CaseState = "open" | "waiting" | "closed";
export interface CaseFilter {
  readonly states?: readonly CaseState[];
  readonly kinds?: readonly DetectionKind[];
  readonly severities?: readonly Severity[];
  readonly organisation?: string;
  readonly only?: readonly string[];
  readonly q?: string;
  readonly realm: string;
  readonly exercise: string;
}
export type CaseOrder = "touched" | "opened" | "severity";
/** A line of the list of cases. */
export interface CaseLine {
  readonly id: string;
  readonly number: number;
  readonly version: number;
  readonly title: string;
  readonly kind: DetectionKind;
  readonly state: CaseState;
  readonly severity: Severity;
  readonly organisation_id: string | null;
  readonly organisation_name: string | null;
  readonly essential: boolean;
  readonly assignee: string | null;
  readonly assignee_name: string | null;
  readonly alerts: number;
  readonly subjects: readonly string[];
  readonly family: string | null;
  readonly opened: number;
  readonly closed: number | null;
  readonly quieted: number | null;
  readonly touched: number;
  readonly notified: number | null;
  /** Of the present episode: what was said before it came back is of the past. */
  readonly answer: string | null;
  /** Since when it is back; null: it is not. */
  readonly relapsed: number | null;
  /** States of silence and of the alerts themselves, one of each. */
  readonly silences: readonly (string | null)[];
  readonly open_tasks: number;
  readonly marking: Marking;
  readonly exercise: string;
  readonly realm: string;
  readonly ordered: number;
}
export interface CaseList {
  readonly total: number;
  readonly next: string | null;
  readonly facts: {
    readonly open: number;
    readonly waiting: number;
    readonly closed: number;
    readonly unanswered: number;
    readonly oldestUnanswered: number | null;
    readonly quietThisWeek: number;
  };
  readonly rows: readonly CaseLine[];
}

const severityNumber = "(CASE c.severity WHEN 'critical' THEN 3 WHEN 'high' THEN 2 WHEN 'medium' THEN 1 ELSE 0 END)";
const orders: Readonly<Record<CaseOrder, string>> = {
  touched: "c.touched",
  opened: "c.opened",
  severity: `(${severityNumber} * 10000000000000000::bigint + c.opened)`,
};
/** Titles that hold what was typed, capitals or not. */
export const titled = (typed: string): RawBuilder<unknown> => sql`c.sought LIKE lower(${like(typed)})`;

const conditions = async (trx: DeskTransaction, filter: CaseFilter, actor: Actor): Promise<RawBuilder<unknown>[]> => {
  const list: RawBuilder<unknown>[] = [
    sql`c.realm = ${filter.realm}`,
    sql`c.exercise = ${filter.exercise}`,
    sql`c.merged_into IS NULL`,
    ...ownRows(actor, sql`c.organisation_id`),
  ];
  if (filter.kinds !== undefined) list.push(sql`c.kind = ANY (${[...filter.kinds]})`);
  if (filter.severities !== undefined) list.push(sql`c.severity = ANY (${[...filter.severities]})`);
  if (filter.organisation !== undefined) list.push(sql`c.organisation_id = ${filter.organisation}`);
  for (const one of filter.only ?? []) {
    if (one === "mine") list.push(sql`c.assignee = ${personOf(actor)}`);
    if (one === "unassigned") list.push(sql`c.assignee IS NULL`);
    if (one === "unanswered") list.push(sql`c.unanswered IS NOT NULL`);
    if (one === "relapsed")
      list.push(sql`c.id IN (SELECT a.case_id FROM alerts a WHERE a.state <> 'closed' AND a.state = 'relapsed')`);
    // Two questions, as there are two indexes.
    if (one === "essential")
      list.push(
        sql`c.id IN (SELECT a.case_id FROM alerts a WHERE a.state <> 'closed' AND a.essential UNION ALL SELECT a.case_id FROM alerts a WHERE a.state = 'closed' AND a.essential)`,
      );
  }
  if (filter.q !== undefined) {
    const typed = filter.q.trim();
    const number = /^(?:LAYANG-)?(\d{1,15})$/i.exec(typed)?.[1];
    const address = parseIp(typed);
    if (number !== undefined) list.push(sql`c.number = ${Number(number)}`);
    else if (address !== undefined) {
      const ip = formatIp(address);
      list.push(sql`c.id IN (SELECT a.case_id FROM alerts a WHERE a.source = ${ip}::inet)`);
    } else list.push(sql`(c.organisation_id = ANY (${await named(trx, typed)}) OR ${titled(typed)})`);
  }
  return list;
};
const where = (list: readonly RawBuilder<unknown>[]): RawBuilder<unknown> =>
  sql`WHERE ${sql.join([...list], sql` AND `)}`;

const line = sql`SELECT c.id, c.number, c.version, c.title, c.kind, c.state, c.severity, c.organisation_id, o.name AS organisation_name, c.assignee, (SELECT p.name FROM people p WHERE p.id = c.assignee) AS assignee_name,
  c.opened, c.closed, c.quieted, c.marking, c.exercise, c.realm, ${touchedShown} AS touched,
  coalesce(g.n, 0) AS alerts, coalesce(g.subjects, '{}') AS subjects, g.family, coalesce(g.essential, false) AS essential, g.notified, coalesce(g.silences, '{}') AS silences,
  g.relapsed, (SELECT x.answer FROM answers x WHERE x.case_id = c.id AND x.at >= coalesce(g.begun, 0) ORDER BY x.id DESC LIMIT 1) AS answer, (SELECT count(*)::int FROM case_tasks t WHERE t.case_id = c.id AND t.done IS NULL) AS open_tasks
FROM cases c LEFT JOIN organisations o ON o.id = c.organisation_id
LEFT JOIN LATERAL (SELECT count(*)::int AS n, (array_agg(DISTINCT a.subject))[1:5] AS subjects, min(a.family) AS family, bool_or(a.essential) AS essential, min(a.notified) AS notified,
  max(a.detected) FILTER (WHERE a.relapses > 0) AS begun, max(a.detected) FILTER (WHERE a.state = 'relapsed') AS relapsed,
  array_agg(DISTINCT CASE WHEN a.state IN ('quiet', 'closed') THEN 'silent' WHEN a.silence = 'counting' THEN ${countingShown("a")} ELSE coalesce(a.silence, 'active') END) AS silences FROM alerts a WHERE a.case_id = c.id) AS g ON true`;

/** One line by number or id; undefined when the actor may not see it. */
export const caseLine = async (
  trx: DeskTransaction,
  what: { readonly number: number } | { readonly id: string },
): Promise<CaseLine | undefined> => {
  const { rows } =
    "id" in what
      ? await sql<CaseLine>`${line} WHERE c.id = ${what.id}`.execute(trx)
      : await sql<CaseLine>`${line} WHERE c.number = ${what.number}`.execute(trx);
  return rows[0];
};

type CaseFacts = CaseList["facts"];
const factsOf = async (trx: DeskTransaction, list: readonly RawBuilder<unknown>[], now: number): Promise<CaseFacts> => {
  const counted = await sql<
    Record<string, number | null>
  >`SELECT count(*) FILTER (WHERE c.state = 'open')::int AS open, count(*) FILTER (WHERE c.state = 'waiting')::int AS waiting,
count(c.unanswered)::int AS unanswered, min(c.unanswered) AS oldest, count(*) FILTER (WHERE c.quieted > ${now - 7 * day})::int AS quiet FROM cases c ${where([...list, sql`c.state <> 'closed'`])}`.execute(
    trx,
  );
  const closed = await sql<{
    n: number;
    quiet: number;
  }>`SELECT count(*)::int AS n, count(*) FILTER (WHERE k.quieted > ${now - 7 * day})::int AS quiet FROM (SELECT c.quieted FROM cases c ${where([...list, sql`c.state = 'closed'`])} LIMIT ${countedTo}) AS k`.execute(
    trx,
  );
  const n = (name: string): number => Number(counted.rows[0]?.[name] ?? 0);
  return {
    open: n("open"),
    waiting: n("waiting"),
    closed: closed.rows[0]?.n ?? 0,
    unanswered: n("unanswered"),
    oldestUnanswered: counted.rows[0]?.["oldest"] ?? null,
    quietThisWeek: n("quiet") + (closed.rows[0]?.quiet ?? 0),
  };
};
/** Which of those that are counted is asked for, where nothing else but a realm and an exercise is: all, or what waits for an answer. */
const countedOf = ({ realm, exercise: _exercise, states: _states, only = [], ...rest }: CaseFilter) =>
  realm !== "" || only.some((one) => one !== "unanswered") || Object.values(rest).some((value) => value !== undefined)
    ? null
    : only.length === 0
      ? "cases"
      : "unanswered";
/** The same of all cases of the shared realm, for who may see them all: from what is kept of them, and from indexes of the rest. */
const factsOfAll = async (
  trx: DeskTransaction,
  which: "cases" | "unanswered",
  exercise: string,
  now: number,
): Promise<CaseFacts> => {
  const sum = sql`sum(${sql.ref(`k.${which}`)})`;
  const all = sql`c.realm = '' AND c.exercise = ${exercise} AND c.merged_into IS NULL`;
  const { rows } = await sql<
    Record<string, number | null>
  >`SELECT coalesce(${sum} FILTER (WHERE k.state = 'open'), 0)::int AS open, coalesce(${sum} FILTER (WHERE k.state = 'waiting'), 0)::int AS waiting, coalesce(${sum} FILTER (WHERE k.state = 'closed'), 0)::int AS closed,
  coalesce(sum(k.unanswered) FILTER (WHERE k.state <> 'closed'), 0)::int AS unanswered,
  (SELECT min(c.unanswered) FROM cases c WHERE ${all} AND c.unanswered IS NOT NULL AND c.state <> 'closed') AS oldest,
  (SELECT count(*) FROM cases c WHERE ${all} AND c.quieted > ${now - 7 * day} ${which === "cases" ? sql`` : sql`AND c.unanswered IS NOT NULL`})::int AS quiet
FROM case_counts k WHERE k.realm = '' AND k.exercise = ${exercise} AND NOT k.merged`.execute(trx);
  const n = (name: string): number => Number(rows[0]?.[name] ?? 0);
  return {
    open: n("open"),
    waiting: n("waiting"),
    closed: Math.min(n("closed"), countedTo),
    unanswered: n("unanswered"),
    oldestUnanswered: rows[0]?.["oldest"] ?? null,
    quietThisWeek: n("quiet"),
  };
};

/** Cases, a page of them. Without `states`, those that are not closed. */
export const listCases = (
  desk: Desk,
  actor: Actor,
  filter: CaseFilter,
  order: CaseOrder,
  page: Page,
  now: number,
): Promise<CaseList> =>
  desk.as(actor, async (trx) => {
    await fromIndexes(trx);
    const list = await conditions(trx, filter, actor);
    const states = filter.states ?? ["open", "waiting"];
    const which = isStaff(actor) ? countedOf(filter) : null;
    const facts = which === null ? await factsOf(trx, list, now) : await factsOfAll(trx, which, filter.exercise, now);
    const column = order === "touched" && !isStaff(actor) ? touchedShown : sql.raw(orders[order]);
    const wanted = [...list];
    if (page.cursor !== undefined) {
      const [value, id] = readCursor(page.cursor, "integer", "text");
      wanted.push(sql`(${column}, c.id) < (${value}::bigint, ${id})`);
    }
    const first = firstOf(
      states,
      (among) =>
        sql`SELECT c.id, ${column} AS ordered FROM cases c ${where([...wanted, among])} ORDER BY ${column} DESC, c.id DESC LIMIT ${page.limit + 1}`,
    );
    const found = await sql<{
      id: string;
      ordered: number;
    }>`SELECT id, ordered FROM (${first}) AS f ORDER BY ordered DESC, id DESC LIMIT ${page.limit + 1}`.execute(trx);
    const ids = found.rows.slice(0, page.limit).map(({ id }) => id);
    const { rows } = await sql<CaseLine>`${line} WHERE c.id = ANY (${ids})`.execute(trx);
    const byId = new Map(rows.map((row) => [row.id, row]));
    const last = found.rows[page.limit - 1];
    return {
      total: states.reduce((sum, state) => sum + facts[state], 0),
      next: found.rows.length > page.limit && last !== undefined ? cursorText(Number(last.ordered), last.id) : null,
      facts,
      rows: ids.flatMap((id) => byId.get(id) ?? []),
    };
  });
