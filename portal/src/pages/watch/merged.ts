// SPDX-License-Identifier: Apache-2.0
import type { SurgeRow } from "../../../../src/api/contract/desk/warning.ts";

/** One row a finding: a surge that became an outbreak is told as the outbreak alone. */
export const merged = (rows: readonly SurgeRow[]): SurgeRow[] => {
  const keyOf = ({ protocol, port, first }: SurgeRow): string => `${protocol}/${port} ${first}`;
  const outbreaks = new Set(rows.filter(({ kind }) => kind === "outbreak").map(keyOf));
  return rows.filter((row) => row.kind !== "surge" || !outbreaks.has(keyOf(row)));
};
