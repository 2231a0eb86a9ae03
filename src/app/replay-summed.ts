// SPDX-License-Identifier: Apache-2.0
import { aggregateColumns, copyRows, emptyColumns, flowColumns, wordsOf } from "../model/flows.ts";
import type { AggregateRows, ColumnData, FlowBatch, FlowRows } from "../model/flows.ts";

/** Columns of flow rows that are added up; the others go to the store alone, inside its block. The widest first. */
const summed = [
  "src",
  "packets",
  "mirai",
  "zmap",
  "masscan",
  "stateless",
  "dst_port",
  "class",
] as const satisfies (keyof typeof flowColumns)[];
const rowBytes = summed.reduce((sum, name) => {
  const { kind } = flowColumns[name];
  return (
    sum + wordsOf(kind) * (kind === "class" ? 1 : kind === "u16" ? 2 : 4) + ("optional" in flowColumns[name] ? 1 : 0)
  );
}, 0);

/** What is added up of a batch on its way between two threads. The flow rows' columns lie in one piece of
 * shared memory, which may be used again: memory that changes hands counts as new each time, and has garbage collected. */
export interface SummedBatch extends Omit<FlowBatch, "flows"> {
  readonly flows: { readonly count: number; readonly columns: Pick<FlowRows["columns"], (typeof summed)[number]> };
  readonly memory: SharedArrayBuffer;
}

const noAggregates: AggregateRows = { count: 0, columns: emptyColumns(aggregateColumns, 0) };

/** Copies what is added up of a batch into `memory`, or into new memory where that is too small. */
export const summedOf = (batch: FlowBatch, memory: SharedArrayBuffer | undefined): SummedBatch => {
  const { count, columns } = batch.flows;
  const into =
    memory !== undefined && memory.byteLength >= count * rowBytes ? memory : new SharedArrayBuffer(count * rowBytes);
  let at = 0;
  const place = <A extends ColumnData["values"]>(from: A, length: number): A => {
    const Maker = from.constructor as new (buffer: SharedArrayBuffer, at: number, length: number) => A;
    const copy = new Maker(into, at, length);
    copy.set(from.subarray(0, length));
    at += copy.byteLength;
    return copy;
  };
  const copies = summed.map((name) => {
    const { values, present }: ColumnData = columns[name];
    const data: ColumnData = { values: place(values, count * wordsOf(flowColumns[name].kind)) };
    if (present !== undefined) data.present = place(present, count);
    return [name, data];
  });
  return {
    ...batch,
    flows: { count, columns: Object.fromEntries(copies) as SummedBatch["flows"]["columns"] },
    aggregates: batch.aggregates.count === 0 ? noAggregates : copyRows(aggregateColumns, batch.aggregates),
    memory: into,
  };
};
