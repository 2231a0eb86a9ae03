// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { hour } from "../alert/alert.ts";
import type { Alert } from "../alert/alert.ts";
import { defaultPreferences, deliveryOf, dueAt, wantsReminder } from "../alert/delivery.ts";
import type { Preferences } from "../alert/delivery.ts";
import { itemOf, itemsAtMost } from "../alert/notice.ts";
import type { NoticeForm, NoticeItem, NoticePayload } from "../alert/notice.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import { insertRows } from "./bulk.ts";
import { hashOf, idOf, keyed, linkToken } from "./ids.ts";
import type { CaseRules } from "./options.ts";
import { recipientsOf } from "./recipients.ts";
import type { Recipient } from "./recipients.ts";
import { caseColumns, eventColumns, letterColumns, linkColumns } from "./rows.ts";
import type { CaseEvent } from "./rows.ts";

/** An alert whose owner is told now. */
export interface Telling {
  readonly alert: Alert;
  readonly form: NoticeForm;
  /** `digest`: too many in an hour for a letter each. */
  readonly way: "letter" | "digest";
  /** An analyst says so: now, whatever the recipient's rules are. */
  readonly urgent?: boolean;
  /** Who says so; absent: nobody, it follows from what was found. */
  readonly actor?: string;
  /** Of a reminder: when it was told before. Of a relapse: how long it had been silent. */
  readonly before?: number;
  readonly silent?: number;
}

interface Letter {
  readonly id: string;
  readonly exercise: string;
  readonly realm: string;
  readonly organisation_id: string | null;
  readonly case_id: string | null;
  readonly contact_id: string | null;
  readonly channel: "mail" | "webhook" | "inbox";
  readonly recipient: string;
  readonly payload: NoticePayload;
  readonly state: "waiting" | "held" | "sent";
  readonly due: number;
  readonly created: number;
  readonly form: NoticeForm;
}
interface Digest {
  readonly letter: Letter;
  readonly items: NoticeItem[];
}
interface Link {
  readonly id: string;
  readonly hash: string;
  readonly case_id: string;
  readonly organisation_id: string | null;
  readonly realm: string;
  readonly contact_id: string | null;
  readonly created: number;
  readonly expires: number;
}

const titles: Readonly<Record<string, string>> = {
  "infected-host": "Infected host",
  "scanning-host": "Scanning host",
  "dos-victim": "Host under attack",
  "reflector-abuse": "Target of reflected traffic",
  "amplification-scan": "Host that looks for amplifiers",
};
export const titleOf = (alert: Alert): string =>
  `${titles[alert.kind] ?? alert.kind} ${alert.source ?? alert.subject}${alert.family === null ? "" : ` (${alert.family})`}`;

export const eventOf = (
  alert: Pick<Alert, "case" | "organisation" | "realm" | "marking">,
  kind: string,
  at: number,
  body: Readonly<Record<string, unknown>>,
  audience: "staff" | "owner",
  actor = "system",
): CaseEvent => ({
  case_id: alert.case ?? "",
  organisation_id: alert.organisation,
  realm: alert.realm,
  at,
  actor,
  kind,
  body,
  marking: alert.marking,
  audience,
});

export interface CasePlace {
  readonly id: string;
  readonly number: number;
}

/** Opens a case for every alert that has none, and a closed one again. Gives the alerts back with their cases. */
export const withCases = async (
  trx: DeskTransaction,
  alerts: readonly Alert[],
  now: number,
): Promise<{ readonly alerts: readonly Alert[]; readonly places: ReadonlyMap<string, CasePlace> }> => {
  const bare = alerts.filter((alert) => alert.case === null);
  const named = new Map(bare.map((alert) => [alert.id, idOf("case", alert.id)]));
  await insertRows(
    trx,
    "cases",
    caseColumns,
    bare.map((alert) => ({
      id: named.get(alert.id),
      organisation_id: alert.organisation,
      realm: alert.realm,
      exercise: alert.exercise,
      title: titleOf(alert),
      kind: alert.kind,
      state: "open",
      severity: alert.severity,
      marking: alert.marking,
      origin: alert.origin,
      opened: now,
      touched: now,
    })),
    "ON CONFLICT (id) DO NOTHING",
  );
  const placed = alerts.map((alert) => ({ ...alert, case: alert.case ?? named.get(alert.id) ?? null }));
  const ids = [...new Set(placed.flatMap((alert) => (alert.case === null ? [] : [alert.case])))];
  const { rows } = await sql<{
    id: string;
    number: number;
    state: string;
  }>`SELECT id, number, state FROM cases WHERE id = ANY (${ids})`.execute(trx);
  const closed = rows.filter(({ state }) => state === "closed").map(({ id }) => id);
  if (closed.length > 0) {
    await sql`UPDATE cases SET state = 'open', closed = NULL, quieted = NULL, version = version + 1 WHERE id = ANY (${closed})`.execute(
      trx,
    );
  }
  return { alerts: placed, places: new Map(rows.map(({ id, number }) => [id, { id, number: Number(number) }])) };
};

/**
 * Alerts as far as their packets were counted. Who asks for silence moves an alert's `last` on by itself; beside the packets of a claim it would tell of
 * others that nobody has counted yet.
 */
export const asCounted = async (trx: DeskTransaction, alerts: readonly Alert[]): Promise<readonly Alert[]> => {
  const { rows } = await sql<{
    alert_id: string;
    last: number;
  }>`SELECT ad.alert_id, max(d.last) AS last FROM alert_detections ad JOIN detections d ON d.id = ad.detection_id
WHERE ad.alert_id = ANY (${alerts.map(({ id }) => id)}) AND NOT d.withdrawn GROUP BY ad.alert_id`.execute(trx);
  const lasts = new Map(rows.map(({ alert_id, last }) => [alert_id, last]));
  return alerts.map((alert) => ({ ...alert, last: lasts.get(alert.id) ?? alert.last }));
};

/**
 * Writes what leaves: a letter to each recipient of each owner, by the recipient's own rules, and the line of the portal's inbox. All in
 * the transaction of the alerts. The alerts have their cases.
 */
export const tell = async (
  trx: DeskTransaction,
  rules: CaseRules,
  tellings: readonly Telling[],
  places: ReadonlyMap<string, CasePlace>,
  now: number,
): Promise<void> => {
  if (tellings.length === 0) return;
  const organisations = [...new Set(tellings.flatMap(({ alert }) => alert.organisation ?? []))];
  const recipients = await recipientsOf(trx, organisations, now);
  const named = await sql<{
    id: string;
    name: string;
  }>`SELECT id, name FROM organisations WHERE id = ANY (${organisations})`.execute(trx);
  const names = new Map(named.rows.map(({ id, name }) => [id, name]));
  const counted = await asCounted(
    trx,
    tellings.map(({ alert }) => alert),
  );
  const letters: Letter[] = [];
  const digests = new Map<string, Digest>();
  const links: Link[] = [];
  const events: CaseEvent[] = [];

  const linkFor = (alert: Alert, letter: string, contact: string | null): string => {
    const id = idOf("link", letter, alert.case);
    links.push({
      id,
      hash: hashOf(linkToken(rules.key, id)),
      case_id: alert.case ?? "",
      organisation_id: alert.organisation,
      realm: alert.realm,
      contact_id: contact,
      created: now,
      expires: now + rules.policy.linkFor,
    });
    return id;
  };
  const payloadOf = (
    alert: Alert,
    form: NoticeForm,
    { language, timeZone, attach, encrypt }: Pick<Preferences, "language" | "timeZone" | "attach" | "encrypt">,
    items: readonly NoticeItem[],
  ): NoticePayload => ({
    form,
    language,
    timeZone,
    attach,
    encrypt,
    organisation: {
      id: alert.organisation ?? "",
      name: names.get(alert.organisation ?? "") ?? alert.organisation ?? "",
    },
    exercise: alert.exercise,
    at: now,
    items,
  });
  const send = (
    { alert, form, way, urgent = false, before, silent }: Telling,
    recipient: Recipient,
    channel: "mail" | "webhook",
    address: string,
    place: CasePlace,
  ): { readonly due: number; readonly delivery: string; readonly held: boolean } | null => {
    const when =
      form === "correction" || urgent
        ? { delivery: "immediate" as const, due: now }
        : dueAt(recipient.preferences, alert.kind, alert.severity, now, rules.isHoliday);
    if (when === null) return null;
    const { preferences } = recipient;
    // Who gets no letters of such findings got none that could be corrected.
    if (form === "correction" && ["inbox", "never"].includes(deliveryOf(preferences, alert.kind, alert.severity)))
      return null;
    if (form === "reminder" && !wantsReminder(preferences, alert.notified ?? alert.detected, before ?? now, now))
      return null;
    if (form === "relapse" && !urgent && silent !== undefined && silent < preferences.relapse * hour) return null;
    const reader = { ...preferences, language: recipient.language };
    const state = rules.policy.previewFirst && !recipient.previewed ? "held" : "waiting";
    const common = {
      exercise: alert.exercise,
      realm: alert.realm,
      organisation_id: alert.organisation,
      contact_id: recipient.contact,
      channel,
      recipient: address,
      state,
      created: now,
    } as const;
    if (when.delivery === "digest" || way === "digest") {
      const every = rules.policy.digestEvery;
      const due = when.delivery === "digest" || when.due > now ? when.due : (Math.floor(now / every) + 1) * every;
      // Which one of a digest's letters: it is filled up to what a letter holds.
      const id = keyed(rules.key, "digest", recipient.contact, channel, alert.realm, alert.exercise, due);
      let digest = digests.get(id);
      if (digest === undefined) {
        const payload = payloadOf(alert, "digest", reader, []);
        digest = { letter: { ...common, id, case_id: null, due, form: "digest", payload }, items: [] };
        digests.set(id, digest);
      }
      const letter = idOf("digested", id, alert.id, alert.relapses, form);
      digest.items.push(
        itemOf(alert, form, {
          case: place.id,
          number: place.number,
          link: linkFor(alert, letter, recipient.contact),
        }),
      );
      return { due, delivery: "digest", held: state === "held" };
    }
    // Its Message-ID is made of it: only who has the letter can answer it, so nobody may work it out.
    const id = keyed(rules.key, "letter", alert.id, alert.relapses, form, now, recipient.contact, channel);
    const item = itemOf(alert, form, {
      case: place.id,
      number: place.number,
      link: linkFor(alert, id, recipient.contact),
    });
    letters.push({
      ...common,
      id,
      case_id: place.id,
      due: when.due,
      form,
      payload: payloadOf(alert, form, reader, [item]),
    });
    return { due: when.due, delivery: "immediate", held: state === "held" };
  };

  for (const [i, of] of tellings.entries()) {
    const telling = { ...of, alert: counted[i]! };
    const { alert, form, actor } = telling;
    const place = places.get(alert.case ?? "");
    if (place === undefined || alert.organisation === null) continue;
    const to = recipients.get(alert.organisation) ?? [];
    let reached = 0;
    let waits = false;
    for (const recipient of to) {
      for (const [channel, address] of [
        ["mail", recipient.mail],
        ["webhook", recipient.webhook],
      ] as const) {
        if (address === null) continue;
        const sent = send(telling, recipient, channel, address, place);
        if (sent === null) continue;
        reached++;
        const { held, ...leaves } = sent;
        waits ||= held;
        const body = { form, channel, contact: recipient.contact, ...leaves };
        events.push(eventOf(alert, "letter", now, body, "owner", actor));
      }
    }
    const preferences = to[0]?.preferences ?? defaultPreferences;
    const wanted = deliveryOf(preferences, alert.kind, alert.severity);
    if (reached === 0 && (form === "reminder" || wanted === "never")) continue;
    if (reached === 0 && wanted !== "inbox")
      events.push(eventOf(alert, "nobody-told", now, { form, contacts: to.length }, "staff", actor));
    const id = idOf("inbox", alert.id, alert.relapses, form, now);
    letters.push({
      id,
      exercise: alert.exercise,
      realm: alert.realm,
      organisation_id: alert.organisation,
      case_id: place.id,
      contact_id: null,
      channel: "inbox",
      recipient: alert.organisation,
      payload: payloadOf(alert, form, preferences, [
        itemOf(alert, form, { case: place.id, number: place.number, link: null }),
      ]),
      // What somebody has to look at first is not read in the portal before.
      state: waits ? "held" : "sent",
      due: now,
      created: now,
      form,
    });
  }
  await insertRows(trx, "help_links", linkColumns, links, "ON CONFLICT (id) DO NOTHING");
  await insertRows(trx, "outbox", letterColumns, letters, "ON CONFLICT (id) DO NOTHING");
  await writeDigests(trx, [...digests.values()]);
  await insertRows(trx, "case_events", eventColumns, events);
};

/**
 * A digest that waits takes the new items; one that is full, leaving or gone stays as it is, and the next of its number takes
 * them. The row is locked until our end, so a sender does not take it in between.
 */
const writeDigests = async (trx: DeskTransaction, digests: readonly Digest[]): Promise<void> => {
  let pending = digests;
  for (let number = 0; pending.length > 0; number++) {
    const round = pending.map((digest) => ({
      digest,
      letter: {
        ...digest.letter,
        id: idOf(digest.letter.id, number),
        payload: { ...digest.letter.payload, items: digest.items.slice(0, itemsAtMost) },
      },
    }));
    const taken = await insertRows(
      trx,
      "outbox",
      letterColumns,
      round.map(({ letter }) => letter),
      `ON CONFLICT (id) DO UPDATE SET payload = jsonb_set(outbox.payload, '{items}', outbox.payload->'items' || (excluded.payload->'items'))
WHERE outbox.state IN ('waiting', 'held') AND outbox.attempts = 0
  AND jsonb_array_length(outbox.payload->'items') + jsonb_array_length(excluded.payload->'items') <= ${itemsAtMost}`,
    );
    pending = round
      .map(({ digest, letter }) =>
        taken.has(letter.id) ? { ...digest, items: digest.items.slice(itemsAtMost) } : digest,
      )
      .filter(({ items }) => items.length > 0);
  }
};
