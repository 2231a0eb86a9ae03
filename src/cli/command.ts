// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from "node:util";
import type { ParseArgsOptionDescriptor } from "node:util";
import { AppError } from "../platform/errors.ts";
import { nearest } from "../platform/nearest.ts";

export type Option = ParseArgsOptionDescriptor & { readonly value?: string; readonly doc: string };
export interface Parsed {
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly paths: readonly string[];
}
/** One command: what help says of it, what it takes, what it does. `run` gives the exit code. */
export interface Command {
  readonly summary: string;
  /** What stands behind the command's name in the usage line. */
  readonly usage: string;
  readonly text?: string;
  readonly options: Readonly<Record<string, Option>>;
  readonly examples: readonly string[];
  /** The command reads its arguments itself: all of them arrive as `paths`. */
  readonly free?: true;
  run(parsed: Parsed): Promise<number>;
}

export const usageError = (message: string): AppError => new AppError("USAGE", message);

/** Options and paths of a command line. @throws AppError USAGE, with the nearest option where one was mistyped. */
export const parse = (name: string, command: Command, args: readonly string[]): Parsed => {
  if (command.free === true) {
    const asksHelp = args.includes("--help") || args.includes("-h");
    return { values: { help: asksHelp }, paths: args };
  }
  const options: Record<string, ParseArgsOptionDescriptor> = { help: { type: "boolean", short: "h" } };
  for (const [key, { type, short, multiple, default: initial }] of Object.entries(command.options)) {
    options[key] = {
      type,
      ...(short === undefined ? {} : { short }),
      ...(multiple === undefined ? {} : { multiple }),
      ...(initial === undefined ? {} : { default: initial }),
    };
  }
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    return { values, paths: positionals };
  } catch (error) {
    const unknown = args
      .filter((arg) => arg.startsWith("--") && arg.length > 2)
      .map((arg) => arg.slice(2).split("=")[0] ?? "")
      .find((key) => !(key in options));
    if (unknown === undefined) {
      const needing = /^Option '(?:-\w, )?(--[\w-]+)[^']*' argument (?:is ambiguous|missing)/.exec(
        error instanceof Error ? error.message : "",
      )?.[1];
      if (needing !== undefined) {
        const next = args[args.indexOf(needing) + 1];
        throw usageError(
          `${name}: ${needing} needs a value${next === undefined ? "" : `, and "${next.slice(0, 60)}" looks like an option (a value that begins with a dash: ${needing}=${next.slice(0, 60)})`}`,
        );
      }
      const said = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "wrong use";
      throw usageError(`${name}: ${said.replace(/\.? To specify.*$/, "")}`);
    }
    const meant = nearest(unknown, Object.keys(options));
    throw usageError(
      `${name}: unknown option --${unknown}${meant === undefined ? `; see layang ${name} --help` : `; did you mean --${meant}?`}`,
    );
  }
};

export const text = (parsed: Parsed, key: string): string | undefined => {
  const value = parsed.values[key];
  return typeof value === "string" ? value : undefined;
};
export const texts = (parsed: Parsed, key: string): readonly string[] => {
  const value = parsed.values[key];
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
};
export const flag = (parsed: Parsed, key: string): boolean => parsed.values[key] === true;

/** A whole number option within bounds. @throws AppError USAGE. */
export const whole = (parsed: Parsed, key: string, least: number, most: number): number | undefined => {
  const value = text(parsed, key);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < least || number > most) {
    throw usageError(`--${key} takes a whole number from ${least} to ${most}, not "${value}"`);
  }
  return number;
};

export const helpOf = (name: string, command: Command): string => {
  const rows = Object.entries(command.options).map(([key, option]) => {
    const left = `${option.short === undefined ? "    " : `-${option.short}, `}--${key}${option.value === undefined ? "" : ` ${option.value}`}`;
    return `  ${left.padEnd(30)} ${option.doc}`;
  });
  return [
    `layang ${name}: ${command.summary}`,
    "",
    `Usage: layang ${name} ${command.usage}`.trimEnd(),
    ...(command.text === undefined ? [] : ["", command.text]),
    ...(rows.length === 0 ? [] : ["", "Options:", ...rows]),
    "",
    "Examples:",
    ...command.examples.map((example) => `  ${example}`),
    "",
  ].join("\n");
};
