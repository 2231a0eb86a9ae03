// SPDX-License-Identifier: Apache-2.0
import * as oidc from "openid-client";
import type { Egress } from "../platform/egress.ts";
import { AppError } from "../platform/errors.ts";
import { holdFactor } from "./factors.ts";
import { personOf } from "./identity.ts";
import { networkOf } from "./limits.ts";
import { newSecret } from "./secrets.ts";
import type { Client, Session, Sessions } from "./sessions.ts";
import type { Begun, SignIn } from "./signin.ts";

/** An identity provider (OpenID Connect), as the configuration names it. */
export interface ProviderSettings {
  readonly id: string;
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
}
export interface Providers {
  readonly list: readonly { readonly id: string; readonly name: string }[];
  /**
   * Begins: where the browser goes, and what its cookie keeps until it comes back. Who is signed in connects the provider to
   * their account; who is not signs in. @throws AppError NOT_FOUND, PROVIDER_FAILED, DOOR_BUSY
   */
  start(
    provider: string,
    session: Session | null,
    to: string,
    address: string | undefined,
  ): Promise<{ url: string; cookie: string }>;
  /** Ends: the provider's answer, at our address with its query. @throws AppError PROVIDER_FAILED, PROVIDER_UNBOUND, LINK_INVALID */
  finish(
    provider: string,
    cookie: string | undefined,
    query: string,
    client: Client,
  ): Promise<{ begun: Begun | null; to: string }>;
}

interface Flow {
  readonly provider: string;
  readonly began: number;
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
  /** Whose account the provider is connected to, and the session that asked for it; null: signs in. */
  readonly person: string | null;
  readonly session: string | null;
  /** Where it began. */
  readonly network: string;
  readonly to: string;
}
const longest = 10 * 60e6;
const mostFlows = 1000;
/** Of one network; its oldest makes place: nobody fills the room for all. */
const mostOfNetwork = 50;

export const createProviders = (options: {
  readonly settings: readonly ProviderSettings[];
  readonly signIn: SignIn;
  readonly sessions: Sessions;
  readonly origin: () => string;
  readonly now: () => number;
  /** The one way out of the node. */
  readonly egress: Egress;
  readonly onFault?: (error: unknown) => void;
}): Providers => {
  const { settings, signIn, sessions, origin, now } = options;
  const flows = new Map<string, Flow>();
  const known = new Map<string, Promise<oidc.Configuration>>();

  const one = (id: string): ProviderSettings => {
    const found = settings.find((provider) => provider.id === id);
    if (found === undefined) throw new AppError("NOT_FOUND", "no such identity provider is configured");
    return found;
  };
  const failed = (error: unknown): never => {
    if (error instanceof AppError) throw error;
    options.onFault?.(error);
    throw new AppError("PROVIDER_FAILED", "the identity provider did not answer as it should");
  };
  /** The provider's description; asked for once, and again after a failure. Without TLS only on this machine. */
  const configurationOf = (provider: ProviderSettings): Promise<oidc.Configuration> => {
    const found = known.get(provider.id);
    if (found !== undefined) return found;
    const issuer = new URL(provider.issuer);
    const local = ["localhost", "127.0.0.1", "[::1]"].includes(issuer.hostname);
    const made = oidc.discovery(issuer, provider.clientId, undefined, oidc.ClientSecretPost(provider.clientSecret), {
      timeout: 10,
      [oidc.customFetch]: (url, { method, headers, body, signal }) =>
        options.egress.fetch(url, {
          method,
          headers,
          redirect: "error",
          ...(body === undefined || body === null
            ? {}
            : { body: body instanceof Uint8Array ? body : String(body as string) }),
          ...(signal === undefined ? {} : { signal }),
        }),
      ...(local ? { execute: [oidc.allowInsecureRequests] } : {}),
    });
    known.set(provider.id, made);
    made.catch(() => known.delete(provider.id));
    return made;
  };
  const redirectOf = (provider: ProviderSettings): string =>
    `${origin()}/api/v1/desk/session/providers/${provider.id}/callback`;

  return {
    list: settings.map(({ id, name }) => ({ id, name })),
    start: async (id, session, to, address) => {
      const provider = one(id);
      // Another way in is for who has just shown that they are who they are, as a second factor is.
      if (session?.state === "in") holdFactor(session, now());
      for (const [key, flow] of flows) if (now() - flow.began > longest) flows.delete(key);
      const network = networkOf(address);
      const near = [...flows].filter(([, flow]) => flow.network === network);
      if (near.length >= mostOfNetwork) flows.delete(near[0]![0]);
      if (flows.size >= mostFlows)
        throw new AppError("DOOR_BUSY", "many people sign in just now: try again in a moment");
      const flow: Flow = {
        provider: id,
        began: now(),
        verifier: oidc.randomPKCECodeVerifier(),
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
        person: session?.state === "in" ? session.person.id : null,
        session: session?.state === "in" ? session.id : null,
        network,
        to,
      };
      const cookie = newSecret();
      try {
        const url = oidc.buildAuthorizationUrl(await configurationOf(provider), {
          redirect_uri: redirectOf(provider),
          scope: "openid",
          code_challenge: await oidc.calculatePKCECodeChallenge(flow.verifier),
          code_challenge_method: "S256",
          state: flow.state,
          nonce: flow.nonce,
        });
        flows.set(cookie, flow);
        return { url: url.href, cookie };
      } catch (error) {
        return failed(error);
      }
    },
    finish: async (id, cookie, query, client) => {
      const provider = one(id);
      const flow = flows.get(cookie ?? "");
      // One answer for one beginning, in the browser that began it.
      flows.delete(cookie ?? "");
      if (flow === undefined || flow.provider !== id || now() - flow.began > longest) {
        throw new AppError("LINK_INVALID", "this sign-in was not begun here, or too long ago: begin again");
      }
      let issuer: string;
      let subject: string;
      try {
        const tokens = await oidc.authorizationCodeGrant(
          await configurationOf(provider),
          new URL(`${redirectOf(provider)}?${query}`),
          {
            pkceCodeVerifier: flow.verifier,
            expectedState: flow.state,
            expectedNonce: flow.nonce,
            idTokenExpected: true,
          },
        );
        const claims = tokens.claims();
        if (claims === undefined) throw new TypeError("no ID token");
        issuer = claims.iss;
        subject = claims.sub;
      } catch (error) {
        return failed(error);
      }
      return signIn
        .inside(async (trx) => {
          const bound = await trx
            .selectFrom("person_providers")
            .select("person_id")
            .where("issuer", "=", issuer)
            .where("subject", "=", subject)
            .executeTakeFirst();
          if (flow.person !== null) {
            // Who began may have been signed out since, by a reset for one: then it connects nothing.
            const asked = await trx
              .selectFrom("sessions")
              .select("id")
              .where("id", "=", flow.session)
              .where("person_id", "=", flow.person)
              .forUpdate()
              .executeTakeFirst();
            if (asked === undefined)
              throw new AppError("LINK_INVALID", "the session that began this has ended: sign in and begin again");
            if (bound !== undefined && bound.person_id !== flow.person) {
              throw new AppError("PROVIDER_UNBOUND", "this identity belongs to another account already");
            }
            if (bound === undefined) {
              await trx
                .insertInto("person_providers")
                .values({ issuer, subject, person_id: flow.person, provider: id, bound: now() })
                .execute();
            }
            return {
              begun: null,
              to: flow.to,
              person: await personOf(trx, flow.person, now()),
              act: "provider.connected",
            };
          }
          const person = bound === undefined ? undefined : await personOf(trx, bound.person_id, now());
          if (person === undefined || person.state !== "active") {
            throw new AppError(
              "PROVIDER_UNBOUND",
              "no account is connected to this identity: sign in with the password and connect it, or ask for an invitation",
            );
          }
          const secret = await sessions.begin(trx, person.id, "in", client);
          return { begun: { secret, device: null }, to: flow.to, person, act: "login.provider" };
        })
        .then(async ({ begun, to, person, act }) => {
          await signIn.told(act, person ?? null, client, "done", issuer);
          return { begun, to };
        });
    },
  };
};
