// SPDX-License-Identifier: Apache-2.0
import { AppError } from "../../platform/errors.ts";
import { microsOf } from "./shapes.ts";

/** A cursor is where a page ended, as JSON in base64url: opaque to who gets it, and no secret. */
export const cursorText = (where: unknown): string => Buffer.from(JSON.stringify(where)).toString("base64url");

/** The list of values in a cursor, each of the kind of its example. @throws AppError QUERY_PARAMETER. */
export const readCursor = <T extends readonly (string | number)[]>(text: string, example: T): T => {
  const refuse = (): never => {
    throw new AppError("QUERY_PARAMETER", "`cursor` is none that this server gave: begin again without it", {
      parameter: "cursor",
    });
  };
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    return refuse();
  }
  if (!Array.isArray(value) || value.length !== example.length) return refuse();
  const fits = (value as unknown[]).every(
    (one, i) => typeof one === typeof example[i] && (typeof one !== "number" || Number.isSafeInteger(one)),
  );
  return fits ? (value as unknown as T) : refuse();
};

/** Microseconds of a time of the contract; undefined stays. @throws AppError QUERY_PARAMETER for a day that does not exist. */
export const microsecondsOf = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : microsOf(time);
