// SPDX-License-Identifier: Apache-2.0
import type { RawBatch } from "../model/packets.ts";

/** No packet is longer: libpcap's own limit. A record that claims more is damage, not a packet. */
export const MAX_PACKET = 262_144;
/** Bytes of a capture held at once. One reused window, so hostile length fields cannot make memory grow. */
export const WINDOW = 1 << 20;
/** Packets handed on at once. */
export const BATCH_PACKETS = 16_384;

export const rawBatch = (bytes: Uint8Array, capacity = BATCH_PACKETS): RawBatch => ({
  linkType: 0,
  count: 0,
  bytes,
  offsets: new Uint32Array(capacity),
  captured: new Uint32Array(capacity),
  lengths: new Uint32Array(capacity),
  times: new Float64Array(capacity),
});

/** What is summed while packets are found; a pass of its own over every batch would cost as much as half of the finding. */
export interface Totals {
  /** Lengths on the wire. */
  bytes: number;
  /** Earliest and latest time; Infinity and -Infinity before the first packet. */
  first: number;
  last: number;
}

/** Finds packets in a stream of bytes: one container format each. Keeps only what the format needs to go on. */
export interface Framer {
  /**
   * Appends whole packets of bytes[from, to) to `batch`, and adds them to `totals`, until it is full, the link type changes or the bytes run out;
   * returns where it stopped. When it returns `from` with an empty batch, it needs more bytes, or has `stopped`.
   */
  take(view: DataView, from: number, to: number, batch: RawBatch, totals: Totals): number;
  /** Bytes behind the returned place to pass over unseen; the caller does so and sets it back to 0. */
  skip: number;
  /** Why nothing behind this place can be read; empty while all is well. */
  stopped: string;
  /** The file says of itself that its packets were simulated. */
  simulated?: true;
}
