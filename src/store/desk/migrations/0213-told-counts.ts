// SPDX-License-Identifier: Apache-2.0

/** What was told of each owner's alerts, by the minute: the breakers count the last hour of it. No row is older than that for long. */
export const toldCounts: readonly string[] = [
  "CREATE TABLE told_counts (exercise text NOT NULL, at bigint NOT NULL, organisation_id text NOT NULL, told int NOT NULL, PRIMARY KEY (exercise, at, organisation_id))",
  "ALTER TABLE told_counts ENABLE ROW LEVEL SECURITY",
  "GRANT SELECT, INSERT, UPDATE, DELETE ON told_counts TO layang_desk",
  "CREATE POLICY told_counts_system ON told_counts USING ((SELECT layang_system())) WITH CHECK ((SELECT layang_system()))",
];
