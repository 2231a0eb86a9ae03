// SPDX-License-Identifier: Apache-2.0
import { hasRole } from "../model/actor.ts";
import type { Actor, Role } from "../model/actor.ts";
import type { ErrorCode } from "../platform/errors.ts";

/** Analysts, and those who look after the node. */
export const staff = ["administrator", "analyst"] as const satisfies readonly Role[];
/** Everybody who signs in; a self-help link is no sign-in. */
export const people = [...staff, "sensor-host", "member", "researcher", "observer"] as const satisfies readonly Role[];

/** What a programme's token may be for; a person's session has all of them. */
export const scopes = ["read", "write", "people", "metrics"] as const;
export type Scope = (typeof scopes)[number];

/** Who may call a route. Every route has one; a route without is a fault that stops the start. */
export interface Rule {
  /** `anyone`: nobody needs to be known (sign-in itself, the shell of the portal). */
  readonly who: "anyone" | readonly Role[];
  /** What a token needs; by default `read` for GET and HEAD, `write` for the rest. */
  readonly scope?: Scope;
  /** Name of the act in the audit log (`case.read`); null where nothing is worth a line (assets). */
  readonly audit: string | null;
}

/** What stands in the way of an actor at a route; undefined: nothing. The route itself still decides about each object. */
export const refusalOf = (
  rule: Rule,
  actor: Actor | null,
): { readonly code: ErrorCode; readonly why: string } | undefined => {
  if (rule.who === "anyone") return undefined;
  if (actor === null) return { code: "ACCESS_SIGN_IN", why: "sign in first" };
  if (!hasRole(actor, ...rule.who)) return { code: "ACCESS_DENIED", why: "your role does not include this" };
  return undefined;
};
