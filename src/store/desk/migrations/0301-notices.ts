// SPDX-License-Identifier: Apache-2.0

/** Who acts, asked once a statement and not once a row. */
const seen = `(SELECT layang_system()) OR ((SELECT layang_staff()) AND realm = '')
  OR (organisation_id = ANY ((SELECT layang_list('layang.organisations'))::text[]) AND (realm = '' OR realm = ANY ((SELECT layang_list('layang.realms'))::text[])))`;

export const notices: readonly string[] = [
  // How an organisation wants to be told, and whether somebody looked at the first letter before it left.
  `CREATE TABLE preferences (
  organisation_id text PRIMARY KEY REFERENCES organisations, document jsonb NOT NULL, previewed bigint, changed bigint NOT NULL, actor text NOT NULL)`,
  // Mail that came in, so that it is taken once.
  `CREATE TABLE received_mail (
  id text PRIMARY KEY, case_id text REFERENCES cases, at bigint NOT NULL, kind text NOT NULL CHECK (kind IN ('reply', 'bounce', 'automatic', 'unknown')), sender text, subject text)`,
  "ALTER TABLE outbox ADD read bigint, ADD form text NOT NULL DEFAULT 'notice'",
  "CREATE INDEX outbox_organisation ON outbox (organisation_id, created DESC)",
  "ALTER TABLE outbox DROP CONSTRAINT outbox_contact_id_fkey",
  "CREATE INDEX outbox_created ON outbox (created DESC, id DESC) WHERE channel <> 'inbox'",
  "CREATE INDEX outbox_open ON outbox (state, created) WHERE state <> 'sent'",
  "DROP POLICY outbox_seen ON outbox",
  `CREATE POLICY outbox_seen ON outbox USING (${seen})`,
  "DROP POLICY deliveries_seen ON deliveries",
  `CREATE POLICY deliveries_seen ON deliveries USING (${seen})`,
  ...["preferences", "received_mail"].map((table) => `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`),
  "GRANT SELECT, INSERT, UPDATE ON preferences TO layang_desk",
  "GRANT SELECT, INSERT ON received_mail TO layang_desk",
  "CREATE POLICY preferences_seen ON preferences USING (layang_sees(organisation_id, ''))",
  "CREATE POLICY received_mail_staff ON received_mail USING ((SELECT layang_staff()))",
];
