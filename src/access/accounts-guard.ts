// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from "../platform/errors.ts";
import { byLink, clientOf, cookieOf, isSafe, nobody } from "./guard.ts";
import type { Decision, FindLink, Guard, Visit } from "./guard.ts";
import type { Session, Sessions } from "./sessions.ts";
import type { Tokens } from "./tokens.ts";

/** Where the portal is reached. */
export interface Site {
  /** The first one is the address that is printed and mailed; more than one only on this machine. */
  readonly origins: readonly string[];
}
export interface Cookies {
  readonly session: string;
  readonly device: string;
  readonly provider: string;
  /** Ready for Set-Cookie. */
  keep(name: "session" | "device", value: string): string;
  drop(name: "session" | "provider"): string;
  keepProvider(value: string): string;
}

/** `__Host-` binds a cookie to this very host and to TLS; without TLS, on this machine, its name has the port. */
export const cookiesOf = (origin: string): Cookies => {
  const url = new URL(origin);
  const safe = url.protocol === "https:";
  const names = safe
    ? { session: "__Host-layang", device: "__Host-layang-device", provider: "__Host-layang-provider" }
    : {
        session: `layang-session-${url.port || "80"}`,
        device: `layang-device-${url.port || "80"}`,
        provider: `layang-provider-${url.port || "80"}`,
      };
  const rest = `; Path=/; HttpOnly${safe ? "; Secure" : ""}`;
  return {
    ...names,
    keep: (name, value) =>
      `${names[name]}=${value}${rest}; SameSite=Strict${name === "device" ? "; Max-Age=31536000" : ""}`,
    drop: (name) => `${names[name]}=${rest}; SameSite=Strict; Max-Age=0`,
    // It must come back with the provider's answer, which is another site's navigation.
    keepProvider: (value) => `${names.provider}=${value}${rest}; SameSite=Lax; Max-Age=600`,
  };
};

/**
 * The guard where people have accounts. The Host must be one of the site's; an Origin too. A session's cookie counts only for
 * requests that no other site caused; a change needs the header Origin.
 */
export const createAccountsGuard = (options: {
  readonly site: () => Site;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly link?: FindLink;
}): Guard => {
  const { site, sessions, tokens } = options;
  const refuse = (code: ErrorCode, why: string): Decision => ({ kind: "refuse", code, why });
  const allow = (visit: Visit, who: Omit<Extract<Decision, { kind: "allow" }>, "kind" | "client">, device?: string) =>
    ({ kind: "allow", ...who, client: clientOf(visit, device) }) as const;

  const ofSession = (visit: Visit, session: Session | null, device: string | undefined): Decision =>
    session === null
      ? nobody(visit, device)
      : allow(
          visit,
          {
            actor: session.state === "in" ? session.person.actor : null,
            name: session.person.name,
            scopes: null,
            session,
          },
          device,
        );

  return {
    decide: async (visit) => {
      const { origins } = site();
      const own = origins.map((origin) => new URL(origin));
      const host = visit.host?.toLowerCase();
      const here = own.find(
        (url) =>
          host === url.host || host === `${url.hostname}:${url.port || (url.protocol === "https:" ? "443" : "80")}`,
      );
      if (here === undefined) {
        return refuse("ACCESS_HOST", `this server answers as ${own.map((url) => url.host).join(", ")}`);
      }
      if (visit.origin !== undefined && visit.origin.toLowerCase() !== here.origin) {
        return refuse("ACCESS_ORIGIN", "the request comes from a page of another origin");
      }
      const [, scheme = "", secret = ""] = /^(\S+)\s+(\S+)$/.exec(visit.authorization ?? "") ?? [];
      if (scheme.toLowerCase() === "bearer") {
        const token = await tokens.find(secret);
        return token === null
          ? refuse("ACCESS_TOKEN", "the token is wrong, revoked or expired")
          : allow(visit, { actor: token.actor, name: token.name, scopes: token.scopes, session: null });
      }
      if (scheme.toLowerCase() === "link") {
        return options.link === undefined
          ? refuse("LINK_INVALID", "no links are open here")
          : byLink(visit, options.link, secret);
      }
      if (visit.authorization !== undefined) return refuse("ACCESS_TOKEN", "send `Bearer` and a token");
      if (!isSafe(visit.method) && visit.origin === undefined) {
        return refuse("ACCESS_ORIGIN", "a request that changes something needs the header Origin");
      }
      const cookies = cookiesOf(here.origin);
      // What another site caused is nobody's: neither its pages nor its pictures act for the person.
      const ours = visit.fetchSite === undefined || visit.fetchSite === "same-origin" || visit.fetchSite === "none";
      const cookie = ours ? cookieOf(visit.cookie, cookies.session) : undefined;
      const session = cookie === undefined || cookie === "" ? null : await sessions.find(cookie);
      return ofSession(visit, session, cookieOf(visit.cookie, cookies.device));
    },
  };
};
