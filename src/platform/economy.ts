// SPDX-License-Identifier: Apache-2.0

const names = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
/** Codes that the data behind the names hold, and that are no economy: user-assigned ones (Kosovo's is in use), and unions. */
const none = /^(?:AA|Q[M-Z]|X[A-JL-Z]|ZZ|EU|EZ|UN)$/;

/** Whether this is the code of an economy as ISO 3166-1 has it today: `GB`, not `UK`. */
export const isEconomy = (code: string): boolean =>
  /^[A-Z]{2}$/.test(code) &&
  !none.test(code) &&
  names.of(code) !== undefined &&
  // A code that was given up stands for its successor.
  Intl.getCanonicalLocales(`und-${code}`)[0] === `und-${code}`;
