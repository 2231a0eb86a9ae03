// SPDX-License-Identifier: Apache-2.0

/**
 * The ground of the desk. `layang_desk` is the role of every transaction: it owns nothing, so row-level security holds for
 * it. Policies read who acts from settings of the transaction (see `actAs`).
 */
export const ground: readonly string[] = [
  `DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'layang_desk') THEN CREATE ROLE layang_desk NOLOGIN; END IF;
END $$`,
  "GRANT layang_desk TO CURRENT_USER",
  "GRANT USAGE ON SCHEMA public TO layang_desk",
  `CREATE FUNCTION layang_list(name text) RETURNS text[] LANGUAGE sql STABLE AS
$$ SELECT string_to_array(coalesce(nullif(current_setting(name, true), ''), ''), ',') $$`,
  // The program and its people see every organisation, but of realms only the shared one and their own.
  `CREATE FUNCTION layang_staff() RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT layang_list('layang.roles') && ARRAY['system', 'administrator', 'analyst'] $$`,
  `CREATE FUNCTION layang_system() RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT 'system' = ANY (layang_list('layang.roles')) $$`,
  `CREATE FUNCTION layang_sees(organisation text, realm text) RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT layang_system()
  OR (layang_staff() AND realm = '')
  OR (organisation IS NOT NULL AND organisation = ANY (layang_list('layang.organisations'))
      AND (realm = '' OR realm = ANY (layang_list('layang.realms')))) $$`,
  `CREATE FUNCTION layang_case(id text) RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT id IS NOT NULL AND id = nullif(current_setting('layang.case', true), '') $$`,
  `CREATE TABLE organisations (
  id text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text NOT NULL, names jsonb NOT NULL DEFAULT '{}', country text CHECK (country ~ '^[A-Z]{2}$'), sector text,
  essential boolean NOT NULL DEFAULT false, note text, exercise text NOT NULL DEFAULT '', created bigint NOT NULL, ended bigint)`,
  `CREATE TABLE networks (
  id text PRIMARY KEY DEFAULT gen_random_uuid()::text, organisation_id text NOT NULL REFERENCES organisations, realm text NOT NULL DEFAULT '',
  prefix cidr, asn bigint CHECK (asn BETWEEN 1 AND 4294967295), domain text, translation text NOT NULL DEFAULT 'none' CHECK (translation IN ('none', 'cgnat')),
  valid_from bigint NOT NULL, valid_until bigint CHECK (valid_until > valid_from), origin text NOT NULL,
  CHECK (num_nonnulls(prefix, asn, domain) = 1))`,
  "CREATE INDEX networks_organisation ON networks (organisation_id)",
  "CREATE INDEX networks_prefix ON networks (prefix) WHERE prefix IS NOT NULL",
  `CREATE TABLE contacts (
  id text PRIMARY KEY DEFAULT gen_random_uuid()::text, organisation_id text NOT NULL REFERENCES organisations,
  role text NOT NULL CHECK (role IN ('abuse', 'security', 'noc', 'management')), name text, mail text, phone text, language text NOT NULL DEFAULT 'en',
  openpgp_key text, webhook text, state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'pending', 'dead', 'ended')), verified bigint,
  valid_from bigint NOT NULL, valid_until bigint)`,
  "CREATE INDEX contacts_organisation ON contacts (organisation_id)",
  `CREATE TABLE detections (
  id text PRIMARY KEY, detector text NOT NULL, version int NOT NULL, kind text NOT NULL, realm text NOT NULL, exercise text NOT NULL,
  source inet, protocol text, port int, first bigint NOT NULL, last bigint NOT NULL, packets bigint NOT NULL, dark_addresses bigint NOT NULL,
  sensors text[] NOT NULL, confidence double precision NOT NULL, family text, held text[] NOT NULL, evidence jsonb NOT NULL, samples jsonb NOT NULL,
  organisation_id text REFERENCES organisations, marking text NOT NULL CHECK (marking LIKE 'TLP:%'), origin text NOT NULL CHECK (origin <> ''),
  revision int NOT NULL DEFAULT 0, withdrawn boolean NOT NULL DEFAULT false)`,
  "CREATE INDEX detections_last ON detections (realm, exercise, kind, last DESC)",
  "CREATE INDEX detections_source ON detections (source, last DESC)",
  `CREATE TABLE detector_cursors (
  detector text NOT NULL, realm text NOT NULL, exercise text NOT NULL, position bigint NOT NULL, memory jsonb NOT NULL DEFAULT 'null', PRIMARY KEY (detector, realm, exercise))`,
  `CREATE TABLE cases (
  id text PRIMARY KEY, number bigint GENERATED ALWAYS AS IDENTITY UNIQUE, organisation_id text REFERENCES organisations, realm text NOT NULL, exercise text NOT NULL,
  title text NOT NULL, kind text NOT NULL, state text NOT NULL CHECK (state IN ('open', 'waiting', 'closed')), severity text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
  assignee text, marking text NOT NULL CHECK (marking LIKE 'TLP:%'), origin text NOT NULL CHECK (origin <> ''), opened bigint NOT NULL, closed bigint, version int NOT NULL DEFAULT 0)`,
  "CREATE INDEX cases_organisation ON cases (organisation_id, opened DESC)",
  `CREATE TABLE alerts (
  id text PRIMARY KEY, organisation_id text REFERENCES organisations, realm text NOT NULL, exercise text NOT NULL, kind text NOT NULL, subject text NOT NULL, source inet, family text,
  state text NOT NULL CHECK (state IN ('new', 'continuing', 'quiet', 'closed', 'relapsed')), severity text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')), rank double precision NOT NULL,
  first bigint NOT NULL, last bigint NOT NULL, packets bigint NOT NULL, dark_addresses bigint NOT NULL, sensors text[] NOT NULL, confidence double precision NOT NULL, held text[] NOT NULL, released bigint,
  suppressed_until bigint, suppressed_reason text, relapses int NOT NULL DEFAULT 0, detected bigint NOT NULL, notified bigint, acknowledged bigint, acted bigint, quieted bigint, closed bigint,
  case_id text REFERENCES cases, marking text NOT NULL CHECK (marking LIKE 'TLP:%'), origin text NOT NULL CHECK (origin <> ''), version int NOT NULL DEFAULT 0)`,
  "CREATE INDEX alerts_board ON alerts (realm, exercise, state, rank DESC, last DESC)",
  "CREATE INDEX alerts_organisation ON alerts (organisation_id, state, last DESC)",
  "CREATE INDEX alerts_subject ON alerts (subject, kind)",
  "CREATE INDEX alerts_case ON alerts (case_id)",
  "CREATE TABLE alert_detections (alert_id text NOT NULL REFERENCES alerts, detection_id text NOT NULL REFERENCES detections, PRIMARY KEY (alert_id, detection_id))",
  "CREATE INDEX alert_detections_detection ON alert_detections (detection_id)",
  `CREATE TABLE case_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, case_id text NOT NULL REFERENCES cases, organisation_id text, realm text NOT NULL, at bigint NOT NULL, actor text NOT NULL,
  kind text NOT NULL, body jsonb NOT NULL, marking text NOT NULL CHECK (marking LIKE 'TLP:%'))`,
  "CREATE INDEX case_events_case ON case_events (case_id, id)",
  `CREATE TABLE outbox (
  id text PRIMARY KEY, exercise text NOT NULL, realm text NOT NULL, organisation_id text REFERENCES organisations, case_id text REFERENCES cases, contact_id text REFERENCES contacts,
  channel text NOT NULL CHECK (channel IN ('mail', 'webhook', 'inbox')), recipient text NOT NULL, payload jsonb NOT NULL,
  state text NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'dead', 'held')), attempts int NOT NULL DEFAULT 0, due bigint NOT NULL, leased_until bigint, sent bigint, error text, created bigint NOT NULL)`,
  "CREATE INDEX outbox_due ON outbox (due) WHERE state IN ('waiting', 'sending')",
  "CREATE INDEX outbox_case ON outbox (case_id)",
  `CREATE TABLE deliveries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, outbox_id text NOT NULL REFERENCES outbox, organisation_id text, realm text NOT NULL, attempt int NOT NULL,
  began bigint NOT NULL, ended bigint, outcome text CHECK (outcome IN ('accepted', 'refused', 'deferred', 'unknown')), answer text, message_id text, UNIQUE (outbox_id, attempt))`,
  "CREATE TABLE settings (name text PRIMARY KEY, value jsonb NOT NULL)",
  ...[
    "organisations",
    "networks",
    "contacts",
    "detections",
    "detector_cursors",
    "cases",
    "alerts",
    "alert_detections",
    "case_events",
    "outbox",
    "deliveries",
    "settings",
  ].map((table) => `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`),
  "GRANT SELECT, INSERT, UPDATE ON organisations, networks, contacts, detections, detector_cursors, cases, alerts, outbox, deliveries, settings TO layang_desk",
  // What has happened is not rewritten.
  "GRANT SELECT, INSERT ON alert_detections, case_events TO layang_desk",
  "CREATE POLICY organisations_seen ON organisations USING (layang_sees(id, ''))",
  "CREATE POLICY networks_seen ON networks USING (layang_sees(organisation_id, realm))",
  "CREATE POLICY contacts_seen ON contacts USING (layang_sees(organisation_id, ''))",
  "CREATE POLICY detections_seen ON detections USING (layang_sees(organisation_id, realm))",
  "CREATE POLICY cursors_system ON detector_cursors USING (layang_system())",
  "CREATE POLICY cases_seen ON cases USING (layang_sees(organisation_id, realm) OR layang_case(id))",
  "CREATE POLICY alerts_seen ON alerts USING (layang_sees(organisation_id, realm) OR layang_case(case_id))",
  "CREATE POLICY alert_detections_seen ON alert_detections USING (EXISTS (SELECT FROM alerts WHERE alerts.id = alert_id))",
  "CREATE POLICY case_events_seen ON case_events USING (layang_sees(organisation_id, realm) OR layang_case(case_id))",
  "CREATE POLICY outbox_seen ON outbox USING (layang_sees(organisation_id, realm))",
  "CREATE POLICY deliveries_seen ON deliveries USING (layang_sees(organisation_id, realm))",
  "CREATE POLICY settings_staff ON settings USING (layang_staff())",
];
