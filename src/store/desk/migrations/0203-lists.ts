// SPDX-License-Identifier: Apache-2.0

const counted =
  "id, case_id, rank, first, last, packets, kind, severity, family, country, asn, ports, essential, tests, relapses, detected, told, notified, acknowledged, acted, quieted, closed, closing, checked";

/**
 * What lists of alerts, cases and letters count and sort by, in indexes of their own: a hundred thousand rows are counted without reading
 * one of them. They carry what row-level security asks for, too. What is not closed changes all the time, what is closed hardly ever: each has its own.
 */
export const lists: readonly string[] = [
  "DROP INDEX alerts_board_organisation",
  `CREATE INDEX alerts_facts ON alerts (organisation_id, realm, exercise, state) INCLUDE (${counted}, held, released, suppressed_until) WHERE state <> 'closed'`,
  `CREATE INDEX alerts_ended ON alerts (organisation_id, realm, exercise, state) INCLUDE (${counted}) WHERE state = 'closed'`,
  "CREATE INDEX alerts_family ON alerts (family) WHERE family IS NOT NULL",
  // When the first of a case's notices left that nobody has answered, of what its owner may see; kept with the alerts that say so.
  // And its title as it is looked for: folded once, not with every question.
  `ALTER TABLE cases ADD unanswered bigint, ADD sought text COLLATE "C" GENERATED ALWAYS AS (lower(title)) STORED`,
  `CREATE FUNCTION layang_unanswered(ids text[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  -- Locked first, so that what others did to alerts of the same case is seen.
  PERFORM FROM cases WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
  UPDATE cases c SET unanswered = f.since FROM (SELECT k.id, (SELECT min(a.notified) FROM alerts a WHERE a.case_id = k.id AND a.told IS NOT NULL AND a.notified IS NOT NULL AND a.acknowledged IS NULL AND a.state <> 'closed') AS since
    FROM unnest(ids) AS k(id)) AS f WHERE c.id = f.id AND c.unanswered IS DISTINCT FROM f.since;
END $$`,
  // Of all alerts of a case, whoever changed one: so it runs as the tables' owner.
  `CREATE FUNCTION layang_alerts_come() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE ids text[] := (SELECT array_agg(DISTINCT case_id) FROM fresh WHERE case_id IS NOT NULL AND told IS NOT NULL AND notified IS NOT NULL AND acknowledged IS NULL AND state <> 'closed');
BEGIN
  IF ids IS NOT NULL THEN PERFORM layang_unanswered(ids); END IF;
  RETURN NULL;
END $$`,
  `CREATE FUNCTION layang_alerts_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
-- What waits for an answer before and after stands here twice. It is grouped and not joined, for a plan that is kept since a small change would join one by one.
DECLARE ids text[] := (SELECT array_agg(DISTINCT k.case_id) FROM (SELECT case_id FROM (SELECT * FROM before UNION ALL SELECT * FROM fresh) AS f
  WHERE case_id IS NOT NULL AND told IS NOT NULL AND notified IS NOT NULL AND acknowledged IS NULL AND state <> 'closed' GROUP BY id COLLATE "C", case_id, notified HAVING count(*) = 1) AS k);
BEGIN
  IF ids IS NOT NULL THEN PERFORM layang_unanswered(ids); END IF;
  RETURN NULL;
END $$`,
  "CREATE TRIGGER alerts_come AFTER INSERT ON alerts REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION layang_alerts_come()",
  "CREATE TRIGGER alerts_change AFTER UPDATE ON alerts REFERENCING OLD TABLE AS before NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION layang_alerts_change()",
  // No part of the program takes an alert away; who does so by hand leaves no count behind.
  "CREATE TRIGGER alerts_go AFTER DELETE ON alerts REFERENCING OLD TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION layang_alerts_come()",
  `UPDATE cases c SET unanswered = f.since FROM (SELECT case_id, min(notified) AS since FROM alerts WHERE told IS NOT NULL AND notified IS NOT NULL AND acknowledged IS NULL AND state <> 'closed' GROUP BY case_id) AS f WHERE c.id = f.case_id`,
  // A server tidies what changes before a fifth of it has: what is counted in an index alone is counted where all of a page is old enough.
  "ALTER TABLE alerts SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)",
  "ALTER TABLE cases SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)",
  "DROP INDEX cases_board",
  `CREATE INDEX cases_facts ON cases (organisation_id, realm, exercise, state) INCLUDE (id, opened, touched, severity, kind, assignee, merged_into, quieted, unanswered) WHERE state <> 'closed'`,
  `CREATE INDEX cases_ended ON cases (organisation_id, realm, exercise) INCLUDE (id, opened, touched, severity, kind, assignee, merged_into, quieted) WHERE state = 'closed'`,
  // What has left grows for years: its newest are counted.
  `CREATE INDEX outbox_sent ON outbox (exercise, sent DESC) INCLUDE (channel, organisation_id, realm, case_id) WHERE state = 'sent'`,
  // Asked of a hundred thousand rows before the other half of a policy is: who may see all of the shared realm needs no look at the case.
  "DROP POLICY answers_seen ON answers",
  `CREATE POLICY answers_seen ON answers USING ((SELECT layang_system()) OR ((SELECT layang_staff()) AND realm = '') OR EXISTS (SELECT FROM cases WHERE cases.id = case_id))`,
  // Nothing that policies ask writes or keeps anything: a server may read with several processes at once.
  ...["layang_list(text)", "layang_staff()", "layang_system()", "layang_sees(text, text)", "layang_case(text)"].map(
    (name) => `ALTER FUNCTION ${name} PARALLEL SAFE`,
  ),
];
