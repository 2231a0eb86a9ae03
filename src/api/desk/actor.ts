// SPDX-License-Identifier: Apache-2.0
import type { FastifyRequest } from "fastify";
import type { Visitor } from "../../access/guard.ts";
import type { Rule } from "../../access/rule.ts";
import type { Actor } from "../../model/actor.ts";
import { AppError } from "../../platform/errors.ts";
import type { DeskEndpoint } from "./route.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** Whether who sent a request may still be answered: for answers that do not end. */
    stillMay(request: FastifyRequest): Promise<boolean>;
    /** Writes down now who asked for what: for answers that do not end. Without the line there is no answer. */
    written(request: FastifyRequest): Promise<void>;
  }
  interface FastifyRequest {
    /** Set by the guard before anything else. */
    visitor: Visitor | null;
    /** Ids of what a handler read or changed, for the audit log. */
    touched: string[];
  }
  interface FastifyContextConfig {
    rule?: Rule;
    /** What the description says of a route of the desk. */
    endpoint?: DeskEndpoint;
  }
}

/** Who asks, or null. */
export const visitorOf = (request: FastifyRequest): Actor | null => request.visitor?.actor ?? null;

/** Who asks. @throws AppError ACCESS_SIGN_IN when nobody is signed in. */
export const actorOf = (request: FastifyRequest): Actor => {
  const actor = visitorOf(request);
  if (actor === null) throw new AppError("ACCESS_SIGN_IN", "sign in first");
  return actor;
};
export type ActorOf = typeof actorOf;

/** The whole of what the guard found: session, browser, token. For the routes of sign-in. */
export const visitOf = (request: FastifyRequest): Visitor => {
  if (request.visitor === null) throw new AppError("INTERNAL", "the guard was not asked");
  return request.visitor;
};

/** Says to the audit log which objects a request read or changed (`case:17`), where the address alone does not. */
export const touch = (request: FastifyRequest, ...ids: readonly string[]): void => {
  // As many as one request may name, and what stands beside them.
  request.touched.push(...ids.slice(0, 600 - request.touched.length));
};
