// SPDX-License-Identifier: Apache-2.0
import { Ajv } from "ajv";
import type { ErrorObject, ValidateFunction } from "ajv";
import formats from "ajv-formats";
import type { Static, TSchema } from "typebox";
import { AppError } from "../../platform/errors.ts";
import type { ErrorCode } from "../../platform/errors.ts";
import { nearest } from "../../platform/nearest.ts";
import { isKeepable } from "../keepable.ts";

// Words become numbers in addresses; a body says what it means.
const ofText = new Ajv({ coerceTypes: true, useDefaults: true, allErrors: false, strict: false });
const ofBody = new Ajv({ coerceTypes: false, useDefaults: true, allErrors: false, strict: false });
for (const one of [ofText, ofBody]) formats.default(one, ["date-time", "email", "uuid", "date"]);

interface Shape {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: unknown;
  readonly patternProperties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
}

/** Refuses, at the start, a schema through which an unknown key could pass: mass assignment is a matter of shape. */
const holdStrict = (schema: Shape, where: string): void => {
  if (schema.type === "object" && schema.additionalProperties !== false && schema.patternProperties === undefined) {
    throw new RangeError(`${where}: an object without additionalProperties: false`);
  }
  for (const [name, one] of Object.entries({ ...schema.properties, ...schema.patternProperties })) {
    holdStrict(one, `${where}.${name}`);
  }
  if (schema.items !== undefined) holdStrict(schema.items, `${where}[]`);
  for (const one of schema.anyOf ?? []) holdStrict(one, where);
};

const nameOf = (error: ErrorObject): string => {
  const base = error.instancePath.slice(1).replaceAll("/", ".");
  if (error.keyword === "required") {
    const missing = String((error.params as { missingProperty: string }).missingProperty);
    return base === "" ? missing : `${base}.${missing}`;
  }
  if (error.keyword === "additionalProperties") {
    const extra = String((error.params as { additionalProperty: string }).additionalProperty).slice(0, 64);
    return base === "" ? extra : `${base}.${extra}`;
  }
  return base;
};

const sentence = (error: ErrorObject, known: readonly string[]): { said: string; suggestion?: string } => {
  const name = nameOf(error);
  if (error.keyword === "required") return { said: `\`${name}\` is missing` };
  if (error.keyword === "additionalProperties") {
    const suggestion = nearest(name, known);
    return suggestion === undefined
      ? { said: `unknown \`${name}\`` }
      : { said: `unknown \`${name}\`; did you mean \`${suggestion}\`?`, suggestion };
  }
  if (error.keyword === "enum") {
    const allowed = (error.params as { allowedValues: unknown[] }).allowedValues;
    return { said: `\`${name}\` is one of ${allowed.map(String).join(", ")}` };
  }
  return { said: `\`${name === "" ? "the body" : name}\` ${error.message ?? "is not valid"}` };
};

/**
 * A check of what came from outside: gives the value, typed, or refuses it in one line. Unknown keys are refused.
 * `text`: the values are words of an address (path or query). @throws RangeError at once for a schema that is not strict.
 */
export const strictly = <T extends TSchema>(schema: T, from: "text" | "body"): ((value: unknown) => Static<T>) => {
  holdStrict(schema as Shape, "schema");
  const check: ValidateFunction = (from === "text" ? ofText : ofBody).compile(
    JSON.parse(JSON.stringify(schema)) as object,
  );
  const known = Object.keys((schema as Shape).properties ?? {});
  const code: ErrorCode = from === "text" ? "QUERY_PARAMETER" : "BODY_INVALID";
  return (value) => {
    const given: unknown = from === "text" ? { ...(value as object) } : value;
    if (check(given)) {
      if (!isKeepable(given)) throw new AppError(code, "a text holds a zero byte or half of a character");
      return given as Static<T>;
    }
    const error = check.errors?.[0];
    if (error === undefined) throw new AppError(code, "not valid");
    const { said, suggestion } = sentence(error, known);
    throw new AppError(code, said, {
      parameter: nameOf(error),
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  };
};
