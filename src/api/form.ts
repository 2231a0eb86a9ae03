// SPDX-License-Identifier: Apache-2.0
import { AppError } from "../platform/errors.ts";
import type { formats } from "./contract/query.ts";

export type Form = (typeof formats)[number];
const types: ReadonlyMap<string, Form> = new Map([
  ["application/json", "json"],
  ["application/*", "json"],
  ["*/*", "json"],
  ["text/html", "json"],
  ["text/csv", "csv"],
  ["text/*", "csv"],
  ["application/vnd.apache.parquet", "parquet"],
]);

/**
 * The form that is wanted: `format` decides, else the best of the Accept header (RFC 9110, 12.5.1), else JSON.
 * @throws AppError NOT_ACCEPTABLE
 */
export const formOf = (format: string | undefined, accept: string | undefined): Form => {
  if (format === "json" || format === "csv" || format === "parquet") return format;
  if (accept === undefined || accept.trim() === "") return "json";
  const wanted = accept
    .split(",")
    .slice(0, 32)
    .map((part) => {
      const [type = "", ...rest] = part.split(";").map((text) => text.trim().toLowerCase());
      const q = rest.find((text) => text.startsWith("q="));
      return { form: types.get(type), q: q === undefined ? 1 : Number(q.slice(2)) };
    })
    .filter(({ form, q }) => form !== undefined && q > 0)
    .toSorted((a, b) => b.q - a.q);
  const form = wanted[0]?.form;
  if (form === undefined) {
    throw new AppError("NOT_ACCEPTABLE", "answers are application/json, text/csv or application/vnd.apache.parquet");
  }
  return form;
};
