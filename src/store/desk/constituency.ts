// SPDX-License-Identifier: Apache-2.0
import type { Generated, JSONColumnType } from "kysely";
import type { Step } from "../../model/constituency.ts";

/** Microseconds since 1970 UTC. */
type Time = number;

/** What changed, by whom; append-only. */
export interface ConstituencyHistoryTable {
  id: Generated<number>;
  organisation_id: string;
  realm: string;
  at: Time;
  actor: string;
  what: "organisation" | "network" | "contact";
  change: "added" | "changed" | "ended";
  subject: string;
  before: string | null;
  after: string | null;
}
export const changeStates = ["asked", "proof", "waiting", "approved", "refused", "withdrawn"] as const;

/** What a member asked for, or a contact's change that waits. `step` is done when it is approved. */
export interface ChangesTable {
  id: Generated<string>;
  organisation_id: string;
  realm: string;
  at: Time;
  actor: string;
  kind: "network" | "contact" | "organisation" | "claim";
  subject: string;
  before: string | null;
  after: string | null;
  step: JSONColumnType<Step>;
  /** The contact that a change replaces. */
  contact_id: string | null;
  state: (typeof changeStates)[number];
  waits_until: Time | null;
  method: "dns" | "mail" | "rdap" | "staff" | null;
  /** What must stand in the DNS; null for other methods. */
  challenge: string | null;
  instruction: string | null;
  /** When control was shown. */
  shown: Time | null;
  reason: string | null;
  decided: Time | null;
  decided_by: string | null;
}
/** One-time secrets that letters carry. */
export interface ContactSecretsTable {
  /** SHA-256, hexadecimal. */
  hash: string;
  purpose: "check" | "object" | "claim";
  contact_id: string | null;
  change_id: string | null;
  made: Time;
  expires: Time;
  used: Time | null;
}
export interface ConstituencyTables {
  constituency_history: ConstituencyHistoryTable;
  changes: ChangesTable;
  contact_secrets: ContactSecretsTable;
}
