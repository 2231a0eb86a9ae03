// SPDX-License-Identifier: Apache-2.0

/** What is counted of alerts, and of cases, with each row of `rows` as often as it says. */
const ofAlerts = (rows: string): string => `SELECT realm, exercise, organisation_id, state, sum(one) AS alerts,
    coalesce(sum(one) FILTER (WHERE released IS NULL AND cardinality(held) > 0), 0) AS held, coalesce(sum(one) FILTER (WHERE released IS NULL AND 'global-breaker' = ANY (held)), 0) AS stopped,
    coalesce(sum(one) FILTER (WHERE essential), 0) AS essential FROM ${rows} AS f GROUP BY 1, 2, 3, 4`;
const ofCases = (
  rows: string,
): string => `SELECT realm, exercise, organisation_id, state, merged_into IS NOT NULL AS merged, sum(one) AS cases,
    coalesce(sum(one) FILTER (WHERE unanswered IS NOT NULL), 0) AS unanswered FROM ${rows} AS f GROUP BY 1, 2, 3, 4, 5`;

/**
 * Counts of a table kept in another, in the transaction that changes it: each statement adds what came and takes off what went. In the order of
 * their keys, so that two that count the same wait for each other and not crosswise.
 */
const kept = (
  table: string,
  counts: string,
  key: readonly string[],
  sums: readonly string[],
  of: (rows: string) => string,
): readonly string[] => {
  const add = (rows: string): string => `INSERT INTO ${counts} AS c (${[...key, ...sums].join(", ")})
  SELECT * FROM (${of(rows)}) AS g WHERE ${sums.map((sum) => `g.${sum} <> 0`).join(" OR ")} ORDER BY ${key.join(", ")}
  ON CONFLICT (${key.join(", ")}) DO UPDATE SET ${sums.map((sum) => `${sum} = c.${sum} + excluded.${sum}`).join(", ")}`;
  const fresh = `(SELECT *, 1 AS one FROM fresh)`;
  const before = `(SELECT *, -1 AS one FROM before)`;
  return [
    // Of all rows, whoever changed them: so it runs as the tables' owner.
    `CREATE FUNCTION layang_count_${table}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  IF TG_OP = 'INSERT' THEN ${add(fresh)};
  ELSIF TG_OP = 'DELETE' THEN ${add(before)};
  ELSE ${add(`(SELECT *, 1 AS one FROM fresh UNION ALL SELECT *, -1 FROM before)`)};
  END IF;
  RETURN NULL;
END $$`,
    `CREATE TRIGGER ${table}_count_come AFTER INSERT ON ${table} REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION layang_count_${table}()`,
    `CREATE TRIGGER ${table}_count_change AFTER UPDATE ON ${table} REFERENCING OLD TABLE AS before NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION layang_count_${table}()`,
    `CREATE TRIGGER ${table}_count_go AFTER DELETE ON ${table} REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION layang_count_${table}()`,
    add(`(SELECT *, 1 AS one FROM ${table})`),
  ];
};
/** Who may see every row of a realm may see how many there are: staff of the shared one, members of their own. What a member was told of is no count of these. */
const seen = (counts: string): readonly string[] => [
  `ALTER TABLE ${counts} ENABLE ROW LEVEL SECURITY`,
  `GRANT SELECT ON ${counts} TO layang_desk`,
  `CREATE POLICY ${counts}_seen ON ${counts} USING ((SELECT layang_system()) OR ((SELECT layang_staff()) AND realm = '')
  OR (organisation_id = ANY ((SELECT layang_list('layang.organisations'))::text[]) AND realm <> '' AND realm = ANY ((SELECT layang_list('layang.realms'))::text[])))`,
];
const listed =
  "id, case_id, rank, first, last, packets, kind, severity, family, country, asn, ports, essential, told, notified, acknowledged";
const open = "state <> 'closed'";
/** What policies ask, beside the realm: with these in it an index answers alone. */
const asked = "organisation_id, told, case_id";

/**
 * What pages of a hundred thousand alerts say of all of them: how many there are, kept; and the rest from indexes that hold what is asked for and no more.
 */
export const counts: readonly string[] = [
  `CREATE TABLE alert_counts (realm text NOT NULL, exercise text NOT NULL, organisation_id text, state text NOT NULL, alerts bigint NOT NULL, held bigint NOT NULL, stopped bigint NOT NULL, essential bigint NOT NULL,
  UNIQUE NULLS NOT DISTINCT (realm, exercise, organisation_id, state)) WITH (fillfactor = 50)`,
  ...kept(
    "alerts",
    "alert_counts",
    ["realm", "exercise", "organisation_id", "state"],
    ["alerts", "held", "stopped", "essential"],
    ofAlerts,
  ),
  ...seen("alert_counts"),
  `CREATE TABLE case_counts (realm text NOT NULL, exercise text NOT NULL, organisation_id text, state text NOT NULL, merged boolean NOT NULL, cases bigint NOT NULL, unanswered bigint NOT NULL,
  UNIQUE NULLS NOT DISTINCT (realm, exercise, organisation_id, state, merged)) WITH (fillfactor = 50)`,
  ...kept(
    "cases",
    "case_counts",
    ["realm", "exercise", "organisation_id", "state", "merged"],
    ["cases", "unanswered"],
    ofCases,
  ),
  ...seen("case_counts"),
  "DROP INDEX alerts_facts",
  "DROP INDEX alerts_ended",
  // What statistics ask of an episode, worked out when it changes and not with every question. How long it was followed, in hundredths of a day and times 16,
  // then 1: its owner was told, 4: its end was seen, 8: given up. What is left of 2 is for who asks.
  `CREATE FUNCTION layang_followed(detected bigint, notified bigint, quieted bigint, state text, last bigint, checked bigint, closing text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (greatest(0, (CASE WHEN quieted IS NOT NULL AND state IN ('quiet', 'closed') THEN quieted ELSE greatest(last, checked) END) - coalesce(notified, detected)) + 432000000) / 864000000 * 16
    + CASE WHEN notified IS NOT NULL THEN 1 ELSE 0 END + CASE WHEN quieted IS NOT NULL AND state IN ('quiet', 'closed') THEN 4 ELSE 0 END + CASE WHEN closing = 'unconfirmed' THEN 8 ELSE 0 END $$`,
  // Lengths between clocks in microseconds, of those that have both ends in their order: one byte says which (4: first packet to notice, 8: detection to notice, 16: notice to
  // acknowledgement, 32: notice to action, 64: action to silence) and whether the episode was acknowledged (1) and is of what had come back (2); then eight bytes each.
  `CREATE FUNCTION layang_lengths(first bigint, detected bigint, notified bigint, acknowledged bigint, acted bigint, quieted bigint, again boolean) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT set_byte('\\x00'::bytea, 0, CASE WHEN acknowledged IS NOT NULL THEN 1 ELSE 0 END + CASE WHEN again THEN 2 ELSE 0 END + CASE WHEN notified >= first THEN 4 ELSE 0 END + CASE WHEN notified >= detected THEN 8 ELSE 0 END
    + CASE WHEN acknowledged >= notified THEN 16 ELSE 0 END + CASE WHEN acted >= notified THEN 32 ELSE 0 END + CASE WHEN quieted >= acted THEN 64 ELSE 0 END)
    || CASE WHEN notified >= first THEN int8send(notified - first) ELSE '' END || CASE WHEN notified >= detected THEN int8send(notified - detected) ELSE '' END
    || CASE WHEN acknowledged >= notified THEN int8send(acknowledged - notified) ELSE '' END || CASE WHEN acted >= notified THEN int8send(acted - notified) ELSE '' END
    || CASE WHEN quieted >= acted THEN int8send(quieted - acted) ELSE '' END $$`,
  `ALTER TABLE alerts ADD began bigint GENERATED ALWAYS AS (coalesce(notified, detected)) STORED,
  ADD followed bigint GENERATED ALWAYS AS (layang_followed(detected, notified, quieted, state, last, checked, closing)) STORED,
  ADD lengths bytea GENERATED ALWAYS AS (layang_lengths(CASE WHEN relapses = 0 THEN first END, detected, notified, acknowledged, acted, quieted, relapses > 0)) STORED`,
  `CREATE INDEX alerts_facts ON alerts (organisation_id, realm, exercise, state) INCLUDE (${listed}, detected, held, released, suppressed_until) WHERE ${open}`,
  `CREATE INDEX alerts_ended ON alerts (organisation_id, realm, exercise, state) INCLUDE (${listed}) WHERE state = 'closed'`,
  // What is counted of days, of what nobody was told of and of what is suppressed.
  "DROP INDEX alerts_detected",
  `CREATE INDEX alerts_detected ON alerts (exercise, detected) INCLUDE (realm, state, ${asked})`,
  "CREATE INDEX alerts_untold ON alerts (realm, exercise, detected) WHERE notified IS NULL AND organisation_id IS NOT NULL AND state IN ('new', 'continuing', 'relapsed')",
  `CREATE INDEX alerts_suppressed ON alerts (realm, exercise, suppressed_until) INCLUDE (${asked}) WHERE suppressed_until IS NOT NULL AND ${open}`,
  // Clocks that run from the notice, or of what nobody was told of from its detection: years of what is closed are not read for a quarter.
  `CREATE INDEX alerts_clocks ON alerts (began) INCLUDE (detected, followed, lengths, kind, family, country, realm, ${asked}) WHERE exercise = '' AND realm = '' AND (closing IS NULL OR closing NOT IN ('withdrawn', 'false-positive', 'not-ours'))`,
  "DROP INDEX alerts_case",
  "CREATE INDEX alerts_case ON alerts (case_id) INCLUDE (kind, tests, organisation_id, realm, exercise, told)",
  "CREATE INDEX cases_waiting ON cases (realm, exercise, unanswered) WHERE unanswered IS NOT NULL AND merged_into IS NULL AND state <> 'closed'",
  "CREATE INDEX cases_quieted ON cases (realm, exercise, quieted) INCLUDE (id, organisation_id) WHERE quieted IS NOT NULL AND merged_into IS NULL",
  // Detections are counted, and their sources, from the index that has the newest of each kind.
  "DROP INDEX detections_last",
  "CREATE INDEX detections_last ON detections (realm, exercise, kind, last DESC) INCLUDE (source, organisation_id, sensors, withdrawn)",
  "CREATE INDEX cases_assignee ON cases (assignee) WHERE assignee IS NOT NULL AND merged_into IS NULL AND state <> 'closed'",
];
