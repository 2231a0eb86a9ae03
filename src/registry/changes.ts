// SPDX-License-Identifier: Apache-2.0
import { networkText } from "../constituency/network.ts";
import type { Actor } from "../model/actor.ts";
import { systemActor } from "../model/actor.ts";
import type { ContactRecord, Step } from "../model/constituency.ts";
import { AppError } from "../platform/errors.ts";
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
import { objectionFor } from "./options.ts";
import type { RegistryOptions } from "./options.ts";
import { holdLetters, holdOpen, loadRequest, organisationName, unknown, writeRequest } from "./requests.ts";
import { makeLink } from "./secrets.ts";

export interface Outcome {
  readonly outcome: "done" | "requested" | "waiting";
  readonly until: number | null;
}

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

/** Whether letters or calls would go elsewhere, or be read by somebody else, after this change. */
const diverts = (
  old: { mail: string | null; phone: string | null; webhook: string | null; openpgp_key: string | null; role: string },
  record: ContactRecord,
): boolean =>
  old.mail !== record.mail ||
  old.phone !== record.phone ||
  old.webhook !== record.webhook ||
  old.openpgp_key !== record.openpgpKey ||
  old.role !== record.role;

export interface Changes {
  /** Does a step, or asks for it where the actor may only ask; a contact that would be diverted waits for the old one's objection. */
  ask(actor: Actor, organisation: string, step: Step): Promise<Outcome>;
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
      const id = await writeRequest(trx, {
        organisation: old.organisation_id,
        realm: "",
        at,
        actor: actor.id,
        kind: "contact",
        subject: `${old.role} ${old.mail}`,
        before: contactText({ ...old, openpgpKey: old.openpgp_key }),
        after,
        step,
        contact: old.id,
        state: "waiting",
        until,
      });
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

  /** Who is taken off the list by staff is told, at once: a contact that is ended and made anew elsewhere would be diverted without a word. */
  const tellEnded = async (trx: DeskTransaction, id: string, at: number): Promise<void> => {
    const old = await trx.selectFrom("contacts").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
    if (old === undefined || old.mail === null || old.state === "dead" || old.state === "ended") return;
    const organisation = await organisationName(trx, old.organisation_id);
    const { role, mail: recipient, language } = old;
    await writeLetter(trx, {
      kind: "ended",
      recipient,
      language,
      contact: old.id,
      organisation,
      link: null,
      at,
      values: { role, until: momentText(at) },
    });
  };

  const request = async (actor: Actor, step: Step, at: number): Promise<Outcome> => {
    await desk.as(actor, async (trx) => {
      const row = await seen(trx, actor, step);
      await holdOpen(trx, row.organisation);
      const { kind, subject, after } = told(step);
      await writeRequest(trx, {
        organisation: row.organisation,
        realm: row.realm,
        at,
        actor: actor.id,
        kind,
        subject: row.subject ?? subject,
        before: row.before,
        after,
        step,
        contact: step.what === "contact" && step.change !== "added" ? step.id : null,
        state: "asked",
      });
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
    const takesOff = step.what === "contact" && step.change === "ended";
    // A member's own realm is the member's; and who keeps the mailbox may say how it is called and in which language it reads.
    const own = mayWrite(actor, organisation, realm);
    const harmless = step.what === "contact" && step.change === "changed" && !diverting;
    if (!own && !harmless) return request(actor, step, at);
    // As the program where a letter is written too: it is of no organisation, so that no member finds it.
    await desk.as(own && !takesOff ? actor : systemActor, async (trx) => {
      if (takesOff) await tellEnded(trx, step.id, at);
      await doStep(trx, own ? actor : systemActor, step, {
        at,
        origin: isStaff(actor) ? "analyst" : "member",
        by: actor.id,
      });
    });
    changed();
    return { outcome: "done", until: null };
  };

  const decide: Changes["decide"] = async (actor, id, decision, reason) => {
    const at = now();
    await desk.as(actor, async (trx) => {
      const row = await loadRequest(trx, actor, id);
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
