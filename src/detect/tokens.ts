// SPDX-License-Identifier: Apache-2.0
import { REGISTERS, addToken, estimateRegisters } from "../model/distinct.ts";

/** Tokens kept exactly where the caller says nothing else; beyond that registers replace them. */
const EXACT = 256;
/** Registers kept: a row's 4,096 folded by eight, standard error 4.6 %. */
const FOLDED = 512;

/**
 * Distinct dark addresses of one subject over rows, sensors and spans: exact while few, then estimated. What is counted does not depend on how
 * rows were cut: a token and the register it made in a row's sketch say the same. JSON.
 */
export interface Distinct {
  tokens: number[];
  registers: number[] | null;
}

export const noTokens = (): Distinct => ({ tokens: [], registers: null });

const raise = (registers: number[], place: number, value: number): void => {
  const at = place & (FOLDED - 1);
  if (registers[at]! < value) registers[at] = value;
};
const scratch = new Uint8Array(REGISTERS);
const addTo = (registers: number[], token: number): void => {
  const place = token & (REGISTERS - 1);
  scratch[place] = 0;
  addToken(scratch, 0, token);
  raise(registers, place, scratch[place]!);
  scratch[place] = 0;
};
const unfold = (distinct: Distinct): number[] => {
  if (distinct.registers !== null) return distinct.registers;
  const registers = Array.from({ length: FOLDED }, () => 0);
  for (const token of distinct.tokens) addTo(registers, token);
  distinct.tokens = [];
  distinct.registers = registers;
  return registers;
};

const addTokens = (distinct: Distinct, tokens: readonly number[], exact: number): void => {
  for (const token of tokens) {
    if (distinct.registers !== null) addTo(distinct.registers, token);
    else if (!distinct.tokens.includes(token)) {
      distinct.tokens.push(token);
      if (distinct.tokens.length > exact) unfold(distinct);
    }
  }
};

/** Adds what a row says: its tokens, or its registers as hexadecimal text. */
export const addRow = (
  distinct: Distinct,
  tokens: readonly number[],
  registers: string,
  exact: number = EXACT,
): void => {
  if (registers !== "") {
    const into = unfold(distinct);
    for (let i = 0; i < REGISTERS; i++) {
      const value = Number.parseInt(registers.slice(2 * i, 2 * i + 2), 16);
      if (value > 0) raise(into, i, value);
    }
  }
  addTokens(distinct, tokens, exact);
};

const rank = (token: string): string =>
  `if(${token} < 4096, 21, 20 - toUInt8(floor(log2(bitShiftRight(${token}, 12)))))`;
const bytes = "reinterpret(dst_registers, 'Array(UInt8)')";
const few = `groupUniqArrayArray(${EXACT + 1})(dst_tokens)`;
const many = `(length(${few}) > ${EXACT} OR max(notEmpty(dst_registers)))`;
/**
 * SQL of a group of rows, for `distinctOf`: as `t` its tokens while they are few; else as `r` the folded registers that tokens and registers make, each place * 32 + value, a
 * place more than once.
 */
export const distinctSql = `if(${many}, [], arraySort(${few})) AS t, if(${many}, groupUniqArrayArray(arrayConcat(
  arrayMap(token -> toUInt16(bitAnd(token, ${FOLDED - 1}) * 32 + ${rank("token")}), dst_tokens),
  arrayFilter(code -> code % 32 > 0, arrayMap((value, at) -> toUInt16(bitAnd(at - 1, ${FOLDED - 1}) * 32 + value), ${bytes}, arrayEnumerate(${bytes}))))), []) AS r`;

/** What a group of rows says in the columns of `distinctSql`. */
export const distinctOf = (row: Readonly<Record<string, unknown>>): Distinct => {
  const distinct: Distinct = { tokens: row["t"] as number[], registers: null };
  const codes = row["r"] as number[];
  if (codes.length > 0) for (const code of codes) raise(unfold(distinct), code >>> 5, code & 31);
  return distinct;
};
/** Both together. Of what was written down before there were registers, `registers` is absent. */
export const unite = (a: Partial<Distinct>, b: Distinct): Distinct => {
  const both: Distinct = { tokens: [...(a.tokens ?? [])], registers: a.registers?.slice() ?? null };
  for (const [place, value] of b.registers?.entries() ?? []) raise(unfold(both), place, value);
  addTokens(both, b.tokens, EXACT);
  return both;
};

export const countOf = ({ tokens, registers }: Distinct): number =>
  registers == null ? tokens.length : Math.round(estimateRegisters(Uint8Array.from(registers), 0, FOLDED));
