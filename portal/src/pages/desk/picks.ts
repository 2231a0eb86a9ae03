// SPDX-License-Identifier: Apache-2.0

interface Row {
  readonly id: string;
}
/** What a person picked on a board, under the filters it was picked under: other filters have other rows, and none of them is picked. */
export interface Picks {
  readonly under: string;
  readonly ids: ReadonlySet<string>;
}
const none: ReadonlySet<string> = new Set();
export const noPicks: Picks = { under: "", ids: none };
export const pickedUnder = (picks: Picks, under: string): ReadonlySet<string> =>
  picks.under === under ? picks.ids : none;

export const toggled = (ids: ReadonlySet<string>, id: string): ReadonlySet<string> => {
  const next = new Set(ids);
  if (!next.delete(id)) next.add(id);
  return next;
};
export const without = (ids: ReadonlySet<string>, acted: readonly Row[]): ReadonlySet<string> => {
  const next = new Set(ids);
  for (const { id } of acted) next.delete(id);
  return next;
};
/** All rows, or none where every one of them is picked. */
export const allOrNone = (rows: readonly Row[], ids: ReadonlySet<string>): ReadonlySet<string> =>
  rows.every(({ id }) => ids.has(id)) ? none : new Set(rows.map(({ id }) => id));

/**
 * What an action is about: the picked rows that still stand on the board, or, where nothing is picked, the row under the cursor. When all
 * that was picked has left, it is about nothing: nobody chose the row that the cursor happens to be on.
 */
export const targetsOf = <R extends Row>(
  rows: readonly R[],
  ids: ReadonlySet<string>,
  here: R | undefined,
): { readonly chosen: readonly R[]; readonly gone: number; readonly targets: readonly R[] } => {
  const chosen = ids.size === 0 ? [] : rows.filter(({ id }) => ids.has(id));
  return {
    chosen,
    gone: ids.size - chosen.length,
    targets: ids.size > 0 ? chosen : here === undefined ? [] : [here],
  };
};
