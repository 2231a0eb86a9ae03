// SPDX-License-Identifier: Apache-2.0

/** Microseconds of the desk as the contract writes times: RFC 3339 in UTC, milliseconds, cut. */
export const timeOf = (microseconds: number): string => new Date(Math.floor(microseconds / 1000)).toISOString();
export const timeOrNull = (microseconds: number | null): string | null =>
  microseconds === null ? null : timeOf(microseconds);
