// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Actor } from "../model/actor.ts";
import type { DetectionKind } from "../model/detection.ts";
import type { Desk } from "../store/desk/desk.ts";

/** Most alerts that are looked at for an owner; the newest. */
const most = 10_000;

/** A source as its owner was last told of it. Times are microseconds. */
export interface ToldSource {
  /** One address, as the desk writes it. */
  readonly source: string;
  readonly kind: DetectionKind;
  readonly family: string | null;
  readonly asn: number | null;
  readonly country: string | null;
  readonly protocol: string | null;
  readonly ports: readonly number[];
  readonly packets: number;
  readonly first: number;
  readonly last: number;
}

/**
 * Sources that the actor's organisations were told of by a notice, and that are theirs still (`ownerOf`: whose an address is now), with what
 * the newest notice said of each and nothing that came after it. What is held back from an owner, or was never told, is not there: the budget
 * of what owners learn is kept where notices are decided, and nowhere else. Nor is what somebody else has by now: the host there is another one's.
 */
export const toldSources =
  (desk: Desk, ownerOf: (address: string) => string | null) =>
  async (actor: Actor): Promise<readonly ToldSource[]> => {
    if (actor.organisations.length === 0) return [];
    const rows = await desk.as(actor, (trx) =>
      trx
        .selectFrom("alerts")
        .select(["source", "kind", "family", "asn", "country", "shown"])
        .where("organisation_id", "in", [...actor.organisations])
        .where("realm", "=", "")
        .where("exercise", "=", "")
        .where("source", "is not", null)
        .where("shown", "is not", null)
        .where("told", "is not", null)
        .where((eb) => eb.or([eb(sql<number>`cardinality(held)`, "=", 0), eb("released", "is not", null)]))
        .orderBy("told", "desc")
        .limit(most)
        .execute(),
    );
    const found = new Map<string, ToldSource>();
    for (const { source, shown, ...row } of rows) {
      const address = source?.replace(/\/(32|128)$/, "") ?? "";
      if (shown === null || !actor.organisations.includes(ownerOf(address) ?? "")) continue;
      const { protocol, ports, packets, first, last } = shown;
      const before = found.get(address);
      // Of several findings about one address the newest says what it is; what they saw is largely the same packets.
      found.set(address, {
        ...(before ?? { ...row, source: address, protocol }),
        ports: [...new Set([...(before?.ports ?? []), ...ports])],
        packets: Math.max(before?.packets ?? 0, packets),
        first: Math.min(before?.first ?? Infinity, first),
        last: Math.max(before?.last ?? -Infinity, last),
      });
    }
    return [...found.values()];
  };
