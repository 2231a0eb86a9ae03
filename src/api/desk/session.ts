// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Accounts } from "../../access/accounts.ts";
import { cookieOf } from "../../access/guard.ts";
import type { Rule } from "../../access/rule.ts";
import type { Session as Seat } from "../../access/sessions.ts";
import type { Begun } from "../../access/signin.ts";
import { organisationsNamed } from "../../access/signin.ts";
import { AppError } from "../../platform/errors.ts";
import { sessionEndpoints as at, startPath } from "../contract/desk/session.ts";
import type { Factors, Session } from "../contract/desk/session.ts";
import { visitOf } from "./actor.ts";
import { mount } from "./route.ts";
import { strictly } from "./strict.ts";
import { ProviderPath, ProviderStart } from "../contract/desk/session.ts";
import { timeOf, timeOrNull } from "./times.ts";

/** What a session may be asked: sign-in writes its own lines into the audit log. */
const anyone: Rule = { who: "anyone", audit: null };

/** A visitor of throw-away data: everything, without an account. */
export const demoSession = (language = "en"): Session => ({
  state: "in",
  person: { id: "visitor", name: "Visitor", mail: null, language },
  roles: ["administrator", "analyst"],
  organisations: [],
  realms: [],
  exercises: [],
  factors: { password: false, passkeys: 0, totp: false, recoveryCodes: 0 },
  wanted: [],
  expires: null,
  demo: true,
  providers: [],
});

/** The one route of sign-in where the printed address signs in. */
export const withDemoSession = (server: FastifyInstance): void => {
  mount(server, at.session, anyone, () => demoSession());
  mount(server, at["session/logout"], anyone, () => demoSession());
};

/** Sign-in, second factors, and what people change about themselves. */
export const withSession = (server: FastifyInstance, accounts: Accounts): void => {
  const { signIn, sessions, passkeys, providers, options } = accounts;
  const { now } = options;
  const provided = providers.list.map(({ id, name }) => ({ id, name }));

  const nobody = async (): Promise<Session> => ({
    state: (await signIn.hasAdministrator()) ? "out" : "first",
    person: null,
    roles: [],
    organisations: [],
    realms: [],
    exercises: [],
    factors: { password: false, passkeys: 0, totp: false, recoveryCodes: 0 },
    wanted: [],
    expires: null,
    demo: false,
    providers: provided,
  });
  const view = async (seat: Seat | null): Promise<Session> => {
    if (seat === null) return nobody();
    const { person, state } = seat;
    const { factors, organisations } = await signIn.inside(async (trx) => ({
      factors: await signIn.factorsOf(trx, person.id),
      organisations: await organisationsNamed(trx, person.actor.organisations),
    }));
    const inside = state === "in";
    return {
      state,
      // Who has shown the password alone is told nothing but which factor is asked for.
      person:
        state === "factor" ? null : { id: person.id, name: person.name, mail: person.mail, language: person.language },
      roles: inside ? [...person.actor.roles] : [],
      organisations: inside ? organisations : [],
      realms: inside ? [...person.actor.realms] : [],
      exercises: [],
      factors:
        state === "factor"
          ? { password: true, passkeys: 0, totp: false, recoveryCodes: 0 }
          : {
              password: factors.password !== null,
              passkeys: factors.passkeys.length,
              totp: factors.totp !== null,
              recoveryCodes: factors.recoveryCodes,
            },
      wanted:
        state === "factor"
          ? [
              ...(factors.passkeys.length > 0 ? (["passkey"] as const) : []),
              ...(factors.totp !== null ? (["totp"] as const) : []),
              ...(factors.recoveryCodes > 0 ? (["recovery"] as const) : []),
            ]
          : [],
      expires: timeOf(seat.expires),
      demo: false,
      providers: provided,
    };
  };
  /** Puts the new secret into the cookie, and shows the session it opens. */
  const entered = async (reply: FastifyReply, { secret, device }: Begun): Promise<Session> => {
    const cookies = accounts.cookies();
    const kept = [cookies.keep("session", secret)];
    if (device !== null) kept.push(cookies.keep("device", device));
    reply.header("set-cookie", kept);
    return view(await sessions.find(secret));
  };
  const seatOf = (request: FastifyRequest, ...states: readonly Seat["state"][]): Seat => {
    const { session } = visitOf(request);
    if (session === null || !states.includes(session.state)) {
      throw new AppError("ACCESS_SIGN_IN", "sign in first");
    }
    return session;
  };
  const clientOf = (request: FastifyRequest) => visitOf(request).client;
  /** The browser that this account signed in from before, if it is one. */
  const knownClient = (request: FastifyRequest, seat: Seat) => {
    const client = clientOf(request);
    return { ...client, device: signIn.deviceOf(seat.person.mail, client.deviceCookie) };
  };

  mount(server, at.session, anyone, ({ request }) => view(visitOf(request).session));
  mount(server, at["session/login"], anyone, async ({ body, request, reply }) =>
    entered(reply, await signIn.login(body, clientOf(request), visitOf(request).session)),
  );
  mount(server, at["session/logout"], anyone, async ({ request, reply }) => {
    const { session } = visitOf(request);
    if (session !== null) {
      await sessions.end(session.id);
      await signIn.told("logout", session.person, clientOf(request), "done");
    }
    reply.header("set-cookie", accounts.cookies().drop("session")).header("clear-site-data", '"cache"');
    return nobody();
  });
  mount(server, at["session/first"], anyone, async ({ body, request, reply }) =>
    entered(reply, await signIn.first(body.token, body, clientOf(request))),
  );
  mount(server, at["session/invitation"], anyone, async ({ body }) => {
    const seen = await signIn.seen(body.token);
    return { ...seen, roles: [...seen.roles], expires: timeOf(seen.expires) };
  });
  mount(server, at["session/accept"], anyone, async ({ body, request, reply }) =>
    entered(reply, await signIn.accept(body.token, body, clientOf(request))),
  );
  mount(server, at["session/totp"], anyone, async ({ body, request, reply }) => {
    const seat = seatOf(request, "factor");
    return entered(reply, await signIn.totp(seat, body.code, knownClient(request, seat)));
  });
  mount(server, at["session/totp/begin"], anyone, ({ request }) => signIn.totpBegin(seatOf(request, "enrol", "in")));
  mount(server, at["session/totp/confirm"], anyone, async ({ body, request, reply }) => {
    const seat = seatOf(request, "enrol", "in");
    const { begun, recoveryCodes } = await signIn.totpConfirm(seat, body.code, knownClient(request, seat));
    return { session: await entered(reply, begun), recoveryCodes: [...recoveryCodes] };
  });
  mount(server, at["session/passkey/begin"], anyone, async ({ request }) => ({
    options: await passkeys.begin(seatOf(request, "factor")),
  }));
  mount(server, at["session/passkey"], anyone, async ({ body, request, reply }) => {
    const seat = seatOf(request, "factor");
    return entered(reply, await passkeys.use(seat, body.response, knownClient(request, seat)));
  });
  mount(server, at["session/passkey/new/begin"], anyone, async ({ request }) => ({
    options: await passkeys.beginNew(seatOf(request, "enrol", "in")),
  }));
  mount(server, at["session/passkey/new"], anyone, async ({ body, request, reply }) => {
    const seat = seatOf(request, "enrol", "in");
    const { begun, recoveryCodes } = await passkeys.makeNew(seat, body.response, body.name, knownClient(request, seat));
    return { session: await entered(reply, begun), recoveryCodes: [...recoveryCodes] };
  });
  mount(server, at["session/recovery"], anyone, async ({ body, request, reply }) => {
    const seat = seatOf(request, "factor");
    return entered(reply, await signIn.recovery(seat, body.code, knownClient(request, seat)));
  });
  mount(server, at["session/password"], anyone, async ({ body, request }) => {
    await signIn.changePassword(seatOf(request, "in"), body, clientOf(request));
    return { done: true };
  });
  mount(server, at["session/profile"], anyone, async ({ body, request }) => {
    const seat = seatOf(request, "in");
    await signIn.profile(seat, body);
    return view({ ...seat, person: { ...seat.person, ...body } });
  });

  const factors = (seat: Seat): Promise<Factors> =>
    signIn.inside(async (trx) => {
      const own = await signIn.factorsOf(trx, seat.person.id);
      const rows = await trx
        .selectFrom("sessions")
        .select(["id", "began", "seen", "agent"])
        .where("person_id", "=", seat.person.id)
        .where("state", "=", "in")
        .where("expires", ">", now())
        .orderBy("seen", "desc")
        .limit(50)
        .execute();
      return {
        passkeys: own.passkeys.map(({ id, name, made, used }) => ({
          id,
          name,
          made: timeOf(made),
          used: timeOrNull(used),
        })),
        totp: own.totp !== null,
        recoveryCodes: own.recoveryCodes,
        sessions: rows.map(({ id, began, seen, agent }) => ({
          id,
          began: timeOf(began),
          seen: timeOf(seen),
          agent,
          current: id === seat.id,
        })),
      };
    });
  mount(server, at["session/factors"], anyone, ({ request }) => factors(seatOf(request, "in")));
  mount(server, at["session/factors/remove"], anyone, async ({ body, request }) => {
    const seat = seatOf(request, "in");
    await signIn.removeFactor(seat, body, clientOf(request));
    return factors(seat);
  });

  // Navigations, not calls: the browser leaves for the provider and comes back.
  const path = strictly(ProviderPath, "text");
  const start = strictly(ProviderStart, "text");
  const leaving = {
    method: "GET",
    path: startPath,
    params: ProviderPath,
    query: ProviderStart,
    redirects: true,
    about: "Leave for an identity provider",
  } as const;
  server.get(
    startPath.replace("{provider}", ":provider"),
    { config: { rule: anyone, endpoint: leaving } },
    async (request, reply) => {
      const { provider } = path(request.params);
      const { to = "/" } = start(request.query);
      const { url, cookie } = await providers.start(provider, visitOf(request).session, to, clientOf(request).address);
      return reply
        .header("set-cookie", accounts.cookies().keepProvider(cookie))
        .header("cache-control", "no-store")
        .redirect(url, 303);
    },
  );
  const back = {
    method: "GET",
    path: startPath.replace("/start", "/callback"),
    params: ProviderPath,
    redirects: true,
    about: "The identity provider's answer, which the browser brings",
  } as const;
  server.get(
    back.path.replace("{provider}", ":provider"),
    { config: { rule: anyone, endpoint: back } },
    async (request, reply) => {
      const { provider } = path(request.params);
      const cookies = accounts.cookies();
      const at = request.url.indexOf("?");
      const { begun, to } = await providers.finish(
        provider,
        cookieOf(request.headers.cookie, cookies.provider),
        at < 0 ? "" : request.url.slice(at + 1),
        clientOf(request),
      );
      const kept = [cookies.drop("provider")];
      if (begun !== null) kept.push(cookies.keep("session", begun.secret));
      return reply.header("set-cookie", kept).header("cache-control", "no-store").redirect(to, 303);
    },
  );
};
