// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Actor } from "../model/actor.ts";
import type { ErrorCode } from "../platform/errors.ts";
import type { Client, Session } from "./sessions.ts";

/** What a request says about who sends it. */
export interface Visit {
  readonly method: string;
  /** Path with query, as it came. */
  readonly url: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
  /** Of the other end; behind a proxy that the configuration names, what that one says. */
  readonly address?: string | undefined;
  readonly agent?: string | undefined;
}
/** Who asks, as the guard found out. */
export interface Visitor {
  /** Null: nobody is signed in; only what is open to anyone may follow. */
  readonly actor: Actor | null;
  /** The name at the time, for the audit log. */
  readonly name: string;
  /** What a token is for; null: not a token, everything its roles include. */
  readonly scopes: readonly string[] | null;
  /** Of a person, also one who is not in yet (second factor). */
  readonly session: Session | null;
  readonly client: Client & { readonly deviceCookie: string | undefined };
}
export type Decision =
  | ({ readonly kind: "allow" } & Visitor)
  /** The token of the printed address was right: set the cookie and go to the clean address. */
  | { readonly kind: "enter"; readonly cookie: string; readonly to: string }
  | { readonly kind: "refuse"; readonly code: ErrorCode; readonly why: string };

/** What a request may do is said here, and by each route's `Rule`. */
export interface Guard {
  /** The one place that decides who may. Every route asks it but /healthz, which tells nothing. */
  decide(visit: Visit): Decision | Promise<Decision>;
}

const loopbackNames = ["127.0.0.1", "localhost", "[::1]"];
export const isLoopback = (host: string): boolean => ["127.0.0.1", "localhost", "::1"].includes(host);

export const newToken = (): string => randomBytes(24).toString("base64url");

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
/** Equal in constant time, whatever the lengths. */
const same = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

export const cookieOf = (header: string | undefined, name: string): string | undefined =>
  header
    ?.split(";")
    .map((part) => part.trim())
    .find((part) => part.startsWith(`${name}=`))
    ?.slice(name.length + 1);

/** Who has the token of the printed address: on throw-away data or on one's own machine, everything of the shared realm. */
export const tokenActor: Actor = {
  id: "token:portal",
  roles: ["administrator", "analyst"],
  organisations: [],
  realms: [],
  sensors: [],
};
export const clientOf = (visit: Visit, deviceCookie?: string): Visitor["client"] => ({
  address: visit.address,
  agent: visit.agent ?? "",
  device: undefined,
  deviceCookie,
});
/** Who works at the machine itself, through the socket that only the owner of the data folder can open. */
export const operatorVisitor: Visitor = {
  actor: { id: "operator", roles: ["system", "administrator", "analyst"], organisations: [], realms: [], sensors: [] },
  name: "operator",
  scopes: null,
  session: null,
  client: { address: undefined, agent: "layang", device: undefined, deviceCookie: undefined },
};
/** Finds the actor of a self-help link's secret: role `link`, one case; null, or an AppError: wrong, expired or taken back. */
export type FindLink = (secret: string) => Promise<Actor | null>;

/** Lets nobody in particular in: what is open to anyone may follow. */
export const nobody = (visit: Visit, deviceCookie?: string): Decision => ({
  kind: "allow",
  actor: null,
  name: "",
  scopes: null,
  session: null,
  client: clientOf(visit, deviceCookie),
});
/** The bearer of a self-help link. */
export const byLink = async (visit: Visit, find: FindLink, secret: string): Promise<Decision> => {
  const actor = await find(secret);
  return actor === null
    ? { kind: "refuse", code: "LINK_INVALID", why: "this link is wrong, expired or was taken back" }
    : { kind: "allow", actor, name: "link", scopes: null, session: null, client: clientOf(visit) };
};
/** Lets in whoever has the token, or everybody where a test or a command asks itself. */
export const allowToken = (visit?: Visit): Decision => ({
  kind: "allow",
  actor: tokenActor,
  name: "visitor",
  scopes: null,
  session: null,
  client: clientOf(visit ?? ({} as Visit)),
});
/** Methods that change nothing. */
export const isSafe = (method: string): boolean => ["GET", "HEAD", "OPTIONS"].includes(method);

/**
 * The guard until there are accounts: loopback only, one token. `port` is asked at each visit, since it is known only
 * after listening. The cookie is named by the port (cookies do not know ports) and holds a hash of the token.
 */
export const createGuard = ({
  token,
  port,
  link,
}: {
  readonly token: string;
  readonly port: () => number;
  /** Finds who a self-help link speaks for: its page and its calls need no token. */
  readonly link?: FindLink;
}): Guard => {
  if (token === "") throw new RangeError("an empty token would be right for everybody");
  const pass = createHash("sha256").update(`layang cookie ${token}`).digest("base64url");
  const refuse = (code: ErrorCode, why: string): Decision => ({ kind: "refuse", code, why });
  const hosts = (): string[] =>
    loopbackNames.flatMap((name) => (port() === 80 ? [name, `${name}:80`] : [`${name}:${port()}`]));

  return {
    decide: (visit) => {
      const host = visit.host?.toLowerCase();
      if (host === undefined || !hosts().includes(host)) {
        return refuse(
          "ACCESS_HOST",
          `this server answers as ${hosts().join(", ")}, not as ${JSON.stringify(visit.host ?? "")}`,
        );
      }
      if (visit.origin !== undefined && visit.origin.toLowerCase() !== `http://${host}`) {
        return refuse("ACCESS_ORIGIN", "the request comes from a page of another origin");
      }
      const bearer = /^Bearer\s+(\S+)$/i.exec(visit.authorization ?? "")?.[1];
      if (bearer !== undefined) {
        return same(bearer, token) ? allowToken(visit) : refuse("ACCESS_TOKEN", "the bearer token is wrong");
      }
      const opened = /^Link\s+(\S+)$/i.exec(visit.authorization ?? "")?.[1];
      if (opened !== undefined && link !== undefined) return byLink(visit, link, opened);
      const at = visit.url.indexOf("?");
      const query = new URLSearchParams(at < 0 ? "" : visit.url.slice(at + 1));
      const given = query.get("token");
      if (given !== null && visit.method === "GET") {
        if (!same(given, token)) return refuse("ACCESS_TOKEN", "the token in the address is wrong or no longer valid");
        query.delete("token");
        // One leading slash: `//name` would be another host.
        const path = `/${(at < 0 ? visit.url : visit.url.slice(0, at)).replace(/^[/\\]+/, "")}`;
        const rest = query.toString();
        return {
          kind: "enter",
          cookie: `layang-${port()}=${pass}; Path=/; HttpOnly; SameSite=Strict`,
          to: rest === "" ? path : `${path}?${rest}`,
        };
      }
      const cookie = cookieOf(visit.cookie, `layang-${port()}`);
      if (
        cookie === undefined &&
        link !== undefined &&
        isSafe(visit.method) &&
        /^\/(help$|assets\/|theme\.js$|swallow\.svg$)/.test(visit.url)
      ) {
        return nobody(visit);
      }
      if (cookie === undefined)
        return refuse("ACCESS_TOKEN", "no token: open the address that was printed at the start");
      if (!same(cookie, pass))
        return refuse("ACCESS_TOKEN", "the token is no longer valid: open the newest printed address");
      // A cookie is sent by any page that can make the browser ask; only our own pages, and the person, may.
      if (visit.fetchSite !== undefined && visit.fetchSite !== "same-origin" && visit.fetchSite !== "none") {
        return refuse("ACCESS_ORIGIN", "the request was made by another site");
      }
      // What changes something says where it comes from: every browser does.
      if (!isSafe(visit.method) && visit.origin === undefined) {
        return refuse("ACCESS_ORIGIN", "a request that changes something needs the header Origin");
      }
      return allowToken(visit);
    },
  };
};
