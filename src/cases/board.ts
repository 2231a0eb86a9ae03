// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import { day } from "../alert/alert.ts";
import type { AlertState, Severity } from "../alert/alert.ts";
import type { Actor } from "../model/actor.ts";
import type { DetectionKind } from "../model/detection.ts";
import { formatPrefix, parsePrefix } from "../net/prefix.ts";
import { parseIp, formatIp } from "../net/ip.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { fromIndexes } from "../store/desk/planner.ts";
import { isStaff } from "../store/desk/steps.ts";
import { cursorText, readCursor } from "../platform/cursor.ts";
import { AppError } from "../platform/errors.ts";
import { countedTo, firstOf, inside, named, ofFamily, ownRows } from "./asking.ts";
import type { AlertRow } from "./rows.ts";
import { alertsShown } from "./shown.ts";

export interface AlertFilter {
  readonly states?: readonly AlertState[];
  readonly kinds?: readonly DetectionKind[];
  readonly severities?: readonly Severity[];
  readonly organisation?: string;
  /** Only what belongs to an organisation. */
  readonly owned?: boolean;
  readonly country?: string;
  readonly family?: string;
  readonly port?: number;
  readonly only?: readonly string[];
  readonly q?: string;
  readonly realm: string;
  readonly exercise: string;
}
export type AlertOrder = "rank" | "last" | "first" | "packets";
export interface Page {
  readonly cursor?: string;
  readonly limit: number;
}
/** A line of the board: the alert, and what stands in other tables about it. */
export type BoardRow = AlertRow & {
  readonly organisation_name: string | null;
  readonly case_number: number | null;
  readonly assignee_name: string | null;
  readonly answer: string | null;
};
export interface BoardFacts {
  readonly states: Readonly<Record<AlertState, number>>;
  readonly held: number;
  readonly suppressed: number;
  readonly unclaimed: number;
  readonly essential: number;
  readonly owners: number;
  readonly day: number;
  readonly dayBefore: number;
  readonly oldestUnnotified: number | null;
}
export interface Board {
  readonly total: number;
  readonly next: string | null;
  readonly facts: BoardFacts;
  readonly rows: readonly BoardRow[];
}

const openStates: readonly AlertState[] = ["new", "continuing", "quiet", "relapsed"];

/** What was typed into the search box: an address, a prefix, AS64500, or a family or an owner's name. */
const searched = async (trx: DeskTransaction, actor: Actor, q: string): Promise<RawBuilder<unknown>> => {
  const typed = q.trim();
  const address = parseIp(typed);
  if (address !== undefined) {
    const ip = formatIp(address);
    return sql`(a.source = ${ip}::inet OR a.subject = ${ip})`;
  }
  const prefix = typed.includes("/") ? parsePrefix(typed) : undefined;
  if (prefix !== undefined) return inside(sql`a.source`, formatPrefix(prefix));
  const asn = /^AS(\d{1,10})$/i.exec(typed)?.[1];
  if (asn !== undefined) return sql`a.asn = ${Number(asn)}`;
  return sql`(a.organisation_id = ANY (${await named(trx, typed)}) OR ${await ofFamily(trx, actor, typed)})`;
};

const conditions = async (
  trx: DeskTransaction,
  filter: AlertFilter,
  actor: Actor,
  now: number,
): Promise<RawBuilder<unknown>[]> => {
  const list: RawBuilder<unknown>[] = [
    sql`a.realm = ${filter.realm}`,
    sql`a.exercise = ${filter.exercise}`,
    ...ownRows(actor, sql`a.organisation_id`),
  ];
  if (filter.kinds !== undefined) list.push(sql`a.kind = ANY (${[...filter.kinds]})`);
  if (filter.severities !== undefined) list.push(sql`a.severity = ANY (${[...filter.severities]})`);
  if (filter.organisation !== undefined) list.push(sql`a.organisation_id = ${filter.organisation}`);
  if (filter.owned === true) list.push(sql`a.organisation_id IS NOT NULL`);
  if (filter.country !== undefined) list.push(sql`a.country = ${filter.country}`);
  if (filter.family !== undefined) list.push(sql`a.family = ${filter.family}`);
  if (filter.port !== undefined) list.push(sql`${filter.port} = ANY (a.ports)`);
  if (filter.q !== undefined) list.push(await searched(trx, actor, filter.q));
  for (const one of filter.only ?? []) {
    if (one === "held") list.push(sql`a.held <> '{}' AND a.released IS NULL`);
    if (one === "suppressed") list.push(sql`a.suppressed_until > ${now}`);
    if (one === "unclaimed") list.push(sql`a.organisation_id IS NULL`);
    if (one === "owned") list.push(sql`a.organisation_id IS NOT NULL`);
    if (one === "confirmed")
      list.push(
        sql`a.state = 'quiet' AND a.case_id IN (SELECT x.case_id FROM answers x WHERE x.state = 'confirmed' AND x.at >= a.detected)`,
      );
    if (one === "essential") list.push(sql`a.essential`);
    if (one === "mine") list.push(sql`a.case_id IN (SELECT id FROM cases WHERE assignee = ${personOf(actor)})`);
    if (one === "unanswered") list.push(sql`a.notified IS NOT NULL AND a.acknowledged IS NULL`);
  }
  return list;
};
/** Id of the person behind an actor; a token's own id where there is none. */
export const personOf = (actor: Actor): string => actor.id.replace(/^person:/, "");

const where = (list: readonly RawBuilder<unknown>[]): RawBuilder<unknown> =>
  sql`WHERE ${sql.join([...list], sql` AND `)}`;
const columns: Readonly<Record<AlertOrder, string>> = {
  rank: "a.rank",
  last: "a.last",
  first: "a.first",
  packets: "a.packets",
};

/** Staff ask the table itself, by its indexes; an owner's rows are few. */
const alertsOf = (actor: Actor): RawBuilder<unknown> =>
  isStaff(actor)
    ? sql`alerts a`
    : sql`${alertsShown(sql.join([sql`true`, ...ownRows(actor, sql`t.organisation_id`)], sql` AND `))} AS a`;

const factsOf = async (
  trx: DeskTransaction,
  alerts: RawBuilder<unknown>,
  list: readonly RawBuilder<unknown>[],
  now: number,
): Promise<BoardFacts> => {
  // First by owner and state, as the index of them lies, then all of them: distinct owners over all rows would be a sort of all rows.
  const of = (state: AlertState): RawBuilder<unknown> =>
    sql`coalesce(sum(g.n) FILTER (WHERE g.state = ${state}), 0)::int`;
  const { rows } = await sql<
    Record<string, number | null>
  >`SELECT ${of("new")} AS new, ${of("continuing")} AS continuing, ${of("quiet")} AS quiet, ${of("relapsed")} AS relapsed, sum(g.held)::int AS held,
  sum(g.suppressed)::int AS suppressed, sum(g.essential)::int AS essential, sum(g.day)::int AS day, sum(g.day_before)::int AS day_before, min(g.oldest) FILTER (WHERE g.organisation_id IS NOT NULL AND g.state <> 'quiet') AS oldest,
  coalesce(sum(g.n) FILTER (WHERE g.organisation_id IS NULL), 0)::int AS unclaimed, count(DISTINCT g.organisation_id) FILTER (WHERE g.state <> 'quiet')::int AS owners
FROM (SELECT a.organisation_id, a.state, count(*) AS n,
  count(*) FILTER (WHERE a.released IS NULL AND cardinality(a.held) > 0) AS held, count(*) FILTER (WHERE a.suppressed_until > ${now}) AS suppressed, count(*) FILTER (WHERE a.essential) AS essential,
  count(*) FILTER (WHERE a.detected > ${now - day}) AS day, count(*) FILTER (WHERE a.detected > ${now - 2 * day} AND a.detected <= ${now - day}) AS day_before,
  min(a.detected) FILTER (WHERE a.notified IS NULL) AS oldest
  FROM ${alerts} ${where([...list, sql`a.state <> 'closed'`])} GROUP BY a.organisation_id, a.state) AS g`.execute(trx);
  const closed = await sql<{
    n: number;
  }>`SELECT count(*)::int AS n FROM (SELECT 1 FROM ${alerts} ${where([...list, sql`a.state = 'closed'`])} LIMIT ${countedTo}) AS c`.execute(
    trx,
  );
  return factsFrom(rows[0] ?? {}, closed.rows[0]?.n ?? 0);
};

const joined = (
  which: RawBuilder<unknown>,
): RawBuilder<BoardRow> => sql`SELECT a.*, o.name AS organisation_name, c.number AS case_number,
  (SELECT p.name FROM people p WHERE p.id = c.assignee) AS assignee_name,
  (SELECT x.answer FROM answers x WHERE x.case_id = a.case_id ORDER BY x.id DESC LIMIT 1) AS answer
FROM ${alertsShown(which)} AS a LEFT JOIN organisations o ON o.id = a.organisation_id LEFT JOIN cases c ON c.id = a.case_id`;

/** Nothing but a realm and an exercise is asked for. */
const isWhole = ({ realm: _realm, exercise: _exercise, states: _states, ...rest }: AlertFilter): boolean =>
  Object.values(rest).every(
    (value) => value === undefined || value === false || (Array.isArray(value) && value.length === 0),
  );

/** The same of all alerts of the shared realm, for who may see them all: from what is kept of them, and from indexes of the rest. */
const factsOfAll = async (trx: DeskTransaction, exercise: string, now: number): Promise<BoardFacts> => {
  const of = (state: AlertState): RawBuilder<unknown> =>
    sql`coalesce(sum(c.alerts) FILTER (WHERE c.state = ${state}), 0)::int`;
  const open = sql`a.realm = '' AND a.exercise = ${exercise} AND a.state <> 'closed'`;
  const { rows } = await sql<
    Record<string, number | null>
  >`SELECT ${of("new")} AS new, ${of("continuing")} AS continuing, ${of("quiet")} AS quiet, ${of("relapsed")} AS relapsed, ${of("closed")} AS closed,
  coalesce(sum(c.held) FILTER (WHERE c.state <> 'closed'), 0)::int AS held, coalesce(sum(c.essential) FILTER (WHERE c.state <> 'closed'), 0)::int AS essential,
  coalesce(sum(c.alerts) FILTER (WHERE c.state <> 'closed' AND c.organisation_id IS NULL), 0)::int AS unclaimed,
  count(DISTINCT c.organisation_id) FILTER (WHERE c.state NOT IN ('closed', 'quiet') AND c.alerts > 0)::int AS owners,
  (SELECT count(*) FROM alerts a WHERE ${open} AND a.suppressed_until > ${now})::int AS suppressed,
  (SELECT count(*) FROM alerts a WHERE ${open} AND a.detected > ${now - day})::int AS day,
  (SELECT count(*) FROM alerts a WHERE ${open} AND a.detected > ${now - 2 * day} AND a.detected <= ${now - day})::int AS day_before,
  (SELECT min(a.detected) FROM alerts a WHERE a.realm = '' AND a.exercise = ${exercise} AND a.notified IS NULL AND a.organisation_id IS NOT NULL AND a.state IN ('new', 'continuing', 'relapsed')) AS oldest
FROM alert_counts c WHERE c.realm = '' AND c.exercise = ${exercise}`.execute(trx);
  return factsFrom(rows[0] ?? {}, Math.min(Number(rows[0]?.["closed"] ?? 0), countedTo));
};
const factsFrom = (facts: Readonly<Record<string, number | null>>, closed: number): BoardFacts => {
  const n = (name: string): number => Number(facts[name] ?? 0);
  return {
    states: { new: n("new"), continuing: n("continuing"), quiet: n("quiet"), closed, relapsed: n("relapsed") },
    held: n("held"),
    suppressed: n("suppressed"),
    unclaimed: n("unclaimed"),
    essential: n("essential"),
    owners: n("owners"),
    day: n("day"),
    dayBefore: n("day_before"),
    oldestUnnotified: facts["oldest"] === null || facts["oldest"] === undefined ? null : Number(facts["oldest"]),
  };
};

/** The board: a page of it, and what a sentence about all of it needs. Without `states`, what is not closed. */
export const listAlerts = (
  desk: Desk,
  actor: Actor,
  filter: AlertFilter,
  order: AlertOrder,
  page: Page,
  now: number,
): Promise<Board> =>
  desk.as(actor, async (trx) => {
    await fromIndexes(trx);
    const list = await conditions(trx, filter, actor, now);
    const alerts = alertsOf(actor);
    const facts =
      isStaff(actor) && filter.realm === "" && isWhole(filter)
        ? await factsOfAll(trx, filter.exercise, now)
        : await factsOf(trx, alerts, list, now);
    const states = filter.states ?? openStates;
    const column = sql.raw(columns[order]);
    const wanted = [...list];
    if (page.cursor !== undefined) {
      const [value, id] = readCursor(page.cursor, order === "rank" ? "real" : "integer", "text");
      wanted.push(sql`(${column}, a.id) < (${value}, ${id})`);
    }
    const found = firstOf(
      states,
      (among) =>
        sql`SELECT a.id, ${column} AS ordered FROM ${alerts} ${where([...wanted, among])} ORDER BY ${column} DESC, a.id DESC LIMIT ${page.limit + 1}`,
    );
    // The page is found by its index first; other tables are asked for its rows alone.
    const { rows } =
      await sql<BoardRow>`${joined(sql`t.id IN (SELECT id FROM (${found}) AS f ORDER BY ordered DESC, id DESC LIMIT ${page.limit + 1})`)} ORDER BY ${column} DESC, a.id DESC`.execute(
        trx,
      );
    const shown = rows.slice(0, page.limit);
    const last = shown.at(-1);
    return {
      total: states.reduce((sum, state) => sum + facts.states[state], 0),
      next: rows.length > page.limit && last !== undefined ? cursorText(Number(last[order]), last.id) : null,
      facts,
      rows: shown,
    };
  });

/** Lines of the board by id, or of a case. */
export const boardRows = async (
  trx: DeskTransaction,
  what: { readonly id: string } | { readonly case: string; readonly limit: number },
): Promise<readonly BoardRow[]> => {
  const { rows } =
    "id" in what
      ? await joined(sql`t.id = ${what.id}`).execute(trx)
      : await sql<BoardRow>`${joined(sql`t.case_id = ${what.case}`)} ORDER BY a.rank DESC, a.id LIMIT ${what.limit}`.execute(
          trx,
        );
  return rows;
};

export interface DetectionOfAlert {
  readonly id: string;
  readonly detector: string;
  readonly version: number;
  readonly kind: DetectionKind;
  readonly first: number;
  readonly last: number;
  readonly packets: number;
  readonly dark_addresses: number;
  readonly confidence: number;
  readonly revision: number;
  readonly withdrawn: boolean;
  readonly evidence: Readonly<Record<string, unknown>>;
}
/** One alert whole. @throws AppError NOT_FOUND, also when it is there for others. */
export const loadAlert = (
  desk: Desk,
  actor: Actor,
  id: string,
): Promise<{
  readonly row: BoardRow;
  readonly detections: readonly DetectionOfAlert[];
  readonly moved: readonly { readonly id: string; readonly subject: string; readonly first: number }[];
}> =>
  desk.as(actor, async (trx) => {
    const [row] = await boardRows(trx, { id });
    if (row === undefined) throw new AppError("NOT_FOUND", "no such alert");
    const detections =
      await sql<DetectionOfAlert>`SELECT d.id, d.detector, d.version, d.kind, d.first, d.last, d.packets, d.dark_addresses, d.confidence, d.revision, d.withdrawn, d.evidence
FROM alert_detections ad JOIN detections d ON d.id = ad.detection_id WHERE ad.alert_id = ${id} ORDER BY d.last DESC LIMIT 100`.execute(
        trx,
      );
    const moved = await sql<{
      id: string;
      subject: string;
      first: number;
    }>`SELECT id, subject, first FROM alerts WHERE id = ${row.moved_to}`.execute(trx);
    return { row, detections: detections.rows, moved: moved.rows };
  });
