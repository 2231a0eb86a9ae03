// SPDX-License-Identifier: Apache-2.0
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { afterAll, beforeAll, expect, it } from "vitest";
import { isProven, proofNames, txtThrough } from "../../src/registry/proof.ts";

const claimed = (prefix: string) => ({ prefix, asn: null, domain: null });

it("names the reverse zones that a prefix is", () => {
  expect(proofNames(claimed("192.0.2.0/24"))).toEqual(["2.0.192.in-addr.arpa"]);
  expect(proofNames(claimed("10.0.0.0/8"))).toEqual(["10.in-addr.arpa"]);
  expect(proofNames(claimed("192.0.0.0/22"))).toEqual([0, 1, 2, 3].map((n) => `${n}.0.192.in-addr.arpa`));
  expect(proofNames(claimed("172.16.0.0/12"))).toHaveLength(16);
  expect(proofNames(claimed("172.16.0.0/12")).at(-1)).toBe("31.172.in-addr.arpa");
  expect(proofNames(claimed("192.0.2.64/26"))).toEqual(["64.2.0.192.in-addr.arpa", "127.2.0.192.in-addr.arpa"]);
  expect(proofNames(claimed("192.0.2.64/32"))).toEqual(["64.2.0.192.in-addr.arpa"]);
  expect(proofNames(claimed("2001:db8::/32"))).toEqual(["8.b.d.0.1.0.0.2.ip6.arpa"]);
  expect(proofNames(claimed("2001:db8::/30"))).toEqual(["8", "9", "a", "b"].map((n) => `${n}.b.d.0.1.0.0.2.ip6.arpa`));
  expect(proofNames(claimed("2001:db8:0:4000::/50"))).toEqual(
    ["4", "5", "6", "7"].map((n) => `${n}.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa`),
  );
  expect(proofNames({ prefix: null, asn: 64500, domain: null })).toEqual([]);
  expect(proofNames({ prefix: null, asn: null, domain: "example.org" })).toEqual(["_layang.example.org"]);
});

/** A name server that knows a few TXT records: the real protocol over a real socket. */
const zone = new Map<string, readonly string[]>();
const server = createSocket("udp4", (message, from) => {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  const question = message.subarray(12, at + 5);
  const records = zone.get(labels.join(".").toLowerCase());
  if (records?.[0] === "silent") return;
  const answers = (records ?? []).map((text) => {
    const parts = text.match(/.{1,255}/g) ?? [""];
    const data = Buffer.concat(parts.map((part) => Buffer.concat([Buffer.from([part.length]), Buffer.from(part)])));
    const head = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 1, 0, 0]);
    head.writeUInt16BE(data.length, 10);
    return Buffer.concat([head, data]);
  });
  const head = Buffer.alloc(12);
  message.copy(head, 0, 0, 2);
  head.writeUInt16BE(records === undefined ? 0x8183 : 0x8180, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(answers.length, 6);
  server.send(Buffer.concat([head, question, ...answers]), from.port, from.address);
});
beforeAll(async () => {
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => void server.close());

it("finds the challenge at every name, through a name server", async () => {
  const txt = txtThrough([`127.0.0.1:${server.address().port}`]);
  zone.set("0.0.192.in-addr.arpa", ["v=spf1 -all", "layang-claim=abc"]);
  expect(await isProven(claimed("192.0.0.0/24"), "abc", txt)).toBe(true);
  expect(await isProven(claimed("192.0.0.0/24"), "ab", txt)).toBe(false);
  // The second half has none.
  expect(await isProven(claimed("192.0.0.0/23"), "abc", txt)).toBe(false);
  zone.set("1.0.192.in-addr.arpa", ["layang-claim=abc"]);
  expect(await isProven(claimed("192.0.0.0/23"), "abc", txt)).toBe(true);
  zone.set("_layang.long.example", [`layang-claim=${"x".repeat(300)}`]);
  expect(await isProven({ prefix: null, asn: null, domain: "long.example" }, "x".repeat(300), txt)).toBe(true);
  expect(await isProven({ prefix: null, asn: 64500, domain: null }, "abc", txt)).toBe(false);
});

it("says so when the name server does not answer, and never takes silence for a proof", async () => {
  const txt = txtThrough([`127.0.0.1:${server.address().port}`]);
  zone.set("_layang.silent.example", ["silent"]);
  await expect(isProven({ prefix: null, asn: null, domain: "silent.example" }, "abc", txt)).rejects.toThrow();
}, 30_000);
