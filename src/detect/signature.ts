// SPDX-License-Identifier: Apache-2.0
import { formatSignature } from "../model/signature.ts";

/** The text of a SYN signature that the store gives as one 64-bit number in decimal digits. */
export const signatureText = (digits: string): string => {
  const value = BigInt(digits);
  return formatSignature(Number(value >> 32n), Number(value & 0xffffffffn));
};

/** Window and MSS, option order and scale of a signature that the store gives as hexadecimal digits, without leading zeros. */
export const signatureWords = (hex: string): readonly [high: number, low: number] => {
  const digits = hex.padStart(16, "0");
  return [Number.parseInt(digits.slice(0, 8), 16), Number.parseInt(digits.slice(8), 16)];
};
