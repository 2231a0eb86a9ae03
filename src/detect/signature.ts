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

/** Option order of a SYN: eight slots of three bits. */
const has = (low: number, option: number): boolean =>
  [0, 3, 6, 9, 12, 15, 18, 21].some((shift) => ((low >>> shift) & 7) === option);
const [MSS, SCALE, SACK, TIMESTAMPS] = [3, 4, 5, 6];
/**
 * The SYN of an operating system, whose program opened a connection: an MSS, selective acknowledgement, and a window scale or timestamps (p0f 3, `p0f.fp`: so do all of
 * this century). Who writes its own SYNs leaves them out.
 */
export const isOfSystem = (hex: string): boolean => {
  const [, low] = signatureWords(hex);
  return has(low, MSS!) && has(low, SACK!) && (has(low, SCALE!) || has(low, TIMESTAMPS!));
};
