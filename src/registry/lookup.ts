// SPDX-License-Identifier: Apache-2.0
import { defaultPreferences, deliveryOf } from "../alert/delivery.ts";
import type { Preferences } from "../alert/delivery.ts";
import type { Owner, Owners } from "../constituency/owners.ts";
import { hasRole, systemActor } from "../model/actor.ts";
import type { Actor } from "../model/actor.ts";
import { classificationOf } from "../model/detection.ts";
import type { DetectionKind } from "../model/detection.ts";
import { reachedContacts } from "../store/desk/contacts.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { isStaff } from "../store/desk/steps.ts";

/** What a tuency look-up asks (Intevation's tuency, as IntelMQ's expert calls it). */
export interface LookupAsked {
  readonly ip?: string;
  readonly domain?: string;
  readonly taxonomy?: string;
  readonly type?: string;
  readonly feedStatus?: string;
}
export interface Destination {
  readonly source: "portal";
  readonly name: string;
  readonly contacts: readonly { readonly email: string }[];
}
export interface LookupAnswer {
  readonly ip?: { readonly destinations: readonly Destination[] };
  readonly domain?: { readonly destinations: readonly Destination[] };
  /** There when true: nobody is to be told. */
  readonly suppress?: true;
  /** Always there unless suppressed: without it the client drops the contacts. */
  readonly interval?: { readonly unit: "immediate" | "days" | "weeks"; readonly length: number };
}

const kindsOf = (classification: string): readonly DetectionKind[] =>
  (Object.entries(classificationOf) as [DetectionKind, string][])
    .filter(([, one]) => one === classification)
    .map(([kind]) => kind);

type Interval = NonNullable<LookupAnswer["interval"]>;
/** How often an organisation wants to hear of such things; null: not at all. */
const intervalOf = (preferences: Preferences, classification: string): Interval | null => {
  // A kind that we never find ourselves is held to the rule for everything.
  const kinds = kindsOf(classification);
  const asked = kinds.length > 0 ? kinds : (["event"] as const);
  const deliveries = new Set(asked.map((kind) => deliveryOf(preferences, kind, "medium")));
  if (deliveries.has("immediate")) return { unit: "immediate", length: 1 };
  if (!deliveries.has("digest")) return null;
  return { unit: preferences.digest.every === "week" ? "weeks" : "days", length: 1 };
};
const shorter = (a: Interval, b: Interval): Interval => {
  const order = ["immediate", "days", "weeks"];
  return order.indexOf(a.unit) <= order.indexOf(b.unit) ? a : b;
};

/**
 * Whom to tell about an address or a host name. Staff's tokens see every owner, a member's its own organisation alone; a name that
 * nobody owns has no destination.
 */
export const lookUp = async (
  desk: Desk,
  owners: Owners,
  actor: Actor,
  asked: LookupAsked,
  now: number,
): Promise<LookupAnswer> => {
  const classification = `${asked.taxonomy ?? ""}:${asked.type ?? ""}`;
  const visible = (owner: Owner | null): Owner | null =>
    owner !== null && (isStaff(actor) || (hasRole(actor, "member") && actor.organisations.includes(owner.organisation)))
      ? owner
      : null;
  const found = {
    ip: asked.ip === undefined ? null : visible(owners.ownerOf("", asked.ip, now)),
    domain: asked.domain === undefined ? null : visible(owners.ownerOfDomain("", asked.domain, now)),
  };
  const destinationOf = async (
    trx: DeskTransaction,
    owner: Owner | null,
  ): Promise<{ destinations: Destination[]; interval: Interval | null } | null> => {
    if (owner === null) return null;
    const row = await trx
      .selectFrom("organisations")
      .select("name")
      .where("id", "=", owner.organisation)
      .executeTakeFirst();
    const reached = await reachedContacts(trx, owner.organisation);
    const kept = await trx
      .selectFrom("preferences")
      .select("document")
      .where("organisation_id", "=", owner.organisation)
      .executeTakeFirst();
    const preferences: Preferences = { ...defaultPreferences, ...(kept?.document as Partial<Preferences> | undefined) };
    return {
      destinations:
        row === undefined
          ? []
          : [
              {
                source: "portal",
                name: row.name,
                contacts: (reached?.contacts ?? []).map(({ mail }) => ({ email: mail })),
              },
            ],
      interval: intervalOf(preferences, classification),
    };
  };
  // As the program: who may see the owner may know whom to write to; a token of a member reads no preferences elsewhere.
  const told = await desk.as(systemActor, async (trx) => ({
    ip: asked.ip === undefined ? undefined : await destinationOf(trx, found.ip),
    domain: asked.domain === undefined ? undefined : await destinationOf(trx, found.domain),
  }));
  // Nobody has no wishes: what follows is what the owners want.
  const both = [told.ip, told.domain].filter((one) => one !== undefined && one !== null);
  const intervals = both.flatMap(({ interval }) => interval ?? []);
  const unwanted = both.length > 0 && intervals.length === 0;
  // What is not in production is a test of somebody's, and nobody is told.
  const suppress = (asked.feedStatus ?? "production") !== "production" || unwanted;
  const [first = { unit: "immediate", length: 1 } as const, ...others] = intervals;
  // One answer is for both: who wants no letters is left out where the other one does.
  const of = (one: (typeof told)["ip"]) =>
    one === undefined
      ? null
      : { destinations: one === null || (one.interval === null && !unwanted) ? [] : one.destinations };
  const [ip, domain] = [of(told.ip), of(told.domain)];
  return {
    ...(ip === null ? {} : { ip }),
    ...(domain === null ? {} : { domain }),
    ...(suppress ? { suppress: true } : {}),
    ...(unwanted ? {} : { interval: others.reduce(shorter, first) }),
  };
};
