// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { aggregateColumns, emptyColumns, flowColumns } from "../model/flows.ts";
import type { AggregateRows, FlowBatch } from "../model/flows.ts";
import type { SensorReport } from "../model/report.ts";
import { Origins, packagedOrigins } from "../store/flows/origins.ts";
import { openEmbedded } from "../store/flows/embedded/index.ts";
import { defaultRetention, keepForEver } from "../store/flows/retention.ts";
import type { FlowStore } from "../store/flows/store.ts";
import { joinRows } from "./join-batches.ts";
import type { SummedBatch } from "./replay-summed.ts";
import type { ReplayTo, ReplayWork } from "./replay.ts";

const EDGE = 1 << 20;
/** Batches that one replay may store: its share of the sequence numbers. */
const BATCHES = 2 ** 24;

/** Flow rows that are stored at once: fewer, larger parts cost the engine less. */
const ROWS = 500_000;
/** Batches stored at once lie in one of these stretches of time, microseconds: what the finest roll-up and up-time tell apart. */
const STRETCH = 300_000_000;

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
    JSON.stringify([ROWS, STRETCH, work.sensor, work.dark, work.intervalLength, work.capacity]),
  );
  for (const { path } of work.files) hash.update(contentOf(path));
  return hash.digest();
};

const noColumns = emptyColumns(flowColumns, 0);
const packetsOf = (batch: SummedBatch): number => {
  let sum = 0;
  for (let i = 0; i < batch.flows.count; i++) sum += batch.flows.columns.packets.values[i]!;
  for (let i = 0; i < batch.aggregates.count; i++) sum += batch.aggregates.columns.packets.values[i]!;
  return sum;
};

export interface ReplayStore extends ReplayTo {
  readonly store: FlowStore;
  /** Whether all that was appended had been in the store before. */
  readonly repeated: boolean;
  close(): Promise<void>;
}

/** The mark of a folder that a replay made. A node honours it, else its retention would drop old captures at once. */
export const keptForEver = (folder: string): string => join(folder, "kept-for-ever");

/** Batches on their way to the store as one, their blocks one after another in a file. */
interface Group {
  readonly file: string;
  readonly descriptor: number;
  readonly head: SummedBatch;
  readonly aggregates: AggregateRows[];
  rows: number;
  packets: number;
  from: number;
  to: number;
  degraded: boolean;
}

/**
 * Opens the embedded store under `data` for a replay. Questions are answered from the rows as soon as they are stored; the
 * roll-ups that make them fast over months are computed by the node that opens the folder next, and it merges the parts. In a folder of its own rows are kept for ever, since captures may be
 * old; in a node's folder the node's retention holds. One process has the folder open at a time. `prefixes` is the folder
 * of the built prefix table. @throws AppError of the store.
 */
export const openReplayStore = async (data: string, work: ReplayWork, prefixes: string): Promise<ReplayStore> => {
  const folder = resolve(data);
  const id = replayId(work);
  const hash = id.toString("hex");
  const first = id.readUIntBE(0, 3) * BATCHES + (id.readUInt8(3) & 15) * 2 ** 48;
  if (!existsSync(join(folder, "chdb")))
    writeFileSync(keptForEver(folder), "This folder was made by a replay: its rows are kept for ever.\n");
  const origins = new Origins(packagedOrigins, prefixes);
  const retention = existsSync(keptForEver(folder)) ? keepForEver : defaultRetention;
  const store = await openEmbedded({ folder, retention, origins, merges: "later" });
  let news = 0;
  let groups = 0;
  let group: Group | null = null;
  let storing: Promise<void> = Promise.resolve();

  const begin = (head: SummedBatch): Group => {
    // In the journal, where the next start clears away what a killed replay had not handed over.
    const file = join(folder, "journal", `replay-${groups}.blocks`);
    const descriptor = openSync(file, "w", 0o600);
    const [from, to] = [head.interval, head.interval];
    return { file, descriptor, head, aggregates: [], rows: 0, packets: 0, from, to, degraded: false };
  };
  const put = async (full: Group, number: number): Promise<void> => {
    const { head, from, to, packets, degraded } = full;
    const batch: FlowBatch = {
      sensor: head.sensor,
      realm: head.realm,
      exercise: head.exercise,
      interval: from,
      intervalLength: to - from,
      // They are in the block.
      flows: { count: full.rows, columns: noColumns },
      aggregates: joinRows(aggregateColumns, full.aggregates),
      degraded,
    };
    const report: SensorReport = {
      watermark: to,
      closedAt: to,
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
      degraded,
    };
    const identity = { sensor: work.sensor, sequence: first + number, hash: `${hash}-${number}` };
    const outcome = await store.append({ identity, batch, report, received: to, encoded: { file: full.file } });
    if (outcome === "stored") news++;
    rmSync(full.file, { force: true });
  };
  /** Hands over the open group once the one before is stored: the engine works while the next is collected. */
  const hand = async (): Promise<void> => {
    if (group === null) return;
    const full = group;
    group = null;
    closeSync(full.descriptor);
    const number = groups++;
    await storing;
    storing = put(full, number);
    storing.catch(() => undefined); // seen by whoever awaits it next
  };
  const fits = (one: Group, batch: SummedBatch): boolean =>
    one.rows < ROWS && Math.floor(one.from / STRETCH) === Math.floor(batch.interval / STRETCH);

  return {
    store,
    append: async (batch, block) => {
      if (group !== null && !fits(group, batch)) await hand();
      group ??= begin(batch);
      if (batch.flows.count > 0) writeFileSync(group.descriptor, block);
      group.rows += batch.flows.count;
      group.packets += packetsOf(batch);
      group.aggregates.push(batch.aggregates);
      group.from = Math.min(group.from, batch.interval);
      group.to = Math.max(group.to, batch.interval + batch.intervalLength);
      group.degraded ||= batch.degraded;
      if (group.rows >= ROWS) await hand();
    },
    finish: async () => {
      await hand();
      await storing;
    },
    get repeated() {
      return news === 0;
    },
    close: async () => {
      await Promise.allSettled([storing]);
      if (group !== null) closeSync(group.descriptor);
      await store.close();
    },
  };
};
