// SPDX-License-Identifier: Apache-2.0

/** Values from the first that is known on, `least` of the newest at least. */
export const fromFirst = <V>(values: readonly (V | null)[], least: number): readonly (V | null)[] => {
  const first = values.findIndex((value) => value !== null);
  return values.slice(Math.max(0, Math.min(first < 0 ? values.length : first, values.length - least)));
};
