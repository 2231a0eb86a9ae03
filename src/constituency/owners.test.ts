// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { expect, it } from "vitest";
import { formatIp, parseIp } from "../net/ip.ts";
import type { IpWords } from "../net/ip.ts";
import { maskOf } from "../net/prefix.ts";
import type { Network } from "./network.ts";
import { createOwners } from "./owners.ts";
import { buildTree, nodeAt } from "./tree.ts";

const row = (part: Partial<Network>): Network => ({
  organisation: "alpha",
  realm: "",
  prefix: null,
  asn: null,
  domain: null,
  translation: "none",
  essential: false,
  country: null,
  from: 0,
  until: null,
  ...part,
});

/** Addresses that crowd together, so that prefixes nest, touch and repeat. */
const v4 = fc.oneof(
  fc.constantFrom(0, 0xffffffff, 0xc0000200),
  fc.nat(15).map((low) => 0xc0000200 + low * 17),
  fc.integer({ min: 0, max: 0xffffffff }),
);
const v6 = fc
  .tuple(
    fc.constantFrom(0x20010db8, 0, 0xffffffff),
    fc.constantFrom(0, 1, 0xffffffff),
    fc.constantFrom(0, 0xfffe, 0xffffffff),
    fc.nat(7),
  )
  .map((words): IpWords => words);
const prefix4 = fc.tuple(v4, fc.integer({ min: 0, max: 32 })).map(([value, bits]) => {
  const words: IpWords = [0, 0, 0xffff, (value & maskOf(bits + 96, 3)) >>> 0];
  return `${formatIp(words)}/${bits}`;
});
const prefix6 = fc
  .tuple(v6, fc.integer({ min: 0, max: 128 }))
  .map(([words, bits]) => `${formatIp(words.map((word, i) => (word & maskOf(bits, i)) >>> 0))}/${bits}`)
  // Text of a v4-mapped prefix is read as IPv4.
  .filter((text) => !text.includes("."));
const network = fc
  .tuple(
    fc.oneof(prefix4, prefix6),
    fc.constantFrom("alpha", "beta", "gamma"),
    fc.constantFrom("", "inside"),
    fc.nat(20),
    fc.option(fc.integer({ min: 1, max: 20 })),
  )
  .map(([prefix, organisation, realm, from, span]) =>
    row({ prefix, organisation, realm, from, until: span === null ? null : from + span }),
  );
const address = fc.oneof(
  v4.map((value) => formatIp([0, 0, 0xffff, value])),
  v6.map((words) => formatIp(words)),
);

/** The rule in plain words, with another library's arithmetic: of the rows in force that hold the address, the longest; then the newest. */
const scan = (networks: readonly Network[], realm: string, text: string, time: number): Network | undefined => {
  // ipaddr.js reads ::ffff:a.b.c.d as IPv6; `process` makes it the IPv4 address that it is.
  const ip = ipaddr.process(text);
  let best: { row: Network; bits: number } | undefined;
  for (const one of networks) {
    if (one.realm !== realm || one.from > time || (one.until !== null && time >= one.until)) continue;
    const [base, bits] = ipaddr.parseCIDR(one.prefix ?? "");
    if (base.kind() !== ip.kind() || !ip.match(base, bits)) continue;
    const better =
      best === undefined ||
      bits > best.bits ||
      (bits === best.bits &&
        (one.from > best.row.from ||
          (one.from === best.row.from && (one.until ?? Infinity) > (best.row.until ?? Infinity))));
    if (better) best = { row: one, bits };
  }
  return best?.row;
};

it("finds what ipaddr.js finds by a plain scan, at every time and in every realm", () =>
  fc.assert(
    fc.property(
      fc.array(network, { maxLength: 30 }),
      fc.array(fc.tuple(address, fc.constantFrom("", "inside", "nowhere"), fc.nat(45)), {
        minLength: 1,
        maxLength: 40,
      }),
      (networks, asked) => {
        const owners = createOwners(networks);
        for (const [text, realm, time] of asked) {
          const want = scan(networks, realm, text, time);
          const got = owners.ownerOf(realm, text, time);
          expect([text, got?.organisation, got?.network]).toEqual([
            text,
            want?.organisation,
            want?.prefix ?? undefined,
          ]);
          const words = Uint32Array.from([7, ...parseIp(text)!]);
          expect(owners.ownerAt(realm, words, 1, time)).toEqual(got);
          const found = new Int32Array(1);
          owners.find(realm, words.subarray(1), [time], found);
          expect(found[0]! < 0 ? null : owners.owner(found[0]!)).toEqual(got);
        }
      },
    ),
    { numRuns: 1000 },
  ));

it("gives an event without an address to nobody, whatever the networks are", () =>
  fc.assert(
    fc.property(
      fc.array(network, { maxLength: 20 }),
      fc.constantFrom(null, undefined, "", " ", "-", "0", "null", "0.0.0.0/0", "::/0", "0x0", "unknown", "256.0.0.0"),
      fc.nat(45),
      (networks, nothing, time) => {
        const everything = [row({ prefix: "0.0.0.0/0" }), row({ prefix: "::/0" }), row({ prefix: "0.0.0.0/32" })];
        const owners = createOwners([...networks, ...everything], { asnOf: () => 64500 });
        expect(owners.ownerOf("", nothing, time)).toBeNull();
        expect(owners.ownerOfDomain("", nothing, time)).toBeNull();
        expect(owners.ownerOfAsn("", null, time)).toBeNull();
      },
    ),
  ));

it("sorts many as it sorts few", () => {
  // More than the radix sort's threshold, with repeats; checked against the rule on a sample.
  const count = 40_000;
  const words = new Uint32Array(count * 4);
  const lengths = new Uint8Array(count);
  let seed = 7;
  const random = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0);
  for (let i = 0; i < count; i++) {
    const bits = 20 + (random() % 40);
    lengths[i] = bits;
    const value = [0x20010000 | (random() >>> 20), random() & 0xff00ff, 0, 0];
    for (let word = 0; word < 4; word++) words[i * 4 + word] = (value[word]! & maskOf(bits, word)) >>> 0;
  }
  const tree = buildTree({ width: 4, count, words, lengths });
  for (let i = 0; i < 500; i++) {
    const at = Uint32Array.from([0x20010000 | (random() >>> 20), random() & 0xff00ff, random(), random()]);
    let best = -1;
    for (let j = 0; j < count; j++) {
      let inside = true;
      for (let word = 0; word < 2 && inside; word++) {
        inside = ((at[word]! ^ words[j * 4 + word]!) & maskOf(lengths[j]!, word)) === 0;
      }
      if (inside && (best < 0 || lengths[j]! > lengths[best]!)) best = j;
    }
    const node = nodeAt(tree, at, 0);
    expect(node < 0 ? -1 : lengths[tree.items[tree.first[node]!]!]).toBe(best < 0 ? -1 : lengths[best]);
  }
});

it("knows who held a prefix on a day, and asks wider when nobody did", () => {
  const owners = createOwners([
    row({ organisation: "isp", prefix: "198.51.0.0/16" }),
    row({ organisation: "old", prefix: "198.51.100.0/24", from: 10, until: 20 }),
    row({
      organisation: "new",
      prefix: "198.51.100.0/24",
      from: 30,
      translation: "cgnat",
      essential: true,
      country: "TH",
    }),
  ]);
  const at = (time: number): string | undefined => owners.ownerOf("", "198.51.100.7", time)?.organisation;
  expect([5, 10, 19, 20, 29, 30, 1e15].map(at)).toEqual(["isp", "old", "old", "isp", "isp", "new", "new"]);
  expect(owners.ownerOf("", "198.51.100.7", 31)).toEqual({
    organisation: "new",
    network: "198.51.100.0/24",
    translation: "cgnat",
    essential: true,
    country: "TH",
  });
  expect(owners.ownerOf("inside", "198.51.100.7", 31)).toBeNull();
});

it("falls back to the origin AS, and finds the longest domain", () => {
  const owners = createOwners(
    [
      row({ organisation: "as", asn: 64500, until: 100 }),
      row({ organisation: "net", prefix: "192.0.2.0/25" }),
      row({ organisation: "wide", domain: "example.org" }),
      row({ organisation: "narrow", domain: "lab.example.org", from: 50 }),
    ],
    { asnOf: (words, at) => (words[at + 3]! >>> 8 === 0xc00002 ? 64500 : 0) },
  );
  expect(owners.ownerOf("", "192.0.2.1", 1)?.organisation).toBe("net");
  expect(owners.ownerOf("", "192.0.2.200", 1)).toMatchObject({ organisation: "as", network: "AS64500" });
  expect(owners.ownerOf("", "192.0.2.200", 100)).toBeNull();
  expect(owners.ownerOf("", "192.0.3.1", 1)).toBeNull();
  expect(owners.ownerOfDomain("", "WWW.Lab.Example.ORG.", 60)?.organisation).toBe("narrow");
  expect(owners.ownerOfDomain("", "www.lab.example.org", 40)?.organisation).toBe("wide");
  expect(owners.ownerOfDomain("", "notexample.org", 40)).toBeNull();
});
