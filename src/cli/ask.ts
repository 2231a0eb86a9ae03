// SPDX-License-Identifier: Apache-2.0
import { ask as put, askable } from "../app/ask.ts";
import { openConfig } from "../app/config.ts";
import { nearest } from "../platform/nearest.ts";
import { usageError } from "./command.ts";
import type { Command } from "./command.ts";
import { count, table } from "./table.ts";

const own = new Set(["config", "data", "format"]);

/** `--key value` and `--key=value`; everything else is the question's name. */
const split = (args: readonly string[]): { names: string[]; given: Record<string, string> } => {
  const names: string[] = [];
  const given: Record<string, string> = {};
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    const match = /^--([a-zA-Z][\w-]*)(?:=(.*))?$/s.exec(arg === "-c" ? "--config" : arg);
    if (match === null) names.push(arg);
    else {
      const value = match[2] ?? args[++i];
      if (value === undefined) throw usageError(`ask: --${match[1]} needs a value`);
      given[match[1] ?? ""] = value;
    }
  }
  return { names, given };
};

const cell = (value: unknown): string =>
  value === null || value === undefined
    ? "-"
    : typeof value === "number"
      ? Number.isInteger(value)
        ? count(value)
        : value.toPrecision(4)
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value);

/** Of a question that comes to a verdict: that, and what it rests on. */
const verdictOf = (facts: Readonly<Record<string, unknown>>): string => {
  const { verdict, ...rest } = facts;
  if (verdict === undefined) return "";
  const lines = Object.entries(rest).filter(([, value]) => value !== null && typeof value !== "object");
  return `${table(
    ["verdict", cell(verdict)],
    lines.map(([name, value]) => [name, name === "asn" ? String(value) : cell(value)]),
  )}\n`;
};

const asTable = (body: Uint8Array): string => {
  const answer = JSON.parse(new TextDecoder().decode(body)) as {
    readonly question: string;
    readonly period: { readonly from: string; readonly to: string } | null;
    readonly meta: { readonly simulated: boolean; readonly truncated: boolean };
    readonly facts?: Readonly<Record<string, unknown>>;
    readonly rows: readonly Readonly<Record<string, unknown>>[];
  };
  const columns = Object.keys(answer.rows[0] ?? {});
  const numeric = (column: string): boolean =>
    answer.rows.every((row) => row[column] === null || typeof row[column] === "number");
  return [
    `${answer.meta.simulated ? "SIMULATED  " : ""}${answer.question}${answer.period === null ? "" : `  ${answer.period.from} to ${answer.period.to}`}\n\n`,
    verdictOf(answer.facts ?? {}),
    table(
      columns.map((column) => (numeric(column) ? `${column}:` : column)),
      answer.rows.map((row) =>
        columns.map((column) =>
          column === "port" || column === "asn" ? String(row[column] ?? "-") : cell(row[column]),
        ),
      ),
    ),
    answer.meta.truncated ? "\nThere are more rows: raise --limit.\n" : "",
  ].join("");
};

export const ask: Command = {
  summary: "ask the observatory one of its questions",
  usage: "QUESTION [--PARAMETER VALUE]... [--format table|json|csv|parquet] [--data DIR] [-c|--config FILE]",
  text: [
    "Asks the node that runs on the data folder, or the folder's store when none runs. Alerts, cases and letters are asked at the portal or its API (docs/api.md). The questions and their parameters:",
    "",
    ...askable.map(
      ({ name, about, parameters }) =>
        `  ${name}\n      ${about}\n      ${parameters.map((one) => (one.required ? `--${one.name}` : `[--${one.name}]`)).join(" ")}`,
    ),
  ].join("\n"),
  options: {},
  free: true,
  examples: [
    "layang ask ports/top --last 7d --by sources --limit 20",
    "layang ask series --port 23 --protocol tcp --step 1h --format csv > telnet.csv",
    "layang ask source --ip 192.0.2.7",
  ],
  run: async ({ paths }) => {
    const { names, given } = split(paths);
    const question = names[0];
    if (question === undefined || names.length > 1) throw usageError("ask takes one question; see layang ask --help");
    const known = askable.find(({ name }) => name === question);
    if (known === undefined) {
      if (/^(alert|case|letter|notice|organisation|campaign|person|people)s?(\/|$)/.test(question)) {
        throw usageError(
          `${question}: alerts, cases and letters are no question of the observatory; they are asked at the portal or its API, under /api/v1/desk (docs/api.md)`,
        );
      }
      const meant = nearest(
        question,
        askable.map(({ name }) => name),
      );
      throw usageError(
        `there is no question "${question}"; ${meant === undefined ? "see layang ask --help" : `did you mean ${meant}?`}`,
      );
    }
    const settings = openConfig(given["config"], given["data"]);
    const format = given["format"] ?? "table";
    if (!["table", "json", "csv", "parquet"].includes(format))
      throw usageError("--format takes table, json, csv or parquet");
    const parameters = Object.fromEntries(Object.entries(given).filter(([key]) => !own.has(key)));
    const { body } = await put(settings, known.name, { ...parameters, format: format === "table" ? "json" : format });
    if (format === "table") process.stdout.write(asTable(body));
    else process.stdout.write(body);
    if (format === "json") process.stdout.write("\n");
    return 0;
  },
};
