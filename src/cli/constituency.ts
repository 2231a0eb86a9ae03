// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { operate } from "../app/operate.ts";
import { exportPath, organisationEndpoints } from "../api/contract/desk/organisations.ts";
import type { Imported, Owner } from "../api/contract/desk/organisations.ts";
import { AppError } from "../platform/errors.ts";
import { flag, text, usageError } from "./command.ts";
import type { Command, Option, Parsed } from "./command.ts";
import { table } from "./table.ts";

const config: Option = { type: "string", short: "c", value: "FILE", doc: "the node's configuration file (YAML)" };
const data: Option = { type: "string", value: "DIR", doc: "data folder instead of the configured one" };
const form: Option = { type: "string", value: "FORM", doc: "csv or yaml; else by the file's name" };
const machine = (parsed: Parsed) => operate(text(parsed, "config"), text(parsed, "data"));

const formOf = (parsed: Parsed, file: string | undefined): "csv" | "yaml" => {
  const named = text(parsed, "form") ?? (/\.ya?ml$/i.test(file ?? "") ? "yaml" : "csv");
  if (named === "csv" || named === "yaml") return named;
  throw usageError(`--form takes csv or yaml, not "${named}"`);
};
const shown = 200;
const shownFaults = 20;
const largest = 20_000_000;

const complain = (file: string, lines: Imported["faults"], kind: string): void => {
  for (const { line, detail } of lines.slice(0, shownFaults))
    process.stderr.write(`${file}:${line ?? 1}: ${kind}${detail}\n`);
  if (lines.length > shownFaults) process.stderr.write(`... and ${lines.length - shownFaults} more\n`);
};

export const importConstituency: Command = {
  summary: "bring organisations, networks and contacts to what a file says",
  usage: "FILE [--dry-run] [--replace] [--form csv|yaml] [--json] [--config FILE] [--data DIR]",
  text: "Works whether the node runs or not. A file with a fault changes nothing; each fault is named with its line. What the file does not name stays, unless --replace ends it; nothing is ever deleted. The same file twice changes nothing the second time.",
  options: {
    "dry-run": { type: "boolean", doc: "only show what would change" },
    replace: { type: "boolean", doc: "end what the file does not hold" },
    form,
    json: { type: "boolean", doc: "the result as JSON" },
    config,
    data,
  },
  examples: [
    "layang node constituency import members.csv --dry-run",
    "layang node constituency import members.yaml --replace",
  ],
  run: async (parsed) => {
    const [file, ...more] = parsed.paths;
    if (file === undefined || more.length > 0) throw usageError("node constituency import takes one file");
    const content = readFileSync(file, "utf8");
    if (content.length > largest) throw usageError(`${file} is larger than 20 MB: split it`);
    const done = await machine(parsed).call<Imported>("POST", organisationEndpoints.import.path, {
      form: formOf(parsed, file),
      content,
      apply: !flag(parsed, "dry-run"),
      replace: flag(parsed, "replace"),
    });
    if (flag(parsed, "json")) process.stdout.write(`${JSON.stringify(done)}\n`);
    else if (done.faults.length === 0) {
      const sign = { added: "+", changed: "~", ended: "-" } as const;
      for (const row of done.rows.slice(0, shown)) {
        const say =
          row.change === "changed" ? `${row.before ?? ""} -> ${row.after ?? ""}` : (row.after ?? row.before ?? "");
        process.stdout.write(`${`${sign[row.change]} ${row.what} ${row.subject}  ${say}`.trimEnd()}\n`);
      }
      const steps = done.added + done.changed + done.ended;
      if (steps > Math.min(done.rows.length, shown))
        process.stdout.write(`... and ${steps - Math.min(done.rows.length, shown)} more\n`);
      process.stdout.write(
        done.applied
          ? `${done.added} added, ${done.changed} changed, ${done.ended} ended, ${done.same} as they are\n`
          : `would add ${done.added}, change ${done.changed}, end ${done.ended}; ${done.same} as they are: nothing was written\n`,
      );
    }
    complain(file, done.warnings, "warning: ");
    if (done.faults.length > 0) {
      complain(file, done.faults, "");
      const lines = new Set(done.faults.map(({ line }) => line)).size;
      throw new AppError(
        "CONSTITUENCY_INVALID",
        `${lines === 1 ? "a line" : `${lines} lines`} of ${file} cannot be used; nothing was taken`,
      );
    }
    return 0;
  },
};

export const exportConstituency: Command = {
  summary: "print organisations, networks and contacts as a file that import takes again",
  usage: "[--form csv|yaml] [--config FILE] [--data DIR]",
  options: { form, config, data },
  examples: [
    "layang node constituency export > members.csv",
    "layang node constituency export --form yaml > members.yaml",
  ],
  run: async (parsed) => {
    if (parsed.paths.length > 0) throw usageError("node constituency export writes to standard output");
    process.stdout.write(await machine(parsed).text(`${exportPath}?form=${formOf(parsed, undefined)}`));
    return 0;
  },
};

/** A day is its beginning; a moment stays as it is. */
const momentOf = (on: string): string => (/^\d{4}-\d{2}-\d{2}$/.test(on) ? `${on}T00:00:00Z` : on);

export const who: Command = {
  summary: "say who owns an address, now or on a day",
  usage: "ADDRESS [--on DATE] [--realm REALM] [--json] [--config FILE] [--data DIR]",
  text: "Exit code 1 when nobody does.",
  options: {
    on: { type: "string", value: "DATE", doc: "a day (its beginning, UTC) or a moment: 2026-05-03T10:00:00Z" },
    realm: { type: "string", value: "REALM", doc: "a member's own realm instead of the shared one" },
    json: { type: "boolean", doc: "the answer as JSON" },
    config,
    data,
  },
  examples: ["layang node constituency who 192.0.2.7 --on 2026-05-03"],
  run: async (parsed) => {
    const [address, ...more] = parsed.paths;
    if (address === undefined || more.length > 0) throw usageError("node constituency who takes one address");
    const on = text(parsed, "on");
    const realm = text(parsed, "realm");
    const asked = new URLSearchParams({
      address,
      ...(on === undefined ? {} : { time: momentOf(on) }),
      ...(realm === undefined ? {} : { realm }),
    });
    const found = await machine(parsed).call<Owner>("GET", `${organisationEndpoints.owner.path}?${asked}`);
    if (flag(parsed, "json")) process.stdout.write(`${JSON.stringify(found)}\n`);
    else {
      const { owner } = found;
      process.stdout.write(
        table(
          ["", ""],
          [
            ["address", found.address],
            ["on", found.time],
            ["organisation", owner === null ? "nobody's" : `${owner.organisation.name} (${owner.organisation.id})`],
            ["network", owner?.network ?? "-"],
            ["translation", owner?.translation ?? "-"],
            ["origin AS", found.asn === null ? "-" : `AS${found.asn} ${found.network ?? ""}`.trim()],
            ["economy", found.country ?? "-"],
          ],
        ).replace(/^\s*\n/, ""),
      );
    }
    return found.owner === null ? 1 : 0;
  },
};
