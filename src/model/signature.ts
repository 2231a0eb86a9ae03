// SPDX-License-Identifier: Apache-2.0

/**
 * A SYN's signature packed in two 32-bit words:
 * `high` = window (16 bits) | MSS (16 bits); `low` = window scale (8 bits, 255 = option absent) | option order (24 bits).
 * The order is eight 3-bit slots, first option in the highest bits: 0 end, 1 EOL, 2 NOP, 3 MSS, 4 scale, 5 SACK permitted,
 * 6 timestamps, 7 another one (also: more than eight options).
 */
const optionNames = ["", "eol", "nop", "mss", "ws", "sok", "ts", "other"] as const;

/** Text of a packed signature, for example `64240:mss,sok,ts,nop,ws:1460:7`; an absent part is `-`. */
export const formatSignature = (high: number, low: number): string => {
  const names: string[] = [];
  for (let shift = 21; shift >= 0; shift -= 3) {
    const name = optionNames[(low >>> shift) & 7] ?? "";
    if (name === "") break;
    names.push(name);
  }
  const scale = low >>> 24;
  const mss = names.includes("mss") ? String(high & 0xffff) : "-";
  return `${high >>> 16}:${names.length > 0 ? names.join(",") : "-"}:${mss}:${scale === 255 ? "-" : scale}`;
};

/** The packed words [high, low] of a signature in text form, or undefined. */
export const parseSignature = (text: string): readonly [number, number] | undefined => {
  const match = /^(\d{1,5}):(-|[a-z]+(?:,[a-z]+){0,7}):(-|\d{1,5}):(-|\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const [, window = "", order = "", mss = "", scale = ""] = match;
  let packed = 0;
  let shift = 21;
  for (const name of order === "-" ? [] : order.split(",")) {
    const code = optionNames.indexOf(name as (typeof optionNames)[number]);
    if (code < 1) return undefined;
    packed |= code << shift;
    shift -= 3;
  }
  const numbers = [Number(window), mss === "-" ? 0 : Number(mss), scale === "-" ? 255 : Number(scale)] as const;
  if (numbers[0] > 0xffff || numbers[1] > 0xffff || numbers[2] > 255) return undefined;
  return [((numbers[0] << 16) | numbers[1]) >>> 0, ((numbers[2] << 24) | packed) >>> 0];
};
