// SPDX-License-Identifier: Apache-2.0

/**
 * Whether every text in a value is one that can be kept: no zero byte, no half of a character. JSON may spell both, and no database takes
 * them. `value` has passed its schema, so its depth is the schema's.
 */
export const isKeepable = (value: unknown): boolean => {
  if (typeof value === "string") return !value.includes("\0") && value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([name, one]) => isKeepable(name) && isKeepable(one));
};
