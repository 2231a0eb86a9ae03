// SPDX-License-Identifier: Apache-2.0
import { aggregateColumns, emptyColumns } from "../model/flows.ts";
import type { AggregateRows, FlowBatch } from "../model/flows.ts";
import type { PacketBatch } from "../model/packets.ts";
import type { IpWords } from "../net/ip.ts";
import { Aggregates } from "./aggregate.ts";
import { classify } from "./classify.ts";
import type { DarkSet } from "./dark.ts";
import { columnBytes, Emitter } from "./emit.ts";
import { entriesBytes, Entries, sizesOf } from "./entries.ts";
import { HAS } from "./entry.ts";
import { choose, HASH_SEEDS, prepare, prepared } from "./prepare.ts";
import type { Prepared } from "./prepare.ts";
import { tokenKey, Tokens } from "./token.ts";

export interface FlowTableOptions {
  readonly sensor: string;
  /** "" is the shared realm. */
  readonly realm: string;
  /** "" is real. */
  readonly exercise: string;
  /** Microseconds, whole, at most 30 minutes. */
  readonly intervalLength: number;
  /** 16 secret bytes that never leave the sensor; derived from its secret by HMAC-SHA256 (docs/decisions/0003-tokens.md). */
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
const DEFAULT_BATCH = 16384;
const MAX_INTERVAL = 1_800_000_000;
/** The year 2200, which is as far as batches tell time. A packet from beyond counts as one of 1970. */
const MAX_TIME = 7_258_118_400_000_000;
const MAX_SPEAKERS = 1024;

/**
 * The limit of a table's memory in bytes. A row takes 256 in two halves of the table, 12 to be put in order, 8 to 16 in the index, 128 for small sets (one for
 * four rows) and 64 for big ones (one for 128 rows, at least 64 in all): 468 to 476. A row of a batch takes about 190. With the
 * defaults that is 34.3 MB. A storm adds 3.5 MB once.
 */
export const flowTableBytes = (capacity = DEFAULT_ROWS, batchRows = DEFAULT_BATCH): number =>
  entriesBytes(sizesOf(capacity)) + columnBytes(Math.min(capacity, batchRows));

const none = (): void => {};
const NO_AGGREGATES: AggregateRows = { count: 0, columns: emptyColumns(aggregateColumns, 0) };
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
  readonly #length: number;
  readonly #earlyLimit: number;
  readonly #entries: Entries;
  readonly #tokens: Tokens;
  readonly #seeds: Int32Array;
  readonly #emitter: Emitter;
  readonly #aggregates = new Aggregates();
  #work: Prepared = prepared(0);
  #start = 0;
  #end = -1;
  #early = 0;
  #degraded = false;
  readonly #speakers = new Set<string>();
  #speakersOf = -1;
  readonly #speaks: (packets: PacketBatch, i: number) => void;

  constructor(options: FlowTableOptions) {
    const { capacity = DEFAULT_ROWS, batchRows = DEFAULT_BATCH, intervalLength, onSpeaks } = options;
    if (!Number.isInteger(capacity) || capacity < 16 || capacity > 1 << 22)
      throw new RangeError("a flow table has 16 to 4,194,304 rows");
    if (!Number.isInteger(intervalLength) || intervalLength < 1 || intervalLength > MAX_INTERVAL)
      throw new RangeError("a flow interval has 1 microsecond to 30 minutes");
    const sizes = sizesOf(capacity);
    this.#options = options;
    this.#length = intervalLength;
    this.#earlyLimit = options.earlyFlushes ?? 4;
    this.#tokens = new Tokens(tokenKey(options.key));
    // The fourth word is that of the sets, whose estimates rows tell.
    const seeds = this.#tokens.seeds(4 + HASH_SEEDS);
    this.#seeds = Int32Array.from(seeds.subarray(4));
    this.#entries = new Entries(sizes, seeds[3]!);
    this.#emitter = new Emitter(Math.min(capacity, batchRows));
    this.#speaks = onSpeaks === undefined ? none : (packets, i) => this.#report(packets, i, onSpeaks);
  }

  get bytes(): number {
    return this.#entries.bytes + this.#emitter.bytes;
  }

  add(packets: PacketBatch): void {
    if (this.#work.capacity < packets.count) this.#work = prepared(packets.capacity);
    const work = this.#work;
    classify(packets, work.facts);
    const n = choose(packets, this.#options.dark, work, this.counters, this.#speaks);
    if (!this.#inOrder(packets, work.chosen, n)) this.#sort(packets, work.chosen, n);
    prepare(packets, work, n, this.#tokens, this.#seeds);
    this.counters.counted += n;
    // Runs of packets of one interval; nearly always the whole batch is one.
    let k = 0;
    while (k < n) {
      const i = work.chosen[k]!;
      const time = packets.times[i]!;
      if (!(time >= this.#start && time < this.#end)) this.#open(time);
      let room = true;
      if (this.#entries.room() === 0) {
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

  /** Whether no packet belongs to an earlier interval than one before it. Mends impossible times. */
  #inOrder({ times }: PacketBatch, chosen: Uint32Array, n: number): boolean {
    let start = this.#start;
    let end = this.#end;
    let ordered = true;
    for (let k = 0; k < n; k++) {
      const i = chosen[k]!;
      const time = times[i]!;
      if (time >= start && time < end) continue;
      if (!(time >= 0 && time < MAX_TIME)) times[i] = 0;
      if (times[i]! < start) ordered = false;
      start = Math.floor(times[i]! / this.#length) * this.#length;
      end = start + this.#length;
    }
    return ordered;
  }

  /**
   * Puts the packets of each interval together, the open one first, and leaves their order inside it: packets that come out
   * of order around a border would otherwise flush the table at each change. Rare, so it may allocate.
   */
  #sort({ times }: PacketBatch, chosen: Uint32Array, n: number): void {
    const intervalOf = (i: number): number => {
      const start = Math.floor(times[i]! / this.#length) * this.#length;
      return start === this.#start ? -1 : start;
    };
    const keys = Float64Array.from(chosen.subarray(0, n), intervalOf);
    const order = Uint32Array.from(keys, (_, k) => k).sort((a, b) => keys[a]! - keys[b]! || a - b);
    chosen.set(Uint32Array.from(order, (k) => chosen[k]!));
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
    const entries = this.#entries;
    const start = this.#start;
    const end = this.#end;
    let k = from;
    let near = from;
    let sure = from;
    for (; k < n; k++) {
      const i = chosen[k]!;
      const time = times[i]!;
      if (!(time >= start && time < end)) break;
      if (k === sure) {
        sure = Math.min(n, k + entries.room());
        if (k === sure) break;
      }
      if (k === near) near = entries.approach(hashes, tokens, k, n);
      const hash = hashes[k]!;
      const key = meta[k]!;
      const has = extra[k]!;
      let base = entries.find(packets, i, hash, key, has);
      if (base < 0) base = entries.create(packets, i, hash, key, has, ~base);
      entries.count(packets, i, base, (time - start) | 0, facts[i]!, tokens[k]!);
    }
    return k;
  }

  /** As `#fill` when a storm has used up the table: rows that are there go on while the pools last, all else is folded. */
  #spill(packets: PacketBatch, work: Prepared, from: number, n: number): number {
    const { times, src, bytes } = packets;
    const { chosen, hashes, meta, extra, facts, tokens } = work;
    const entries = this.#entries;
    const start = this.#start;
    const end = this.#end;
    if (!this.#degraded) this.counters.degradedIntervals++;
    this.#degraded = true;
    let k = from;
    for (; k < n; k++) {
      const i = chosen[k]!;
      const time = times[i]!;
      if (!(time >= start && time < end)) break;
      const pooled = entries.hasPools();
      const base = pooled ? entries.find(packets, i, hashes[k]!, meta[k]!, extra[k]!) : -1;
      if (base >= 0) entries.count(packets, i, base, (time - start) | 0, facts[i]!, tokens[k]!);
      else {
        this.counters.folded++;
        const hasPort = (extra[k]! & HAS.port) !== 0;
        this.#aggregates.add(meta[k]!, hasPort, time, bytes[i]!, this.#tokens.source(src, 4 * i));
      }
    }
    return k;
  }

  /** Hands on all rows and aggregates, in one batch or several, and empties the table. */
  #emit(): void {
    const entries = this.#entries;
    const count = entries.rows;
    if (count === 0 && this.#aggregates.rows.count === 0) return;
    this.#aggregates.settle();
    const order = entries.inOrder();
    let from = 0;
    do {
      from = this.#emitter.copy(entries, this.#start, order, from, count);
      this.#hand(from === count ? this.#aggregates.rows : NO_AGGREGATES);
    } while (from < count);
    this.#aggregates.clear();
    entries.clear();
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
