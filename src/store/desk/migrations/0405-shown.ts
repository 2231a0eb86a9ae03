// SPDX-License-Identifier: Apache-2.0

/** What of an alert grows with every packet. */
const growing =
  "state, severity, rank, first, last, packets, dark_addresses, sensors, confidence, protocol, ports, signature, samples, tests, version";
const shown = (row: string): string =>
  `jsonb_build_object('told', ${row}told, ${growing
    .split(", ")
    .map((name) => `'${name}', ${row}${name}`)
    .join(", ")})`;

/**
 * An alert as it was when its owner was last told of it: what an owner sees of the shared realm. What its host does afterwards changes the
 * alert and not this, else each of its packets would be a probe that is answered. Kept by the table itself, whoever writes it.
 */
export const shownAlerts: readonly string[] = [
  "ALTER TABLE alerts ADD shown jsonb",
  `UPDATE alerts SET shown = ${shown("")} WHERE told IS NOT NULL`,
  `CREATE FUNCTION layang_shown() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.shown := ${shown("NEW.")};
  RETURN NEW;
END $$`,
  // Each is the answer to a packet; owners read what they are told.
  "UPDATE case_events SET audience = 'staff' WHERE realm = '' AND kind IN ('continuing', 'family')",
  // A row that is read back from a dump brings what was shown.
  "CREATE TRIGGER alerts_shown_come BEFORE INSERT ON alerts FOR EACH ROW WHEN (NEW.told IS NOT NULL AND NEW.shown IS NULL) EXECUTE FUNCTION layang_shown()",
  "CREATE TRIGGER alerts_shown_change BEFORE UPDATE ON alerts FOR EACH ROW WHEN (NEW.told IS NOT NULL AND NEW.told IS DISTINCT FROM OLD.told) EXECUTE FUNCTION layang_shown()",
];
