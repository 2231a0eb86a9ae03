// SPDX-License-Identifier: Apache-2.0
import { formatSignature } from "../model/signature.ts";

/** The text of a SYN signature that the store gives as one 64-bit number in decimal digits. */
export const signatureText = (digits: string): string => {
  const value = BigInt(digits);
  return formatSignature(Number(value >> 32n), Number(value & 0xffffffffn));
};
