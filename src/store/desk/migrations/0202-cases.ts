// SPDX-License-Identifier: Apache-2.0

/** What hangs on a case is seen by who sees the case; where it has an audience, an owner sees its own part. */
const ofCase = (table: string, audience: boolean): string =>
  `CREATE POLICY ${table}_seen ON ${table} USING ((SELECT layang_system()) OR (EXISTS (SELECT FROM cases WHERE cases.id = case_id)${
    audience ? " AND ((SELECT layang_staff()) OR audience = 'owner')" : ""
  }))`;

export const cases: readonly string[] = [
  "ALTER TABLE cases ADD merged_into text REFERENCES cases, ADD quieted bigint, ADD touched bigint NOT NULL DEFAULT 0",
  "UPDATE cases SET touched = greatest(opened, coalesce((SELECT max(at) FROM case_events e WHERE e.case_id = cases.id), 0))",
  // When something last happened, kept with the line that happened: lists are ordered by it.
  `CREATE FUNCTION layang_touch_cases() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE cases SET touched = greatest(touched, f.at) FROM (SELECT case_id, max(at) AS at FROM fresh GROUP BY case_id) AS f WHERE cases.id = f.case_id AND cases.touched < f.at;
  RETURN NULL;
END $$`,
  "CREATE TRIGGER case_events_touch AFTER INSERT ON case_events REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION layang_touch_cases()",
  "CREATE INDEX cases_touched ON cases (realm, exercise, touched DESC, id DESC) WHERE state <> 'closed'",
  `CREATE TABLE answers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, case_id text NOT NULL REFERENCES cases, organisation_id text, realm text NOT NULL, exercise text NOT NULL, at bigint NOT NULL, actor text NOT NULL,
  answer text NOT NULL CHECK (answer IN ('cleaned', 'subscriber-notified', 'working', 'not-ours', 'false-positive', 'cannot-attribute', 'research')),
  channel text CHECK (channel IN ('mail', 'letter', 'phone', 'sms', 'walled-garden', 'portal', 'other')), note text, alerts text[] NOT NULL DEFAULT '{}',
  state text NOT NULL CHECK (state IN ('claimed', 'confirmed', 'contradicted')), decided bigint, detectors text[] NOT NULL DEFAULT '{}')`,
  "CREATE INDEX answers_case ON answers (case_id, id)",
  `CREATE TABLE case_tasks (
  id text PRIMARY KEY DEFAULT gen_random_uuid()::text, case_id text NOT NULL REFERENCES cases, title text NOT NULL, assignee text, due bigint, created bigint NOT NULL, actor text NOT NULL, done bigint)`,
  "CREATE INDEX case_tasks_case ON case_tasks (case_id, created)",
  `CREATE TABLE case_links (
  case_id text NOT NULL REFERENCES cases, other_id text NOT NULL REFERENCES cases, kind text NOT NULL CHECK (kind IN ('related', 'duplicate', 'parent', 'child', 'campaign', 'moved')), at bigint NOT NULL, actor text NOT NULL,
  PRIMARY KEY (case_id, other_id), CHECK (case_id <> other_id))`,
  "CREATE INDEX case_links_other ON case_links (other_id)",
  `CREATE TABLE attachments (
  id text PRIMARY KEY DEFAULT gen_random_uuid()::text, case_id text NOT NULL REFERENCES cases, at bigint NOT NULL, actor text NOT NULL, name text NOT NULL, media_type text NOT NULL, size int NOT NULL CHECK (size BETWEEN 0 AND 5242880),
  sha256 text NOT NULL, content bytea NOT NULL, marking text NOT NULL CHECK (marking LIKE 'TLP:%'), audience text NOT NULL CHECK (audience IN ('staff', 'owner')))`,
  "CREATE INDEX attachments_case ON attachments (case_id, at)",
  // What an alert was before it came back: its clocks begin anew, and the curves need the old ones too.
  `CREATE TABLE alert_episodes (
  alert_id text NOT NULL REFERENCES alerts, episode int NOT NULL, detected bigint NOT NULL, notified bigint, acknowledged bigint, acted bigint, quieted bigint, closed bigint, closing text, relapsed bigint NOT NULL,
  PRIMARY KEY (alert_id, episode))`,
  // Of a link's token only the hash is here.
  `CREATE TABLE help_links (
  id text PRIMARY KEY, hash text NOT NULL UNIQUE, case_id text NOT NULL REFERENCES cases, organisation_id text, realm text NOT NULL, contact_id text, created bigint NOT NULL, expires bigint NOT NULL,
  revoked bigint, used bigint)`,
  "CREATE INDEX help_links_case ON help_links (case_id)",
  ...["answers", "case_tasks", "case_links", "attachments", "help_links", "alert_episodes"].map(
    (table) => `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
  ),
  "GRANT SELECT, INSERT, UPDATE ON answers, case_tasks, help_links TO layang_desk",
  "GRANT SELECT, INSERT ON attachments, alert_episodes TO layang_desk",
  "GRANT SELECT, INSERT, DELETE ON case_links TO layang_desk",
  "CREATE POLICY alert_episodes_seen ON alert_episodes USING ((SELECT layang_system()) OR EXISTS (SELECT FROM alerts WHERE alerts.id = alert_id))",
  ofCase("answers", false),
  "CREATE POLICY case_tasks_seen ON case_tasks USING ((SELECT layang_staff()) AND EXISTS (SELECT FROM cases WHERE cases.id = case_id))",
  "CREATE POLICY case_links_seen ON case_links USING ((SELECT layang_staff()) AND EXISTS (SELECT FROM cases WHERE cases.id = case_id) AND EXISTS (SELECT FROM cases WHERE cases.id = other_id))",
  ofCase("attachments", true),
  "CREATE POLICY help_links_staff ON help_links USING ((SELECT layang_system()) OR ((SELECT layang_staff()) AND EXISTS (SELECT FROM cases WHERE cases.id = case_id)))",
  // Both ends are written in the same transaction by the same hand; to look them up again for each of thousands a second was half of its cost.
  "ALTER TABLE alert_detections DROP CONSTRAINT alert_detections_alert_id_fkey, DROP CONSTRAINT alert_detections_detection_id_fkey",
  "DROP POLICY alert_detections_seen ON alert_detections",
  "CREATE POLICY alert_detections_seen ON alert_detections USING ((SELECT layang_system()) OR EXISTS (SELECT FROM alerts WHERE alerts.id = alert_id))",
];
