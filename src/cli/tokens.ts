// SPDX-License-Identifier: Apache-2.0
import { operate } from "../app/operate.ts";
import type { Tokens } from "../api/contract/desk/people.ts";
import { text, texts, usageError, whole } from "./command.ts";
import type { Command, Option, Parsed } from "./command.ts";
import { table } from "./table.ts";

const config: Option = { type: "string", short: "c", value: "FILE", doc: "the node's configuration file (YAML)" };
const data: Option = { type: "string", value: "DIR", doc: "data folder instead of the configured one" };
const machine = (parsed: Parsed) => operate(text(parsed, "config"), text(parsed, "data"));

export const add: Command = {
  summary: "make an API token of a person: print it once",
  usage: "NAME --person MAIL --scope SCOPE [--days N]",
  text: "The token may what its person may, within its scopes: observatory:read, alerts:read, alerts:write, cases:read, cases:write, constituency:read, constituency:write, lookup:read, statistics:read. Only its hash is kept.",
  options: {
    person: { type: "string", value: "MAIL", doc: "whose token it is" },
    scope: { type: "string", multiple: true, value: "SCOPE", doc: "what it may be used for; more than one is allowed" },
    days: { type: "string", value: "N", doc: "days until it expires, at most 366 (default 90)" },
    config,
    data,
  },
  examples: ["layang node tokens add intelmq --person abuse@isp.example --scope lookup:read"],
  run: async (parsed) => {
    const [name, more] = parsed.paths;
    const mail = text(parsed, "person");
    const scopes = texts(parsed, "scope");
    if (name === undefined || more !== undefined) throw usageError("node tokens add takes one name");
    if (mail === undefined || scopes.length === 0) throw usageError("node tokens add needs --person and --scope");
    const made = await machine(parsed).call<{ secret: string; expires: string }>(
      "POST",
      "/api/v1/desk/operator/token",
      {
        mail,
        name,
        scopes,
        days: whole(parsed, "days", 1, 366) ?? 90,
      },
    );
    process.stdout.write(`Good until ${made.expires}; shown this once:\n\n  ${made.secret}\n\n`);
    return 0;
  },
};

export const list: Command = {
  summary: "list API tokens, without their secrets",
  usage: "[--json] [--config FILE]",
  options: { json: { type: "boolean", doc: "one JSON list" }, config, data },
  examples: ["layang node tokens list"],
  run: async (parsed) => {
    const { rows } = await machine(parsed).call<Tokens>("GET", "/api/v1/desk/tokens?limit=500");
    process.stdout.write(
      parsed.values["json"] === true
        ? `${JSON.stringify(rows)}\n`
        : rows.length === 0
          ? "No tokens.\n"
          : table(
              ["id", "name", "person", "scopes", "expires", "last used", "state"],
              rows.map((row) => [
                row.id,
                row.name,
                row.owner,
                row.scopes.join(" "),
                row.expires,
                row.used ?? "-",
                row.revoked === null ? "in force" : `revoked ${row.revoked}`,
              ]),
            ),
    );
    return 0;
  },
};

export const revoke: Command = {
  summary: "refuse an API token from now on",
  usage: "ID [--config FILE]",
  options: { config, data },
  examples: ["layang node tokens revoke 3q2-7wAAAAAAAAAA"],
  run: async (parsed) => {
    const [id, more] = parsed.paths;
    if (id === undefined || more !== undefined)
      throw usageError("node tokens revoke takes one id (see node tokens list)");
    await machine(parsed).call("POST", `/api/v1/desk/tokens/${encodeURIComponent(id)}/revoke`);
    process.stdout.write(`Token ${id} is refused from now on.\n`);
    return 0;
  },
};
