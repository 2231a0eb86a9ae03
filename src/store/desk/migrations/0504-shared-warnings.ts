// SPDX-License-Identifier: Apache-2.0

/**
 * What members and researchers see of surges, new ports, outbreaks and campaigns: those that more than one sensor saw. A port that a
 * prober gave to one part of the Internet would otherwise say, within minutes, that a sensor is there.
 */
export const sharedWarnings: readonly string[] = [
  "DROP POLICY detections_shared ON detections",
  `CREATE POLICY detections_shared ON detections FOR SELECT USING (realm = '' AND exercise = '' AND organisation_id IS NULL AND source IS NULL
  AND kind IN ('surge', 'novelty', 'outbreak', 'campaign') AND cardinality(sensors) >= 2
  AND (SELECT layang_list('layang.roles')) && ARRAY['member', 'researcher'])`,
];
