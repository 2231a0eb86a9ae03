// SPDX-License-Identifier: Apache-2.0
import { aggregateColumns, emptyColumns } from "../model/flows.ts";
import type { AggregateRows, FlowBatch } from "../model/flows.ts";
import type { PacketBatch } from "../model/packets.ts";
import { protocols } from "../model/traffic.ts";
import type { IpWords } from "../net/ip.ts";
import { Aggregates } from "./aggregate.ts";
import { classify, FACT } from "./classify.ts";
import type { DarkSet } from "./dark.ts";
import { Emitter } from "./emit.ts";
import * as E from "./entry.ts";
import { BigSets, SMALL_ROOM, SmallSets } from "./pools.ts";
import { choose, prepare, prepared } from "./prepare.ts";
import type { Prepared } from "./prepare.ts";
import { tokenKey, Tokens } from "./token.ts";

// Constants of other modules are copied: the compiler folds only what is constant in the module itself.
const {
  ENTRY_WORDS,
  ENTRY_SHIFT,
  SRC,
  META,
  EXTRA,
  SIGNATURE,
  VICTIM,
  PACKETS,
  BYTES,
  FIRST,
  LAST,
  TTL,
  UDP,
  TOKENS,
  SRC_PORTS,
  DST_PORTS,
  SRC_LIST,
  DST_LIST,
  PLACE,
  MISMATCHES,
  MIRAI,
  ZMAP,
  MASSCAN,
  TOKEN_LIST,
  SAMPLE_TIMES,
  SAMPLE_PORTS,
  STATELESS,
  SPOOFS,
  INLINE_TOKENS,
  INLINE_PORTS,
  SAMPLES,
  SMALL,
  BIG,
  SLOT_MASK,
} = E;
const { innerVictim: HAS_INNER_VICTIM, port: HAS_PORT, signature: HAS_SIGNATURE } = E.HAS;
const { backscatter: FACT_BACKSCATTER, mismatch: FACT_MISMATCH } = FACT;
const TCP = protocols.tcp;

export interface FlowTableOptions {
  readonly sensor: string;
  /** "" is the shared realm. */
  readonly realm: string;
  /** "" is real. */
  readonly exercise: string;
  /** Microseconds, whole, at most 30 minutes. */
  readonly intervalLength: number;
  /** 16 secret bytes that never leave the sensor; derive them from its secret for this purpose alone (docs/decisions). */
  readonly key: Uint8Array;
  /** The declared dark prefixes; null takes every destination for dark. */
  readonly dark: DarkSet | null;
  /** Rows held at a time; memory follows from it (`flowTableBytes`). Default 65,536. */
  readonly capacity?: number;
  /** How often a full table may flush early in one interval before new keys are folded into aggregates. Default 4. */
  readonly earlyFlushes?: number;
  /** Most rows in one batch. Default 16,384. */
  readonly batchRows?: number;
  /** Takes one batch. Its arrays are the table's and are reused: they are valid until this returns. */
  readonly onFlush: (batch: FlowBatch) => void;
  /**
   * Told when a packet's source lies in a dark prefix: a dark address that speaks, or somebody who forges it. At most once
   * an address and interval, and for at most 1,024 addresses an interval. The caller raises the alarm and may retire it.
   */
  readonly onSpeaks?: (address: IpWords, time: number) => void;
}

/** Packets: added = counted + notDark + fromDark + retired, and counted = packets of all flow rows + folded. */
export interface FlowCounters {
  /** In flow rows or aggregates, handed on or still held. */
  counted: number;
  /** Of `counted`, those in aggregate rows. */
  folded: number;
  /** Sent to addresses that are not declared dark. */
  notDark: number;
  /** Sent from an address inside a dark prefix. */
  fromDark: number;
  /** Sent to a retired dark address. */
  retired: number;
  /** Rows and batches handed on. */
  rows: number;
  batches: number;
  earlyFlushes: number;
  /** Intervals in which packets were folded. */
  degradedIntervals: number;
}

export interface FlowTable {
  readonly counters: Readonly<FlowCounters>;
  /** Bytes that the table's memory takes, all pools and columns included. */
  readonly bytes: number;
  /** Adds all packets of a batch; reads it and keeps nothing of it. May hand on batches before it returns. */
  add(packets: PacketBatch): void;
  /** Hands on what is held. The interval stays open: later packets of it make further rows. */
  flush(): void;
}

const DEFAULT_ROWS = 65536;
const MAX_INTERVAL = 1_800_000_000;
const MAX_SPEAKERS = 1024;

interface Sizes {
  readonly capacity: number;
  readonly batchRows: number;
  readonly places: number;
  readonly small: number;
  readonly big: number;
}
const sizesOf = (capacity: number, batchRows: number): Sizes => ({
  capacity,
  batchRows: Math.min(capacity, batchRows),
  places: 2 ** Math.ceil(Math.log2(2 * capacity)),
  // Never fewer than one packet may need.
  small: Math.max(8, capacity >>> 2),
  big: Math.max(64, capacity >>> 7),
});

/**
 * The limit of a table's memory in bytes: for each row 256 in the table, 8 to 16 in the index, 128 for small sets (one for
 * four rows) and 64 for big ones (one for 128 rows, at least 64 in all), so 456 to 464 a row; and for each row of a batch about 320. A storm adds 3.5 MB once.
 */
export const flowTableBytes = (capacity = DEFAULT_ROWS, batchRows = 16384): number => {
  const sizes = sizesOf(capacity, batchRows);
  return (
    capacity * 4 * ENTRY_WORDS +
    sizes.places * 4 +
    sizes.small * 513 +
    sizes.big * 8194 +
    new Emitter(sizes.batchRows).size
  );
};

const none = (): void => {};
const NO_AGGREGATES: AggregateRows = { count: 0, columns: emptyColumns(aggregateColumns, 0) };
/** Facts that are counted: marks, spoof reasons, the mismatch. */
const MARKED = 0xffe0 | FACT_MISMATCH;

/** A flow table. Throws a RangeError for options out of range. */
export const createFlowTable = (options: FlowTableOptions): FlowTable => new Table(options);

class Table implements FlowTable {
  readonly counters: FlowCounters = {
    counted: 0,
    folded: 0,
    notDark: 0,
    fromDark: 0,
    retired: 0,
    rows: 0,
    batches: 0,
    earlyFlushes: 0,
    degradedIntervals: 0,
  };
  readonly #options: FlowTableOptions;
  readonly #capacity: number;
  readonly #length: number;
  readonly #earlyLimit: number;
  readonly #words: Int32Array;
  readonly #shorts: Uint16Array;
  readonly #floats: Float64Array;
  /** Open addressing: 0, or the high bits of the hash above the entry's number + 1. */
  readonly #index: Int32Array;
  readonly #entryMask: number;
  readonly #small: SmallSets;
  readonly #big: BigSets;
  readonly #tokens: Tokens;
  readonly #seeds: Int32Array;
  readonly #emitter: Emitter;
  readonly #copied = new Int32Array(SMALL_ROOM);
  readonly #aggregates = new Aggregates();
  #work: Prepared = prepared(0);
  /** Keeps the compiler from dropping the loads of `#approach`. */
  touched = 0;
  #rows = 0;
  #start = 0;
  #end = -1;
  #early = 0;
  #degraded = false;
  readonly #speakers = new Set<string>();
  #speakersOf = -1;
  readonly #speaks: (packets: PacketBatch, i: number) => void;

  constructor(options: FlowTableOptions) {
    const { capacity = DEFAULT_ROWS, batchRows = 16384, intervalLength, onSpeaks } = options;
    if (!Number.isInteger(capacity) || capacity < 16 || capacity > 1 << 22)
      throw new RangeError("a flow table has 16 to 4,194,304 rows");
    if (!Number.isInteger(intervalLength) || intervalLength < 1 || intervalLength > MAX_INTERVAL)
      throw new RangeError("a flow interval has 1 microsecond to 30 minutes");
    const sizes = sizesOf(capacity, batchRows);
    this.#options = options;
    this.#capacity = capacity;
    this.#length = intervalLength;
    this.#earlyLimit = options.earlyFlushes ?? 4;
    this.#words = new Int32Array(capacity * ENTRY_WORDS);
    this.#shorts = new Uint16Array(this.#words.buffer);
    this.#floats = new Float64Array(this.#words.buffer);
    this.#index = new Int32Array(sizes.places);
    this.#entryMask = sizes.places - 1;
    this.#tokens = new Tokens(tokenKey(options.key));
    this.#seeds = Int32Array.from(this.#tokens.seeds());
    this.#small = new SmallSets(sizes.small, this.#seeds[3]!);
    this.#big = new BigSets(sizes.big);
    this.#emitter = new Emitter(sizes.batchRows);
    this.#speaks = onSpeaks === undefined ? none : (packets, i) => this.#report(packets, i, onSpeaks);
  }

  get bytes(): number {
    return flowTableBytes(this.#capacity, this.#options.batchRows);
  }

  add(packets: PacketBatch): void {
    if (this.#work.capacity < packets.count) this.#work = prepared(packets.capacity);
    const work = this.#work;
    classify(packets, work.facts);
    const n = choose(packets, this.#options.dark, work, this.counters, this.#speaks);
    prepare(packets, work, n, this.#tokens, this.#seeds);
    this.counters.counted += n;
    // Runs of packets of one interval; nearly always the whole batch is one.
    let k = 0;
    while (k < n) {
      const time = packets.times[work.chosen[k]!]!;
      if (!(time >= this.#start && time < this.#end)) this.#open(time);
      let room = true;
      if (!this.#hasRoom()) {
        if (this.#early < this.#earlyLimit) {
          this.#early++;
          this.counters.earlyFlushes++;
          this.#emit();
        } else room = false;
      }
      k = room ? this.#fill(packets, work, k, n) : this.#spill(packets, work, k, n);
    }
  }

  flush(): void {
    this.#emit();
  }

  /** Room for anything that one packet may need: a row, two port sets and a token set of either size. */
  #hasRoom(): boolean {
    return this.#rows < this.#capacity && this.#small.used + 3 <= this.#small.slots && this.#big.used < this.#big.slots;
  }

  #open(time: number): void {
    this.#emit();
    this.#start = Math.floor(time / this.#length) * this.#length;
    this.#end = this.#start + this.#length;
    this.#early = 0;
    this.#degraded = false;
  }

  /** Counts packets into rows from `from` on while the interval lasts and there is room; gives the first one that is left. */
  #fill(packets: PacketBatch, work: Prepared, from: number, n: number): number {
    const { times } = packets;
    const { chosen, hashes, meta, extra, facts, tokens } = work;
    const start = this.#start;
    const end = this.#end;
    let k = from;
    let near = from;
    for (; k < n; k++) {
      const i = chosen[k]!;
      const time = times[i]!;
      if (!(time >= start && time < end) || !this.#hasRoom()) break;
      if (k === near) near = this.#approach(hashes, k, n);
      const hash = hashes[k]!;
      const key = meta[k]!;
      const has = extra[k]!;
      let base = this.#find(packets, i, hash, key, has);
      if (base < 0) base = this.#create(packets, i, hash, key, has, ~base);
      this.#count(packets, i, base, (time - start) | 0, facts[i]!, tokens[k]!);
    }
    return k;
  }

  /**
   * Reads what the next packets will need and uses none of it: these loads do not wait for one another, as those of packets
   * that are counted in turn do. Worth a tenth of the whole time when the table is larger than the caches.
   */
  #approach(hashes: Int32Array, from: number, n: number): number {
    const words = this.#words;
    const index = this.#index;
    const mask = this.#entryMask;
    const end = Math.min(n, from + 16);
    let sum = 0;
    for (let k = from; k < end; k++) {
      const number = index[hashes[k]! & mask]! & mask;
      const base = number === 0 ? 0 : (number - 1) << ENTRY_SHIFT;
      sum ^= words[base]! ^ words[base + FIRST]! ^ words[base + TOKEN_LIST]!;
    }
    this.touched = sum;
    return end;
  }

  /** As `#fill` when a storm has used up the table: rows that are there go on while the pools last, all else is folded. */
  #spill(packets: PacketBatch, work: Prepared, from: number, n: number): number {
    const { times, src, bytes } = packets;
    const { chosen, hashes, meta, extra, facts, tokens } = work;
    const start = this.#start;
    const end = this.#end;
    if (!this.#degraded) this.counters.degradedIntervals++;
    this.#degraded = true;
    let k = from;
    for (; k < n; k++) {
      const i = chosen[k]!;
      const time = times[i]!;
      if (!(time >= start && time < end)) break;
      const pooled = this.#small.used + 3 <= this.#small.slots && this.#big.used < this.#big.slots;
      const base = pooled ? this.#find(packets, i, hashes[k]!, meta[k]!, extra[k]!) : -1;
      if (base >= 0) this.#count(packets, i, base, (time - start) | 0, facts[i]!, tokens[k]!);
      else {
        this.counters.folded++;
        const hasPort = (extra[k]! & HAS_PORT) !== 0;
        this.#aggregates.add(meta[k]!, hasPort, time, bytes[i]!, this.#tokens.source(src, 4 * i));
      }
    }
    return k;
  }

  /** Where the entry of this key begins, or the complement of the free place in the index that it would take. */
  #find({ src, signature, innerDst }: PacketBatch, i: number, hash: number, key: number, has: number): number {
    const words = this.#words;
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
            (words[base + VICTIM + 3] === (innerDst[at + 3]! | 0) &&
              words[base + VICTIM + 2] === (innerDst[at + 2]! | 0) &&
              words[base + VICTIM + 1] === (innerDst[at + 1]! | 0) &&
              words[base + VICTIM] === (innerDst[at]! | 0)))
        )
          return base;
      }
      place = (place + 1) & mask;
    }
  }

  /** A new entry with nothing counted. Every word that emit.ts reads is written. */
  #create(
    { src, signature, innerDst }: PacketBatch,
    i: number,
    hash: number,
    key: number,
    has: number,
    place: number,
  ): number {
    const words = this.#words;
    const base = this.#rows << ENTRY_SHIFT;
    this.#rows++;
    this.#index[place] = (hash & ~this.#entryMask) | this.#rows;
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
    if ((has & HAS_INNER_VICTIM) !== 0) for (let j = 0; j < 4; j++) words[base + VICTIM + j] = innerDst[at + j]!;
    words[base + PACKETS] = 0;
    words[base + BYTES] = 0;
    words[base + BYTES + 1] = 0;
    words[base + FIRST] = 0x7fffffff;
    words[base + LAST] = 0;
    words[base + TTL] = 255;
    words[base + UDP] = 65535;
    words[base + TOKENS] = 0;
    words[base + SRC_PORTS] = 0;
    words[base + DST_PORTS] = 0;
    words[base + PLACE] = place;
    words[base + MISMATCHES] = 0;
    words[base + MIRAI] = 0;
    words[base + ZMAP] = 0;
    words[base + MASSCAN] = 0;
    for (let j = STATELESS; j < SPOOFS + 7; j++) words[base + j] = 0;
    return base;
  }

  /** Counts one packet into the entry at `base`. */
  #count(packets: PacketBatch, i: number, base: number, offset: number, fact: number, token: number): void {
    const words = this.#words;
    const seen = words[base + PACKETS]!;
    words[base + PACKETS] = (seen + 1) | 0;
    this.#floats[(base + BYTES) >>> 1]! += packets.bytes[i]!;
    if (offset < words[base + FIRST]!) words[base + FIRST] = offset;
    if (offset > words[base + LAST]!) words[base + LAST] = offset;
    const ttl = packets.ttl[i]!;
    const kind = words[base + META]! >>> 24;
    const old = words[base + TTL]!;
    let low = old & 255;
    let high = (old >>> 8) & 255;
    if (ttl < low) low = ttl;
    if (ttl > high) high = ttl;
    let flags = old >>> 16;
    if ((words[base + EXTRA]! & HAS_PORT) !== 0) {
      const from = packets.srcPort[i]!;
      if (seen < SAMPLES && seen >= 0) this.#shorts[2 * (base + SAMPLE_PORTS) + seen] = from;
      this.#port(base, SRC_PORTS, SRC_LIST, from);
      if ((fact & FACT_BACKSCATTER) !== 0) this.#port(base, DST_PORTS, DST_LIST, packets.dstPort[i]!);
      else words[base + DST_PORTS] = 1;
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
    if ((fact & MARKED) !== 0) this.#mark(base, fact);
    const state = words[base + TOKENS]!;
    if (state <= INLINE_TOKENS) {
      const list = base + TOKEN_LIST;
      for (let j = 0; j < state; j++) if (words[list + j] === token) return;
      if (state < INLINE_TOKENS) {
        words[list + state] = token;
        words[base + TOKENS] = state + 1;
        return;
      }
    }
    this.#token(base, state, token);
  }

  #mark(base: number, fact: number): void {
    const words = this.#words;
    words[base + MIRAI]! += (fact >>> 5) & 1;
    words[base + ZMAP]! += (fact >>> 6) & 1;
    words[base + MASSCAN]! += (fact >>> 7) & 1;
    words[base + STATELESS]! += (fact >>> 8) & 1;
    for (let j = 0; j < 7; j++) words[base + SPOOFS + j]! += (fact >>> (9 + j)) & 1;
    if ((fact & FACT_MISMATCH) !== 0) words[base + MISMATCHES]!++;
  }

  /** Adds a token to a set that is no longer, or can no longer be, a list in the entry. */
  #token(base: number, state: number, token: number): void {
    const words = this.#words;
    const small = this.#small;
    let now = state;
    if (state === INLINE_TOKENS) {
      const slot = small.take();
      for (let j = 0; j < INLINE_TOKENS; j++) small.add(slot, words[base + TOKEN_LIST + j]!);
      now = SMALL | slot;
    }
    if ((now & SMALL) !== 0) {
      const slot = now & SLOT_MASK;
      if (!small.add(slot, token)) {
        const bigger = this.#big.take();
        const count = small.copy(slot, this.#copied, 0);
        for (let j = 0; j < count; j++) this.#big.add(bigger, this.#copied[j]!);
        this.#big.add(bigger, token);
        now = BIG | bigger;
      }
    } else this.#big.add(now & SLOT_MASK, token);
    words[base + TOKENS] = now;
  }

  #port(base: number, at: number, list: number, port: number): void {
    const state = this.#words[base + at]!;
    if (state <= INLINE_PORTS) {
      const shorts = this.#shorts;
      const from = 2 * (base + list);
      for (let j = 0; j < state; j++) if (shorts[from + j] === port) return;
      if (state < INLINE_PORTS) {
        shorts[from + state] = port;
        this.#words[base + at] = state + 1;
        return;
      }
      const slot = this.#small.take();
      for (let j = 0; j < INLINE_PORTS; j++) this.#small.addPort(slot, shorts[from + j]!);
      this.#small.addPort(slot, port);
      this.#words[base + at] = SMALL | slot;
    } else this.#small.addPort(state & SLOT_MASK, port);
  }

  /** Hands on all rows and aggregates, in one batch or several, and empties the table. */
  #emit(): void {
    const count = this.#rows;
    if (count === 0 && this.#aggregates.rows.count === 0) return;
    const entries = {
      words: this.#words,
      shorts: this.#shorts,
      floats: this.#floats,
      small: this.#small,
      big: this.#big,
    };
    this.#aggregates.settle();
    let from = 0;
    do {
      from = this.#emitter.copy(entries, this.#start, from, count);
      this.#hand(from === count ? this.#aggregates.rows : NO_AGGREGATES);
    } while (from < count);
    this.#aggregates.clear();
    if (count * 8 < this.#index.length)
      for (let row = 0; row < count; row++) this.#index[this.#words[(row << ENTRY_SHIFT) + PLACE]!] = 0;
    else this.#index.fill(0);
    this.#rows = 0;
    this.#small.clear();
    this.#big.clear();
  }

  #hand(aggregates: AggregateRows): void {
    const { sensor, realm, exercise, onFlush } = this.#options;
    const flows = this.#emitter.rows;
    this.counters.rows += flows.count;
    this.counters.batches++;
    onFlush({
      sensor,
      realm,
      exercise,
      interval: this.#start,
      intervalLength: this.#length,
      flows,
      aggregates,
      degraded: this.#degraded,
    });
  }

  #report({ src, times }: PacketBatch, i: number, onSpeaks: (address: IpWords, time: number) => void): void {
    const at = 4 * i;
    const address = [src[at]!, src[at + 1]!, src[at + 2]!, src[at + 3]!] as const;
    const text = address.join();
    const interval = Math.floor(times[i]! / this.#length);
    if (interval !== this.#speakersOf) this.#speakers.clear();
    this.#speakersOf = interval;
    if (this.#speakers.size >= MAX_SPEAKERS || this.#speakers.has(text)) return;
    this.#speakers.add(text);
    onSpeaks(address, times[i]!);
  }
}
