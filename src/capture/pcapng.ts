// SPDX-License-Identifier: Apache-2.0
import type { RawBatch } from "../model/packets.ts";
import { MAX_PACKET } from "./batch.ts";
import type { Framer, Totals } from "./batch.ts";

const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const OBSOLETE_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
/** Blocks that we must see whole may be this long: the largest packet and a good deal of options. */
const MAX_BLOCK = 2 * MAX_PACKET;
/** Interfaces of a section; each costs memory, and a hostile file could describe millions. */
const MAX_INTERFACES = 4096;
const TWO32 = 2 ** 32;
const MAX_TIME = Number.MAX_SAFE_INTEGER;

/** Whether the four bytes, read most significant first, open a pcapng file. */
export const isPcapngMagic = (magic: number): boolean => magic === SECTION;

interface Interface {
  readonly linkType: number;
  /** 0 is unlimited. */
  readonly snaplen: number;
  /** Ticks are divided by each in turn (each below 2^21), then multiplied by `scale` / `per`: microseconds. */
  readonly divisors: readonly number[];
  readonly scale: number;
  readonly per: number;
  /** Microseconds to add. */
  readonly offset: number;
}

/**
 * How ticks of an `if_tsresol` byte become microseconds. 64-bit ticks do not fit a double, so they are brought down by
 * integer divisions of two 32-bit halves first; rounding down in steps equals rounding down once.
 */
const resolution = (byte: number): Pick<Interface, "divisors" | "scale" | "per"> => {
  const exponent = byte & 0x7f;
  const divisors: number[] = [];
  if (byte & 0x80) {
    // Ticks finer than 2^-32 s are brought down to that: the rest of a second, times 10^6, then fits a double.
    for (let rest = exponent - 32; rest > 0; rest -= 20) divisors.push(2 ** Math.min(20, rest));
    return { divisors, scale: 1e6, per: 2 ** Math.min(exponent, 32) };
  }
  for (let rest = exponent - 6; rest > 0; rest -= 6) divisors.push(10 ** Math.min(6, rest));
  return { divisors, scale: 10 ** Math.max(0, 6 - exponent), per: 1 };
};

const microseconds = (high: number, low: number, { divisors, scale, per, offset }: Interface): number => {
  for (const divisor of divisors) {
    const upper = Math.floor(high / divisor);
    low = Math.floor(((high - upper * divisor) * TWO32 + low) / divisor);
    high = upper;
  }
  const time =
    per === 1
      ? (high * TWO32 + low) * scale
      : // Seconds and the rest apart: the product of all ticks and 10^6 would not fit.
        (high * (TWO32 / per) + Math.floor(low / per)) * scale + Math.floor(((low % per) * scale) / per);
  return Math.min(MAX_TIME, Math.max(0, time + offset));
};

const interfaceOf = (view: DataView, body: number, end: number, little: boolean): Interface => {
  let byte = 6;
  let offset = 0;
  let at = body + 8;
  while (end - at >= 4) {
    const code = view.getUint16(at, little);
    const length = view.getUint16(at + 2, little);
    at += 4;
    // An option that runs over the block's end is no option: what stands before it is kept.
    if (code === 0 || length > end - at) break;
    if (code === 9 && length >= 1) byte = view.getUint8(at);
    if (code === 14 && length >= 8) {
      const [first, second] = [
        view.getInt32(at + (little ? 4 : 0), little),
        view.getUint32(at + (little ? 0 : 4), little),
      ];
      offset = (first * TWO32 + second) * 1e6;
    }
    at += (length + 3) & ~3;
  }
  return {
    linkType: view.getUint16(body, little),
    snaplen: view.getUint32(body + 4, little),
    ...resolution(byte),
    offset: Math.abs(offset) > MAX_TIME ? 0 : offset,
  };
};

/** draft-ietf-opsawg-pcapng: sections of either byte order, interfaces each with its link type and clock. */
export const pcapngFramer = (): Framer => {
  let little = false;
  let interfaces: Interface[] = [];
  /** A simple packet block has no time: it takes that of the packet before it. */
  let time = 0;
  let sums: Totals = { bytes: 0, first: Infinity, last: -Infinity };

  /** Appends the packet at `at`; false when it belongs in the next batch (or nowhere: see `stopped`). */
  const packet = (
    framer: Framer,
    batch: RawBatch,
    face: Interface,
    at: number,
    end: number,
    captured: number,
    length: number,
  ): boolean => {
    if (captured > MAX_PACKET || captured > end - at) {
      framer.stopped = `a packet block claims ${captured} bytes`;
      return false;
    }
    if (batch.count > 0 && batch.linkType !== face.linkType) return false;
    const n = batch.count;
    batch.linkType = face.linkType;
    batch.offsets[n] = at;
    batch.captured[n] = captured;
    batch.lengths[n] = length;
    batch.times[n] = time;
    sums.bytes += length;
    sums.first = Math.min(sums.first, time);
    sums.last = Math.max(sums.last, time);
    batch.count = n + 1;
    return true;
  };

  /** Takes one whole block at `at`; false when the batch must be handed on first or the file is damaged. */
  const block = (
    framer: Framer,
    view: DataView,
    type: number,
    at: number,
    length: number,
    batch: RawBatch,
  ): boolean => {
    const body = at + 8;
    const end = at + length - 4;
    if (type === SECTION) {
      interfaces = [];
      time = 0;
      return true;
    }
    if (type === INTERFACE) {
      if (interfaces.length >= MAX_INTERFACES) framer.stopped = `more than ${MAX_INTERFACES} interfaces in a section`;
      else interfaces.push(interfaceOf(view, body, end, little));
      return framer.stopped === "";
    }
    const old = type === OBSOLETE_PACKET;
    const index = type === SIMPLE_PACKET ? 0 : old ? view.getUint16(body, little) : view.getUint32(body, little);
    const face = interfaces[index];
    if (face === undefined) {
      framer.stopped = "a packet of an interface that was not described";
      return false;
    }
    if (type === SIMPLE_PACKET) {
      const wire = view.getUint32(body, little);
      const captured = Math.min(wire, face.snaplen === 0 ? wire : face.snaplen, end - body - 4);
      return packet(framer, batch, face, body + 4, end, captured, wire);
    }
    time = microseconds(view.getUint32(body + 4, little), view.getUint32(body + 8, little), face);
    const captured = view.getUint32(body + 12, little);
    return packet(framer, batch, face, body + 20, end, captured, view.getUint32(body + 16, little));
  };

  const known = new Map([
    [SECTION, 28],
    [INTERFACE, 20],
    [OBSOLETE_PACKET, 32],
    [SIMPLE_PACKET, 16],
    [ENHANCED_PACKET, 32],
  ]);

  return {
    skip: 0,
    stopped: "",
    take(view: DataView, from: number, to: number, batch: RawBatch, totals: Totals): number {
      sums = totals;
      let at = from;
      while (batch.count < batch.offsets.length && to - at >= 12) {
        const mark = view.getUint32(at);
        if (mark === SECTION) {
          // The section's byte order is needed to read its very length.
          const order = view.getUint32(at + 8);
          if (order !== 0x1a2b3c4d && order !== 0x4d3c2b1a) {
            this.stopped = "a section header without byte order";
            break;
          }
          little = order === 0x4d3c2b1a;
        }
        const type = mark === SECTION ? SECTION : view.getUint32(at, little);
        const length = view.getUint32(at + 4, little);
        const least = known.get(type);
        if (length % 4 !== 0 || length < (least ?? 12) || (least !== undefined && length > MAX_BLOCK)) {
          this.stopped = `a block of type ${type} claims ${length} bytes`;
          break;
        }
        if (least === undefined) {
          // Passed over, also when it is longer than the window.
          const here = Math.min(length, to - at);
          at += here;
          this.skip = length - here;
          if (this.skip > 0) break;
          continue;
        }
        if (length > to - at) break;
        if (view.getUint32(at + length - 4, little) !== length) {
          this.stopped = "the two lengths of a block differ";
          break;
        }
        if (!block(this, view, type, at, length, batch)) break;
        at += length;
      }
      return at;
    },
  };
};
