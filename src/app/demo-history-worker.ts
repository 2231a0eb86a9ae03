// SPDX-License-Identifier: Apache-2.0
import { parentPort, workerData } from "node:worker_threads";
import { decode } from "../decode/decode.ts";
import { DarkSet } from "../flow/dark.ts";
import { createFlowTable } from "../flow/table.ts";
import { aggregateColumns, copyBatch, emptyColumns, flowColumns } from "../model/flows.ts";
import type { ColumnData, FlowBatch } from "../model/flows.ts";
import { decodeCounters, packetBatch } from "../model/packets.ts";
import { parsePrefix } from "../net/prefix.ts";
import { Region } from "../simulate/region.ts";
import type { HistoryChunk, HistoryMade, HistoryWork } from "./demo-history.ts";
import { joinBatches } from "./join-batches.ts";
import { simulatedPlan } from "./simulated-plan.ts";

/** Makes the demo's past: what the sensors would have sent, by the same decoder and flow table, without the wire. */

const { seed, scenario, epoch, chunks, keys } = workerData as HistoryWork;
const port = parentPort!;
const INTERVAL = 300e6;

// The main thread hands back a credit a chunk; without one this thread waits, so that memory stays bounded.
const credits = { left: 3 };
let wake: (() => void) | undefined;
port.on("message", () => {
  credits.left++;
  wake?.();
});

const region = new Region({ seed, scenario, plan: simulatedPlan(seed), epoch, link: "raw" });
const packets = packetBatch(16_384);
const counters = decodeCounters();
let batches: FlowBatch[] = [];
const sensors = new Map(
  scenario.sensors.map((sensor) => {
    const dark = new DarkSet(sensor.dark.map((text) => parsePrefix(text)!));
    const table = createFlowTable({
      sensor: sensor.name,
      realm: "",
      exercise: "",
      intervalLength: INTERVAL,
      key: keys[sensor.name]!,
      dark,
      capacity: 65_536,
      batchRows: 65_536,
      onFlush: (batch) => batches.push(copyBatch(batch)),
    });
    return [sensor.name, { table, stream: region.stream(sensor, epoch) }] as const;
  }),
);

const make = (chunk: HistoryChunk): HistoryMade => {
  const { table, stream } = sensors.get(chunk.sensor)!;
  batches = [];
  stream.seek(chunk.from);
  let read = 0;
  for (let piece = stream.read(chunk.to); piece.to > piece.from; piece = stream.read(chunk.to)) {
    const { frames, from, to } = piece;
    const raw = {
      linkType: 101,
      count: to - from,
      bytes: frames.bytes,
      offsets: frames.offsets.subarray(from, to),
      captured: frames.lengths.subarray(from, to),
      lengths: frames.lengths.subarray(from, to),
      times: frames.times.subarray(from, to),
    };
    read += raw.count;
    for (let at = 0; at < raw.count;) {
      packets.count = 0;
      at = decode(raw, at, packets, counters);
      table.add(packets);
    }
  }
  table.flush();
  const length = chunk.to - chunk.from;
  const batch: FlowBatch =
    batches.length > 0
      ? joinBatches(batches, chunk.from, length)
      : {
          sensor: chunk.sensor,
          realm: "",
          exercise: "",
          interval: chunk.from,
          intervalLength: length,
          flows: { count: 0, columns: emptyColumns(flowColumns, 0) },
          aggregates: { count: 0, columns: emptyColumns(aggregateColumns, 0) },
          degraded: false,
        };
  return { chunk, batch, read, darkAddresses: stream.darkAddresses };
};

const buffersOf = (batch: FlowBatch): ArrayBuffer[] =>
  [batch.flows.columns, batch.aggregates.columns].flatMap((columns) =>
    Object.values(columns as Readonly<Record<string, ColumnData>>).flatMap((column) =>
      [column.values, column.present, column.ends].flatMap((array) =>
        array === undefined ? [] : [array.buffer as ArrayBuffer],
      ),
    ),
  );

for (const chunk of chunks) {
  while (credits.left <= 0) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  credits.left--;
  const made = make(chunk);
  port.postMessage(made, buffersOf(made.batch));
}
port.close();
