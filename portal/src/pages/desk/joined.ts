// SPDX-License-Identifier: Apache-2.0

/** Two stretches of one list that may overlap, the older first: each row once, as it is told last. */
export const joined = <R extends { readonly id: string | number }>(older: readonly R[], newer: readonly R[]): R[] => {
  const told = new Set(newer.map(({ id }) => id));
  return [...older.filter(({ id }) => !told.has(id)), ...newer];
};
