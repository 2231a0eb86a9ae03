// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { people } from "../../access/rule.ts";
import type { Tokens, TokenView } from "../../access/tokens.ts";
import { peopleEndpoints as at } from "../contract/desk/people.ts";
import type { TokenRow } from "../contract/desk/people.ts";
import { touch } from "./actor.ts";
import type { ActorOf } from "./actor.ts";
import { mount } from "./route.ts";
import { timeOf, timeOrNull } from "./times.ts";

const rowOf = (token: TokenView): TokenRow => ({
  ...token,
  scopes: token.scopes as TokenRow["scopes"],
  created: timeOf(token.created),
  expires: timeOf(token.expires),
  used: timeOrNull(token.used),
  revoked: timeOrNull(token.revoked),
});
const soon = 14 * 24 * 3600e6;

/** Tokens of programs. A secret is in one answer, once, and goes to who made the token alone. */
export const withTokens = (
  server: FastifyInstance,
  { tokens, now }: { readonly tokens: Tokens; readonly now: () => number },
  actorOf: ActorOf,
): void => {
  mount(server, at.tokens, { who: people, audit: "tokens.read" }, async ({ query, request }) => {
    const all = await tokens.list(actorOf(request));
    const { limit = 100, cursor } = query;
    const start = cursor === undefined ? 0 : all.findIndex(({ id }) => id === cursor) + 1;
    const rows = all.slice(start, start + limit);
    const at = now();
    const live = all.filter(({ revoked, expires }) => revoked === null && expires > at);
    return {
      asked: timeOf(at),
      total: all.length,
      next: start + limit < all.length ? (rows.at(-1)?.id ?? null) : null,
      facts: { live: live.length, expiring: live.filter(({ expires }) => expires < at + soon).length },
      rows: rows.map(rowOf),
    };
  });
  mount(server, at["tokens/new"], { who: people, audit: "token.new" }, async ({ body, request }) => {
    const { token, secret } = await tokens.make(actorOf(request), body);
    touch(request, `token:${token.id}`, ...body.scopes);
    return { token: rowOf(token), secret };
  });
  mount(server, at["token/revoke"], { who: people, audit: "token.revoke" }, async ({ params, request }) => {
    touch(request, `token:${params.token}`);
    await tokens.revoke(actorOf(request), params.token);
    return { done: true };
  });
};
