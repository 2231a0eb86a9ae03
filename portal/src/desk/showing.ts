// SPDX-License-Identifier: Apache-2.0

/** What is known of a list at this moment. */
export interface Known {
  /** An answer is there, be it the one before. */
  readonly first: unknown;
  readonly rows: readonly unknown[];
  readonly isError: boolean;
  /** The next page failed; what is shown is as fresh as it was. */
  readonly isFetchNextPageError: boolean;
  /** The answer is to the question before. */
  readonly isPlaceholderData: boolean;
}
export interface Showing {
  readonly what: "failed" | "bones" | "empty" | "rows";
  /** Asking again failed: what is shown has an age. That nothing was found has one too. */
  readonly stale: boolean;
}
/** What a list shows. "Nothing passes" is an answer, and is said of what was asked only. */
export const showing = ({ first, rows, isError, isFetchNextPageError, isPlaceholderData }: Known): Showing => {
  if (first === undefined) return { what: isError ? "failed" : "bones", stale: false };
  const stale = isError && !isFetchNextPageError;
  if (rows.length > 0) return { what: "rows", stale };
  return isPlaceholderData ? { what: "bones", stale: false } : { what: "empty", stale };
};
