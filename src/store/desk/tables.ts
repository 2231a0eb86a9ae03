// SPDX-License-Identifier: Apache-2.0
import type { DetectionKind, HoldReason, Sample } from "../../model/detection.ts";
import type { Marking } from "../../model/marking.ts";
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
  /** Not before. */
  due: Time;
  /** A sender that holds it until then; after that another may take it. */
  leased_until: Time | null;
  sent: Time | null;
  error: string | null;
  created: Time;
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

/** Every table of the desk. A room that adds tables adds them here and in a migration of its own. */
export interface DeskTables extends PeopleTables {
  organisations: OrganisationsTable;
  networks: NetworksTable;
  contacts: ContactsTable;
  detections: DetectionsTable;
  detector_cursors: DetectorCursorsTable;
  alerts: AlertsTable;
  alert_detections: AlertDetectionsTable;
  cases: CasesTable;
  case_events: CaseEventsTable;
  outbox: OutboxTable;
  deliveries: DeliveriesTable;
  settings: SettingsTable;
}
