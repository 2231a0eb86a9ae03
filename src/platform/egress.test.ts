// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEgress, isOutside } from "./egress.ts";

describe("what lies outside", () => {
  it.each(["1.1.1.1", "8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "2400:cb00::1", "::ffff:8.8.8.8"])(
    "%s",
    (address) => expect(isOutside(address)).toBe(true),
  );
  it.each([
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "0:0:0:0:0:ffff:a9fe:a9fe",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff02::1",
    "100::1",
    "5f00::1",
    "3fff::1",
    "not an address",
    "",
  ])("not %s", (address) => expect(isOutside(address)).toBe(false));
});

/** A port of this host that nothing listens on. */
const freePort = async (): Promise<AddressInfo> => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const address = taken.address() as AddressInfo;
  taken.close();
  await once(taken, "close");
  return address;
};

describe("the guarded client", () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.headers.host ?? ""}${request.url ?? ""}`);
    const path = request.url ?? "";
    if (path === "/large") response.end(Buffer.alloc(2_000_000));
    else if (path === "/broken") response.destroy();
    else if (path === "/endless") {
      response.write("x");
      setTimeout(() => response.end(), 5_000).unref();
    } else if (path.startsWith("/to?")) response.writeHead(302, { location: decodeURIComponent(path.slice(4)) }).end();
    else if (path === "/round") response.writeHead(302, { location: "/round" }).end();
    else {
      let body = "";
      request.on("data", (part: Buffer) => (body += part.toString()));
      request.on("end", () => response.setHeader("content-type", "text/plain").end(`${request.method ?? ""} ${body}`));
    }
  });
  let port = 0;
  let resolved: Record<string, string[]> = {};
  const resolve = (name: string): Promise<string[]> => {
    asked.push(`dns ${name}`);
    const found = resolved[name];
    return found === undefined ? Promise.reject(new Error("no such name")) : Promise.resolve(found);
  };
  const strict = createEgress({ resolve });
  const own = createEgress({ resolve, allow: ["127.0.0.0/8"], timeout: 1_000, most: 1_000_000 });
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
    resolved = {
      "own.example": ["127.0.0.1"],
      "mixed.example": ["8.8.8.8", "127.0.0.1"],
      "inside.example": ["10.0.0.1"],
      "zone.example": ["fe80::1%eth0"],
    };
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it.each([
    (at: number) => `http://127.0.0.1:${at}/`,
    (at: number) => `https://127.0.0.1:${at}/`,
    (at: number) => `https://localhost.:${at}/`,
    (at: number) => `https://2130706433:${at}/`,
    (at: number) => `https://0x7f.1:${at}/`,
    (at: number) => `https://017700000001:${at}/`,
    (at: number) => `https://127.1:${at}/`,
    (at: number) => `https://[::ffff:127.0.0.1]:${at}/`,
    (at: number) => `https://[::ffff:7f00:1]:${at}/`,
    (at: number) => `https://[::1]:${at}/`,
    (at: number) => `https://[64:ff9b::7f00:1]:${at}/`,
    (at: number) => `https://①②⑦.0.0.1:${at}/`,
    () => "https://169.254.169.254/latest/meta-data",
    () => "https://inside.example/",
    () => "https://mixed.example/",
    () => "https://zone.example/",
    () => "https://user:password@8.8.8.8/",
    () => "file:///etc/passwd",
    () => "data:text/plain,x",
    () => "ftp://8.8.8.8/",
    () => "gopher://8.8.8.8/",
    () => "http://8.8.8.8/",
    () => "//8.8.8.8/",
    () => "/relative",
  ])("does not call %s", async (urlOf) => {
    resolved["localhost."] = ["127.0.0.1"];
    const before = asked.filter((one) => !one.startsWith("dns")).length;
    await expect(strict.fetch(urlOf(port))).rejects.toMatchObject({ code: "EGRESS_REFUSED" });
    expect(asked.filter((one) => !one.startsWith("dns")).length).toBe(before);
  });

  it("calls what the configuration allows, once resolved and pinned", async () => {
    asked.length = 0;
    const response = await own.fetch(`http://own.example:${port}/x`, {
      method: "POST",
      body: "hello",
      headers: { Host: "evil.example" },
    });
    expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
      200,
      "text/plain",
      "POST hello",
    ]);
    // One question to the DNS, and the name that was meant in the request.
    expect(asked).toEqual(["dns own.example", `own.example:${port}/x`]);
    // A second name server's answer would be asked for anew, and looked at anew.
    resolved["turns.example"] = ["127.0.0.1"];
    await own.fetch(`http://turns.example:${port}/`);
    resolved["turns.example"] = ["10.0.0.1"];
    await expect(own.fetch(`http://turns.example:${port}/`)).rejects.toMatchObject({ code: "EGRESS_REFUSED" });
    await expect(own.fetch(`http://nowhere.example:${port}/`)).rejects.toMatchObject({ code: "EGRESS_FAILED" });
  });

  it("follows within one host, and nowhere else", async () => {
    const to = (where: string): string => `http://own.example:${port}/to?${encodeURIComponent(where)}`;
    expect((await own.fetch(to("/x"))).status).toBe(200);
    for (const where of [
      `http://other.example:${port}/`,
      "http://10.0.0.1/",
      `http://127.0.0.1:${port}/`,
      `http://own.example:${port + 1}/`,
      `https://own.example:${port + 1}/`,
      "file:///etc/passwd",
    ]) {
      await expect(own.fetch(to(where))).rejects.toMatchObject({
        code: "EGRESS_REFUSED",
        details: { redirect: expect.any(String) as string },
      });
    }
    await expect(own.fetch(`http://own.example:${port}/round`)).rejects.toMatchObject({ code: "EGRESS_REFUSED" });
    await expect(own.fetch(to("/x"), { redirect: "error" })).rejects.toMatchObject({ code: "EGRESS_REFUSED" });
    await expect(own.fetch(to("/x"), { method: "POST", body: "secret" })).rejects.toMatchObject({
      code: "EGRESS_REFUSED",
    });
  });

  it("takes no more than it should, and waits no longer", async () => {
    await expect(own.fetch(`http://own.example:${port}/large`)).rejects.toMatchObject({ code: "EGRESS_FAILED" });
    await expect(own.fetch(`http://own.example:${port}/x`, { most: 1 })).rejects.toMatchObject({
      code: "EGRESS_FAILED",
    });
    await expect(own.fetch(`http://own.example:${port}/endless`)).rejects.toMatchObject({ code: "EGRESS_FAILED" });
  });

  it("says of what did not answer whether the request had begun", async () => {
    const { port: none } = await freePort();
    for (const [url, begun] of [
      ["http://nowhere.example/", false],
      [`http://own.example:${none}/`, false],
      // It speaks no TLS.
      [`https://own.example:${port}/x`, false],
      [`http://own.example:${port}/large`, true],
      [`http://own.example:${port}/endless`, true],
      [`http://own.example:${port}/broken`, true],
    ] as const)
      await expect(own.fetch(url, { method: "POST", body: "x" }), url).rejects.toMatchObject({
        code: "EGRESS_FAILED",
        details: { begun },
      });
  });

  it("waits for no name server that is silent", async () => {
    const silent = createEgress({ resolve: () => new Promise(() => undefined), timeout: 50 });
    await expect(silent.fetch("https://slow.example/")).rejects.toMatchObject({
      code: "EGRESS_FAILED",
      message: expect.stringContaining("in time"),
      details: { begun: false },
    });
  });

  it("refuses a list of networks that is none", () => {
    for (const text of ["10.0.0.0/33", "ten", "10.0.0.0/x"])
      expect(() => createEgress({ allow: [text] })).toThrow(/no network/);
  });
});
