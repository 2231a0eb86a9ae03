// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { day } from "../alert/alert.ts";
import type { Alert } from "../alert/alert.ts";
import type { Told } from "../alert/breaker.ts";
import { close, handOver } from "../alert/life.ts";
import { systemActor } from "../model/actor.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { insertRows, orReplace } from "./bulk.ts";
import { bodyOf, callAnalysts, decide } from "./decide.ts";
import type { Touched } from "./decide.ts";
import type { CaseRules } from "./options.ts";
import { alertColumns, alertOf, alertRowOf, eventColumns } from "./rows.ts";
import type { AlertRow, CaseEvent } from "./rows.ts";
import { eventOf, tell, withCases } from "./tell.ts";

export interface Adopted {
  /** Alerts that have an owner now. */
  readonly handed: number;
  /** Owners that were told, or will be with the next digest. */
  readonly told: number;
}
/** What was not seen for longer is handed over in silence: its owner is told when it is seen again. */
const toldWithin = day;

/**
 * Gives open alerts that are nobody's to who owns their network now. Networks come after the infections in them, when members are taken in one by one: the
 * alert that stood before is the new owner's, with a line that says so, and is told of as a new one would be, breakers and digests included. An alert that the owner
 * has of the same host already goes on; the one that was nobody's ends in it. Some at a time, each time in a transaction of its own.
 */
export const adoptAlerts = async (desk: Desk, rules: CaseRules, now: number, atOnce = 500): Promise<Adopted> => {
  const result = { handed: 0, told: 0 };
  const counts = new Map<string, Told>();
  for (let after: string | null = ""; after !== null;) {
    const from: string = after;
    const done: Adopted & { readonly last: string | null } = await desk.as(systemActor, (trx) =>
      page(trx, rules, { after: from, atOnce, counts }, now),
    );
    result.handed += done.handed;
    result.told += done.told;
    after = done.last;
  }
  return result;
};

const page = async (
  trx: DeskTransaction,
  rules: CaseRules,
  { after, atOnce, counts }: { readonly after: string; readonly atOnce: number; readonly counts: Map<string, Told> },
  now: number,
): Promise<Adopted & { readonly last: string | null }> => {
  const { rows } = await sql<{
    id: string;
    realm: string;
    source: string;
  }>`SELECT id, realm, host(source) AS source FROM alerts
WHERE organisation_id IS NULL AND state <> 'closed' AND source IS NOT NULL AND id > ${after} ORDER BY id LIMIT ${atOnce}`.execute(
    trx,
  );
  const last = rows.length < atOnce ? null : (rows.at(-1)?.id ?? null);
  const owned = rows.flatMap((row) => {
    // Whose it is now: a network that was claimed today was nobody's when the packets came.
    const owner = rules.owners.ownerOf(row.realm, row.source, now);
    return owner === null ? [] : [[row.id, owner] as const];
  });
  if (owned.length === 0) return { handed: 0, told: 0, last };
  const owners = new Map(owned);
  // A detector may have taken one of them meanwhile: what is locked is looked at again.
  const locked =
    await sql<AlertRow>`SELECT * FROM alerts WHERE id = ANY (${[...owners.keys()]}) AND organisation_id IS NULL AND state <> 'closed' ORDER BY id FOR UPDATE`.execute(
      trx,
    );
  const before = locked.rows.map(alertOf);
  const handed = before.flatMap((alert) => {
    const owner = owners.get(alert.id);
    return owner === undefined ? [] : [handOver(alert, owner, rules.policy)];
  });
  const twins = await twinsOf(trx, handed);
  const ending = handed.filter((alert) => twins.has(alert.id));
  const { alerts: going, left } = await withOwnCases(
    trx,
    handed.filter((alert) => !twins.has(alert.id)),
  );
  // The claims go with them: the owner sees what an alert rests on.
  await sql`UPDATE detections d SET organisation_id = w.organisation FROM jsonb_to_recordset(${JSON.stringify(handed.map(({ id, organisation }) => ({ id, organisation })))}::jsonb) AS w(id text, organisation text), alert_detections ad
WHERE ad.alert_id = w.id AND d.id = ad.detection_id AND d.organisation_id IS NULL`.execute(trx);
  for (const alert of ending) {
    await sql`UPDATE alert_detections ad SET alert_id = ${twins.get(alert.id) ?? ""} WHERE ad.alert_id = ${alert.id}
  AND NOT EXISTS (SELECT FROM alert_detections o WHERE o.alert_id = ${twins.get(alert.id) ?? ""} AND o.detection_id = ad.detection_id)`.execute(
      trx,
    );
  }
  const touched: Touched[] = going.map((alert) => ({ alert, before: alert, changes: new Set(), samples: [] }));
  const fresh = touched.filter(({ alert }) => alert.last > now - toldWithin);
  const { tellings, breakers, fewTold } = await decide(trx, rules, fresh, now, counts);
  // Who left a case that others share has one of its own, told or not.
  const telling = new Set(tellings.map(({ alert }) => alert.id));
  const cased = await withCases(
    trx,
    [
      ...tellings.map(({ alert }) => alert),
      ...touched.map(({ alert }) => alert).filter(({ id }) => left.has(id) && !telling.has(id)),
    ],
    now,
  );
  const byId = new Map([...touched.map(({ alert }) => alert), ...cased.alerts].map((alert) => [alert.id, alert]));
  const ended = ending.map((alert) => close({ ...alert, organisation: null }, "handled", now));
  await insertRows(
    trx,
    "alerts",
    alertColumns,
    [...byId.values(), ...ended].map(alertRowOf),
    orReplace(alertColumns, "id"),
  );
  if (fewTold.length > 0)
    await trx
      .insertInto("few_told")
      .values([...fewTold])
      .execute();
  const events: CaseEvent[] = [];
  for (const { before: earlier, alert, changes } of touched) {
    const now_ = byId.get(alert.id) ?? alert;
    if (now_.case === null) continue;
    if (earlier?.case !== now_.case) events.push(eventOf(now_, "detected", now_.detected, bodyOf(now_), "owner"));
    events.push(eventOf(now_, "handed-over", now, { network: now_.network, subject: now_.source }, "owner"));
    if (changes.has("held")) events.push(eventOf(now_, "held", now, { reasons: now_.held }, "staff"));
  }
  events.push(...(await endIn(trx, ending, twins, now)), ...(await closeLeft(trx, left, byId, now)));
  await insertRows(trx, "case_events", eventColumns, events);
  await tell(
    trx,
    rules,
    tellings.map((telling) => ({ ...telling, alert: byId.get(telling.alert.id) ?? telling.alert })),
    cased.places,
    now,
  );
  await callAnalysts(trx, rules, breakers, now);
  return { handed: handed.length, told: tellings.length, last };
};

/** Open alerts that the new owners have of the same hosts already, by the id of the alert that was nobody's. */
const twinsOf = async (trx: DeskTransaction, alerts: readonly Alert[]): Promise<ReadonlyMap<string, string>> => {
  const keys = alerts.map(({ id, organisation, realm, exercise, kind, subject }) => ({
    id,
    organisation,
    realm,
    exercise,
    kind,
    subject,
  }));
  const { rows } = await sql<{
    id: string;
    twin: string;
  }>`SELECT k.id, a.id AS twin FROM jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) AS k(id text, organisation text, realm text, exercise text, kind text, subject text)
JOIN alerts a ON a.subject = k.subject AND a.kind = k.kind AND a.realm = k.realm AND a.exercise = k.exercise AND a.organisation_id = k.organisation AND a.state <> 'closed' AND a.id <> k.id`.execute(
    trx,
  );
  return new Map(rows.map(({ id, twin }) => [id, twin]));
};

/**
 * The cases of alerts that ended in a twin: the twin goes on in them where it has none, else they end in the twin's, as cases that are merged do. A case
 * that has other alerts goes on by itself.
 */
const endIn = async (
  trx: DeskTransaction,
  ending: readonly Alert[],
  twins: ReadonlyMap<string, string>,
  now: number,
): Promise<readonly CaseEvent[]> => {
  const events: CaseEvent[] = [];
  for (const alert of ending) {
    const twin = twins.get(alert.id) ?? "";
    if (alert.case === null) continue;
    const { rows } = await sql<{
      case_id: string | null;
      number: number | null;
    }>`SELECT a.case_id, c.number FROM alerts a LEFT JOIN cases c ON c.id = a.case_id WHERE a.id = ${twin}`.execute(
      trx,
    );
    const into = rows[0]?.case_id ?? null;
    const others = sql`EXISTS (SELECT FROM alerts o WHERE o.case_id = ${alert.case} AND o.id <> ${alert.id} AND o.state <> 'closed')`;
    if (into === null) {
      const moved = await sql`UPDATE cases SET organisation_id = ${alert.organisation}, version = version + 1
WHERE id = ${alert.case} AND state <> 'closed' AND NOT ${others}`.execute(trx);
      if ((moved.numAffectedRows ?? 0n) === 0n) continue;
      await sql`UPDATE alerts SET case_id = ${alert.case} WHERE id = ${twin}`.execute(trx);
      events.push(eventOf(alert, "handed-over", now, { network: alert.network, subject: alert.source }, "owner"));
      continue;
    }
    const closed =
      await sql`UPDATE cases SET state = 'closed', closed = ${now}, merged_into = ${into}, version = version + 1
WHERE id = ${alert.case} AND id <> ${into} AND state <> 'closed' AND NOT ${others}`.execute(trx);
    if ((closed.numAffectedRows ?? 0n) === 0n) continue;
    events.push(eventOf(alert, "merged", now, { into: Number(rows[0]?.number) }, "staff"));
    await sql`INSERT INTO case_links (case_id, other_id, kind, at, actor) VALUES (${alert.case}, ${into}, 'duplicate', ${now}, ${systemActor.id}) ON CONFLICT DO NOTHING`.execute(
      trx,
    );
  }
  return events;
};

/** A shared case that its last alert has left is closed, and says where that went. */
const closeLeft = async (
  trx: DeskTransaction,
  left: ReadonlyMap<string, string>,
  alerts: ReadonlyMap<string, Alert>,
  now: number,
): Promise<readonly CaseEvent[]> => {
  if (left.size === 0) return [];
  const { rows } = await sql<{
    id: string;
  }>`UPDATE cases SET state = 'closed', closed = ${now}, version = version + 1
WHERE id = ANY (${[...new Set(left.values())]}) AND state <> 'closed' AND NOT EXISTS (SELECT FROM alerts a WHERE a.case_id = cases.id) RETURNING id`.execute(
    trx,
  );
  const empty = new Set(rows.map(({ id }) => id));
  return [...left].flatMap(([id, from]) => {
    const alert = alerts.get(id);
    if (alert === undefined || !empty.has(from)) return [];
    return [
      eventOf({ ...alert, case: from }, "handed-over", now, { network: alert.network, subject: alert.source }, "staff"),
    ];
  });
};

/**
 * A case goes to the owner with its alerts where all of them are that owner's now; an alert of a case that others share leaves it for one of its own.
 * `left`: the case that an alert has left.
 */
const withOwnCases = async (
  trx: DeskTransaction,
  alerts: readonly Alert[],
): Promise<{ readonly alerts: readonly Alert[]; readonly left: ReadonlyMap<string, string> }> => {
  const left = new Map<string, string>();
  const cases = Map.groupBy(
    alerts.filter((alert) => alert.case !== null),
    (alert) => alert.case ?? "",
  );
  if (cases.size === 0) return { alerts, left };
  const { rows } = await sql<{
    case_id: string;
    n: number;
  }>`SELECT case_id, count(*)::int AS n FROM alerts WHERE case_id = ANY (${[...cases.keys()]}) GROUP BY case_id`.execute(
    trx,
  );
  const all = new Map(rows.map(({ case_id, n }) => [case_id, n]));
  for (const [id, own] of cases) {
    const owner = own[0]?.organisation ?? null;
    if (own.length !== all.get(id) || own.some(({ organisation }) => organisation !== owner)) {
      for (const alert of own) left.set(alert.id, id);
    } else await sql`UPDATE cases SET organisation_id = ${owner}, version = version + 1 WHERE id = ${id}`.execute(trx);
  }
  return { alerts: alerts.map((alert) => (left.has(alert.id) ? { ...alert, case: null } : alert)), left };
};
