// SPDX-License-Identifier: Apache-2.0

/**
 * Keyed tokens: what stands for a dark address outside its sensor. A token is 32 bits of Chaskey-12 (N. Mouha et al., SAC
 * 2014; ISO/IEC 29192-6), a MAC made of 32-bit additions, rotations and exclusive-ors, under a 128-bit key that never
 * leaves the sensor. docs/decisions/0003-tokens.md says why it is not HMAC-SHA256 itself.
 */

/** A 128-bit key as four words, and Chaskey's two subkeys. */
export interface TokenKey {
  readonly words: Uint32Array;
}

/** Multiplies by x in GF(2^128), as Chaskey's key schedule does. */
const timesTwo = (key: Uint32Array, from: number, to: number): void => {
  const [a = 0, b = 0, c = 0, d = 0] = key.subarray(from, from + 4);
  key[to] = (a << 1) ^ (d >>> 31 === 1 ? 0x87 : 0);
  key[to + 1] = (b << 1) | (a >>> 31);
  key[to + 2] = (c << 1) | (b >>> 31);
  key[to + 3] = (d << 1) | (c >>> 31);
};

/** The key made of 16 secret bytes (read as little-endian words). Throws a RangeError for any other length. */
export const tokenKey = (secret: Uint8Array): TokenKey => {
  if (secret.length !== 16) throw new RangeError("a token key has 16 bytes");
  const view = new DataView(secret.buffer, secret.byteOffset, 16);
  const words = new Uint32Array(12);
  for (let i = 0; i < 4; i++) words[i] = view.getUint32(4 * i, true);
  timesTwo(words, 0, 4);
  timesTwo(words, 4, 8);
  return { words };
};

/** The twelve rounds of Chaskey-12's permutation on the four words of `state`. */
export const permute = (state: Uint32Array): void => {
  let a = state[0]! | 0;
  let b = state[1]! | 0;
  let c = state[2]! | 0;
  let d = state[3]! | 0;
  for (let round = 0; round < 12; round++) {
    a = (a + b) | 0;
    b = ((b << 5) | (b >>> 27)) ^ a;
    a = (a << 16) | (a >>> 16);
    c = (c + d) | 0;
    d = ((d << 8) | (d >>> 24)) ^ c;
    a = (a + d) | 0;
    d = ((d << 13) | (d >>> 19)) ^ a;
    c = (c + b) | 0;
    b = ((b << 7) | (b >>> 25)) ^ c;
    c = (c << 16) | (c >>> 16);
  }
  state[0] = a;
  state[1] = b;
  state[2] = c;
  state[3] = d;
};

/** Chaskey-12 of a message of any length: the 128-bit tag as four words. Not for the hot path; tests hold the hot path to it. */
export const chaskey = (key: TokenKey, message: Uint8Array): Uint32Array => {
  const state = key.words.slice(0, 4);
  const padded = new Uint8Array(Math.max(1, Math.ceil(message.length / 16)) * 16);
  padded.set(message);
  const full = message.length > 0 && message.length % 16 === 0;
  if (!full) padded[message.length] = 1;
  const view = new DataView(padded.buffer);
  const subkey = full ? 4 : 8;
  for (let at = 0; at < padded.length; at += 16) {
    const last = at + 16 === padded.length;
    for (let i = 0; i < 4; i++) state[i]! ^= view.getUint32(at + 4 * i, true) ^ (last ? key.words[subkey + i]! : 0);
    permute(state);
  }
  for (let i = 0; i < 4; i++) state[i]! ^= key.words[subkey + i]!;
  return state;
};

/** First word of a message: what the token is for, so that tokens of different kinds are never of the same message. */
const DOMAIN = { pairV4: 1, pair: 2, source: 3, seed: 4 } as const;

/** The state after a first block that holds only the domain; the same for every message of that domain. */
const prefixed = (key: TokenKey, domain: number): Uint32Array => {
  const state = key.words.slice(0, 4);
  state[0]! ^= domain;
  permute(state);
  return state;
};

/**
 * Makes tokens with one key. `pairV4(a, b)` is the first word of Chaskey-12 of the 16 bytes (1, a, b, 0), `pair` of the 48
 * bytes (2, 0, 0, 0, address, address) and `source` of the 32 bytes (3, 0, 0, 0, address), words little-endian. No token
 * is 0: the one in 2^32 that would be is 1.
 */
export class Tokens {
  readonly #a: number;
  readonly #b: number;
  readonly #c: number;
  readonly #d: number;
  readonly #mask: number;
  readonly #key: TokenKey;
  readonly #pair: Uint32Array;
  readonly #source: Uint32Array;
  readonly #state = new Uint32Array(4);

  constructor(key: TokenKey) {
    const w = key.words;
    this.#key = key;
    this.#a = (w[0]! ^ w[4]! ^ DOMAIN.pairV4) | 0;
    this.#b = (w[1]! ^ w[5]!) | 0;
    this.#c = (w[2]! ^ w[6]!) | 0;
    this.#d = (w[3]! ^ w[7]!) | 0;
    this.#mask = w[4]! | 0;
    this.#pair = prefixed(key, DOMAIN.pair);
    this.#source = prefixed(key, DOMAIN.source);
  }

  /** Tokens of `count` pairs of IPv4 addresses (left, right), written to `out`. */
  pairsV4(left: Uint32Array, right: Uint32Array, count: number, out: Int32Array): void {
    // `| 0` tells the compiler that these are 32-bit integers; without it the rounds run on doubles, three times slower.
    const ka = this.#a | 0;
    const kb = this.#b | 0;
    const kc = this.#c | 0;
    const kd = this.#d | 0;
    const mask = this.#mask;
    // Two at a time: one message's rounds are a chain in which each step waits for the last, so the other's fill the gaps.
    for (let i = 0; i < count; i += 2) {
      const j = i + 1 < count ? i + 1 : i;
      let a = ka;
      let b = kb ^ left[i]!;
      let c = kc ^ right[i]!;
      let d = kd;
      let e = ka;
      let f = kb ^ left[j]!;
      let g = kc ^ right[j]!;
      let h = kd;
      for (let round = 0; round < 12; round++) {
        a = (a + b) | 0;
        e = (e + f) | 0;
        b = ((b << 5) | (b >>> 27)) ^ a;
        f = ((f << 5) | (f >>> 27)) ^ e;
        a = (a << 16) | (a >>> 16);
        e = (e << 16) | (e >>> 16);
        c = (c + d) | 0;
        g = (g + h) | 0;
        d = ((d << 8) | (d >>> 24)) ^ c;
        h = ((h << 8) | (h >>> 24)) ^ g;
        a = (a + d) | 0;
        e = (e + h) | 0;
        d = ((d << 13) | (d >>> 19)) ^ a;
        h = ((h << 13) | (h >>> 19)) ^ e;
        c = (c + b) | 0;
        g = (g + f) | 0;
        b = ((b << 7) | (b >>> 25)) ^ c;
        f = ((f << 7) | (f >>> 25)) ^ g;
        c = (c << 16) | (c >>> 16);
        g = (g << 16) | (g >>> 16);
      }
      const first = a ^ mask;
      const second = e ^ mask;
      out[i] = first === 0 ? 1 : first;
      out[j] = second === 0 ? 1 : second;
    }
  }

  /** The token of a pair of addresses, four words each. */
  pair(left: Uint32Array, leftAt: number, right: Uint32Array, rightAt: number): number {
    const state = this.#state;
    const key = this.#key.words;
    for (let i = 0; i < 4; i++) state[i] = this.#pair[i]! ^ left[leftAt + i]!;
    permute(state);
    for (let i = 0; i < 4; i++) state[i]! ^= right[rightAt + i]! ^ key[4 + i]!;
    permute(state);
    const token = (state[0]! ^ key[4]!) >>> 0;
    return token === 0 ? 1 : token;
  }

  /** The token of one address (a source, for counting sources). */
  source(words: Uint32Array, at: number): number {
    const state = this.#state;
    const key = this.#key.words;
    for (let i = 0; i < 4; i++) state[i] = this.#source[i]! ^ words[at + i]! ^ key[4 + i]!;
    permute(state);
    const token = (state[0]! ^ key[4]!) >>> 0;
    return token === 0 ? 1 : token;
  }

  /** Secret words for hash tables, so that nobody outside can choose keys that collide. */
  seeds(count: number): Uint32Array {
    const words = Array.from({ length: Math.ceil(count / 4) }, (_, i) => [
      ...chaskey(this.#key, Uint8Array.of(DOMAIN.seed, i, 0, 0)),
    ]);
    return Uint32Array.from(words.flat().slice(0, count));
  }
}
