// SPDX-License-Identifier: Apache-2.0

/**
 * Microseconds after its end at which an interval is final: rows that arrive later still count in the store and its
 * roll-ups, but what was detected in the interval stays as it is, and no notice is sent or corrected for it.
 */
export const FINAL_AFTER = 25 * 3_600_000_000;

/** Whether the interval that ended at `end` is final at `now` (microseconds, the node's clock). */
export const isFinal = (end: number, now: number): boolean => end < now - FINAL_AFTER;
