// SPDX-License-Identifier: Apache-2.0

const hash = (a: number, b: number): number => {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x27d4eb2f);
  return (h ^ (h >>> 13)) >>> 0;
};

/** Words of a slot: the key; 0 when free, 1 without a port, else the first port asked for + 2; packets (two halves). */
const WORDS = 4;

/**
 * Sources by a 32-bit key, with their packets, and the distinct ports each asked for. Exact. One slot holds all that most
 * sources need, so that most rows of a replay cost one miss of the cache; pairs beyond a source's first port lie apart.
 */
export class SourceTable {
  size = 0;
  /** Keeps the compiler from dropping the loads of `approach`. */
  touched = 0;
  #slots = new Uint32Array(WORDS << 16);
  #pairs = new Uint32Array(2 << 14);
  #pairCount = 0;

  /** Reads what the next sources will need and uses none of it: these loads do not wait for one another. `keys` has one in four words. */
  approach(keys: Uint32Array, from: number, to: number): void {
    const slots = this.#slots;
    const mask = (slots.length >>> 2) - 1;
    let sum = 0;
    for (let at = 4 * from + 3; at < 4 * to; at += 4) sum ^= slots[((hash(keys[at]!, 0) & mask) << 2) + 1]!;
    this.touched = sum;
  }

  /** Where a source stands, new ones included. Good until the next call. */
  find(key: number): number {
    if (this.size * 3 > (this.#slots.length >>> 2) * 2) this.#grow();
    const slots = this.#slots;
    const mask = (slots.length >>> 2) - 1;
    let at = (hash(key, 0) & mask) << 2;
    for (;;) {
      const first = slots[at + 1]!;
      if (first === 0) {
        slots[at] = key;
        slots[at + 1] = 1;
        this.size++;
        return at;
      }
      if (slots[at] === key) return at;
      at = (at + WORDS) & ((mask << 2) | 3);
    }
  }

  /** Adds packets of the source that stands at `at`. */
  add(at: number, packets: number): void {
    const slots = this.#slots;
    const low = slots[at + 2]! + packets;
    slots[at + 2] = low;
    if (low > 0xffffffff) slots[at + 3]!++;
  }

  /** Whether the source that stands at `at` asks for this port, a number above 0, for the first time. */
  asks(at: number, port: number): boolean {
    const slots = this.#slots;
    const first = slots[at + 1]!;
    if (first === port + 2) return false;
    if (first !== 1) return this.#pair(slots[at]!, port);
    slots[at + 1] = port + 2;
    return true;
  }

  /** Calls `visit` for each source, in no order. */
  each(visit: (key: number, packets: number) => void): void {
    const slots = this.#slots;
    for (let at = 0; at < slots.length; at += WORDS) {
      if (slots[at + 1] !== 0) visit(slots[at]!, slots[at + 3]! * 2 ** 32 + slots[at + 2]!);
    }
  }

  #pair(key: number, port: number): boolean {
    if (this.#pairCount * 3 > this.#pairs.length) this.#growPairs();
    const pairs = this.#pairs;
    const mask = (pairs.length >>> 1) - 1;
    let at = (hash(key, port) & mask) << 1;
    for (;;) {
      const there = pairs[at + 1]!;
      if (there === 0) {
        pairs[at] = key;
        pairs[at + 1] = port;
        this.#pairCount++;
        return true;
      }
      if (there === port && pairs[at] === key) return false;
      at = (at + 2) & ((mask << 1) | 1);
    }
  }

  #growPairs(): void {
    const old = this.#pairs;
    const pairs = new Uint32Array(old.length * 4);
    const mask = (pairs.length >>> 1) - 1;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue;
      let at = (hash(old[i]!, old[i + 1]!) & mask) << 1;
      while (pairs[at + 1] !== 0) at = (at + 2) & ((mask << 1) | 1);
      pairs[at] = old[i]!;
      pairs[at + 1] = old[i + 1]!;
    }
    this.#pairs = pairs;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Uint32Array(old.length * 4);
    const mask = (slots.length >>> 2) - 1;
    for (let i = 0; i < old.length; i += WORDS) {
      if (old[i + 1] === 0) continue;
      let at = (hash(old[i]!, 0) & mask) << 2;
      while (slots[at + 1] !== 0) at = (at + WORDS) & ((mask << 2) | 3);
      slots[at] = old[i]!;
      slots[at + 1] = old[i + 1]!;
      slots[at + 2] = old[i + 2]!;
      slots[at + 3] = old[i + 3]!;
    }
    this.#slots = slots;
  }
}
