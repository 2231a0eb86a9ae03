// SPDX-License-Identifier: Apache-2.0
import { AppError } from "./errors.ts";

/** A cursor is where a page ended, as JSON in base64url: opaque to who gets it, and no secret. */
export const cursorText = (...where: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(where)).toString("base64url");

/** What stands in cursors, as a statement can compare it: whoever asks may have written the cursor. */
const kinds = {
  /** Rows before the page. */
  offset: (one: unknown): one is number => Number.isSafeInteger(one) && (one as number) >= 0,
  /** A value of a `bigint` column. */
  integer: (one: unknown): one is number => Number.isInteger(one) && Math.abs(one as number) < 2 ** 63,
  /** A value of a `double precision` column. */
  real: (one: unknown): one is number => Number.isFinite(one),
  text: (one: unknown): one is string =>
    typeof one === "string" && one.length <= 254 && !one.includes("\0") && one.isWellFormed(),
} as const;
type Kind = keyof typeof kinds;
type Values<K extends readonly Kind[]> = { readonly [I in keyof K]: K[I] extends "text" ? string : number };

/** The values in a cursor, each of its kind. @throws AppError QUERY_PARAMETER for what none of our cursors holds. */
export const readCursor = <const K extends readonly Kind[]>(text: string, ...of: K): Values<K> => {
  try {
    const values: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    if (Array.isArray(values) && values.length === of.length && of.every((kind, i) => kinds[kind](values[i])))
      return values as unknown as Values<K>;
  } catch {
    // Refused below.
  }
  throw new AppError("QUERY_PARAMETER", "`cursor` is none that this server gave: begin again without it", {
    parameter: "cursor",
  });
};
