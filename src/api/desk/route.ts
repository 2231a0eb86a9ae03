// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Static, TSchema } from "typebox";
import { Type } from "typebox";
import type { Rule } from "../../access/rule.ts";
import { strictly } from "./strict.ts";

/** An endpoint as the contract describes it; `{name}` in the path is a path parameter. */
export interface DeskEndpoint {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  /** What comes back as JSON; without it, and without `media`, nothing does (204). */
  readonly answer?: TSchema;
  /** What comes back where it is not JSON. */
  readonly media?: string;
  /** It answers 303: a navigation, not a call. */
  readonly redirects?: true;
  /** What it is for, in one line, where the contract has no line for it. */
  readonly about?: string;
}
type Of<E, K extends string> = E extends Record<K, infer S extends TSchema> ? Static<S> : Record<never, never>;

/** What a handler gets: everything from outside, checked. */
export interface Call<E extends DeskEndpoint> {
  readonly params: Of<E, "params">;
  readonly query: Of<E, "query">;
  readonly body: Of<E, "body">;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Bytes of a body where the route does not say otherwise. */
export const bodyLimit = 16 * 1024;
const nothing = Type.Object({}, { additionalProperties: false });

/**
 * Mounts one endpoint. What the handler gives is sent as JSON; `undefined` is 204; a reply that was sent already stays as it is.
 * Path, query and body are checked against the contract's schemas, and what has no schema must be empty.
 */
export const mount = <E extends DeskEndpoint>(
  server: FastifyInstance,
  endpoint: E,
  options: Rule & { readonly bodyLimit?: number },
  handle: (call: Call<E>) => unknown,
): void => {
  const { bodyLimit: limit = bodyLimit, ...rule } = options;
  const path = endpoint.path.replaceAll(/\{(\w+)\}/g, ":$1");
  const params = strictly(endpoint.params ?? nothing, "text");
  const query = strictly(endpoint.query ?? nothing, "text");
  const body = strictly(endpoint.body ?? nothing, "body");
  server.route({
    method: endpoint.method,
    url: path,
    bodyLimit: limit,
    config: { rule, endpoint },
    handler: async (request, reply) => {
      reply.header("cache-control", "no-store");
      const found = await handle({
        params: params(request.params) as Of<E, "params">,
        query: query(request.query) as Of<E, "query">,
        body: (endpoint.method === "GET" ? {} : body(request.body ?? {})) as Of<E, "body">,
        request,
        reply,
      });
      if (reply.sent || reply.raw.writableEnded || found === reply) return reply;
      if (found === undefined) return reply.code(204).send();
      return reply.type("application/json; charset=utf-8").send(JSON.stringify(found));
    },
  });
};
