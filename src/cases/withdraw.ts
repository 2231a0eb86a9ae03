// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Alert } from "../alert/alert.ts";
import { close } from "../alert/life.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import { insertRows, orReplace } from "./bulk.ts";
import type { CaseRules } from "./options.ts";
import { alertColumns, alertOf, alertRowOf, eventColumns } from "./rows.ts";
import type { AlertRow, CaseEvent } from "./rows.ts";
import { eventOf, tell, withCases } from "./tell.ts";
import type { Telling } from "./tell.ts";
import { countTold } from "./told.ts";

/**
 * Takes claims back. An alert that rests on nothing any more is closed; its owner, if told, is told that too; a letter that has not
 * left yet does not leave.
 */
export const withdraw = async (
  trx: DeskTransaction,
  rules: CaseRules,
  ids: readonly string[],
  now: number,
): Promise<void> => {
  if (ids.length === 0) return;
  await sql`UPDATE detections SET withdrawn = true, revision = revision + 1 WHERE id = ANY (${[...ids]})`.execute(trx);
  const { rows } = await sql<AlertRow & { remaining: number; gone: number }>`SELECT a.*,
  (SELECT count(*)::int FROM alert_detections ad JOIN detections d ON d.id = ad.detection_id WHERE ad.alert_id = a.id AND NOT d.withdrawn) AS remaining,
  (SELECT coalesce(sum(d.packets), 0)::bigint FROM alert_detections ad JOIN detections d ON d.id = ad.detection_id WHERE ad.alert_id = a.id AND d.id = ANY (${[...ids]})) AS gone
FROM alerts a WHERE a.id IN (SELECT alert_id FROM alert_detections WHERE detection_id = ANY (${[...ids]})) ORDER BY a.id FOR UPDATE`.execute(
    trx,
  );
  const events: CaseEvent[] = [];
  const tellings: Telling[] = [];
  const changed: Alert[] = [];
  for (const row of rows) {
    const before = alertOf(row);
    const fewer = { ...before, packets: Math.max(0, before.packets - Number(row.gone)) };
    const alert = row.remaining > 0 || before.state === "closed" ? fewer : close(fewer, "withdrawn", now);
    changed.push(alert);
    if (alert.case === null) continue;
    events.push(eventOf(alert, "withdrawn", now, { detections: ids.length, remaining: row.remaining }, "owner"));
    if (row.remaining === 0 && alert.told !== null) tellings.push({ alert, form: "correction", way: "letter" });
  }
  await insertRows(trx, "alerts", alertColumns, changed.map(alertRowOf), orReplace(alertColumns, "id"));
  await insertRows(trx, "case_events", eventColumns, events);
  const { places, alerts } = await withCases(
    trx,
    tellings.map(({ alert }) => alert),
    now,
  );
  // What waits is taken back instead of corrected: of a digest this finding alone, of a case with others their letters stay.
  const caseIds = alerts.map((alert) => alert.case ?? "");
  const { left, maybe } = await takeOut(trx, alerts);
  const corrections = tellings.filter(
    ({ alert }) => alert.notified !== null || maybe.has(alert.id) || !left.has(alert.id),
  );
  // They leave whatever the breakers say, for each takes back a letter; but they are letters, and what comes after them is held.
  await countTold(
    trx,
    corrections.map(({ alert }) => ({ organisation: alert.organisation ?? "", exercise: alert.exercise })),
    now,
  );
  await tell(trx, rules, corrections, places, now);
  if (caseIds.length > 0) {
    await sql`UPDATE cases SET state = 'closed', closed = ${now}, version = version + 1 WHERE id = ANY (${caseIds})
  AND NOT EXISTS (SELECT FROM alerts WHERE alerts.case_id = cases.id AND alerts.state <> 'closed')`.execute(trx);
  }
};

/**
 * Takes findings out of the letters that have not left; a letter without any is dead. `left`: what was taken out of one; `maybe`: what stands
 * in a letter that is on its way, or was tried before.
 */
export const takeOut = async (
  trx: DeskTransaction,
  alerts: readonly Alert[],
): Promise<{ readonly left: ReadonlySet<string>; readonly maybe: ReadonlySet<string> }> => {
  const ids = alerts.map(({ id }) => id);
  const owners = [...new Set(alerts.flatMap(({ organisation }) => organisation ?? []))];
  if (ids.length === 0 || owners.length === 0) return { left: new Set(), maybe: new Set() };
  const gone = sql`i->>'alert' = ANY (${ids}) AND i->>'form' <> 'correction'`;
  const { rows } = await sql<{
    id: string;
    alert: string;
    state: string;
    attempts: number;
  }>`SELECT b.id, i->>'alert' AS alert, b.state, b.attempts FROM outbox b CROSS JOIN LATERAL jsonb_array_elements(b.payload->'items') AS i
WHERE b.state IN ('waiting', 'held', 'sending') AND b.organisation_id = ANY (${owners}) AND ${gone} FOR UPDATE OF b`.execute(
    trx,
  );
  const here = rows.filter(({ state }) => state !== "sending");
  if (here.length > 0) {
    await sql`UPDATE outbox b SET payload = jsonb_set(b.payload, '{items}', r.items), state = CASE WHEN r.items = '[]' THEN 'dead' ELSE b.state END,
  error = CASE WHEN r.items = '[]' THEN 'taken back before it left' ELSE b.error END
FROM (SELECT o.id, coalesce(jsonb_agg(i ORDER BY place) FILTER (WHERE NOT (${gone})), '[]') AS items FROM outbox o
  CROSS JOIN LATERAL jsonb_array_elements(o.payload->'items') WITH ORDINALITY AS e(i, place) WHERE o.id = ANY (${here.map(({ id }) => id)}) GROUP BY o.id) AS r
WHERE b.id = r.id`.execute(trx);
  }
  return {
    left: new Set(here.map(({ alert }) => alert)),
    maybe: new Set(rows.filter(({ state, attempts }) => state === "sending" || attempts > 0).map(({ alert }) => alert)),
  };
};
