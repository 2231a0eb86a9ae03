// SPDX-License-Identifier: Apache-2.0
import { formatSignature, parseSignature } from "../model/signature.ts";

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

const [, nmapOptions] = parseSignature("1024:mss:1460:-")!;
/**
 * The SYN of nmap's half-open scan: an MSS of 1460 and no other option, a window of 1024 to 4096 (p0f 3, `p0f.fp`, "NMap: SYN scan"). Somebody started
 * it; newer masscans write the same.
 */
export const isNmap = (hex: string): boolean => {
  const [high, low] = signatureWords(hex);
  return low === nmapOptions && (high & 0xffff) === 1460 && [1024, 2048, 3072, 4096].includes(high >>> 16);
};
