// SPDX-License-Identifier: Apache-2.0
import { emptyColumns, flowColumns } from "../model/flows.ts";
import type { FlowRows } from "../model/flows.ts";
import { estimateRegisters, EXACT, REGISTERS } from "../model/distinct.ts";
import type { Entries } from "./entries.ts";
import * as E from "./entry.ts";

// Constants of other modules are copied: the compiler folds only what is constant in the module itself.
const {
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
  MARKS,
  COUNTED,
  COUNTERS,
  TOKEN_LIST,
  MORE_TOKENS,
  NEAR_TOKENS,
  SAMPLE_TIMES,
  SAMPLE_PORTS,
  INLINE_TOKENS,
  SAMPLES,
  SMALL,
  BIG,
  SLOT_MASK,
} = E;
const { innerVictim: HAS_INNER_VICTIM, port: HAS_PORT, victim: HAS_VICTIM } = E.HAS;
const HAS_REPLY_PORTS = HAS_PORT | HAS_VICTIM;
const PORT_BIT = 24;

/** Rows with registers in one batch; the next one begins a new batch. */
const DENSE_ROWS = 64;

/** Entries that are copied together. */
const TOGETHER = 256;

/** Sorts the few tokens of one row in place, as unsigned numbers. */
const sortTokens = (tokens: Uint32Array, from: number, to: number): void => {
  if (to - from > 32) {
    tokens.subarray(from, to).sort();
    return;
  }
  for (let i = from + 1; i < to; i++) {
    const token = tokens[i]!;
    let j = i - 1;
    while (j >= from && tokens[j]! > token) {
      tokens[j + 1] = tokens[j]!;
      j--;
    }
    tokens[j + 1] = token;
  }
};

const bytesOf = (rows: FlowRows): number =>
  Object.values(rows.columns).reduce(
    (sum, { values, present, ends }) => sum + values.byteLength + (present?.byteLength ?? 0) + (ends?.byteLength ?? 0),
    0,
  );
/** Bytes that the columns of a batch of `rows` rows take. */
export const columnBytes = (rows: number): number => new Emitter(rows).bytes;

/** Copies entries of the flow table into columns, as many as one batch takes. Its columns are reused from batch to batch. */
export class Emitter {
  readonly rows: FlowRows;
  readonly #capacity: number;
  readonly #listed: number;
  /** Keeps the compiler from dropping the loads of `#approach`. */
  touched = 0;
  #tokensEnd = 0;
  #registersEnd = 0;
  #offsetsEnd = 0;
  #portsEnd = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#listed = Math.max(4 * capacity, 4 * EXACT);
    const columns = emptyColumns(flowColumns, capacity, this.#listed);
    columns.dst_registers.values = new Uint8Array(DENSE_ROWS * REGISTERS);
    this.rows = { count: 0, columns };
  }

  /** Bytes that the columns take. */
  get bytes(): number {
    return bytesOf(this.rows);
  }

  /** Fills the batch with entries `order[from]` to at most `order[count - 1]`; gives the first place that found no room. */
  copy(entries: Entries, interval: number, order: Uint32Array, from: number, count: number): number {
    const end = Math.min(count, from + this.#capacity);
    this.#tokensEnd = 0;
    this.#registersEnd = 0;
    this.#offsetsEnd = 0;
    this.#portsEnd = 0;
    let at = from;
    // A few entries at a time: they lie anywhere, and stay in the cache for all that is copied of them.
    while (at < end) {
      const stop = Math.min(end, at + TOGETHER);
      this.#approach(entries, order, at, stop);
      const copied = this.#lists(entries, order, from, at, stop);
      this.#numbers(entries, order, interval, from, at, copied);
      at = copied;
      if (copied < stop) break;
    }
    this.rows.count = at - from;
    return at;
  }

  /** Reads a little of entries that are about to be copied: these loads do not wait for one another. */
  #approach({ words }: Entries, order: Uint32Array, from: number, end: number): void {
    let sum = 0;
    for (let entry = from; entry < end; entry++) {
      const base = order[entry]! << ENTRY_SHIFT;
      sum ^= words[base]! ^ words[base + TOKENS]!;
    }
    this.touched = sum;
  }

  #lists(
    { words, shorts, rest, small, big }: Entries,
    order: Uint32Array,
    begin: number,
    from: number,
    end: number,
  ): number {
    const c = this.rows.columns;
    const tokens = c.dst_tokens.values;
    const registers = c.dst_registers.values;
    const offsets = c.sample_offsets.values;
    const ports = c.sample_ports.values;
    let tokensEnd = this.#tokensEnd;
    let registersEnd = this.#registersEnd;
    let offsetsEnd = this.#offsetsEnd;
    let portsEnd = this.#portsEnd;
    let entry = from;
    for (; entry < end; entry++) {
      const base = order[entry]! << ENTRY_SHIFT;
      const row = entry - begin;
      const state = words[base + TOKENS]!;
      let distinct = state;
      if (state <= INLINE_TOKENS) {
        if (tokensEnd + state > this.#listed) break;
        const near = state < NEAR_TOKENS ? state : NEAR_TOKENS;
        for (let i = 0; i < near; i++) tokens[tokensEnd + i] = words[base + TOKEN_LIST + i]!;
        for (let i = near; i < state; i++) tokens[tokensEnd + i] = rest[base + MORE_TOKENS - NEAR_TOKENS + i]!;
        if (state > 1) sortTokens(tokens, tokensEnd, tokensEnd + state);
        tokensEnd += state;
      } else {
        const slot = state & SLOT_MASK;
        const isBig = (state & BIG) !== 0;
        if (isBig && big.isDense(slot)) {
          if (registersEnd + REGISTERS > registers.length) break;
          const view = big.registers(slot);
          registers.set(view, registersEnd);
          registersEnd += REGISTERS;
          distinct = Math.round(estimateRegisters(view));
        } else {
          distinct = isBig ? big.size(slot) : small.counts[slot]!;
          if (tokensEnd + distinct > this.#listed) break;
          if (isBig) big.copy(slot, tokens, tokensEnd);
          else small.copy(slot, tokens, tokensEnd);
          sortTokens(tokens, tokensEnd, tokensEnd + distinct);
          tokensEnd += distinct;
        }
      }
      c.dst_count.values[row] = distinct;
      c.dst_tokens.ends[row] = tokensEnd;
      c.dst_registers.ends[row] = registersEnd;
      const first = words[base + FIRST]!;
      const samples = Math.min(SAMPLES, words[base + PACKETS]! >>> 0);
      for (let i = 0; i < samples; i++) offsets[offsetsEnd++] = words[base + SAMPLE_TIMES + i]! - first;
      if ((words[base + EXTRA]! & HAS_PORT) !== 0)
        for (let i = 0; i < samples; i++) ports[portsEnd++] = shorts[2 * (base + SAMPLE_PORTS) + i]!;
      c.sample_offsets.ends[row] = offsetsEnd;
      c.sample_ports.ends[row] = portsEnd;
      const srcPorts = words[base + SRC_PORTS]!;
      c.src_port_count.values[row] = srcPorts < SMALL ? srcPorts : small.portCount(srcPorts & SLOT_MASK);
      const has = words[base + EXTRA]! & HAS_REPLY_PORTS;
      const dstPorts = has === HAS_REPLY_PORTS ? rest[base + DST_PORTS]! : (has >>> PORT_BIT) & 1;
      c.dst_port_count.values[row] = dstPorts < SMALL ? dstPorts : small.portCount(dstPorts & SLOT_MASK);
    }
    this.#tokensEnd = tokensEnd;
    this.#registersEnd = registersEnd;
    this.#offsetsEnd = offsetsEnd;
    this.#portsEnd = portsEnd;
    return entry;
  }

  #numbers(
    { words, floats, rest }: Entries,
    order: Uint32Array,
    interval: number,
    begin: number,
    from: number,
    end: number,
  ): void {
    const c = this.rows.columns;
    const first = c.first_seen.values;
    const last = c.last_seen.values;
    const src = c.src.values;
    const victim = c.victim.values;
    const victimThere = c.victim.present;
    const protocol = c.protocol.values;
    const dstPort = c.dst_port.values;
    const dstPortThere = c.dst_port.present;
    const classes = c.class.values;
    const signature = c.signature.values;
    const signatureThere = c.signature.present;
    const innerProtocol = c.inner_protocol.values;
    const innerThere = c.inner_protocol.present;
    const innerPort = c.inner_port.values;
    const innerPortThere = c.inner_port.present;
    const packets = c.packets.values;
    const bytes = c.bytes.values;
    const ttlMin = c.ttl_min.values;
    const ttlMax = c.ttl_max.values;
    const flags = c.tcp_flags.values;
    const udpMin = c.udp_length_min.values;
    const udpMax = c.udp_length_max.values;
    for (let entry = from; entry < end; entry++) {
      const base = order[entry]! << ENTRY_SHIFT;
      const row = entry - begin;
      const four = 4 * row;
      first[row] = interval + words[base + FIRST]!;
      last[row] = interval + words[base + LAST]!;
      const extra = words[base + EXTRA]!;
      const there = (extra & HAS_VICTIM) !== 0 ? 1 : 0;
      const quoted = (extra & HAS_INNER_VICTIM) !== 0;
      for (let i = 0; i < 4; i++) {
        const word = words[base + SRC + i]!;
        src[four + i] = word;
        victim[four + i] = there === 0 ? 0 : quoted ? rest[base + VICTIM + i]! : word;
      }
      victimThere[row] = there;
      const meta = words[base + META]!;
      protocol[row] = meta >>> 24;
      classes[row] = (meta >>> 16) & 255;
      dstPort[row] = meta;
      dstPortThere[row] = (extra >>> 24) & 1;
      signatureThere[row] = (extra >>> 26) & 1;
      signature[2 * row] = words[base + SIGNATURE]!;
      signature[2 * row + 1] = words[base + SIGNATURE + 1]!;
      innerThere[row] = (extra >>> 27) & 1;
      innerProtocol[row] = extra >>> 16;
      innerPortThere[row] = (extra >>> 28) & 1;
      innerPort[row] = extra;
      packets[row] = words[base + PACKETS]!;
      bytes[row] = floats[(base + BYTES) >>> 1]!;
      const ttl = words[base + TTL]!;
      ttlMin[row] = ttl;
      ttlMax[row] = ttl >>> 8;
      flags[row] = ttl >>> 16;
      const udp = words[base + UDP]!;
      udpMin[row] = udp;
      udpMax[row] = udp >>> 16;
    }
    this.#counts(words, rest, order, begin, from, end);
  }

  #counts(words: Int32Array, rest: Int32Array, order: Uint32Array, begin: number, from: number, end: number): void {
    const c = this.rows.columns;
    const mismatches = c.icmp_mismatches.values;
    const mirai = c.mirai.values;
    const zmap = c.zmap.values;
    const masscan = c.masscan.values;
    const stateless = c.stateless.values;
    const spoofProtocol = c.spoof_protocol.values;
    const spoofTtl = c.spoof_ttl.values;
    const spoofFragment = c.spoof_fragment.values;
    const spoofLastOctet = c.spoof_last_octet.values;
    const spoofSame = c.spoof_same.values;
    const spoofPortZero = c.spoof_port_zero.values;
    const spoofUdp80 = c.spoof_udp_80.values;
    const udpMinThere = c.udp_length_min.present;
    const udpMaxThere = c.udp_length_max.present;
    for (let entry = from; entry < end; entry++) {
      const base = order[entry]! << ENTRY_SHIFT;
      const row = entry - begin;
      const marks = words[base + MARKS]!;
      if (marks === COUNTED) {
        mirai[row] = rest[base + COUNTERS]!;
        zmap[row] = rest[base + COUNTERS + 1]!;
        masscan[row] = rest[base + COUNTERS + 2]!;
        stateless[row] = rest[base + COUNTERS + 3]!;
        spoofProtocol[row] = rest[base + COUNTERS + 4]!;
        spoofTtl[row] = rest[base + COUNTERS + 5]!;
        spoofFragment[row] = rest[base + COUNTERS + 6]!;
        spoofLastOctet[row] = rest[base + COUNTERS + 7]!;
        spoofSame[row] = rest[base + COUNTERS + 8]!;
        spoofPortZero[row] = rest[base + COUNTERS + 9]!;
        spoofUdp80[row] = rest[base + COUNTERS + 10]!;
        mismatches[row] = rest[base + COUNTERS + 11]!;
      } else {
        // What one packet of the row shows, all do.
        const all = words[base + PACKETS]!;
        mirai[row] = all & -(marks & 1);
        zmap[row] = all & -((marks >>> 1) & 1);
        masscan[row] = all & -((marks >>> 2) & 1);
        stateless[row] = all & -((marks >>> 3) & 1);
        spoofProtocol[row] = all & -((marks >>> 4) & 1);
        spoofTtl[row] = all & -((marks >>> 5) & 1);
        spoofFragment[row] = all & -((marks >>> 6) & 1);
        spoofLastOctet[row] = all & -((marks >>> 7) & 1);
        spoofSame[row] = all & -((marks >>> 8) & 1);
        spoofPortZero[row] = all & -((marks >>> 9) & 1);
        spoofUdp80[row] = all & -((marks >>> 10) & 1);
        mismatches[row] = all & -((marks >>> 11) & 1);
      }
      const udp = words[base + META]! >>> 24 === 17 && (words[base + EXTRA]! & HAS_PORT) !== 0 ? 1 : 0;
      udpMinThere[row] = udp;
      udpMaxThere[row] = udp;
    }
  }
}
