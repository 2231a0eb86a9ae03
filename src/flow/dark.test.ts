// SPDX-License-Identifier: Apache-2.0
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseIp } from "../net/ip.ts";
import { maskOf, parsePrefix, prefixContains } from "../net/prefix.ts";
import type { Prefix } from "../net/prefix.ts";
import { DarkSet } from "./dark.ts";

const prefix = (text: string): Prefix => {
  const found = parsePrefix(text);
  if (found === undefined) throw new Error(text);
  return found;
};
const setOf = (...texts: string[]): DarkSet => new DarkSet(texts.map(prefix));
const at = (text: string): Uint32Array => Uint32Array.from(parseIp(text)!);

describe("the dark set", () => {
  it("contains what one of its prefixes contains", () => {
    const v4 = fc.tuple(fc.nat({ max: 0xff }), fc.integer({ min: 112, max: 128 })).map(([n, length]): Prefix => ({
      words: [0, 0, 0xffff, ((0x0a000000 + n * 97) & maskOf(length, 3)) >>> 0],
      length,
    }));
    const v6 = fc.tuple(fc.nat({ max: 15 }), fc.integer({ min: 28, max: 48 })).map(([n, length]): Prefix => ({
      words: [(0x20010db0 & maskOf(length, 0)) >>> 0, ((n << 28) & maskOf(length, 1)) >>> 0, 0, 0],
      length,
    }));
    const address = fc.oneof(
      fc.nat({ max: 0xffff }).map((n) => [0, 0, 0xffff, 0x0a000000 + n]),
      fc.nat({ max: 31 }).map((n) => [0x20010db0 + (n >>> 4), ((n & 15) << 28) >>> 0, 0, 1]),
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(v4, v6), { maxLength: 12 }),
        fc.array(address, { minLength: 20, maxLength: 20 }),
        (all, asked) => {
          const dark = new DarkSet(all);
          for (const words of asked) expect(dark.contains(words)).toBe(all.some((one) => prefixContains(one, words)));
        },
      ),
    );
  });

  it("knows the ends of the address space and of its ranges", () => {
    const dark = setOf("0.0.0.0/32", "255.255.255.255", "192.0.2.0/25", "192.0.2.128/25", "192.0.2.64/26");
    const inside = ["0.0.0.0", "255.255.255.255", "192.0.2.0", "192.0.2.255"];
    const outside = ["0.0.0.1", "255.255.255.254", "192.0.1.255", "192.0.3.0", "::", "::c000:200"];
    expect(inside.map((text) => dark.contains(at(text)))).toEqual([true, true, true, true]);
    expect(outside.filter((text) => dark.contains(at(text)))).toEqual([]);
    expect(dark.size).toBe(258);
  });

  it("counts an address once however often it is declared", () => {
    expect(setOf("10.0.0.0/24", "10.0.0.0/24", "10.0.0.128/25").size).toBe(256);
    expect(setOf("2001:db8::/64", "2001:db8::/64", "2001:db8::/48").size).toBe(Number.MAX_SAFE_INTEGER);
    expect(setOf("2001:db8::/80", "192.0.2.0/24").size).toBe(2 ** 48 + 256);
    expect(setOf("0.0.0.0/0").size).toBe(2 ** 32);
    expect(setOf().size).toBe(0);
  });

  it("reports its IPv4 addresses, and IPv6 alone as more than there are", () => {
    expect(setOf("2001:db8::/32", "192.0.2.0/24").reported).toBe(256);
    expect(setOf("2001:db8::/126").reported).toBe(2 ** 32 + 4);
    expect(setOf("2001:db8::/32").reported).toBe(Number.MAX_SAFE_INTEGER);
    expect([setOf("0.0.0.0/0").reported, setOf().reported]).toEqual([2 ** 32, 0]);
    const dark = setOf("2001:db8::/32", "192.0.2.0/31");
    dark.retire(at("2001:db8::1"));
    dark.retire(at("192.0.2.1"));
    expect(dark.reported).toBe(1);
    dark.retire(at("192.0.2.0"));
    expect(dark.reported).toBeGreaterThan(2 ** 32);
    const alone = setOf("2001:db8::/32");
    const before = alone.reported;
    alone.retire(at("2001:db8::1"));
    expect(alone.reported).toBe(before - 1);
  });

  it("does not take IPv4 for a part of ::/0", () => {
    expect(setOf("::/0").contains(at("192.0.2.1"))).toBe(false);
    expect(setOf("::/0").contains(at("2001:db8::1"))).toBe(true);
    expect(setOf("0.0.0.0/0").contains(at("2001:db8::1"))).toBe(false);
  });

  it("retires what is declared, once, and says what is left in force", () => {
    const dark = setOf("192.0.2.0/24", "2001:db8::/126");
    expect(["192.0.2.1", "192.0.2.1", "192.0.3.1", "2001:db8::1"].map((text) => dark.retire(at(text)))).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect(["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"].map((text) => dark.isRetired(at(text)))).toEqual([
      true,
      false,
      true,
      false,
    ]);
    // Still declared: what it sends is no packet from outside.
    expect(dark.contains(at("192.0.2.1"))).toBe(true);
    expect(dark.size).toBe(258);
  });
});
