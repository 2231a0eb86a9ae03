// SPDX-License-Identifier: Apache-2.0

/** Where sources without an owner come from, so that what belongs to nobody can be grouped without looking at each address again. */
export const unclaimed: readonly string[] = [
  "ALTER TABLE alerts ADD origin_asn bigint, ADD origin_country text, ADD origin_asked boolean NOT NULL DEFAULT false",
  "CREATE INDEX alerts_origin ON alerts (origin_asn, last DESC) WHERE organisation_id IS NULL",
  "CREATE INDEX alerts_origin_asked ON alerts (id) WHERE organisation_id IS NULL AND NOT origin_asked",
];
