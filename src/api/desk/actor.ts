// SPDX-License-Identifier: Apache-2.0
import type { FastifyRequest } from "fastify";
import type { Rule } from "../../access/rule.ts";
import type { Actor } from "../../model/actor.ts";
import { AppError } from "../../platform/errors.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set by the guard before anything else; null: nobody is signed in. */
    actor: Actor | null;
    /** Ids of what a handler read or changed, for the audit log. */
    touched: string[];
  }
  interface FastifyContextConfig {
    rule?: Rule;
  }
}

/** Who asks, or null. */
export const visitorOf = (request: FastifyRequest): Actor | null => request.actor;

/** Who asks. @throws AppError ACCESS_SIGN_IN when nobody is signed in. */
export const actorOf = (request: FastifyRequest): Actor => {
  if (request.actor === null) throw new AppError("ACCESS_SIGN_IN", "sign in first");
  return request.actor;
};
export type ActorOf = typeof actorOf;

/** Says to the audit log which objects a request read or changed (`case:17`), where the address alone does not. */
export const touch = (request: FastifyRequest, ...ids: readonly string[]): void => {
  if (request.touched.length + ids.length <= 200) request.touched.push(...ids);
};
