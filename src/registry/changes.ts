// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { networkText } from "../constituency/network.ts";
import type { Actor } from "../model/actor.ts";
import { systemActor } from "../model/actor.ts";
import type { ContactRecord, Step } from "../model/constituency.ts";
import { AppError } from "../platform/errors.ts";
import { json } from "../store/desk/desk.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import {
  contactText,
  doStep,
  isStaff,
  mayWrite,
  networkTextOf,
  organisationText,
  seesOrganisation,
} from "../store/desk/steps.ts";
import { momentText, writeLetter } from "./letters.ts";
import { linkFor, objectionFor } from "./options.ts";
import type { RegistryOptions } from "./options.ts";
import { isProven, proofNames, proofText } from "./proof.ts";
import type { Claimed } from "./proof.ts";
import { makeLink } from "./secrets.ts";

export interface Outcome {
  readonly outcome: "done" | "requested" | "waiting";
  readonly until: number | null;
}
export type ClaimMethod = "dns" | "mail" | "rdap";
/** Open requests of one organisation at once: more is no honest need. */
const openAtMost = 200;
/** Letters to others that one organisation's claims, and its wishes about contacts, cause in a day: whoever withdraws and asks again is no mail cannon. */
const lettersAtMost = 20;
const dayLong = 86_400_000_000;

/** @throws AppError DOOR_BUSY when an organisation's requests wrote that many letters today. As the program. */
const holdLetters = async (trx: DeskTransaction, organisation: string, at: number): Promise<void> => {
  // Requests that come at once are counted one after the other.
  await trx.selectFrom("organisations").select("id").where("id", "=", organisation).forNoKeyUpdate().execute();
  const { n } = await trx
    .selectFrom("changes")
    .select((eb) => eb.fn.countAll<number>().as("n"))
    .where("organisation_id", "=", organisation)
    .where("at", ">", at - dayLong)
    .where((eb) =>
      eb.or([
        eb.and([eb("kind", "=", "claim"), eb("method", "in", ["mail", "rdap"])]),
        eb("waits_until", "is not", null),
      ]),
    )
    .executeTakeFirstOrThrow();
  if (n >= lettersAtMost)
    throw new AppError(
      "DOOR_BUSY",
      `${lettersAtMost} letters were written for this organisation's requests today: go on tomorrow`,
    );
};

const unknown = (what: string, id: string): AppError =>
  new AppError("NOT_FOUND", `there is no ${what} ${id.slice(0, 64)}`);

const organisationName = async (trx: DeskTransaction, id: string): Promise<{ id: string; name: string }> => {
  const row = await trx
    .selectFrom("organisations")
    .select(["id", "name", "ended"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined || row.ended !== null) throw unknown("organisation", id);
  return { id: row.id, name: row.name };
};

const told = (step: Step): { kind: "network" | "contact" | "organisation"; subject: string; after: string | null } => {
  if (step.what === "organisation") {
    return step.change === "ended"
      ? { kind: "organisation", subject: step.id, after: null }
      : { kind: "organisation", subject: step.record.id, after: organisationText(step.record) };
  }
  if (step.what === "network") {
    if (step.change === "added")
      return { kind: "network", subject: networkText(step.record), after: networkTextOf(step.record) };
    return {
      kind: "network",
      subject: step.id,
      after: step.change === "ended" ? null : networkTextOf({ ...step, from: 0 }),
    };
  }
  return step.change === "ended"
    ? { kind: "contact", subject: step.id, after: null }
    : { kind: "contact", subject: step.record.role, after: contactText(step.record) };
};

/** The row that a step is about, as the actor sees it. @throws AppError NOT_FOUND. */
const seen = async (
  trx: DeskTransaction,
  actor: Actor,
  step: Step,
): Promise<{ organisation: string; realm: string; subject: string | null; before: string | null }> => {
  const guard = (organisation: string, what: string, id: string): void => {
    if (!seesOrganisation(actor, organisation)) throw unknown(what, id);
  };
  if (step.what === "organisation" || step.change === "added") {
    const id =
      step.what === "organisation" ? (step.change === "ended" ? step.id : step.record.id) : step.record.organisation;
    guard(id, "organisation", id);
    if (step.what !== "organisation" || step.change !== "added") await organisationName(trx, id);
    return { organisation: id, realm: step.what === "network" ? step.record.realm : "", subject: null, before: null };
  }
  if (step.what === "network") {
    const row = await trx.selectFrom("networks").selectAll().where("id", "=", step.id).executeTakeFirst();
    if (row === undefined) throw unknown("network", step.id);
    guard(row.organisation_id, "network", step.id);
    const before = networkTextOf({
      translation: row.translation,
      from: row.valid_from,
      until: row.valid_until,
      dark: row.dark,
    });
    return { organisation: row.organisation_id, realm: row.realm, subject: networkText(row), before };
  }
  const row = await trx.selectFrom("contacts").selectAll().where("id", "=", step.id).executeTakeFirst();
  if (row === undefined || row.state === "ended") throw unknown("contact", step.id);
  guard(row.organisation_id, "contact", step.id);
  return {
    organisation: row.organisation_id,
    realm: "",
    subject: `${row.role} ${row.mail ?? row.webhook ?? ""}`.trim(),
    before: contactText({ ...row, openpgpKey: row.openpgp_key }),
  };
};

/** Whether letters would go elsewhere, or be read by somebody else, after this change. */
const diverts = (
  old: { mail: string | null; webhook: string | null; openpgp_key: string | null; role: string },
  record: ContactRecord,
): boolean =>
  old.mail !== record.mail ||
  old.webhook !== record.webhook ||
  old.openpgp_key !== record.openpgpKey ||
  old.role !== record.role;

export interface Changes {
  /** Does a step, or asks for it where the actor may only ask; a contact that would be diverted waits for the old one's objection. */
  ask(actor: Actor, organisation: string, step: Step): Promise<Outcome>;
  /** A member says that a network is theirs. Gives the id of the request. */
  claim(actor: Actor, organisation: string, network: Claimed, method: ClaimMethod): Promise<string>;
  /** Looks for the proof now. @throws AppError NOT_FOUND, CHANGE_DECIDED, CLAIM_UNPROVEN. */
  prove(actor: Actor, id: string): Promise<void>;
  decide(actor: Actor, id: string, decision: "approve" | "refuse" | "withdraw", reason: string | null): Promise<void>;
  /** Does what waited long enough without an objection. Gives how many. */
  applyDue(): Promise<number>;
}

export const createChanges = (options: RegistryOptions): Changes => {
  const { desk, now } = options;
  const changed = (): void => options.changed?.();

  const hold = async (actor: Actor, step: Extract<Step, { what: "contact" }>, at: number): Promise<Outcome | null> => {
    if (step.change === "added") return null;
    // As the program: the letter's secret is nobody's to read.
    return desk.as(systemActor, async (trx) => {
      const old = await trx.selectFrom("contacts").selectAll().where("id", "=", step.id).forUpdate().executeTakeFirst();
      if (old === undefined || old.state === "ended") throw unknown("contact", step.id);
      // Nobody is there to object, or nothing is diverted.
      if (old.mail === null || old.state === "dead") return null;
      if (step.change === "changed" && !diverts(old, step.record)) return null;
      if (step.change === "ended" && isStaff(actor)) return null;
      const until = at + objectionFor;
      const organisation = await organisationName(trx, old.organisation_id);
      if (!isStaff(actor)) await holdLetters(trx, old.organisation_id, at);
      // A newer wish takes the place of one that still waits.
      await trx
        .updateTable("changes")
        .set({ state: "withdrawn", decided: at, decided_by: actor.id, reason: "replaced by a newer request" })
        .where("contact_id", "=", old.id)
        .where("state", "=", "waiting")
        .execute();
      const after = step.change === "ended" ? null : contactText(step.record);
      const { id } = await trx
        .insertInto("changes")
        .values({
          organisation_id: old.organisation_id,
          realm: "",
          at,
          actor: actor.id,
          kind: "contact",
          subject: `${old.role} ${old.mail}`,
          before: contactText({ ...old, openpgpKey: old.openpgp_key }),
          after,
          step: json(step),
          contact_id: old.id,
          state: "waiting",
          waits_until: until,
          method: null,
          challenge: null,
          instruction: null,
          shown: null,
          reason: null,
          decided: null,
          decided_by: null,
        })
        .returning("id")
        .executeTakeFirstOrThrow();
      const link = await makeLink(trx, options.tokenOf, {
        purpose: "object",
        contact: old.id,
        change: id,
        made: at,
        expires: until,
      });
      await writeLetter(trx, {
        kind: "object",
        recipient: old.mail,
        language: old.language,
        contact: old.id,
        organisation,
        link,
        at,
        values: { role: old.role, until: momentText(until), after: after ?? "-" },
      });
      return { outcome: "waiting", until };
    });
  };

  const request = async (actor: Actor, step: Step, at: number): Promise<Outcome> => {
    await desk.as(actor, async (trx) => {
      const row = await seen(trx, actor, step);
      const { n } = await trx
        .selectFrom("changes")
        .select((eb) => eb.fn.countAll<number>().as("n"))
        .where("organisation_id", "=", row.organisation)
        .where("state", "in", ["asked", "proof", "waiting"])
        .executeTakeFirstOrThrow();
      if (n >= openAtMost)
        throw new AppError("DOOR_BUSY", `${openAtMost} requests are open already: wait for staff, or withdraw some`);
      const { kind, subject, after } = told(step);
      await trx
        .insertInto("changes")
        .values({
          organisation_id: row.organisation,
          realm: row.realm,
          at,
          actor: actor.id,
          kind,
          subject: row.subject ?? subject,
          before: row.before,
          after,
          step: json(step),
          contact_id: step.what === "contact" && step.change !== "added" ? step.id : null,
          state: "asked",
          waits_until: null,
          method: null,
          challenge: null,
          instruction: null,
          shown: null,
          reason: null,
          decided: null,
          decided_by: null,
        })
        .execute();
    });
    return { outcome: "requested", until: null };
  };

  const ask: Changes["ask"] = async (actor, organisation, step) => {
    const at = now();
    const { realm, diverting } = await desk.as(actor, async (trx) => {
      const row = await seen(trx, actor, step);
      // The path names an organisation; the row must be its own.
      if (row.organisation !== organisation) throw unknown("organisation", organisation);
      const old =
        step.what === "contact" && step.change === "changed"
          ? await trx.selectFrom("contacts").selectAll().where("id", "=", step.id).executeTakeFirst()
          : undefined;
      return {
        realm: row.realm,
        diverting:
          old === undefined || step.what !== "contact" || step.change !== "changed" || diverts(old, step.record),
      };
    });
    if (step.what === "contact") {
      const held = await hold(actor, step, at);
      if (held !== null) return held;
    }
    // A member's own realm is the member's; and who keeps the mailbox may say how it is called and in which language it reads.
    const own = mayWrite(actor, organisation, realm);
    const harmless = step.what === "contact" && step.change === "changed" && !diverting;
    if (!own && !harmless) return request(actor, step, at);
    await desk.as(own ? actor : systemActor, (trx) =>
      doStep(trx, own ? actor : systemActor, step, { at, origin: isStaff(actor) ? "analyst" : "member", by: actor.id }),
    );
    changed();
    return { outcome: "done", until: null };
  };

  const recipientOf = async (claimed: Claimed, method: "mail" | "rdap", claimant: string): Promise<string> => {
    if (method === "rdap") {
      const mail = await options.registered(claimed);
      if (mail === null)
        throw new AppError("CLAIM_UNPROVEN", "the registries name no mail address for it; choose another way");
      return mail;
    }
    if (claimed.domain !== null) return `postmaster@${claimed.domain}`;
    // Who holds it, or the network around it, here and now.
    const holder = await desk.as(systemActor, async (trx) => {
      const row = await trx
        .selectFrom("networks")
        .innerJoin("contacts", "contacts.organisation_id", "networks.organisation_id")
        .select("contacts.mail")
        .where("realm", "=", "")
        .where("networks.organisation_id", "<>", claimant)
        .where("contacts.state", "=", "active")
        .where("contacts.mail", "is not", null)
        .where((eb) => eb.or([eb("networks.valid_until", "is", null), eb("networks.valid_until", ">", now())]))
        .where((eb) =>
          claimed.prefix === null
            ? eb("networks.asn", "=", claimed.asn)
            : sql<boolean>`networks.prefix >>= ${claimed.prefix}::cidr`,
        )
        .orderBy(sql`masklen(networks.prefix)`, "desc")
        .orderBy("contacts.role")
        .limit(1)
        .executeTakeFirst();
      return row?.mail ?? null;
    });
    if (holder === null)
      throw new AppError("CLAIM_UNPROVEN", "nobody with a mail address holds it here; choose another way");
    return holder;
  };

  const claim: Changes["claim"] = async (actor, organisation, claimed, method) => {
    const at = now();
    if (!seesOrganisation(actor, organisation)) throw unknown("organisation", organisation);
    const subject = networkText(claimed);
    const challenge = method === "dns" ? randomBytes(16).toString("hex") : null;
    const names = proofNames(claimed);
    if (method === "dns" && names.length === 0)
      throw new AppError("CLAIM_UNPROVEN", "an AS has no place in the DNS; choose another way");
    const recipient = method === "dns" ? null : await recipientOf(claimed, method, organisation);
    const instruction =
      challenge === null
        ? "The mail address that is registered for it was asked. Whoever reads it must confirm."
        : `Put the TXT record "${proofText(challenge)}" at ${names[0]}${names.length > 1 ? ` and ${names.length - 1} more, to ${names.at(-1)}` : ""}, then let it be looked for.`;
    const step: Step = {
      what: "network",
      change: "added",
      record: { organisation, realm: "", ...claimed, translation: "none", from: at, until: null, dark: [] },
    };
    return desk.as(systemActor, async (trx) => {
      const name = await organisationName(trx, organisation);
      const { n } = await trx
        .selectFrom("changes")
        .select((eb) => eb.fn.countAll<number>().as("n"))
        .where("organisation_id", "=", organisation)
        .where("state", "in", ["asked", "proof", "waiting"])
        .executeTakeFirstOrThrow();
      if (n >= openAtMost)
        throw new AppError("DOOR_BUSY", `${openAtMost} requests are open already: wait for staff, or withdraw some`);
      if (recipient !== null && !isStaff(actor)) await holdLetters(trx, organisation, at);
      const { id } = await trx
        .insertInto("changes")
        .values({
          organisation_id: organisation,
          realm: "",
          at,
          actor: actor.id,
          kind: "claim",
          subject,
          before: null,
          after: null,
          step: json(step),
          contact_id: null,
          state: "proof",
          waits_until: null,
          method,
          challenge,
          instruction: instruction.slice(0, 500),
          shown: null,
          reason: null,
          decided: null,
          decided_by: null,
        })
        .returning("id")
        .executeTakeFirstOrThrow();
      if (recipient !== null) {
        const expires = at + linkFor;
        const link = await makeLink(trx, options.tokenOf, {
          purpose: "claim",
          contact: null,
          change: id,
          made: at,
          expires,
        });
        await writeLetter(trx, {
          kind: "claim",
          recipient,
          language: "en",
          contact: null,
          organisation: name,
          link,
          at,
          values: { subject, until: momentText(expires) },
        });
      }
      return id;
    });
  };

  const load = async (trx: DeskTransaction, actor: Actor, id: string) => {
    const row = await trx.selectFrom("changes").selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined || !seesOrganisation(actor, row.organisation_id)) throw unknown("request", id);
    return row;
  };

  const prove: Changes["prove"] = async (actor, id) => {
    const row = await desk.as(actor, (trx) => load(trx, actor, id));
    if (row.kind !== "claim" || row.state !== "proof")
      throw new AppError("CHANGE_DECIDED", "there is nothing to show any more");
    const step = row.step;
    if (row.challenge === null || step.what !== "network" || step.change !== "added") {
      throw new AppError("CLAIM_UNPROVEN", "the registered address has not confirmed yet");
    }
    let proven: boolean;
    try {
      proven = await isProven(step.record, row.challenge, options.txt);
    } catch (error) {
      throw new AppError(
        "CLAIM_UNPROVEN",
        `the DNS does not answer: ${error instanceof Error ? error.message : "no reason given"}`,
      );
    }
    if (!proven) throw new AppError("CLAIM_UNPROVEN", `the record is not there yet. ${row.instruction ?? ""}`.trim());
    await desk.as(systemActor, async (trx) => {
      await trx
        .updateTable("changes")
        .set({ shown: now(), state: "asked" })
        .where("id", "=", id)
        .where("state", "=", "proof")
        .execute();
    });
  };

  const decide: Changes["decide"] = async (actor, id, decision, reason) => {
    const at = now();
    await desk.as(actor, async (trx) => {
      const row = await load(trx, actor, id);
      if (decision !== "withdraw" && !isStaff(actor)) throw new AppError("ACCESS_DENIED", "staff decide");
      const open = decision === "approve" ? ["asked", "proof"] : ["asked", "proof", "waiting"];
      if (!open.includes(row.state)) {
        throw new AppError(
          "CHANGE_DECIDED",
          row.state === "waiting"
            ? "it waits for the old contact's objection; it can be refused, not hurried"
            : `the request is ${row.state} already`,
        );
      }
      const vouched = row.kind === "claim" && row.shown === null && decision === "approve";
      if (vouched && (reason === null || reason.trim().length < 3)) {
        throw new AppError("CLAIM_UNPROVEN", "control was not shown; say in the reason how you know that it is theirs");
      }
      const state = { approve: "approved", refuse: "refused", withdraw: "withdrawn" } as const;
      const { numUpdatedRows } = await trx
        .updateTable("changes")
        .set({
          state: state[decision],
          decided: at,
          decided_by: actor.id,
          reason,
          ...(vouched ? { shown: at, method: "staff" } : {}),
        })
        .where("id", "=", id)
        .where("state", "=", row.state)
        .executeTakeFirst();
      if (Number(numUpdatedRows) === 0) throw new AppError("CHANGE_DECIDED", "somebody else decided at this moment");
      if (decision !== "approve") return;
      // Who has ended since gets nothing any more.
      await organisationName(trx, row.organisation_id);
      const step =
        row.kind === "claim" && row.step.what === "network" && row.step.change === "added"
          ? fromNow(row.step, at)
          : row.step;
      await doStep(trx, actor, step, { at, origin: "member", by: `${row.actor}, approved by ${actor.id}` });
    });
    if (decision === "approve") changed();
  };

  return {
    ask,
    claim,
    prove,
    decide,
    applyDue: async () => {
      const at = now();
      const due = await desk.as(systemActor, (trx) =>
        trx
          .selectFrom("changes")
          .select("id")
          .where("state", "=", "waiting")
          .where("waits_until", "<=", at)
          .limit(1000)
          .execute(),
      );
      let done = 0;
      const one = (id: string): Promise<void> =>
        desk.as(systemActor, async (trx) => {
          const row = await trx
            .selectFrom("changes")
            .selectAll()
            .where("id", "=", id)
            .where("state", "=", "waiting")
            .forUpdate()
            .executeTakeFirst();
          if (row === undefined) return;
          const there = await trx
            .selectFrom("contacts")
            .select("state")
            .where("id", "=", row.contact_id)
            .executeTakeFirst();
          const gone = there === undefined || there.state === "ended";
          await trx
            .updateTable("changes")
            .set({
              state: gone ? "withdrawn" : "approved",
              decided: at,
              decided_by: "system",
              reason: gone ? "the contact has ended" : "nobody objected",
            })
            .where("id", "=", id)
            .execute();
          if (gone) return;
          await doStep(trx, systemActor, row.step, { at, origin: "member", by: row.actor });
          done++;
        });
      let fault: unknown;
      // Each alone: one that cannot be done any more must not hold the others.
      for (const { id } of due) await one(id).catch((error: unknown) => (fault ??= error));
      if (done > 0) changed();
      if (fault !== undefined) throw fault;
      return done;
    },
  };
};

const fromNow = (step: Extract<Step, { what: "network"; change: "added" }>, at: number): Step => ({
  ...step,
  record: { ...step.record, from: at },
});
