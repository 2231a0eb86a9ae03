// SPDX-License-Identifier: Apache-2.0

/**
 * History, requests and contact checks of the constituency. Members see their rows and ask for changes; what is in force is
 * written by staff and by the program, except networks of a member's own realm, which staff do not see.
 */
export const constituency: readonly string[] = [
  "ALTER TABLE networks ADD dark text[] NOT NULL DEFAULT '{}'",
  "CREATE INDEX networks_asn ON networks (asn) WHERE asn IS NOT NULL",
  `ALTER TABLE contacts ADD bounces int NOT NULL DEFAULT 0, ADD bounced bigint, ADD last_check bigint`,
  `CREATE TABLE constituency_history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, organisation_id text NOT NULL REFERENCES organisations, realm text NOT NULL DEFAULT '', at bigint NOT NULL, actor text NOT NULL,
  what text NOT NULL CHECK (what IN ('organisation', 'network', 'contact')), change text NOT NULL CHECK (change IN ('added', 'changed', 'ended')),
  subject text NOT NULL, before text, after text)`,
  "CREATE INDEX constituency_history_organisation ON constituency_history (organisation_id, id DESC)",
  `CREATE TABLE changes (
  id text PRIMARY KEY DEFAULT gen_random_uuid()::text, organisation_id text NOT NULL REFERENCES organisations, realm text NOT NULL DEFAULT '', at bigint NOT NULL, actor text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('network', 'contact', 'organisation', 'claim')), subject text NOT NULL, before text, after text, step jsonb NOT NULL, contact_id text REFERENCES contacts,
  state text NOT NULL CHECK (state IN ('asked', 'proof', 'waiting', 'approved', 'refused', 'withdrawn')), waits_until bigint,
  method text CHECK (method IN ('dns', 'mail', 'rdap', 'staff')), challenge text, instruction text, shown bigint, reason text, decided bigint, decided_by text,
  CHECK (kind <> 'claim' OR state <> 'approved' OR shown IS NOT NULL))`,
  "CREATE INDEX changes_open ON changes (state, at) WHERE state IN ('asked', 'proof', 'waiting')",
  "CREATE INDEX changes_organisation ON changes (organisation_id, at DESC)",
  // One-time secrets of letters: only their hash. Nobody but the program reads them.
  `CREATE TABLE contact_secrets (
  hash text PRIMARY KEY, purpose text NOT NULL CHECK (purpose IN ('check', 'object', 'claim')), contact_id text REFERENCES contacts, change_id text REFERENCES changes,
  made bigint NOT NULL, expires bigint NOT NULL, used bigint)`,
  "CREATE INDEX contact_secrets_contact ON contact_secrets (contact_id)",
  ...["constituency_history", "changes", "contact_secrets"].map(
    (table) => `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
  ),
  "GRANT SELECT, INSERT ON constituency_history TO layang_desk",
  "GRANT SELECT, INSERT, UPDATE ON changes, contact_secrets TO layang_desk",
  ...["organisations", "networks", "contacts"].map((table) => `DROP POLICY ${table}_seen ON ${table}`),
  "CREATE POLICY organisations_seen ON organisations FOR SELECT USING (layang_sees(id, ''))",
  "CREATE POLICY organisations_written ON organisations USING ((SELECT layang_staff())) WITH CHECK ((SELECT layang_staff()))",
  "CREATE POLICY networks_seen ON networks FOR SELECT USING (layang_sees(organisation_id, realm))",
  `CREATE POLICY networks_written ON networks USING (layang_sees(organisation_id, realm) AND (layang_staff() OR realm <> ''))
  WITH CHECK (layang_sees(organisation_id, realm) AND (layang_staff() OR realm <> ''))`,
  "CREATE POLICY contacts_seen ON contacts FOR SELECT USING (layang_sees(organisation_id, ''))",
  "CREATE POLICY contacts_written ON contacts USING ((SELECT layang_staff())) WITH CHECK ((SELECT layang_staff()))",
  "CREATE POLICY constituency_history_seen ON constituency_history USING (layang_sees(organisation_id, realm))",
  // A member may ask and withdraw, and never decide.
  "CREATE POLICY changes_seen ON changes FOR SELECT USING (layang_sees(organisation_id, realm))",
  `CREATE POLICY changes_asked ON changes FOR INSERT
  WITH CHECK (layang_sees(organisation_id, realm) AND (layang_staff() OR (state IN ('asked', 'proof', 'waiting') AND shown IS NULL)))`,
  `CREATE POLICY changes_decided ON changes FOR UPDATE USING (layang_sees(organisation_id, realm))
  WITH CHECK (layang_sees(organisation_id, realm) AND (layang_staff() OR state = 'withdrawn'))`,
  "CREATE POLICY contact_secrets_system ON contact_secrets USING ((SELECT layang_system())) WITH CHECK ((SELECT layang_system()))",
];
