// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { isTooWide, networkKeyOf } from "../../constituency/network.ts";
import type { Actor } from "../../model/actor.ts";
import type { ContactRecord, Step } from "../../model/constituency.ts";
import type { Changes, Outcome } from "../../registry/changes.ts";
import type { Checks } from "../../registry/checks.ts";
import { checkKey, keyFacts } from "../../registry/openpgp.ts";
import { cursorText, readCursor } from "../../platform/cursor.ts";
import { AppError } from "../../platform/errors.ts";
import { contactsOf } from "../../store/desk/contacts.ts";
import type { Desk, DeskTransaction } from "../../store/desk/desk.ts";
import { networksOf } from "../../store/desk/networks.ts";
import { historyOf, listOrganisations, loadOrganisation } from "../../store/desk/organisations.ts";
import type { OrganisationFound } from "../../store/desk/organisations.ts";
import { doStep, isStaff } from "../../store/desk/steps.ts";
import type { Told } from "../../store/desk/steps.ts";
import { staff } from "../../access/rule.ts";
import { organisationEndpoints as at } from "../contract/desk/organisations.ts";
import type {
  ContactNew,
  ContactRow,
  HistoryRow,
  NetworkRow,
  Organisation,
  OrganisationRow,
} from "../contract/desk/organisations.ts";
import { touch } from "./actor.ts";
import type { ActorOf } from "./actor.ts";
import { mount } from "./route.ts";
import { microsecondsOf } from "./shapes.ts";
import { timeOf, timeOrNull } from "./times.ts";

export interface OrganisationServices {
  readonly desk: Desk;
  /** Microseconds UTC. */
  readonly now: () => number;
  readonly changes: Changes;
  readonly checks: Checks;
  /** Prefixes that two organisations hold, and requests that wait: for the sentence above the list. */
  readonly conflicts: () => number;
  /** After staff changed what is in force. */
  readonly changed: () => void;
}
const owners = [...staff, "member"] as const;

export const historyRow = (
  row: Omit<Told, "organisation" | "realm"> & { readonly at: number; readonly actor: string },
): HistoryRow => ({
  at: timeOf(row.at),
  by: row.actor.slice(0, 200),
  what: row.what,
  change: row.change,
  subject: row.subject.slice(0, 253),
  before: row.before,
  after: row.after,
});
const rowOf = (row: OrganisationFound): OrganisationRow => ({
  id: row.id,
  name: row.name,
  names: row.names,
  country: row.country,
  sector: row.sector,
  essential: row.essential,
  exercise: row.exercise,
  created: timeOf(row.created),
  ended: timeOrNull(row.ended),
  networks: row.networks,
  addresses: row.addresses,
  contacts: row.contacts,
  deadContacts: row.dead,
  verified: timeOrNull(row.verified),
  openAlerts: row.open_alerts,
  openCases: row.open_cases,
  unanswered: row.unanswered,
});
const contactRow = async (row: Awaited<ReturnType<typeof contactsOf>>[number]): Promise<ContactRow> => {
  const key = await keyFacts(row.openpgp_key);
  return {
    id: row.id,
    role: row.role as ContactRow["role"],
    name: row.name,
    mail: row.mail,
    phone: row.phone,
    language: row.language,
    openpgp: key?.fingerprint ?? null,
    openpgpExpires: timeOrNull(key?.expires ?? null),
    webhook: row.webhook,
    state: row.state,
    waitsUntil: timeOrNull(row.waits_until),
    verified: timeOrNull(row.verified),
    lastCheck: timeOrNull(row.last_check),
    bounces: row.bounces,
  };
};

/** One organisation with everything of it. @throws AppError NOT_FOUND. */
export const organisationPage = async (
  trx: DeskTransaction,
  actor: Actor,
  id: string,
  now: number,
): Promise<Organisation> => {
  const found = await loadOrganisation(trx, actor, id, now);
  const name = { id: found.id, name: found.name };
  const networks = await networksOf(trx, actor, id, { now, ended: true });
  const contacts = await contactsOf(trx, id);
  const history = await historyOf(trx, actor, id, 200);
  return {
    asked: timeOf(now),
    organisation: rowOf(found),
    note: isStaff(actor) ? found.note : null,
    networks: networks.map((row): NetworkRow => ({
      id: row.id,
      organisation: name,
      realm: row.realm,
      prefix: row.prefix,
      asn: row.asn,
      domain: row.domain,
      translation: row.translation,
      from: timeOf(row.valid_from),
      until: timeOrNull(row.valid_until),
      origin: row.origin,
      dark: row.dark,
      openAlerts: row.open_alerts ?? 0,
    })),
    contacts: await Promise.all(contacts.map(contactRow)),
    history: history.map(historyRow),
    may: found.ended !== null ? [] : isStaff(actor) ? ["change", "end", "check"] : ["request", "check"],
  };
};

const contactRecord = async (organisation: string, body: ContactNew, oldKey: string | null): Promise<ContactRecord> => {
  const openpgpKey = body.openpgpKey === undefined ? oldKey : body.openpgpKey;
  await checkKey(openpgpKey);
  if (body.mail === null && (body.webhook ?? null) === null && body.phone === null) {
    throw new AppError("BODY_INVALID", "a contact needs a mail address, a webhook or a phone number", {
      parameter: "mail",
    });
  }
  return {
    organisation,
    role: body.role,
    name: body.name,
    mail: body.mail,
    phone: body.phone,
    language: body.language,
    openpgpKey,
    webhook: body.webhook ?? null,
  };
};

const darkOf = (dark: readonly string[] | undefined): readonly string[] =>
  (dark ?? []).map((text) => {
    const prefix = networkKeyOf(text)?.prefix;
    if (prefix === undefined || prefix === null)
      throw new AppError("NETWORK_INVALID", `"${text}" of \`dark\` is no prefix`);
    return prefix;
  });

/** Organisations, their networks and contacts: staff change, members see their own and ask. */
export const withOrganisations = (server: FastifyInstance, services: OrganisationServices, actorOf: ActorOf): void => {
  const { desk, now, changes, checks } = services;
  const page = (actor: Actor, id: string): Promise<Organisation> =>
    desk.as(actor, (trx) => organisationPage(trx, actor, id, now()));
  const changed = async (actor: Actor, id: string, { outcome, until }: Outcome) => ({
    outcome,
    until: timeOrNull(until),
    organisation: await page(actor, id),
  });
  const ask = async (actor: Actor, id: string, step: Step) => changed(actor, id, await changes.ask(actor, id, step));

  mount(server, at.organisations, { who: owners, audit: "organisation.list" }, async ({ query, request }) => {
    const actor = actorOf(request);
    const { cursor, limit = 100, ...filter } = query;
    const [offset] = cursor === undefined ? [0] : readCursor(cursor, "offset");
    const asked = now();
    return desk.as(actor, async (trx) => {
      const { rows, facts } = await listOrganisations(trx, actor, { ...filter, offset, limit }, asked);
      const open = await trx
        .selectFrom("changes")
        .select((eb) => eb.fn.countAll<number>().as("n"))
        .where("state", "in", ["asked", "proof", "waiting"])
        .executeTakeFirstOrThrow();
      return {
        asked: timeOf(asked),
        total: facts.total,
        next: offset + rows.length < facts.total && rows.length === limit ? cursorText(offset + limit) : null,
        facts: {
          organisations: facts.organisations,
          networks: facts.networks,
          addresses: facts.addresses,
          essential: facts.essential,
          withoutContact: facts.without_contact,
          deadContacts: facts.dead_contacts,
          overlaps: isStaff(actor) ? services.conflicts() : 0,
          changes: open.n,
        },
        rows: rows.map(rowOf),
      };
    });
  });
  mount(server, at["organisations/new"], { who: staff, audit: "organisation.new" }, async ({ body, request }) => {
    const actor = actorOf(request);
    touch(request, `organisation:${body.id}`);
    await desk.as(actor, (trx) =>
      doStep(
        trx,
        actor,
        { what: "organisation", change: "added", record: { ...body, names: body.names ?? {} } },
        { at: now(), origin: "analyst" },
      ),
    );
    services.changed();
    return page(actor, body.id);
  });
  mount(server, at.organisation, { who: owners, audit: "organisation.read" }, ({ params, request }) => {
    touch(request, `organisation:${params.organisation}`);
    return page(actorOf(request), params.organisation);
  });
  mount(
    server,
    at["organisation/change"],
    { who: owners, audit: "organisation.change" },
    async ({ params, body, request }) => {
      const actor = actorOf(request);
      const id = params.organisation;
      touch(request, `organisation:${id}`);
      const old = await desk.as(actor, (trx) => loadOrganisation(trx, actor, id, now()));
      // What staff note about an organisation is not the organisation's to change.
      const note = isStaff(actor) ? body.note : old.note;
      return ask(actor, id, {
        what: "organisation",
        change: "changed",
        record: { ...body, id, names: body.names ?? old.names, note },
      });
    },
  );
  mount(server, at["organisation/end"], { who: staff, audit: "organisation.end" }, ({ params, body, request }) => {
    touch(request, `organisation:${params.organisation}`, body.reason);
    return ask(actorOf(request), params.organisation, {
      what: "organisation",
      change: "ended",
      id: params.organisation,
    });
  });

  mount(server, at["network/new"], { who: owners, audit: "network.new" }, ({ params, body, request }) => {
    const id = params.organisation;
    const given = [body.prefix, body.asn === undefined ? undefined : `AS${body.asn}`, body.domain].filter(
      (one) => one !== undefined,
    );
    const key = given.length === 1 ? networkKeyOf(given[0] ?? "") : undefined;
    if (key === undefined)
      throw new AppError("NETWORK_INVALID", "give one prefix, AS number or domain, with no bit set behind a prefix");
    if (isTooWide(key, body.realm ?? ""))
      throw new AppError("NETWORK_INVALID", `${key.prefix} is more than any organisation holds`);
    touch(request, `organisation:${id}`, `network:${given[0] ?? ""}`);
    const from = microsecondsOf(body.from) ?? now();
    const until = microsecondsOf(body.until) ?? null;
    if (until !== null && until <= from) throw new AppError("NETWORK_INVALID", "it would end before it begins");
    return ask(actorOf(request), id, {
      what: "network",
      change: "added",
      record: {
        organisation: id,
        realm: body.realm ?? "",
        ...key,
        translation: body.translation,
        from,
        until,
        dark: darkOf(body.dark),
      },
    });
  });
  mount(server, at["network/change"], { who: owners, audit: "network.change" }, async ({ params, body, request }) => {
    const actor = actorOf(request);
    touch(request, `organisation:${params.organisation}`, `network:${params.network}`);
    const old = await desk.as(actor, async (trx) => {
      await loadOrganisation(trx, actor, params.organisation, now());
      return trx
        .selectFrom("networks")
        .selectAll()
        .where("id", "=", params.network)
        .where("organisation_id", "=", params.organisation)
        .executeTakeFirst();
    });
    if (old === undefined) throw new AppError("NOT_FOUND", "there is no such network");
    return ask(actor, params.organisation, {
      what: "network",
      change: "changed",
      id: params.network,
      translation: body.translation ?? old.translation,
      until:
        body.until === undefined ? old.valid_until : body.until === null ? null : (microsecondsOf(body.until) ?? null),
      dark: body.dark === undefined ? old.dark : darkOf(body.dark),
    });
  });

  mount(
    server,
    at["contact/new"],
    { who: owners, audit: "contact.new", bodyLimit: 64 * 1024 },
    async ({ params, body, request }) => {
      touch(request, `organisation:${params.organisation}`);
      const record = await contactRecord(params.organisation, body, null);
      return ask(actorOf(request), params.organisation, { what: "contact", change: "added", record });
    },
  );
  mount(
    server,
    at["contact/change"],
    { who: owners, audit: "contact.change", bodyLimit: 64 * 1024 },
    async ({ params, body, request }) => {
      const actor = actorOf(request);
      touch(request, `organisation:${params.organisation}`, `contact:${params.contact}`);
      const old = await desk.as(actor, async (trx) => {
        await loadOrganisation(trx, actor, params.organisation, now());
        return trx
          .selectFrom("contacts")
          .select("openpgp_key")
          .where("id", "=", params.contact)
          .where("organisation_id", "=", params.organisation)
          .executeTakeFirst();
      });
      if (old === undefined) throw new AppError("NOT_FOUND", "there is no such contact");
      const record = await contactRecord(params.organisation, body, old.openpgp_key);
      return ask(actor, params.organisation, { what: "contact", change: "changed", id: params.contact, record });
    },
  );
  mount(server, at["contact/end"], { who: owners, audit: "contact.end" }, ({ params, request }) => {
    touch(request, `organisation:${params.organisation}`, `contact:${params.contact}`);
    return ask(actorOf(request), params.organisation, { what: "contact", change: "ended", id: params.contact });
  });
  mount(server, at["contact/check"], { who: owners, audit: "contact.check" }, async ({ params, request }) => {
    touch(request, `contact:${params.contact}`);
    await checks.send(actorOf(request), params.organisation, params.contact);
    return { done: true };
  });
  // The secret of the letter is all that is needed: who reads the mailbox has no account.
  mount(server, at["contact/confirm"], { who: "anyone", audit: "contact.confirm" }, async ({ body }) => {
    const { organisation, mail } = await checks.confirm(body.token);
    return { organisation, mail: mail === "" ? null : mail };
  });
};
