// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import Fastify from "fastify";
import { generateSync } from "otplib";
import { refusalOf } from "../../src/access/rule.ts";
import type { Rule } from "../../src/access/rule.ts";
import { exportPath } from "../../src/api/contract/desk/organisations.ts";
import { actorOf } from "../../src/api/desk/actor.ts";
import { withConstituency } from "../../src/api/desk/constituency.ts";
import { lookupEndpoint, withTuency } from "../../src/api/desk/tuency.ts";
import type { AppError } from "../../src/platform/errors.ts";
import { createSessions } from "../../src/access/sessions.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import { openHouse, password } from "./house.ts";
import type { Browser, House } from "./house.ts";

const at = "/api/v1/desk";
let house: House;
let first: Browser;
beforeAll(async () => {
  house = await openHouse();
  first = await house.person("first@example.org", ["administrator"]);
});
afterAll(() => house.close());
/** Limits count within 15 minutes: tests begin after them. */
beforeEach(async () => {
  house.clock.now += 16 * 60e6;
  await house.signIn("first@example.org", first);
});
const login = async (mail: string, one = house.browser(), address?: string) => {
  const answer = await one.call("POST", `${at}/session/login`, { mail, password }, {}, address);
  return { one, answer };
};
const wrongCode = (mail: string): string => (house.code(mail) === "000000" ? "000001" : "000000");
const secretOf = (body: { link: string }): string => body.link.split("#")[1] ?? "";

describe("who knows the password alone", () => {
  it("sets up no factor beside the one that was set up meanwhile", async () => {
    const invited = await first.call("POST", `${at}/people`, {
      mail: "late@example.org",
      language: "en",
      roles: ["observer"],
      organisations: [],
    });
    const token = secretOf(invited.body);
    const owner = house.browser();
    await owner.call("POST", `${at}/session/accept`, { token, name: "L", password, language: "en" });
    // The thief signs in while there is no factor yet, and waits.
    const { one: thief, answer } = await login("late@example.org");
    expect(answer.body.state).toBe("enrol");
    const early = (await thief.call("POST", `${at}/session/totp/begin`)).body.secret as string;
    const enrol = async (one: Browser, seed: string) =>
      one.call("POST", `${at}/session/totp/confirm`, {
        code: generateSync({ secret: seed, epoch: Math.floor(house.clock.now / 1e6) }),
      });
    const { body } = await owner.call("POST", `${at}/session/totp/begin`);
    expect((await enrol(owner, body.secret as string)).status).toBe(200);
    house.clock.now += 30e6;
    expect((await thief.call("POST", `${at}/session/totp/begin`)).body.code).toBe("ACCESS_SIGN_IN");
    expect((await enrol(thief, early)).status).toBe(401);
    expect((await thief.call("GET", `${at}/tokens`)).status).toBe(401);
    expect((await owner.call("GET", `${at}/tokens`)).status).toBe(200);
  });
  it("guesses at the second factor eight times, however many sign-ins they begin side by side", async () => {
    await house.person("g@example.org", ["observer"]);
    house.clock.now += 16 * 60e6;
    const { signIn, sessions } = house.accounts;
    const halves = [];
    for (let i = 0; i < 6; i++) {
      const { one } = await login("g@example.org");
      halves.push(await sessions.find(one.cookies.get("layang-session-80") ?? ""));
    }
    const code = wrongCode("g@example.org");
    const client = { address: "198.18.0.1", agent: "", device: undefined };
    const codes = await Promise.all(
      halves.flatMap((half) =>
        Array.from({ length: 4 }, () =>
          signIn.totp(half!, code, client).catch((error: unknown) => (error as AppError).code),
        ),
      ),
    );
    expect(codes.filter((one) => one === "FACTOR_REFUSED")).toHaveLength(8);
    expect(codes.filter((one) => one === "LOGIN_LIMIT")).toHaveLength(16);
  });
  it("ends nobody's sessions by beginning many", async () => {
    const owner = await house.person("o@example.org", ["observer"]);
    for (let i = 0; i < 25; i++) await login("o@example.org");
    expect((await owner.call("GET", `${at}/tokens`)).status).toBe(200);
  });
});

describe("limits", () => {
  it("do not count what was not looked at, because many signed in", async () => {
    const owner = await house.person("busy@example.org", ["observer"]);
    const crowd = Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        house
          .browser()
          .call(
            "POST",
            `${at}/session/login`,
            { mail: `s${i}@example.org`, password: "guess guess guess" },
            {},
            `198.18.${i}.1`,
          ),
      ),
    );
    const answers = await Promise.all([crowd, ...Array.from({ length: 14 }, () => login("busy@example.org", owner))]);
    expect(answers[0].some(({ status }) => status === 503)).toBe(true);
    expect((await login("busy@example.org", owner)).answer.body.state).toBe("factor");
  });
});

describe("a one-time link", () => {
  it("ends when its person may more than who made it", async () => {
    await house.person("analyst@example.org", ["analyst"]);
    const analyst = await house.signIn("analyst@example.org");
    const invited = await analyst.call("POST", `${at}/people`, {
      mail: "rises@example.org",
      language: "en",
      roles: ["observer"],
      organisations: [],
    });
    const id = invited.body.person.id as string;
    const raised = await first.call("POST", `${at}/people/${id}`, { roles: ["administrator"], organisations: [] });
    expect(raised.status).toBe(200);
    const taken = await house.browser().call("POST", `${at}/session/accept`, {
      token: secretOf(invited.body),
      name: "X",
      password,
      language: "en",
    });
    expect(taken.body.code).toBe("LINK_INVALID");
  });
});

describe("tokens", () => {
  it("are made for organisations that there are", async () => {
    await house.person("analyst2@example.org", ["analyst"]);
    const analyst = await house.signIn("analyst2@example.org");
    const made = await analyst.call("POST", `${at}/tokens`, {
      name: "t",
      scopes: ["alerts:read"],
      organisation: "no-such",
      days: 1,
    });
    expect(made.body.code).toBe("NOT_FOUND");
  });
  it("may look up with the scope that is for it, and do nothing else", async () => {
    const made = await first.call("POST", `${at}/tokens`, { name: "intelmq", scopes: ["lookup:read"], days: 1 });
    const { actor, scopes } = (await house.accounts.tokens.find(String(made.body.secret)))!;
    const rules = new Map<string, Rule>();
    const server = Fastify();
    server.addHook("onRoute", ({ url, config }) => void rules.set(url, config?.rule as Rule));
    withTuency(server, {} as Parameters<typeof withTuency>[1], actorOf);
    withConstituency(server, {} as Parameters<typeof withConstituency>[1], actorOf);
    const may = (path: string, by = scopes) =>
      refusalOf(rules.get(path)!, actor, { scopes: by, method: "GET", path }) === undefined;
    expect(may(lookupEndpoint.path)).toBe(true);
    expect(may(lookupEndpoint.path, ["constituency:read"])).toBe(true);
    expect(may(lookupEndpoint.path, ["cases:read"])).toBe(false);
    expect(may(exportPath)).toBe(false);
  });
});

describe("organisations of a person", () => {
  it("are a member's alone", async () => {
    await house.person("both@example.org", ["analyst"], ["alpha"]);
    const analyst = await house.signIn("both@example.org");
    expect((await analyst.call("GET", `${at}/session`)).body).toMatchObject({ realms: [] });
    await house.person("obs@example.org", ["observer"], ["alpha"]);
    const observer = await house.signIn("obs@example.org");
    expect((await observer.call("GET", `${at}/session`)).body).toMatchObject({ realms: [] });
  });
});

describe("a member's own network", () => {
  it("is no analyst's, by no link that they make", async () => {
    await house.person("analyst3@example.org", ["analyst"]);
    const analyst = await house.signIn("analyst3@example.org");
    const invite = (mail: string, organisation: string, by = analyst) =>
      by.call("POST", `${at}/people`, { mail, language: "en", roles: ["member"], organisations: [organisation] });
    expect((await invite("a1@example.org", "alpha")).body.code).toBe("ACCESS_DENIED");
    expect((await invite("c1@example.org", "gamma")).status).toBe(200);
    const { body } = await invite("a2@example.org", "alpha", first);
    const { id } = body.person as unknown as { id: string };
    expect((await analyst.call("POST", `${at}/people/${id}/reset`, {})).body.code).toBe("ACCESS_DENIED");
    expect((await first.call("POST", `${at}/people/${id}/reset`, {})).status).toBe(200);
    const other = await invite("c2@example.org", "gamma");
    const moved = await analyst.call("POST", `${at}/people/${(other.body.person as unknown as { id: string }).id}`, {
      roles: ["member"],
      organisations: ["alpha"],
    });
    expect(moved.body.code).toBe("ACCESS_DENIED");
  });
});

describe("a session", () => {
  it("that ended while it was looked up is not remembered", async () => {
    const browser = await house.signIn("first@example.org");
    const secret = browser.cookies.get("layang-session-80") ?? "";
    let slow = false;
    let release = (): void => undefined;
    const parked = Promise.withResolvers<void>();
    const desk: Desk = {
      owner: house.desk.owner,
      close: house.desk.close,
      as: async (actor, work) => {
        const found = await house.desk.as(actor, work);
        // The answer of a server is on its way while something else happens.
        if (slow) {
          await new Promise<void>((resolve) => {
            release = resolve;
            parked.resolve();
          });
        }
        return found;
      },
    };
    const sessions = createSessions({ desk, now: () => house.clock.now });
    slow = true;
    const looking = sessions.find(secret);
    await parked.promise;
    slow = false;
    const { id } = (await house.accounts.sessions.find(secret)) ?? { id: "" };
    await sessions.end(id);
    release();
    await looking;
    expect(await sessions.find(secret)).toBeNull();
  });
});

describe("the audit log", () => {
  it("names everything that one request was about, however much that is", async () => {
    await house.person("many@example.org", ["observer"]);
    const organisations = Array.from({ length: 100 }, (_, i) => `organisation-with-a-rather-long-name-${i}`);
    const id = await house.idOf("many@example.org");
    const answer = await first.call("POST", `${at}/people/${id}`, { roles: ["member"], organisations });
    expect(answer.body.code).toBe("NOT_FOUND");
    const rows = await house.desk.owner
      .selectFrom("audit_log")
      .select(["subject", "outcome"])
      .where("action", "=", "person.change")
      .where("subject", "like", "%organisation-with%")
      .execute();
    const told = new Set(rows.flatMap(({ subject }) => (subject ?? "").split(" ")));
    expect(organisations.filter((one) => !told.has(`organisation:${one}`))).toEqual([]);
    expect(rows.every(({ subject, outcome }) => (subject ?? "").length <= 300 && outcome === "refused")).toBe(true);
  });
});
