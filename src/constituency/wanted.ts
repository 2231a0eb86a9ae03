// SPDX-License-Identifier: Apache-2.0
import { contactRoles } from "../model/constituency.ts";
import type { ContactRecord, ContactRole, NetworkRecord, OrganisationRecord } from "../model/constituency.ts";
import { parsePrefix } from "../net/prefix.ts";
import { csvLines, timeOf } from "./csv.ts";
import type { LineError } from "./csv.ts";
import { isTooWide, networkKeyOf } from "./network.ts";

/** What a file says. Of an organisation only what it says: the rest stays as it is. */
export interface Wanted {
  readonly organisations: ReadonlyMap<string, WantedOrganisation>;
  readonly networks: readonly WantedNetwork[];
  readonly contacts: readonly WantedContact[];
  readonly errors: readonly LineError[];
}
export interface WantedOrganisation {
  readonly line: number;
  readonly fields: Partial<Omit<OrganisationRecord, "id">>;
}
export interface WantedNetwork {
  readonly line: number;
  readonly record: NetworkRecord;
  /** The file said since when. */
  readonly dated: boolean;
}
export interface WantedContact {
  readonly line: number;
  readonly record: ContactRecord;
}

const idPattern = /^[a-z0-9][a-z0-9-]{0,62}$/;
const languagePattern = /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/;
const mailPattern = /^[^\s@<>,;"]{1,64}@[^\s@<>,;"]{1,189}$/;

/** An id that could stand for a name. */
export const proposedId = (name: string): string =>
  name
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 63)
    .replaceAll(/-+$/g, "");

/** Fields of one thing as text; undefined: not said. Empty: said to be nothing. */
export type Fields = (name: string) => string | undefined;

/** What was read, or all that is wrong with it. */
type Read<T> = { readonly read: T } | { readonly faults: readonly string[] };

const truths: ReadonlyMap<string, boolean> = new Map([
  ...["yes", "true", "1", "y"].map((word) => [word, true] as const),
  ...["no", "false", "0", "n", ""].map((word) => [word, false] as const),
]);
const truth = (text: string): boolean | undefined => truths.get(text.toLowerCase());

/** Reads what is said of an organisation. */
const readOrganisation = (
  get: Fields,
  names: Readonly<Record<string, string>> | undefined,
): Read<WantedOrganisation["fields"]> => {
  const fields: { -readonly [K in keyof WantedOrganisation["fields"]]: WantedOrganisation["fields"][K] } = {};
  const faults: string[] = [];
  const name = get("name");
  if (name !== undefined && name !== "") {
    if (name.length > 200) faults.push("`name` is longer than 200 characters");
    fields.name = name;
  }
  if (names !== undefined) {
    for (const [language, text] of Object.entries(names)) {
      if (!languagePattern.test(language)) faults.push(`"${language}" is no language (BCP 47), for example ja`);
      if (text.length > 200) faults.push(`the name in ${language} is longer than 200 characters`);
    }
    fields.names = Object.fromEntries(Object.entries(names).filter(([, text]) => text !== ""));
  }
  const country = get("country");
  if (country !== undefined) {
    if (country !== "" && !/^[A-Za-z]{2}$/.test(country))
      faults.push(`\`country\` takes two letters (ISO 3166), not "${country}"`);
    fields.country = country === "" ? null : country.toUpperCase();
  }
  const essential = get("essential");
  if (essential !== undefined) {
    const value = truth(essential);
    if (value === undefined) faults.push(`\`essential\` is yes or no, not "${essential}"`);
    else fields.essential = value;
  }
  for (const [key, most] of [
    ["sector", 100],
    ["note", 2000],
  ] as const) {
    const text = get(key);
    if (text === undefined) continue;
    if (text.length > most) faults.push(`\`${key}\` is longer than ${most} characters`);
    fields[key] = text === "" ? null : text;
  }
  return faults.length > 0 ? { faults } : { read: fields };
};

/** Reads a network. */
const readNetwork = (organisation: string, get: Fields): Read<{ record: NetworkRecord; dated: boolean }> => {
  const faults: string[] = [];
  const text = get("network") ?? "";
  const key = networkKeyOf(text);
  if (key === undefined) {
    faults.push(
      /[/:]|^[\d.]+$/.test(text)
        ? `"${text}" is no network: an address with the length of its prefix, and no bit set behind that`
        : `"${text}" is no prefix, no AS number and no domain`,
    );
  }
  const realm = get("realm") ?? "";
  if (!/^[A-Za-z0-9._-]{0,64}$/.test(realm)) faults.push("`realm` has letters, digits, dots, hyphens, at most 64");
  if (key !== undefined && isTooWide(key, realm)) faults.push(`${text} is more than any organisation holds`);
  const translation = (get("translation") ?? "").toLowerCase();
  if (translation !== "" && translation !== "none" && translation !== "cgnat")
    faults.push(`\`translation\` is none or cgnat, not "${translation}"`);
  const [from = "", until = ""] = [get("from"), get("until")];
  const since = from === "" ? 0 : timeOf(from);
  const end = until === "" ? null : timeOf(until);
  for (const [day, time] of [
    [from, since],
    [until, end],
  ] as const) {
    if (time === undefined) faults.push(`"${day}" is no day: 2026-05-03, or 2026-05-03T10:00:00Z`);
  }
  if (since !== undefined && end !== undefined && end !== null && end <= since)
    faults.push("`until` is not behind `from`");
  const dark = (get("dark") ?? "").split(/[\s;]+/).filter((one) => one !== "");
  const bad = dark.find((one) => parsePrefix(one) === undefined);
  if (bad !== undefined) faults.push(`"${bad}" of \`dark\` is no prefix`);
  if (dark.length > 64) faults.push("more than 64 dark parts");
  if (faults.length > 0 || key === undefined || since === undefined || end === undefined) return { faults };
  return {
    read: {
      record: {
        organisation,
        realm,
        ...key,
        translation: translation === "cgnat" ? "cgnat" : "none",
        from: since,
        until: end,
        dark,
      },
      dated: from !== "",
    },
  };
};

/** Reads a contact. */
const readContact = (organisation: string, get: Fields): Read<ContactRecord> => {
  const faults: string[] = [];
  const said = (name: string, most: number): string | null => {
    const value = get(name) ?? "";
    return value === "" ? null : value.slice(0, most + 1);
  };
  const role = (get("role") ?? "").toLowerCase() || "abuse";
  if (!contactRoles.includes(role as ContactRole))
    faults.push(`\`role\` is one of ${contactRoles.join(", ")}, not "${role}"`);
  const [name, mail, phone, webhook, key] = [
    said("contact", 200),
    said("mail", 254),
    said("phone", 50),
    said("webhook", 500),
    said("openpgp_key", 20_000),
  ];
  if (mail !== null && (mail.length > 254 || !mailPattern.test(mail))) faults.push(`"${mail}" is no mail address`);
  if (webhook !== null && (webhook.length > 500 || !/^https:\/\/\S+$/.test(webhook)))
    faults.push("`webhook` is an https address of at most 500 characters");
  if (key !== null && (key.length > 20_000 || !key.includes("BEGIN PGP PUBLIC KEY BLOCK")))
    faults.push("`openpgp_key` is no armoured public key");
  if (name !== null && name.length > 200) faults.push("`contact` is longer than 200 characters");
  if (phone !== null && phone.length > 50) faults.push("`phone` is longer than 50 characters");
  if (mail === null && webhook === null && phone === null)
    faults.push("a contact needs a mail address, a webhook or a phone number");
  const language = get("language") ?? "";
  if (language !== "" && !languagePattern.test(language))
    faults.push(`"${language}" is no language (BCP 47), for example th`);
  if (faults.length > 0) return { faults };
  return {
    read: {
      organisation,
      role: role as ContactRole,
      name,
      mail,
      phone,
      language: language === "" ? "en" : language,
      openpgpKey: key,
      webhook,
    },
  };
};

/** Collects what is read, and says what is there twice. */
export class WantedBuilder {
  readonly #organisations = new Map<string, WantedOrganisation>();
  readonly #networks: WantedNetwork[] = [];
  readonly #contacts: WantedContact[] = [];
  readonly #seen = new Map<string, number>();
  /** What a contact's line said, by what it is told apart by. */
  readonly #said = new Map<string, string>();
  readonly errors: LineError[] = [];
  fail(line: number, message: string): void {
    this.errors.push({ line, message });
  }
  #once(line: number, key: string, what: string): boolean {
    const before = this.#seen.get(key);
    if (before !== undefined) this.fail(line, `${what} stands in line ${before} already`);
    else this.#seen.set(key, line);
    return before === undefined;
  }
  #failAll(line: number, faults: readonly string[]): void {
    for (const fault of faults) this.fail(line, fault);
  }
  /** The organisation of a line; false when its id is none: then nothing can be told of what stands beside it. */
  organisation(line: number, id: string, organisation: Read<WantedOrganisation["fields"]>): boolean {
    if ("faults" in organisation) this.#failAll(line, organisation.faults);
    if (!idPattern.test(id)) {
      const hint = proposedId(id);
      this.fail(
        line,
        id === ""
          ? "`organisation` is missing"
          : `"${id.slice(0, 80)}" is no id: lower-case letters, digits and hyphens${hint === "" ? "" : `, for example ${hint}`}`,
      );
      return false;
    }
    if ("faults" in organisation) return true;
    const fields = organisation.read;
    const known = this.#organisations.get(id);
    if (known === undefined) {
      this.#organisations.set(id, { line, fields });
      return true;
    }
    for (const [key, value] of Object.entries(fields)) {
      const before = (known.fields as Readonly<Record<string, unknown>>)[key];
      if (before !== undefined && JSON.stringify(before) !== JSON.stringify(value)) {
        this.fail(line, `\`${key}\` of ${id} is another one in line ${known.line}`);
      }
    }
    this.#organisations.set(id, { line: known.line, fields: { ...known.fields, ...fields } });
    return true;
  }
  network(line: number, network: Read<{ record: NetworkRecord; dated: boolean }>): void {
    if ("faults" in network) return this.#failAll(line, network.faults);
    const { read } = network;
    const { record } = read;
    const text = record.prefix ?? record.domain ?? `AS${record.asn}`;
    if (this.#once(line, `n ${record.organisation} ${record.realm} ${text} ${record.from}`, text))
      this.#networks.push({ line, ...read });
  }
  contact(line: number, contact: Read<ContactRecord>): void {
    if ("faults" in contact) return this.#failAll(line, contact.faults);
    const { read } = contact;
    const { organisation, role, mail, webhook, phone } = read;
    const text = mail ?? webhook ?? phone ?? "";
    const key = `c ${organisation} ${role} ${text}`;
    // A table with a line a network names the contact of an organisation on each of them: said twice alike, it is one.
    const said = JSON.stringify(read);
    if (this.#said.get(key) === said) return;
    this.#said.set(key, this.#said.get(key) ?? said);
    const before = this.#seen.get(key);
    if (before !== undefined)
      return this.fail(
        line,
        `${role} ${text} of ${organisation} is another one in line ${before}: say it alike, or once`,
      );
    this.#seen.set(key, line);
    this.#contacts.push({ line, record: read });
  }
  done(): Wanted {
    return {
      organisations: this.#organisations,
      networks: this.#networks,
      contacts: this.#contacts,
      errors: this.errors.toSorted((a, b) => a.line - b.line),
    };
  }
}

/** Columns of the CSV form; `name:ja` and so on beside them. */
export const csvColumns = [
  "organisation",
  "name",
  "country",
  "sector",
  "essential",
  "note",
  "network",
  "realm",
  "translation",
  "from",
  "until",
  "dark",
  "role",
  "contact",
  "mail",
  "phone",
  "language",
  "webhook",
  "openpgp_key",
] as const;
const aliases: ReadonlyMap<string, string> = new Map([
  ["organization", "organisation"],
  ["org", "organisation"],
  ["owner", "organisation"],
  ["prefix", "network"],
  ["cidr", "network"],
  ["cc", "country"],
  ["valid_from", "from"],
  ["valid_until", "until"],
  ["email", "mail"],
]);

/**
 * Reads the CSV form: the first line names the columns, in any order. A line may say something of an organisation, of one
 * network and of one contact, each where its columns are filled.
 */
export const wantedFromCsv = (text: string): Wanted => {
  const { lines, errors } = csvLines(text);
  const builder = new WantedBuilder();
  builder.errors.push(...errors);
  const [first, ...rest] = lines;
  if (first === undefined) {
    if (errors.length === 0) builder.fail(1, "the file is empty");
    return builder.done();
  }
  const names = first.fields.map((field) => {
    const name = field.startsWith("name:") ? field : field.toLowerCase();
    return aliases.get(name) ?? name;
  });
  const known: ReadonlySet<string> = new Set(csvColumns);
  for (const name of names) {
    if (!known.has(name) && !name.startsWith("name:"))
      builder.fail(first.line, `unknown column "${name.slice(0, 60)}"; known: ${csvColumns.join(", ")}`);
  }
  if (!names.includes("organisation"))
    builder.fail(first.line, "no column `organisation`: the first line names the columns");
  if (new Set(names).size < names.length) builder.fail(first.line, "a column is named twice");
  if (builder.errors.length > 0) return builder.done();
  const at = new Map(names.map((name, i) => [name, i]));
  for (const { line, fields } of rest) {
    if (fields.length > names.length) {
      builder.fail(line, `${fields.length} fields, and the first line names ${names.length}`);
      continue;
    }
    const get: Fields = (name) => {
      const place = at.get(name);
      return place === undefined ? undefined : (fields[place] ?? "");
    };
    const has = (...columns: string[]): boolean => columns.some((name) => (get(name) ?? "") !== "");
    const id = get("organisation") ?? "";
    const others = names.filter((name) => name.startsWith("name:"));
    // An empty field says nothing: a line of a network or contact need not repeat what is told of the organisation.
    const filled: Fields = (name) => (has(name) ? get(name) : undefined);
    const spoken =
      others.length > 0 && has(...others)
        ? Object.fromEntries(others.map((name) => [name.slice(5), get(name) ?? ""]))
        : undefined;
    if (builder.organisation(line, id, readOrganisation(filled, spoken))) {
      if (has("network")) builder.network(line, readNetwork(id, get));
      if (has("mail", "webhook", "phone", "role", "contact")) builder.contact(line, readContact(id, get));
    }
  }
  return builder.done();
};

const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value)).slice(0, 60);

/** Reads the tree of the YAML form. `lineOf` gives the line where a path of the tree stands. */
export const wantedFromTree = (tree: unknown, lineOf: (path: readonly (string | number)[]) => number): Wanted => {
  const builder = new WantedBuilder();
  const isTree = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  const list = (value: unknown, path: readonly (string | number)[]): readonly unknown[] => {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value;
    builder.fail(lineOf(path), `\`${path.at(-1) ?? ""}\` is no list`);
    return [];
  };
  /** Scalars as text; anything else is refused with its place. */
  const fields = (
    value: Record<string, unknown>,
    allowed: readonly string[],
    path: readonly (string | number)[],
  ): Fields | undefined => {
    for (const key of Object.keys(value)) {
      if (allowed.includes(key)) continue;
      builder.fail(lineOf([...path, key]), `unknown key \`${key.slice(0, 60)}\`; known: ${allowed.join(", ")}`);
      return undefined;
    }
    return (name) => {
      const key = name === "contact" ? "name" : name;
      if (!Object.hasOwn(value, key)) return undefined;
      const one = value[key];
      if (one === null) return "";
      if (one instanceof Date) return one.toISOString();
      if (name === "dark" && Array.isArray(one)) return one.map(shown).join(" ");
      return typeof one === "object" ? `(${typeof one})` : String(one as string | number | boolean);
    };
  };
  if (!isTree(tree) || Object.keys(tree).some((key) => key !== "organisations")) {
    builder.fail(1, "the file is a tree with the one key `organisations`");
    return builder.done();
  }
  for (const [i, one] of list(tree["organisations"], ["organisations"]).entries()) {
    const path = ["organisations", i];
    const line = lineOf(path);
    if (!isTree(one)) {
      builder.fail(line, "an organisation is a tree with `id`");
      continue;
    }
    const { networks, contacts, names, id, ...plain } = one;
    const get = fields(plain, ["name", "country", "sector", "essential", "note"], path);
    if (get === undefined) continue;
    if (
      names !== undefined &&
      names !== null &&
      (!isTree(names) || Object.values(names).some((text) => typeof text !== "string"))
    ) {
      builder.fail(lineOf([...path, "names"]), "`names` is a tree of languages and names");
      continue;
    }
    const organisation = readOrganisation(get, isTree(names) ? (names as Record<string, string>) : undefined);
    const name = typeof id === "string" || typeof id === "number" ? String(id) : "";
    if (!builder.organisation(line, name, organisation)) continue;
    for (const [j, network] of list(networks, [...path, "networks"]).entries()) {
      const at = [...path, "networks", j];
      const given = typeof network === "string" ? { network } : network;
      const read = isTree(given)
        ? fields(given, ["network", "realm", "translation", "from", "until", "dark"], at)
        : undefined;
      if (!isTree(given)) builder.fail(lineOf(at), `${shown(network)} is no network`);
      else if (read !== undefined) builder.network(lineOf(at), readNetwork(name, read));
    }
    for (const [j, contact] of list(contacts, [...path, "contacts"]).entries()) {
      const at = [...path, "contacts", j];
      const read = isTree(contact)
        ? fields(contact, ["role", "name", "mail", "phone", "language", "webhook", "openpgp_key"], at)
        : undefined;
      if (!isTree(contact)) builder.fail(lineOf(at), `${shown(contact)} is no contact`);
      else if (read !== undefined) builder.contact(lineOf(at), readContact(name, read));
    }
  }
  return builder.done();
};
