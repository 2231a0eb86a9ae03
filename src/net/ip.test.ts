// SPDX-License-Identifier: Apache-2.0
import { isIP } from "node:net";
import fc from "fast-check";
import { expect, it } from "vitest";
import { compareIp, formatIp, isV4, parseIp } from "./ip.ts";
import { formatPrefix, parsePrefix, prefixContains, prefixSize } from "./prefix.ts";

const words = fc.tuple(
  ...([0, 1, 2, 3].map(() => fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffffffff }))) as [
    fc.Arbitrary<number>,
    fc.Arbitrary<number>,
    fc.Arbitrary<number>,
    fc.Arbitrary<number>,
  ]),
);

it("reads back every address it writes", () =>
  fc.assert(
    fc.property(words, (ip) => {
      expect(parseIp(formatIp(ip))).toEqual(ip);
    }),
  ));

it("writes IPv6 as browsers do", () =>
  fc.assert(
    fc.property(
      words.filter((ip) => !isV4(ip)),
      (ip) => {
        expect(`[${formatIp(ip)}]`).toBe(new URL(`http://[${formatIp(ip)}]/`).hostname);
      },
    ),
  ));

it("accepts what Node accepts, zones left out, and refuses what it refuses", () =>
  fc.assert(
    fc.property(
      fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ unit: fc.constantFrom(..."0123456789abcf:.x"), maxLength: 42 })),
      (text) => {
        expect(parseIp(text) !== undefined).toBe(isIP(text) !== 0);
      },
    ),
    { numRuns: 2000 },
  ));

it("refuses octets with leading zeros", () => expect(parseIp("192.0.2.010")).toBeUndefined());

it("orders addresses by value", () => {
  const big = (ip: readonly number[]): bigint => ip.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
  fc.assert(
    fc.property(words, words, (a, b) => {
      const [left, right] = [big(a), big(b)];
      expect(compareIp(a, 0, b, 0)).toBe(left < right ? -1 : left > right ? 1 : 0);
    }),
  );
});

it("knows prefixes", () => {
  expect(parsePrefix("192.0.2.0/24")?.length).toBe(120);
  expect(parsePrefix("192.0.2.1/24")).toBeUndefined();
  expect(parsePrefix("192.0.2.0/33")).toBeUndefined();
  expect(parsePrefix("2001:db8::/129")).toBeUndefined();
  expect(parsePrefix("/8")).toBeUndefined();
  expect(parsePrefix("198.51.100.7")?.length).toBe(128);
  expect(prefixSize(parsePrefix("192.0.2.0/23")!)).toBe(512);
  for (const text of ["192.0.2.0/24", "0.0.0.0/0", "2001:db8::/32", "::/0", "2001:db8::1/128"]) {
    expect(formatPrefix(parsePrefix(text)!)).toBe(text);
  }
});

it("finds an address in the prefix that its bits name", () => {
  const big = (ip: readonly number[]): bigint => ip.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
  fc.assert(
    fc.property(words, words, fc.integer({ min: 0, max: 128 }), fc.boolean(), (a, b, length, near) => {
      const shift = BigInt(128 - length);
      const base = (big(a) >> shift) << shift;
      const network = [96n, 64n, 32n, 0n].map((by) => Number((base >> by) & 0xffffffffn)) as [
        number,
        number,
        number,
        number,
      ];
      const other = near ? a : b;
      expect(prefixContains({ words: network, length }, other)).toBe(big(other) >> shift === base >> shift);
    }),
  );
});
