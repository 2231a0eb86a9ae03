// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { AppError, systemRefusal } from "../platform/errors.ts";
import { keepSmall } from "../platform/lifecycle.ts";
import { growSlowly, startWith } from "../platform/afresh.ts";
import { nearest } from "../platform/nearest.ts";
import { flag, helpOf, parse } from "./command.ts";
import type { Command } from "./command.ts";

/** Commands are loaded when called: `layang sensor` must not pay for what a node needs. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  replay: async () => (await import("./replay.ts")).replay,
  sensor: async () => {
    keepSmall();
    return (await import("./sensor.ts")).sensor;
  },
  "sensor enrol": async () => (await import("./sensor.ts")).enrol,
  "sensor doctor": async () => (await import("./sensor.ts")).doctor,
  node: async () => (await import("./node.ts")).node,
  "node mail": async () => (await import("./mail.ts")).mail,
  "node mail key": async () => (await import("./mail.ts")).key,
  "node sensors add": async () => (await import("./sensors.ts")).add,
  "node sensors list": async () => (await import("./sensors.ts")).list,
  "node sensors revoke": async () => (await import("./sensors.ts")).revoke,
  evaluate: async () => (await import("./evaluate.ts")).evaluate,
  "detect changefinder": async () => (await import("./detect.ts")).changefinder,
  "node people add": async () => (await import("./people.ts")).add,
  "node people list": async () => (await import("./people.ts")).list,
  "node people revoke": async () => (await import("./people.ts")).revoke,
  "node people link": async () => (await import("./people.ts")).link,
  "node tokens add": async () => (await import("./tokens.ts")).add,
  "node tokens list": async () => (await import("./tokens.ts")).list,
  "node tokens revoke": async () => (await import("./tokens.ts")).revoke,
  "node audit verify": async () => (await import("./audit.ts")).verify,
  "node audit export": async () => (await import("./audit.ts")).exportLog,
  "node constituency import": async () => (await import("./constituency.ts")).importConstituency,
  "node constituency export": async () => (await import("./constituency.ts")).exportConstituency,
  "node constituency who": async () => (await import("./constituency.ts")).who,
  backup: async () => (await import("./backup.ts")).backup,
  restore: async () => (await import("./backup.ts")).restore,
  demo: async () => (await import("./demo.ts")).demo,
  ask: async () => (await import("./ask.ts")).ask,
  simulate: async () => (await import("./simulate.ts")).simulate,
  schema: async () => (await import("./schema.ts")).schema,
  "check-config": async () => (await import("./config.ts")).checkConfig,
  "dump-config": async () => (await import("./config.ts")).dumpConfig,
};

/**
 * What runs for months with much passing through it. Young objects hold on to the bytes of batches and answers: with V8's own 16 MiB of them a node
 * is 150 MB larger, with less than 8 it is no smaller.
 */
const lasting: ReadonlySet<string> = new Set(["node", "demo"]);
const small = ["--max-semi-space-size=8"];

const version = (): string => {
  const file = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  return file.version;
};

const overview = async (): Promise<string> => {
  const rows = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => `  ${name.padEnd(20)} ${(await load()).summary}`),
  );
  return [
    "layang: from packets on unused addresses to an observatory that a region shares",
    "",
    "Usage: layang COMMAND [OPTIONS]      layang COMMAND --help for each, with examples",
    "",
    ...rows,
    `  ${"--version".padEnd(20)} print the version`,
    "",
    "Exit codes: 0 done, 1 failed, 2 wrong use or input.",
    "",
  ].join("\n");
};

const find = (args: readonly string[]): { name: string; rest: readonly string[] } | undefined => {
  for (let words = Math.min(3, args.length); words > 0; words--) {
    const name = args.slice(0, words).join(" ");
    if (Object.hasOwn(commands, name)) return { name, rest: args.slice(words) };
  }
  return undefined;
};

/** The commands under these words, where they name a group of commands and none by itself. */
const groupOf = (args: readonly string[]): string[] => {
  const option = args.findIndex((arg) => arg.startsWith("-"));
  const name = args.slice(0, option < 0 ? args.length : option).join(" ");
  return Object.hasOwn(commands, name) ? [] : Object.keys(commands).filter((one) => one.startsWith(`${name} `));
};
const groupHelp = async (group: readonly string[]): Promise<string> => {
  const width = Math.max(...group.map((name) => name.length)) + 2;
  const rows = await Promise.all(
    group.map(async (name) => `  ${name.padEnd(width)}${(await (commands[name] as () => Promise<Command>)()).summary}`),
  );
  return `Usage: layang COMMAND [OPTIONS]      layang COMMAND --help for each, with examples\n\n${rows.join("\n")}\n`;
};

/** What somebody meant by a word behind a command that has others under it; undefined where it may be a path. */
const strayWord = (name: string, rest: readonly string[]): AppError | undefined => {
  const [word] = rest;
  const names = Object.keys(commands);
  const under = names.filter((one) => one.startsWith(`${name} `));
  if (word === undefined || /^-|[/.]/.test(word) || under.length === 0) return undefined;
  const option = rest.findIndex((arg) => arg.startsWith("-"));
  const said = [name, ...rest.slice(0, option < 0 ? 2 : Math.min(2, option))].join(" ");
  const meant =
    nearest(said, under) ?? nearest(`${name} ${word}`, under) ?? names.find((one) => one.endsWith(` ${word}`));
  // Of `node sensors add` the group: there are too many to name each.
  const groups = [...new Set(under.map((one) => one.split(" ").slice(0, 2).join(" ")))].map((one) => `\`${one}\``);
  return new AppError(
    "USAGE",
    `there is no command \`${said}\`; ${meant === undefined ? `under \`${name}\` there is ${groups.join(", ")}` : `did you mean \`${meant}\`?`}`,
  );
};

const complain = (error: unknown): number => {
  if ((error as NodeJS.ErrnoException | undefined)?.code === "EPIPE") return 0;
  const known = error instanceof AppError ? error : systemRefusal(error);
  if (known !== undefined) {
    process.stderr.write(`layang: ${known.message} [${known.code}]\n`);
    return known.exit;
  }
  process.stderr.write(`layang: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
};

/** Runs one command line (without the program's name); gives the exit code. */
export const main = async (args: readonly string[]): Promise<number> => {
  // A reader that went away (`layang ... | head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(complain(error));
  });
  try {
    const first = args[0];
    if (first === "--version" || first === "-V") {
      process.stdout.write(`${version()}\n`);
      return 0;
    }
    if (first === undefined || first === "--help" || first === "-h" || first === "help") {
      const group = first === undefined || args.length < 2 ? [] : groupOf(args.slice(1));
      if (group.length > 0) {
        process.stdout.write(await groupHelp(group));
        return 0;
      }
      const asked = find(args.slice(1));
      process.stdout.write(
        asked === undefined
          ? await overview()
          : helpOf(asked.name, await (commands[asked.name] as () => Promise<Command>)()),
      );
      return first === undefined ? 2 : 0;
    }
    const group = groupOf(args);
    if (group.length > 0) {
      if (args.includes("--help") || args.includes("-h")) {
        process.stdout.write(await groupHelp(group));
        return 0;
      }
      const words = group[0]?.split(" ").slice(0, -1).join(" ");
      throw new AppError(
        "USAGE",
        `\`${words}\` alone is no command; there is ${group.map((name) => `\`${name}\``).join(", ")}`,
      );
    }
    const found = find(args);
    if (found === undefined) {
      const meant = nearest(args.slice(0, 1).join(" "), Object.keys(commands));
      throw new AppError(
        "USAGE",
        `there is no command \`${first}\`; ${meant === undefined ? "see layang --help" : `did you mean \`${meant}\`?`}`,
      );
    }
    const stray = strayWord(found.name, found.rest);
    if (stray !== undefined) throw stray;
    if (lasting.has(found.name)) {
      startWith(small);
      growSlowly();
    }
    const command = await (commands[found.name] as () => Promise<Command>)();
    const parsed = parse(found.name, command, found.rest);
    if (flag(parsed, "help")) {
      process.stdout.write(helpOf(found.name, command));
      return 0;
    }
    return await command.run(parsed);
  } catch (error) {
    return complain(error);
  }
};
