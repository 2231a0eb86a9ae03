// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { AppendOutcome, ArrivedBatch } from "./store.ts";

/** A batch whose turn has not come, and who waits for it. */
export interface Waiting {
  readonly arrived: ArrivedBatch;
  readonly id: string;
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/** Batches, and rows, that are inserted together at most. */
const groupBatches = 64;
const groupRows = 131_072;
/** Rows that are worth an insert of their own. */
const manyRows = 8_192;

const rowsIn = ({ arrived: { batch } }: Waiting): number => batch.flows.count + batch.aggregates.count;

/** Batches that wait to be inserted, in order: what an insert costs, it costs however few rows it has, so they go in groups. */
export class Gathering {
  readonly #gather: number;
  #waiting: Waiting[] = [];
  #pause = new AbortController();
  /** When the last group left, milliseconds of the process's clock. */
  #left = -Infinity;

  /** `gather`: milliseconds that few rows wait behind the group before them, for others to join. */
  constructor(gather: number) {
    this.#gather = gather;
  }

  get size(): number {
    return this.#waiting.length;
  }

  add(one: Waiting): void {
    this.#waiting.push(one);
    if (this.#isWorthwhile()) this.hurry();
  }

  /** Whether what waits is worth an insert of its own at once. */
  #isWorthwhile(): boolean {
    return this.size >= groupBatches || this.#waiting.reduce((sum, one) => sum + rowsIn(one), 0) >= manyRows;
  }

  /** Ends a pause that goes on. */
  hurry(): void {
    this.#pause.abort();
    this.#pause = new AbortController();
  }

  /** Waits for others to join, as long as it is worth it. */
  async pause(): Promise<void> {
    const rest = this.#left + this.#gather - performance.now();
    if (rest > 0 && !this.#isWorthwhile())
      await sleep(rest, undefined, { signal: this.#pause.signal }).catch(() => undefined); // ended by `hurry`
  }

  /** Takes out those that it is true of. */
  takeOut(isOut: (one: Waiting) => boolean): Waiting[] {
    const { out = [], others = [] } = Object.groupBy(this.#waiting, (one) => (isOut(one) ? "out" : "others"));
    this.#waiting = others;
    return out;
  }

  /**
   * Takes what is inserted next: the first, and those behind it that go along. A batch that was begun before (`begunWith` tells with what) goes with those
   * that it was begun with, wherever they stand, and with no others; one whose rows lie in a file goes alone.
   */
  next<Group>(begunWith: (id: string) => Group | undefined): Waiting[] {
    const [first] = this.#waiting;
    if (first === undefined) return [];
    this.#left = performance.now();
    const begun = begunWith(first.id);
    if (begun !== undefined) return this.takeOut(({ id }) => begunWith(id) === begun);
    const isAlone = ({ id, arrived }: Waiting): boolean => arrived.encoded !== undefined || begunWith(id) !== undefined;
    let count = 1;
    if (!isAlone(first)) {
      for (let rows = rowsIn(first); count < Math.min(this.size, groupBatches); count++) {
        const one = this.#waiting[count]!;
        rows += rowsIn(one);
        if (isAlone(one) || rows > groupRows) break;
      }
    }
    return this.#waiting.splice(0, count);
  }
}
