// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cookiesOf } from "../../src/access/accounts-guard.ts";
import { openConfig } from "../../src/app/config.ts";
import { openHouse, password } from "./house.ts";
import type { House } from "./house.ts";

const folder = mkdtempSync(join(tmpdir(), "layang-beyond-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a portal beyond loopback", () => {
  const open = (portal: string) => {
    const file = join(folder, "layang.yaml");
    writeFileSync(file, `portal: ${portal}\n`);
    return () => openConfig(file);
  };
  it.each([
    ["{host: 0.0.0.0}", "portal.origin"],
    ["{host: 0.0.0.0, origin: 'https://layang.example'}", "portal.tls"],
    ["{host: 192.0.2.1, origin: 'http://layang.example', proxies: [192.0.2.2]}", "`portal.origin` takes https://"],
    ["{tls: {certificate: a, key: b}}", "portal.origin"],
    [
      "{access: token, host: 0.0.0.0, origin: 'https://layang.example', proxies: [192.0.2.2]}",
      "for this machine alone",
    ],
    ["{access: token, proxies: [127.0.0.1]}", "for this machine alone"],
    ["{access: nobody}", "accounts, token"],
    ["{origin: 'https://layang.example', proxies: [everybody]}", "no address or network"],
    ["{origin: 'https://layang.example/path'}", "without a path"],
  ])("is refused as %s", (portal, why) => {
    expect(open(portal)).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(why) as string }) as Error,
    );
  });
  it.each([
    "{host: 0.0.0.0, origin: 'https://layang.example', proxies: [192.0.2.0/24]}",
    "{host: '::', origin: 'https://layang.example:8443', tls: {certificate: a, key: b}}",
    "{access: token}",
    "{}",
  ])("is taken as %s", (portal) => {
    expect(open(portal)).not.toThrow();
  });
  it("binds its cookies to the host and to TLS", () => {
    const cookies = cookiesOf("https://layang.example");
    expect(cookies.keep("session", "x")).toBe("__Host-layang=x; Path=/; HttpOnly; Secure; SameSite=Strict");
    expect(cookies.keepProvider("x")).toContain("SameSite=Lax");
  });
});

describe("forwarded headers", () => {
  let plain: House;
  let behind: House;
  beforeAll(async () => {
    plain = await openHouse();
    behind = await openHouse({ api: { proxies: ["192.0.2.10"] } });
  }, 60_000);
  afterAll(async () => {
    await plain.close();
    await behind.close();
  });
  const fail = async (house: House, socket: string, forwarded: string): Promise<string | null> => {
    await house
      .browser()
      .call(
        "POST",
        "/api/v1/desk/session/login",
        { mail: "x@example.org", password },
        { "x-forwarded-for": forwarded },
        socket,
      );
    const row = await house.desk.owner
      .selectFrom("audit_log")
      .select("address")
      .orderBy("id", "desc")
      .limit(1)
      .executeTakeFirst();
    return row?.address ?? null;
  };
  it("are nobody's word where no proxy is configured", async () => {
    expect(await fail(plain, "198.18.0.1", "203.0.113.77")).toBe("198.18.0.1");
    expect(await fail(plain, "127.0.0.1", "203.0.113.77")).toBe("127.0.0.1");
  });
  it("are believed of the configured proxy, its own hop alone, and of nobody else", async () => {
    expect(await fail(behind, "192.0.2.10", "203.0.113.77")).toBe("203.0.113.77");
    // What the client wrote itself stands left of what the proxy saw.
    expect(await fail(behind, "192.0.2.10", "127.0.0.1, 203.0.113.78")).toBe("203.0.113.78");
    expect(await fail(behind, "198.18.0.2", "203.0.113.77")).toBe("198.18.0.2");
  });
  it("never change the host that must be named", async () => {
    for (const house of [plain, behind]) {
      const { status } = await house
        .browser()
        .call(
          "GET",
          "/api/v1/desk/session",
          undefined,
          { host: "evil.example", "x-forwarded-host": "localhost", "x-forwarded-proto": "https" },
          "192.0.2.10",
        );
      expect(status).toBe(421);
    }
  });
});
