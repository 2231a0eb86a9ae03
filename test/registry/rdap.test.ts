// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createEgress } from "../../src/platform/egress.ts";
import { contactsIn, createRdap } from "../../src/registry/rdap.ts";
import type { Rdap } from "../../src/registry/rdap.ts";

const card = (properties: readonly (readonly [string, string])[]) => [
  "vcard",
  [
    ["version", {}, "text", "4.0"],
    ...properties.map(([name, value]) => [name, {}, name === "tel" ? "uri" : "text", value]),
  ],
];
/** An answer as APNIC gives it: an IRT, a role made of it with zeros for a phone and ZZ for a country, and a person. */
const apnic = {
  rdapConformance: ["rdap_level_0"],
  handle: "203.0.113.0 - 203.0.113.255",
  country: "ZZ",
  entities: [
    {
      handle: "PER1-AP",
      roles: ["technical", "administrative"],
      vcardArray: card([
        ["fn", "A Person"],
        ["email", "tech@provider.example"],
        ["tel", "tel:+66-2-000-0000;ext=5"],
      ]),
    },
    {
      handle: "AP1234-AP",
      roles: ["abuse"],
      remarks: [
        {
          title: "remarks",
          description: ["Generated from irt object IRT-PROVIDER-TH", "abuse@provider.example is invalid"],
        },
      ],
      vcardArray: card([
        ["fn", "ABUSE PROVIDERTH"],
        ["tel", "+000000000"],
        ["email", "abuse@provider.example"],
      ]),
    },
    {
      handle: "IRT-PROVIDER-TH",
      roles: ["technical"],
      vcardArray: card([
        ["fn", "IRT-PROVIDER-TH"],
        ["email", "cert@provider.example"],
      ]),
      entities: [{ handle: "X", roles: ["abuse"], vcardArray: card([["email", "not a mail address"]]) }],
    },
  ],
};

const asked: string[] = [];
let broken = false;
const server = createServer((request, response) => {
  const path = request.url ?? "";
  asked.push(path);
  const port = (server.address() as AddressInfo).port;
  const send = (value: unknown): void =>
    void response.setHeader("content-type", "application/rdap+json").end(JSON.stringify(value));
  const services = (...rows: readonly (readonly [readonly string[], string])[]): void =>
    send({
      version: "1.0",
      services: rows.map(([entries, name]) => [entries, [`http://${name}.example:${port}/rdap`]]),
    });
  if (broken) response.writeHead(503).end();
  else if (path === "/boot/ipv4.json")
    services(
      [["203.0.0.0/8"], "apnic"],
      [["203.0.112.0/20"], "nir"],
      [["198.0.0.0/8"], "arin"],
      [["10.0.0.0/8"], "inside"],
    );
  else if (path === "/boot/ipv6.json") services([["2001:c00::/23"], "apnic"], [["2a00::/12"], "no address"]);
  else if (path === "/boot/asn.json") services([["64496-64511", "65000"], "apnic"], [["64500"], "nir"]);
  else if (path === "/boot/dns.json") services([["th", "co.th"], "nir"]);
  else if (path === "/rdap/ip/198.51.100.0/24")
    response.writeHead(302, { location: `http://apnic.example:${port}/rdap/ip/203.0.1.0/24` }).end();
  else if (path === "/rdap/ip/198.51.101.0/24")
    response.writeHead(302, { location: `http://stranger.example:${port}/rdap/x` }).end();
  else if (path === "/rdap/ip/198.51.102.0/24") response.end("<html>");
  else if (path === "/rdap/ip/198.51.103.0/24") response.end(Buffer.alloc(3_000_000, 32));
  else if (path.startsWith("/rdap/autnum/64501")) response.writeHead(404).end("{}");
  else if (path.startsWith("/rdap/")) send(apnic);
  else response.writeHead(404).end();
});
let time = 1_764_000_000_000;
let rdap: Rdap;
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked.length = 0;
  broken = false;
  const egress = createEgress({
    allow: ["127.0.0.1/32"],
    resolve: (name) => Promise.resolve([name === "inside.example" ? "10.0.0.1" : "127.0.0.1"]),
  });
  const { port } = server.address() as AddressInfo;
  rdap = createRdap({ egress, now: () => time, bootstrap: `http://iana.example:${port}/boot/` });
});

it("reads contacts as APNIC writes them, without what it makes up", () => {
  const found = contactsIn(apnic, "rdap.apnic.example");
  expect(found.map(({ role, mail, phone, name }) => [role, mail, phone, name])).toEqual([
    ["abuse", "cert@provider.example", null, "IRT-PROVIDER-TH"],
    // The registry says that nobody answers there: behind the one that may.
    ["abuse", "abuse@provider.example", null, "ABUSE PROVIDERTH"],
    ["technical", "tech@provider.example", "+66-2-000-0000", "A Person"],
  ]);
  for (const nonsense of [
    null,
    [],
    "x",
    { entities: "x" },
    { entities: [1, null, { vcardArray: 3 }, { vcardArray: ["vcard", [["email"]]] }] },
  ]) {
    expect(contactsIn(nonsense, "x")).toEqual([]);
  }
  const deep: Record<string, unknown> = {};
  let at = deep;
  for (let i = 0; i < 10_000; i++)
    at = (at["entities"] = [{}] as Record<string, unknown>[])[0] as Record<string, unknown>;
  expect(contactsIn(deep, "x")).toEqual([]);
});

it("asks the registry that serves the narrowest block, once a day", async () => {
  expect(await rdap.mailOf({ prefix: "203.0.113.0/24" })).toBe("cert@provider.example");
  expect(asked).toEqual(["/boot/ipv4.json", "/rdap/ip/203.0.113.0/24"]);
  expect((await rdap.contacts({ prefix: "203.0.113.0/24" }))[0]?.registry).toBe("nir.example");
  expect(asked).toHaveLength(2);
  expect((await rdap.contacts({ prefix: "203.0.1.0/24" }))[0]?.registry).toBe("apnic.example");
  expect((await rdap.contacts({ asn: 64_500 }))[0]?.registry).toBe("nir.example");
  expect((await rdap.contacts({ asn: 64_499 }))[0]?.registry).toBe("apnic.example");
  expect((await rdap.contacts({ prefix: "2001:c00::/32" }))[0]?.registry).toBe("apnic.example");
  expect((await rdap.contacts({ domain: "bank.co.th" }))[0]?.registry).toBe("nir.example");
  expect(await rdap.contacts({ domain: "bank.example" })).toEqual([]);
  expect(await rdap.contacts({ asn: 1 })).toEqual([]);
  const before = asked.length;
  time += 25 * 3_600_000;
  await rdap.mailOf({ prefix: "203.0.113.0/24" });
  expect(asked.slice(before)).toEqual(["/boot/ipv4.json", "/rdap/ip/203.0.113.0/24"]);
});

it("keeps that nothing is known for an hour, and a failure not at all", async () => {
  expect(await rdap.contacts({ asn: 64_501 })).toEqual([]);
  expect(await rdap.contacts({ asn: 64_501 })).toEqual([]);
  expect(asked.filter((path) => path.includes("64501"))).toHaveLength(1);
  time += 3_600_001;
  await rdap.contacts({ asn: 64_501 });
  expect(asked.filter((path) => path.includes("64501"))).toHaveLength(2);
  broken = true;
  await expect(rdap.contacts({ asn: 64_502 })).rejects.toMatchObject({ code: "EGRESS_FAILED" });
  broken = false;
  expect(await rdap.contacts({ asn: 64_502 })).toHaveLength(3);
  // The list of registries is a day old and IANA is away: the old list serves.
  time += 25 * 3_600_000;
  asked.length = 0;
  expect(await rdap.contacts({ asn: 64_503 })).toHaveLength(3);
});

it("goes from registry to registry, but never to a stranger or inside", async () => {
  expect((await rdap.contacts({ prefix: "198.51.100.0/24" }))[0]?.registry).toBe("apnic.example");
  await expect(rdap.contacts({ prefix: "198.51.101.0/24" })).rejects.toMatchObject({ code: "EGRESS_REFUSED" });
  await expect(rdap.contacts({ prefix: "10.1.0.0/16" })).rejects.toMatchObject({ code: "EGRESS_REFUSED" });
  await expect(rdap.contacts({ prefix: "198.51.102.0/24" })).rejects.toMatchObject({ code: "EGRESS_FAILED" });
  await expect(rdap.contacts({ prefix: "198.51.103.0/24" })).rejects.toMatchObject({ code: "EGRESS_FAILED" });
});
