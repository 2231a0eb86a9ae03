// SPDX-License-Identifier: Apache-2.0
import { Ajv } from "ajv";
import type { ErrorObject, ValidateFunction } from "ajv";
import formats from "ajv-formats";
import { AppError } from "../platform/errors.ts";
import { nearest } from "../platform/nearest.ts";
import { endpoints } from "./contract/endpoints.ts";
import type { QueryOf, QuestionName } from "./contract/index.ts";
import { isKeepable } from "./keepable.ts";

interface ObjectSchema {
  readonly properties: Readonly<Record<string, { readonly description?: string }>>;
  readonly required?: readonly string[];
}
/** Parameters of a question by name: those of the path and those of the query. */
export const schemasOf = (name: QuestionName): { params: ObjectSchema | null; query: ObjectSchema } => {
  const endpoint = endpoints[name];
  const [params, query]: [unknown, unknown] = ["params" in endpoint ? endpoint.params : null, endpoint.query];
  return { params: params as ObjectSchema | null, query: query as ObjectSchema };
};

// Everything arrives as text. A list of 32 ports is longer than any honest value of another parameter.
const ajv = new Ajv({ coerceTypes: true, useDefaults: false, allErrors: false, strict: false });
formats.default(ajv, ["date-time"]);
const longest = 600;

const checks = new Map<QuestionName, ValidateFunction>();
const checkOf = (name: QuestionName): ValidateFunction => {
  const found = checks.get(name);
  if (found !== undefined) return found;
  const { params, query } = schemasOf(name);
  const made = ajv.compile({
    type: "object",
    additionalProperties: false,
    properties: { ...query.properties, ...params?.properties },
    required: [...(query.required ?? []), ...(params?.required ?? [])],
  });
  checks.set(name, made);
  return made;
};

const sentence = (error: ErrorObject, about: string | undefined): string => {
  const what = `\`${error.instancePath.slice(1)}\``;
  const said = about === undefined ? "" : ` (${about})`;
  if (error.keyword === "required") {
    return `\`${String((error.params as { missingProperty: string }).missingProperty)}\` is missing`;
  }
  if (error.keyword === "enum") {
    return `${what} is one of ${(error.params as { allowedValues: unknown[] }).allowedValues.map(String).join(", ")}`;
  }
  if (error.keyword === "pattern") return `${what} is not of its form${said}`;
  return `${what} ${error.message ?? "is not valid"}${said}`;
};

/**
 * The parameters of a question from text (an HTTP query, a command line), checked and typed.
 * @throws AppError QUERY_PARAMETER with `parameter`, and with `suggestion` when the name was mistyped.
 */
export const parametersOf = <Q extends QuestionName>(name: Q, given: Readonly<Record<string, unknown>>): QueryOf<Q> => {
  const { params, query } = schemasOf(name);
  const properties = { ...query.properties, ...params?.properties };
  const known = Object.keys(properties);
  for (const [parameter, value] of Object.entries(given)) {
    if (!Object.hasOwn(properties, parameter)) {
      const suggestion = nearest(parameter, known);
      const hint = suggestion === undefined ? `known: ${known.join(", ")}` : `did you mean \`${suggestion}\`?`;
      throw new AppError("QUERY_PARAMETER", `unknown parameter \`${parameter.slice(0, 64)}\`; ${hint}`, {
        parameter: parameter.slice(0, 64),
        ...(suggestion === undefined ? {} : { suggestion }),
      });
    }
    if (Array.isArray(value)) {
      throw new AppError(
        "QUERY_PARAMETER",
        `\`${parameter}\` is given twice; several values go into one, with commas`,
        {
          parameter,
        },
      );
    }
    if (typeof value === "string" && value.length > longest) {
      throw new AppError("QUERY_PARAMETER", `\`${parameter}\` is too long`, { parameter });
    }
  }
  const values: Record<string, unknown> = { ...given };
  const check = checkOf(name);
  if (!check(values)) {
    const error = check.errors?.[0];
    const parameter =
      error?.keyword === "required"
        ? String((error.params as { missingProperty: string }).missingProperty)
        : (error?.instancePath.slice(1) ?? "");
    throw new AppError(
      "QUERY_PARAMETER",
      error === undefined ? "not valid" : sentence(error, properties[parameter]?.description),
      { parameter },
    );
  }
  if (!isKeepable(values)) throw new AppError("QUERY_PARAMETER", "a text holds a zero byte or half of a character");
  return values as QueryOf<Q>;
};
