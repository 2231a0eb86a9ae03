// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mayActOn, mayGive } from "../../src/access/privilege.ts";
import { roles } from "../../src/model/actor.ts";
import type { Role } from "../../src/model/actor.ts";
import { openHouse, password } from "./house.ts";
import type { Browser, House } from "./house.ts";

const at = "/api/v1/desk";
let house: House;
let first: Browser;
let analyst: Browser;
let member: Browser;
let stranger: Browser;
const ids = new Map<string, string>();

beforeAll(async () => {
  house = await openHouse();
  first = await house.person("first@example.org", ["administrator"]);
  analyst = await house.person("analyst@example.org", ["analyst"]);
  member = await house.person("member@example.org", ["member"], ["alpha"]);
  stranger = await house.person("stranger@example.org", ["member"], ["beta"]);
  await house.person("second@example.org", ["administrator"]);
  await house.person("observer@example.org", ["observer"]);
  for (const name of ["first", "second", "analyst", "member", "stranger", "observer"]) {
    ids.set(name, await house.idOf(`${name}@example.org`));
  }
});
afterAll(() => house.close());
const id = (name: string): string => ids.get(name) ?? "";

describe("who acts on whom", () => {
  it("is never somebody lower on somebody higher, nor equals on each other", () => {
    const actor = (role: Role) => ({ id: "x", roles: [role], organisations: [], realms: [], sensors: [] });
    const order: readonly (readonly Role[])[] = [
      ["system"],
      ["administrator"],
      ["analyst"],
      ["member"],
      ["sensor-host", "researcher"],
      ["observer"],
    ];
    for (const [i, high] of order.entries()) {
      for (const one of high) {
        for (const [j, other] of order.entries()) {
          for (const two of other) {
            expect(mayActOn(actor(one), [two]), `${one} on ${two}`).toBe(i < j && i <= 2);
            expect(
              mayGive(actor(one), [two]) && !(i < j || (one === "administrator" && two === one)),
              `${one} gives ${two}`,
            ).toBe(false);
          }
        }
        expect(mayGive(actor(one), ["system"])).toBe(false);
        expect(mayGive(actor(one), ["link"])).toBe(false);
        // The strongest of several roles counts.
        expect(mayActOn(actor(one), ["observer", "administrator"])).toBe(one === "system");
      }
    }
    expect(roles).toContain("link");
  });
  it("holds at the doors: no analyst resets, disables or changes an administrator, no administrator another", async () => {
    for (const [browser, target] of [
      [analyst, "first"],
      [analyst, "analyst"],
      [first, "second"],
      [first, "first"],
    ] as const) {
      for (const [path, body] of [
        ["/reset", {}],
        ["/state", { action: "disable" }],
        ["", { roles: ["observer"], organisations: [] }],
      ] as const) {
        const answer = await browser.call("POST", `${at}/people/${id(target)}${path}`, body);
        expect([answer.status, answer.body.code]).toEqual([403, "ACCESS_DENIED"]);
      }
    }
    const { rows } = (await analyst.call("GET", `${at}/people`)).body;
    const may = Object.fromEntries(
      rows.map((row: { mail: string; may: string[] }) => [row.mail.split("@")[0], row.may]),
    );
    expect(may).toMatchObject({ first: [], second: [], analyst: [], member: ["change", "disable", "reset"] });
  });
  it("gives nobody more than the giver has", async () => {
    const invite = (browser: Browser, given: readonly string[], mail = "new@example.org") =>
      browser.call("POST", `${at}/people`, { mail, language: "en", roles: given, organisations: [] });
    expect((await invite(analyst, ["administrator"])).status).toBe(403);
    expect((await invite(analyst, ["analyst"])).status).toBe(403);
    expect((await invite(analyst, ["observer", "administrator"])).status).toBe(403);
    expect((await invite(first, ["system"])).status).toBe(403);
    expect((await invite(first, ["link"])).status).toBe(403);
    expect((await invite(first, ["member"])).body.code).toBe("BODY_INVALID");
    const raised = await analyst.call("POST", `${at}/people/${id("member")}`, {
      roles: ["administrator"],
      organisations: ["alpha"],
    });
    expect(raised.status).toBe(403);
    expect(
      (await member.call("POST", `${at}/people/${id("member")}`, { roles: ["administrator"], organisations: [] }))
        .status,
    ).toBe(403);
  });
  it("takes nothing that was not asked for", async () => {
    for (const extra of [{ state: "active" }, { id: "x" }, { password: "x" }, { created: 1 }, { __proto__x: 1 }]) {
      const answer = await first.call("POST", `${at}/people`, {
        mail: "e@example.org",
        language: "en",
        roles: ["observer"],
        organisations: [],
        ...extra,
      });
      expect(answer.body.code).toBe("BODY_INVALID");
    }
    for (const extra of [{ roles: ["administrator"] }, { mail: "x@example.org" }, { organisations: ["beta"] }]) {
      expect(
        (await member.call("POST", `${at}/session/profile`, { name: "M", language: "en", ...extra })).body.code,
      ).toBe("BODY_INVALID");
    }
    expect((await member.call("GET", `${at}/session`)).body).toMatchObject({
      roles: ["member"],
      organisations: [{ id: "alpha" }],
    });
  });
  it("does not tell a member that others exist", async () => {
    for (const browser of [member, stranger]) {
      expect((await browser.call("GET", `${at}/people`)).status).toBe(403);
      expect((await browser.call("POST", `${at}/people/${id("observer")}/reset`)).status).toBe(403);
    }
    const gone = await analyst.call("POST", `${at}/people/nobody-nobody/reset`);
    expect(gone.body.code).toBe("NOT_FOUND");
    expect(
      (
        await analyst.call("POST", `${at}/people/${id("observer")}`, {
          roles: ["observer"],
          organisations: ["no-such"],
        })
      ).body.code,
    ).toBe("NOT_FOUND");
  });
  it("ends sessions, tokens and links of who is disabled, and what was taken from a role", async () => {
    const observer = await house.signIn("observer@example.org");
    const made = await observer.call("POST", `${at}/tokens`, { name: "t", scopes: ["observatory:read"], days: 1 });
    const { link } = (await first.call("POST", `${at}/people/${id("observer")}/reset`)).body;
    const withToken = () =>
      house.browser().call("GET", `${at}/statistics/none`, undefined, { authorization: `Bearer ${made.body.secret}` });
    expect((await withToken()).status).not.toBe(401);
    await analyst.call("POST", `${at}/people/${id("observer")}/state`, { action: "disable" });
    expect((await observer.call("GET", `${at}/tokens`)).status).toBe(401);
    expect((await withToken()).status).toBe(401);
    const accept = await house
      .browser()
      .call("POST", `${at}/session/accept`, { token: String(link).split("#")[1], name: "O", password, language: "en" });
    expect(accept.body.code).toBe("LINK_INVALID");
    expect(
      (await house.browser().call("POST", `${at}/session/login`, { mail: "observer@example.org", password })).body.code,
    ).toBe("LOGIN_REFUSED");
  });
  it("begins anew with a reset: what somebody else set up is gone", async () => {
    const made = await stranger.call("POST", `${at}/tokens`, {
      name: "left behind",
      scopes: ["alerts:read"],
      days: 30,
    });
    expect(made.status).toBe(200);
    const secret = String(made.body.secret);
    const { link } = (await first.call("POST", `${at}/people/${id("stranger")}/reset`)).body;
    const one = house.browser();
    const seen = await one.call("POST", `${at}/session/invitation`, { token: String(link).split("#")[1] });
    expect(seen.body).toMatchObject({
      purpose: "reset",
      mail: "stranger@example.org",
      organisations: [{ id: "beta" }],
    });
    const done = await one.call("POST", `${at}/session/accept`, {
      token: String(link).split("#")[1],
      name: "S",
      password: "an entirely new phrase",
      language: "th",
    });
    expect(done.body).toMatchObject({ state: "enrol", factors: { totp: false, passkeys: 0, recoveryCodes: 0 } });
    expect(await house.accounts.tokens.find(secret)).toBeNull();
    expect((await stranger.call("GET", `${at}/tokens`)).status).toBe(401);
    expect((await one.call("GET", `${at}/tokens`)).body.code).toBe("ACCESS_SIGN_IN");
    expect(
      (
        await one.call("POST", `${at}/session/accept`, {
          token: String(link).split("#")[1],
          name: "S",
          password: "yet another phrase",
          language: "th",
        })
      ).body.code,
    ).toBe("LINK_INVALID");
  });
});

describe("tokens", () => {
  it("show their secret once, to who made them, and to nobody else", async () => {
    member = await house.signIn("member@example.org");
    const made = await member.call("POST", `${at}/tokens`, { name: "blocklist", scopes: ["alerts:read"], days: 30 });
    const secret = String(made.body.secret);
    expect(secret).toMatch(/^ly_[\w-]{43}$/);
    first = await house.signIn("first@example.org", first);
    for (const browser of [member, first]) {
      const list = await browser.call("GET", `${at}/tokens`);
      expect(list.body.rows.some(({ name }: { name: string }) => name === "blocklist")).toBe(true);
      expect(JSON.stringify(list.body)).not.toContain(secret);
    }
    analyst = await house.signIn("analyst@example.org", analyst);
    expect((await analyst.call("GET", `${at}/tokens`)).body.rows).toEqual([]);
    const dump =
      JSON.stringify(await house.desk.owner.selectFrom("api_tokens").selectAll().execute()) +
      JSON.stringify(await house.desk.owner.selectFrom("audit_log").selectAll().execute());
    expect(dump).not.toContain(secret);
  });
  it("may what their scopes say, and make no more tokens", async () => {
    const made = await first.call("POST", `${at}/tokens`, { name: "narrow", scopes: ["observatory:read"], days: 1 });
    const authorization = `Bearer ${String(made.body.secret)}`;
    const by = (method: "GET" | "POST", url: string, body?: unknown) =>
      house.browser().call(method, url, body, { authorization });
    expect((await by("GET", `${at}/people`)).body.code).toBe("ACCESS_DENIED");
    expect((await by("POST", `${at}/tokens`, { name: "more", scopes: ["cases:write"], days: 1 })).body.code).toBe(
      "ACCESS_DENIED",
    );
    expect((await by("GET", `${at}/audit`)).body.code).toBe("ACCESS_DENIED");
    expect((await by("GET", `${at}/session`)).body.person).toBeNull();
    house.clock.now += 25 * 3600e6;
    expect((await by("GET", "/api/v1/status")).body.code).toBe("ACCESS_TOKEN");
  });
  it("of one organisation speak for it alone, and only for an own one", async () => {
    member = await house.signIn("member@example.org", member);
    expect(
      (await member.call("POST", `${at}/tokens`, { name: "x", scopes: ["alerts:read"], organisation: "beta", days: 1 }))
        .body.code,
    ).toBe("NOT_FOUND");
    expect(
      (
        await member.call("POST", `${at}/tokens`, {
          name: "x",
          scopes: ["alerts:read"],
          organisation: "alpha",
          days: 1,
        })
      ).status,
    ).toBe(200);
    first = await house.signIn("first@example.org", first);
    const made = await first.call("POST", `${at}/tokens`, {
      name: "beta",
      scopes: ["alerts:read"],
      organisation: "beta",
      days: 1,
    });
    const token = await house.accounts.tokens.find(String(made.body.secret));
    expect(token?.actor).toMatchObject({ roles: ["member"], organisations: ["beta"], realms: [] });
  });
  it("are taken back by their owner, or by who may act on the owner", async () => {
    const mine = (await member.call("POST", `${at}/tokens`, { name: "mine", scopes: ["alerts:read"], days: 1 })).body
      .token.id;
    analyst = await house.signIn("analyst@example.org", analyst);
    const theirs = (await first.call("POST", `${at}/tokens`, { name: "theirs", scopes: ["alerts:read"], days: 1 })).body
      .token.id;
    expect((await analyst.call("POST", `${at}/tokens/${theirs}/revoke`)).status).toBe(404);
    expect((await member.call("POST", `${at}/tokens/${theirs}/revoke`)).status).toBe(404);
    expect((await member.call("POST", `${at}/tokens/${mine}/revoke`)).body).toEqual({ done: true });
    const other = (await member.call("POST", `${at}/tokens`, { name: "other", scopes: ["alerts:read"], days: 1 })).body
      .token.id;
    expect((await first.call("POST", `${at}/tokens/${other}/revoke`)).body).toEqual({ done: true });
  });
  it("refuses a token's replay after it was taken back, at once", async () => {
    const made = await member.call("POST", `${at}/tokens`, { name: "gone", scopes: ["observatory:read"], days: 1 });
    const authorization = `Bearer ${String(made.body.secret)}`;
    const ask = () => house.browser().call("GET", `${at}/tokens`, undefined, { authorization });
    expect((await ask()).status).toBe(403);
    await member.call("POST", `${at}/tokens/${made.body.token.id}/revoke`);
    expect((await ask()).status).toBe(401);
  });
});

describe("the log", () => {
  it("says who read and did what, and who was refused", async () => {
    first = await house.signIn("first@example.org", first);
    const rows = (await first.call("GET", `${at}/audit?limit=500`)).body.rows as {
      action: string;
      actor: string;
      outcome: string;
      subject: string | null;
      from: string | null;
    }[];
    const has = (one: object) => expect(rows).toEqual(expect.arrayContaining([expect.objectContaining(one)]));
    has({
      action: "person.reset",
      actor: `person:${id("analyst")}`,
      outcome: "refused",
      subject: `person:${id("first")}`,
    });
    has({ action: "person.state", actor: `person:${id("analyst")}`, outcome: "done" });
    has({ action: "people.read", actor: `person:${id("member")}`, outcome: "refused" });
    has({ action: "token.new", actor: `person:${id("member")}`, outcome: "done", from: "203.0.113.1" });
    expect((await first.call("POST", `${at}/audit/verify`)).body).toMatchObject({ whole: true, broken: null });
    expect((await first.call("GET", `${at}/audit?subject=%25`)).body.total).toBe(0);
    const lines = String((await first.call("GET", `${at}/audit/export`)).body)
      .trim()
      .split("\n");
    expect(lines.length).toBeGreaterThan(rows.length);
  });
});
