// SPDX-License-Identifier: Apache-2.0
import type { QueryLimits, QueryParameters } from "./store.ts";

/** What the engine said to one question, in the form that was asked for. */
export interface EngineAnswer {
  readonly bytes: Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly seconds: number;
}

/** Whose turn a statement waits for: appends never stand behind the long statements of roll-ups. */
export type Lane = "append" | "roll-up";

/**
 * The one engine behind a store: chDB in the process or a ClickHouse server. Both speak the same SQL; only the way in
 * differs. Statements of one lane run one after another. Errors are AppErrors (STORE_...).
 */
export interface Engine {
  /** Asks, within the limits. `format` is the engine's name of a format. */
  ask(sql: string, format: string, parameters: QueryParameters, limits: Required<QueryLimits>): Promise<EngineAnswer>;
  /** Runs a statement that answers nothing. */
  run(sql: string, lane: Lane): Promise<void>;
  /**
   * Inserts a file of one Native block as one block. A token that the table remembers makes the insert do nothing.
   * Resolves to the rows that the engine took from the file.
   */
  insertFile(table: string, columns: readonly string[], path: string, token: string): Promise<number>;
  close(): Promise<void>;
}
