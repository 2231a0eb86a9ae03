// SPDX-License-Identifier: Apache-2.0

/** Days that rows are kept, by table; null keeps them for ever (replay does: its captures may be old). */
export interface Retention {
  /** Flows and all else that names a source. */
  readonly sources: number | null;
  /** Roll-ups at 5 minutes and at 1 hour: they name no source. */
  readonly fine: number | null;
  /** Roll-ups at 1 day and the sensors' reports. */
  readonly coarse: number | null;
}
/** From when on rows are kept at a moment, both in milliseconds since 1970 UTC: days go whole, -Infinity is for ever. */
export const keptFrom = (days: number | null, now: number): number =>
  days === null ? -Infinity : (Math.floor(now / 86_400_000) - days + 1) * 86_400_000;

export const defaultRetention: Retention = { sources: 90, fine: 400, coarse: null };
export const keepForEver: Retention = { sources: null, fine: null, coarse: null };
