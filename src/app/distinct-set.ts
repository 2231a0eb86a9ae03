// SPDX-License-Identifier: Apache-2.0

const mix = (a: number, b: number, c: number, d: number): number => {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15) ^ c, 0x27d4eb2f) ^ Math.imul(d, 0x165667b1);
  h = Math.imul(h ^ (h >>> 13), 0x85ebca6b);
  return (h ^ (h >>> 16)) >>> 0;
};

/**
 * An exact set of keys of four 32-bit words that numbers its members 0, 1, 2 ... in the order they come. About 24 to 48
 * bytes a member; it doubles when three quarters full.
 */
export class DistinctSet {
  size = 0;
  keys = new Uint32Array(4 * 1024);
  #slots = new Int32Array(2048).fill(-1);

  /** The number of the key; a new one is given the next number. */
  add(a: number, b: number, c: number, d: number): number {
    const mask = this.#slots.length - 1;
    const keys = this.keys;
    let slot = mix(a, b, c, d) & mask;
    for (;;) {
      const id = this.#slots[slot]!;
      if (id < 0) break;
      const at = 4 * id;
      if (keys[at + 3] === d && keys[at + 2] === c && keys[at + 1] === b && keys[at] === a) return id;
      slot = (slot + 1) & mask;
    }
    const id = this.size++;
    if (4 * id === keys.length) {
      this.keys = new Uint32Array(2 * keys.length);
      this.keys.set(keys);
    }
    this.keys.set([a, b, c, d], 4 * id);
    this.#slots[slot] = id;
    if (this.size > 0.75 * this.#slots.length) this.#grow();
    return id;
  }

  #grow(): void {
    const slots = new Int32Array(2 * this.#slots.length).fill(-1);
    const mask = slots.length - 1;
    const keys = this.keys;
    for (let id = 0; id < this.size; id++) {
      let slot = mix(keys[4 * id]!, keys[4 * id + 1]!, keys[4 * id + 2]!, keys[4 * id + 3]!) & mask;
      while (slots[slot]! >= 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.#slots = slots;
  }
}
