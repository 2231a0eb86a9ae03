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
  for (const token of tokens) {
    if (distinct.registers !== null) addTo(distinct.registers, token);
    else if (!distinct.tokens.includes(token)) {
      distinct.tokens.push(token);
      if (distinct.tokens.length > exact) unfold(distinct);
    }
  }
};

export const countOf = ({ tokens, registers }: Distinct): number =>
  registers === null ? tokens.length : Math.round(estimateRegisters(Uint8Array.from(registers), 0, FOLDED));
