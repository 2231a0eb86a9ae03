// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Browser, CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, noBrowser } from "../e2e/browser.ts";
import { openHouse, password } from "./house.ts";
import type { House } from "./house.ts";

const at = "/api/v1/desk/session";
/** The browser's half, as the portal uses it: one file that needs nothing else. */
const client = readFileSync(
  join(import.meta.dirname, "../../node_modules/@simplewebauthn/browser/dist/bundle/index.umd.min.js"),
  "utf8",
);

/** What the page has of it. */
interface Portal {
  startRegistration(options: { readonly optionsJSON: unknown }): Promise<Record<string, unknown>>;
  startAuthentication(options: { readonly optionsJSON: unknown }): Promise<Record<string, unknown>>;
}

describe.skipIf(noBrowser !== "")(`passkeys in Chromium${noBrowser}`, { timeout: 60_000 }, () => {
  let house: House;
  let browser: Browser;
  let page: Page;
  let cdp: CDPSession;
  let authenticator: string;
  let port = 0;
  const base = (): string => `http://localhost:${port}`;

  beforeAll(async () => {
    house = await openHouse({ accounts: { origins: () => [base()] } });
    await house.server.listen({ host: "127.0.0.1", port: 0 });
    ({ port } = house.server.server.address() as AddressInfo);
    browser = await launch();
    page = await (await browser.newContext({ bypassCSP: true })).newPage();
    cdp = await page.context().newCDPSession(page);
    await cdp.send("WebAuthn.enable");
    ({ authenticatorId: authenticator } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        transport: "internal",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    }));
    await page.goto(base());
    await page.addScriptTag({ content: client });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await house?.close();
  });

  // eslint-disable-next-line typescript/no-explicit-any -- JSON of any route; what is not there fails the test
  const call = (path: string, body: unknown = {}): Promise<{ status: number; body: any }> =>
    page.evaluate(
      async ([url, text]) => {
        const response = await fetch(url!, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: text!,
        });
        return { status: response.status, body: await response.json() };
      },
      [at + path, JSON.stringify(body)],
    );
  const create = (options: unknown): Promise<Record<string, unknown>> =>
    page.evaluate(
      (optionsJSON) =>
        (globalThis as unknown as { SimpleWebAuthnBrowser: Portal }).SimpleWebAuthnBrowser.startRegistration({
          optionsJSON,
        }),
      options,
    );
  const use = (options: unknown): Promise<Record<string, unknown>> =>
    page.evaluate(
      (optionsJSON) =>
        (globalThis as unknown as { SimpleWebAuthnBrowser: Portal }).SimpleWebAuthnBrowser.startAuthentication({
          optionsJSON,
        }),
      options,
    );

  it("are a second factor: set up at the first sign-in, asked for at the next", async () => {
    const link = await house.accounts.people.first();
    const made = await call("/first", {
      token: link?.link.split("#")[1],
      name: "Ada",
      mail: "ada@example.org",
      password,
      language: "en",
    });
    expect(made.body.state).toBe("enrol");
    const { body } = await call("/passkey/new/begin");
    const response = await create(body.options);
    const done = await call("/passkey/new", { response, name: "laptop" });
    expect(done.body).toMatchObject({ session: { state: "in", factors: { passkeys: 1, totp: false } } });
    expect(done.body.recoveryCodes).toHaveLength(10);
    await call("/logout");
    const half = await call("/login", { mail: "ada@example.org", password });
    expect(half.body).toMatchObject({ state: "factor", wanted: ["passkey", "recovery"] });
    const asked = await call("/passkey/begin");
    const shown = await use(asked.body.options);
    expect((await call("/passkey", { response: shown })).body).toMatchObject({ state: "in", person: { name: "Ada" } });
  });
  it("are not taken twice, nor for another challenge, nor from another page", async () => {
    await call("/logout");
    await call("/login", { mail: "ada@example.org", password });
    const first = await use((await call("/passkey/begin")).body.options);
    // A newer challenge replaces the older one.
    await call("/passkey/begin");
    expect((await call("/passkey", { response: first })).body.code).toBe("FACTOR_REFUSED");
    const second = await use((await call("/passkey/begin")).body.options);
    const elsewhere = structuredClone(second) as { response: { clientDataJSON: string } };
    const said = JSON.parse(Buffer.from(elsewhere.response.clientDataJSON, "base64url").toString()) as object;
    elsewhere.response.clientDataJSON = Buffer.from(
      JSON.stringify({ ...said, origin: "https://evil.example" }),
    ).toString("base64url");
    expect((await call("/passkey", { response: elsewhere })).body.code).toBe("FACTOR_REFUSED");
    // The challenge went with the wrong answer: the right one comes too late.
    expect((await call("/passkey", { response: second })).body.code).toBe("FACTOR_REFUSED");
    const third = await use((await call("/passkey/begin")).body.options);
    expect((await call("/passkey", { response: third })).status).toBe(200);
    await call("/logout");
    await call("/login", { mail: "ada@example.org", password });
    expect((await call("/passkey", { response: third })).body.code).toBe("FACTOR_REFUSED");
  });
  it("are somebody's own: another's opens nothing", async () => {
    const other = await house.accounts.people.invite(
      { id: "operator", roles: ["system"], organisations: [], realms: [], sensors: [] },
      { mail: "bo@example.org", name: "Bo", language: "en", roles: ["observer"], organisations: [], sensors: [] },
    );
    await call("/logout");
    await call("/accept", { token: other.link.link.split("#")[1], name: "Bo", password, language: "en" });
    const { credentials } = await cdp.send("WebAuthn.getCredentials", { authenticatorId: authenticator });
    expect(credentials).toHaveLength(1);
    const own = await create((await call("/passkey/new/begin")).body.options);
    expect((await call("/passkey/new", { response: own, name: "key" })).status).toBe(200);
    await call("/logout");
    await call("/login", { mail: "bo@example.org", password });
    const { body } = await call("/passkey/begin");
    const ada = credentials[0]?.credentialId ?? "";
    const id = Buffer.from(ada, "base64").toString("base64url");
    const shown = await use({ ...body.options, allowCredentials: [{ id, type: "public-key" }] });
    expect((await call("/passkey", { response: shown })).body.code).toBe("FACTOR_REFUSED");
  });
});
