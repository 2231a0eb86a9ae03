// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Actor } from "../model/actor.ts";
import type { Desk } from "../store/desk/desk.ts";

/** Most sources that an owner looks at; the newest. */
const most = 10_000;

/**
 * Sources that the actor's organisations were told of by a notice, and that are theirs still (`ownerOf`: whose an address is now). What is held
 * back from an owner, or was never told, is not there: the budget of what owners learn is kept where notices are decided, and nowhere
 * else. Nor is what somebody else has by now: the host there is another one's.
 */
export const toldSources =
  (desk: Desk, ownerOf: (address: string) => string | null) =>
  async (actor: Actor): Promise<readonly string[]> => {
    if (actor.organisations.length === 0) return [];
    const rows = await desk.as(actor, (trx) =>
      trx
        .selectFrom("alerts")
        .select("source")
        .where("organisation_id", "in", [...actor.organisations])
        .where("realm", "=", "")
        .where("exercise", "=", "")
        .where("source", "is not", null)
        .where("told", "is not", null)
        .where((eb) => eb.or([eb(sql<number>`cardinality(held)`, "=", 0), eb("released", "is not", null)]))
        .orderBy("last", "desc")
        .limit(most)
        .execute(),
    );
    const addresses = new Set(rows.flatMap(({ source }) => source?.replace(/\/(32|128)$/, "") ?? []));
    return [...addresses].filter((address) => actor.organisations.includes(ownerOf(address) ?? ""));
  };
