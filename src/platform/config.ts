// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Ajv } from "ajv";
import type { ErrorObject } from "ajv";
import { LineCounter, parseDocument } from "yaml";
import { AppError } from "./errors.ts";
import { nearest } from "./nearest.ts";

const largest = 1 << 20;

/** A value that must not stand in the file itself: read from the environment or from a file beside the configuration. */
export type Secret = { readonly env: string } | { readonly file: string };

const locate = (schema: unknown, path: string): readonly string[] => {
  let here = schema as { properties?: Record<string, unknown>; items?: unknown };
  for (const part of path.split("/").filter(Boolean)) {
    const next = here.properties?.[part] ?? here.items;
    if (next === undefined) return [];
    here = next as typeof here;
  }
  return Object.keys(here.properties ?? {});
};

interface Shape {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  /** In words, where the schema's author wrote some. */
  readonly form?: string;
}
/** How a value is written, as its schema has it. */
const formOf = ({ form, type, minimum, maximum, minLength, maxLength, maxItems }: Shape): string | undefined => {
  if (form !== undefined) return form;
  if (type === "integer") {
    const bounds = [
      ...(minimum === undefined ? [] : [`from ${minimum}`]),
      ...(maximum === undefined ? [] : [`to ${maximum}`]),
    ];
    return `a whole number${bounds.length === 0 ? "" : ` ${bounds.join(" ")}`}`;
  }
  if (type === "boolean") return "true or false";
  if (type === "array") return `a list${maxItems === undefined ? "" : ` of at most ${maxItems}`}`;
  if (type === "object") return "keys with values";
  if (type !== "string") return undefined;
  if (maxLength !== undefined) return `a text of ${minLength ?? 0} to ${maxLength} characters`;
  return minLength !== undefined && minLength > 1
    ? `a text of at least ${minLength} characters`
    : "a text, not an empty one";
};

const sentence = (schema: unknown, error: ErrorObject): string => {
  const where = error.instancePath.slice(1).replaceAll("/", ".");
  const at = where === "" ? "" : ` in \`${where}\``;
  if (error.keyword === "additionalProperties") {
    const typed = String((error.params as { additionalProperty: string }).additionalProperty);
    const known = locate(schema, error.instancePath);
    const meant = nearest(typed, known);
    const hint = meant === undefined ? `known keys: ${known.join(", ")}` : `did you mean \`${meant}\`?`;
    return `unknown key \`${typed}\`${at}; ${hint}`;
  }
  if (error.keyword === "enum") {
    const allowed = (error.params as { allowedValues: unknown[] }).allowedValues;
    return `\`${where}\` must be one of ${allowed.map(String).join(", ")}`;
  }
  if (error.keyword === "required") {
    const missing = String((error.params as { missingProperty: string }).missingProperty);
    return `\`${where === "" ? missing : `${where}.${missing}`}\` is missing`;
  }
  if (where === "" && error.keyword === "type")
    return "the file holds a list or a single value, and a configuration has keys with values, for example `country: ID`";
  // The value itself is not repeated: it may hold a secret.
  const form = formOf((error.parentSchema ?? {}) as Shape);
  return `${where === "" ? "the file" : `\`${where}\``} ${form === undefined ? (error.message ?? "is not valid") : `takes ${form}`}`;
};

/** Of several things said about one place, what says most: of a choice, not what is wrong with each of its parts. */
const telling = (errors: readonly ErrorObject[]): ErrorObject[] => {
  const choices = errors.filter(({ keyword }) => keyword === "anyOf");
  return errors.filter(
    (one) =>
      !choices.some(
        (choice) =>
          choice !== one &&
          one.schemaPath.startsWith(`${choice.schemaPath}/`) &&
          one.instancePath.startsWith(choice.instancePath),
      ),
  );
};

/**
 * Checks YAML text against a JSON Schema and returns the tree with defaults filled in. Empty text is an empty tree. Unknown
 * keys are refused with the nearest known name.
 * @throws AppError CONFIG_INVALID, one line, with the place.
 */
export const parseConfig = <T>(schema: object, text: string, name: string): T => {
  const refuse = (why: string): never => {
    throw new AppError("CONFIG_INVALID", `${name}: ${why}`);
  };
  if (text.length > largest) refuse("larger than 1 MiB");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const broken = document.errors[0];
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0]);
    refuse(
      `line ${line}, column ${col}: ${(broken.message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, "")}`,
    );
  }
  let tree: unknown;
  try {
    tree = document.toJS({ maxAliasCount: 50 }) ?? {};
  } catch (error) {
    refuse(error instanceof Error ? error.message : "cannot be read");
  }
  const ajv = new Ajv({ useDefaults: true, allErrors: true, strict: false, allowUnionTypes: true, verbose: true });
  const check = ajv.compile(schema);
  if (!check(tree)) {
    const said = new Set(telling(check.errors ?? []).map((error) => sentence(schema, error)));
    refuse([...said].slice(0, 5).join("; "));
  }
  return tree as T;
};

/** Reads and checks a configuration file; without a path, the defaults. Relative paths in it are taken from its folder (`base`). */
export const loadConfig = <T>(schema: object, path: string | undefined): { config: T; base: string } => {
  if (path === undefined) return { config: parseConfig<T>(schema, "", "defaults"), base: process.cwd() };
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "unreadable";
    throw new AppError("CONFIG_UNREADABLE", `${path}: cannot be read (${reason})`);
  }
  return { config: parseConfig<T>(schema, text, path), base: dirname(resolve(path)) };
};

/** The text of a secret, without the line break at its end. @throws AppError CONFIG_INVALID when it is not there. */
export const readSecret = (secret: Secret, base: string): string => {
  if ("env" in secret) {
    const value = process.env[secret.env];
    if (value === undefined || value === "") {
      throw new AppError(
        "CONFIG_INVALID",
        `the environment variable ${secret.env}, named in the configuration, is not set`,
      );
    }
    return value;
  }
  try {
    return readFileSync(resolve(base, secret.file), "utf8").trimEnd();
  } catch {
    throw new AppError("CONFIG_INVALID", `the secret file ${secret.file}, named in the configuration, cannot be read`);
  }
};
