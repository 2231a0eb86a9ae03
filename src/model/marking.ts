// SPDX-License-Identifier: Apache-2.0

/** TLP 2.0 (first.org/tlp), from the widest to the narrowest audience. Everything that can leave a node has one from its INSERT. */
export const markings = ["TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"] as const;
export type Marking = (typeof markings)[number];
/** Whether `marking` may be shown where at most `limit` may. */
export const within = (marking: Marking, limit: Marking): boolean =>
  markings.indexOf(marking) <= markings.indexOf(limit);
