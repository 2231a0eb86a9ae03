// SPDX-License-Identifier: Apache-2.0

/** Reproducible chance: the same seed gives the same inputs on every machine. */
export interface Random {
  /** A whole number of [0, below). */
  below(limit: number): number;
  /** Whether one of `of` chances came. */
  once(of: number): boolean;
  pick<T>(items: readonly T[]): T;
}

export const random = (seed: number): Random => {
  let state = (seed * 0x9e3779b1) | 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  for (let i = 0; i < 8; i++) next();
  return {
    below: (limit) => next() % limit,
    once: (of) => next() % of === 0,
    pick: (items) => items[next() % items.length]!,
  };
};

/** Values that lengths and counts break at. */
const EDGES = [0, 1, 4, 5, 7, 8, 15, 16, 19, 20, 39, 40, 59, 60, 64, 127, 128, 254, 255] as const;

/** A damaged copy: bits turned, bytes set to edges, pieces cut out, doubled or put in, ends cut off. */
export const mutated = (input: Uint8Array, chance: Random, changes = 4): Uint8Array => {
  let bytes = Uint8Array.from(input);
  for (let left = chance.below(changes + 1); left > 0; left--) {
    const size = bytes.length;
    if (size === 0) return bytes;
    // Headers are in front: damage there says more than damage in payload.
    const at = chance.once(3) ? chance.below(size) : chance.below(Math.min(size, 64));
    switch (chance.below(8)) {
      case 0:
        bytes[at]! ^= 1 << chance.below(8);
        break;
      case 1:
        bytes[at] = chance.below(256);
        break;
      case 2:
      case 3:
        bytes[at] = chance.pick(EDGES);
        break;
      case 4:
        bytes = bytes.slice(0, chance.once(2) ? at : chance.below(size + 1));
        break;
      case 5: {
        const piece = 1 + chance.below(8);
        const without = new Uint8Array(Math.max(0, size - piece));
        without.set(bytes.subarray(0, Math.min(at, without.length)));
        if (at + piece < size) without.set(bytes.subarray(at + piece), at);
        bytes = without;
        break;
      }
      case 6: {
        const piece = bytes.slice(at, at + 1 + chance.below(16));
        const doubled = new Uint8Array(size + piece.length);
        doubled.set(bytes);
        doubled.set(bytes.subarray(at), at + piece.length);
        doubled.set(piece, at);
        bytes = doubled;
        break;
      }
      default:
        if (at + 4 <= size)
          new DataView(bytes.buffer).setUint32(at, chance.pick([0, 0xffffffff, 0x7fffffff, 0x80000000, size]));
    }
  }
  return bytes;
};
