// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { Count, Time, oneOf, orNull, strict } from "../shapes.ts";
import {
  Country,
  Done,
  Exercise,
  Id,
  Kind,
  Language,
  OrganisationId,
  OrganisationName,
  Severity,
  base,
  list,
  listOf,
  page,
  some,
  text,
} from "./shapes.ts";

export const outboxStates = ["waiting", "sending", "sent", "dead", "held"] as const;
export const OutboxState = oneOf(outboxStates);
export const channels = ["mail", "webhook", "inbox"] as const;
export const Channel = oneOf(channels);

export const OutboxRow = strict({
  id: Id,
  state: OutboxState,
  channel: Channel,
  recipient: text(500),
  organisation: orNull(OrganisationName),
  /** Number of the case; null for a digest of several. */
  case: orNull(Count),
  cases: Count,
  subject: text(300),
  attempts: Count,
  created: Time,
  due: Time,
  sent: orNull(Time),
  error: orNull(text(1000)),
  /** An attempt has no known end: it may have arrived. */
  maybeSent: Type.Boolean(),
  exercise: Exercise,
});
export const OutboxQuery = strict({
  state: Type.Optional(listOf(outboxStates, "states")),
  channel: Type.Optional(Channel),
  organisation: Type.Optional(OrganisationId),
  case: Type.Optional(Count),
  exercise: Type.Optional(Exercise),
  ...page(100),
});
export const Outbox = list(
  OutboxRow,
  {
    waiting: Count,
    sending: Count,
    sent: Count,
    dead: Count,
    held: Count,
    sentDay: Count,
    oldestWaiting: orNull(Time),
    /** Of those that wait, tried in vain for more than ten minutes. */
    late: Count,
    /** Letters go to a test mailbox, not to their recipients. */
    testMode: orNull(text(254)),
    breaker: Type.Boolean(),
    /** The portal has no public address: letters bear no link. */
    local: Type.Boolean(),
  },
  "Letters, newest first.",
);
export const OutboxPath = strict({ letter: Id });
/** What is sent, rendered. HTML never: mails are text. */
export const Rendered = strict({
  from: text(320),
  to: text(500),
  subject: text(300),
  text: text(200_000),
  language: Language,
  encrypted: Type.Boolean(),
  signed: Type.Boolean(),
  /** The portal has no public address: it bears no link that would lead its recipient there. */
  local: Type.Boolean(),
  attachments: some(strict({ name: text(200), type: text(100), bytes: Count, text: orNull(text(200_000)) }), 10),
});
export const Letter = strict({
  asked: Time,
  letter: OutboxRow,
  rendered: orNull(Rendered),
  deliveries: some(
    strict({
      attempt: Count,
      began: Time,
      ended: orNull(Time),
      outcome: orNull(oneOf(["accepted", "refused", "deferred", "unknown"])),
      answer: orNull(text(1000)),
      messageId: orNull(text(300)),
    }),
    100,
  ),
});
export const LetterAct = strict({ action: oneOf(["retry", "discard", "release"]), reason: Type.Optional(text(500)) });
export const BreakerReset = strict({ reason: text(500, 3) });

/** How one organisation wants to be told. The first rule that fits (kind and least severity) decides. */
export const Rule = strict({
  /** Null: every kind. */
  kind: orNull(Kind),
  severity: Severity,
  how: oneOf(["immediate", "digest", "inbox", "never"]),
});
export const Preferences = strict({
  language: Language,
  timeZone: text(64, 1),
  rules: some(Rule, 50),
  digest: strict({
    every: oneOf(["day", "week", "weekdays"]),
    /** Hour of the recipient's own clock. */
    hour: Type.Integer({ minimum: 0, maximum: 23 }),
  }),
  /** Nothing leaves in these hours but what is critical; null: none. */
  quiet: orNull(
    strict({ from: Type.Integer({ minimum: 0, maximum: 23 }), to: Type.Integer({ minimum: 0, maximum: 23 }) }),
  ),
  /** Public holidays of this economy count as Sundays. */
  holidays: orNull(Country),
  /** Silence between two notices of one infection, hours; a relapse breaks it. */
  threshold: Type.Integer({ minimum: 0, maximum: 8760 }),
  relapse: Type.Integer({ minimum: 0, maximum: 8760 }),
  attach: strict({ csv: Type.Boolean(), xarf: Type.Boolean() }),
  encrypt: Type.Boolean(),
});
export const PreferencesPath = strict({ organisation: OrganisationId });
export const PreferencesAnswer = strict({
  organisation: OrganisationName,
  preferences: Preferences,
  /** Nobody chose them yet. */
  standard: Type.Boolean(),
  nextDigest: orNull(Time),
});
/** What a notice would look like, before the first is sent: the newest case of the kind, or an invented one. */
export const PreviewQuery = strict({
  kind: Type.Optional(Kind),
  language: Type.Optional(Language),
  case: Type.Optional(Count),
  digest: Type.Optional(oneOf(["yes", "no"])),
});
export const Preview = strict({ rendered: Rendered, invented: Type.Boolean(), case: orNull(Count) });
/** Sends the preview to the person who asks. */
export const TestMail = strict({ kind: Type.Optional(Kind), language: Type.Optional(Language) });

export const InboxRow = strict({
  id: Id,
  at: Time,
  organisation: OrganisationName,
  case: orNull(Count),
  subject: text(300),
  text: text(20_000),
  severity: Severity,
  read: orNull(Time),
  exercise: Exercise,
});
export const InboxQuery = strict({
  unread: Type.Optional(oneOf(["yes"])),
  exercise: Type.Optional(Exercise),
  ...page(50, 200),
});
export const Inbox = list(InboxRow, { unread: Count }, "Notices in the portal, newest first.", 200);
export const InboxRead = strict({ ids: Type.Array(Id, { minItems: 1, maxItems: 200 }), read: Type.Boolean() });

const preferences = `${base}/organisations/{organisation}/preferences`;
const params = PreferencesPath;
export const noticeEndpoints = {
  outbox: { method: "GET", path: `${base}/outbox`, query: OutboxQuery, answer: Outbox },
  letter: { method: "GET", path: `${base}/outbox/{letter}`, params: OutboxPath, answer: Letter },
  "letter/act": {
    method: "POST",
    path: `${base}/outbox/{letter}`,
    params: OutboxPath,
    body: LetterAct,
    answer: Letter,
  },
  "breaker/reset": { method: "POST", path: `${base}/breaker/reset`, body: BreakerReset, answer: Done },
  preferences: { method: "GET", path: preferences, params, answer: PreferencesAnswer },
  "preferences/set": { method: "POST", path: preferences, params, body: Preferences, answer: PreferencesAnswer },
  preview: {
    method: "GET",
    path: `${base}/organisations/{organisation}/preview`,
    params,
    query: PreviewQuery,
    answer: Preview,
  },
  "preview/send": {
    method: "POST",
    path: `${base}/organisations/{organisation}/preview`,
    params,
    body: TestMail,
    answer: Done,
  },
  inbox: { method: "GET", path: `${base}/inbox`, query: InboxQuery, answer: Inbox },
  "inbox/read": { method: "POST", path: `${base}/inbox/read`, body: InboxRead, answer: Done },
} as const;
export type OutboxRow = Static<typeof OutboxRow>;
export type Outbox = Static<typeof Outbox>;
export type Letter = Static<typeof Letter>;
export type Rendered = Static<typeof Rendered>;
export type Preferences = Static<typeof Preferences>;
export type PreferencesAnswer = Static<typeof PreferencesAnswer>;
export type Preview = Static<typeof Preview>;
export type InboxRow = Static<typeof InboxRow>;
export type Inbox = Static<typeof Inbox>;
