// SPDX-License-Identifier: Apache-2.0
import { Registry } from "prom-client";
import { generateSync } from "otplib";
import { createAccounts } from "../../src/access/accounts.ts";
import type { Accounts, AccountsOptions } from "../../src/access/accounts.ts";
import { withAuditLog } from "../../src/api/desk/audit.ts";
import type { DeskRoutes } from "../../src/api/desk/index.ts";
import { withPeople } from "../../src/api/desk/people.ts";
import { withSession } from "../../src/api/desk/session.ts";
import { withTokens } from "../../src/api/desk/tokens.ts";
import { createLive } from "../../src/api/live.ts";
import { createApi } from "../../src/api/server.ts";
import type { ApiOptions } from "../../src/api/server.ts";
import type { Role } from "../../src/model/actor.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Observatory } from "../../src/observe/observatory.ts";
import { json } from "../../src/store/desk/desk.ts";
import { createEgress } from "../../src/platform/egress.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import { embeddedPlace } from "../desk/place.ts";

export const origin = "http://localhost";
export const password = "a long enough phrase";
export interface Called {
  readonly status: number;
  // eslint-disable-next-line typescript/no-explicit-any -- JSON of any route; what is not there fails the test
  readonly body: any;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly cookies: readonly string[];
}
/** A browser: keeps its cookies. */
export interface Browser {
  cookies: Map<string, string>;
  call(
    method: "GET" | "POST",
    url: string,
    body?: unknown,
    headers?: Record<string, string>,
    address?: string,
  ): Promise<Called>;
}
export interface House {
  readonly desk: Desk;
  readonly accounts: Accounts;
  readonly server: ReturnType<typeof createApi>;
  /** Microseconds; moves only when told. */
  clock: { now: number };
  browser(): Browser;
  /** Seeds of authenticators by mail address. */
  readonly seeds: Map<string, string>;
  /** Recovery codes by mail address. */
  readonly recovery: Map<string, readonly string[]>;
  code(mail: string): string;
  /** Makes a person, through the doors where they are open. */
  person(
    mail: string,
    roles: readonly Role[],
    organisations?: readonly string[],
    sensors?: readonly string[],
  ): Promise<Browser>;
  signIn(mail: string, browser?: Browser): Promise<Browser>;
  idOf(mail: string): Promise<string>;
  close(): Promise<void>;
}

const at = "/api/v1/desk/session";

export const openHouse = async (
  options: {
    place?: Awaited<ReturnType<typeof embeddedPlace>>;
    accounts?: Partial<AccountsOptions>;
    api?: Partial<ApiOptions>;
    desk?: readonly DeskRoutes[];
  } = {},
): Promise<House> => {
  const place = options.place ?? (await embeddedPlace());
  const desk = await place.open();
  const clock = { now: Date.parse("2026-07-10T12:00:00Z") * 1000 };
  await desk.as(systemActor, async (trx) => {
    // Gamma has no sensors inside.
    for (const id of ["alpha", "beta", "gamma"]) {
      await trx
        .insertInto("organisations")
        .values({ id, name: `The ${id}`, names: json({}), essential: false, exercise: "", created: 1, country: "ID" })
        .execute();
    }
    await trx
      .insertInto("networks")
      .values([
        {
          organisation_id: "alpha",
          realm: "",
          prefix: "192.0.2.0/24",
          translation: "none",
          valid_from: 1,
          origin: "import",
        },
        {
          organisation_id: "alpha",
          realm: "alpha-inside",
          prefix: "10.0.0.0/8",
          translation: "none",
          valid_from: 1,
          origin: "import",
        },
        {
          organisation_id: "beta",
          realm: "",
          prefix: "198.51.100.0/24",
          translation: "none",
          valid_from: 1,
          origin: "import",
        },
        {
          organisation_id: "beta",
          realm: "beta-inside",
          prefix: "10.0.0.0/8",
          translation: "none",
          valid_from: 1,
          origin: "import",
        },
      ])
      .execute();
  });
  const accounts = createAccounts({
    desk,
    now: () => clock.now,
    key: Buffer.alloc(32, 7),
    name: "Test node",
    origins: () => [origin],
    passwordCost: { memory: 64, passes: 1 },
    // The test's identity provider is on this machine.
    egress: createEgress({ allow: ["127.0.0.0/8", "::1/128"] }),
    ...options.accounts,
  });
  const server = createApi({
    observatory: {} as Observatory,
    live: createLive({ run: "t" }),
    guard: accounts.guard,
    audit: accounts.audit,
    portalFolder: null,
    metrics: new Registry(),
    status: () => ({ name: "test", version: "1", started: "2026-07-10T00:00:00Z", attribution: [] }),
    ...options.api,
    desk: [
      (api) => withSession(api, accounts),
      (api, actorOf) => withPeople(api, { people: accounts.people, now: () => clock.now }, actorOf),
      (api, actorOf) => withTokens(api, { tokens: accounts.tokens, now: () => clock.now }, actorOf),
      (api, actorOf) => withAuditLog(api, { desk, now: () => clock.now }, actorOf),
      ...(options.desk ?? []),
    ],
  });
  await server.ready();
  const seeds = new Map<string, string>();
  const recovery = new Map<string, readonly string[]>();

  const browser = (): Browser => {
    const cookies = new Map<string, string>();
    return {
      cookies,
      call: async (method, url, body, headers = {}, address = "203.0.113.1") => {
        const answer = await server.inject({
          method,
          url,
          remoteAddress: address,
          headers: {
            host: "localhost",
            ...(method === "POST" ? { origin, "content-type": "application/json" } : {}),
            ...(cookies.size > 0 ? { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") } : {}),
            "user-agent": "test",
            ...headers,
          },
          ...(method === "POST" ? { payload: JSON.stringify(body ?? {}) } : {}),
        });
        const set = [answer.headers["set-cookie"] ?? []].flat().map(String);
        for (const one of set) {
          const [name = "", value = ""] = (one.split(";")[0] ?? "").split("=");
          if (value === "") cookies.delete(name);
          else cookies.set(name, value);
        }
        const type = String(answer.headers["content-type"] ?? "");
        return {
          status: answer.statusCode,
          body: type.includes("json") && !type.includes("ndjson") ? answer.json() : answer.body,
          headers: answer.headers,
          cookies: set,
        };
      },
    };
  };
  const code = (mail: string): string =>
    generateSync({ secret: seeds.get(mail) ?? "", epoch: Math.floor(clock.now / 1e6) });
  const enrol = async (mail: string, one: Browser): Promise<void> => {
    const { body } = await one.call("POST", `${at}/totp/begin`);
    seeds.set(mail, body.secret as string);
    const made = await one.call("POST", `${at}/totp/confirm`, { code: code(mail) });
    if (made.status !== 200) throw new Error(`no factor: ${JSON.stringify(made.body)}`);
    recovery.set(mail, made.body.recoveryCodes as string[]);
    clock.now += 30e6;
  };
  let first: Browser | undefined;
  const firstAdministrator = async (): Promise<Browser> => {
    if (first !== undefined) {
      if ((await first.call("GET", at)).body.state !== "in") await house.signIn("first@example.org", first);
      return first;
    }
    const link = await accounts.people.first();
    first = browser();
    const made = await first.call("POST", `${at}/first`, {
      token: link?.link.split("#")[1],
      name: "First",
      mail: "first@example.org",
      password,
      language: "en",
    });
    if (made.status !== 200) throw new Error(`no administrator: ${JSON.stringify(made.body)}`);
    await enrol("first@example.org", first);
    return first;
  };
  const house: House = {
    desk,
    accounts,
    server,
    clock,
    browser,
    seeds,
    recovery,
    code,
    idOf: (mail) => accounts.people.idOf(mail),
    person: async (mail, roles, organisations = [], sensors = []) => {
      const administrator = await firstAdministrator();
      if (mail === "first@example.org") return administrator;
      const invited = await administrator.call("POST", "/api/v1/desk/people", {
        mail,
        name: mail,
        language: "en",
        roles,
        organisations,
        sensors,
      });
      if (invited.status !== 200) throw new Error(`not invited: ${JSON.stringify(invited.body)}`);
      const one = browser();
      const accepted = await one.call("POST", `${at}/accept`, {
        token: String(invited.body.link).split("#")[1],
        name: mail,
        password,
        language: "en",
      });
      if (accepted.status !== 200) throw new Error(`not accepted: ${JSON.stringify(accepted.body)}`);
      await enrol(mail, one);
      return one;
    },
    signIn: async (mail, one = browser()) => {
      await one.call("POST", `${at}/login`, { mail, password });
      const done = await one.call("POST", `${at}/totp`, { code: code(mail) });
      if (done.status !== 200) throw new Error(`not in: ${JSON.stringify(done.body)}`);
      clock.now += 30e6;
      return one;
    },
    close: async () => {
      await server.close();
      await desk.close();
      await place.remove();
    },
  };
  return house;
};
