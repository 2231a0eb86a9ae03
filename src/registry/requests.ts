// SPDX-License-Identifier: Apache-2.0
import type { Actor } from "../model/actor.ts";
import type { Step } from "../model/constituency.ts";
import { AppError } from "../platform/errors.ts";
import { json } from "../store/desk/desk.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import { seesOrganisation } from "../store/desk/steps.ts";

export type ClaimMethod = "dns" | "mail" | "rdap";
/** Open requests of one organisation at once: more is no honest need. */
const openAtMost = 200;
/** Letters to others that one organisation's claims, and its wishes about contacts, cause in a day: whoever withdraws and asks again is no mail cannon. */
const lettersAtMost = 20;
const dayLong = 86_400_000_000;

/** @throws AppError DOOR_BUSY when an organisation's requests wrote that many letters today. As the program. */
export const holdLetters = async (trx: DeskTransaction, organisation: string, at: number): Promise<void> => {
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

export const unknown = (what: string, id: string): AppError =>
  new AppError("NOT_FOUND", `there is no ${what} ${id.slice(0, 64)}`);

/** Of one that has not ended. @throws AppError NOT_FOUND. */
export const organisationName = async (trx: DeskTransaction, id: string): Promise<{ id: string; name: string }> => {
  const row = await trx
    .selectFrom("organisations")
    .select(["id", "name", "ended"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined || row.ended !== null) throw unknown("organisation", id);
  return { id: row.id, name: row.name };
};

/** @throws AppError DOOR_BUSY when too many requests of the organisation wait already. */
export const holdOpen = async (trx: DeskTransaction, organisation: string): Promise<void> => {
  const { n } = await trx
    .selectFrom("changes")
    .select((eb) => eb.fn.countAll<number>().as("n"))
    .where("organisation_id", "=", organisation)
    .where("state", "in", ["asked", "proof", "waiting"])
    .executeTakeFirstOrThrow();
  if (n >= openAtMost)
    throw new AppError("DOOR_BUSY", `${openAtMost} requests are open already: wait for staff, or withdraw some`);
};

/** Something that was asked for and is not done yet. */
export interface NewRequest {
  readonly organisation: string;
  readonly realm: string;
  readonly at: number;
  readonly actor: string;
  readonly kind: "network" | "contact" | "organisation" | "claim";
  readonly subject: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly step: Step;
  readonly contact: string | null;
  readonly state: "asked" | "proof" | "waiting";
  /** When a change that waits for an objection is done. */
  readonly until?: number;
  readonly proof?: { readonly method: ClaimMethod; readonly challenge: string | null; readonly instruction: string };
}
/** Writes it down, and gives its id. */
export const writeRequest = async (trx: DeskTransaction, request: NewRequest): Promise<string> => {
  const { organisation, contact, step, until, proof, ...rest } = request;
  const { id } = await trx
    .insertInto("changes")
    .values({
      ...rest,
      organisation_id: organisation,
      step: json(step),
      contact_id: contact,
      waits_until: until ?? null,
      method: proof?.method ?? null,
      challenge: proof?.challenge ?? null,
      instruction: proof?.instruction.slice(0, 500) ?? null,
      shown: null,
      reason: null,
      decided: null,
      decided_by: null,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  return id;
};

/** @throws AppError NOT_FOUND. */
export const loadRequest = async (trx: DeskTransaction, actor: Actor, id: string) => {
  const row = await trx.selectFrom("changes").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined || !seesOrganisation(actor, row.organisation_id)) throw unknown("request", id);
  return row;
};
