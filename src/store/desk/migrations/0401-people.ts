// SPDX-License-Identifier: Apache-2.0

/**
 * People, their sessions and tokens, and the audit log. What could open a door (passwords, seeds, hashes of secrets) stands in
 * tables that only the program itself may read, not even an administrator.
 */
export const peopleTables: readonly string[] = [
  `CREATE FUNCTION layang_is(person text) RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT 'person:' || person = current_setting('layang.actor', true) $$`,
  `CREATE FUNCTION layang_administers() RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT layang_list('layang.roles') && ARRAY['system', 'administrator'] $$`,
  `CREATE TABLE people (
  id text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9_-]{8,64}$'), name text NOT NULL, mail text NOT NULL UNIQUE CHECK (mail = lower(mail)), language text NOT NULL,
  roles text[] NOT NULL CHECK (roles <@ ARRAY['administrator', 'analyst', 'sensor-host', 'member', 'researcher', 'observer'] AND cardinality(roles) > 0),
  sensors text[] NOT NULL DEFAULT '{}', state text NOT NULL CHECK (state IN ('active', 'invited', 'disabled')), created bigint NOT NULL, seen bigint, invited_by text)`,
  `CREATE TABLE person_organisations (
  person_id text NOT NULL REFERENCES people, organisation_id text NOT NULL REFERENCES organisations, PRIMARY KEY (person_id, organisation_id))`,
  "CREATE INDEX person_organisations_organisation ON person_organisations (organisation_id)",
  `CREATE TABLE person_secrets (
  person_id text PRIMARY KEY REFERENCES people, password text, totp_seed text, totp_pending text, totp_step bigint NOT NULL DEFAULT 0)`,
  `CREATE TABLE passkeys (
  id text PRIMARY KEY, person_id text NOT NULL REFERENCES people, public_key text NOT NULL, counter bigint NOT NULL, transports text[] NOT NULL, name text NOT NULL, made bigint NOT NULL, used bigint)`,
  "CREATE INDEX passkeys_person ON passkeys (person_id)",
  "CREATE TABLE recovery_codes (person_id text NOT NULL REFERENCES people, hash text NOT NULL, used bigint, PRIMARY KEY (person_id, hash))",
  `CREATE TABLE person_providers (
  issuer text NOT NULL, subject text NOT NULL, person_id text NOT NULL REFERENCES people, provider text NOT NULL, bound bigint NOT NULL, PRIMARY KEY (issuer, subject))`,
  "CREATE INDEX person_providers_person ON person_providers (person_id)",
  `CREATE TABLE sessions (
  id text PRIMARY KEY, hash text NOT NULL UNIQUE, person_id text NOT NULL REFERENCES people, state text NOT NULL CHECK (state IN ('factor', 'enrol', 'in')),
  began bigint NOT NULL, seen bigint NOT NULL, expires bigint NOT NULL, proved bigint NOT NULL, tries int NOT NULL DEFAULT 0, challenge text, agent text NOT NULL, address text)`,
  "CREATE INDEX sessions_person ON sessions (person_id)",
  `CREATE TABLE invitations (
  hash text PRIMARY KEY, purpose text NOT NULL CHECK (purpose IN ('first', 'account', 'reset')), person_id text REFERENCES people, made_by text NOT NULL, made bigint NOT NULL, expires bigint NOT NULL, used bigint)`,
  `CREATE TABLE api_tokens (
  id text PRIMARY KEY, hash text NOT NULL UNIQUE, person_id text NOT NULL REFERENCES people, organisation_id text REFERENCES organisations, name text NOT NULL, scopes text[] NOT NULL,
  created bigint NOT NULL, expires bigint NOT NULL, used bigint, revoked bigint)`,
  "CREATE INDEX api_tokens_person ON api_tokens (person_id)",
  `CREATE TABLE audit_log (
  id bigint PRIMARY KEY, at bigint NOT NULL, actor text NOT NULL, name text NOT NULL, kind text NOT NULL CHECK (kind IN ('read', 'change', 'session')), action text NOT NULL,
  subject text, organisation_id text, outcome text NOT NULL CHECK (outcome IN ('done', 'refused')), address text, detail text, hash text NOT NULL)`,
  "CREATE INDEX audit_log_at ON audit_log (at)",
  "CREATE INDEX audit_log_actor ON audit_log (actor, id)",
  "CREATE TABLE audit_heads (row_id bigint PRIMARY KEY, at bigint NOT NULL, hash text NOT NULL, signature text NOT NULL, key text NOT NULL, sent bigint)",
  ...[
    "people",
    "person_organisations",
    "person_secrets",
    "passkeys",
    "recovery_codes",
    "person_providers",
    "sessions",
    "invitations",
    "api_tokens",
    "audit_log",
    "audit_heads",
  ].map((table) => `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`),
  "GRANT SELECT, INSERT, UPDATE ON people, person_secrets, passkeys, recovery_codes, sessions, invitations, api_tokens, audit_heads TO layang_desk",
  "GRANT SELECT, INSERT ON person_providers TO layang_desk",
  "GRANT DELETE ON person_organisations, passkeys, recovery_codes, sessions TO layang_desk",
  "GRANT SELECT, INSERT ON person_organisations TO layang_desk",
  // What was done is not rewritten: no UPDATE, no DELETE.
  "GRANT SELECT, INSERT ON audit_log TO layang_desk",
  "CREATE POLICY people_seen ON people FOR SELECT USING (layang_staff() OR layang_is(id))",
  "CREATE POLICY people_written ON people USING (layang_system()) WITH CHECK (layang_system())",
  "CREATE POLICY person_organisations_seen ON person_organisations FOR SELECT USING (layang_staff() OR layang_is(person_id))",
  "CREATE POLICY person_organisations_written ON person_organisations USING (layang_system()) WITH CHECK (layang_system())",
  "CREATE POLICY api_tokens_seen ON api_tokens FOR SELECT USING (layang_administers() OR layang_is(person_id))",
  "CREATE POLICY api_tokens_written ON api_tokens USING (layang_system()) WITH CHECK (layang_system())",
  ...["person_secrets", "passkeys", "recovery_codes", "person_providers", "sessions", "invitations"].map(
    (table) => `CREATE POLICY ${table}_system ON ${table} USING (layang_system()) WITH CHECK (layang_system())`,
  ),
  "CREATE POLICY audit_log_seen ON audit_log FOR SELECT USING (layang_administers())",
  "CREATE POLICY audit_log_written ON audit_log FOR INSERT WITH CHECK (layang_system())",
  "CREATE POLICY audit_heads_seen ON audit_heads FOR SELECT USING (layang_administers())",
  "CREATE POLICY audit_heads_written ON audit_heads USING (layang_system()) WITH CHECK (layang_system())",
];
