// SPDX-License-Identifier: Apache-2.0
import { AppError } from "../../platform/errors.ts";
import type { QueryLimits, QueryParameters } from "./store.ts";

/** What the engine said to one question, in the form that was asked for. */
export interface EngineAnswer {
  readonly bytes: Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly seconds: number;
}

export type AskLimits = Required<Omit<QueryLimits, "wanted" | "spill">> & Pick<QueryLimits, "wanted" | "spill">;
/** @throws AppError STORE_QUERY_UNWANTED where nobody waits for the answer. */
export const stillWanted = ({ wanted }: AskLimits): void => {
  if (wanted?.() === false) throw new AppError("STORE_QUERY_UNWANTED", "nobody waits for the answer any more");
};

/** Bytes beyond which groups and sorts go to disk. A flood's day has more sources than memory. */
export const spillAt = ({ memory, spill = memory / 2 }: AskLimits): number => Math.floor(spill);

/** Whose turn a statement waits for: appends never stand behind the long statements of roll-ups. */
export type Lane = "append" | "roll-up";

/**
 * The one engine behind a store: chDB in the process or a ClickHouse server. Both speak the same SQL; only the way in
 * differs. Statements of one lane run one after another. Errors are AppErrors (STORE_...).
 */
export interface Engine {
  /** Asks, within the limits. `format` is the engine's name of a format. */
  ask(sql: string, format: string, parameters: QueryParameters, limits: AskLimits): Promise<EngineAnswer>;
  /** Runs a statement that answers nothing. */
  run(sql: string, lane: Lane): Promise<void>;
  /**
   * Inserts a file of Native blocks as one block. A token that the table remembers makes the insert do nothing.
   * Resolves to the rows that the engine took from the file.
   */
  insertFile(table: string, columns: readonly string[], path: string, token: string): Promise<number>;
  /** Gives memory that statements have left behind back to the system, where it is this process's and worth it. Never fails. */
  trim(): Promise<void>;
  /** Copies every table into a new folder, in the engine's own form. @throws AppError BACKUP_FAILED where it cannot. */
  backUp(folder: string): Promise<void>;
  close(): Promise<void>;
}

/** Codes of the engine's own that mean "beyond the limits": TIMEOUT_EXCEEDED, MEMORY_LIMIT_EXCEEDED, TOO_SLOW, TOO_MANY_ROWS. */
const limitCodes = new Set(["159", "241", "160", "158"]);
/** Its codes for "not there": the network, and a folder that cannot be used. */
const absentCodes = /\b(?:ECONNREFUSED|ECONNRESET|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT|socket hang up)\b/;

/** What an engine throws, in the program's own words. */
export const asStoreError = (error: unknown): AppError => {
  if (error instanceof AppError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code =
    /Code: (\d+)/.exec(message)?.[1] ?? (error instanceof Error && "code" in error ? String(error.code) : "");
  const line = (message.split("\n")[0] ?? "").slice(0, 400);
  if (limitCodes.has(code)) return new AppError("STORE_QUERY_LIMIT", `the question went beyond its limits: ${line}`);
  if (absentCodes.test(`${code} ${message}`)) {
    return new AppError("STORE_UNAVAILABLE", `the store does not answer: ${line}`);
  }
  return new AppError("STORE_FAILED", `the engine refused: ${line}`, { code });
};

/** Hands out turns in order: one piece of work at a time. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    // The next turn does not care how this one ended; its caller does.
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}
