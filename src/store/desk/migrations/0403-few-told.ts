// SPDX-License-Identifier: Apache-2.0

/**
 * Notices that were told on the word of few sensors, as they were told: the budget of what owners may learn of where sensors stand.
 * What a source does afterwards gives nothing back.
 */
export const fewTold: readonly string[] = [
  "CREATE TABLE few_told (alert_id text NOT NULL REFERENCES alerts, organisation_id text NOT NULL, exercise text NOT NULL, at bigint NOT NULL, PRIMARY KEY (alert_id, at))",
  "CREATE INDEX few_told_at ON few_told (exercise, at)",
  "ALTER TABLE few_told ENABLE ROW LEVEL SECURITY",
  "GRANT SELECT, INSERT ON few_told TO layang_desk",
  "CREATE POLICY few_told_system ON few_told USING ((SELECT layang_system())) WITH CHECK ((SELECT layang_system()))",
];
