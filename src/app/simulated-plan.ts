// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { ccCode, inventPlan } from "../simulate/plan.ts";
import type { Plan, RangeTable } from "../simulate/plan.ts";

const COMMA = 44;
const NEWLINE = 10;

/** Ranges of a file with lines `first,last,value...`, addresses as numbers; ranges that overlap the one before are left out. */
const readRanges = (file: string, country: boolean): RangeTable => {
  const bytes = readFileSync(file);
  let lines = 1;
  for (const byte of bytes) if (byte === NEWLINE) lines++;
  const starts = new Uint32Array(lines);
  const ends = new Uint32Array(lines);
  const values = new Uint32Array(lines);
  let count = 0;
  let at = 0;
  let past = -1;
  const number = (): number => {
    let value = 0;
    for (let digit = bytes[at]! - 48; digit >= 0 && digit <= 9; digit = bytes[++at]! - 48) value = value * 10 + digit;
    return value;
  };
  while (at < bytes.length) {
    const start = number();
    if (bytes[at] === COMMA) at++;
    const end = number();
    if (bytes[at] === COMMA) at++;
    const value = country ? ccCode(String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0)) : number();
    while (at < bytes.length && bytes[at] !== NEWLINE) at++;
    at++;
    if (start <= past || end < start || value === 0) continue;
    starts[count] = start;
    ends[count] = past = end;
    values[count++] = value;
  }
  return { starts: starts.slice(0, count), ends: ends.slice(0, count), values: values.slice(0, count) };
};

/** The invented world on the shape of the packaged prefix data. */
export const simulatedPlan = (seed: number): Plan => {
  const require = createRequire(import.meta.url);
  return inventPlan(
    seed,
    readRanges(require.resolve("@ip-location-db/asn/asn-ipv4-num.csv"), false),
    readRanges(require.resolve("@ip-location-db/geo-whois-asn-country/geo-whois-asn-country-ipv4-num.csv"), true),
  );
};
