// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FlowBatch } from "../src/model/flows.ts";
import { chance, inventBatch } from "../src/store/flows/batches.conformance.ts";
import { openEmbedded } from "../src/store/flows/embedded/index.ts";
import { encodeFlows, nativeSink } from "../src/store/flows/native.ts";
import { Origins, packagedOrigins } from "../src/store/flows/origins.ts";
import { keepForEver } from "../src/store/flows/retention.ts";

/**
 * What it costs to keep flows: rows a second through `append` (ASN and country looked up, journal and all) and CPU seconds a
 * million rows, the writing of blocks and the look-ups by themselves, and bytes a row. Figures of 100 million rows and of
 * the questions: bench/flows100m.ts and bench/questions.ts.
 *
 *   node bench/store.ts [rows a batch] [batches]     default 250000 12
 */
const [, , rows = "250000", batches = "12"] = process.argv;
const [perBatch, count] = [Number(rows), Number(batches)];
const folder = mkdtempSync(join(tmpdir(), "layang-bench-keep-"));
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
interface Cost {
  readonly seconds: number;
  readonly cpu: number;
}
const measured = async (work: () => unknown): Promise<Cost> => {
  const [since, used] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(used);
  return { seconds: (performance.now() - since) / 1_000, cpu: (user + system) / 1e6 };
};

/** Spreads a made batch's sources over the whole address space: 1 % of a million send 80 %. */
const spread = (batch: FlowBatch, seed: number): FlowBatch => {
  const random = chance(seed);
  const { values } = batch.flows.columns.src;
  const source = (): number => (random() < 0.8 ? random() * 1e4 : 1e4 + random() * 99e4);
  for (let i = 0; i < batch.flows.count; i++) {
    values.set([0, 0, 0xffff, Math.imul(Math.floor(source()), 2_654_435_761) >>> 0], 4 * i);
  }
  return batch;
};

try {
  let origins = new Origins(packagedOrigins, folder);
  const cold = await measured(() => (origins.dropCache(), new Origins(packagedOrigins, folder)));
  const warm = await measured(() => (origins = new Origins(packagedOrigins, folder)));
  say(`prefix data: ${cold.seconds.toFixed(2)} s from the files, ${warm.seconds.toFixed(2)} s from the built table`);

  const start = Date.UTC(2026, 9, 1) * 1_000;
  const plan = (sequence: number) => ({ sequence, interval: start + sequence * 10e6, flows: perBatch });
  const first = inventBatch(plan(0));
  spread(first.batch, 1);
  const sink = nativeSink();
  encodeFlows(first.batch, null, sink);
  const plain = await measured(() => {
    for (let i = 0; i < 5; i++) encodeFlows(first.batch, null, sink);
  });
  const located = await measured(() => {
    for (let i = 0; i < 5; i++) encodeFlows(first.batch, origins.table, sink);
  });
  const each = (cost: number): string => ((cost / 5 / perBatch) * 1e6).toFixed(3);
  say(`blocks: ${each(plain.cpu)} CPU s a million rows, ${each(located.cpu)} with ASN and country`);

  const store = await openEmbedded({ folder, retention: keepForEver, origins });
  let [seconds, cpu] = [0, 0];
  for (let i = 0; i < count; i++) {
    const arrived = inventBatch(plan(i));
    spread(arrived.batch, i);
    const cost = await measured(() => store.append(arrived));
    seconds += cost.seconds;
    cpu += cost.cpu;
  }
  const total = count * perBatch;
  say(
    `append: ${(total / seconds / 1e6).toFixed(2)} M rows/s, ${((cpu / total) * 1e6).toFixed(2)} CPU s a million rows (${total} rows in batches of ${perBatch})`,
  );
  const rolled = await measured(() => store.rollUp(Infinity));
  say(`roll-ups: ${(total / rolled.seconds / 1e6).toFixed(2)} M rows/s, all of them`);
  const { rows: sizes } = await store.query<{ n: number; size: number }>(
    "SELECT sum(p.rows) AS n, sum(bytes_on_disk) / sum(p.rows) AS size FROM system.parts AS p WHERE active AND table = 'flows'",
  );
  if (sizes[0]?.n !== total) throw new Error(`${sizes[0]?.n} of ${total} rows are in the store`);
  say(`size: ${sizes[0].size.toFixed(1)} bytes a row before merges`);
  say(`resident: ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`);
  await store.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
