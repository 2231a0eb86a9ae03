// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance, FastifyRequest } from "fastify";
import { sql } from "kysely";
import { people, staff } from "../../access/rule.ts";
import { actOnAlerts, heldByBreakers } from "../../cases/actions.ts";
import { boardRows } from "../../cases/board.ts";
import { alertOf } from "../../cases/rows.ts";
import { asCounted } from "../../cases/tell.ts";
import type { Actor } from "../../model/actor.ts";
import type { DetectionKind } from "../../model/detection.ts";
import { AppError } from "../../platform/errors.ts";
import { composeLetter } from "../../notify/compose.ts";
import type { Composed, Sender } from "../../notify/compose.ts";
import { actOnLetter, listInbox, listLetters, loadLetter, markRead } from "../../notify/letters.ts";
import type { LetterFilter, LetterLine, WholeLetter } from "../../notify/letters.ts";
import { stepsFor, writeLetter } from "../../notify/letter.ts";
import { inventedItem, previewLetter } from "../../notify/preview.ts";
import { loadPreferences, nextDigestOf, savePreferences } from "../../notify/preferences.ts";
import type { PreferencesOf } from "../../notify/preferences.ts";
import { noticeEndpoints as at } from "../contract/desk/notices.ts";
import type { InboxRow, Letter, OutboxRow, PreferencesAnswer, Preview, Rendered } from "../contract/desk/notices.ts";
import { touch } from "./actor.ts";
import type { ActorOf } from "./actor.ts";
import { readers } from "./alerts.ts";
import type { AlertServices } from "./alerts.ts";
import { mount } from "./route.ts";
import { listOf, organisationOf } from "./shapes.ts";
import { timeOf, timeOrNull } from "./times.ts";

export interface NoticeServices extends AlertServices {
  readonly sender: Sender;
  /** Mail-test mode: where every letter goes instead. */
  readonly testMail: string | null;
  readonly signs: boolean;
  /** Economies whose holidays are known. */
  readonly countries: readonly string[];
  /** Sends a preview to the person who asks, at once; absent where mail is not set up. */
  readonly sendPreview?: (to: string, letter: Composed) => Promise<void>;
}

const subjectOf = (line: LetterLine): string => {
  const { form, items, plain } = line.payload;
  if (plain !== undefined) return plain.subject.slice(0, 300);
  if (form === "breaker") return "A breaker opened: notices are held";
  return writeLetter(line.payload, () => null, line.created).subject.slice(0, 300) || `${items.length} findings`;
};
const outboxRow = (line: LetterLine): OutboxRow => ({
  id: line.id,
  state: line.state,
  channel: line.channel,
  recipient: line.recipient.slice(0, 500),
  organisation: organisationOf(line.organisation_id, line.organisation_name),
  case: line.case_number,
  cases: new Set(line.payload.items.map((item) => item.case)).size,
  subject: subjectOf(line),
  attempts: line.attempts,
  created: timeOf(line.created),
  due: timeOf(line.due),
  sent: timeOrNull(line.sent),
  error: line.error?.slice(0, 1000) ?? null,
  maybeSent: line.maybe_sent,
  exercise: line.exercise,
});

/** Mail, outbox, preferences, previews and the portal's inbox. */
export const withNotices = (server: FastifyInstance, services: NoticeServices, actorOf: ActorOf): void => {
  const { desk, cases, now, sender } = services;
  // The secret of a link, of whatever kind, is its recipient's: who looks here sees that there is one.
  const shown: Sender = { ...sender, tokenOf: () => "…" };

  const rendered = (composed: Composed, to: string, language: string, encrypted: boolean): Rendered => ({
    from: sender.from.slice(0, 320),
    to: to.slice(0, 500),
    subject: composed.subject.slice(0, 300),
    text: composed.text.slice(0, 200_000),
    language,
    encrypted,
    signed: services.signs,
    local: sender.local === true,
    attachments: composed.parts.slice(0, 10).map((part) => ({
      name: part.filename,
      type: part.type,
      bytes: Buffer.byteLength(part.content),
      text: part.content.slice(0, 200_000),
    })),
  });
  const keyed = async (actor: Actor, contact: string | null): Promise<boolean> => {
    if (contact === null) return false;
    const { rows } = await desk.as(actor, (trx) =>
      sql<{ has: boolean }>`SELECT openpgp_key IS NOT NULL AS has FROM contacts WHERE id = ${contact}`.execute(trx),
    );
    return rows[0]?.has === true;
  };
  const letterOf = async (actor: Actor, whole: WholeLetter): Promise<Letter> => {
    const { line } = whole;
    return {
      asked: timeOf(now()),
      letter: outboxRow(line),
      rendered: rendered(
        composeLetter(line.id, line.payload, shown),
        line.recipient,
        line.payload.language,
        line.payload.encrypt && (await keyed(actor, line.contact_id)),
      ),
      deliveries: whole.attempts.map(({ attempt, began, ended, outcome, answer, message_id }) => ({
        attempt,
        began: timeOf(began),
        ended: timeOrNull(ended),
        outcome,
        answer: answer?.slice(0, 1000) ?? null,
        messageId: message_id?.slice(0, 300) ?? null,
      })),
    };
  };

  mount(server, at.outbox, { who: staff, audit: "outbox.list" }, async ({ query, request }) => {
    const { state, channel, organisation, case: number, exercise = "", cursor, limit = 100 } = query;
    const actor = actorOf(request);
    const filter = { exercise, states: listOf(state), channel, organisation, case: number } as LetterFilter;
    const found = await listLetters(desk, actor, filter, { limit, ...(cursor === undefined ? {} : { cursor }) }, now());
    return {
      asked: timeOf(now()),
      total: found.total,
      next: found.next,
      facts: {
        ...found.facts,
        oldestWaiting: timeOrNull(found.facts.oldestWaiting),
        testMode: services.testMail,
        breaker: (await heldByBreakers(desk, actor)) > 0,
        local: sender.local === true,
      },
      rows: found.rows.map(outboxRow),
    };
  });
  mount(server, at.letter, { who: readers, audit: "letter.read" }, async ({ params, request }) => {
    const actor = actorOf(request);
    touch(request, `letter:${params.letter}`);
    return letterOf(actor, await loadLetter(desk, actor, params.letter));
  });
  mount(server, at["letter/act"], { who: staff, audit: "letter.act" }, async ({ params, body, request }) => {
    const actor = actorOf(request);
    touch(request, `letter:${params.letter}`);
    const done = await actOnLetter(desk, actor, params.letter, body.action, body.reason ?? null, now());
    services.poke?.();
    return letterOf(actor, done);
  });
  mount(server, at["breaker/reset"], { who: staff, audit: "breaker.reset" }, async ({ body, request }) => {
    // What the global breaker holds is let go, the first 500 by rank; more is another look.
    const actor = actorOf(request);
    const held = await desk.as(actor, (trx) =>
      sql<{
        id: string;
        version: number;
      }>`SELECT id, version FROM alerts WHERE state <> 'closed' AND released IS NULL AND exercise = '' AND held = ARRAY['global-breaker'] ORDER BY rank DESC LIMIT 500`.execute(
        trx,
      ),
    );
    await actOnAlerts(desk, cases.rules, actor, held.rows, { action: "release", reason: body.reason }, now());
    services.poke?.();
    return { done: true as const };
  });

  const preferencesAnswer = (found: PreferencesOf): PreferencesAnswer => {
    const { preferences } = found;
    return {
      organisation: found.organisation,
      preferences: { ...preferences, rules: preferences.rules.map((rule) => ({ ...rule })) },
      standard: found.standard,
      nextDigest: timeOrNull(nextDigestOf(preferences, now(), cases.rules.isHoliday)),
    };
  };
  mount(server, at.preferences, { who: readers, audit: null }, async ({ params, request }) =>
    preferencesAnswer(await loadPreferences(desk, actorOf(request), params.organisation)),
  );
  mount(
    server,
    at["preferences/set"],
    { who: readers, audit: "preferences.set" },
    async ({ params, body, request }) => {
      touch(request, `organisation:${params.organisation}`);
      return preferencesAnswer(
        await savePreferences(desk, actorOf(request), params.organisation, body, services.countries, now()),
      );
    },
  );

  const previewOf = async (
    request: FastifyRequest,
    organisation: string,
    query: {
      readonly kind?: DetectionKind | undefined;
      readonly language?: string | undefined;
      readonly case?: number | undefined;
      readonly digest?: string | undefined;
    },
  ): Promise<{ composed: Composed; language: string; invented: boolean; case: number | null }> => {
    const actor = actorOf(request);
    const { organisation: named, preferences } = await loadPreferences(desk, actor, organisation);
    const kind = query.kind ?? "infected-host";
    if (stepsFor("en", kind, null).length === 0)
      throw new AppError("REQUEST_INVALID", `owners are not told of ${kind}`);
    const real = await desk.as(actor, async (trx) => {
      const { rows } = await sql<{
        id: string;
        number: number;
      }>`SELECT c.id, c.number FROM cases c WHERE c.organisation_id = ${organisation} AND c.exercise = '' AND (${query.case ?? null}::bigint IS NULL OR c.number = ${query.case ?? null})
  AND (${query.kind ?? null}::text IS NULL OR c.kind = ${query.kind ?? null}) AND c.kind IN ('infected-host', 'scanning-host', 'dos-victim', 'reflector-abuse', 'amplification-scan') ORDER BY c.opened DESC LIMIT 1`.execute(
        trx,
      );
      const [found] = rows;
      if (found === undefined) return null;
      return {
        number: found.number,
        alerts: await asCounted(trx, (await boardRows(trx, { case: found.id, limit: 20 })).map(alertOf)),
      };
    });
    if (query.case !== undefined && real === null) throw new AppError("NOT_FOUND", "no such case");
    const items =
      real === null || real.alerts.length === 0
        ? [inventedItem(kind, now())]
        : real.alerts.map((alert) => ({ ...cases.itemOf(alert, real.number), link: "preview" }));
    const form = query.digest === "yes" ? "digest" : "notice";
    const language = query.language ?? preferences.language;
    return {
      composed: previewLetter(
        named,
        preferences,
        form === "digest" ? items : items.slice(0, 1),
        form,
        language,
        shown,
        now(),
      ),
      language,
      invented: real === null,
      case: real?.number ?? null,
    };
  };
  mount(server, at.preview, { who: readers, audit: null }, async ({ params, query, request }): Promise<Preview> => {
    const found = await previewOf(request, params.organisation, query);
    return {
      rendered: rendered(found.composed, "", found.language, false),
      invented: found.invented,
      case: found.case,
    };
  });
  mount(server, at["preview/send"], { who: readers, audit: "preview.send" }, async ({ params, body, request }) => {
    const actor = actorOf(request);
    if (services.sendPreview === undefined) throw new AppError("REQUEST_INVALID", "no mail server is set up");
    const { rows } = await desk.as(actor, (trx) =>
      sql<{ mail: string | null }>`SELECT mail FROM people WHERE 'person:' || id = ${actor.id}`.execute(trx),
    );
    const to = rows[0]?.mail ?? null;
    if (to === null) throw new AppError("REQUEST_INVALID", "who asks has no mail address");
    const found = await previewOf(request, params.organisation, body);
    await services.sendPreview(to, { ...found.composed, subject: `[PREVIEW] ${found.composed.subject}` });
    return { done: true as const };
  });

  const inboxRow = (line: LetterLine): InboxRow => {
    const { subject, text } = writeLetter(line.payload, () => null, line.created);
    return {
      id: line.id,
      at: timeOf(line.created),
      organisation: organisationOf(line.organisation_id, line.organisation_name) ?? { id: "", name: "" },
      case: line.case_number,
      subject: subject.slice(0, 300),
      text: text.slice(0, 20_000),
      severity: line.payload.items[0]?.severity ?? "low",
      read: timeOrNull(line.read),
      exercise: line.exercise,
    };
  };
  mount(server, at.inbox, { who: people, audit: null }, async ({ query, request }) => {
    const { unread, exercise = "", cursor, limit = 50 } = query;
    const found = await listInbox(
      desk,
      actorOf(request),
      { unread: unread === "yes", exercise },
      { limit, ...(cursor === undefined ? {} : { cursor }) },
    );
    return {
      asked: timeOf(now()),
      total: found.total,
      next: found.next,
      facts: { unread: found.unread },
      rows: found.rows.map(inboxRow),
    };
  });
  mount(server, at["inbox/read"], { who: ["member"], audit: "inbox.read" }, async ({ body, request }) => {
    touch(request, ...body.ids.map((id) => `letter:${id}`));
    await markRead(desk, actorOf(request), body.ids, body.read, now());
    return { done: true as const };
  });
};
