// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { day, isVictim, verifiableKinds, victimKinds } from "../alert/alert.ts";
import { defaultSilence, isGivenUp, judgeSilence, victimSilence } from "../alert/silence.ts";
import type { SilenceEvidence, SilenceFacts, SilencePolicy } from "../alert/silence.ts";
import { subjectShown } from "../alert/subject.ts";
import { systemActor } from "../model/actor.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { alertOf } from "./rows.ts";
import type { AlertRow, CaseEvent } from "./rows.ts";
import { insertRows } from "./bulk.ts";
import { agreeing, endings } from "./meanings.ts";
import { eventColumns } from "./rows.ts";
import { eventOf } from "./tell.ts";

/** Asks the flow store; one realm and one exercise at a time. */
export type EvidenceOf = (
  scope: {
    readonly realm: string;
    readonly exercise: string;
    readonly stretch: number;
    /** `replies`: of hosts under attack, what they answer to forged packets. */
    readonly of: "asks" | "replies";
  },
  subjects: readonly { readonly id: string; readonly subject: string; readonly from: number }[],
  now: number,
) => Promise<ReadonlyMap<string, SilenceEvidence>>;

export interface SilenceOptions {
  readonly policy?: Partial<SilencePolicy>;
  /** Alerts looked at in one pass. */
  readonly atMost?: number;
  /** An alert is not looked at again before so much time has passed, microseconds; none by default. */
  readonly pause?: number;
  /** Only alerts of this exercise ("" the real); all when absent. A drill may have a clock of its own. */
  readonly exercise?: string;
  /** How long after it fell silent an alert is closed; 14 days. */
  readonly closeAfter?: number;
  /** How long after an answer packets still do not contradict it; a day. */
  readonly grace?: number;
}
export interface Verified {
  readonly looked: number;
  readonly quiet: number;
  readonly moved: number;
  readonly unknown: number;
  /** Given up: not seen again, cannot be confirmed. */
  readonly unconfirmed: number;
  readonly closed: number;
}

const states: Readonly<Record<SilenceFacts["verdict"], string>> = {
  active: "counting",
  waiting: "counting",
  quiet: "silent",
  unknown: "unknown",
  moved: "moved",
};

/**
 * Asks the darknet about alerts that are open, those first that were not asked about for longest. Quiet is said when the chance of such a silence,
 * were the host still infected, is under 1 %; an answer is then confirmed, or contradicted where packets went on.
 */
export const verifySilence = async (
  desk: Desk,
  evidenceOf: EvidenceOf,
  now: number,
  options: SilenceOptions = {},
): Promise<Verified> => {
  const policy = { ...defaultSilence, ...options.policy };
  const { rows } = await desk.as(systemActor, (trx) =>
    sql<
      AlertRow & { opened: number }
    >`SELECT *, first AS opened FROM alerts WHERE state IN ('new', 'continuing', 'relapsed') AND kind = ANY (${[...verifiableKinds, ...victimKinds]})
  AND (${options.exercise ?? null}::text IS NULL OR exercise = ${options.exercise ?? null})
  AND (checked IS NULL OR checked <= ${now - (options.pause ?? 0)})
ORDER BY checked NULLS FIRST, id LIMIT ${options.atMost ?? 2_000}`.execute(trx),
  );
  const result = { looked: rows.length, quiet: 0, moved: 0, unknown: 0, unconfirmed: 0, closed: 0 };
  const groups = new Map<string, AlertRow[]>();
  for (const row of rows) {
    // Who is attacked answers; what is sent in its name, and what a host sends by itself, are requests.
    const of = row.kind === "dos-victim" ? "replies" : "asks";
    const scope = JSON.stringify([row.realm, row.exercise, isVictim(row.kind), of]);
    groups.set(scope, [...(groups.get(scope) ?? []), row]);
  }
  for (const [scope, own] of groups) {
    const [realm, exercise, attacked, of] = JSON.parse(scope) as [string, string, boolean, "asks" | "replies"];
    const ofKind = attacked ? victimSilence(policy) : policy;
    const evidence = await evidenceOf(
      { realm, exercise, stretch: ofKind.stretch, of },
      own.map((row) => ({ id: row.id, subject: subjectShown(row.subject), from: row.first })),
      now,
    );
    await desk.as(systemActor, async (trx) => {
      for (const [verdict, n] of await judge(trx, own, evidence, now, ofKind)) {
        if (verdict === "quiet" || verdict === "moved" || verdict === "unknown" || verdict === "unconfirmed")
          result[verdict] += n;
      }
    });
  }
  await desk.as(systemActor, async (trx) => {
    result.closed = await settle(
      trx,
      now,
      options.closeAfter ?? 14 * day,
      options.grace ?? day,
      options.exercise ?? null,
    );
  });
  return result;
};

/** To the day in the shared realm: owners read it, and the moment of a packet tells who sent it what it met. */
const sinceOf = ({ realm }: Pick<AlertRow, "realm">, time: number | null): number | null =>
  time === null || realm !== "" ? time : Math.floor(time / day) * day;

/** Alerts of the same network and signature that came up after another's last packet: the host may have another address now. */
const movedOf = async (trx: DeskTransaction, rows: readonly AlertRow[]): Promise<Map<string, string>> => {
  const ids = rows.filter(({ kind, signature }) => signature !== null && !isVictim(kind)).map(({ id }) => id);
  if (ids.length === 0) return new Map();
  const found = await sql<{
    id: string;
    other: string;
  }>`SELECT DISTINCT ON (a.id) a.id, b.id AS other FROM alerts a JOIN alerts b ON b.signature = a.signature AND b.id <> a.id
WHERE a.id = ANY (${ids}) AND b.realm = a.realm AND b.exercise = a.exercise AND b.kind = a.kind AND b.network = a.network AND b.organisation_id = a.organisation_id
  AND b.family IS NOT DISTINCT FROM a.family AND b.subject <> a.subject AND b.first > a.last AND b.first <= a.last + ${7 * day}::bigint ORDER BY a.id, b.first`.execute(
    trx,
  );
  return new Map(found.rows.map(({ id, other }) => [id, other]));
};

const judge = async (
  trx: DeskTransaction,
  rows: readonly AlertRow[],
  evidence: ReadonlyMap<string, SilenceEvidence>,
  now: number,
  policy: SilencePolicy,
): Promise<Map<string, number>> => {
  const counts = new Map<string, number>();
  const moved = await movedOf(trx, rows);
  const writes: Record<string, unknown>[] = [];
  const verdicts: { readonly id: string; readonly verdict: string }[] = [];
  const events: { readonly id: string; readonly event: CaseEvent }[] = [];
  for (const row of rows) {
    const seen = evidence.get(row.id) ?? { last: null, visits: 0, exposure: 0, since: 0 };
    const facts = judgeSilence(seen, now, moved.has(row.id), policy);
    const silence = states[facts.verdict];
    const last = Math.max(row.last, seen.last ?? 0);
    // An attack that cannot be judged is over by itself in the end (`settle`).
    const givenUp = !isVictim(row.kind) && isGivenUp(facts, now - last, policy);
    verdicts.push({ id: row.id, verdict: facts.verdict });
    writes.push({
      id: row.id,
      version: row.version,
      silence,
      facts: { ...facts, asked: now, needed: policy.needed, atLeast: policy.atLeast },
      last,
      given_up: givenUp,
      quiet: facts.verdict === "quiet",
      moved_to: moved.get(row.id) ?? null,
    });
    if (givenUp) verdicts.push({ id: row.id, verdict: "unconfirmed" });
    if (givenUp && row.case_id !== null) {
      const body = { subject: row.subject, since: sinceOf(row, last), up: facts.up };
      events.push({ id: row.id, event: eventOf(alertOf(row), "unconfirmed", now, body, "owner") });
    }
    if (row.case_id === null || givenUp || silence === row.silence || silence === "counting") continue;
    const body = {
      chance: facts.chance,
      since: sinceOf(row, facts.since),
      up: facts.up,
      subject: row.subject,
      other: moved.get(row.id) ?? null,
    };
    events.push({ id: row.id, event: eventOf(alertOf(row), facts.verdict, now, body, "owner") });
  }
  // Packets that came meanwhile changed the version: such an alert is asked about again, not overwritten, and nothing is said of it.
  const { rows: written } = await sql<{
    id: string;
  }>`UPDATE alerts a SET silence = w.silence, silence_facts = w.facts, checked = ${now}, last = greatest(a.last, w.last), moved_to = w.moved_to,
  state = CASE WHEN w.quiet THEN 'quiet' WHEN w.given_up THEN 'closed' ELSE a.state END,
  closed = CASE WHEN w.given_up THEN ${now} ELSE a.closed END, closing = CASE WHEN w.given_up THEN 'unconfirmed' ELSE a.closing END, quieted = CASE WHEN w.quiet THEN greatest(a.last, w.last) ELSE a.quieted END,
  version = a.version + CASE WHEN w.quiet OR w.given_up OR w.silence IS DISTINCT FROM a.silence THEN 1 ELSE 0 END
FROM jsonb_to_recordset(${JSON.stringify(writes)}::jsonb) AS w(id text, version int, silence text, facts jsonb, last bigint, given_up boolean, quiet boolean, moved_to text)
WHERE a.id = w.id AND a.version = w.version RETURNING a.id`.execute(trx);
  const done = new Set(written.map(({ id }) => id));
  const cases = new Set(rows.filter(({ id }) => done.has(id)).flatMap(({ case_id }) => case_id ?? []));
  await insertRows(
    trx,
    "case_events",
    eventColumns,
    events.filter(({ id }) => done.has(id)).map(({ event }) => event),
  );
  for (const { verdict } of verdicts.filter(({ id }) => done.has(id)))
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  await closeCases(trx, [...cases], now);
  return counts;
};

/** What follows from silence and from packets: answers confirmed or contradicted, cases quiet, alerts closed. */
const settle = async (
  trx: DeskTransaction,
  now: number,
  closeAfter: number,
  grace: number,
  exercise: string | null,
): Promise<number> => {
  const among = (table: "answers" | "cases" | "alerts") =>
    exercise === null ? sql`true` : sql`${sql.raw(table)}.exercise = ${exercise}`;
  // What was given up confirms nothing and quiets nothing.
  const still = sql`(a.state NOT IN ('quiet', 'closed') OR a.closing IS NOT DISTINCT FROM 'unconfirmed')`;
  const of = sql`SELECT 1 FROM alerts a WHERE a.case_id = answers.case_id AND (cardinality(answers.alerts) = 0 OR a.id = ANY (answers.alerts))`;
  await sql`UPDATE answers SET state = 'contradicted', decided = ${now} WHERE ${among("answers")} AND state = 'claimed' AND answer = ANY (${[...endings]}) AND EXISTS (${of} AND a.last > answers.at + ${grace}::bigint)`.execute(
    trx,
  );
  // The darknet decides, and no analyst: what was closed by hand, or withdrawn, confirms nothing. An attack that cannot be judged is over in the end.
  const silent = sql`(a.state = 'quiet' OR a.closing IS NOT DISTINCT FROM 'silence' OR (a.closing IS NOT DISTINCT FROM 'expired' AND a.kind = ANY (${[...victimKinds]})))`;
  await sql`UPDATE answers SET state = 'confirmed', decided = ${now} WHERE ${among("answers")} AND state = 'claimed' AND answer = ANY (${[...agreeing]}) AND EXISTS (${of})
  AND NOT EXISTS (${of} AND NOT ${silent})`.execute(trx);
  await sql`UPDATE cases SET quieted = ${now}, version = version + 1 WHERE ${among("cases")} AND quieted IS NULL AND state <> 'closed' AND EXISTS (SELECT 1 FROM alerts a WHERE a.case_id = cases.id)
  AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.case_id = cases.id AND ${still})`.execute(trx);
  const { rows } = await sql<{
    id: string;
    case_id: string | null;
  }>`UPDATE alerts SET state = 'closed', closed = ${now}, closing = 'silence', version = version + 1
WHERE ${among("alerts")} AND state = 'quiet' AND quieted <= ${now - closeAfter}::bigint RETURNING id, case_id`.execute(
    trx,
  );
  // What silence was not said of, because too little was seen of it or it is no host's doing, ends with time.
  const over = await sql<{
    id: string;
    case_id: string | null;
  }>`UPDATE alerts SET state = 'closed', closed = ${now}, closing = 'expired', version = version + 1
WHERE ${among("alerts")} AND state IN ('new', 'continuing', 'relapsed') AND NOT (kind = ANY (${[...verifiableKinds]})) AND last <= ${now - closeAfter}::bigint RETURNING id, case_id`.execute(
    trx,
  );
  const ended = [...rows, ...over.rows];
  await closeCases(trx, [...new Set(ended.flatMap(({ case_id }) => case_id ?? []))], now);
  return ended.length;
};

/** Closes those whose alerts are all closed, and says by what: by silence, or because none can be confirmed any more. */
const closeCases = async (trx: DeskTransaction, cases: readonly string[], now: number): Promise<void> => {
  if (cases.length === 0) return;
  await sql`WITH done AS (UPDATE cases SET state = 'closed', closed = ${now}, version = version + 1 WHERE id = ANY (${[...cases]}) AND state <> 'closed'
    AND EXISTS (SELECT 1 FROM alerts a WHERE a.case_id = cases.id) AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.case_id = cases.id AND a.state <> 'closed') RETURNING id, organisation_id, realm, marking)
INSERT INTO case_events (case_id, organisation_id, realm, at, actor, kind, body, marking, audience)
SELECT id, organisation_id, realm, ${now}, 'system', 'state', jsonb_build_object('state', 'closed', 'by',
  CASE WHEN EXISTS (SELECT 1 FROM alerts a WHERE a.case_id = done.id AND a.closing = 'unconfirmed') THEN 'unconfirmed' ELSE 'silence' END), marking, 'owner' FROM done`.execute(
    trx,
  );
};
