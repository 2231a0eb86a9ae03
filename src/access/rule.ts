// SPDX-License-Identifier: Apache-2.0
import { hasRole } from "../model/actor.ts";
import type { Actor, Role } from "../model/actor.ts";
import type { ErrorCode } from "../platform/errors.ts";

/** Analysts, and those who look after the node. */
export const staff = ["administrator", "analyst"] as const satisfies readonly Role[];
/** Everybody who signs in; a self-help link is no sign-in. */
export const people = [...staff, "sensor-host", "member", "researcher", "observer"] as const satisfies readonly Role[];

/** What a route wants of a token, where its rule does not say: by the place of the route. No line: no token opens it. */
const scopesOf: readonly (readonly [RegExp, string])[] = [
  [/^\/api\/v1\/desk\/(alerts|detections|detectors|campaigns|warnings|outbreaks|ring)(\/|$)/, "alerts"],
  [/^\/api\/v1\/desk\/(cases|outbox|inbox)(\/|$)/, "cases"],
  [/^\/api\/v1\/desk\/(organisations|unclaimed|constituency|changes|claims)(\/|$)/, "constituency"],
  [/^\/api\/v1\/desk\/statistics(\/|$)/, "statistics"],
  [/^\/api\/v1\/desk\/(session|people|tokens|audit|colleagues|settings)(\/|$)/, ""],
  [/^\/api\/v1\/desk\//, ""],
  [/^\/api\/v1\//, "observatory"],
  [/^\/metrics$/, "observatory"],
];
export const scopeOf = (rule: Rule, method: string, path: string): string | null => {
  if (rule.scope !== undefined) return rule.scope;
  const area = scopesOf.find(([pattern]) => pattern.test(path))?.[1] ?? "";
  return area === "" ? null : `${area}:${method === "GET" || method === "HEAD" ? "read" : "write"}`;
};

/** Scopes that another one includes: who may read the whole constituency may look one address up. */
const within: Readonly<Record<string, string>> = { "lookup:read": "constituency:read" };

/** Who may call a route. Every route has one; a route without is a fault that stops the start. */
export interface Rule {
  /** `anyone`: nobody needs to be known (sign-in itself, the shell of the portal). */
  readonly who: "anyone" | readonly Role[];
  /** What a token needs; by default by the route's place (`alerts:read`). */
  readonly scope?: string;
  /** Name of the act in the audit log (`case.read`); null where nothing is worth a line (assets). */
  readonly audit: string | null;
}

/** What stands in the way of an actor at a route; undefined: nothing. The route itself still decides about each object. */
export const refusalOf = (
  rule: Rule,
  actor: Actor | null,
  token: { readonly scopes: readonly string[]; readonly method: string; readonly path: string } | null = null,
): { readonly code: ErrorCode; readonly why: string } | undefined => {
  if (rule.who === "anyone") return undefined;
  if (actor === null) return { code: "ACCESS_SIGN_IN", why: "sign in first" };
  if (!hasRole(actor, ...rule.who)) return { code: "ACCESS_DENIED", why: "your role does not include this" };
  if (token !== null) {
    const wanted = scopeOf(rule, token.method, token.path);
    if (wanted === null) return { code: "ACCESS_DENIED", why: "no token opens this: sign in" };
    if (!token.scopes.includes(wanted) && !token.scopes.includes(within[wanted] ?? wanted))
      return { code: "ACCESS_DENIED", why: `the token lacks the scope ${wanted}` };
  }
  return undefined;
};
