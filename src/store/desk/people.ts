// SPDX-License-Identifier: Apache-2.0
import type { Role } from "../../model/actor.ts";
import type { ColumnType, Generated } from "kysely";

/** Microseconds since 1970 UTC. */
type Time = number;

export interface PeopleTable {
  id: string;
  name: string;
  /** Lower case; unique. */
  mail: string;
  /** BCP 47. */
  language: string;
  roles: Role[];
  /** Sensors whose host the person is. */
  sensors: string[];
  state: "active" | "invited" | "disabled";
  created: Time;
  seen: Time | null;
  /** Actor. */
  invited_by: string | null;
}
/** A filter of a page under a name, kept by one person. */
export interface SavedViewsTable {
  id: Generated<string>;
  person_id: string;
  page: "alerts" | "cases";
  name: string;
  /** The address's query without `?`. */
  search: string;
  made: Time;
}
export interface PersonOrganisationsTable {
  person_id: string;
  organisation_id: string;
}
/** Read by the program alone. */
export interface PersonSecretsTable {
  person_id: string;
  /** argon2id in PHC form; null: no password. */
  password: string | null;
  /** Encrypted with the node's key. */
  totp_seed: string | null;
  /** Not confirmed yet. */
  totp_pending: string | null;
  /** Newest step whose code was used: no code counts twice. */
  totp_step: ColumnType<number, number | undefined, number>;
}
export interface PasskeysTable {
  /** Credential id, base64url. */
  id: string;
  person_id: string;
  /** COSE, base64url. */
  public_key: string;
  counter: number;
  transports: string[];
  name: string;
  made: Time;
  used: Time | null;
}
export interface RecoveryCodesTable {
  person_id: string;
  hash: string;
  used: Time | null;
}
/** A person at an identity provider: issuer and subject, nothing else. */
export interface PersonProvidersTable {
  issuer: string;
  subject: string;
  person_id: string;
  /** Id of the provider in the configuration. */
  provider: string;
  bound: Time;
}
export interface SessionsTable {
  id: string;
  /** SHA-256 of the cookie. */
  hash: string;
  person_id: string;
  state: "factor" | "enrol" | "in";
  began: Time;
  seen: Time;
  /** Whatever happens. */
  expires: Time;
  /** When password or factor were last shown. */
  proved: Time;
  /** Wrong second factors. */
  tries: ColumnType<number, number | undefined, number>;
  /** Of WebAuthn, for its next answer. */
  challenge: string | null;
  agent: string;
  address: string | null;
}
/** One-time links. */
export interface InvitationsTable {
  hash: string;
  purpose: "first" | "account" | "reset";
  person_id: string | null;
  made_by: string;
  made: Time;
  expires: Time;
  used: Time | null;
}
export interface ApiTokensTable {
  id: string;
  hash: string;
  person_id: string;
  /** Narrows the token to one organisation. */
  organisation_id: string | null;
  name: string;
  scopes: string[];
  created: Time;
  expires: Time;
  used: Time | null;
  revoked: Time | null;
}
/** Who read and did what. Each row's hash covers the row and the hash before it. */
export interface AuditLogTable {
  id: number;
  at: Time;
  actor: string;
  name: string;
  kind: "read" | "change" | "session";
  action: string;
  subject: string | null;
  organisation_id: string | null;
  outcome: "done" | "refused";
  address: string | null;
  detail: string | null;
  hash: string;
}
/** Signed heads that leave the node. */
export interface AuditHeadsTable {
  row_id: number;
  at: Time;
  hash: string;
  signature: string;
  /** Public key, base64url of its SPKI. */
  key: string;
  sent: Time | null;
}

export interface PeopleTables {
  saved_views: SavedViewsTable;
  people: PeopleTable;
  person_organisations: PersonOrganisationsTable;
  person_secrets: PersonSecretsTable;
  passkeys: PasskeysTable;
  recovery_codes: RecoveryCodesTable;
  person_providers: PersonProvidersTable;
  sessions: SessionsTable;
  invitations: InvitationsTable;
  api_tokens: ApiTokensTable;
  audit_log: AuditLogTable;
  audit_heads: AuditHeadsTable;
}
