// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { openCapture } from "../capture/capture.ts";
import { decode } from "../decode/decode.ts";
import { DarkSet } from "../flow/dark.ts";
import { createFlowTable } from "../flow/table.ts";
import type { FlowTable } from "../flow/table.ts";
import { copyBatch } from "../model/flows.ts";
import type { FlowBatch } from "../model/flows.ts";
import { decodeCounters, packetBatch, undecodedKinds } from "../model/packets.ts";
import type { PacketBatch } from "../model/packets.ts";
import { parsePrefix } from "../net/prefix.ts";
import { AppError } from "../platform/errors.ts";
import { encodeFlows, sharedSink } from "../store/flows/native.ts";
import type { Sink } from "../store/flows/native.ts";
import { Origins, packagedOrigins } from "../store/flows/origins.ts";
import { joinBatches } from "./join-batches.ts";
import { summedOf } from "./replay-summed.ts";
import type { CaptureResult, FromWorker, ReplayWork, ToWorker } from "./replay.ts";

/** The hot wing of a replay, on a thread of its own: capture, decode, flow. What is added up of a batch goes to the main thread as a copy. */

const work = workerData as ReplayWork;
const port = parentPort!;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
const send = (message: FromWorker): void => port.postMessage(message);

// The main thread hands back a credit a batch; without one the worker waits, so that memory stays bounded.
let credits = 4;
let wake: (() => void) | undefined;
// Pages once touched are written again: fresh memory for each batch would cost as much as filling it.
const sinks: Sink<SharedArrayBuffer>[] = [];
const memories: SharedArrayBuffer[] = [];
port.on("message", ({ memory, block }: ToWorker) => {
  credits++;
  memories.push(memory);
  if (block !== null) sinks.push(sharedSink(block));
  wake?.();
});
const room = async (): Promise<void> => {
  while (credits <= 0) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
};

/** Joined batches hold at most so many rows, over at most so many microseconds. */
const JOINED_ROWS = 16_384;
const JOINED_TIME = 3_600e6;

/** Collects batches of few rows and hands them on as one: a quiet day costs a store two dozen inserts instead of thousands. */
const joining = (onFlush: (batch: FlowBatch) => void): { add(batch: FlowBatch): void; flush(): void } => {
  let held: FlowBatch[] = [];
  let [rows, start, end] = [0, Infinity, -Infinity];
  const flush = (): void => {
    if (held.length > 0) onFlush(joinBatches(held, start, end - start));
    held = [];
    [rows, start, end] = [0, Infinity, -Infinity];
  };
  return {
    add: (batch) => {
      const until = batch.interval + batch.intervalLength;
      if (
        rows + batch.flows.count > JOINED_ROWS ||
        Math.max(end, until) - Math.min(start, batch.interval) > JOINED_TIME
      )
        flush();
      start = Math.min(start, batch.interval);
      end = Math.max(end, until);
      rows += batch.flows.count;
      held.push(copyBatch(batch));
    },
    flush,
  };
};

const replayOne = async (path: string, table: FlowTable, packets: PacketBatch): Promise<void> => {
  const counters = decodeCounters();
  // A worker's process.stdin is not the process's: read the descriptor itself.
  const capture = openCapture(
    path === "-" ? { stream: createReadStream("", { fd: 0, highWaterMark: 1 << 20 }), name: "-" } : { path },
  );
  let ipBytes = 0;
  let read = 0;
  let reported = 0;
  for await (const raw of capture) {
    for (let at = 0; at < raw.count;) {
      packets.count = 0;
      at = decode(raw, at, packets, counters);
      const { bytes, count } = packets;
      for (let i = 0; i < count; i++) ipBytes += bytes[i]!;
      table.add(packets);
      if (credits <= 0) await room();
    }
    read += raw.count;
    if (read - reported > 500_000) {
      send({ kind: "progress", packets: read - reported });
      reported = read;
    }
  }
  const undecoded = undecodedKinds.reduce((sum, kind) => sum + counters[kind], 0);
  const result: CaptureResult = { summary: { ...capture.summary }, ipBytes, undecoded, counters };
  send({ kind: "capture", result, packets: read - reported });
};

const run = async (): Promise<void> => {
  const dark = work.dark === null ? null : new DarkSet(work.dark.map((text) => parsePrefix(text)!));
  const origins = work.origins === null ? undefined : new Origins(packagedOrigins, work.origins);
  const onFlush = (batch: FlowBatch): void => {
    credits--;
    const summed = summedOf(batch, memories.pop());
    if (origins === undefined) return send({ kind: "batch", batch: summed, block: null });
    const block = encodeFlows(batch, origins.table, sinks.pop() ?? sharedSink(batch.flows.count * 160));
    send({ kind: "batch", batch: summed, block });
  };
  const joined = work.joined ? joining(onFlush) : undefined;
  const table = createFlowTable({
    sensor: work.sensor,
    realm: "",
    exercise: "",
    intervalLength: work.intervalLength,
    key: work.key,
    dark,
    capacity: work.capacity,
    batchRows: work.capacity,
    // A full table costs rows here, never truth: nothing arrives while a file is read.
    earlyFlushes: 1e9,
    onFlush: joined === undefined ? onFlush : joined.add,
  });
  const packets = packetBatch(16_384);
  for (const { path, named } of work.files) {
    try {
      await replayOne(path, table, packets);
    } catch (error) {
      if (named || !(error instanceof AppError) || error.code !== "CAPTURE_NOT_A_CAPTURE") throw error;
      send({ kind: "passedOver", file: path });
    }
  }
  table.flush();
  joined?.flush();
  send({ kind: "done", counters: { ...table.counters } });
};

try {
  await run();
} catch (error) {
  const known = error instanceof AppError;
  send({
    kind: "failed",
    code: known ? error.code : null,
    message: error instanceof Error ? (known ? error.message : (error.stack ?? error.message)) : String(error),
  });
}
