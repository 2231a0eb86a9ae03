// SPDX-License-Identifier: Apache-2.0
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chaskey, tokenKey, Tokens } from "./token.ts";

/** Message lengths and tags of the author's reference program (mouha.be/wp-content/uploads/chaskey12.c, CC0). */
const vectors: [number, number[]][] = [
  [0, [0x43cb1f41, 0x51eba0c2, 0xff0a8ac3, 0x7ee3f642]],
  [1, [0xf9ac2067, 0x9c35a846, 0x441aad3d, 0x777b7330]],
  [2, [0x57da70c5, 0x2a873cb0, 0x19ee8b2a, 0x165cd82e]],
  [3, [0x8c5e6ab9, 0x5035adfb, 0xbff69f98, 0x965516d9]],
  [4, [0x0b2b62db, 0x1e9e3f50, 0xa1b8dcad, 0xb4279ae0]],
  [15, [0x03cfb44b, 0x283c8163, 0xfca71448, 0xc40a0aea]],
  [16, [0x5dd0e2a9, 0xfb5eac8c, 0x633a392e, 0x500c36f3]],
  [17, [0x8b5f6d5a, 0x202314f6, 0x22092368, 0x9639e606]],
  [32, [0x77962784, 0x07c647fa, 0xdd752c0f, 0xd2f5a799]],
  [48, [0xf36e748b, 0x8f34677f, 0x1e00ba1b, 0xdd7da46d]],
  [62, [0x0f40ed0f, 0xa69bc80f, 0x8e06f97c, 0x61e89697]],
  [63, [0x2dd072e1, 0x42b89efe, 0xfb26b615, 0x049aa451]],
];
const key = tokenKey(Uint8Array.from(Buffer.from("33343d839f389f004fe6982339cf7a41", "hex")));

describe("Chaskey-12", () => {
  it.each(vectors)("gives the published tag of the message of %i bytes", (length, tag) => {
    const message = Uint8Array.from({ length }, (_, i) => i);
    expect([...chaskey(key, message)]).toEqual(tag);
  });

  it("takes keys of 16 bytes only", () => {
    expect(() => tokenKey(new Uint8Array(15))).toThrow(RangeError);
  });
});

describe("tokens", () => {
  const bytes = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer);
  const first = (message: Uint8Array, at: Uint8Array): number => chaskey(tokenKey(at), message)[0]!;
  const word = fc.nat({ max: 0xffffffff });
  const address = fc.tuple(word, word, word, word);
  const anyKey = fc.uint8Array({ minLength: 16, maxLength: 16 });

  it("of IPv4 pairs are Chaskey-12 of (1, left, right, 0), any number at a time", () => {
    fc.assert(
      fc.property(anyKey, fc.array(fc.tuple(word, word), { maxLength: 9 }), (secret, pairs) => {
        const out = new Int32Array(pairs.length + 1).fill(7);
        const columns = [0, 1].map((side) => Uint32Array.from(pairs, (pair) => pair[side]!));
        new Tokens(tokenKey(secret)).pairsV4(columns[0]!, columns[1]!, pairs.length, out);
        const expected = pairs.map(([left, right]) => first(bytes(1, left, right, 0), secret) | 0);
        expect([...out]).toEqual([...expected, 7]);
      }),
    );
  });

  it("of other pairs, sources and seeds are Chaskey-12 of messages of their own", () => {
    fc.assert(
      fc.property(anyKey, address, address, (secret, left, right) => {
        const tokens = new Tokens(tokenKey(secret));
        const both = Uint32Array.from([9, ...left, ...right]);
        expect(tokens.pair(both, 1, both, 5)).toBe(first(bytes(2, 0, 0, 0, ...left, ...right), secret));
        expect(tokens.source(both, 1)).toBe(first(bytes(3, 0, 0, 0, ...left), secret));
        expect(tokens.seeds(1)[0]).toBe(first(bytes(4).subarray(0, 4), secret));
        expect(tokens.seeds(9)[8]).toBe(first(Uint8Array.of(4, 2, 0, 0), secret));
      }),
    );
  });
});
