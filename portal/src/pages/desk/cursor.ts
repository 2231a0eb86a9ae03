// SPDX-License-Identifier: Apache-2.0

/** The row of a list that the keys speak of: by its name, because rows come and go above it. */
export interface Cursor {
  readonly place: number;
  /** Undefined: nobody has moved it yet. */
  readonly id: string | undefined;
}
export const atTop: Cursor = { place: 0, id: undefined };

/** Where the cursor stands in newer rows: on its row wherever that went; where that is gone, at its place. */
export const placeIn = (rows: readonly { readonly id: string }[], { place, id }: Cursor): number => {
  const found = id === undefined ? -1 : rows.findIndex((row) => row.id === id);
  return found >= 0 ? found : Math.max(0, Math.min(place, rows.length - 1));
};
