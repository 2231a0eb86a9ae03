// SPDX-License-Identifier: Apache-2.0
import { createHmac } from "node:crypto";
import type { Ring, RingPackets } from "../api/contract/desk/ring.ts";
import type { FlowBatch } from "../model/flows.ts";
import { isV4 } from "../net/ip.ts";
import { parsePrefix, prefixSize } from "../net/prefix.ts";

/** An organisation as the ring view draws it, and where its addresses lie on it. */
export interface RingOrganisation {
  readonly id: string;
  readonly name: string;
  readonly country: string | null;
  readonly essential: boolean;
  /** Networks in force, CIDR. */
  readonly prefixes: readonly string[];
  /** Space declared dark for display, CIDR, inside `prefixes`. */
  readonly dark: readonly string[];
  readonly openAlerts: number;
  readonly severity: Ring["severity"];
}

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Addresses before it on the ring. */
  readonly before: number;
}
/** IPv4 prefixes of one organisation in address order, none inside another. */
const piecesOf = (prefixes: readonly string[]): Piece[] => {
  const found: { start: number; end: number; text: string }[] = [];
  for (const text of prefixes) {
    const prefix = parsePrefix(text);
    if (prefix === undefined || !isV4(prefix.words) || prefix.length < 96) continue;
    found.push({ start: prefix.words[3], end: prefix.words[3] + prefixSize(prefix), text });
  }
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  const pieces: Piece[] = [];
  let before = 0;
  let end = -1;
  for (const one of found) {
    if (one.end <= end) continue;
    pieces.push({ ...one, before });
    before += one.end - one.start;
    end = one.end;
  }
  return pieces;
};
const sizeOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, { start, end }) => sum + end - start, 0);

const MOST_RINGS = 60;
const MOST_ARCS = 128;

/** Rings in the order in which packets name them, and where an address lies. */
export interface RingMap {
  readonly rings: readonly Ring[];
  readonly more: number;
  /** Ring and place of an IPv4 address: [-1, 0] for one that is on none. */
  place(address: number): readonly [number, number];
  /** Place of an address in text form on an organisation's ring; null where it has none. */
  placeOn(organisation: string, address: number): number | null;
}

export const layRings = (organisations: readonly RingOrganisation[]): RingMap => {
  const laid = organisations
    .map((one) => ({ one, pieces: piecesOf(one.prefixes), dark: piecesOf(one.dark) }))
    .filter(({ pieces }) => pieces.length > 0)
    .map((all) => ({ ...all, size: sizeOf(all.pieces) }))
    .toSorted((a, b) => b.size - a.size || (a.one.id < b.one.id ? -1 : 1));
  const drawn = laid.slice(0, MOST_RINGS);
  const index = new Map(drawn.map(({ one }, i) => [one.id, i]));
  /** All pieces of drawn rings by address; a longer prefix of another organisation lies inside a shorter one and comes later. */
  const all = drawn
    .flatMap(({ pieces, size }, ring) => pieces.map((piece) => ({ ...piece, ring, size })))
    .toSorted((a, b) => a.start - b.start || b.end - a.end);
  const starts = Float64Array.from(all, ({ start }) => start);
  const arcsOf = ({ pieces, dark, size }: (typeof drawn)[number]): Ring["arcs"] => {
    const arcs: Ring["arcs"] = pieces.map(({ start, end, before, text }) => ({
      from: before / size,
      to: (before + end - start) / size,
      kind: "live",
      prefix: text,
    }));
    for (const shade of dark) {
      const in_ = pieces.find(({ start, end }) => shade.start >= start && shade.end <= end);
      if (in_ === undefined) continue;
      const from = in_.before + shade.start - in_.start;
      arcs.push({ from: from / size, to: (from + shade.end - shade.start) / size, kind: "dark", prefix: shade.text });
    }
    return arcs.slice(0, MOST_ARCS);
  };
  return {
    rings: drawn.map((entry) => ({
      id: entry.one.id,
      name: entry.one.name,
      country: entry.one.country,
      essential: entry.one.essential,
      addresses: entry.size,
      arcs: arcsOf(entry),
      openAlerts: entry.one.openAlerts,
      severity: entry.one.severity,
    })),
    more: laid.length - drawn.length,
    place: (address) => {
      let [low, high] = [0, starts.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (starts[middle]! <= address) low = middle + 1;
        else high = middle;
      }
      // The nearest start that still holds the address is the longest prefix; few lie between.
      for (let i = low - 1, tries = 0; i >= 0 && tries < 64; i--, tries++) {
        const piece = all[i]!;
        if (address < piece.end) return [piece.ring, (piece.before + address - piece.start) / piece.size];
      }
      return [-1, 0];
    },
    placeOn: (organisation, address) => {
      const entry = drawn[index.get(organisation) ?? -1];
      const piece = entry?.pieces.find(({ start, end }) => address >= start && address < end);
      return entry === undefined || piece === undefined ? null : (piece.before + address - piece.start) / entry.size;
    },
  };
};

/** Rows of one event at most. */
const ROWS = 120;
const WINDOW = 10;

/** Trails end at a pseudonym: sensors in an order that a secret shuffles, so that neither name nor place follows. */
export const pseudonyms = (names: readonly string[], key: Uint8Array): Map<string, number> => {
  const order = names.map((name) => ({ name, by: createHmac("sha256", key).update(`ring ${name}`).digest("hex") }));
  return new Map(order.toSorted((a, b) => (a.by < b.by ? -1 : 1)).map(({ name }, i) => [name, i]));
};

/**
 * Collects what arrives and gives, a few times a second, a sample of it: rows of constituency sources first, then any, each
 * standing for the packets it was drawn for. Memory is bounded by one event.
 */
export class RingSampler {
  #rows: number[][] = [];
  #ours = 0;
  #seen = 0;
  #packets = 0;
  #interval = 0;
  readonly #past: number[] = [];
  #state = 0x6c6179;

  /** Pure chance of its own: which rows are shown is nobody's secret. */
  #below(n: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * n);
  }

  add(batch: FlowBatch, map: RingMap, sensor: number): void {
    if (batch.realm !== "" || batch.exercise !== "") return;
    const { columns, count } = batch.flows;
    this.#interval = Math.max(this.#interval, batch.interval);
    for (let i = 0; i < count; i++) {
      const packets = columns.packets.values[i]!;
      this.#packets += packets;
      const src = columns.src.values;
      const v4 = isV4(src, 4 * i);
      const address = v4 ? src[4 * i + 3]! : 0;
      const [ring, on] = v4 ? map.place(address) : [-1, 0];
      const from = v4 ? address / 2 ** 32 : src[4 * i]! / 2 ** 32;
      const port = columns.dst_port.present[i] === 1 ? columns.dst_port.values[i]! : -1;
      const row = [round(from), ring, round(on), sensor, columns.class.values[i]!, port, packets];
      if (ring >= 0 && this.#ours < ROWS / 2) {
        // What is in the constituency is why people look: it goes first.
        this.#rows.splice(this.#ours++, 0, row);
        if (this.#rows.length > ROWS) this.#rows.pop();
        continue;
      }
      this.#seen++;
      const room = ROWS - this.#ours;
      if (this.#rows.length < ROWS) this.#rows.push(row);
      else {
        const at = this.#below(this.#seen);
        if (at < room) this.#rows[this.#ours + at] = row;
      }
    }
  }

  /** The event since the last one; null when nothing came. `seconds` is how long that was. */
  take(seconds: number): RingPackets | null {
    this.#past.push(this.#packets / Math.max(0.01, seconds));
    if (this.#past.length > WINDOW * 4) this.#past.shift();
    if (this.#packets === 0) return null;
    const shown = this.#rows.length;
    const said = this.#rows.reduce((sum, row) => sum + row[6]!, 0);
    const weight = said > 0 ? this.#packets / said : 1;
    const event: RingPackets = {
      interval: new Date(Math.floor(this.#interval / 1000)).toISOString(),
      packets: this.#packets,
      shown,
      rate: this.#past.reduce((sum, one) => sum + one, 0) / this.#past.length,
      rows: this.#rows.map((row) => [...row.slice(0, 6), Math.round(row[6]! * weight)]),
    };
    this.#rows = [];
    this.#ours = this.#seen = this.#packets = 0;
    return event;
  }
}
const round = (share: number): number => Math.round(share * 1e6) / 1e6;
