// SPDX-License-Identifier: Apache-2.0
import { aggregateColumns, emptyColumns, flowColumns, wordsOf } from "../model/flows.ts";
import type { ColumnData, ColumnTable, FlowBatch, Rows } from "../model/flows.ts";

/** Rows of several batches, one after another. */
export const joinRows = <T extends ColumnTable>(table: T, parts: readonly Rows<T>[]): Rows<T> => {
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const columns = emptyColumns(table, count, 0);
  for (const [name, { kind }] of Object.entries(table)) {
    const into = columns[name as keyof T] as unknown as ColumnData;
    const from = parts.map((part) => ({
      count: part.count,
      data: part.columns[name as keyof T] as unknown as ColumnData,
    }));
    if (into.ends === undefined) {
      let at = 0;
      for (const part of from) {
        const values = part.data.values.subarray(0, part.count * wordsOf(kind));
        into.values.set(values, at * wordsOf(kind));
        if (into.present !== undefined && part.data.present !== undefined) {
          into.present.set(part.data.present.subarray(0, part.count), at);
        }
        at += part.count;
      }
      continue;
    }
    const listed = from.map((part) => (part.count === 0 ? 0 : part.data.ends![part.count - 1]!));
    const total = listed.reduce((sum, n) => sum + n, 0);
    const Maker = (from[0]?.data.values ?? into.values).constructor as new (n: number) => ColumnData["values"];
    into.values = new Maker(total);
    let row = 0;
    let passed = 0;
    for (const [i, part] of from.entries()) {
      into.values.set(part.data.values.subarray(0, listed[i]!), passed);
      for (let r = 0; r < part.count; r++) into.ends[row + r] = passed + part.data.ends![r]!;
      row += part.count;
      passed += listed[i]!;
    }
  }
  return { count, columns };
};

/**
 * Batches of one sensor that follow one another, as one batch over the whole time; rows stay in the intervals they were
 * made in. @throws RangeError when there are none.
 */
export const joinBatches = (batches: readonly FlowBatch[], interval: number, intervalLength: number): FlowBatch => {
  const first = batches[0];
  if (first === undefined) throw new RangeError("no batches to join");
  return {
    ...first,
    interval,
    intervalLength,
    flows: joinRows(
      flowColumns,
      batches.map((batch) => batch.flows),
    ),
    aggregates: joinRows(
      aggregateColumns,
      batches.map((batch) => batch.aggregates),
    ),
    degraded: batches.some((batch) => batch.degraded),
  };
};
