// SPDX-License-Identifier: Apache-2.0
import { operate } from "../app/operate.ts";
import { roles } from "../model/actor.ts";
import type { Role } from "../model/actor.ts";
import type { Invited, People } from "../api/contract/desk/people.ts";
import { text, texts, usageError } from "./command.ts";
import type { Command, Option, Parsed } from "./command.ts";
import { table } from "./table.ts";

const config: Option = { type: "string", short: "c", value: "FILE", doc: "the node's configuration file (YAML)" };
const data: Option = { type: "string", value: "DIR", doc: "data folder instead of the configured one" };
const at = "/api/v1/desk/people";
const machine = (parsed: Parsed) => operate(text(parsed, "config"), text(parsed, "data"));
const mailOf = (parsed: Parsed, command: string): string => {
  const mail = parsed.paths[0];
  if (mail === undefined || parsed.paths.length > 1) throw usageError(`node people ${command} takes one mail address`);
  return mail;
};
const idOf = async (one: ReturnType<typeof machine>, mail: string): Promise<string> =>
  (await one.call<{ id: string }>("POST", "/api/v1/desk/operator/find", { mail })).id;

/** What a person can be: not the program itself, nor the bearer of a link. */
const invited: readonly Role[] = roles.filter((role) => role !== "system" && role !== "link");

export const add: Command = {
  summary: "invite a person: print their one-time link",
  usage: "MAIL --role ROLE [--organisation ID] [--sensor NAME] [--name NAME] [--language TAG]",
  text: "Works whether the node runs or not. The link is good for seven days and once; its secret is kept nowhere.",
  options: {
    role: {
      type: "string",
      multiple: true,
      value: "ROLE",
      doc: `what the person may do; more than one is allowed: ${invited.join(", ")}`,
    },
    organisation: { type: "string", multiple: true, value: "ID", doc: "organisation a member belongs to" },
    sensor: { type: "string", multiple: true, value: "NAME", doc: "sensor whose host the person is" },
    name: { type: "string", value: "NAME", doc: "name, until the person says it" },
    language: { type: "string", value: "TAG", doc: "language of mails (BCP 47); en by default" },
    config,
    data,
  },
  examples: ["layang node people add abuse@isp.example --role member --organisation example-isp"],
  run: async (parsed) => {
    const wanted = texts(parsed, "role");
    if (wanted.length === 0) throw usageError("node people add needs --role, for example --role analyst");
    const strange = wanted.find((role) => !invited.includes(role as Role));
    if (strange !== undefined) throw usageError(`--role takes ${invited.join(", ")}, not "${strange}"`);
    const { link, expires } = await machine(parsed).call<Invited>("POST", at, {
      mail: mailOf(parsed, "add"),
      ...(text(parsed, "name") === undefined ? {} : { name: text(parsed, "name") }),
      language: text(parsed, "language") ?? "en",
      roles: wanted,
      organisations: texts(parsed, "organisation"),
      sensors: texts(parsed, "sensor"),
    });
    process.stdout.write(`Good until ${expires}, once:\n\n  ${link}\n\n`);
    return 0;
  },
};

export const list: Command = {
  summary: "list the people of this node",
  usage: "[--json] [--config FILE]",
  options: { json: { type: "boolean", doc: "one JSON list" }, config, data },
  examples: ["layang node people list"],
  run: async (parsed) => {
    const one = machine(parsed);
    const rows: People["rows"] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page: People = await one.call("GET", `${at}?limit=500${cursor === "" ? "" : `&cursor=${cursor}`}`);
      rows.push(...page.rows);
      cursor = page.next;
    }
    if (parsed.values["json"] === true) process.stdout.write(`${JSON.stringify(rows)}\n`);
    else if (rows.length === 0) {
      process.stdout.write("Nobody yet: layang node people link prints the first administrator's link\n");
    } else {
      process.stdout.write(
        table(
          ["mail", "name", "roles", "organisations", "state", "second factor", "last seen"],
          rows.map((row) => [
            row.mail,
            row.name,
            row.roles.join(" "),
            row.organisations.map(({ id }) => id).join(" ") || "-",
            row.state,
            [row.passkeys > 0 ? "passkey" : "", row.totp ? "codes" : "", row.provider ?? ""]
              .filter(Boolean)
              .join(" ") || "-",
            row.seen ?? "-",
          ]),
        ),
      );
    }
    return 0;
  },
};

export const revoke: Command = {
  summary: "disable a person: sessions, tokens and links end",
  usage: "MAIL [--enable] [--config FILE]",
  options: { enable: { type: "boolean", doc: "enable again instead" }, config, data },
  examples: ["layang node people revoke abuse@isp.example"],
  run: async (parsed) => {
    const one = machine(parsed);
    const mail = mailOf(parsed, "revoke");
    const action = parsed.values["enable"] === true ? "enable" : "disable";
    await one.call("POST", `${at}/${await idOf(one, mail)}/state`, { action });
    process.stdout.write(`${mail} is ${action}d.\n`);
    return 0;
  },
};

export const link: Command = {
  summary: "print a one-time link: the first administrator's, or a person's new password",
  usage: "[MAIL] [--config FILE]",
  text: "Without a mail address: a link that makes the first administrator, good for 15 minutes, while there is none. With one: a link for a new password and second factor (1 hour), or an invitation again (7 days).",
  options: { config, data },
  examples: ["layang node people link", "layang node people link abuse@isp.example"],
  run: async (parsed) => {
    const mail = parsed.paths[0];
    if (parsed.paths.length > 1) throw usageError("node people link takes one mail address at most");
    const made = await machine(parsed).call<{ link: string | null; expires: string | null }>(
      "POST",
      "/api/v1/desk/operator/link",
      mail === undefined ? {} : { mail },
    );
    process.stdout.write(
      made.link === null
        ? "There is an administrator already: layang node people link MAIL\n"
        : `Good until ${made.expires}, once:\n\n  ${made.link}\n\n`,
    );
    return made.link === null ? 1 : 0;
  },
};
