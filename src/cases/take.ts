// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { alertKinds } from "../alert/alert.ts";
import type { Alert, Owner } from "../alert/alert.ts";
import { continues, observe, open } from "../alert/life.ts";
import { draw } from "../alert/samples.ts";
import { alertKey, subjectOf } from "../alert/subject.ts";
import type { Detection } from "../model/detection.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import { insertRows, orReplace } from "./bulk.ts";
import { idOf, keyed } from "./ids.ts";
import type { CaseRules } from "./options.ts";
import {
  alertColumns,
  alertOf,
  alertRowOf,
  detectionColumns,
  detectionRowOf,
  episodeColumns,
  eventColumns,
} from "./rows.ts";
import type { AlertRow, CaseEvent } from "./rows.ts";
import { eventOf, tell, withCases } from "./tell.ts";
import { bodyOf, callAnalysts, decide } from "./decide.ts";
import type { Touched } from "./decide.ts";
import { endings } from "./meanings.ts";
import { withdraw } from "./withdraw.ts";

export interface TakeContext {
  /** Node time or, in a replay, event time of the interval's end; microseconds UTC. */
  readonly now: number;
  /** Ids of detections that a later revision took back. */
  readonly withdrawn?: readonly string[];
}
export interface Taken {
  readonly opened: number;
  readonly changed: number;
  readonly told: number;
  readonly held: number;
}

interface Prior {
  readonly id: string;
  readonly alert_id: string | null;
  readonly packets: number;
  readonly first: number;
  readonly last: number;
  readonly dark_addresses: number;
  readonly confidence: number;
  readonly family: string | null;
  readonly sensors: readonly string[];
  readonly held: readonly string[];
  readonly revision: number;
  readonly withdrawn: boolean;
}
/** The same claim as last time: nothing to write. Intervals are judged again after a crash. */
const unchanged = (prior: Prior, detection: Detection): boolean =>
  !prior.withdrawn &&
  prior.packets === detection.packets &&
  prior.first === detection.first &&
  prior.last === detection.last &&
  prior.dark_addresses === detection.darkAddresses &&
  prior.confidence === detection.confidence &&
  prior.family === detection.family &&
  prior.sensors.join(" ") === detection.sensors.join(" ") &&
  prior.held.join(" ") === detection.held.join(" ");

const priorsOf = async (trx: DeskTransaction, ids: readonly string[]): Promise<Map<string, Prior>> => {
  const { rows } =
    await sql<Prior>`SELECT d.id, d.packets, d.first, d.last, d.dark_addresses, d.confidence, d.family, d.sensors, d.held, d.revision, d.withdrawn,
  (SELECT alert_id FROM alert_detections WHERE detection_id = d.id LIMIT 1) AS alert_id
FROM detections d WHERE d.id = ANY (${[...ids]})`.execute(trx);
  return new Map(rows.map((row) => [row.id, row]));
};

interface Key {
  readonly organisation: string | null;
  readonly realm: string;
  readonly exercise: string;
  readonly kind: string;
  readonly subject: string;
}

/** The newest alert of each key, and those of known detections, locked: an analyst's change waits for ours, or ours for theirs. */
const alertsOf = async (trx: DeskTransaction, keys: readonly Key[], ids: readonly string[]): Promise<Alert[]> => {
  const found = await sql<{
    id: string;
  }>`SELECT a.id FROM jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) AS k(organisation text, realm text, exercise text, kind text, subject text)
CROSS JOIN LATERAL (SELECT id FROM alerts WHERE alerts.subject = k.subject AND alerts.kind = k.kind AND alerts.realm = k.realm AND alerts.exercise = k.exercise
  AND coalesce(alerts.organisation_id, '') = coalesce(k.organisation, '') ORDER BY alerts.closed DESC NULLS FIRST LIMIT 1) AS a`.execute(
    trx,
  );
  const all = [...new Set([...found.rows.map(({ id }) => id), ...ids])].toSorted();
  if (all.length === 0) return [];
  const { rows } = await sql<AlertRow>`SELECT * FROM alerts WHERE id = ANY (${all}) ORDER BY id FOR UPDATE`.execute(
    trx,
  );
  return rows.map(alertOf);
};

/**
 * When the episode before the present one ended, of alerts that came back or are about to: packets from before it are of a machine that was clean since,
 * and nobody is to look for them again.
 */
const endsOf = async (trx: DeskTransaction, alerts: readonly Alert[]): Promise<ReadonlyMap<string, number>> => {
  if (alerts.length === 0) return new Map();
  const { rows } = await sql<{
    alert_id: string;
    ended: number | null;
  }>`SELECT alert_id, max(coalesce(quieted, closed))::bigint AS ended FROM alert_episodes WHERE alert_id = ANY (${alerts.map(({ id }) => id)}) GROUP BY alert_id`.execute(
    trx,
  );
  const ends = new Map(rows.flatMap(({ alert_id, ended }) => (ended === null ? [] : [[alert_id, Number(ended)]])));
  for (const { id, state, quieted, closed } of alerts) {
    const ended = quieted ?? closed;
    if (ended !== null && (state === "quiet" || state === "closed")) ends.set(id, ended);
  }
  return ends;
};

/**
 * Takes what detectors found into alerts, cases and letters, in the transaction that moves their cursor: either all of it happened
 * or nothing. The same detections taken twice change nothing the second time.
 */
export const createTake =
  (rules: CaseRules) =>
  async (
    trx: DeskTransaction,
    detections: readonly Detection[],
    { now, withdrawn = [] }: TakeContext,
  ): Promise<Taken> => {
    const { policy } = rules;
    const latest = new Map(detections.map((detection) => [detection.id, detection]));
    const priors = await priorsOf(trx, [...latest.keys(), ...withdrawn]);
    const fresh = [...latest.values()].filter((detection) => {
      const prior = priors.get(detection.id);
      return prior === undefined || !unchanged(prior, detection);
    });
    const ownerOf = new Map<string, Owner | null>(
      fresh.map((detection) => [
        detection.id,
        detection.source === null ? null : rules.owners.ownerOf(detection.realm, detection.source, detection.last),
      ]),
    );
    const keyOf = (detection: Detection): Key => {
      const owner = ownerOf.get(detection.id) ?? null;
      return {
        organisation: owner?.organisation ?? null,
        realm: detection.realm,
        exercise: detection.exercise,
        kind: detection.kind,
        subject: subjectOf(detection.source ?? "", detection.family, owner?.translation ?? "none"),
      };
    };
    const alerting = fresh.filter(({ kind, source }) => source !== null && alertKinds.includes(kind));
    const keys = new Map(alerting.map((detection) => [detection.id, keyOf(detection)]));
    const known = await alertsOf(
      trx,
      [...new Map([...keys.values()].map((key) => [alertKey(key), key])).values()],
      [...priors.values()].flatMap(({ alert_id }) => alert_id ?? []),
    );
    const touched = new Map<string, Touched>();
    const byId = new Map(known.map((alert) => [alert.id, alert]));
    const current = new Map<string, string>();
    // Of several of one key the open one counts, else the one that ended last.
    for (const alert of known.toSorted((a, b) => (a.closed ?? Infinity) - (b.closed ?? Infinity))) {
      current.set(alertKey(alert), alert.id);
    }
    const touch = (alert: Alert): Touched => {
      let one = touched.get(alert.id);
      if (one === undefined) {
        one = { alert, before: byId.get(alert.id) ?? null, changes: new Set(), samples: [] };
        touched.set(alert.id, one);
      }
      return one;
    };
    const links: { alert_id: string; detection_id: string }[] = [];
    for (const detection of alerting) {
      const prior = priors.get(detection.id);
      const key = keys.get(detection.id) as Key;
      const owner = ownerOf.get(detection.id) ?? null;
      // The alert that it was counted in before, else the newest of its key.
      const earlier = [prior?.alert_id, current.get(alertKey(key))].flatMap((id) => {
        const alert = byId.get(id ?? "");
        return alert === undefined ? [] : [touched.get(alert.id)?.alert ?? alert];
      });
      const standing = earlier.find((alert) => continues(alert, detection, policy));
      if (standing !== undefined) {
        const one = touch(standing);
        const seen = observe(
          one.alert,
          detection,
          prior?.withdrawn === true ? null : (prior ?? null),
          owner,
          policy,
          now,
        );
        // Prefix data may have come since it was opened.
        one.alert =
          seen.alert.asn === null ? { ...seen.alert, asn: rules.originOf(detection.source ?? "").asn } : seen.alert;
        for (const change of seen.changes) one.changes.add(change);
        one.samples.push(...detection.samples);
        if (prior?.alert_id !== one.alert.id) links.push({ alert_id: one.alert.id, detection_id: detection.id });
        continue;
      }
      // A claim that goes on may have opened one that ended for good: what it opens then is another.
      const ended = earlier.map(({ closed }) => closed ?? 0);
      const id = idOf("alert", alertKey(key), detection.id, ...(ended.length === 0 ? [] : [Math.max(...ended)]));
      const from = rules.originOf(detection.source ?? "");
      const seen = open(id, detection, owner, policy, now, {
        asn: from.asn,
        country: from.country ?? owner?.country ?? null,
        marking: detection.realm === "" ? "TLP:AMBER" : "TLP:AMBER+STRICT",
        origin: rules.origin,
      });
      byId.set(id, seen.alert);
      current.set(alertKey(key), id);
      const one: Touched = {
        alert: seen.alert,
        before: null,
        changes: new Set(seen.changes),
        samples: [...detection.samples],
      };
      touched.set(id, one);
      links.push({ alert_id: id, detection_id: detection.id });
    }
    const ends = await endsOf(
      trx,
      [...touched.values()].flatMap(({ before, alert }) => (before !== null && alert.relapses > 0 ? [before] : [])),
    );
    for (const one of touched.values()) {
      const cap = one.alert.translation === "cgnat" ? policy.samples.cgnat : policy.samples.other;
      const since = ends.get(one.alert.id) ?? -Infinity;
      const seen = (one.before === null ? one.samples : [...one.alert.samples, ...one.samples]).filter(
        ({ time }) => time > since,
      );
      one.alert = {
        ...one.alert,
        samples: draw(seen, cap, ({ time, sourcePort, port }) =>
          keyed(rules.key, "sample", one.alert.id, time, sourcePort, port),
        ),
      };
    }

    const { tellings, breakers, fewTold, held } = await decide(trx, rules, [...touched.values()], now);
    const cased = await withCases(
      trx,
      [
        ...tellings.map(({ alert }) => alert),
        // What comes back opens its case again, told or not.
        ...[...touched.values()].flatMap(({ alert, changes }) =>
          (changes.has("relapsed") || changes.has("reclaimed")) && alert.case !== null && alert.told !== now
            ? [alert]
            : [],
        ),
      ],
      now,
    );
    for (const alert of cased.alerts) {
      const one = touched.get(alert.id);
      if (one !== undefined) one.alert = alert;
    }

    const rows = [...touched.values()].map(({ alert }) => alertRowOf(alert));
    const replace = orReplace(alertColumns, "id");
    await insertRows(trx, "alerts", alertColumns, rows, replace);
    if (fewTold.length > 0)
      await trx
        .insertInto("few_told")
        .values([...fewTold])
        .execute();
    await insertRows(
      trx,
      "detections",
      detectionColumns,
      fresh.map((detection) =>
        detectionRowOf(detection, {
          organisation: ownerOf.get(detection.id)?.organisation ?? null,
          marking: detection.realm === "" ? "TLP:AMBER" : "TLP:AMBER+STRICT",
          origin: rules.origin,
          revision: (priors.get(detection.id)?.revision ?? -1) + 1,
        }),
      ),
      orReplace(detectionColumns, "id"),
    );
    await insertRows(
      trx,
      "alert_detections",
      { alert_id: "text", detection_id: "text" },
      links,
      "ON CONFLICT DO NOTHING",
    );
    const episodes = [...touched.values()].flatMap(({ before, alert, changes }) =>
      before !== null && changes.has("relapsed")
        ? [
            {
              alert_id: before.id,
              episode: before.relapses,
              detected: before.detected,
              notified: before.notified,
              acknowledged: before.acknowledged,
              acted: before.acted,
              quieted: before.quieted,
              closed: before.closed,
              closing: before.closing,
              relapsed: alert.last,
            },
          ]
        : [],
    );
    await insertRows(trx, "alert_episodes", episodeColumns, episodes, "ON CONFLICT DO NOTHING");
    const returned = episodes.map(({ alert_id }) => alert_id);
    if (returned.length > 0) {
      await sql`UPDATE alerts SET silence = NULL, silence_facts = NULL, checked = NULL, moved_to = NULL WHERE id = ANY (${returned})`.execute(
        trx,
      );
      await sql`UPDATE answers SET state = 'contradicted', decided = ${now} WHERE state = 'claimed' AND answer = ANY (${[...endings]}) AND case_id IN (SELECT case_id FROM alerts WHERE id = ANY (${returned}))`.execute(
        trx,
      );
      // Whatever was said of it before, it begins anew.
      await sql`UPDATE cases SET state = 'open', quieted = NULL, version = version + 1 WHERE id IN (SELECT case_id FROM alerts WHERE id = ANY (${returned})) AND (state = 'waiting' OR quieted IS NOT NULL) AND state <> 'closed'`.execute(
        trx,
      );
    }
    const events: CaseEvent[] = [];
    for (const { alert, changes, before } of touched.values()) {
      if (alert.case === null) continue;
      if (before?.case !== alert.case) events.push(eventOf(alert, "detected", alert.detected, bodyOf(alert), "owner"));
      // Owners read of the shared realm what they are told, when they are told it: each of these is the answer to a packet.
      const reader = alert.realm !== "" || alert.told === now ? "owner" : "staff";
      if (changes.has("relapsed")) events.push(eventOf(alert, "relapsed", now, bodyOf(alert), reader));
      if (changes.has("continuing") || changes.has("reclaimed"))
        events.push(eventOf(alert, "continuing", now, bodyOf(alert), reader));
      if (changes.has("family") && before !== null) {
        events.push(eventOf(alert, "family", now, { family: alert.family }, reader));
      }
      if (changes.has("held")) events.push(eventOf(alert, "held", now, { reasons: alert.held }, "staff"));
    }
    await insertRows(trx, "case_events", eventColumns, events);
    await tell(
      trx,
      rules,
      tellings.map((telling) => ({ ...telling, alert: touched.get(telling.alert.id)?.alert ?? telling.alert })),
      cased.places,
      now,
    );
    await callAnalysts(trx, rules, breakers, now);
    await withdraw(
      trx,
      rules,
      withdrawn.filter((id) => priors.get(id)?.withdrawn === false),
      now,
    );
    return {
      opened: [...touched.values()].filter(({ before }) => before === null).length,
      changed: touched.size,
      told: tellings.length,
      held,
    };
  };
