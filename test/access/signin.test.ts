// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemActor } from "../../src/model/actor.ts";
import { openHouse, password } from "./house.ts";
import type { Browser, House } from "./house.ts";

const at = "/api/v1/desk/session";
let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());
/** Limits count within 15 minutes: tests begin after them. */
beforeEach(() => {
  house.clock.now += 16 * 60e6;
});

describe("the first administrator", () => {
  it("needs the printed link, in time, once", async () => {
    const one = house.browser();
    expect((await one.call("GET", at)).body).toMatchObject({ state: "first", person: null, demo: false });
    const given = { name: "A", mail: "a@example.org", password, language: "en" };
    expect((await one.call("POST", `${at}/first`, { ...given, token: "x".repeat(43) })).body.code).toBe("LINK_INVALID");
    const late = await house.accounts.people.first();
    expect(late?.link).toMatch(/^http:\/\/localhost\/first#[\w-]{43}$/);
    house.clock.now += 15 * 60e6;
    const token = late?.link.split("#")[1];
    expect((await one.call("POST", `${at}/first`, { ...given, token })).body.code).toBe("LINK_INVALID");
    const replaced = await house.accounts.people.first();
    const good = await house.accounts.people.first();
    expect((await one.call("POST", `${at}/first`, { ...given, token: replaced?.link.split("#")[1] })).status).toBe(403);
    const usable = { ...given, token: good?.link.split("#")[1] };
    expect((await one.call("POST", `${at}/first`, { ...usable, roles: ["system"] })).body.code).toBe("BODY_INVALID");
    expect((await one.call("POST", `${at}/first`, { ...usable, password: "short" })).body.code).toBe("BODY_INVALID");
    expect((await one.call("POST", `${at}/first`, { ...usable, password: "passwordpassword" })).body.code).toBe(
      "PASSWORD_WEAK",
    );
    // Two at once: one account.
    const both = await Promise.all([
      house.browser().call("POST", `${at}/first`, { ...usable, mail: "first@example.org" }),
      house.browser().call("POST", `${at}/first`, { ...usable, mail: "second@example.org" }),
    ]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 403]);
    expect(await house.accounts.people.first()).toBeNull();
    expect((await house.browser().call("GET", at)).body.state).toBe("out");
    await house.desk.owner.deleteFrom("sessions").execute();
    await house.desk.owner.deleteFrom("person_secrets").execute();
    await house.desk.owner.deleteFrom("people").execute();
  });
});

describe("sign-in", () => {
  let member: Browser;
  beforeAll(async () => {
    await house.person("first@example.org", ["administrator"]);
    member = await house.person("m@example.org", ["member"], ["alpha"]);
  });
  it("asks for the second factor, and opens nothing before", async () => {
    const one = house.browser();
    const half = await one.call("POST", `${at}/login`, { mail: "M@example.org", password });
    expect(half.body).toMatchObject({ state: "factor", person: null, roles: [], wanted: ["totp", "recovery"] });
    expect((await one.call("GET", "/api/v1/desk/tokens")).body.code).toBe("ACCESS_SIGN_IN");
    expect((await one.call("GET", "/api/v1/ports/top")).body.code).toBe("ACCESS_SIGN_IN");
    expect((await one.call("POST", `${at}/profile`, { name: "x", language: "en" })).body.code).toBe("ACCESS_SIGN_IN");
    expect((await one.call("POST", `${at}/totp/begin`)).body.code).toBe("ACCESS_SIGN_IN");
    const done = await one.call("POST", `${at}/totp`, { code: house.code("m@example.org") });
    expect(done.body).toMatchObject({
      state: "in",
      roles: ["member"],
      organisations: [{ id: "alpha" }],
      realms: ["alpha-inside"],
    });
    expect((await one.call("GET", "/api/v1/desk/tokens")).status).toBe(200);
    house.clock.now += 30e6;
  });
  it("gives a cookie that scripts and other sites do not get, and a new one at each step", async () => {
    const one = house.browser();
    const half = await one.call("POST", `${at}/login`, { mail: "m@example.org", password });
    expect(half.cookies[0]).toMatch(/^layang-session-80=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const before = one.cookies.get("layang-session-80");
    const done = await one.call("POST", `${at}/totp`, { code: house.code("m@example.org") });
    expect(done.cookies.some((cookie) => cookie.startsWith("layang-device-80="))).toBe(true);
    house.clock.now += 30e6;
    expect(one.cookies.get("layang-session-80")).not.toBe(before);
    // What was known before the sign-in opens nothing: no fixation.
    const fixed = house.browser();
    fixed.cookies.set("layang-session-80", before ?? "");
    expect((await fixed.call("GET", "/api/v1/desk/tokens")).body.code).toBe("ACCESS_SIGN_IN");
    const chosen = house.browser();
    chosen.cookies.set("layang-session-80", "chosen-by-somebody-else-chosen-by-somebody-");
    await house.signIn("m@example.org", chosen);
    expect(chosen.cookies.get("layang-session-80")).not.toMatch(/^chosen/);
  });
  it("takes no code twice, not even at the same time, nor an older one", async () => {
    const code = house.code("m@example.org");
    const [one, two] = [house.browser(), house.browser()];
    for (const browser of [one, two]) await browser.call("POST", `${at}/login`, { mail: "m@example.org", password });
    const answers = await Promise.all([one, two].map((browser) => browser.call("POST", `${at}/totp`, { code })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401]);
    const three = house.browser();
    await three.call("POST", `${at}/login`, { mail: "m@example.org", password });
    expect((await three.call("POST", `${at}/totp`, { code })).body.code).toBe("FACTOR_REFUSED");
    house.clock.now += 30e6;
    const old = house.code("m@example.org");
    house.clock.now += 60e6;
    expect((await three.call("POST", `${at}/totp`, { code: old })).body.code).toBe("FACTOR_REFUSED");
  });
  it("ends the sign-in after five wrong codes, also when they come side by side", async () => {
    const one = house.browser();
    await one.call("POST", `${at}/login`, { mail: "m@example.org", password });
    const right = house.code("m@example.org");
    const wrong = right === "000000" ? "000001" : "000000";
    const answers = await Promise.all(Array.from({ length: 7 }, () => one.call("POST", `${at}/totp`, { code: wrong })));
    expect(answers.every(({ status }) => status === 401)).toBe(true);
    expect((await one.call("POST", `${at}/totp`, { code: right })).body.code).toBe("ACCESS_SIGN_IN");
  });
  it("does not say whether an account exists", async () => {
    const known = await house
      .browser()
      .call("POST", `${at}/login`, { mail: "m@example.org", password: "wrong wrong wrong" });
    const unknown = await house.browser().call("POST", `${at}/login`, { mail: "nobody@example.org", password });
    expect(known.body).toEqual(unknown.body);
    expect(known.body).toMatchObject({ status: 401, code: "LOGIN_REFUSED" });
  });
  it("stops guessing at an account, and does not lock out who signed in there before", async () => {
    const owner = await house.signIn("m@example.org");
    house.clock.now += 16 * 60e6;
    const guess = (address: string, mail = "m@example.org") =>
      house.browser().call("POST", `${at}/login`, { mail, password: "guess guess guess" }, {}, address);
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => guess(`198.18.${i}.1`)));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(30);
    expect(answers.find(({ status }) => status === 429)?.headers["retry-after"]).toBe("900");
    // The log says so once, however long somebody goes on knocking.
    const lines = await house.desk.as(systemActor, (trx) =>
      trx.selectFrom("audit_log").select("id").where("detail", "=", "limit: m@example.org").execute(),
    );
    expect(lines).toHaveLength(1);
    // A stranger with the right password waits too; the owner's browser does not.
    expect((await house.browser().call("POST", `${at}/login`, { mail: "m@example.org", password })).status).toBe(429);
    expect((await owner.call("POST", `${at}/login`, { mail: "m@example.org", password })).body.state).toBe("factor");
    // Nor do others.
    expect((await house.browser().call("POST", `${at}/login`, { mail: "first@example.org", password })).status).toBe(
      200,
    );
  });
  it("stops a network that guesses at many accounts, and only that", async () => {
    const spray = (i: number) =>
      house
        .browser()
        .call(
          "POST",
          `${at}/login`,
          { mail: `u${i}@example.org`, password: "guess guess guess" },
          {},
          `198.18.0.${i % 250}`,
        );
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => spray(i)));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(30);
    expect((await house.browser().call("POST", `${at}/login`, { mail: "first@example.org", password })).status).toBe(
      200,
    );
  });
  it("does not take another's mark of a browser", async () => {
    const owner = await house.signIn("m@example.org");
    const device = owner.cookies.get("layang-device-80") ?? "";
    expect(house.accounts.signIn.deviceOf("m@example.org", device)).toBeDefined();
    expect(house.accounts.signIn.deviceOf("first@example.org", device)).toBeUndefined();
    const altered = `${device.startsWith("x") ? "y" : "x"}${device.slice(1)}`;
    expect(house.accounts.signIn.deviceOf("m@example.org", altered)).toBeUndefined();
  });
  it("ends a session that is idle, one that is old, and those that are ended", async () => {
    const idle = await house.signIn("m@example.org");
    house.clock.now += 2 * 3600e6;
    expect((await idle.call("GET", "/api/v1/desk/tokens")).status).toBe(401);
    const old = await house.signIn("m@example.org");
    for (let hour = 0; hour < 15; hour++) {
      house.clock.now += 3600e6;
      expect((await old.call("GET", "/api/v1/desk/tokens")).status).toBe(200);
    }
    house.clock.now += 3600e6;
    expect((await old.call("GET", "/api/v1/desk/tokens")).status).toBe(401);
    const one = await house.signIn("m@example.org");
    const two = await house.signIn("m@example.org");
    const { body } = await one.call("GET", `${at}/factors`);
    const other = body.sessions.find(({ current }: { current: boolean }) => !current);
    await one.call("POST", `${at}/factors/remove`, { kind: "session", id: other.id });
    expect((await two.call("GET", "/api/v1/desk/tokens")).status).toBe(401);
    const copy = house.browser();
    copy.cookies = new Map(one.cookies);
    for (const [name, value] of one.cookies) copy.cookies.set(name, value);
    await one.call("POST", `${at}/logout`);
    expect((await one.call("GET", "/api/v1/desk/tokens")).status).toBe(401);
  });
  it("changes the password only for who says the old one, and ends the other sessions", async () => {
    const one = await house.signIn("m@example.org");
    const two = await house.signIn("m@example.org");
    const change = (current: string, next: string) => one.call("POST", `${at}/password`, { current, next });
    expect((await change("wrong wrong wrong", "another long phrase")).body.code).toBe("LOGIN_REFUSED");
    expect((await change(password, "yet another phrase")).status).toBe(200);
    expect((await two.call("GET", "/api/v1/desk/tokens")).status).toBe(401);
    expect((await one.call("GET", "/api/v1/desk/tokens")).status).toBe(200);
    expect((await one.call("POST", `${at}/password`, { current: "yet another phrase", next: password })).status).toBe(
      200,
    );
  });
  it("takes each recovery code once", async () => {
    const made = await house.person("r@example.org", ["observer"]);
    expect((await made.call("GET", `${at}/factors`)).body.recoveryCodes).toBe(10);
    const code = house.recovery.get("r@example.org")?.[3] ?? "";
    expect(code).toMatch(/^[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}$/);
    const use = async (given: string) => {
      const one = house.browser();
      await one.call("POST", `${at}/login`, { mail: "r@example.org", password });
      return one.call("POST", `${at}/recovery`, { code: given });
    };
    expect((await use("aaaa-bbbb-cccc")).body.code).toBe("FACTOR_REFUSED");
    expect((await use(house.recovery.get("m@example.org")?.[0] ?? "")).body.code).toBe("FACTOR_REFUSED");
    expect((await use(code.toUpperCase().replaceAll("-", " "))).body.state).toBe("in");
    expect((await use(code)).body.code).toBe("FACTOR_REFUSED");
  });
  it("keeps a second factor: the last one stays, and a grave act asks for proof", async () => {
    const one = await house.signIn("m@example.org");
    expect((await one.call("POST", `${at}/factors/remove`, { kind: "totp" })).body.code).toBe("ACCESS_DENIED");
    house.clock.now += 6 * 60e6;
    expect((await one.call("POST", `${at}/factors/remove`, { kind: "totp" })).body.code).toBe("ACCESS_PROOF");
    house.clock.now += 15 * 60e6;
    expect((await one.call("POST", `${at}/totp/begin`)).body.code).toBe("ACCESS_PROOF");
  });
  it("counts a cookie only for what its own pages ask", async () => {
    const ask = (headers: Record<string, string>) => member.call("GET", "/api/v1/desk/tokens", undefined, headers);
    member = await house.signIn("m@example.org");
    expect((await ask({ "sec-fetch-site": "same-origin" })).status).toBe(200);
    expect((await ask({ "sec-fetch-site": "cross-site" })).status).toBe(401);
    expect((await ask({ "sec-fetch-site": "same-site" })).status).toBe(401);
    expect((await ask({ host: "evil.example" })).status).toBe(421);
    expect((await ask({ host: "127.0.0.1", "x-forwarded-host": "localhost" })).status).toBe(421);
    expect((await member.call("POST", `${at}/logout`, {}, { origin: "http://evil.example" })).status).toBe(403);
    expect((await member.call("POST", `${at}/logout`, {}, { origin: "null" })).status).toBe(403);
  });
  it("keeps nothing that opens a door as it is", async () => {
    const secret = member.cookies.get("layang-session-80") ?? "-";
    const seed = house.seeds.get("m@example.org") ?? "-";
    const dump = JSON.stringify([
      await house.desk.owner.selectFrom("sessions").selectAll().execute(),
      await house.desk.owner.selectFrom("person_secrets").selectAll().execute(),
      await house.desk.owner.selectFrom("invitations").selectAll().execute(),
      await house.desk.owner.selectFrom("audit_log").selectAll().execute(),
    ]);
    for (const text of [secret, seed, password]) expect(dump).not.toContain(text);
    expect(dump).toContain("$argon2id$v=19$");
  });
});
