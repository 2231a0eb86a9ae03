// SPDX-License-Identifier: Apache-2.0
import type { QueryParameters } from "../store.ts";

/** Characters of a parameter that travels in the request's address, where a proxy may take 8 KiB in all. */
const SMALL = 1_024;

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

/** A value as a literal; undefined for small ones and for what is neither text nor a list of texts or numbers. */
const literalOf = (value: unknown, type: string): string | undefined => {
  if (typeof value === "string") return value.length > SMALL ? quoted(value) : undefined;
  if (!Array.isArray(value)) return undefined;
  const parts: string[] = [];
  let length = 0;
  for (const one of value as readonly unknown[]) {
    if (typeof one !== "string" && typeof one !== "number") return undefined;
    const part = typeof one === "string" ? quoted(one) : String(one);
    length += part.length + 1;
    parts.push(part);
  }
  // One literal in the engine's text form: tens of thousands of elements are no tree of as many nodes.
  return length > SMALL ? `CAST(${quoted(`[${parts.join(",")}]`)}, ${quoted(type)})` : undefined;
};

/**
 * Moves large parameters into the statement, which travels in the body. The server takes parameters in the address (1 MiB at most)
 * or in the parts of a form (128 KiB each, `http_max_field_value_size`), and the list of research scanners is larger.
 */
export const withLarge = (
  sql: string,
  parameters: QueryParameters,
): { readonly sql: string; readonly parameters: QueryParameters } => {
  const rest: Record<string, unknown> = { ...parameters };
  // In one go: what stands in a parameter's text is no place for another.
  const text = sql.replaceAll(/\{(\w+):([^{}]+)\}/g, (whole, name: string, type: string) => {
    const literal = literalOf(parameters[name], type);
    if (literal === undefined) return whole;
    delete rest[name];
    return literal;
  });
  return { sql: text, parameters: rest };
};
