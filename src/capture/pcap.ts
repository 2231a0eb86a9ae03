// SPDX-License-Identifier: Apache-2.0
import type { RawBatch } from "../model/packets.ts";
import { simulatedMark } from "../net/capture-mark.ts";
import { MAX_PACKET } from "./batch.ts";
import type { Framer, Totals } from "./batch.ts";

/** Bytes of the file header, and of the header before each packet. */
const FILE_HEADER = 24;
const RECORD_HEADER = 16;

/** Whether the four bytes, read most significant first, open a pcap file (microseconds or nanoseconds, either order). */
export const isPcapMagic = (magic: number): boolean =>
  magic === 0xa1b2c3d4 || magic === 0xd4c3b2a1 || magic === 0xa1b23c4d || magic === 0x4d3cb2a1;

/** The classic format (draft-ietf-opsawg-pcap). */
export const pcapFramer = (): Framer => {
  let little = false;
  let nano = false;
  let linkType = -1;

  /** Reads the file header; the new place, or `from` when it is not all there. */
  const open = (view: DataView, from: number, to: number, framer: Framer): number => {
    if (to - from < FILE_HEADER) return from;
    const magic = view.getUint32(from);
    little = magic === 0xd4c3b2a1 || magic === 0x4d3cb2a1;
    nano = magic === 0xa1b23c4d || magic === 0x4d3cb2a1;
    if (view.getUint16(from + 4, little) !== 2) {
      framer.stopped = "pcap version other than 2";
      return from;
    }
    if (view.getUint32(from + 12, little) === simulatedMark) framer.simulated = true;
    // The upper half holds the length of a frame check sequence, which IP's own length makes us ignore.
    linkType = view.getUint32(from + 20, little) & 0xffff;
    return from + FILE_HEADER;
  };

  return {
    skip: 0,
    stopped: "",
    take(view: DataView, from: number, to: number, batch: RawBatch, totals: Totals): number {
      let at = from;
      if (linkType < 0) {
        at = open(view, from, to, this);
        if (at === from) return from;
      }
      if (batch.count > 0 && batch.linkType !== linkType) return at;
      batch.linkType = linkType;
      const { offsets, captured, lengths, times } = batch;
      const capacity = offsets.length;
      const order = little;
      const fine = nano;
      let n = batch.count;
      let { bytes, first, last } = totals;
      while (n < capacity && to - at >= RECORD_HEADER) {
        const size = view.getUint32(at + 8, order);
        if (size > MAX_PACKET) {
          this.stopped = `a packet header claims ${size} bytes`;
          break;
        }
        const data = at + RECORD_HEADER;
        if (size > to - data) break;
        const fraction = view.getUint32(at + 4, order);
        offsets[n] = data;
        captured[n] = size;
        const length = view.getUint32(at + 12, order);
        const time = view.getUint32(at, order) * 1e6 + (fine ? Math.floor(fraction / 1000) : fraction);
        lengths[n] = length;
        times[n] = time;
        bytes += length;
        if (time < first) first = time;
        if (time > last) last = time;
        n++;
        at = data + size;
      }
      batch.count = n;
      totals.bytes = bytes;
      totals.first = first;
      totals.last = last;
      return at;
    },
  };
};
