// SPDX-License-Identifier: Apache-2.0

/** A well-spread 32-bit hash of two 32-bit words (murmur3's finalizer over their mixture). Not cryptographic. */
export const mix = (a: number, b: number): number => {
  let h = (a ^ Math.imul(b, 0x9e3779b1)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = (h + b) | 0;
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

export const mix3 = (a: number, b: number, c: number): number => mix(mix(a, b), c);

/** A 32-bit hash of a text's UTF-16 code units. */
export const hashText = (text: string): number => {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix(h >>> 0, text.length);
};

/** A number in [0, 1) from a 32-bit word. */
export const unit = (word: number): number => (word >>> 0) / 4294967296;

/**
 * The sfc32 generator (Chris Doty-Humphrey's small fast counting generator). The simulator has no other source of chance:
 * every slice of time, host and attack seeds its own from the region's seed, so any of them can be made without the others.
 */
export class Rng {
  #a = 0;
  #b = 0;
  #c = 0;
  #n = 1;
  constructor(a = 0, b = 0, c = 0) {
    this.seed(a, b, c);
  }
  seed(a: number, b: number, c: number): void {
    this.#a = a | 0;
    this.#b = b | 0;
    this.#c = c | 0;
    this.#n = 1;
    for (let i = 0; i < 12; i++) this.next();
  }
  /** A 32-bit word, unsigned. */
  next(): number {
    const t = (((this.#a + this.#b) | 0) + this.#n) | 0;
    this.#n = (this.#n + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return t >>> 0;
  }
  /** In [0, 1). */
  unit(): number {
    return this.next() / 4294967296;
  }
  /** A whole number in [0, below). */
  below(below: number): number {
    return Math.floor((this.next() / 4294967296) * below);
  }
  /** Exponentially distributed with mean 1. */
  gap(): number {
    return -Math.log((this.next() + 1) / 4294967296);
  }
}

/** How many events of a Poisson process with this mean happen: by counting gaps, so for means up to some ten thousands. */
export const poisson = (rng: Rng, mean: number): number => {
  let sum = rng.gap();
  let count = 0;
  while (sum < mean) {
    count++;
    sum += rng.gap();
  }
  return count;
};

/** Draws places of a list by weight in constant time (Walker's alias method, as Vose builds it). */
export class Alias {
  readonly total: number;
  readonly #keep: Float64Array;
  readonly #other: Uint32Array;
  constructor(weights: Float64Array) {
    const n = weights.length;
    let total = 0;
    for (let i = 0; i < n; i++) total += weights[i]!;
    this.total = total;
    this.#keep = new Float64Array(n);
    this.#other = new Uint32Array(n);
    const scaled = new Float64Array(n);
    const small = new Uint32Array(n);
    const large = new Uint32Array(n);
    let smalls = 0;
    let larges = 0;
    for (let i = 0; i < n; i++) {
      scaled[i] = total > 0 ? (weights[i]! * n) / total : 1;
      if (scaled[i]! < 1) small[smalls++] = i;
      else large[larges++] = i;
    }
    while (smalls > 0 && larges > 0) {
      const less = small[--smalls]!;
      const more = large[larges - 1]!;
      this.#keep[less] = scaled[less]!;
      this.#other[less] = more;
      scaled[more] = scaled[more]! + scaled[less]! - 1;
      if (scaled[more]! < 1) {
        larges--;
        small[smalls++] = more;
      }
    }
    while (larges > 0) this.#keep[large[--larges]!] = 1;
    while (smalls > 0) this.#keep[small[--smalls]!] = 1;
  }
  get length(): number {
    return this.#keep.length;
  }
  /** The place that a number in [0, 1) stands for. */
  pick(unit: number): number {
    const scaled = unit * this.#keep.length;
    const at = Math.floor(scaled);
    return scaled - at < this.#keep[at]! ? at : this.#other[at]!;
  }
}
