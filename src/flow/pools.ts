// SPDX-License-Identifier: Apache-2.0
import { addToken, estimateRegisters, EXACT, REGISTERS } from "../model/distinct.ts";

/** Words of a small slot (512 bytes): a hash table of up to 64 values, or 512 registers. */
const SMALL_WORDS = 128;
export const SMALL_ROOM = 64;
const PORT_REGISTERS = 512;
const PORT_TOP = 23;
const DENSE = 255;

/** Sets of up to 64 tokens or ports; ports go on as a sketch beyond. A slot lives until `clear`. */
export class SmallSets {
  readonly slots: number;
  used = 0;
  readonly words: Int32Array;
  readonly #bytes: Uint8Array;
  /** Values in each slot, or DENSE. */
  readonly counts: Uint8Array;
  readonly #seed: number;
  readonly #sorted = new Int32Array(SMALL_ROOM);

  constructor(slots: number, seed: number) {
    this.slots = slots;
    this.words = new Int32Array(slots * SMALL_WORDS);
    this.#bytes = new Uint8Array(this.words.buffer);
    this.counts = new Uint8Array(slots);
    this.#seed = seed | 1;
  }

  /** An empty slot. The caller has made sure that `used < slots`. */
  take(): number {
    const slot = this.used++;
    this.words.fill(0, slot * SMALL_WORDS, (slot + 1) * SMALL_WORDS);
    this.counts[slot] = 0;
    return slot;
  }

  /** Adds a value other than 0; false when the slot is full and does not hold it. */
  add(slot: number, value: number): boolean {
    const words = this.words;
    const base = slot * SMALL_WORDS;
    let place = Math.imul(value, this.#seed) >>> 25;
    for (;;) {
      const found = words[base + place]!;
      if (found === value) return true;
      if (found === 0) break;
      place = (place + 1) & (SMALL_WORDS - 1);
    }
    if (this.counts[slot] === SMALL_ROOM) return false;
    words[base + place] = value;
    this.counts[slot]!++;
    return true;
  }

  addPort(slot: number, port: number): void {
    if (this.counts[slot] === DENSE) this.#addDense(slot, port);
    else if (!this.add(slot, port + 1)) {
      const sorted = this.#sorted;
      const count = this.copy(slot, sorted, 0);
      this.words.fill(0, slot * SMALL_WORDS, (slot + 1) * SMALL_WORDS);
      this.counts[slot] = DENSE;
      for (let i = 0; i < count; i++) this.#addDense(slot, sorted[i]! - 1);
      this.#addDense(slot, port);
    }
  }

  #addDense(slot: number, port: number): void {
    let hash = Math.imul(port + 1, this.#seed);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
    hash ^= hash >>> 15;
    const place = slot * PORT_REGISTERS + (hash & (PORT_REGISTERS - 1));
    const value = Math.clz32(hash >>> 9) - 8;
    if (this.#bytes[place]! < value) this.#bytes[place] = value;
  }

  /** Distinct ports of a slot: exact up to 64, then estimated, at most 65,535. */
  portCount(slot: number): number {
    const count = this.counts[slot]!;
    if (count !== DENSE) return count;
    const estimate = estimateRegisters(this.#bytes, slot * PORT_REGISTERS, PORT_REGISTERS, PORT_TOP);
    return Math.min(65535, Math.round(estimate));
  }

  /** Copies the values of a slot that is no sketch; gives their number. */
  copy(slot: number, out: Int32Array | Uint32Array, at: number): number {
    let count = 0;
    for (let i = slot * SMALL_WORDS; i < (slot + 1) * SMALL_WORDS; i++) {
      const value = this.words[i]!;
      if (value !== 0) out[at + count++] = value;
    }
    return count;
  }

  clear(): void {
    this.used = 0;
  }
}

/** Words of a big slot (8 KiB): a hash table of up to 1,024 tokens, or, in its first half, 4,096 registers. */
const BIG_WORDS = 2048;
const BIG_DENSE = 0xffff;

/** Sets of tokens: exact up to 1,024, then registers. A slot lives until `clear`. */
export class BigSets {
  readonly slots: number;
  used = 0;
  readonly words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #counts: Uint16Array;
  readonly #copied = new Int32Array(EXACT);

  constructor(slots: number) {
    this.slots = slots;
    this.words = new Int32Array(slots * BIG_WORDS);
    this.#bytes = new Uint8Array(this.words.buffer);
    this.#counts = new Uint16Array(slots);
  }

  /** Where in `words` a token is looked for first, in a slot that is not dense. */
  placeOf(slot: number, token: number): number {
    return slot * BIG_WORDS + (token & (BIG_WORDS - 1));
  }

  take(): number {
    const slot = this.used++;
    this.words.fill(0, slot * BIG_WORDS, (slot + 1) * BIG_WORDS);
    this.#counts[slot] = 0;
    return slot;
  }

  add(slot: number, token: number): void {
    const count = this.#counts[slot]!;
    const base = slot * BIG_WORDS;
    if (count === BIG_DENSE) {
      addToken(this.#bytes, base * 4, token);
      return;
    }
    // Tokens are pseudo-random: their own low bits place them.
    const words = this.words;
    let place = token & (BIG_WORDS - 1);
    for (;;) {
      const found = words[base + place]!;
      if (found === token) return;
      if (found === 0) break;
      place = (place + 1) & (BIG_WORDS - 1);
    }
    if (count < EXACT) {
      words[base + place] = token;
      this.#counts[slot] = count + 1;
      return;
    }
    const copied = this.#copied;
    this.copy(slot, copied, 0);
    words.fill(0, base, base + BIG_WORDS);
    this.#counts[slot] = BIG_DENSE;
    for (let i = 0; i < EXACT; i++) addToken(this.#bytes, base * 4, copied[i]!);
    addToken(this.#bytes, base * 4, token);
  }

  isDense(slot: number): boolean {
    return this.#counts[slot] === BIG_DENSE;
  }

  /** Tokens in a slot that is not dense. */
  size(slot: number): number {
    return this.#counts[slot]!;
  }

  copy(slot: number, out: Int32Array | Uint32Array, at: number): number {
    let count = 0;
    for (let i = slot * BIG_WORDS; i < (slot + 1) * BIG_WORDS; i++) {
      const token = this.words[i]!;
      if (token !== 0) out[at + count++] = token;
    }
    return count;
  }

  /** The registers of a dense slot (a view, valid until the slot is taken again). */
  registers(slot: number): Uint8Array {
    const at = slot * BIG_WORDS * 4;
    return this.#bytes.subarray(at, at + REGISTERS);
  }

  clear(): void {
    this.used = 0;
  }
}
