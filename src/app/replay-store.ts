// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { FlowBatch } from "../model/flows.ts";
import type { SensorReport } from "../model/report.ts";
import { Origins, packagedOrigins } from "../store/flows/origins.ts";
import { openEmbedded } from "../store/flows/embedded/index.ts";
import { defaultRetention, keepForEver } from "../store/flows/retention.ts";
import type { FlowStore } from "../store/flows/store.ts";
import type { ReplayWork } from "./replay.ts";

const EDGE = 1 << 20;
/** Batches that one replay may make: its share of the sequence numbers. */
const BATCHES = 2 ** 24;

/** Content of a capture, as far as its first and last MiB and its size tell. What can be read only once is like nothing else. */
const contentOf = (path: string): Buffer => {
  if (path === "-" || !statSync(path).isFile()) return randomBytes(32);
  const descriptor = openSync(path, "r");
  try {
    const { size } = fstatSync(descriptor);
    const edge = Buffer.alloc(2 * EDGE);
    readSync(descriptor, edge, 0, EDGE, 0);
    readSync(descriptor, edge, EDGE, EDGE, Math.max(0, size - EDGE));
    return createHash("sha256").update(String(size)).update(edge).digest();
  } finally {
    closeSync(descriptor);
  }
};

/** Tells replays apart by what is replayed and how: the same one again is known by the store and counted once. */
const replayId = (work: ReplayWork): Buffer => {
  const hash = createHash("sha256").update(
    JSON.stringify([work.sensor, work.dark, work.intervalLength, work.capacity]),
  );
  for (const { path } of work.files) hash.update(contentOf(path));
  return hash.digest();
};

const packetsOf = (batch: FlowBatch): number => {
  let sum = 0;
  for (let i = 0; i < batch.flows.count; i++) sum += batch.flows.columns.packets.values[i]!;
  for (let i = 0; i < batch.aggregates.count; i++) sum += batch.aggregates.columns.packets.values[i]!;
  return sum;
};

export interface ReplayStore {
  /** Keeps a batch whose flows are in `block` (of the batch only the columns that are added up are needed). */
  append(batch: FlowBatch, block: Uint8Array<ArrayBuffer>, number: number): Promise<void>;
  readonly store: FlowStore;
  /** Whether all that was appended had been in the store before. */
  readonly repeated: boolean;
  close(): Promise<void>;
}

/** The mark of a folder that a replay made. A node honours it, else its retention would drop old captures at once. */
export const keptForEver = (folder: string): string => join(folder, "kept-for-ever");

/**
 * Opens the embedded store under `data` for a replay. Questions are answered from the rows as soon as they are appended; the
 * roll-ups that make them fast over months are computed by the node that opens the folder next. In a folder of its own rows are kept for ever, since captures may be
 * old; in a node's folder the node's retention holds. One process has the folder open at a time. @throws AppError of the store.
 */
export const openReplayStore = async (data: string, work: ReplayWork): Promise<ReplayStore> => {
  const folder = resolve(data);
  const id = replayId(work);
  const hash = id.toString("hex");
  const first = id.readUIntBE(0, 3) * BATCHES + (id.readUInt8(3) & 15) * 2 ** 48;
  if (!existsSync(join(folder, "chdb")))
    writeFileSync(keptForEver(folder), "This folder was made by a replay: its rows are kept for ever.\n");
  const origins = new Origins(packagedOrigins, folder);
  const retention = existsSync(keptForEver(folder)) ? keepForEver : defaultRetention;
  const store = await openEmbedded({ folder, retention, origins });
  let news = 0;
  return {
    store,
    append: async (batch, block, number) => {
      const packets = packetsOf(batch);
      const end = batch.interval + batch.intervalLength;
      const report: SensorReport = {
        watermark: end,
        closedAt: end,
        clockOffset: null,
        read: packets,
        counted: packets,
        notDark: 0,
        undecoded: {},
        retired: 0,
        droppedByKernel: 0,
        droppedByInterface: 0,
        darkAddresses: work.darkAddresses,
        spoolBytes: 0,
        spoolLost: 0,
        degraded: batch.degraded,
      };
      const identity = { sensor: work.sensor, sequence: first + number, hash: `${hash}-${number}` };
      if ((await store.append({ identity, batch, report, received: end, encoded: block })) === "stored") news++;
    },
    get repeated() {
      return news === 0;
    },
    close: () => store.close(),
  };
};
