// SPDX-License-Identifier: Apache-2.0

/**
 * What a token costs: Chaskey-12 as the flow table makes it, against HMAC-SHA256 of node:crypto over the same 16 bytes.
 *
 *   node bench/flow-token.ts
 */
import { createHmac } from "node:crypto";
import { Tokens, tokenKey } from "../src/flow/token.ts";

const key = new Uint8Array(16).fill(7);
const SIZE = 2048;
const left = Uint32Array.from({ length: SIZE }, (_, i) => Math.imul(i, 0x9e3779b1));
const right = Uint32Array.from({ length: SIZE }, (_, i) => 0xc6330000 + i);

/** Nanoseconds of processor time a token, the median of seven rounds. */
const measure = (name: string, tokens: number, work: () => number): number => {
  const rounds: number[] = [];
  for (let round = 0; round < 8; round++) {
    const start = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(start);
    rounds.push(((user + system) * 1000) / tokens);
  }
  const middle = rounds.slice(1).toSorted((a, b) => a - b)[3]!;
  console.log(`${name}: ${middle.toFixed(1)} ns a token`);
  return middle;
};

const tokens = new Tokens(tokenKey(key));
const out = new Int32Array(SIZE);
const ours = measure("Chaskey-12, batches of IPv4 pairs", 500 * SIZE, () => {
  for (let i = 0; i < 500; i++) tokens.pairsV4(left, right, SIZE, out);
  return out[1]!;
});
const both = new Uint32Array(8).fill(0x20010db8);
measure("Chaskey-12, one IPv6 pair", 200_000, () => {
  let last = 0;
  for (let i = 0; i < 200_000; i++) {
    both[7] = i;
    last ^= tokens.pair(both, 0, both, 4);
  }
  return last;
});
const message = Buffer.alloc(8);
const hmac = measure("HMAC-SHA256, node:crypto", 20_000, () => {
  let last = 0;
  for (let i = 0; i < 20_000; i++) {
    message.writeUInt32LE(left[i % SIZE]!, 0);
    message.writeUInt32LE(right[i % SIZE]!, 4);
    last ^= createHmac("sha256", key).update(message).digest().readInt32LE(0);
  }
  return last;
});
console.log(`ratio: ${(hmac / ours).toFixed(0)}`);
