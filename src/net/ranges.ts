// SPDX-License-Identifier: Apache-2.0
import { isV4 } from "./ip.ts";

/**
 * Look-up of addresses in ranges that a file gives in any order and with overlaps. The ranges are flattened once into
 * *segments*: boundaries in ascending order, each with the value that holds from there to the next boundary. Where ranges
 * overlap the narrowest wins (as the longest prefix does), of equally wide ones the later in the file.
 *
 * Two files (origin AS and country) are laid over each other, so that one search answers both.
 */

/** Ranges as read: `width` words an address (1: IPv4, 4: IPv6), first and last address inclusive, and a value above 0. */
export interface Ranges {
  readonly width: 1 | 4;
  readonly count: number;
  readonly first: Uint32Array;
  readonly last: Uint32Array;
  readonly values: Uint32Array;
}
/** Segments: boundary `i` starts where `starts[i]` says; value 0 is "none". Addresses before the first boundary have none. */
export interface Segments {
  readonly width: 1 | 4;
  readonly starts: Uint32Array;
  readonly values: Uint32Array;
}

const compareWords = (a: Uint32Array, i: number, b: Uint32Array, j: number, width: number): number => {
  for (let word = 0; word < width; word++) {
    const left = a[i * width + word]!;
    const right = b[j * width + word]!;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
};

/** Writes last + 1 of range `i`; false when it passes the end of the address space. */
const after = (ranges: Ranges, i: number, into: Uint32Array): boolean => {
  for (let word = ranges.width - 1; word >= 0; word--) {
    const value = ranges.last[i * ranges.width + word]!;
    if (value !== 0xffffffff) {
      into[word] = value + 1;
      for (let higher = word - 1; higher >= 0; higher--) into[higher] = ranges.last[i * ranges.width + higher]!;
      return true;
    }
    into[word] = 0;
  }
  return false;
};

/** How wide ranges are: last - first. */
const spansOf = ({ width, count, first, last }: Ranges): Uint32Array => {
  const spans = new Uint32Array(count * width);
  for (let i = 0; i < count; i++) {
    let borrow = 0;
    for (let word = width - 1; word >= 0; word--) {
      const difference = last[i * width + word]! - first[i * width + word]! - borrow;
      borrow = difference < 0 ? 1 : 0;
      spans[i * width + word] = difference;
    }
  }
  return spans;
};

/** The ranges in order of their first address; as they stand where they are in order already. */
const inOrder = ({ width, count, first }: Ranges): Uint32Array => {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = 1; i < count; i++) {
    if (compareWords(first, i - 1, first, i, width) > 0)
      return order.sort((a, b) => compareWords(first, a, first, b, width) || a - b);
  }
  return order;
};

const isDisjoint = (ranges: Ranges): boolean => {
  for (let i = 1; i < ranges.count; i++) {
    if (compareWords(ranges.last, i - 1, ranges.first, i, ranges.width) >= 0) return false;
  }
  return true;
};

/** Collects boundaries; one at the same place replaces the one before, one with the same value is left out. */
class SegmentWriter {
  readonly width: 1 | 4;
  #starts: Uint32Array;
  #values: Uint32Array;
  #count = 0;
  constructor(width: 1 | 4, room: number) {
    this.width = width;
    this.#starts = new Uint32Array(room * width);
    this.#values = new Uint32Array(room);
  }
  put(words: Uint32Array, at: number, value: number): void {
    const { width } = this;
    if (this.#count > 0 && compareWords(this.#starts, this.#count - 1, words, at, width) === 0) this.#count--;
    if ((this.#count === 0 ? 0 : this.#values[this.#count - 1]) === value) return;
    for (let word = 0; word < width; word++) this.#starts[this.#count * width + word] = words[at * width + word]!;
    this.#values[this.#count++] = value;
  }
  done(): Segments {
    return {
      width: this.width,
      starts: this.#starts.slice(0, this.#count * this.width),
      values: this.#values.slice(0, this.#count),
    };
  }
}

/** Flattens ranges. */
export const flatten = (ranges: Ranges): Segments => {
  const { width, count } = ranges;
  const writer = new SegmentWriter(width, 2 * count);
  const next = new Uint32Array(width);
  if (isDisjoint(ranges)) {
    for (let i = 0; i < count; i++) {
      writer.put(ranges.first, i, ranges.values[i]!);
      if (after(ranges, i, next)) writer.put(next, 0, 0);
    }
    return writer.done();
  }
  const byFirst = inOrder(ranges);
  const spans = spansOf(ranges);
  const isBefore = (a: number, b: number): boolean => {
    const order = compareWords(spans, a, spans, b, width);
    return order === 0 ? a > b : order < 0;
  };
  // A heap of the ranges that may cover the present place, the winner on top; those that ended are removed when they surface.
  const heap = new Uint32Array(count);
  let size = 0;
  const push = (range: number): void => {
    let at = size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent]!, range)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = range;
  };
  const pop = (): void => {
    const moved = heap[--size]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, moved)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moved;
  };
  /** Whether the winner ends no later than `range`. */
  const topEndsBy = (range: number): boolean =>
    size > 0 && compareWords(ranges.last, heap[0]!, ranges.last, range, width) <= 0;
  /** Writes what holds once the winner ends, as long as that is before `until` (a range) begins. */
  const close = (until: number): void => {
    while (size > 0) {
      const top = heap[0]!;
      if (until >= 0 && compareWords(ranges.last, top, ranges.first, until, width) >= 0) return;
      const open = after(ranges, top, next);
      pop();
      if (!open) {
        size = 0;
        return;
      }
      while (topEndsBy(top)) pop();
      writer.put(next, 0, size > 0 ? ranges.values[heap[0]!]! : 0);
    }
  };
  for (let i = 0; i < count; i++) {
    const range = byFirst[i]!;
    close(range);
    push(range);
    writer.put(ranges.first, range, ranges.values[heap[0]!]!);
  }
  close(-1);
  return writer.done();
};

/** Two sets of segments as one: a boundary wherever either changes, with both values. */
export interface Overlay {
  readonly width: 1 | 4;
  readonly starts: Uint32Array;
  readonly left: Uint32Array;
  readonly right: Uint32Array;
}
export const overlay = (left: Segments, right: Segments): Overlay => {
  const { width } = left;
  const room = left.values.length + right.values.length;
  const starts = new Uint32Array(room * width);
  const lefts = new Uint32Array(room);
  const rights = new Uint32Array(room);
  let [l, r, count] = [0, 0, 0];
  while (l < left.values.length || r < right.values.length) {
    const order =
      l === left.values.length
        ? 1
        : r === right.values.length
          ? -1
          : compareWords(left.starts, l, right.starts, r, width);
    const [from, at] = order <= 0 ? [left.starts, l] : [right.starts, r];
    for (let word = 0; word < width; word++) starts[count * width + word] = from[at * width + word]!;
    if (order <= 0) l++;
    if (order >= 0) r++;
    lefts[count] = l === 0 ? 0 : left.values[l - 1]!;
    rights[count++] = r === 0 ? 0 : right.values[r - 1]!;
  }
  return {
    width,
    starts: starts.slice(0, count * width),
    left: lefts.slice(0, count),
    right: rights.slice(0, count),
  };
};

/** For each value of an address's upper 16 bits the first boundary at or behind it: narrows a search to a few steps. */
const shelves = (overlaid: Overlay): Uint32Array => {
  const index = new Uint32Array(0x1_0001);
  const count = overlaid.left.length;
  let at = 0;
  for (let shelf = 0; shelf < 0x1_0000; shelf++) {
    while (at < count && overlaid.starts[at * overlaid.width]! >>> 16 < shelf) at++;
    index[shelf] = at;
  }
  index[0x1_0000] = count;
  return index;
};

/** Where an address comes from: origin AS and country. A snapshot; a newer one replaces it whole. */
export class OriginTable {
  readonly v4: Overlay;
  readonly v6: Overlay;
  /** Country codes; `countryOf` counts from 1 in this list. */
  readonly countries: readonly string[];
  readonly #starts4: Uint32Array;
  readonly #shelves4: Uint32Array;
  readonly #shelves6: Uint32Array;
  constructor(v4: Overlay, v6: Overlay, countries: readonly string[]) {
    this.v4 = v4;
    this.v6 = v6;
    this.countries = countries;
    this.#starts4 = v4.starts;
    this.#shelves4 = shelves(v4);
    this.#shelves6 = shelves(v6);
  }

  /** The segment an address (four words at `at`) lies in, or -1. Valid for this table only. */
  find(words: Uint32Array, at: number): number {
    if (isV4(words, at)) return this.#findV4(words[at + 3]!);
    const { starts, width } = this.v6;
    const shelf = words[at]! >>> 16;
    // The last boundary at or before the address is in its shelf, or the one just before that.
    let low = this.#shelves6[shelf]! - 1;
    let high = this.#shelves6[shelf + 1]! - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      let order = 0;
      for (let word = 0; word < width && order === 0; word++) {
        const start = starts[middle * width + word]!;
        const value = words[at + word]!;
        order = start < value ? -1 : start > value ? 1 : 0;
      }
      if (order <= 0) low = middle;
      else high = middle - 1;
    }
    return low < 0 ? -1 : this.v4.left.length + low;
  }

  #findV4(address: number): number {
    const starts = this.#starts4;
    const index = this.#shelves4;
    const shelf = address >>> 16;
    let low = index[shelf]! - 1;
    let high = index[shelf + 1]! - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (starts[middle]! <= address) low = middle;
      else high = middle - 1;
    }
    return low;
  }
  /** The origin AS of a segment, 0 when none is known. */
  asnOf(segment: number): number {
    const v4 = this.v4.left.length;
    return segment < v4 ? this.v4.left[segment]! : this.v6.left[segment - v4]!;
  }
  /** The country of a segment as its place in `countries` counted from 1, 0 when none is known. */
  countryOf(segment: number): number {
    const v4 = this.v4.left.length;
    return segment < v4 ? this.v4.right[segment]! : this.v6.right[segment - v4]!;
  }
}
