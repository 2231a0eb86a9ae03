// SPDX-License-Identifier: Apache-2.0
import { Worker } from "node:worker_threads";
import type { CaptureSummary } from "../capture/capture.ts";
import { captureFiles } from "../capture/files.ts";
import type { CaptureFile } from "../capture/files.ts";
import { DarkSet } from "../flow/dark.ts";
import type { DecodeCounters } from "../model/packets.ts";
import { parsePrefix } from "../net/prefix.ts";
import { AppError } from "../platform/errors.ts";
import type { ErrorCode } from "../platform/errors.ts";
import type { SummedBatch } from "./replay-summed.ts";
import { ReplaySummary } from "./replay-summary.ts";

/** What the worker is told. */
export interface ReplayWork {
  /** Captures, in the order they are read. */
  readonly files: readonly CaptureFile[];
  readonly sensor: string;
  /** Dark prefixes in text form; null takes every destination for dark. */
  readonly dark: readonly string[] | null;
  /** Addresses in the dark prefixes, 0 when every destination is taken for dark. */
  readonly darkAddresses: number;
  /** Microseconds. */
  readonly intervalLength: number;
  /** 128-bit key of the tokens that count dark addresses. */
  readonly key: Uint8Array;
  /** Flow rows held in memory at most. */
  readonly capacity: number;
  /** Join batches of few rows: for a store that nothing but this replay will ever ask. */
  readonly joined: boolean;
  /** Folder of the store that the flows go to; null when they are only added up. */
  readonly origins: string | null;
}

export interface CaptureResult {
  readonly summary: CaptureSummary;
  /** Sum of IP total lengths of the packets decoded. */
  readonly ipBytes: number;
  readonly undecoded: number;
  readonly counters: DecodeCounters;
}

export interface TableCounters {
  readonly counted: number;
  readonly notDark: number;
  /** From inside a dark prefix. */
  readonly fromDark: number;
}

export type FromWorker =
  | {
      readonly kind: "batch";
      readonly batch: SummedBatch;
      /** All columns as the store takes them; null without a store. */
      readonly block: Uint8Array<SharedArrayBuffer> | null;
    }
  | { readonly kind: "progress"; readonly packets: number }
  | { readonly kind: "capture"; readonly result: CaptureResult; readonly packets: number }
  | { readonly kind: "passedOver"; readonly file: string }
  | { readonly kind: "done"; readonly counters: TableCounters }
  | { readonly kind: "failed"; readonly code: string | null; readonly message: string };

/** Memory that a batch came in, to be used again: leave to send another. */
export interface ToWorker {
  readonly memory: SharedArrayBuffer;
  readonly block: SharedArrayBuffer | null;
}

export interface Replay {
  readonly captures: readonly CaptureResult[];
  /** Files met in folders that are no captures. */
  readonly passedOver: readonly string[];
  readonly counters: TableCounters;
  readonly summary: ReplaySummary;
  /** Some interval was folded into aggregates: distinct counts are estimates. */
  readonly degraded: boolean;
  readonly seconds: number;
}

/** Where the batches of a replay go. */
export interface ReplayTo {
  /** When it resolves, the memory of both may be used again. */
  append(batch: SummedBatch, block: Uint8Array): Promise<void>;
  /** Resolves when all that was appended is kept. */
  finish(): Promise<void>;
}

/** What a sensor with these prefixes (in text form, sound) reports: the IPv4 addresses, each counted once however often it is declared. */
export const darkAddresses = (dark: readonly string[]): number =>
  new DarkSet(dark.flatMap((text) => parsePrefix(text) ?? [])).reported;

/** The files behind the paths of a command line. @throws AppError CAPTURE_NOT_FOUND. */
export const replayFiles = (paths: readonly string[]): CaptureFile[] => {
  const files = captureFiles(paths);
  if (files.length === 0) throw new AppError("CAPTURE_NOT_FOUND", `${paths.join(", ")}: no file is in there`);
  return files;
};

/**
 * Replays captures: one thread reads, decodes and makes flows, this one adds them up and hands each batch to `store`.
 * The same captures give the same answers, whenever they are replayed.
 * @throws AppError CAPTURE_NOT_FOUND, CAPTURE_NOT_A_CAPTURE; the former also where the files are none of them captures.
 */
export const replayCaptures = async (
  work: ReplayWork,
  store?: ReplayTo,
  progress?: (packets: number) => void,
): Promise<Replay> => {
  const started = performance.now();
  const summary = new ReplaySummary();
  const captures: CaptureResult[] = [];
  const passedOver: string[] = [];
  const worker = new Worker(new URL("./replay-worker.ts", import.meta.url), { workerData: work });
  let degraded = false;
  let packets = 0;
  let storing: Promise<void> = Promise.resolve();

  const take = (batch: SummedBatch, block: Uint8Array<SharedArrayBuffer> | null): void => {
    degraded ||= batch.degraded;
    // The engine works on its own threads: this thread adds up the batch while the one before is stored.
    const before = storing;
    storing = (async () => {
      await before;
      if (block !== null) await store?.append(batch, block);
      const back: ToWorker = { memory: batch.memory, block: block?.buffer ?? null };
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage(back);
    })();
    storing.catch(() => undefined); // seen by whoever awaits `storing` below
    summary.add(batch);
  };

  try {
    const counters = await new Promise<TableCounters>((resolve, reject) => {
      worker.on("error", reject);
      worker.on("exit", (code) => reject(new Error(`the replay thread ended with code ${code}`)));
      worker.on("message", (message: FromWorker) => {
        if (message.kind === "batch") {
          take(message.batch, message.block);
          storing.catch(reject);
        } else if (message.kind === "failed") {
          reject(
            message.code === null
              ? new Error(message.message)
              : new AppError(message.code as ErrorCode, message.message),
          );
        } else if (message.kind === "passedOver") passedOver.push(message.file);
        else if (message.kind === "done") resolve(message.counters);
        else {
          packets += message.packets;
          progress?.(packets);
          if (message.kind === "capture") captures.push(message.result);
        }
      });
    });
    await storing;
    if (captures.length === 0) {
      throw new AppError(
        "CAPTURE_NOT_FOUND",
        passedOver.length === 1
          ? `${passedOver[0]}: is no capture, and no other file is there`
          : `none of ${passedOver.length} files is a capture, the first is ${passedOver[0] ?? "missing"}`,
      );
    }
    await store?.finish();
    return { captures, passedOver, counters, summary, degraded, seconds: (performance.now() - started) / 1000 };
  } finally {
    worker.removeAllListeners("exit");
    await worker.terminate();
  }
};
