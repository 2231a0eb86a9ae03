// SPDX-License-Identifier: Apache-2.0
import type { ContactRecord, NetworkRecord, OrganisationRecord, Step } from "../model/constituency.ts";
import type { LineError } from "./csv.ts";
import { networkText } from "./network.ts";
import type { Wanted } from "./wanted.ts";

/** What the desk has now: what has not ended, and of networks also what has. */
export interface Present {
  readonly organisations: readonly (OrganisationRecord & { readonly ended: boolean })[];
  readonly networks: readonly (NetworkRecord & { readonly id: string })[];
  readonly contacts: readonly (ContactRecord & { readonly id: string })[];
}
/** A step, and whose it is. */
export interface Difference {
  readonly step: Step;
  readonly organisation: string;
  readonly subject: string;
}
export interface Compared {
  readonly steps: readonly Difference[];
  readonly same: number;
  readonly errors: readonly LineError[];
}
export interface CompareOptions {
  /** Ends what the file does not hold. */
  readonly replace: boolean;
  /** Microseconds UTC. */
  readonly now: number;
}

const sameList = (a: readonly string[], b: readonly string[]): boolean => JSON.stringify(a) === JSON.stringify(b);
const wholeOf = (id: string): OrganisationRecord => ({
  id,
  name: id,
  names: {},
  country: null,
  sector: null,
  essential: false,
  note: null,
});
const keyOf = (network: NetworkRecord): string => `${network.realm} ${networkText(network)}`;
const contactKey = ({ organisation, role, mail, webhook, phone }: ContactRecord): string =>
  `${organisation} ${role} ${mail ?? webhook ?? phone ?? ""}`;

/**
 * The steps from what is to what a file says. Doing them and comparing again gives none. Nothing is deleted: with `replace`, what the
 * file does not hold ends now. A network that another organisation holds is a fault, unless the file takes it from there (`replace`).
 */
export const compare = (present: Present, wanted: Wanted, { replace, now }: CompareOptions): Compared => {
  const steps: Difference[] = [];
  const errors: LineError[] = [];
  let same = 0;
  const organisations = new Map(present.organisations.map((one) => [one.id, one]));

  for (const [id, { line, fields }] of wanted.organisations) {
    const old = organisations.get(id);
    if (old?.ended === true) {
      errors.push({ line, message: `${id} has ended; choose another id` });
      continue;
    }
    const record: OrganisationRecord = { ...(old ?? wholeOf(id)), ...fields, id };
    const { id: _, name, names, country, sector, essential, note } = record;
    const step = { what: "organisation", record: { id, name, names, country, sector, essential, note } } as const;
    if (old === undefined) steps.push({ step: { ...step, change: "added" }, organisation: id, subject: id });
    else if (
      old.name === name &&
      JSON.stringify(Object.entries(old.names).toSorted()) === JSON.stringify(Object.entries(names).toSorted()) &&
      old.country === country &&
      old.sector === sector &&
      old.essential === essential &&
      old.note === note
    ) {
      same++;
    } else steps.push({ step: { ...step, change: "changed" }, organisation: id, subject: id });
  }

  const open = (network: NetworkRecord): boolean => network.until === null || network.until > now;
  const byKey = new Map<string, (NetworkRecord & { readonly id: string })[]>();
  for (const network of present.networks) {
    const list = byKey.get(keyOf(network));
    if (list === undefined) byKey.set(keyOf(network), [network]);
    else list.push(network);
  }
  const kept = new Set<string>();
  const wantedKeys = new Set(wanted.networks.map(({ record }) => `${record.organisation} ${keyOf(record)}`));
  for (const { line, record, dated } of wanted.networks) {
    const held = byKey.get(keyOf(record)) ?? [];
    const own = held.filter(({ organisation }) => organisation === record.organisation);
    // One row of ours: that which began then, or else the one that has not ended.
    const match =
      own.find((one) => one.from === record.from && (dated || open(one) === open(record))) ??
      own.find((one) => open(one) && (!dated || open(record)));
    const text = networkText(record);
    if (match !== undefined) {
      kept.add(match.id);
      if (match.translation === record.translation && match.until === record.until && sameList(match.dark, record.dark))
        same++;
      else if (record.until !== null && record.until <= match.from)
        errors.push({ line, message: `${text} would end before it began` });
      else {
        steps.push({
          step: {
            what: "network",
            change: "changed",
            id: match.id,
            translation: record.translation,
            until: record.until,
            dark: record.dark,
          },
          organisation: record.organisation,
          subject: text,
        });
      }
      continue;
    }
    const others = held.filter((one) => one.organisation !== record.organisation);
    const holder = open(record)
      ? others.find((one) => open(one) && !wantedKeys.has(`${one.organisation} ${keyOf(one)}`))
      : undefined;
    if (holder !== undefined && !replace) {
      errors.push({
        line,
        message: `${text} is held by ${holder.organisation}: a line of ${holder.organisation} with this network and a day in \`until\` ends it there, in the same file if you like (--replace would end everything that the file does not name)`,
      });
      continue;
    }
    // Who has it for the first time has it for as long as anybody knows; who takes it over, from now on.
    const from = dated ? record.from : held.length === 0 ? 0 : now;
    if (record.until !== null && record.until <= from) {
      errors.push({ line, message: `${text} would end before it began: say \`from\`` });
      continue;
    }
    steps.push({
      step: { what: "network", change: "added", record: { ...record, from } },
      organisation: record.organisation,
      subject: text,
    });
  }
  const contacts = new Map(present.contacts.map((one) => [contactKey(one), one]));
  const keptContacts = new Set<string>();
  for (const { record } of wanted.contacts) {
    const old = contacts.get(contactKey(record));
    const subject = `${record.role} ${record.mail ?? record.webhook ?? record.phone ?? ""}`;
    if (old === undefined) {
      steps.push({ step: { what: "contact", change: "added", record }, organisation: record.organisation, subject });
      continue;
    }
    keptContacts.add(old.id);
    if (
      old.name === record.name &&
      old.mail === record.mail &&
      old.phone === record.phone &&
      old.language === record.language &&
      old.webhook === record.webhook &&
      (old.openpgpKey ?? "").trim() === (record.openpgpKey ?? "").trim()
    ) {
      same++;
    } else {
      steps.push({
        step: { what: "contact", change: "changed", id: old.id, record },
        organisation: record.organisation,
        subject,
      });
    }
  }
  if (replace) {
    const ends: Difference[] = [];
    const gone = new Set<string>();
    for (const { id, ended } of present.organisations) {
      if (ended || wanted.organisations.has(id)) continue;
      gone.add(id);
      ends.push({ step: { what: "organisation", change: "ended", id }, organisation: id, subject: id });
    }
    for (const network of present.networks) {
      if (!open(network) || kept.has(network.id) || gone.has(network.organisation)) continue;
      ends.push({
        step: { what: "network", change: "ended", id: network.id },
        organisation: network.organisation,
        subject: networkText(network),
      });
    }
    for (const contact of present.contacts) {
      if (keptContacts.has(contact.id) || gone.has(contact.organisation)) continue;
      ends.push({
        step: { what: "contact", change: "ended", id: contact.id },
        organisation: contact.organisation,
        subject: contactKey(contact).slice(contact.organisation.length + 1),
      });
    }
    // First what ends, so that what is taken over is free.
    steps.unshift(...ends);
  }
  return { steps, same, errors };
};
