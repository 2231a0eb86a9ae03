// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { detectionKinds } from "../../../model/detection.ts";
import { Count, Time, oneOf, orNull, strict } from "../shapes.ts";
import { AlertRow, Clocks, Silence } from "./alerts.ts";
import {
  CaseState,
  Id,
  Kind,
  Language,
  OrganisationId,
  OrganisationName,
  SampleRow,
  Severity,
  Tlp,
  Version,
  base,
  caseStates,
  list,
  listOf,
  page,
  scope,
  severities,
  some,
  text,
} from "./shapes.ts";

/** What an owner can say. Stays `claimed` until silence confirms it, and never suppresses by itself. */
export const answerKinds = [
  "cleaned",
  "subscriber-notified",
  "working",
  "not-ours",
  "false-positive",
  "cannot-attribute",
  "research",
  // Of a host under attack: its owner did something about it, or sees no more of it.
  "mitigated",
  "attack-over",
] as const;
export const AnswerKind = oneOf(answerKinds);
/** How a subscriber was told (answer `subscriber-notified`). */
export const toldBy = ["mail", "letter", "phone", "sms", "walled-garden", "portal", "other"] as const;
export const ToldBy = oneOf(toldBy);
export const Answer = strict({
  answer: AnswerKind,
  channel: Type.Optional(ToldBy),
  text: Type.Optional(text(2000)),
  /** Splits a case of many (behind address translation): the answer holds for these alerts alone. */
  alerts: Type.Optional(some(Id, 500)),
});

export const CaseRow = strict({
  id: Id,
  number: Count,
  version: Version,
  title: text(200),
  kind: Kind,
  state: CaseState,
  severity: Severity,
  organisation: orNull(OrganisationName),
  essential: Type.Boolean(),
  assignee: orNull(text(200)),
  alerts: Count,
  /** Distinct subjects, the first few. */
  subjects: some(text(64), 5),
  family: orNull(text(100)),
  opened: Time,
  closed: orNull(Time),
  /** Newest entry of its timeline. */
  touched: Time,
  notified: orNull(Time),
  /** What its owner said last; of what came back: since then. */
  answer: orNull(AnswerKind),
  /** When it came back after it had been quiet; null: it did not, or is quiet again. */
  relapsed: orNull(Time),
  /** What silence says of its alerts together. */
  silence: oneOf(["active", "waiting", "quiet", "unknown", "moved"]),
  openTasks: Count,
  marking: Tlp,
  exercise: text(64),
});
export const CasesQuery = strict({
  state: Type.Optional(listOf(caseStates, "states")),
  kind: Type.Optional(listOf(detectionKinds, "kinds")),
  severity: Type.Optional(listOf(severities, "severities")),
  organisation: Type.Optional(OrganisationId),
  only: Type.Optional(listOf(["mine", "unanswered", "unassigned", "relapsed", "essential"], "only these")),
  /** Number (`LAYANG-42`, `42`), address, or words of the title. */
  q: Type.Optional(text(100, 1)),
  order: Type.Optional(oneOf(["touched", "opened", "severity"])),
  ...scope,
  ...page(50),
});
export const Cases = list(
  CaseRow,
  {
    open: Count,
    waiting: Count,
    closed: Count,
    unanswered: Count,
    oldestUnanswered: orNull(Time),
    quietThisWeek: Count,
  },
  "Cases.",
);

export const timelineKinds = [
  "detected",
  "merged",
  "notified",
  "delivered",
  "bounced",
  "bounce-not-counted",
  "delayed",
  "opened",
  "reply",
  "mail-left-out",
  "answered",
  "note",
  "task",
  "attachment",
  "linked",
  "assigned",
  "state",
  "held",
  "released",
  "suppressed",
  "unsuppressed",
  "revoked",
  "corrected",
  "quiet",
  "unconfirmed",
  "unknown",
  "moved",
  "relapsed",
  "continuing",
  "handed-over",
] as const;
/** One entry of the timeline. `facts` holds what a sentence needs; texts of people are in `text`. */
export const TimelineRow = strict({
  id: Count,
  at: Time,
  /** One of `timelineKinds`; a page shows others by their name. */
  kind: text(40),
  /** Name of a person, organisation or part of the program. */
  by: text(200),
  who: oneOf(["system", "staff", "owner"]),
  text: orNull(text(8000)),
  facts: Type.Record(Type.String(), Type.Union([text(500), Type.Number(), Type.Boolean(), Type.Null()])),
  marking: Tlp,
});
export const TaskRow = strict({
  id: Id,
  title: text(200),
  assignee: orNull(text(200)),
  due: orNull(Time),
  done: orNull(Time),
});
export const CasePath = strict({ case: Type.Integer({ minimum: 1 }) });
export const Case = strict({
  asked: Time,
  case: CaseRow,
  clocks: Clocks,
  silence: orNull(Silence),
  classification: orNull(text(80)),
  alerts: some(AlertRow, 100),
  /** Oldest first; the newest 200. */
  timeline: some(TimelineRow, 200),
  /** Entries before those. */
  earlier: Count,
  samples: some(SampleRow, 100),
  /** Without source ports nobody behind translation can be told apart: says so. */
  attributable: Type.Boolean(),
  tasks: some(TaskRow, 100),
  links: some(strict({ case: Count, title: text(200), relation: text(40), state: CaseState }), 100),
  attachments: some(
    strict({ id: Id, name: text(200), type: text(100), bytes: Count, at: Time, by: text(200), marking: Tlp }),
    100,
  ),
  notices: some(
    strict({
      id: Id,
      channel: oneOf(["mail", "webhook", "inbox"]),
      recipient: text(320),
      state: oneOf(["waiting", "sending", "sent", "dead", "held"]),
      created: Time,
      sent: orNull(Time),
    }),
    100,
  ),
  /** What to do for this family, in the language asked for. */
  steps: some(text(1000), 8),
  helpLink: strict({ expires: orNull(Time), revoked: Type.Boolean() }),
  /** When its owner last wrote by mail, which is no answer yet; of what came back: since then. */
  replied: orNull(Time),
  /** What who asks may do here. */
  may: some(oneOf(["answer", "note", "task", "attach", "link", "assign", "state", "notify", "revoke"]), 9),
});
export const CaseQuery = strict({ language: Type.Optional(Language) });
export const TimelineQuery = strict({
  before: Type.Optional(Count),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
});
export const Timeline = strict({ rows: some(TimelineRow, 200), earlier: Count });

export const CaseNew = strict({ title: text(200, 3), alerts: Type.Array(Id, { minItems: 1, maxItems: 500 }) });
export const Note = strict({ text: text(8000, 1), marking: Tlp });
export const TaskNew = strict({ title: text(200, 1), due: Type.Optional(Time), assignee: Type.Optional(Id) });
export const TaskPath = strict({ case: Type.Integer({ minimum: 1 }), task: Id });
export const TaskDone = strict({ done: Type.Boolean() });
export const LinkNew = strict({
  case: Type.Integer({ minimum: 1 }),
  relation: oneOf(["related", "duplicate", "parent", "child", "campaign"]),
});
export const AttachmentNew = strict({
  name: Type.String({ minLength: 1, maxLength: 200, pattern: "^[^/\\\\\\u0000-\\u001f]+$" }),
  type: text(100, 3),
  /** Base64; at most 1 MB decoded. */
  content: Type.String({ maxLength: 1_400_000, pattern: "^[A-Za-z0-9+/]+={0,2}$" }),
  marking: Tlp,
});
export const AttachmentPath = strict({ case: Type.Integer({ minimum: 1 }), attachment: Id });
export const CaseStateChange = strict({ version: Version, state: CaseState, reason: Type.Optional(text(500)) });
export const CaseAssign = strict({ version: Version, person: orNull(Id) });
/** GET; sent as a download, never shown by the browser. */
export const attachmentPath = `${base}/cases/{case}/attachments/{attachment}`;

const at = `${base}/cases`;
const one = `${at}/{case}`;
export const caseEndpoints = {
  cases: { method: "GET", path: at, query: CasesQuery, answer: Cases },
  "cases/new": { method: "POST", path: at, body: CaseNew, answer: Case },
  case: { method: "GET", path: one, params: CasePath, query: CaseQuery, answer: Case },
  "case/timeline": { method: "GET", path: `${one}/timeline`, params: CasePath, query: TimelineQuery, answer: Timeline },
  "case/answer": { method: "POST", path: `${one}/answers`, params: CasePath, body: Answer, answer: Case },
  "case/note": { method: "POST", path: `${one}/notes`, params: CasePath, body: Note, answer: Case },
  "case/task": { method: "POST", path: `${one}/tasks`, params: CasePath, body: TaskNew, answer: Case },
  "case/task/done": { method: "POST", path: `${one}/tasks/{task}`, params: TaskPath, body: TaskDone, answer: Case },
  "case/link": { method: "POST", path: `${one}/links`, params: CasePath, body: LinkNew, answer: Case },
  "case/attach": { method: "POST", path: `${one}/attachments`, params: CasePath, body: AttachmentNew, answer: Case },
  "case/state": { method: "POST", path: `${one}/state`, params: CasePath, body: CaseStateChange, answer: Case },
  "case/assign": { method: "POST", path: `${one}/assignee`, params: CasePath, body: CaseAssign, answer: Case },
  /** Tells the owner now, whatever the digest says; refused when held. */
  "case/notify": { method: "POST", path: `${one}/notify`, params: CasePath, body: strict({}), answer: Case },
  "case/revoke": { method: "POST", path: `${one}/help-link/revoke`, params: CasePath, body: strict({}), answer: Case },
} as const;

export type Answer = Static<typeof Answer>;
export type AnswerKind = Static<typeof AnswerKind>;
export type ToldBy = Static<typeof ToldBy>;
export type CaseRow = Static<typeof CaseRow>;
export type CasesQuery = Static<typeof CasesQuery>;
export type Cases = Static<typeof Cases>;
export type TimelineRow = Static<typeof TimelineRow>;
export type TaskRow = Static<typeof TaskRow>;
export type Case = Static<typeof Case>;
export type Timeline = Static<typeof Timeline>;
