// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { day } from "../alert/alert.ts";
import type { Alert } from "../alert/alert.ts";
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
const atOnce = 500;
/** What was not seen for longer is handed over in silence: its owner is told when it is seen again. */
const toldWithin = day;

/**
 * Gives open alerts that are nobody's to who owns their network now. Networks come after the infections in them, when members are taken in one by one: the
 * alert that stood before is the new owner's, with a line that says so, and is told of as a new one would be, breakers and digests included. An alert that the owner
 * has of the same host already goes on; the one that was nobody's ends in it. Some at a time, each time in a transaction of its own.
 */
export const adoptAlerts = async (desk: Desk, rules: CaseRules, now: number): Promise<Adopted> => {
  const result = { handed: 0, told: 0 };
  for (let after: string | null = ""; after !== null;) {
    const from: string = after;
    const done: Adopted & { readonly last: string | null } = await desk.as(systemActor, (trx) =>
      page(trx, rules, from, now),
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
  after: string,
  now: number,
): Promise<Adopted & { readonly last: string | null }> => {
  const { rows } = await sql<{
    id: string;
    realm: string;
    source: string;
    last: number;
  }>`SELECT id, realm, host(source) AS source, last FROM alerts
WHERE organisation_id IS NULL AND state <> 'closed' AND source IS NOT NULL AND id > ${after} ORDER BY id LIMIT ${atOnce}`.execute(
    trx,
  );
  const last = rows.length < atOnce ? null : (rows.at(-1)?.id ?? null);
  const owned = rows.flatMap((row) => {
    const owner = rules.owners.ownerOf(row.realm, row.source, row.last);
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
  const going = await withOwnCases(
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
  const { tellings, breakers, fewTold } = await decide(trx, rules, fresh, now);
  const cased = await withCases(
    trx,
    tellings.map(({ alert }) => alert),
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
  for (const { before: earlier, alert } of touched) {
    const now_ = byId.get(alert.id) ?? alert;
    if (now_.case === null) continue;
    if (earlier?.case !== now_.case) events.push(eventOf(now_, "detected", now_.detected, bodyOf(now_), "owner"));
    events.push(eventOf(now_, "handed-over", now, { network: now_.network, subject: now_.source }, "owner"));
  }
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
 * A case goes to the owner with its alerts where all of them are that owner's now; an alert of a case that others share leaves it, and gets one of its own
 * when it is told.
 */
const withOwnCases = async (trx: DeskTransaction, alerts: readonly Alert[]): Promise<readonly Alert[]> => {
  const cases = Map.groupBy(
    alerts.filter((alert) => alert.case !== null),
    (alert) => alert.case ?? "",
  );
  if (cases.size === 0) return alerts;
  const { rows } = await sql<{
    case_id: string;
    n: number;
  }>`SELECT case_id, count(*)::int AS n FROM alerts WHERE case_id = ANY (${[...cases.keys()]}) GROUP BY case_id`.execute(
    trx,
  );
  const all = new Map(rows.map(({ case_id, n }) => [case_id, n]));
  const whole = new Set<string>();
  for (const [id, own] of cases) {
    const owner = own[0]?.organisation ?? null;
    if (own.length !== all.get(id) || own.some(({ organisation }) => organisation !== owner)) continue;
    whole.add(id);
    await sql`UPDATE cases SET organisation_id = ${owner}, version = version + 1 WHERE id = ${id}`.execute(trx);
  }
  return alerts.map((alert) => (alert.case === null || whole.has(alert.case) ? alert : { ...alert, case: null }));
};
