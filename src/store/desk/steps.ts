// SPDX-License-Identifier: Apache-2.0
import { hasRole } from "../../model/actor.ts";
import type { Actor } from "../../model/actor.ts";
import type { ContactRecord, NetworkRecord, OrganisationRecord, Step } from "../../model/constituency.ts";
import { AppError } from "../../platform/errors.ts";
import { json } from "./desk.ts";
import type { DeskTransaction } from "./desk.ts";

/** Analysts, administrators and the program itself change what is in force; others ask. */
export const isStaff = (actor: Actor): boolean => hasRole(actor, "system", "administrator", "analyst");

/** Whether an actor may see an organisation: staff all, others their own. */
export const seesOrganisation = (actor: Actor, organisation: string): boolean =>
  isStaff(actor) || (hasRole(actor, "member") && actor.organisations.includes(organisation));

/** Whether an actor may write rows of a realm: of a member's own realm only the member (and the program) may, since nobody else sees it. */
export const mayWrite = (actor: Actor, organisation: string, realm: string): boolean =>
  hasRole(actor, "system") ||
  (realm === "" ? isStaff(actor) : actor.organisations.includes(organisation) && actor.realms.includes(realm));

export const networkName = (row: Pick<NetworkRecord, "prefix" | "asn" | "domain">): string =>
  row.prefix ?? (row.asn === null ? (row.domain ?? "") : `AS${row.asn}`);
type Named = Pick<ContactRecord, "name" | "mail" | "phone" | "webhook"> & { readonly role: string };
const contactName = ({ role, mail, webhook, phone, name }: Named) =>
  `${role} ${mail ?? webhook ?? phone ?? name ?? ""}`.trim();

const told = (fields: Readonly<Record<string, unknown>>): string =>
  Object.entries(fields)
    .filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false)
    .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value as string)}`)
    .join(", ")
    .slice(0, 2000);
const day = (time: number | null): string | null =>
  time === null || time === 0 ? null : new Date(time / 1000).toISOString();

/** What is said of a record in the history and in a dry run. */
export const organisationText = ({ id: _, ...rest }: OrganisationRecord): string =>
  told({ ...rest, names: Object.keys(rest.names).length === 0 ? null : rest.names });
export const networkTextOf = (row: Pick<NetworkRecord, "translation" | "from" | "until" | "dark">): string =>
  told({
    translation: row.translation === "none" ? null : row.translation,
    from: day(row.from),
    until: day(row.until),
    dark: row.dark.length === 0 ? null : row.dark.join(" "),
  });
export const contactText = ({
  name,
  mail,
  phone,
  language,
  openpgpKey,
  webhook,
}: Omit<ContactRecord, "organisation" | "role">): string =>
  told({ name, mail, phone, language, webhook, openpgp: openpgpKey === null ? null : "key" });

/** One line of what a step does. */
export interface Told {
  readonly organisation: string;
  readonly realm: string;
  readonly what: Step["what"];
  readonly change: Step["change"];
  readonly subject: string;
  readonly before: string | null;
  readonly after: string | null;
}

const missing = (what: string, id: string): AppError =>
  new AppError("NOT_FOUND", `there is no ${what} ${id.slice(0, 64)}`);

const organisationStep = async (
  trx: DeskTransaction,
  step: Extract<Step, { what: "organisation" }>,
  at: number,
): Promise<Told> => {
  const id = step.change === "ended" ? step.id : step.record.id;
  const old = await trx.selectFrom("organisations").selectAll().where("id", "=", id).executeTakeFirst();
  const base = { organisation: id, realm: "", what: "organisation", change: step.change, subject: id } as const;
  if (step.change === "added") {
    if (old !== undefined) throw new AppError("ORGANISATION_EXISTS", `an organisation ${id} exists already`);
    const { names, ...rest } = step.record;
    await trx
      .insertInto("organisations")
      .values({ ...rest, names: json(names), exercise: "", created: at })
      .execute();
    return { ...base, before: null, after: organisationText(step.record) };
  }
  if (old === undefined) throw missing("organisation", id);
  const before = organisationText(old);
  if (step.change === "changed") {
    const { names, id: _, ...rest } = step.record;
    await trx
      .updateTable("organisations")
      .set({ ...rest, names: json(names) })
      .where("id", "=", id)
      .execute();
    return { ...base, before, after: organisationText(step.record) };
  }
  // Its networks end with it, so that nothing is sent to somebody who is gone.
  await trx.updateTable("organisations").set({ ended: at }).where("id", "=", id).where("ended", "is", null).execute();
  await trx
    .updateTable("networks")
    .set({ valid_until: at })
    .where("organisation_id", "=", id)
    .where("valid_from", "<", at)
    .where((eb) => eb.or([eb("valid_until", "is", null), eb("valid_until", ">", at)]))
    .execute();
  await trx
    .updateTable("contacts")
    .set({ state: "ended", valid_until: at })
    .where("organisation_id", "=", id)
    .where("state", "<>", "ended")
    .execute();
  return { ...base, before, after: null };
};

const networkStep = async (
  trx: DeskTransaction,
  step: Extract<Step, { what: "network" }>,
  at: number,
  origin: string,
): Promise<Told> => {
  if (step.change === "added") {
    const { organisation, from, until, dark, ...rest } = step.record;
    const held = await trx
      .selectFrom("networks")
      .select("id")
      .where("organisation_id", "=", organisation)
      .where("realm", "=", rest.realm)
      .where(
        rest.prefix !== null ? "prefix" : rest.asn !== null ? "asn" : "domain",
        "=",
        rest.prefix ?? rest.asn ?? rest.domain,
      )
      .where((eb) => eb.or([eb("valid_until", "is", null), eb("valid_until", ">", from)]))
      .$if(until !== null, (query) => query.where("valid_from", "<", until))
      .executeTakeFirst();
    if (held !== undefined) {
      throw new AppError("NETWORK_INVALID", `${networkName(rest)} is ${organisation}'s already in that time`);
    }
    await trx
      .insertInto("networks")
      .values({ organisation_id: organisation, ...rest, valid_from: from, valid_until: until, origin, dark: [...dark] })
      .execute();
    return {
      organisation,
      realm: rest.realm,
      what: "network",
      change: "added",
      subject: networkName(rest),
      before: null,
      after: networkTextOf(step.record),
    };
  }
  const old = await trx.selectFrom("networks").selectAll().where("id", "=", step.id).executeTakeFirst();
  if (old === undefined) throw missing("network", step.id);
  const was = { translation: old.translation, from: old.valid_from, until: old.valid_until, dark: old.dark };
  const is =
    step.change === "ended"
      ? { ...was, until: Math.max(at, old.valid_from + 1) }
      : { ...was, translation: step.translation, until: step.until, dark: step.dark };
  if (is.until !== null && is.until <= old.valid_from) {
    throw new AppError("NETWORK_INVALID", `${networkName(old)} cannot end before it began`);
  }
  await trx
    .updateTable("networks")
    .set({ translation: is.translation, valid_until: is.until, dark: [...is.dark] })
    .where("id", "=", step.id)
    .execute();
  return {
    organisation: old.organisation_id,
    realm: old.realm,
    what: "network",
    change: step.change,
    subject: networkName(old),
    before: networkTextOf(was),
    after: networkTextOf(is),
  };
};

const contactStep = async (
  trx: DeskTransaction,
  step: Extract<Step, { what: "contact" }>,
  at: number,
): Promise<Told> => {
  const columns = ({ organisation, openpgpKey, ...rest }: ContactRecord) => ({
    organisation_id: organisation,
    openpgp_key: openpgpKey,
    ...rest,
  });
  if (step.change === "added") {
    await trx
      .insertInto("contacts")
      .values({ ...columns(step.record), state: "active", valid_from: at })
      .execute();
    return {
      organisation: step.record.organisation,
      realm: "",
      what: "contact",
      change: "added",
      subject: contactName(step.record),
      before: null,
      after: contactText(step.record),
    };
  }
  const old = await trx.selectFrom("contacts").selectAll().where("id", "=", step.id).executeTakeFirst();
  if (old === undefined || old.state === "ended") throw missing("contact", step.id);
  const base = {
    organisation: old.organisation_id,
    realm: "",
    what: "contact",
    change: step.change,
    subject: contactName(old),
  } as const;
  const before = contactText({ ...old, openpgpKey: old.openpgp_key });
  if (step.change === "ended") {
    await trx.updateTable("contacts").set({ state: "ended", valid_until: at }).where("id", "=", step.id).execute();
    return { ...base, before, after: null };
  }
  if (step.record.mail === old.mail) {
    await trx.updateTable("contacts").set(columns(step.record)).where("id", "=", step.id).execute();
  } else {
    // Another mailbox is another contact: what was sent to the old one stays with it.
    await trx.updateTable("contacts").set({ state: "ended", valid_until: at }).where("id", "=", step.id).execute();
    await trx
      .insertInto("contacts")
      .values({ ...columns(step.record), state: "active", valid_from: at })
      .execute();
  }
  return { ...base, before, after: contactText(step.record) };
};

const organisationOf = async (trx: DeskTransaction, step: Step): Promise<readonly [string, string]> => {
  if (step.what === "organisation") return [step.change === "ended" ? step.id : step.record.id, ""];
  if (step.change === "added") return [step.record.organisation, step.what === "network" ? step.record.realm : ""];
  if (step.what === "contact") {
    const row = await trx.selectFrom("contacts").select("organisation_id").where("id", "=", step.id).executeTakeFirst();
    if (row === undefined) throw missing("contact", step.id);
    return [row.organisation_id, ""];
  }
  const row = await trx
    .selectFrom("networks")
    .select(["organisation_id", "realm"])
    .where("id", "=", step.id)
    .executeTakeFirst();
  if (row === undefined) throw missing("network", step.id);
  return [row.organisation_id, row.realm];
};

/**
 * Does one step and writes it into the history. Nothing is deleted: what ends has an end.
 * @throws AppError NOT_FOUND for what the actor may not see or that is not there, ACCESS_DENIED for what it may not write.
 */
export const doStep = async (
  trx: DeskTransaction,
  actor: Actor,
  step: Step,
  { at, origin, by = actor.id }: { readonly at: number; readonly origin: string; readonly by?: string },
): Promise<Told> => {
  const [organisation, realm] = await organisationOf(trx, step);
  if (!seesOrganisation(actor, organisation)) throw missing("organisation", organisation);
  if (!mayWrite(actor, organisation, realm)) throw new AppError("ACCESS_DENIED", "ask for this change; staff decide");
  // A realm is one organisation's: who belongs to two gives the inside of one to nobody of the other.
  if (realm !== "" && !hasRole(actor, "system")) {
    const held = await trx
      .selectFrom("networks")
      .select("id")
      .where("organisation_id", "<>", organisation)
      .where("realm", "=", realm)
      .limit(1)
      .executeTakeFirst();
    if (held !== undefined) throw new AppError("ACCESS_DENIED", `the realm ${realm} is not ${organisation}'s`);
  }
  const done =
    step.what === "organisation"
      ? await organisationStep(trx, step, at)
      : step.what === "network"
        ? await networkStep(trx, step, at, origin)
        : await contactStep(trx, step, at);
  const { organisation: organisation_id, ...rest } = done;
  await trx
    .insertInto("constituency_history")
    .values({ organisation_id, ...rest, at, actor: by })
    .execute();
  return done;
};

const bulk = 1_000;

/** Many networks at once, as `doStep` would add each; the caller has looked that none is there already. @throws AppError ACCESS_DENIED. */
export const addNetworks = async (
  trx: DeskTransaction,
  actor: Actor,
  records: readonly NetworkRecord[],
  { at, origin, by = actor.id }: { readonly at: number; readonly origin: string; readonly by?: string },
): Promise<void> => {
  const denied = records.find(({ organisation, realm }) => !mayWrite(actor, organisation, realm));
  if (denied !== undefined) {
    throw new AppError(
      "ACCESS_DENIED",
      `${networkName(denied)}: rows of the realm ${denied.realm} are its member's own`,
    );
  }
  for (let from = 0; from < records.length; from += bulk) {
    const some = records.slice(from, from + bulk);
    await trx
      .insertInto("networks")
      .values(
        some.map(({ organisation, from: since, until, dark, ...rest }) => ({
          organisation_id: organisation,
          ...rest,
          valid_from: since,
          valid_until: until,
          origin,
          dark: [...dark],
        })),
      )
      .execute();
    await trx
      .insertInto("constituency_history")
      .values(
        some.map((record) => ({
          organisation_id: record.organisation,
          realm: record.realm,
          at,
          actor: by,
          what: "network" as const,
          change: "added" as const,
          subject: networkName(record),
          before: null,
          after: networkTextOf(record),
        })),
      )
      .execute();
  }
};
