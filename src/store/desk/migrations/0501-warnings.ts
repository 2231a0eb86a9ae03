// SPDX-License-Identifier: Apache-2.0

/** Early warnings and campaigns are about ports, not about anybody's host: members and researchers see the shared ones too. */
export const warnings: readonly string[] = [
  `CREATE POLICY detections_shared ON detections FOR SELECT USING (realm = '' AND organisation_id IS NULL AND source IS NULL
  AND kind IN ('surge', 'novelty', 'outbreak', 'campaign') AND layang_list('layang.roles') && ARRAY['member', 'researcher'])`,
  "CREATE INDEX detections_port ON detections (port, kind, last DESC) WHERE source IS NULL",
  "CREATE INDEX detections_organisation ON detections (organisation_id, last DESC)",
];
