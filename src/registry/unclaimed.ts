// SPDX-License-Identifier: Apache-2.0
import { proposedId } from "../constituency/wanted.ts";
import type { Actor } from "../model/actor.ts";
import { AppError } from "../platform/errors.ts";
import type { Desk } from "../store/desk/desk.ts";
import { doStep } from "../store/desk/steps.ts";
import { giveUnclaimed } from "../store/desk/unclaimed.ts";

/** What the packaged data know of addresses. */
export interface Origins {
  /** Origin AS of an address (four words), 0 when not known. */
  readonly asnOf: (words: Uint32Array, at: number) => number;
  readonly countryOf: (words: Uint32Array, at: number) => string | null;
  readonly nameOf: (asn: number) => string | null;
}

/** The id that an AS would have as an organisation. */
export const idOfAs = (asn: number, name: string | null): string => {
  const id = proposedId(name ?? "");
  return /^[a-z0-9]/.test(id) ? id : `as${asn}`;
};

export interface Take {
  readonly asn: number;
  readonly id: string | null;
  readonly name: string | null;
  readonly mail: string | null;
  readonly language: string | null;
  readonly country: string | null;
}

/** Makes an organisation of an AS: with its name, its network, a contact where a mail address is known, and its open alerts. Gives the id. */
export const takeUnclaimed = (desk: Desk, actor: Actor, take: Take, name: string | null, at: number): Promise<string> =>
  desk.as(actor, async (trx) => {
    const called = take.name ?? name ?? `AS${take.asn}`;
    let id = take.id ?? idOfAs(take.asn, called);
    if (take.id === null) {
      const there = await trx.selectFrom("organisations").select("id").where("id", "=", id).executeTakeFirst();
      if (there !== undefined) id = `${id.slice(0, 50)}-as${take.asn}`;
    }
    const held = await trx
      .selectFrom("networks")
      .select("organisation_id")
      .where("asn", "=", take.asn)
      .where("realm", "=", "")
      .where((eb) => eb.or([eb("valid_until", "is", null), eb("valid_until", ">", at)]))
      .executeTakeFirst();
    if (held !== undefined) throw new AppError("NETWORK_INVALID", `AS${take.asn} is ${held.organisation_id}'s already`);
    const options = { at, origin: "analyst" } as const;
    await doStep(
      trx,
      actor,
      {
        what: "organisation",
        change: "added",
        record: {
          id,
          name: called.slice(0, 200),
          names: {},
          country: take.country,
          sector: null,
          essential: false,
          note: null,
        },
      },
      options,
    );
    await doStep(
      trx,
      actor,
      {
        what: "network",
        change: "added",
        // It was theirs before anybody here wrote it down.
        record: {
          organisation: id,
          realm: "",
          prefix: null,
          asn: take.asn,
          domain: null,
          translation: "none",
          from: 0,
          until: null,
          dark: [],
        },
      },
      options,
    );
    if (take.mail !== null) {
      await doStep(
        trx,
        actor,
        {
          what: "contact",
          change: "added",
          record: {
            organisation: id,
            role: "abuse",
            name: null,
            mail: take.mail,
            phone: null,
            language: take.language ?? "en",
            openpgpKey: null,
            webhook: null,
          },
        },
        options,
      );
    }
    await giveUnclaimed(trx, take.asn, id);
    return id;
  });
