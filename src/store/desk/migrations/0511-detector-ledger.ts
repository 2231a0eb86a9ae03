// SPDX-License-Identifier: Apache-2.0

/** What detectors remember of many subjects, an entry a row: only what changed is written, with the cursor. */
export const detectorLedger: readonly string[] = [
  `CREATE TABLE detector_ledger (
  detector text NOT NULL, realm text NOT NULL, exercise text NOT NULL, key text NOT NULL, value text NOT NULL,
  PRIMARY KEY (detector, realm, exercise, key))`,
  "ALTER TABLE detector_ledger ENABLE ROW LEVEL SECURITY",
  "GRANT SELECT, INSERT, UPDATE, DELETE ON detector_ledger TO layang_desk",
  "CREATE POLICY ledger_system ON detector_ledger USING (layang_system())",
];
