// SPDX-License-Identifier: Apache-2.0

/**
 * What an owner may know of the shared realm is what it was told: the budget against who probes for sensors is kept where notices are
 * decided, so nothing may be seen beside them. Detections (sightings, held ones, every sample) are for analysts; of its own realm
 * a member sees everything.
 */
const staff = "(SELECT layang_system()) OR ((SELECT layang_staff()) AND realm = '')";
const own = "organisation_id = ANY ((SELECT layang_list('layang.organisations'))::text[])";
const ownRealm = "realm <> '' AND realm = ANY ((SELECT layang_list('layang.realms'))::text[])";

export const told: readonly string[] = [
  "DROP POLICY detections_seen ON detections",
  `CREATE POLICY detections_seen ON detections USING (${staff} OR (${own} AND ${ownRealm}))`,
  "DROP POLICY alerts_seen ON alerts",
  `CREATE POLICY alerts_seen ON alerts USING (${staff} OR (${own} AND ((realm = '' AND told IS NOT NULL) OR (${ownRealm})))
  OR case_id = (SELECT nullif(current_setting('layang.case', true), '')))`,
];
