// SPDX-License-Identifier: Apache-2.0
import { createHmac, timingSafeEqual } from "node:crypto";

/*
 * How a letter that comes back is told from a forgery. A Message-ID is no secret: it stands in every reply and in every archive. So each letter bears
 * a tag that only the node can make, and a delivery report counts when it brings the tag of the letter that it speaks of.
 */

/** The header of a letter that its tag stands in; a report that returns the letter's headers brings it back. */
export const returnHeader = "X-Layang-Return";
const idDigits = 32;
const tagDigits = 20;
/** Digits of base 36 that hold both. */
const packedDigits = 41;
const localAtMost = 64;

/** Ids of the outbox: 32 hexadecimal digits, or as a UUID. */
const outboxId = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
export const isOutboxId = (id: string): boolean => outboxId.test(id);
const digitsOf = (id: string): string => id.replaceAll("-", "");
/** Whether two ids are of the same letter, with hyphens or without. */
export const sameLetter = (a: string, b: string): boolean => digitsOf(a) === digitsOf(b);
/** The ids that a letter of which the digits are known may have. */
export const idsOf = (digits: string): readonly string[] => [
  digits,
  digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
];

/** The tag of a letter by its outbox id: 80 bits, hexadecimal, made of the node's secret. */
export const returnTagOf =
  (key: Uint8Array) =>
  (letter: string): string =>
    createHmac("sha256", key)
      .update(JSON.stringify(["return", letter]))
      .digest("hex")
      .slice(0, tagDigits);

export interface ReturnPlace {
  /** Outbox id; of one that was read, its digits. */
  readonly letter: string;
  readonly tag: string;
}
export const isTag = (tag: string): boolean => /^[0-9a-f]{20}$/.test(tag);
export const sameTag = (a: string, b: string): boolean =>
  isTag(a) && isTag(b) && timingSafeEqual(Buffer.from(a), Buffer.from(b));

/**
 * The envelope sender of a letter alone (VERP, a subaddress of `address`), so that also a report without the letter's headers is its own. The address as it is
 * where the letter has no id of the outbox's, or where the name before the @ would become longer than RFC 5321 allows.
 */
export const returnPath = (address: string, { letter, tag }: ReturnPlace): string => {
  const at = address.lastIndexOf("@");
  if (at < 1 || at + 1 + packedDigits > localAtMost || !isOutboxId(letter) || !isTag(tag)) return address;
  const packed = BigInt(`0x${digitsOf(letter)}${tag}`)
    .toString(36)
    .padStart(packedDigits, "0");
  return `${address.slice(0, at)}+${packed}${address.slice(at)}`;
};

/** The letter and the tag of an envelope sender that we made; undefined: it is none. Servers on the way may change its case. */
export const readReturnPath = (address: string): ReturnPlace | undefined => {
  const packed = /\+([0-9a-z]{41})@/i.exec(address)?.[1]?.toLowerCase();
  if (packed === undefined) return undefined;
  let value = 0n;
  for (const digit of packed) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  const hex = value.toString(16).padStart(idDigits + tagDigits, "0");
  return hex.length > idDigits + tagDigits ? undefined : { letter: hex.slice(0, idDigits), tag: hex.slice(idDigits) };
};
