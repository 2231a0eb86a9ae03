// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { batchOf, KEY, syn } from "../../test/flow/packets.ts";
import type { Packet } from "../../test/flow/packets.ts";
import { classify } from "./classify.ts";
import { HASH_SEEDS, prepare, prepared } from "./prepare.ts";
import { tokenKey, Tokens } from "./token.ts";

const hashesOf = (packets: readonly Packet[], key: Uint8Array): Int32Array => {
  const batch = batchOf(packets);
  const work = prepared(batch.count);
  classify(batch, work.facts);
  for (let i = 0; i < batch.count; i++) work.chosen[i] = i;
  const tokens = new Tokens(tokenKey(key));
  prepare(batch, work, batch.count, tokens, Int32Array.from(tokens.seeds(HASH_SEEDS)));
  return work.hashes;
};
const bytes = Array.from({ length: 256 }, (_, i) => i);
const pairs = bytes.flatMap((a) => bytes.map((b) => [a, b] as const));

/**
 * Keys that somebody outside chose so that differences in the upper bits of one word are taken away by the next one, whatever the secret:
 * with a hash that mixes word after word into one state, 65,536 of them fell on 256 hashes.
 */
const attacks: Readonly<Record<string, readonly Packet[]>> = {
  "window and scale": pairs.map(([w, e]) => syn({ signature: [(w << 24) >>> 0, ((e << 24) | (e << 8)) >>> 0] })),
  "window alone, and its half": pairs.map(([w, e]) => syn({ signature: [((w << 24) | (e << 16)) >>> 0, 0] })),
  "options alone": pairs.map(([w, e]) => syn({ signature: [0, ((w << 24) | (e << 8)) >>> 0] })),
  "source and port": pairs.map(([a, b]) => syn({ src: [0, 0, 0xffff, (a << 24) >>> 0], dstPort: b << 8 })),
  "words of IPv6": pairs.map(([a, b]) => syn({ src: [0x20010000, (a << 24) >>> 0, (b << 24) >>> 0, 1] })),
  "upper bits of every word": Array.from({ length: 4096 }, (_, n) => {
    const bit = (i: number, to: number): number => ((n >>> i) & 1) << to;
    const words = [0, 2, 4, 6].map((i) => (bit(i, 31) | bit(i + 1, 15)) >>> 0) as [number, number, number, number];
    const [one, other] = [(bit(8, 31) | bit(9, 15)) >>> 0, (bit(10, 31) | bit(11, 15)) >>> 0];
    return syn({ src: words, signature: [one, other] });
  }),
};

describe("the hash of a row's key", () => {
  it.each(Object.entries(attacks))("spreads chosen keys as chance would: %s", (_, packets) => {
    for (const shift of [0, 1, 2, 3]) {
      const hashes = hashesOf(
        packets,
        KEY.map((byte) => byte + shift),
      );
      const n = packets.length;
      expect(n - new Set(hashes).size).toBeLessThan(n / 16);
      // In an index of twice as many places: 1 - exp(-1/2) of them are taken by chance.
      const places = 2 ** Math.ceil(Math.log2(2 * n));
      const taken = new Set(hashes.map((hash) => hash & (places - 1))).size / places;
      expect(Math.abs(taken - (1 - Math.exp(-1 / 2)))).toBeLessThan(0.03);
    }
  });
});
