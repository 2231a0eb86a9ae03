// SPDX-License-Identifier: Apache-2.0
import { maskOf } from "../net/prefix.ts";

/**
 * Prefixes of one family as a flat table. Prefixes nest or are apart, never cross: sorted by first address and length, one
 * pass with a stack gives *segments* (boundaries in ascending order, each with the narrowest prefix that holds from there
 * on) and for each distinct prefix the one around it. A look-up is one binary search; whoever must look wider (a prefix
 * that nobody held at the time) follows `parent`. All of it is typed arrays, so it can be handed to another thread.
 */
export interface PrefixTree {
  /** Words an address: 1 for IPv4, 4 for IPv6. */
  readonly width: 1 | 4;
  readonly starts: Uint32Array;
  /** The narrowest prefix from `starts` on; -1: none. */
  readonly nodes: Int32Array;
  /** For each distinct prefix the next wider one, or -1. */
  readonly parent: Int32Array;
  /** Items of prefix `n`: `items[first[n]]` to `items[first[n + 1] - 1]`. */
  readonly first: Uint32Array;
  readonly items: Uint32Array;
  /** First boundary at or behind each value of the upper 16 bits; empty in small tables. */
  readonly shelves: Uint32Array;
}

/** Prefixes as they come: `count` of them, `width` words each, with lengths counted within the family (0-32 or 0-128). */
export interface PrefixColumns {
  readonly width: 1 | 4;
  readonly count: number;
  readonly words: Uint32Array;
  readonly lengths: Uint8Array;
}

const shelvesFrom = 4096;

const compare = (a: Uint32Array, i: number, b: Uint32Array, j: number, width: number): number => {
  for (let word = 0; word < width; word++) {
    const left = a[i * width + word]!;
    const right = b[j * width + word]!;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
};

/** One stable pass of a radix sort by 16 bits; gives back the array that holds the order. */
const pass = (order: Uint32Array, spare: Uint32Array, digit: (item: number) => number): Uint32Array => {
  const counts = new Uint32Array(0x1_0000);
  for (const item of order) counts[digit(item)]!++;
  if (counts[digit(order[0]!)] === order.length) return order;
  let sum = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!;
    counts[i] = sum;
    sum += count;
  }
  for (const item of order) spare[counts[digit(item)]!++] = item;
  return spare;
};

/** Items by first address, then the wider first; equal ones stay in their order. */
const sorted = ({ width, count, words, lengths }: PrefixColumns): Uint32Array => {
  let order = Uint32Array.from({ length: count }, (_, i) => i);
  if (count < 0x4000) {
    return order.sort((a, b) => compare(words, a, words, b, width) || lengths[a]! - lengths[b]! || a - b);
  }
  let spare = new Uint32Array(count);
  const step = (digit: (item: number) => number): void => {
    const next = pass(order, spare, digit);
    if (next === spare) [order, spare] = [spare, order];
  };
  step((item) => lengths[item]!);
  for (let word = width - 1; word >= 0; word--) {
    step((item) => words[item * width + word]! & 0xffff);
    step((item) => words[item * width + word]! >>> 16);
  }
  return order;
};

/** Bits of word `i` that are fixed, for either family. */
const fixed = (width: 1 | 4, length: number, i: number): number =>
  maskOf(width === 1 ? length + 96 : length, width === 1 ? 3 : i);

/** Writes the address behind the prefix's last one; false at the end of the address space. */
const behind = (columns: PrefixColumns, item: number, into: Uint32Array): boolean => {
  const { width, words, lengths } = columns;
  let carry = 1;
  for (let word = width - 1; word >= 0; word--) {
    const last = (words[item * width + word]! | ~fixed(width, lengths[item]!, word)) >>> 0;
    const next = last + carry;
    carry = next > 0xffffffff ? 1 : 0;
    into[word] = next;
  }
  return carry === 0;
};

export const buildTree = (columns: PrefixColumns): PrefixTree => {
  const { width, count, words, lengths } = columns;
  const items = sorted(columns);
  const starts = new Uint32Array(2 * count * width);
  const nodes = new Int32Array(2 * count);
  let segments = 0;
  const put = (from: Uint32Array, at: number, node: number): void => {
    if (segments > 0 && compare(starts, segments - 1, from, at, width) === 0) segments--;
    if ((segments === 0 ? -1 : nodes[segments - 1]) === node) return;
    for (let word = 0; word < width; word++) starts[segments * width + word] = from[at * width + word]!;
    nodes[segments++] = node;
  };
  const parent = new Int32Array(count);
  const first = new Uint32Array(count + 1);
  const stack: number[] = [];
  const next = new Uint32Array(width);
  /** Ends the prefixes that end before `item` begins (-1: all of them). */
  const close = (item: number): void => {
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const open = behind(columns, items[first[top]!]!, next);
      if (item >= 0 && (!open || compare(next, 0, words, item, width) > 0)) return;
      stack.pop();
      if (open) put(next, 0, stack.at(-1) ?? -1);
    }
  };
  let distinct = 0;
  for (let i = 0; i < count; i++) {
    const item = items[i]!;
    const before = i === 0 ? -1 : items[i - 1]!;
    if (before >= 0 && lengths[before] === lengths[item] && compare(words, before, words, item, width) === 0) continue;
    close(item);
    parent[distinct] = stack.at(-1) ?? -1;
    first[distinct] = i;
    stack.push(distinct);
    put(words, item, distinct++);
  }
  first[distinct] = count;
  close(-1);
  const kept = starts.slice(0, segments * width);
  return {
    width,
    starts: kept,
    nodes: nodes.slice(0, segments),
    parent: parent.slice(0, distinct),
    first: first.slice(0, distinct + 1),
    items,
    shelves: segments < shelvesFrom ? new Uint32Array(0) : shelvesOf(kept, width, segments),
  };
};

const shelvesOf = (starts: Uint32Array, width: number, count: number): Uint32Array => {
  const index = new Uint32Array(0x1_0001);
  let at = 0;
  for (let shelf = 0; shelf < 0x1_0000; shelf++) {
    while (at < count && starts[at * width]! >>> 16 < shelf) at++;
    index[shelf] = at;
  }
  index[0x1_0000] = count;
  return index;
};

/** The narrowest prefix around an address whose words start at `from`, or -1. */
export const nodeAt = (tree: PrefixTree, words: ArrayLike<number>, from: number): number => {
  const { width, starts, shelves } = tree;
  let low = -1;
  let high = tree.nodes.length - 1;
  if (shelves.length > 0) {
    const shelf = words[from]! >>> 16;
    low = shelves[shelf]! - 1;
    high = shelves[shelf + 1]! - 1;
  }
  if (width === 1) {
    const value = words[from]!;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= value) low = middle;
      else high = middle - 1;
    }
  } else {
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      let order = 0;
      for (let word = 0; word < 4 && order === 0; word++) {
        const start = starts[middle * 4 + word]!;
        const value = words[from + word]!;
        order = start < value ? -1 : start > value ? 1 : 0;
      }
      if (order <= 0) low = middle;
      else high = middle - 1;
    }
  }
  return low < 0 ? -1 : tree.nodes[low]!;
};
