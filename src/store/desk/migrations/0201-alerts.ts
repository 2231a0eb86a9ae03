// SPDX-License-Identifier: Apache-2.0

/** Who acts, asked once a statement and not once a row: boards read a hundred thousand. */
const sees = (organisation: string): string => `(SELECT layang_system())
  OR ((SELECT layang_staff()) AND realm = '')
  OR (${organisation} = ANY ((SELECT layang_list('layang.organisations'))::text[])
      AND (realm = '' OR realm = ANY ((SELECT layang_list('layang.realms'))::text[])))`;
const linked = (id: string): string => `${id} = (SELECT nullif(current_setting('layang.case', true), ''))`;

/** What an alert carries for its notice and its page, the board's indexes, and who sees which line of a timeline. */
export const alerts: readonly string[] = [
  `ALTER TABLE alerts ADD translation text NOT NULL DEFAULT 'none' CHECK (translation IN ('none', 'cgnat')), ADD network text, ADD country text, ADD asn bigint,
  ADD essential boolean NOT NULL DEFAULT false, ADD protocol text, ADD ports int[] NOT NULL DEFAULT '{}', ADD signature text, ADD samples jsonb NOT NULL DEFAULT '[]',
  ADD tests text[] NOT NULL DEFAULT '{}', ADD closing text, ADD silence text CHECK (silence IN ('counting', 'silent', 'unknown', 'moved')), ADD silence_facts jsonb,
  ADD checked bigint, ADD told bigint, ADD moved_to text`,
  // One open alert of a key; ended ones stay beside it.
  "CREATE UNIQUE INDEX alerts_open ON alerts (subject, kind, realm, exercise, coalesce(organisation_id, '')) WHERE state <> 'closed'",
  // Every index is paid for with every packet that an alert grows by: no more of them than questions need.
  "DROP INDEX alerts_board",
  "DROP INDEX alerts_organisation",
  "CREATE INDEX alerts_board ON alerts (realm, exercise, rank DESC, id DESC) WHERE state <> 'closed'",
  "CREATE INDEX alerts_board_organisation ON alerts (organisation_id, rank DESC, id DESC)",
  "CREATE INDEX alerts_unanswered ON alerts (case_id) WHERE notified IS NOT NULL AND acknowledged IS NULL AND state <> 'closed'",
  "CREATE INDEX alerts_detected ON alerts (detected, organisation_id)",
  "CREATE INDEX alerts_source ON alerts (source)",
  "CREATE INDEX alerts_signature ON alerts (signature) WHERE signature IS NOT NULL",
  "DROP POLICY alerts_seen ON alerts",
  `CREATE POLICY alerts_seen ON alerts USING (${sees("organisation_id")} OR ${linked("case_id")})`,
  "DROP POLICY cases_seen ON cases",
  `CREATE POLICY cases_seen ON cases USING (${sees("organisation_id")} OR ${linked("id")})`,
  "DROP POLICY detections_seen ON detections",
  `CREATE POLICY detections_seen ON detections USING (${sees("organisation_id")})`,
  // What analysts write to each other is not their owner's, and never a link's.
  "ALTER TABLE case_events ADD audience text NOT NULL DEFAULT 'staff' CHECK (audience IN ('staff', 'owner'))",
  "DROP POLICY case_events_seen ON case_events",
  `CREATE POLICY case_events_seen ON case_events USING (((${sees("organisation_id")}) AND ((SELECT layang_staff()) OR audience = 'owner'))
  OR (${linked("case_id")} AND audience = 'owner'))`,
  "CREATE INDEX cases_board ON cases (realm, exercise, state, opened DESC, id)",
];
