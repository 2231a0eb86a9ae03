// SPDX-License-Identifier: Apache-2.0

/** A date, or a time with its zone (RFC 3339, seconds may be left out). */
const form = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d))?$/;

/**
 * Milliseconds since 1970 of a time that somebody wrote; a date is its midnight UTC. Undefined for all else: the language's own reader takes
 * "7" for July 2001, the 30th of February for a day of March, and a time without a zone for the machine's own.
 */
export const parseMoment = (text: string): number | undefined => {
  const date = form.exec(text)?.[1];
  const day = date === undefined ? Number.NaN : Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== date) return undefined;
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? undefined : moment;
};
