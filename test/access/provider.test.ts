// SPDX-License-Identifier: Apache-2.0
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openHouse, origin } from "./house.ts";
import type { Browser, House } from "./house.ts";

const at = "/api/v1/desk/session";
let house: House;
let identity: Server;
let issuer: string;
/** Who sits at the provider; its mail address is what that person says it is. */
let account = "subject-1";
let member: Browser;

/** A real identity provider; its pages sign in whoever `account` names, without asking. */
const openProvider = async (callback: string): Promise<void> => {
  identity = createServer((request, response) => void handle(request, response)).listen(0, "127.0.0.1");
  await new Promise((resolve) => identity.once("listening", resolve));
  issuer = `http://127.0.0.1:${(identity.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "layang",
        client_secret: "a-secret-of-the-test",
        redirect_uris: [callback],
        grant_types: ["authorization_code"],
        response_types: ["code"],
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
    features: { devInteractions: { enabled: false } },
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, email: "m@example.org", email_verified: true }),
    }),
    interactions: { url: (_context: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}` },
    cookies: { keys: ["a key of the test"] },
    pkce: { required: () => true },
  });
  const answer = provider.callback();
  handle = async (request, response) => {
    if (request.url?.startsWith("/interaction/") !== true) return answer(request, response);
    const details = await provider.interactionDetails(request, response);
    if (details.prompt.name === "login") {
      return provider.interactionFinished(
        request,
        response,
        { login: { accountId: account } },
        { mergeWithLastSubmission: false },
      );
    }
    const grant = new provider.Grant({ accountId: account, clientId: "layang" });
    grant.addOIDCScope("openid");
    return provider.interactionFinished(
      request,
      response,
      { consent: { grantId: await grant.save() } },
      { mergeWithLastSubmission: true },
    );
  };
};
let handle: (request: IncomingMessage, response: ServerResponse) => unknown;

/** Walks the provider's redirects as a browser does, until they lead back to us. */
const walk = async (start: string): Promise<string> => {
  const cookies = new Map<string, string>();
  let url = start;
  for (let step = 0; step < 12 && !url.startsWith(origin); step++) {
    const response = await fetch(url, {
      redirect: "manual",
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
    });
    for (const one of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(one) ?? [];
      cookies.set(name, value);
    }
    const next = response.headers.get("location");
    if (next === null) throw new Error(`the provider stopped: ${response.status} ${await response.text()}`);
    url = new URL(next, url).href;
  }
  return url.slice(origin.length);
};
const begin = (browser: Browser, to?: string) =>
  browser.call("GET", `${at}/providers/sso/start${to === undefined ? "" : `?to=${encodeURIComponent(to)}`}`);
/** The whole way: out, through the provider, and back as another site's navigation. */
const pass = async (browser: Browser, back = browser) => {
  const out = await begin(browser);
  const path = await walk(String(out.headers["location"]));
  return back.call("GET", path, undefined, { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" });
};

beforeAll(async () => {
  await openProvider(`${origin}${at}/providers/sso/callback`);
  house = await openHouse({
    accounts: {
      providers: [
        { id: "sso", name: "The ministry", issuer, clientId: "layang", clientSecret: "a-secret-of-the-test" },
      ],
    },
  });
  await house.person("first@example.org", ["administrator"]);
  // The provider says that its person has this very mail address.
  member = await house.person("m@example.org", ["member"], ["alpha"]);
}, 60_000);
afterAll(async () => {
  await house.close();
  identity.closeAllConnections();
  identity.close();
});

describe("signing in through an identity provider", () => {
  it("opens nothing for a mail address that matches, verified or not", async () => {
    const answer = await pass(house.browser());
    expect(answer.status).toBe(403);
    expect(String(answer.body)).toContain("PROVIDER_UNBOUND");
  });
  it("signs in who connected it, by issuer and subject", async () => {
    const connected = await pass(member);
    expect([connected.status, connected.headers["location"]]).toEqual([303, "/"]);
    const one = house.browser();
    const entered = await pass(one);
    expect(entered.status).toBe(303);
    expect(entered.cookies.some((cookie) => /^layang-session-80=[\w-]{43};.*SameSite=Strict/.test(cookie))).toBe(true);
    expect((await one.call("GET", at)).body).toMatchObject({
      state: "in",
      person: { mail: "m@example.org" },
      roles: ["member"],
    });
    account = "subject-2";
    expect(String((await pass(house.browser())).body)).toContain("PROVIDER_UNBOUND");
    account = "subject-1";
  });
  it("connects one identity to one account", async () => {
    const first = await house.signIn("first@example.org");
    expect(String((await pass(first)).body)).toContain("PROVIDER_UNBOUND");
  });
  it("takes an answer only in the browser that asked, and once", async () => {
    const out = await begin(house.browser());
    const path = await walk(String(out.headers["location"]));
    // The victim's browser is sent somebody else's answer.
    const victim = house.browser();
    expect((await victim.call("GET", path)).body.code).toBe("LINK_INVALID");
    const one = house.browser();
    const [start] = [await begin(one)];
    const back = await walk(String(start.headers["location"]));
    const cookie = [...one.cookies];
    expect((await one.call("GET", back)).status).toBe(303);
    one.cookies = new Map(cookie);
    for (const [name, value] of cookie) one.cookies.set(name, value);
    expect((await one.call("GET", back)).body.code).toBe("LINK_INVALID");
  });
  it("takes no answer whose state or code is another's", async () => {
    const one = house.browser();
    const path = await walk(String((await begin(one)).headers["location"]));
    const wrong = new URL(path, origin);
    wrong.searchParams.set("state", "another");
    expect((await one.call("GET", wrong.pathname + wrong.search)).body.code).toBe("PROVIDER_FAILED");
    const two = house.browser();
    await begin(two);
    expect((await two.call("GET", `${at}/providers/sso/callback?code=made-up&state=made-up`)).body.code).toBe(
      "PROVIDER_FAILED",
    );
  });
  it("leads nowhere but to our own pages", async () => {
    for (const to of ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]) {
      const answer = await begin(house.browser(), to);
      expect(answer.body.code, to).toBe("QUERY_PARAMETER");
    }
    expect((await house.browser().call("GET", `${at}/providers/none/start`)).status).toBe(404);
  });
  it("signs out who was disabled, whatever the provider says", async () => {
    const first = await house.signIn("first@example.org");
    await first.call("POST", `/api/v1/desk/people/${await house.idOf("m@example.org")}/state`, { action: "disable" });
    expect(String((await pass(house.browser())).body)).toContain("PROVIDER_UNBOUND");
  });
  it("is connected by who signed in a moment ago, and by nobody who found a session", async () => {
    const one = await house.signIn("first@example.org");
    house.clock.now += 16 * 60e6;
    expect((await begin(one)).body.code).toBe("ACCESS_PROOF");
    // A browser goes there: its person reads words in their language, and the way on.
    const page = await one.call("GET", `${at}/providers/sso/start`, undefined, {
      "sec-fetch-mode": "navigate",
      "accept-language": "fr;q=0.9, id-ID, en;q=0.5",
    });
    expect(page).toMatchObject({ status: 403, headers: { "content-type": "text/html; charset=utf-8" } });
    expect(String(page.body)).toContain("Buktikan sekali lagi bahwa ini Anda");
    expect(String(page.body)).toContain('<a href="/account">');
  });
  it("is no way in any more after a reset", async () => {
    const person = await house.person("r@example.org", ["member"], ["alpha"]);
    account = "subject-9";
    expect((await pass(person)).status).toBe(303);
    expect((await pass(house.browser())).status).toBe(303);
    const first = await house.signIn("first@example.org");

    const { link } = (await first.call("POST", `/api/v1/desk/people/${await house.idOf("r@example.org")}/reset`)).body;
    const anew = await house.browser().call("POST", `${at}/accept`, {
      token: String(link).split("#")[1],
      name: "R",
      password: "an entirely new phrase",
      language: "en",
    });
    expect(anew.status).toBe(200);
    expect(String((await pass(house.browser())).body)).toContain("PROVIDER_UNBOUND");
  });
  it("connects nothing to a session that ended on the way: a reset leaves no way in behind", async () => {
    const thief = await house.person("c@example.org", ["member"], ["alpha"]);
    account = "subject-of-the-thief";
    const path = await walk(String((await begin(thief)).headers["location"]));
    const first = await house.signIn("first@example.org");
    const { link } = (await first.call("POST", `/api/v1/desk/people/${await house.idOf("c@example.org")}/reset`)).body;
    const anew = { token: String(link).split("#")[1], name: "C", password: "an entirely new phrase", language: "en" };
    expect((await house.browser().call("POST", `${at}/accept`, anew)).status).toBe(200);
    expect((await thief.call("GET", path)).body.code).toBe("LINK_INVALID");
    expect(String((await pass(house.browser())).body)).toContain("PROVIDER_UNBOUND");
  });
  it("keeps the way free for others, however often one network begins", async () => {
    for (let i = 0; i < 1100; i++) {
      await house.browser().call("GET", `${at}/providers/sso/start`, undefined, {}, `198.18.0.${i % 250}`);
    }
    expect((await begin(house.browser())).status).toBe(303);
  });
});
