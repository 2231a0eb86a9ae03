// SPDX-License-Identifier: Apache-2.0
import { LineCounter, isNode, parseDocument, stringify } from "yaml";
import { compare } from "../constituency/compare.ts";
import type { Compared, Present } from "../constituency/compare.ts";
import { csvText, timeText } from "../constituency/csv.ts";
import type { LineError } from "../constituency/csv.ts";
import { networkText } from "../constituency/network.ts";
import { csvColumns, wantedFromCsv, wantedFromTree } from "../constituency/wanted.ts";
import type { Wanted } from "../constituency/wanted.ts";
import { warningsOf } from "../constituency/warnings.ts";
import { formatPrefix, parsePrefix } from "../net/prefix.ts";
import type { Actor } from "../model/actor.ts";
import { contactRoles } from "../model/constituency.ts";
import type { ContactRole, NetworkRecord } from "../model/constituency.ts";
import { AppError } from "../platform/errors.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { realmsOf } from "../store/desk/networks.ts";
import { addNetworks, doStep, isStaff } from "../store/desk/steps.ts";
import type { Told } from "../store/desk/steps.ts";
import { hasRole } from "../model/actor.ts";

export type Form = "csv" | "yaml";
export interface Asked {
  readonly form: Form;
  readonly content: string;
  /** False: only shows what would change. */
  readonly apply: boolean;
  /** Ends what the file does not hold. */
  readonly replace: boolean;
  /** That letters are written in. */
  readonly languages: readonly string[];
}
export interface Transferred {
  readonly applied: boolean;
  readonly added: number;
  readonly changed: number;
  readonly ended: number;
  readonly same: number;
  /** Where there are any, the file is refused: nothing is added, changed, ended, nor shown. */
  readonly faults: readonly LineError[];
  /** What is taken, and hardly meant. */
  readonly warnings: readonly LineError[];
  /** The first of the differences. */
  readonly rows: readonly Told[];
}
const shownAtMost = 500;
const pageSize = 10_000;

/** Reads a file. A YAML text that is none gives one fault with its line. */
export const readWanted = (form: Form, content: string): Wanted => {
  if (form === "csv") return wantedFromCsv(content);
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, uniqueKeys: true, stringKeys: true });
  const [broken] = document.errors;
  const failed = (line: number, message: string): Wanted => ({
    organisations: new Map(),
    networks: [],
    contacts: [],
    errors: [{ line, message }],
  });
  if (broken !== undefined)
    return failed(lines.linePos(broken.pos[0]).line, broken.message.split("\n")[0] ?? "no YAML");
  let tree: unknown;
  try {
    tree = document.toJS({ maxAliasCount: 50 });
  } catch (error) {
    return failed(1, error instanceof Error ? error.message : "cannot be read");
  }
  return wantedFromTree(tree, (path) => {
    for (let length = path.length; length > 0; length--) {
      const node: unknown = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  });
};

const present = async (trx: DeskTransaction, actor: Actor): Promise<Present> => {
  const organisations = await trx
    .selectFrom("organisations")
    .selectAll()
    .where("exercise", "=", "")
    .orderBy("id")
    .execute();
  const networks: (NetworkRecord & { readonly id: string })[] = [];
  let after = "";
  for (;;) {
    const rows = await trx
      .selectFrom("networks")
      .innerJoin("organisations", "organisations.id", "networks.organisation_id")
      .selectAll("networks")
      .where("networks.id", ">", after)
      .where("organisations.exercise", "=", "")
      .$if(!hasRole(actor, "system"), (query) => query.where("realm", "in", realmsOf(actor)))
      .orderBy("networks.id")
      .limit(pageSize)
      .execute();
    for (const row of rows) {
      const prefix = row.prefix === null ? undefined : parsePrefix(row.prefix);
      networks.push({
        id: row.id,
        organisation: row.organisation_id,
        realm: row.realm,
        // Written as we write prefixes, whatever the engine's taste.
        prefix: prefix === undefined ? row.prefix : formatPrefix(prefix),
        asn: row.asn,
        domain: row.domain,
        translation: row.translation,
        from: row.valid_from,
        until: row.valid_until,
        dark: row.dark,
      });
    }
    after = rows.at(-1)?.id ?? "";
    if (rows.length < pageSize) break;
  }
  const contacts = await trx
    .selectFrom("contacts")
    .innerJoin("organisations", "organisations.id", "contacts.organisation_id")
    .selectAll("contacts")
    .where("state", "<>", "ended")
    .where("organisations.exercise", "=", "")
    .orderBy("contacts.valid_from")
    .execute();
  return {
    organisations: organisations.map(({ ended, ...rest }) => ({ ...rest, ended: ended !== null })),
    networks,
    contacts: contacts.map((row) => ({
      id: row.id,
      organisation: row.organisation_id,
      role: row.role as ContactRole,
      name: row.name,
      mail: row.mail,
      phone: row.phone,
      language: row.language,
      openpgpKey: row.openpgp_key,
      webhook: row.webhook,
    })),
  };
};

class DryRun extends Error {}

/** Does the steps in their order; runs of new networks in bulk. Stops after `most` of them and tells those. */
const run = async (
  trx: DeskTransaction,
  actor: Actor,
  { steps }: Compared,
  at: number,
  most: number,
): Promise<Told[]> => {
  const told: Told[] = [];
  for (let i = 0; i < Math.min(steps.length, most);) {
    const networks: NetworkRecord[] = [];
    if (told.length >= shownAtMost) {
      for (let step = steps[i]?.step; step?.what === "network" && step.change === "added"; step = steps[++i]?.step)
        networks.push(step.record);
    }
    if (networks.length > 0) await addNetworks(trx, actor, networks, { at, origin: "import" });
    else {
      const done = await doStep(trx, actor, steps[i++]!.step, { at, origin: "import" });
      if (told.length < shownAtMost) told.push(done);
    }
  }
  return told;
};

/**
 * Brings the desk to what a file says, in one transaction, or shows what would change. Nothing of a file with a fault is taken. @throws
 * AppError ACCESS_DENIED for others than staff, or for rows of a realm that is not the actor's.
 */
export const importText = async (desk: Desk, actor: Actor, asked: Asked, now: number): Promise<Transferred> => {
  if (!isStaff(actor)) throw new AppError("ACCESS_DENIED", "staff import files");
  const wanted = readWanted(asked.form, asked.content);
  let result: Transferred | undefined;
  try {
    await desk.as(actor, async (trx) => {
      const compared = compare(await present(trx, actor), wanted, { replace: asked.replace, now });
      const faults = [...wanted.errors, ...compared.errors].toSorted((a, b) => a.line - b.line);
      if (faults.length > 0) {
        result = { applied: false, added: 0, changed: 0, ended: 0, same: 0, faults, warnings: [], rows: [] };
        return;
      }
      const count = (change: Told["change"]): number =>
        compared.steps.filter(({ step }) => step.change === change).length;
      const rows = await run(trx, actor, compared, now, asked.apply ? Number.POSITIVE_INFINITY : shownAtMost);
      result = {
        applied: asked.apply,
        added: count("added"),
        changed: count("changed"),
        ended: count("ended"),
        same: compared.same,
        faults,
        warnings: warningsOf(wanted, asked.languages).toSorted((a, b) => a.line - b.line),
        rows,
      };
      if (!asked.apply) throw new DryRun();
    });
  } catch (error) {
    if (!(error instanceof DryRun)) throw error;
  }
  if (result === undefined) throw new Error("an import without a result");
  return result;
};

const orNothing = <T>(value: T | null, empty: boolean): T | undefined => (value === null || empty ? undefined : value);

/** The constituency as a file that `importText` takes again without a difference: what has not ended, and networks that have. */
export const exportText = async (desk: Desk, actor: Actor, form: Form): Promise<string> => {
  const { organisations, networks, contacts } = await desk.as(actor, (trx) => present(trx, actor));
  const by = <T extends { readonly organisation: string }>(rows: readonly T[]): Map<string, T[]> =>
    Map.groupBy(rows, ({ organisation }) => organisation);
  const networksOf = by(networks.toSorted((a, b) => a.from - b.from || (networkText(a) < networkText(b) ? -1 : 1)));
  const contactsOf = by(contacts.toSorted((a, b) => contactRoles.indexOf(a.role) - contactRoles.indexOf(b.role)));
  const living = organisations.filter(({ ended }) => !ended);
  const since = (time: number): string => (time === 0 ? "" : timeText(time));
  if (form === "yaml") {
    const tree = {
      organisations: living.map(({ id, name, names, country, sector, essential, note }) => ({
        id,
        name,
        names: orNothing(names, Object.keys(names).length === 0),
        country: orNothing(country, false),
        sector: orNothing(sector, false),
        essential: orNothing(essential, !essential),
        note: orNothing(note, false),
        networks: networksOf.get(id)?.map((network) => ({
          network: networkText(network),
          realm: orNothing(network.realm, network.realm === ""),
          translation: orNothing(network.translation, network.translation === "none"),
          from: orNothing(since(network.from), network.from === 0),
          until: network.until === null ? undefined : timeText(network.until),
          dark: orNothing([...network.dark], network.dark.length === 0),
        })),
        contacts: contactsOf.get(id)?.map((contact) => ({
          role: contact.role,
          name: orNothing(contact.name, false),
          mail: orNothing(contact.mail, false),
          phone: orNothing(contact.phone, false),
          language: contact.language,
          webhook: orNothing(contact.webhook, false),
          openpgp_key: orNothing(contact.openpgpKey, false),
        })),
      })),
    };
    return stringify(tree, { lineWidth: 0, singleQuote: false });
  }
  const languages = [...new Set(living.flatMap(({ names }) => Object.keys(names)))].toSorted();
  const header = [...csvColumns, ...languages.map((language) => `name:${language}`)];
  type Row = Readonly<Record<string, string | boolean | null>>;
  const rows: Row[] = living.flatMap(({ id, name, names, country, sector, essential, note }): Row[] => [
    {
      organisation: id,
      name,
      country,
      sector,
      essential: essential ? "yes" : "no",
      note,
      ...Object.fromEntries(Object.entries(names).map(([language, text]) => [`name:${language}`, text])),
    },
    ...(networksOf.get(id) ?? []).map((network) => ({
      organisation: id,
      network: networkText(network),
      realm: network.realm,
      translation: network.translation,
      from: since(network.from),
      until: network.until === null ? "" : timeText(network.until),
      dark: network.dark.join(" "),
    })),
    ...(contactsOf.get(id) ?? []).map((contact) => ({
      organisation: id,
      role: contact.role,
      contact: contact.name,
      mail: contact.mail,
      phone: contact.phone,
      language: contact.language,
      webhook: contact.webhook,
      openpgp_key: contact.openpgpKey,
    })),
  ]);
  return csvText(
    header,
    rows.map((row) => header.map((name) => row[name] ?? null)),
  );
};
