// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Actor } from "../model/actor.ts";
import { hasRole } from "../model/actor.ts";
import { AppError } from "../platform/errors.ts";
import type { Desk } from "../store/desk/desk.ts";
import { asSystem, personOf } from "./identity.ts";
import { mayActOn } from "./privilege.ts";
import { hashOf, newId, newSecret } from "./secrets.ts";
import type { Sessions } from "./sessions.ts";

/** A token in force: who it acts as, and for what. */
export interface TokenInForce {
  readonly actor: Actor;
  readonly name: string;
  readonly scopes: readonly string[];
}
export interface TokenView {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly organisation: { readonly id: string; readonly name: string } | null;
  readonly scopes: readonly string[];
  readonly created: number;
  readonly expires: number;
  readonly used: number | null;
  readonly revoked: number | null;
  readonly mine: boolean;
}
export interface Tokens {
  /** The token of a secret, or null: wrong, revoked, expired, or its owner may not sign in any more. */
  find(secret: string): Promise<TokenInForce | null>;
  /** Makes a token of the actor's own; its secret is given once and not kept. @throws AppError ACCESS_DENIED */
  make(
    actor: Actor,
    one: {
      readonly name: string;
      readonly scopes: readonly string[];
      readonly organisation?: string;
      readonly days: number;
    },
  ): Promise<{ token: TokenView; secret: string }>;
  /** For the operator: a token of a person. */
  makeFor(
    person: string,
    one: { name: string; scopes: readonly string[]; days: number },
  ): Promise<{ token: TokenView; secret: string }>;
  list(actor: Actor): Promise<readonly TokenView[]>;
  /** Own ones, and those of people the actor may act on. @throws AppError NOT_FOUND, ACCESS_DENIED */
  revoke(actor: Actor, id: string): Promise<void>;
}

const day = 24 * 3600e6;
const kept = 5e6;
const most = 50;
export const tokenForm = /^ly_[A-Za-z0-9_-]{43}$/;

export const createTokens = (options: {
  readonly desk: Desk;
  readonly now: () => number;
  readonly sessions: Pick<Sessions, "version" | "changed">;
}): Tokens => {
  const { desk, now, sessions } = options;
  const known = new Map<string, { at: number; version: number; token: TokenInForce | null }>();
  const personIdOf = (actor: Actor): string => {
    if (!actor.id.startsWith("person:")) throw new AppError("ACCESS_DENIED", "only a person makes tokens");
    return actor.id.slice("person:".length);
  };

  const look = (hash: string): Promise<TokenInForce | null> =>
    asSystem(desk, async (trx) => {
      const at = now();
      const row = await trx.selectFrom("api_tokens").selectAll().where("hash", "=", hash).executeTakeFirst();
      if (row === undefined || row.revoked !== null || at >= row.expires) return null;
      const person = await personOf(trx, row.person_id, at);
      if (person === undefined || person.state !== "active") return null;
      if (row.used === null || at - row.used >= 60e6) {
        await trx.updateTable("api_tokens").set({ used: at }).where("id", "=", row.id).execute();
      }
      const { actor } = person;
      // A token of one organisation is that organisation's member, whoever made it.
      const narrowed: Actor =
        row.organisation_id === null
          ? { ...actor, id: `token:${row.id}` }
          : {
              id: `token:${row.id}`,
              roles: ["member"],
              organisations: [row.organisation_id],
              realms: (
                await trx
                  .selectFrom("networks")
                  .select("realm")
                  .distinct()
                  .where("organisation_id", "=", row.organisation_id)
                  .where("realm", "in", ["", ...actor.realms])
                  .where("realm", "<>", "")
                  .execute()
              ).map(({ realm }) => realm),
              sensors: [],
            };
      if (row.organisation_id !== null && !mayName(actor, row.organisation_id)) return null;
      return { actor: narrowed, name: row.name, scopes: row.scopes };
    });
  const mayName = (actor: Actor, organisation: string): boolean =>
    hasRole(actor, "administrator", "analyst") || actor.organisations.includes(organisation);

  const view = async (actor: Actor, ids: readonly string[] | null): Promise<TokenView[]> => {
    const rows = await desk.as(actor, (trx) => {
      let query = trx
        .selectFrom("api_tokens as t")
        .innerJoin("people as p", "p.id", "t.person_id")
        .leftJoin("organisations as o", "o.id", "t.organisation_id")
        .select(["t.id", "t.name", "t.scopes", "t.created", "t.expires", "t.used", "t.revoked", "t.person_id"])
        .select(["p.name as owner", "o.id as organisation", "o.name as organisation_name"])
        .orderBy("t.created", "desc")
        .limit(500);
      if (ids !== null) query = query.where("t.id", "in", ids);
      return query.execute();
    });
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      owner: row.owner,
      organisation:
        row.organisation === null ? null : { id: row.organisation, name: row.organisation_name ?? row.organisation },
      scopes: row.scopes,
      created: row.created,
      expires: row.expires,
      used: row.used,
      revoked: row.revoked,
      mine: actor.id === `person:${row.person_id}`,
    }));
  };

  const insert = async (
    person: string,
    one: { name: string; scopes: readonly string[]; organisation?: string; days: number },
  ): Promise<{ id: string; secret: string }> => {
    const secret = `ly_${newSecret()}`;
    const id = newId();
    await asSystem(desk, async (trx) => {
      const live = await trx
        .selectFrom("api_tokens")
        .select(sql<number>`count(*)`.as("n"))
        .where("person_id", "=", person)
        .where("revoked", "is", null)
        .where("expires", ">", now())
        .executeTakeFirst();
      if (Number(live?.n ?? 0) >= most) throw new AppError("ACCESS_DENIED", `${most} tokens are enough: revoke some`);
      await trx
        .insertInto("api_tokens")
        .values({
          id,
          hash: hashOf(secret),
          person_id: person,
          organisation_id: one.organisation ?? null,
          name: one.name,
          scopes: [...new Set(one.scopes)],
          created: now(),
          expires: now() + Math.min(366, one.days) * day,
          used: null,
          revoked: null,
        })
        .execute();
    });
    return { id, secret };
  };
  const only = (views: readonly TokenView[]): TokenView => {
    const [first] = views;
    if (first === undefined) throw new AppError("NOT_FOUND", "there is no such token");
    return first;
  };

  return {
    find: async (secret) => {
      if (!tokenForm.test(secret)) return null;
      const hash = hashOf(secret);
      const found = known.get(hash);
      const version = sessions.version();
      if (found?.version === version && now() - found.at < kept && now() >= found.at) return found.token;
      const token = await look(hash);
      known.delete(hash);
      // What is wrong is not remembered: strangers must not fill the memory.
      if (token !== null) known.set(hash, { at: now(), version, token });
      const oldest = known.keys().next().value;
      if (known.size > 2000 && oldest !== undefined) known.delete(oldest);
      return token;
    },
    make: async (actor, one) => {
      const person = personIdOf(actor);
      const { organisation } = one;
      if (organisation !== undefined) {
        const there = await desk.as(actor, (trx) =>
          trx.selectFrom("organisations").select("id").where("id", "=", organisation).executeTakeFirst(),
        );
        if (there === undefined || !mayName(actor, organisation))
          throw new AppError("NOT_FOUND", "there is no such organisation");
      }
      const { id, secret } = await insert(person, one);
      return { token: only(await view(actor, [id])), secret };
    },
    makeFor: async (person, one) => {
      const { id, secret } = await insert(person, one);
      const actor = await asSystem(desk, async (trx) => (await personOf(trx, person, now()))?.actor);
      if (actor === undefined) throw new AppError("PERSON_UNKNOWN", "there is no such person");
      return { token: only(await view(actor, [id])), secret };
    },
    list: (actor) => view(actor, null),
    revoke: async (actor, id) => {
      // As the actor: tokens of others do not exist for who may not see them.
      if (!hasRole(actor, "system")) only(await view(actor, [id]));
      await asSystem(desk, async (trx) => {
        const row = await trx
          .selectFrom("api_tokens as t")
          .innerJoin("people as p", "p.id", "t.person_id")
          .select(["t.person_id", "p.roles"])
          .where("t.id", "=", id)
          .executeTakeFirst();
        if (row === undefined) throw new AppError("NOT_FOUND", "there is no such token");
        if (actor.id !== `person:${row.person_id}` && !mayActOn(actor, row.roles)) {
          throw new AppError("ACCESS_DENIED", "nobody acts on people who may as much as themselves, or more");
        }
        await trx.updateTable("api_tokens").set({ revoked: now() }).where("id", "=", id).execute();
      });
      sessions.changed();
    },
  };
};
