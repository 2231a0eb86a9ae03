// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { RawBatch } from "../model/packets.ts";

/** How often a paced reader lets packets through, milliseconds. */
const STEP = 20;

export interface Pacer {
  /** Event time by the clock, microseconds; undefined before the first packet, or when nothing is paced. */
  now(): number | undefined;
  /** The batch in parts, each when its packets' time has come. Parts are the batch itself with other bounds. */
  parts(raw: RawBatch, signal: AbortSignal): AsyncIterable<RawBatch>;
}

/** Lets `speed` seconds of packets through in a second, from the first packet's time on; undefined lets all through. */
export const createPacer = (speed: number | undefined): Pacer => {
  let first: number | undefined;
  let begun = 0;
  const now = (): number | undefined =>
    speed === undefined || first === undefined ? undefined : first + (performance.now() - begun) * 1_000 * speed;
  return {
    now,
    async *parts(raw, signal) {
      if (speed === undefined || raw.count === 0) {
        yield raw;
        return;
      }
      if (first === undefined) {
        first = raw.times[0] ?? 0;
        begun = performance.now();
      }
      const { count, offsets, captured, lengths, times } = raw;
      let from = 0;
      while (from < count && !signal.aborted) {
        const until = now() ?? 0;
        let to = from;
        while (to < count && (times[to] ?? 0) <= until) to++;
        if (to > from) {
          yield {
            linkType: raw.linkType,
            bytes: raw.bytes,
            count: to - from,
            offsets: offsets.subarray(from, to),
            captured: captured.subarray(from, to),
            lengths: lengths.subarray(from, to),
            times: times.subarray(from, to),
          };
          from = to;
        } else await sleep(STEP, undefined, { signal }).catch(() => undefined); // woken by the signal
      }
    },
  };
};
