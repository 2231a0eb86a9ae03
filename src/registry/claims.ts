// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { networkText } from "../constituency/network.ts";
import type { Actor } from "../model/actor.ts";
import { systemActor } from "../model/actor.ts";
import type { Step } from "../model/constituency.ts";
import { AppError } from "../platform/errors.ts";
import { isStaff, seesOrganisation } from "../store/desk/steps.ts";
import { momentText, writeLetter } from "./letters.ts";
import { linkFor } from "./options.ts";
import type { RegistryOptions } from "./options.ts";
import { isProven, proofNames, proofText } from "./proof.ts";
import type { Claimed } from "./proof.ts";
import { holdLetters, holdOpen, loadRequest, organisationName, unknown, writeRequest } from "./requests.ts";
import type { ClaimMethod } from "./requests.ts";
import { makeLink } from "./secrets.ts";

export interface Claims {
  /** A member says that a network is theirs. Gives the id of the request. */
  claim(actor: Actor, organisation: string, network: Claimed, method: ClaimMethod): Promise<string>;
  /** Looks for the proof now. @throws AppError NOT_FOUND, CHANGE_DECIDED, CLAIM_UNPROVEN. */
  prove(actor: Actor, id: string): Promise<void>;
}

export const createClaims = (options: RegistryOptions): Claims => {
  const { desk, now } = options;

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

  const claim: Claims["claim"] = async (actor, organisation, claimed, method) => {
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
      await holdOpen(trx, organisation);
      if (recipient !== null && !isStaff(actor)) await holdLetters(trx, organisation, at);
      const id = await writeRequest(trx, {
        organisation,
        realm: "",
        at,
        actor: actor.id,
        kind: "claim",
        subject,
        before: null,
        after: null,
        step,
        contact: null,
        state: "proof",
        proof: { method, challenge, instruction },
      });
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

  const prove: Claims["prove"] = async (actor, id) => {
    const row = await desk.as(actor, (trx) => loadRequest(trx, actor, id));
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

  return { claim, prove };
};
