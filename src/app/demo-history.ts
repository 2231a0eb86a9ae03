// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { FlowBatch } from "../model/flows.ts";
import type { Scenario } from "../simulate/scenario.ts";
import { HOUR } from "../simulate/scenario.ts";
import type { FlowStore } from "../store/flows/store.ts";

/** What one sensor saw in [from, to), kept as one batch. */
export interface HistoryChunk {
  readonly sensor: string;
  readonly sequence: number;
  readonly from: number;
  readonly to: number;
}
export interface HistoryWork {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly epoch: number;
  readonly chunks: readonly HistoryChunk[];
  /** Token keys by sensor. */
  readonly keys: Readonly<Record<string, Uint8Array>>;
}
export interface HistoryMade {
  readonly chunk: HistoryChunk;
  readonly batch: FlowBatch;
  readonly read: number;
  readonly counted: number;
  readonly darkAddresses: number;
}

/** Sequences of the past are those that a sensor itself will not come to. */
const FIRST_SEQUENCE = 2 ** 40;

/**
 * Cuts the past of every sensor into chunks, newest first: the last `recent` hours by three, the time before by twelve. A
 * sensor's outages are left out, so that they are outages in every graph.
 */
export const historyChunks = (
  scenario: Scenario,
  epoch: number,
  from: number,
  to: number,
  recent = 24,
): HistoryChunk[] => {
  const chunks: HistoryChunk[] = [];
  for (let end = to; end > from;) {
    const length = to - end < recent * HOUR ? 3 * HOUR : 12 * HOUR;
    // Cut at whole multiples counted from the epoch, so that a chunk has the same number in every run.
    const start = Math.max(from, epoch + (Math.ceil((end - epoch) / length) - 1) * length);
    for (const [index, { name, outages }] of scenario.sensors.entries()) {
      const gaps = outages
        .map(({ startHours, hours }) => [epoch + startHours * HOUR, epoch + (startHours + hours) * HOUR] as const)
        .filter(([a, b]) => a < end && b > start)
        .sort(([a], [b]) => a - b);
      const put = (a: number, b: number): void => {
        if (b <= a) return;
        // Minutes before or after the epoch, so no two chunks of a sensor share a number.
        const sequence = FIRST_SEQUENCE + Math.round((a - epoch) / 60e6) * 64 + index;
        chunks.push({ sensor: name, sequence, from: a, to: b });
      };
      let at = start;
      for (const [a, b] of gaps) {
        put(at, a);
        at = Math.max(at, b);
      }
      put(at, end);
    }
    end = start;
  }
  return chunks;
};

/** Fills the store with the past: made on a thread of its own, appended as it comes. Resolves to the packets made. */
export const fillHistory = async (
  store: FlowStore,
  work: HistoryWork,
  signal: AbortSignal,
  onChunk: (chunk: HistoryChunk) => void = () => undefined,
): Promise<number> => {
  if (work.chunks.length === 0) return 0;
  const worker = new Worker(new URL("./demo-history-worker.ts", import.meta.url), { workerData: work });
  const stop = (): void => void worker.terminate();
  signal.addEventListener("abort", stop);
  let packets = 0;
  let appending: Promise<unknown> = Promise.resolve();
  worker.on("message", ({ chunk, batch, read, counted, darkAddresses }: HistoryMade) => {
    packets += read;
    const append = async (): Promise<void> => {
      if (signal.aborted) return;
      const report = {
        watermark: chunk.to,
        closedAt: chunk.to,
        clockOffset: 0,
        read,
        counted,
        notDark: read - counted,
        undecoded: {},
        retired: 0,
        droppedByKernel: 0,
        droppedByInterface: 0,
        darkAddresses,
        spoolBytes: 0,
        spoolLost: 0,
        degraded: batch.degraded,
      };
      const hash = `history ${work.seed} ${work.epoch} ${chunk.sensor} ${chunk.from} ${chunk.to}`;
      await store.append({
        identity: { sensor: chunk.sensor, sequence: chunk.sequence, hash: Buffer.from(hash).toString("hex") },
        batch,
        report,
        received: chunk.to,
      });
      onChunk(chunk);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage("more");
    };
    appending = appending.then(append);
    // Waited for below; until then a failure must not count as unhandled.
    appending.catch(stop);
  });
  try {
    await once(worker, "exit");
    await appending;
  } finally {
    signal.removeEventListener("abort", stop);
  }
  return packets;
};
