// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Actor, Role } from "../model/actor.ts";
import { hasRole, systemActor } from "../model/actor.ts";
import { AppError } from "../platform/errors.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { asSystem } from "./identity.ts";
import { endLinks, makeLink } from "./invitations.ts";
import type { MadeLink } from "./invitations.ts";
import { mayActOn, mayGive, rankOf } from "./privilege.ts";
import { newId } from "./secrets.ts";
import type { Sessions } from "./sessions.ts";

export interface Access {
  readonly roles: readonly Role[];
  readonly organisations: readonly string[];
  readonly sensors: readonly string[];
}
export interface PersonView {
  readonly id: string;
  readonly name: string;
  readonly mail: string;
  readonly language: string;
  readonly roles: readonly Role[];
  readonly organisations: readonly { readonly id: string; readonly name: string }[];
  readonly sensors: readonly string[];
  readonly state: "active" | "invited" | "disabled";
  readonly passkeys: number;
  readonly totp: boolean;
  readonly provider: string | null;
  readonly created: number;
  readonly seen: number | null;
  readonly may: readonly ("change" | "disable" | "enable" | "reset")[];
}
export interface PeopleFilter {
  readonly q?: string;
  readonly role?: Role;
  readonly organisation?: string;
  readonly state?: "active" | "invited" | "disabled";
}
export interface People {
  /** People that the actor may see: all for staff, oneself for anyone. In order of mail, after `after`. */
  list(
    actor: Actor,
    filter: PeopleFilter,
    page: { readonly after: string; readonly limit: number },
  ): Promise<{ total: number; rows: readonly PersonView[] }>;
  counts(
    actor: Actor,
  ): Promise<
    Readonly<Record<"active" | "administrators" | "analysts" | "members" | "invited" | "withoutFactor", number>>
  >;
  colleagues(actor: Actor): Promise<readonly { id: string; name: string }[]>;
  /** @throws AppError NOT_FOUND where the actor may not see the person. */
  one(actor: Actor, id: string): Promise<PersonView>;
  /** @throws AppError ACCESS_DENIED, MAIL_TAKEN, NOT_FOUND (an organisation) */
  invite(
    actor: Actor,
    one: Access & { readonly mail: string; readonly name: string; readonly language: string },
  ): Promise<{ person: PersonView; link: MadeLink }>;
  /** @throws AppError ACCESS_DENIED, NOT_FOUND */
  change(actor: Actor, id: string, access: Access): Promise<PersonView>;
  setState(actor: Actor, id: string, state: "active" | "disabled"): Promise<PersonView>;
  /** A one-time link: a new password and second factor, or the invitation again. */
  reset(actor: Actor, id: string): Promise<{ person: PersonView; link: MadeLink }>;
  /** The link that makes the first administrator; null when there is one. */
  first(): Promise<MadeLink | null>;
  /** By mail address, for the operator. @throws AppError PERSON_UNKNOWN */
  idOf(mail: string): Promise<string>;
}

const denied = (): never => {
  throw new AppError("ACCESS_DENIED", "nobody acts on people who may as much as themselves, or more");
};
const unknown = (): never => {
  throw new AppError("NOT_FOUND", "there is no such person");
};
/** What stands for itself in LIKE. */
export const likeOf = (text: string): string => `%${text.replaceAll(/[\\%_]/g, "\\$&")}%`;

export const createPeople = (options: {
  readonly desk: Desk;
  readonly now: () => number;
  readonly sessions: Sessions;
  /** Where the portal is reached: links begin with it. */
  readonly origin: () => string;
}): People => {
  const { desk, now, sessions, origin } = options;

  /** Names, counts and what is known of factors, read as the program; which rows is decided before. */
  const view = (actor: Actor, ids: readonly string[]): Promise<PersonView[]> =>
    ids.length === 0
      ? Promise.resolve([])
      : asSystem(desk, async (trx) => {
          const rows = await trx.selectFrom("people").selectAll().where("id", "in", ids).orderBy("mail").execute();
          const organisations = await trx
            .selectFrom("person_organisations as p")
            .innerJoin("organisations as o", "o.id", "p.organisation_id")
            .select(["p.person_id", "o.id", "o.name"])
            .where("p.person_id", "in", ids)
            .orderBy("o.id")
            .execute();
          const passkeys = await trx
            .selectFrom("passkeys")
            .select(["person_id", sql<number>`count(*)`.as("n")])
            .where("person_id", "in", ids)
            .groupBy("person_id")
            .execute();
          const totp = await trx
            .selectFrom("person_secrets")
            .select("person_id")
            .where("person_id", "in", ids)
            .where("totp_seed", "is not", null)
            .execute();
          const providers = await trx
            .selectFrom("person_providers")
            .select(["person_id", "provider"])
            .where("person_id", "in", ids)
            .execute();
          return rows.map((row) => {
            const may = mayActOn(actor, row.roles);
            return {
              id: row.id,
              name: row.name,
              mail: row.mail,
              language: row.language,
              roles: row.roles,
              organisations: organisations
                .filter(({ person_id }) => person_id === row.id)
                .map(({ id, name }) => ({ id, name })),
              sensors: row.sensors,
              state: row.state,
              passkeys: Number(passkeys.find(({ person_id }) => person_id === row.id)?.n ?? 0),
              totp: totp.some(({ person_id }) => person_id === row.id),
              provider: providers.find(({ person_id }) => person_id === row.id)?.provider ?? null,
              created: row.created,
              seen: row.seen,
              may: may
                ? ([
                    "change",
                    row.state === "disabled" ? "enable" : "disable",
                    ...(row.state === "disabled" ? [] : (["reset"] as const)),
                  ] as const)
                : [],
            };
          });
        });

  const one = async (actor: Actor, id: string): Promise<PersonView> => {
    // As the actor: row-level security says whether there is such a person for them.
    const seen = await desk.as(actor, (trx) =>
      trx.selectFrom("people").select("id").where("id", "=", id).executeTakeFirst(),
    );
    return seen === undefined ? unknown() : ((await view(actor, [id]))[0] ?? unknown());
  };

  /** The person's roles, if the actor may act on them as they are in this transaction. */
  const hold = async (trx: DeskTransaction, actor: Actor, id: string): Promise<readonly Role[]> => {
    const row = await trx.selectFrom("people").select("roles").where("id", "=", id).forUpdate().executeTakeFirst();
    if (row === undefined) return unknown();
    return mayActOn(actor, row.roles) ? row.roles : denied();
  };

  const belong = async (trx: DeskTransaction, id: string, organisations: readonly string[]): Promise<void> => {
    const wanted = [...new Set(organisations)];
    await trx.deleteFrom("person_organisations").where("person_id", "=", id).execute();
    if (wanted.length === 0) return;
    const there = await trx.selectFrom("organisations").select("id").where("id", "in", wanted).execute();
    if (there.length < wanted.length) throw new AppError("NOT_FOUND", "there is no such organisation");
    await trx
      .insertInto("person_organisations")
      .values(wanted.map((organisation_id) => ({ person_id: id, organisation_id })))
      .execute();
  };

  const holdAccess = (actor: Actor, { roles, organisations }: Access): void => {
    if (!mayGive(actor, roles)) denied();
    if (roles.includes("member") && organisations.length === 0) {
      throw new AppError("BODY_INVALID", "a member belongs to an organisation", { parameter: "organisations" });
    }
  };

  /**
   * An analyst sees every source but those inside members' own networks. A link opens what its person may, so that links of people who speak for such a network, and who
   * they are, are for administrators. @throws AppError ACCESS_DENIED
   */
  const guardRealms = async (
    trx: DeskTransaction,
    actor: Actor,
    id: string | null,
    more: readonly string[],
  ): Promise<void> => {
    if (hasRole(actor, "system", "administrator")) return;
    const own = await trx
      .selectFrom("networks")
      .select("organisation_id")
      .where("realm", "<>", "")
      .where((eb) =>
        eb.or([
          ...(more.length === 0 ? [] : [eb("organisation_id", "in", more)]),
          eb(
            "organisation_id",
            "in",
            eb
              .selectFrom("person_organisations")
              .select("organisation_id")
              .where("person_id", "=", id ?? ""),
          ),
        ]),
      )
      .limit(1)
      .executeTakeFirst();
    if (own !== undefined) {
      throw new AppError(
        "ACCESS_DENIED",
        "only administrators say who speaks for an organisation that has sensors inside its own network",
      );
    }
  };

  const wanted = (filter: PeopleFilter) => (trx: DeskTransaction) => {
    let query = trx.selectFrom("people");
    if (filter.q !== undefined) {
      const like = likeOf(filter.q);
      query = query.where((eb) => eb.or([eb("name", "ilike", like), eb("mail", "ilike", like)]));
    }
    if (filter.role !== undefined) query = query.where(sql<boolean>`${filter.role} = ANY (roles)`);
    if (filter.state !== undefined) query = query.where("state", "=", filter.state);
    if (filter.organisation !== undefined) {
      query = query.where(
        "id",
        "in",
        trx.selectFrom("person_organisations").select("person_id").where("organisation_id", "=", filter.organisation),
      );
    }
    return query;
  };

  return {
    one,
    list: async (actor, filter, { after, limit }) => {
      const found = await desk.as(actor, async (trx) => {
        const query = wanted(filter)(trx);
        const total = await query.select(sql<number>`count(*)`.as("n")).executeTakeFirst();
        const rows = await query.select("id").where("mail", ">", after).orderBy("mail").limit(limit).execute();
        return { total: Number(total?.n ?? 0), ids: rows.map(({ id }) => id) };
      });
      return { total: found.total, rows: await view(actor, found.ids) };
    },
    counts: async (actor) => {
      const rows = await desk.as(actor, (trx) => trx.selectFrom("people").select(["id", "roles", "state"]).execute());
      const withFactor = new Set(
        (
          await asSystem(desk, (trx) =>
            sql<{
              id: string;
            }>`SELECT person_id AS id FROM passkeys UNION SELECT person_id FROM person_secrets WHERE totp_seed IS NOT NULL UNION SELECT person_id FROM person_providers`.execute(
              trx,
            ),
          )
        ).rows.map(({ id }) => id),
      );
      const active = rows.filter(({ state }) => state === "active");
      const having = (role: Role): number => active.filter(({ roles }) => roles.includes(role)).length;
      return {
        active: active.length,
        administrators: having("administrator"),
        analysts: having("analyst"),
        members: having("member"),
        invited: rows.filter(({ state }) => state === "invited").length,
        withoutFactor: active.filter(({ id }) => !withFactor.has(id)).length,
      };
    },
    colleagues: (actor) =>
      hasRole(actor, "system", "administrator", "analyst")
        ? desk.as(actor, (trx) =>
            trx
              .selectFrom("people")
              .select(["id", "name"])
              .where("state", "=", "active")
              .where(sql<boolean>`roles && ARRAY['administrator', 'analyst']`)
              .orderBy("name")
              .limit(500)
              .execute(),
          )
        : Promise.resolve([]),
    invite: async (actor, given) => {
      holdAccess(actor, given);
      const mail = given.mail.trim().toLowerCase();
      const id = newId();
      const link = await asSystem(desk, async (trx) => {
        await guardRealms(trx, actor, null, given.organisations);
        const taken = await trx.selectFrom("people").select("id").where("mail", "=", mail).executeTakeFirst();
        if (taken !== undefined) throw new AppError("MAIL_TAKEN", "a person with this mail address exists already");
        await trx
          .insertInto("people")
          .values({
            id,
            name: given.name,
            mail,
            language: given.language,
            roles: [...new Set(given.roles)],
            sensors: [...new Set(given.sensors)],
            state: "invited",
            created: now(),
            seen: null,
            invited_by: actor.id,
          })
          .execute();
        await belong(trx, id, given.organisations);
        return makeLink(trx, { purpose: "account", person: id, by: actor.id, now: now(), origin: origin() });
      });
      const [person = unknown()] = await view(actor, [id]);
      return { person, link };
    },
    change: async (actor, id, access) => {
      await one(actor, id);
      holdAccess(actor, access);
      await asSystem(desk, async (trx) => {
        const before = await hold(trx, actor, id);
        await guardRealms(trx, actor, id, access.organisations);
        // A link that a lower one made does not open what its person may from now on.
        if (rankOf(access.roles) > rankOf(before)) await endLinks(trx, id, now());
        await trx
          .updateTable("people")
          .set({ roles: [...new Set(access.roles)], sensors: [...new Set(access.sensors)] })
          .where("id", "=", id)
          .execute();
        await belong(trx, id, access.organisations);
      });
      sessions.changed();
      return one(actor, id);
    },
    setState: async (actor, id, state) => {
      await one(actor, id);
      await asSystem(desk, async (trx) => {
        await hold(trx, actor, id);
        const secrets = await trx
          .selectFrom("person_secrets")
          .select("password")
          .where("person_id", "=", id)
          .executeTakeFirst();
        // Who never accepted goes on as invited.
        const next = state === "active" && (secrets?.password ?? null) === null ? ("invited" as const) : state;
        await trx.updateTable("people").set({ state: next }).where("id", "=", id).execute();
        if (state === "disabled") {
          await sessions.endAll(trx, id);
          await endLinks(trx, id, now());
        }
      });
      sessions.changed();
      return one(actor, id);
    },
    reset: async (actor, id) => {
      const person = await one(actor, id);
      const link = await asSystem(desk, async (trx) => {
        await hold(trx, actor, id);
        await guardRealms(trx, actor, id, []);
        if (person.state === "disabled") throw new AppError("ACCESS_DENIED", "enable the account first");
        return makeLink(trx, {
          purpose: person.state === "invited" ? "account" : "reset",
          person: id,
          by: actor.id,
          now: now(),
          origin: origin(),
        });
      });
      return { person, link };
    },
    first: () =>
      asSystem(desk, async (trx) => {
        const there = await trx
          .selectFrom("people")
          .select("id")
          .where("state", "=", "active")
          .where(sql<boolean>`'administrator' = ANY (roles)`)
          .limit(1)
          .executeTakeFirst();
        return there === undefined
          ? makeLink(trx, { purpose: "first", person: null, by: systemActor.id, now: now(), origin: origin() })
          : null;
      }),
    idOf: async (mail) => {
      const row = await asSystem(desk, (trx) =>
        trx.selectFrom("people").select("id").where("mail", "=", mail.trim().toLowerCase()).executeTakeFirst(),
      );
      if (row === undefined) throw new AppError("PERSON_UNKNOWN", `nobody has the mail address ${mail.slice(0, 254)}`);
      return row.id;
    },
  };
};
