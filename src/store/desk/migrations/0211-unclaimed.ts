// SPDX-License-Identifier: Apache-2.0

/** What belongs to nobody is grouped by the AS it comes from. */
export const unclaimed: readonly string[] = [
  "CREATE INDEX alerts_unclaimed ON alerts (asn) INCLUDE (exercise, country, packets, first, last, kind, family, source) WHERE organisation_id IS NULL AND realm = '' AND closed IS NULL",
];
