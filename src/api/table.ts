// SPDX-License-Identifier: Apache-2.0
import type { Engine } from "../observe/engine.ts";
import { endpoints } from "./contract/endpoints.ts";
import type { QuestionName } from "./contract/index.ts";

/** The main table of an answer, as other programs take it. */
interface Answered {
  readonly meta: { readonly simulated: boolean };
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}
interface Field {
  readonly type?: string;
  readonly format?: string;
  readonly anyOf?: readonly Field[];
}

const fieldsOf = (name: QuestionName): [string, Field][] =>
  Object.entries(endpoints[name].answer.properties.rows.items.properties as unknown as Record<string, Field>);

/** A cell that a spreadsheet would run as a formula is made text (OWASP, CSV injection). */
const cell = (value: unknown): string => {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const safe = /^[=+\-@\t\r\n＝＋－＠]/.test(text) && !/^-+$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

/** CSV of RFC 4180 with a head line; the last column says whether the data are simulated. */
export const csvOf = (name: QuestionName, answer: Answered): string => {
  const columns = fieldsOf(name).map(([column]) => column);
  return [
    [...columns, "simulated"].join(","),
    ...answer.rows.map((row) =>
      [...columns.map((column) => cell(row[column])), String(answer.meta.simulated)].join(","),
    ),
    "",
  ].join("\r\n");
};

const engineTypeOf = (field: Field): "time" | "Int64" | "Float64" | "Bool" | "String" => {
  const real = field.anyOf?.find(({ type }) => type !== "null") ?? field;
  if (real.format === "date-time") return "time";
  if (real.type === "integer") return "Int64";
  if (real.type === "number") return "Float64";
  return real.type === "boolean" ? "Bool" : "String";
};

/** The same table as Parquet, typed by the contract, written by the engine. */
export const parquetOf = (engine: Engine, name: QuestionName, answer: Answered): Promise<Uint8Array> => {
  const fields = fieldsOf(name).map(([column, field]) => ({ column, type: engineTypeOf(field) }));
  const structure = fields.map(({ column, type }) => `${column} Nullable(${type === "time" ? "String" : type})`);
  const columns = fields.map(({ column, type }) =>
    type === "time"
      ? `parseDateTime64BestEffortOrNull(r.${column}, 3, 'UTC') AS ${column}`
      : `r.${column} AS ${column}`,
  );
  // The engine wants a row to read, also where there is none to answer.
  const lines = answer.rows.length === 0 ? "{}" : answer.rows.map((row) => JSON.stringify(row)).join("\n");
  return engine.queryRaw(
    `SELECT ${[...columns, "CAST({simulated:UInt8}, 'Bool') AS simulated"].join(", ")} FROM format(JSONEachRow, '${structure.join(", ")}', {lines:String}) AS r LIMIT ${answer.rows.length}`,
    "Parquet",
    { lines, simulated: answer.meta.simulated ? 1 : 0 },
  );
};
