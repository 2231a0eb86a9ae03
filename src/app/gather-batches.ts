// SPDX-License-Identifier: Apache-2.0
import { aggregateColumns, emptyColumns, flowColumns, wordsOf } from "../model/flows.ts";
import type { ColumnData, ColumnTable, FlowBatch, Rows } from "../model/flows.ts";

type Values = ColumnData["values"];
const grown = (values: Values, length: number): Values => {
  if (values.length >= length) return values;
  const Maker = values.constructor as new (n: number) => Values;
  const larger = new Maker(Math.max(length, 2 * values.length));
  larger.set(values);
  return larger;
};

/** Rows that grow at the end. */
class Gathered<T extends ColumnTable> {
  rows: Rows<T>;
  readonly #table: T;
  readonly #list: readonly { readonly name: string; readonly words: number }[];

  constructor(table: T) {
    this.#table = table;
    this.#list = Object.entries(table).map(([name, { kind }]) => ({ name, words: wordsOf(kind) }));
    this.rows = { count: 0, columns: emptyColumns(table, 0, 0) };
  }

  add({ count, columns }: Rows<T>): void {
    if (count === 0) return;
    const had = this.rows.count;
    const into = this.rows.columns as Readonly<Record<string, ColumnData>>;
    const from = columns as Readonly<Record<string, ColumnData>>;
    for (const { name, words } of this.#list) {
      const a = into[name]!;
      const b = from[name]!;
      if (a.present !== undefined) {
        a.present = grown(a.present, had + count) as Uint8Array;
        for (let i = 0; i < count; i++) a.present[had + i] = b.present![i]!;
      }
      let at = had * words;
      let used = count * words;
      if (a.ends !== undefined) {
        at = had === 0 ? 0 : a.ends[had - 1]!;
        used = b.ends![count - 1]!;
        a.ends = grown(a.ends, had + count) as Uint32Array;
        for (let i = 0; i < count; i++) a.ends[had + i] = at + b.ends![i]!;
      }
      a.values = grown(a.values, at + used);
      // Few rows a time: a loop is quicker than a view and a copy.
      if (used < 64) for (let i = 0; i < used; i++) a.values[at + i] = b.values[i]!;
      else a.values.set(b.values.subarray(0, used), at);
    }
    this.rows.count = had + count;
  }

  /** What was gathered; what comes next is gathered anew. */
  take(): Rows<T> {
    const { rows } = this;
    this.rows = { count: 0, columns: emptyColumns(this.#table, 0, 0) };
    return rows;
  }
}

/**
 * Gathers batches of one sensor that follow one another into one over the whole time. Takes them as a flow table hands them
 * on: nothing of a batch is kept. Rows stay in the intervals they were made in.
 */
export const gatherBatches = (): {
  add(batch: FlowBatch): void;
  take(head: Omit<FlowBatch, "flows" | "aggregates" | "degraded">): FlowBatch;
} => {
  const flows = new Gathered(flowColumns);
  const aggregates = new Gathered(aggregateColumns);
  let degraded = false;
  return {
    add: (batch) => {
      flows.add(batch.flows);
      aggregates.add(batch.aggregates);
      degraded ||= batch.degraded;
    },
    take: (head) => {
      const batch = { ...head, flows: flows.take(), aggregates: aggregates.take(), degraded };
      degraded = false;
      return batch;
    },
  };
};
