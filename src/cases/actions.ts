// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Alert, Closing } from "../alert/alert.ts";
import { close, isHeld, untold } from "../alert/life.ts";
import { alertKey } from "../alert/subject.ts";
import type { Actor } from "../model/actor.ts";
import { hasRole } from "../model/actor.ts";
import { AppError } from "../platform/errors.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { insertRows, orReplace } from "./bulk.ts";
import { idOf } from "./ids.ts";
import type { CaseRules } from "./options.ts";
import { alertColumns, alertOf, alertRowOf, eventColumns } from "./rows.ts";
import type { AlertRow, CaseEvent } from "./rows.ts";
import { eventOf, tell, withCases } from "./tell.ts";
import type { Telling } from "./tell.ts";
import { takeOut } from "./withdraw.ts";

export interface Named {
  readonly id: string;
  readonly version: number;
}
export type AlertActionOf =
  | { readonly action: "suppress"; readonly reason: string; readonly until: number }
  | { readonly action: "unsuppress" }
  | { readonly action: "release"; readonly reason: string }
  | { readonly action: "merge"; readonly case?: number; readonly title?: string }
  | { readonly action: "assign"; readonly person: string | null }
  | {
      readonly action: "close";
      readonly outcome: "cleaned" | "false-positive" | "not-ours" | "research" | "duplicate" | "expired";
      readonly reason?: string;
    }
  | { readonly action: "reopen"; readonly reason: string };
export interface Acted {
  readonly done: number;
  readonly refused: readonly { readonly id: string; readonly code: string; readonly detail: string }[];
  /** Number of the case of a merge. */
  readonly case: number | null;
}

const closings: Readonly<Record<Extract<AlertActionOf, { action: "close" }>["outcome"], Closing>> = {
  cleaned: "handled",
  "false-positive": "false-positive",
  "not-ours": "not-ours",
  research: "handled",
  duplicate: "handled",
  expired: "expired",
};

/** Only analysts decide about alerts; others see as if there were none. */
const demandStaff = (actor: Actor): void => {
  if (!hasRole(actor, "analyst", "administrator", "system")) throw new AppError("NOT_FOUND", "no such alert");
};

/**
 * Does one thing to many alerts in one transaction; each is done or refused by itself. An alert that changed since it was read is
 * refused with CHANGED, one that the actor may not see with NOT_FOUND.
 */
export const actOnAlerts = (
  desk: Desk,
  rules: CaseRules,
  actor: Actor,
  named: readonly Named[],
  action: AlertActionOf,
  now: number,
): Promise<Acted> => {
  demandStaff(actor);
  return desk.as(actor, async (trx) => {
    const refused: { id: string; code: string; detail: string }[] = [];
    const wanted = new Map(named.map((one) => [one.id, one.version]));
    const { rows } =
      await sql<AlertRow>`SELECT * FROM alerts WHERE id = ANY (${[...wanted.keys()]}) ORDER BY id FOR UPDATE`.execute(
        trx,
      );
    const there = new Set(rows.map(({ id }) => id));
    for (const id of wanted.keys())
      if (!there.has(id)) refused.push({ id, code: "NOT_FOUND", detail: "no such alert" });
    const usable = rows.filter((row) => {
      const same = row.version === wanted.get(row.id);
      if (!same) refused.push({ id: row.id, code: "CHANGED", detail: "it changed since you read it" });
      return same;
    });
    const refuse = (alert: Alert, detail: string, code = "REQUEST_INVALID"): null => {
      refused.push({ id: alert.id, code, detail });
      return null;
    };
    const alerts = usable.map(alertOf);
    if (action.action === "merge") return { ...(await merge(trx, actor, alerts, action, now)), refused };
    const changed: Alert[] = [];
    const events: CaseEvent[] = [];
    const say = (
      alert: Alert,
      kind: string,
      body: Readonly<Record<string, unknown>>,
      audience: "staff" | "owner" = "staff",
    ): void => {
      if (alert.case !== null) events.push(eventOf(alert, kind, now, body, audience, actor.id));
    };
    if (action.action === "release") {
      const free = alerts.flatMap((alert) =>
        isHeld(alert) ? { ...alert, released: now } : (refuse(alert, "it is not held") ?? []),
      );
      const done = await release(trx, rules, free, now);
      for (const alert of done) say(alert, "released", { reasons: alert.held, reason: action.reason });
      await insertRows(trx, "case_events", eventColumns, events);
      return { done: done.length, refused, case: null };
    }
    if (action.action === "assign") {
      const { alerts: placed } = await withCases(trx, alerts, now);
      const cases = placed.flatMap((alert) => alert.case ?? []);
      await sql`UPDATE cases SET assignee = ${action.person}, version = version + 1 WHERE id = ANY (${cases})`.execute(
        trx,
      );
      changed.push(...placed);
      for (const alert of placed) say(alert, "assigned", { person: action.person });
    }
    // What waits to be told of them is not told.
    const ends = action.action === "close" || (action.action === "suppress" && action.until > now);
    const unsaid = await takeOut(trx, ends ? alerts.filter(({ state }) => state !== "closed") : []);
    // A reopened alert may meet another one that was opened for the same subject since, or is reopened with it.
    const open = await openKeys(trx, action.action === "reopen" ? alerts : []);
    for (const alert of action.action === "assign" ? [] : alerts) {
      if (action.action === "suppress") {
        if (action.until <= now) refuse(alert, "`until` has passed");
        else {
          // Of whom nothing has left: the first letter is written when the suppression is over.
          const told = unsaid.left.has(alert.id) && !unsaid.maybe.has(alert.id) ? alert.notified : alert.told;
          changed.push({ ...alert, told, suppressedUntil: action.until, suppressedReason: action.reason });
          say(alert, "suppressed", { until: action.until, reason: action.reason });
        }
      } else if (action.action === "unsuppress") {
        changed.push({ ...alert, suppressedUntil: null, suppressedReason: null });
        say(alert, "unsuppressed", {});
      } else if (action.action === "close") {
        if (alert.state === "closed") refuse(alert, "it is closed");
        else {
          changed.push(close(alert, closings[action.outcome], now));
          say(alert, "state", { state: "closed", outcome: action.outcome, reason: action.reason ?? null }, "owner");
        }
      } else if (action.action === "reopen") {
        if (alert.state !== "closed") refuse(alert, "it is not closed");
        else if (open.has(alertKey(alert)))
          refuse(alert, `there is another open alert about ${alert.subject}`, "CHANGED");
        else {
          open.add(alertKey(alert));
          changed.push({ ...alert, state: "continuing", closed: null, closing: null, quieted: null });
          say(alert, "state", { state: "open", reason: action.reason }, "owner");
        }
      }
    }
    await insertRows(trx, "alerts", alertColumns, changed.map(alertRowOf), orReplace(alertColumns, "id"));
    await insertRows(trx, "case_events", eventColumns, events);
    await closeEmpty(
      trx,
      changed.flatMap((alert) => alert.case ?? []),
      now,
    );
    return { done: changed.length, refused, case: null };
  });
};

/** Of the alerts' keys those of which an alert is open. */
const openKeys = async (trx: DeskTransaction, alerts: readonly Alert[]): Promise<Set<string>> => {
  if (alerts.length === 0) return new Set();
  const { rows } =
    await sql<AlertRow>`SELECT * FROM alerts WHERE subject = ANY (${alerts.map(({ subject }) => subject)}) AND state <> 'closed'`.execute(
      trx,
    );
  return new Set(rows.map((row) => alertKey(alertOf(row))));
};

/** Closes cases of which no alert is open any more, and opens those of which one is. */
const closeEmpty = async (trx: DeskTransaction, ids: readonly string[], now: number): Promise<void> => {
  if (ids.length === 0) return;
  const open = sql`EXISTS (SELECT 1 FROM alerts a WHERE a.case_id = cases.id AND a.state <> 'closed')`;
  await sql`UPDATE cases SET state = 'closed', closed = ${now}, version = version + 1 WHERE id = ANY (${[...ids]}) AND state <> 'closed' AND NOT ${open}`.execute(
    trx,
  );
  await sql`UPDATE cases SET state = 'open', closed = NULL, version = version + 1 WHERE id = ANY (${[...ids]}) AND state = 'closed' AND merged_into IS NULL AND ${open}`.execute(
    trx,
  );
};

/** Held alerts go to their owners, as far as nothing else stands in the way. */
const release = async (
  trx: DeskTransaction,
  rules: CaseRules,
  alerts: readonly Alert[],
  now: number,
): Promise<readonly Alert[]> => {
  const told = alerts.map((alert) =>
    untold(alert, rules.policy, now) === null && alert.told === null ? { ...alert, told: now } : alert,
  );
  const telling = told.filter((alert, i) => alert.told !== alerts[i]?.told);
  const { alerts: placed, places } = await withCases(trx, telling, now);
  const byId = new Map(placed.map((alert) => [alert.id, alert]));
  const done = told.map((alert) => byId.get(alert.id) ?? alert);
  await insertRows(trx, "alerts", alertColumns, done.map(alertRowOf), orReplace(alertColumns, "id"));
  const fresh = placed.filter((alert) => alerts.find(({ id }) => id === alert.id)?.case === null);
  await insertRows(
    trx,
    "case_events",
    eventColumns,
    fresh.map((alert) =>
      eventOf(
        alert,
        "detected",
        alert.detected,
        {
          packets: alert.packets,
          darkAddresses: alert.darkAddresses,
          family: alert.family,
          confidence: alert.confidence,
          first: alert.first,
          last: alert.last,
        },
        "owner",
      ),
    ),
  );
  const owners = new Map<string, number>();
  const tellings = placed.map((alert): Telling => {
    const n = (owners.get(alert.organisation ?? "") ?? 0) + 1;
    owners.set(alert.organisation ?? "", n);
    return {
      alert,
      form: alert.relapses > 0 ? "relapse" : "notice",
      way: n > rules.policy.immediatePerHour ? "digest" : "letter",
    };
  });
  await tell(trx, rules, tellings, places, now);
  return done;
};

/** Many alerts as one case: of one owner, one realm, one exercise. The cases they leave go on in it, and so do their links. */
const merge = async (
  trx: DeskTransaction,
  actor: Actor,
  alerts: readonly Alert[],
  action: Extract<AlertActionOf, { action: "merge" }>,
  now: number,
): Promise<Omit<Acted, "refused">> => {
  const [first] = alerts;
  if (first === undefined) return { done: 0, case: null };
  const same = (a: { organisation: string | null; realm: string; exercise: string }): boolean =>
    a.organisation === first.organisation && a.realm === first.realm && a.exercise === first.exercise;
  if (!alerts.every(same))
    throw new AppError("REQUEST_INVALID", "alerts of different owners, realms or exercises are not one case");
  let target: { id: string; number: number } | undefined;
  if (action.case !== undefined) {
    const { rows } = await sql<{
      id: string;
      number: number;
      organisation_id: string | null;
      realm: string;
      exercise: string;
      merged_into: string | null;
    }>`SELECT id, number, organisation_id, realm, exercise, merged_into FROM cases WHERE number = ${action.case}`.execute(
      trx,
    );
    const [found] = rows;
    if (found === undefined || found.merged_into !== null) throw new AppError("NOT_FOUND", "no such case");
    if (!same({ organisation: found.organisation_id, realm: found.realm, exercise: found.exercise })) {
      throw new AppError("REQUEST_INVALID", "the case is another owner's");
    }
    target = found;
  } else {
    const id = idOf("merged case", now, ...alerts.map(({ id }) => id));
    const { rows } = await sql<{
      id: string;
      number: number;
    }>`INSERT INTO cases (id, organisation_id, realm, exercise, title, kind, state, severity, marking, origin, opened)
VALUES (${id}, ${first.organisation}, ${first.realm}, ${first.exercise}, ${action.title ?? `${alerts.length} alerts`}, ${first.kind}, 'open', ${first.severity}, ${first.marking}, ${first.origin}, ${now}) RETURNING id, number`.execute(
      trx,
    );
    target = rows[0];
  }
  if (target === undefined) throw new AppError("INTERNAL", "the case was not written");
  const { id } = target;
  const left = [...new Set(alerts.flatMap((alert) => (alert.case === null || alert.case === id ? [] : [alert.case])))];
  await sql`UPDATE alerts SET case_id = ${id}, version = version + 1 WHERE id = ANY (${alerts.map((alert) => alert.id)})`.execute(
    trx,
  );
  const into: Alert = { ...first, case: id };
  const events = [
    eventOf(
      into,
      "merged",
      now,
      { alerts: alerts.length, subjects: alerts.slice(0, 20).map(({ subject }) => subject) },
      "owner",
      actor.id,
    ),
  ];
  // A case that keeps other alerts goes on by itself.
  const empty = await sql<{
    id: string;
  }>`UPDATE cases SET state = 'closed', closed = ${now}, merged_into = ${id}, version = version + 1
WHERE id = ANY (${left}) AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.case_id = cases.id) RETURNING id`.execute(trx);
  for (const gone of empty.rows) {
    events.push(
      eventOf({ ...first, case: gone.id }, "merged", now, { into: Number(target.number) }, "owner", actor.id),
    );
    // What was said there was said of the alerts that came from there.
    const from = alerts.filter((alert) => alert.case === gone.id).map((alert) => alert.id);
    await sql`UPDATE answers SET case_id = ${id}, alerts = CASE WHEN cardinality(alerts) = 0 THEN ${from}::text[] ELSE alerts END WHERE case_id = ${gone.id}`.execute(
      trx,
    );
    await sql`INSERT INTO case_links (case_id, other_id, kind, at, actor) VALUES (${gone.id}, ${id}, 'duplicate', ${now}, ${actor.id}) ON CONFLICT DO NOTHING`.execute(
      trx,
    );
  }
  await insertRows(trx, "case_events", eventColumns, events);
  return { done: alerts.length, case: Number(target.number) };
};

/** Mailing was stopped: what the breakers hold may be released from now on, alert by alert. */
export const heldByBreakers = (desk: Desk, actor: Actor): Promise<number> =>
  desk.as(actor, async (trx) => {
    const { rows } = await sql<{
      n: number;
    }>`SELECT count(*)::int AS n FROM alerts WHERE state <> 'closed' AND released IS NULL AND exercise = '' AND held && ARRAY['global-breaker']`.execute(
      trx,
    );
    return rows[0]?.n ?? 0;
  });
