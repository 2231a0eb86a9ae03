// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { People } from "../../access/people.ts";
import type { Rule } from "../../access/rule.ts";
import type { Tokens } from "../../access/tokens.ts";
import { Mail } from "../contract/desk/session.ts";
import { Time, orNull } from "../contract/shapes.ts";
import { Scope } from "../contract/desk/people.ts";
import { touch } from "./actor.ts";
import type { ActorOf } from "./actor.ts";
import { mount } from "./route.ts";
import { timeOf } from "./times.ts";

/** Whoever works at the machine itself: reached through the socket in the data folder, never through the portal's port. */
const operator: Rule = { who: ["system"], audit: "operator" };
const strict = { additionalProperties: false } as const;
const base = "/api/v1/desk/operator";
export const operatorEndpoints = {
  link: {
    method: "POST",
    path: `${base}/link`,
    /** Without a mail address: the first administrator's link. */
    body: Type.Object({ mail: Type.Optional(Mail) }, strict),
    answer: Type.Object({ link: orNull(Type.String()), expires: orNull(Time) }, strict),
    about: "A one-time link: for the first administrator, or for a new password",
  },
  find: {
    method: "POST",
    path: `${base}/find`,
    body: Type.Object({ mail: Mail }, strict),
    answer: Type.Object({ id: Type.String() }, strict),
    about: "A person's id",
  },
  token: {
    method: "POST",
    path: `${base}/token`,
    body: Type.Object(
      {
        mail: Mail,
        name: Type.String({ minLength: 1, maxLength: 100 }),
        scopes: Type.Array(Scope, { minItems: 1, maxItems: 16 }),
        days: Type.Integer({ minimum: 1, maximum: 366 }),
      },
      strict,
    ),
    answer: Type.Object({ id: Type.String(), secret: Type.String(), expires: Time }, strict),
    about: "An API token for a person",
  },
} as const;

export const withOperator = (
  server: FastifyInstance,
  { people, tokens }: { readonly people: People; readonly tokens: Tokens },
  actorOf: ActorOf,
): void => {
  mount(server, operatorEndpoints.link, { ...operator, audit: "operator.link" }, async ({ body, request }) => {
    if (body.mail === undefined) {
      const link = await people.first();
      return link === null ? { link: null, expires: null } : { link: link.link, expires: timeOf(link.expires) };
    }
    const id = await people.idOf(body.mail);
    touch(request, `person:${id}`);
    const { link } = await people.reset(actorOf(request), id);
    return { link: link.link, expires: timeOf(link.expires) };
  });
  mount(server, operatorEndpoints.find, { ...operator, audit: null }, async ({ body }) => ({
    id: await people.idOf(body.mail),
  }));
  mount(server, operatorEndpoints.token, { ...operator, audit: "operator.token" }, async ({ body, request }) => {
    const { token, secret } = await tokens.makeFor(await people.idOf(body.mail), body);
    touch(request, `token:${token.id}`, ...body.scopes);
    return { id: token.id, secret, expires: timeOf(token.expires) };
  });
};
