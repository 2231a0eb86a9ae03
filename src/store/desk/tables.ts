// SPDX-License-Identifier: Apache-2.0
import type { DetectionKind, HoldReason, Sample } from "../../model/detection.ts";
import type { Marking } from "../../model/marking.ts";
import type { ConstituencyTables } from "./constituency.ts";
import type { PeopleTables } from "./people.ts";
import type { ColumnType, Generated, JSONColumnType } from "kysely";

/** Microseconds since 1970 UTC. */
type Time = number;
type Json<T> = JSONColumnType<T & object>;

/** An organisation of the constituency. */
export interface OrganisationsTable {
  /** Lower-case letters, digits and hyphens; set once. */
  id: string;
  name: string;
  /** The name in other languages, by BCP 47 tag. */
  names: Json<Readonly<Record<string, string>>>;
  country: string | null;
  sector: string | null;
  /** Operates an essential service: ranks first. */
  essential: boolean;
  /** What the organisation does when a bot is found, in its own words; shown to analysts. */
  note: string | null;
  exercise: string;
  created: Time;
  ended: Time | null;
}

/** What belongs to an organisation, for how long. Exactly one of `prefix`, `asn`, `domain`. */
export interface NetworksTable {
  id: Generated<string>;
  organisation_id: string;
  realm: string;
  prefix: string | null;
  asn: number | null;
  domain: string | null;
  /** `cgnat`: many subscribers behind one address. */
  translation: "none" | "cgnat";
  valid_from: Time;
  /** Exclusive; null: still. */
  valid_until: Time | null;
  /** Who says so: `import`, `analyst`, `member`, `rdap`. */
  origin: string;
  /** Parts that the member declares dark, for display alone. */
  dark: Generated<string[]>;
}

export interface ContactsTable {
  id: Generated<string>;
  organisation_id: string;
  /** `abuse`, `security`, `noc`, `management`. */
  role: string;
  name: string | null;
  mail: string | null;
  phone: string | null;
  /** BCP 47. */
  language: string;
  openpgp_key: string | null;
  webhook: string | null;
  state: "active" | "pending" | "dead" | "ended";
  /** Last time that somebody there answered. */
  verified: Time | null;
  /** Letters that came back, since one was answered. */
  bounces: Generated<number>;
  bounced: Time | null;
  /** When it was last asked whether anybody is there. */
  last_check: Time | null;
  valid_from: Time;
  valid_until: Time | null;
}

export interface DetectionsTable {
  id: string;
  detector: string;
  version: number;
  kind: DetectionKind;
  realm: string;
  exercise: string;
  source: string | null;
  protocol: string | null;
  port: number | null;
  first: Time;
  last: Time;
  packets: number;
  dark_addresses: number;
  sensors: string[];
  confidence: number;
  family: string | null;
  held: HoldReason[];
  evidence: Json<Readonly<Record<string, unknown>>>;
  samples: Json<readonly Sample[]>;
  /** Owner at `last`; null: nobody's. */
  organisation_id: string | null;
  marking: Marking;
  origin: string;
  /** Counts up when late rows changed it. */
  revision: number;
  withdrawn: boolean;
}

/** How far a detector has read; moves in the transaction that writes its detections and alerts. */
export interface DetectorCursorsTable {
  detector: string;
  realm: string;
  exercise: string;
  /** Event time up to which every closed interval was judged. */
  position: Time;
  /** What the detector remembers between intervals. */
  memory: Json<unknown>;
}

/** What a detector remembers of its subjects, up to the checkpoint that its cursor names. */
export interface DetectorLedgerTable {
  detector: string;
  realm: string;
  exercise: string;
  key: string;
  /** JSON. */
  value: string;
}

export const alertStates = ["new", "continuing", "quiet", "closed", "relapsed"] as const;
export type AlertState = (typeof alertStates)[number];
export const severities = ["low", "medium", "high", "critical"] as const;
export type Severity = (typeof severities)[number];

/** One per (owner, realm, exercise, subject, kind, opening). */
export interface AlertsTable {
  id: string;
  /** Null: unclaimed. */
  organisation_id: string | null;
  realm: string;
  exercise: string;
  kind: DetectionKind;
  /** The address, its /64 (IPv6), or for cgnat the address and family: what makes it one alert. */
  subject: string;
  source: string | null;
  family: string | null;
  state: AlertState;
  severity: Severity;
  /** Higher first. */
  rank: number;
  first: Time;
  last: Time;
  packets: number;
  dark_addresses: number;
  sensors: string[];
  confidence: number;
  held: HoldReason[];
  /** Set by an analyst who let a held alert go. */
  released: Time | null;
  suppressed_until: Time | null;
  suppressed_reason: string | null;
  /** How often it came back. */
  relapses: number;
  /** FIRST's clocks: detected (= created), notified, acknowledged, acted, quiet. Event or node time, microseconds. */
  detected: Time;
  notified: Time | null;
  acknowledged: Time | null;
  acted: Time | null;
  quieted: Time | null;
  closed: Time | null;
  case_id: string | null;
  marking: Marking;
  origin: string;
  /** Counts up with every change; updates name the one they saw. */
  version: number;
  translation: Generated<"none" | "cgnat">;
  /** The prefix that matched when it was opened. */
  network: string | null;
  /** Economy the address is registered in when known, else its owner's. */
  country: string | null;
  asn: number | null;
  essential: Generated<boolean>;
  protocol: string | null;
  ports: Generated<number[]>;
  signature: string | null;
  samples: ColumnType<readonly Sample[], string | undefined, string>;
  tests: Generated<string[]>;
  closing: string | null;
  /** Whether the darknet hears nothing because nothing is sent. */
  silence: "counting" | "silent" | "unknown" | "moved" | null;
  silence_facts: ColumnType<unknown, string | null | undefined, string | null>;
  /** When a letter about this episode was last decided. */
  told: Time | null;
  /** When silence was last asked for. */
  checked: Time | null;
  /** A subject of the same prefix with the same signature. */
  moved_to: string | null;
  /** The row's columns that grow, as they were when the owner was last told; the table keeps it by itself. */
  shown: ColumnType<ShownAlert | null, never, never>;
}
/** Of what is kept there, what is read by name. */
interface ShownAlert {
  readonly protocol: string | null;
  readonly ports: readonly number[];
  readonly packets: number;
  readonly first: Time;
  readonly last: Time;
}
export interface AlertDetectionsTable {
  alert_id: string;
  detection_id: string;
}

export interface CasesTable {
  id: string;
  /** Counts up from 1: LAYANG-42 in subjects. */
  number: Generated<number>;
  organisation_id: string | null;
  realm: string;
  exercise: string;
  title: string;
  kind: DetectionKind;
  state: "open" | "waiting" | "closed";
  severity: Severity;
  assignee: string | null;
  marking: Marking;
  origin: string;
  opened: Time;
  closed: Time | null;
  version: number;
  /** When its timeline last grew. */
  touched: Generated<Time>;
  /** The case that goes on with this one's alerts. */
  merged_into: string | null;
  quieted: Time | null;
  /** When the first notice of it left that nobody has answered; kept by the engine. */
  unanswered: Generated<Time | null>;
  /** Its title in small letters. */
  sought: ColumnType<string, never, never>;
}

/** The timeline: everything that happened to a case, append-only. */
export interface CaseEventsTable {
  id: Generated<number>;
  case_id: string;
  organisation_id: string | null;
  realm: string;
  at: Time;
  actor: string;
  /** `detected`, `notified`, `answered`, `note`, `quiet`, `relapsed`, `reply`, `bounce`, `merged`, `task`, ... */
  kind: string;
  body: Json<Readonly<Record<string, unknown>>>;
  marking: Marking;
  /** `owner`: the owner and the bearer of a link see it too. */
  audience: Generated<"staff" | "owner">;
}

export const answerKinds = [
  "cleaned",
  "subscriber-notified",
  "working",
  "not-ours",
  "false-positive",
  "cannot-attribute",
  "research",
  "mitigated",
  "attack-over",
] as const;
export type AnswerKind = (typeof answerKinds)[number];
/** By what a subscriber was told; what cleans infections depends on it. */
export const answerChannels = ["mail", "letter", "phone", "sms", "walled-garden", "portal", "other"] as const;
export type AnswerChannel = (typeof answerChannels)[number];

/** What an owner said: a claim, until silence or another packet decides. */
export interface AnswersTable {
  id: Generated<number>;
  case_id: string;
  organisation_id: string | null;
  realm: string;
  exercise: string;
  at: Time;
  actor: string;
  answer: AnswerKind;
  channel: AnswerChannel | null;
  note: string | null;
  /** Alerts that it speaks of alone, where a case has many; empty: all. */
  alerts: Generated<string[]>;
  state: "claimed" | "confirmed" | "contradicted";
  decided: Time | null;
  /** Detectors whose claim it speaks of. */
  detectors: Generated<string[]>;
}

export interface CaseTasksTable {
  id: Generated<string>;
  case_id: string;
  title: string;
  assignee: string | null;
  due: Time | null;
  created: Time;
  actor: string;
  done: Time | null;
}

export interface CaseLinksTable {
  case_id: string;
  other_id: string;
  kind: "related" | "duplicate" | "parent" | "child" | "campaign" | "moved";
  at: Time;
  actor: string;
}

export interface AttachmentsTable {
  /** Made here; what the sender called the file is only a label. */
  id: Generated<string>;
  case_id: string;
  at: Time;
  actor: string;
  name: string;
  media_type: string;
  size: number;
  sha256: string;
  content: Uint8Array;
  marking: Marking;
  audience: "staff" | "owner";
}

/** What an alert was before it came back. */
export interface AlertEpisodesTable {
  alert_id: string;
  episode: number;
  detected: Time;
  notified: Time | null;
  acknowledged: Time | null;
  acted: Time | null;
  quieted: Time | null;
  closed: Time | null;
  closing: string | null;
  relapsed: Time;
}

/** A self-help link: opens one case, needs no account. Of its token only the hash is kept. */
export interface HelpLinksTable {
  id: string;
  hash: string;
  case_id: string;
  organisation_id: string | null;
  realm: string;
  contact_id: string | null;
  created: Time;
  expires: Time;
  revoked: Time | null;
  /** Last time that it answered something. */
  used: Time | null;
}

export interface PreferencesTable {
  organisation_id: string;
  document: Json<Readonly<Record<string, unknown>>>;
  /** When somebody looked at a first letter and let it go. */
  previewed: Time | null;
  changed: Time;
  actor: string;
}

export interface ReceivedMailTable {
  /** Hash of its Message-ID, or of its bytes. */
  id: string;
  case_id: string | null;
  at: Time;
  kind: "reply" | "bounce" | "automatic" | "unknown";
  sender: string | null;
  subject: string | null;
}

/** Letters that leave: written in the transaction that decides them. */
export interface OutboxTable {
  id: string;
  exercise: string;
  realm: string;
  organisation_id: string | null;
  case_id: string | null;
  contact_id: string | null;
  /** `mail`, `webhook`, `inbox`. */
  channel: string;
  /** Mail address, URL, or account. */
  recipient: string;
  /** What is sent, before it is rendered; rendering is a pure function of it. */
  payload: Json<Readonly<Record<string, unknown>>>;
  state: "waiting" | "sending" | "sent" | "dead" | "held";
  attempts: number;
  /** Attempts that it had when it was sent again by hand: those before do not count towards giving up. */
  tried_before: Generated<number>;
  /** Not before. */
  due: Time;
  /** A sender that holds it until then; after that another may take it. */
  leased_until: Time | null;
  sent: Time | null;
  error: string | null;
  created: Time;
  /** When its recipient opened it in the portal. */
  read: Time | null;
  /** `notice`, `digest`, `correction` ... */
  form: Generated<string>;
}

/** One attempt to deliver, written before it is made and completed after: an unfinished one may have arrived. */
export interface DeliveriesTable {
  id: Generated<number>;
  outbox_id: string;
  organisation_id: string | null;
  realm: string;
  attempt: number;
  began: Time;
  ended: Time | null;
  outcome: "accepted" | "refused" | "deferred" | "unknown" | null;
  answer: string | null;
  message_id: string | null;
}

/** Small things the node itself remembers. */
export interface SettingsTable {
  name: string;
  value: ColumnType<unknown, string, string>;
}

/** Notices told on the word of few sensors; see `fewSensors` of the alerts' policy. */
export interface FewToldTable {
  alert_id: string;
  organisation_id: string;
  exercise: string;
  at: Time;
}

/** What was told, or would have been, in a minute: the breakers count it. */
export interface ToldCountsTable {
  exercise: string;
  at: Time;
  organisation_id: string;
  told: number;
}

/** Every table of the desk. A room that adds tables adds them here and in a migration of its own. */
export interface DeskTables extends ConstituencyTables, PeopleTables {
  few_told: FewToldTable;
  told_counts: ToldCountsTable;
  organisations: OrganisationsTable;
  networks: NetworksTable;
  contacts: ContactsTable;
  detections: DetectionsTable;
  detector_cursors: DetectorCursorsTable;
  detector_ledger: DetectorLedgerTable;
  alerts: AlertsTable;
  alert_detections: AlertDetectionsTable;
  cases: CasesTable;
  case_events: CaseEventsTable;
  outbox: OutboxTable;
  deliveries: DeliveriesTable;
  settings: SettingsTable;
  answers: AnswersTable;
  case_tasks: CaseTasksTable;
  case_links: CaseLinksTable;
  attachments: AttachmentsTable;
  help_links: HelpLinksTable;
  alert_episodes: AlertEpisodesTable;
  preferences: PreferencesTable;
  received_mail: ReceivedMailTable;
}
