// SPDX-License-Identifier: Apache-2.0

/** Filters that a person keeps. They are nobody else's: not an administrator's either. */
export const views: readonly string[] = [
  `CREATE TABLE saved_views (
  id text PRIMARY KEY DEFAULT gen_random_uuid()::text, person_id text NOT NULL REFERENCES people, page text NOT NULL CHECK (page IN ('alerts', 'cases')),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80), search text NOT NULL CHECK (length(search) <= 1000), made bigint NOT NULL, UNIQUE (person_id, page, name))`,
  "ALTER TABLE saved_views ENABLE ROW LEVEL SECURITY",
  "GRANT SELECT, INSERT, UPDATE, DELETE ON saved_views TO layang_desk",
  "CREATE POLICY saved_views_own ON saved_views USING (layang_is(person_id)) WITH CHECK (layang_is(person_id))",
];
