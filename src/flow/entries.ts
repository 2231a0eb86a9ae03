// SPDX-License-Identifier: Apache-2.0
import type { PacketBatch } from "../model/packets.ts";
import { protocols } from "../model/traffic.ts";
import { FACT } from "./classify.ts";
import * as E from "./entry.ts";
import { ORDER_BYTES, SourceOrder } from "./order.ts";
import { BigSets, SMALL_ROOM, SmallSets } from "./pools.ts";

// Constants of other modules are copied: the compiler folds only what is constant in the module itself.
const {
  BIG,
  BYTES,
  COUNTED,
  COUNTED_BITS,
  COUNTERS,
  DST_LIST,
  DST_PORTS,
  ENTRY_SHIFT,
  ENTRY_WORDS,
  EXTRA,
  FIRST,
  INLINE_PORTS,
  INLINE_TOKENS,
  LAST,
  MARKS,
  META,
  MORE_TOKENS,
  NEAR_TOKENS,
  PACKETS,
  PLACE,
  SAMPLES,
  SAMPLE_PORTS,
  SAMPLE_TIMES,
  SIGNATURE,
  SLOT_MASK,
  SMALL,
  SRC,
  SRC_LIST,
  SRC_PORTS,
  TOKENS,
  TOKEN_LIST,
  TTL,
  UDP,
  VICTIM,
} = E;
const { innerVictim: HAS_INNER_VICTIM, port: HAS_PORT, signature: HAS_SIGNATURE, victim: HAS_VICTIM } = E.HAS;
const HAS_REPLY_PORTS = HAS_PORT | HAS_VICTIM;
const TCP = protocols.tcp;

/** Of a packet's facts, those that are counted: marks and spoof reasons (from bit 5) and the mismatch (bit 18), as twelve bits. */
const MARK_SHIFT = 5;
const MARK_BITS = 0x7ff;
const MISMATCH_SHIFT = 7;
const MISMATCH_BIT = FACT.mismatch >>> MISMATCH_SHIFT;

/** Words that precede the entries in their buffer: large buffers begin 16 bytes into a page, and an entry is to fill whole cache lines. */
const LEAD = 12;

export interface Sizes {
  readonly capacity: number;
  readonly places: number;
  readonly small: number;
  readonly big: number;
}
/** What a table of `capacity` rows is made of. */
export const sizesOf = (capacity: number): Sizes => ({
  capacity,
  places: 2 ** Math.ceil(Math.log2(2 * capacity)),
  // Never fewer than one packet may need.
  small: Math.max(8, capacity >>> 2),
  big: Math.max(64, capacity >>> 7),
});

/** Bytes of the entries, their index and their pools. */
export const entriesBytes = ({ capacity, places, small, big }: Sizes): number =>
  capacity * (2 * 4 * ENTRY_WORDS + ORDER_BYTES) + 2 * 4 * LEAD + places * 4 + small * 513 + big * 8194;

/** The rows of a flow table, found by key. It knows no interval: the table sees that all entries are of one. */
export class Entries {
  /** The first halves of the entries (entry.ts), in three views. */
  readonly words: Int32Array;
  readonly shorts: Uint16Array;
  readonly floats: Float64Array;
  /** The second halves. */
  readonly rest: Int32Array;
  readonly #restShorts: Uint16Array;
  readonly small: SmallSets;
  readonly big: BigSets;
  readonly bytes: number;
  rows = 0;
  readonly #order: SourceOrder;
  /** Keeps the compiler from dropping the loads of `approach`. */
  touched = 0;
  readonly #capacity: number;
  /** Open addressing: 0, or the high bits of the hash above the entry's number + 1. */
  readonly #index: Int32Array;
  readonly #entryMask: number;
  readonly #copied = new Int32Array(SMALL_ROOM);

  constructor(sizes: Sizes, seed: number) {
    this.bytes = entriesBytes(sizes);
    this.#order = new SourceOrder(sizes.capacity);
    this.#capacity = sizes.capacity;
    const length = sizes.capacity * ENTRY_WORDS;
    const lead = 4 * LEAD;
    this.words = new Int32Array(new ArrayBuffer(lead + 4 * length), lead, length);
    this.shorts = new Uint16Array(this.words.buffer, lead, 2 * length);
    this.floats = new Float64Array(this.words.buffer, lead, length / 2);
    this.rest = new Int32Array(new ArrayBuffer(lead + 4 * length), lead, length);
    this.#restShorts = new Uint16Array(this.rest.buffer, lead, 2 * length);
    this.#index = new Int32Array(sizes.places);
    this.#entryMask = sizes.places - 1;
    this.small = new SmallSets(sizes.small, seed);
    this.big = new BigSets(sizes.big);
  }

  /** So many packets find room for anything that each may need: a row, two port sets and a token set of either size. */
  room(): number {
    const small = Math.floor((this.small.slots - this.small.used) / 3);
    return Math.max(0, Math.min(this.#capacity - this.rows, small, this.big.slots - this.big.used));
  }

  /** Room for anything that a packet of a row that is there may need. */
  hasPools(): boolean {
    return this.small.used + 3 <= this.small.slots && this.big.used < this.big.slots;
  }

  /** The rows' numbers in the order of their sources, those of one source as they came. Good until the next call. */
  inOrder(): Uint32Array {
    return this.#order.of(this.words, this.rows);
  }

  /** Forgets all rows; takes as long as there were rows, not as the table is large. */
  clear(): void {
    const index = this.#index;
    if (this.rows * 8 < index.length)
      for (let row = 0; row < this.rows; row++) index[this.words[(row << ENTRY_SHIFT) + PLACE]!] = 0;
    else index.fill(0);
    this.rows = 0;
    this.small.clear();
    this.big.clear();
  }

  /**
   * Reads what the next packets will need and uses none of it: these loads do not wait for one another, as those of packets
   * that are counted in turn do. Worth a tenth of the whole time when the table is larger than the caches.
   */
  approach(hashes: Int32Array, tokens: Int32Array, from: number, n: number): number {
    const words = this.words;
    const bigWords = this.big.words;
    const index = this.#index;
    const mask = this.#entryMask;
    const end = Math.min(n, from + 16);
    let sum = 0;
    for (let k = from; k < end; k++) {
      const number = index[hashes[k]! & mask]! & mask;
      const base = number === 0 ? 0 : (number - 1) << ENTRY_SHIFT;
      const state = words[base + TOKENS]!;
      const place = (state & BIG) === 0 ? 0 : this.big.placeOf(state & SLOT_MASK, tokens[k]!);
      sum ^= words[base]! ^ bigWords[place]!;
    }
    this.touched = sum;
    return end;
  }

  /** Where the entry of this key begins, or the complement of the free place in the index that it would take. */
  find({ src, signature, innerDst }: PacketBatch, i: number, hash: number, key: number, has: number): number {
    const words = this.words;
    const rest = this.rest;
    const index = this.#index;
    const mask = this.#entryMask;
    const at = 4 * i;
    let place = hash & mask;
    for (;;) {
      const word = index[place]!;
      if (word === 0) return ~place;
      if (((word ^ hash) & ~mask) === 0) {
        const base = ((word & mask) - 1) << ENTRY_SHIFT;
        if (
          words[base] === hash &&
          words[base + SRC + 3] === (src[at + 3]! | 0) &&
          words[base + META] === key &&
          words[base + EXTRA] === has &&
          words[base + SRC + 2] === (src[at + 2]! | 0) &&
          words[base + SRC + 1] === (src[at + 1]! | 0) &&
          words[base + SRC] === (src[at]! | 0) &&
          ((has & HAS_SIGNATURE) === 0 ||
            (words[base + SIGNATURE] === (signature[2 * i]! | 0) &&
              words[base + SIGNATURE + 1] === (signature[2 * i + 1]! | 0))) &&
          ((has & HAS_INNER_VICTIM) === 0 ||
            (rest[base + VICTIM + 3] === (innerDst[at + 3]! | 0) &&
              rest[base + VICTIM + 2] === (innerDst[at + 2]! | 0) &&
              rest[base + VICTIM + 1] === (innerDst[at + 1]! | 0) &&
              rest[base + VICTIM] === (innerDst[at]! | 0)))
        )
          return base;
      }
      place = (place + 1) & mask;
    }
  }

  /** A new entry with nothing counted. Every word that emit.ts reads is written, here or with the first packet. */
  create(
    { src, signature, innerDst }: PacketBatch,
    i: number,
    hash: number,
    key: number,
    has: number,
    place: number,
  ): number {
    const words = this.words;
    const base = this.rows << ENTRY_SHIFT;
    this.rows++;
    this.#index[place] = (hash & ~this.#entryMask) | this.rows;
    const at = 4 * i;
    words[base] = hash;
    words[base + SRC] = src[at]!;
    words[base + SRC + 1] = src[at + 1]!;
    words[base + SRC + 2] = src[at + 2]!;
    words[base + SRC + 3] = src[at + 3]!;
    words[base + META] = key;
    words[base + EXTRA] = has;
    const signed = (has & HAS_SIGNATURE) !== 0;
    words[base + SIGNATURE] = signed ? signature[2 * i]! : 0;
    words[base + SIGNATURE + 1] = signed ? signature[2 * i + 1]! : 0;
    if ((has & HAS_INNER_VICTIM) !== 0) for (let j = 0; j < 4; j++) this.rest[base + VICTIM + j] = innerDst[at + j]!;
    words[base + PACKETS] = 0;
    words[base + BYTES] = 0;
    words[base + BYTES + 1] = 0;
    words[base + FIRST] = 0x7fffffff;
    words[base + LAST] = 0;
    words[base + TTL] = 255;
    words[base + UDP] = 65535;
    words[base + TOKENS] = 0;
    words[base + SRC_PORTS] = 0;
    words[base + PLACE] = place;
    if ((has & HAS_REPLY_PORTS) === HAS_REPLY_PORTS) this.rest[base + DST_PORTS] = 0;
    return base;
  }

  /** Counts one packet into the entry at `base`. */
  count(packets: PacketBatch, i: number, base: number, offset: number, fact: number, token: number): void {
    const words = this.words;
    const seen = words[base + PACKETS]!;
    words[base + PACKETS] = (seen + 1) | 0;
    this.floats[(base + BYTES) >>> 1]! += packets.bytes[i]!;
    if (offset < words[base + FIRST]!) words[base + FIRST] = offset;
    if (offset > words[base + LAST]!) words[base + LAST] = offset;
    const ttl = packets.ttl[i]!;
    const kind = words[base + META]! >>> 24;
    const has = words[base + EXTRA]!;
    const old = words[base + TTL]!;
    let low = old & 255;
    let high = (old >>> 8) & 255;
    if (ttl < low) low = ttl;
    if (ttl > high) high = ttl;
    let flags = old >>> 16;
    if ((has & HAS_PORT) !== 0) {
      const from = packets.srcPort[i]!;
      let told = from;
      if ((has & HAS_VICTIM) !== 0) {
        const to = packets.dstPort[i]!;
        // Of a reply the source port is the row's port already; where it was sent to tells an echo from a scan.
        if (kind === TCP) told = to;
        this.rest[base + DST_PORTS] = this.#port(
          this.#restShorts,
          2 * (base + DST_LIST),
          this.rest[base + DST_PORTS]!,
          to,
        );
      }
      if (seen < SAMPLES && seen >= 0) this.shorts[2 * (base + SAMPLE_PORTS) + seen] = told;
      const state = words[base + SRC_PORTS]!;
      // Nearly always the port of the packet before.
      if (state === 0 || state > INLINE_PORTS || this.shorts[2 * (base + SRC_LIST) + state - 1] !== from)
        words[base + SRC_PORTS] = this.#port(this.shorts, 2 * (base + SRC_LIST), state, from);
      if (kind === TCP) flags |= packets.tcpFlags[i]!;
      else {
        const length = packets.udpLength[i]!;
        const lengths = words[base + UDP]!;
        let least = lengths & 0xffff;
        let most = lengths >>> 16;
        if (length < least) least = length;
        if (length > most) most = length;
        words[base + UDP] = least | (most << 16);
      }
    }
    words[base + TTL] = low | (high << 8) | (flags << 16);
    if (seen < SAMPLES && seen >= 0) words[base + SAMPLE_TIMES + seen] = offset;
    const marked = ((fact >>> MARK_SHIFT) & MARK_BITS) | ((fact >>> MISMATCH_SHIFT) & MISMATCH_BIT);
    if (seen === 0) words[base + MARKS] = marked;
    else if (marked !== words[base + MARKS]) this.#mark(base, seen, marked);
    const state = words[base + TOKENS]!;
    if (state <= NEAR_TOKENS) {
      const list = base + TOKEN_LIST;
      for (let j = 0; j < state; j++) if (words[list + j] === token) return;
      if (state < NEAR_TOKENS) {
        words[list + state] = token;
        words[base + TOKENS] = state + 1;
        return;
      }
    }
    this.#token(base, state, token);
  }

  /** Counts marks of a packet that has others than the `seen` before it, or came after one that had. */
  #mark(base: number, seen: number, marked: number): void {
    const rest = this.rest;
    const marks = this.words[base + MARKS]!;
    if (marks !== COUNTED) {
      for (let j = 0; j < COUNTED_BITS; j++) rest[base + COUNTERS + j] = seen & -((marks >>> j) & 1);
      this.words[base + MARKS] = COUNTED;
    }
    // Few bits are ever set: one step a bit.
    for (let bits = marked; bits !== 0; bits &= bits - 1) rest[base + COUNTERS + 31 - Math.clz32(bits & -bits)]!++;
  }

  /** Adds a token to a set that has no room left in the first half of its entry. */
  #token(base: number, state: number, token: number): void {
    const words = this.words;
    const small = this.small;
    let now = state;
    if (state <= INLINE_TOKENS) {
      const rest = this.rest;
      const list = base + TOKEN_LIST;
      const more = base + MORE_TOKENS - NEAR_TOKENS;
      if (state > NEAR_TOKENS) for (let j = 0; j < NEAR_TOKENS; j++) if (words[list + j] === token) return;
      for (let j = NEAR_TOKENS; j < state; j++) if (rest[more + j] === token) return;
      if (state < INLINE_TOKENS) {
        rest[more + state] = token;
        words[base + TOKENS] = state + 1;
        return;
      }
      const slot = small.take();
      for (let j = 0; j < NEAR_TOKENS; j++) small.add(slot, words[list + j]!);
      for (let j = NEAR_TOKENS; j < INLINE_TOKENS; j++) small.add(slot, rest[more + j]!);
      now = SMALL | slot;
    }
    if ((now & SMALL) !== 0) {
      const slot = now & SLOT_MASK;
      if (!small.add(slot, token)) {
        const bigger = this.big.take();
        const count = small.copy(slot, this.#copied, 0);
        for (let j = 0; j < count; j++) this.big.add(bigger, this.#copied[j]!);
        this.big.add(bigger, token);
        now = BIG | bigger;
      }
    } else this.big.add(now & SLOT_MASK, token);
    words[base + TOKENS] = now;
  }

  /** Adds a port to a set, whose list stands in `shorts` at `from`; gives the set's new state. */
  #port(shorts: Uint16Array, from: number, state: number, port: number): number {
    if (state > INLINE_PORTS) {
      this.small.addPort(state & SLOT_MASK, port);
      return state;
    }
    for (let j = 0; j < state; j++) if (shorts[from + j] === port) return state;
    if (state < INLINE_PORTS) {
      shorts[from + state] = port;
      return state + 1;
    }
    const slot = this.small.take();
    for (let j = 0; j < INLINE_PORTS; j++) this.small.addPort(slot, shorts[from + j]!);
    this.small.addPort(slot, port);
    return SMALL | slot;
  }
}
