// SPDX-License-Identifier: Apache-2.0
import * as E from "./entry.ts";

const { ENTRY_SHIFT, SRC } = E;

/** Bits sorted at a time: three steps a word. */
const DIGIT = 11;
const MASK = (1 << DIGIT) - 1;
/** Bytes that a row takes: its number, twice, and its key. */
export const ORDER_BYTES = 12;

/**
 * Puts the rows of a table in the order of their sources: the store keeps them so, and finds out that nothing is left to sort;
 * packed batches get smaller; and where a source comes from is looked up once for all its rows. Takes a few steps a row.
 */
export class SourceOrder {
  #rows: Uint32Array;
  #other: Uint32Array;
  readonly #keys: Uint32Array;
  readonly #places = new Uint32Array(3 << DIGIT);

  constructor(capacity: number) {
    this.#rows = new Uint32Array(capacity);
    this.#other = new Uint32Array(capacity);
    this.#keys = new Uint32Array(capacity);
  }

  /** The numbers of the rows in `words`, from 0 to `count`, by source; equal ones stay as they are. Good until the next call. */
  of(words: Int32Array, count: number): Uint32Array {
    let [high, upper, middle] = [0, 0, 0];
    for (let row = 0, at = SRC; row < count; row++, at += 1 << ENTRY_SHIFT) {
      this.#rows[row] = row;
      high |= words[at]! ^ words[SRC]!;
      upper |= words[at + 1]! ^ words[SRC + 1]!;
      middle |= words[at + 2]! ^ words[SRC + 2]!;
    }
    // From the last word to the first: each leaves the order of the ones before where it finds no difference.
    this.#sort(words, count, SRC + 3);
    if (middle !== 0) this.#sort(words, count, SRC + 2);
    if (upper !== 0) this.#sort(words, count, SRC + 1);
    if (high !== 0) this.#sort(words, count, SRC);
    return this.#rows;
  }

  #sort(words: Int32Array, count: number, at: number): void {
    const keys = this.#keys;
    const places = this.#places;
    places.fill(0);
    for (let row = 0, from = at; row < count; row++, from += 1 << ENTRY_SHIFT) {
      const key = words[from]!;
      keys[row] = key;
      places[key & MASK]!++;
      places[((key >>> DIGIT) & MASK) + MASK + 1]!++;
      places[(key >>> (2 * DIGIT)) + 2 * MASK + 2]!++;
    }
    for (let step = 0; step < 3; step++) {
      const base = step << DIGIT;
      let sum = 0;
      for (let digit = base; digit <= base + MASK; digit++) {
        const n = places[digit]!;
        places[digit] = sum;
        sum += n;
      }
      const from = this.#rows;
      const to = this.#other;
      const shift = step * DIGIT;
      for (let i = 0; i < count; i++) {
        const row = from[i]!;
        to[places[base + ((keys[row]! >>> shift) & MASK)]!++] = row;
      }
      this.#rows = to;
      this.#other = from;
    }
  }
}
