// SPDX-License-Identifier: Apache-2.0

/**
 * A day with 70 million distinct sources: a flood whose forged sources send one packet each, evenly over the day and over the whole
 * address space, a tenth of which is in the constituency. What it costs a node, and what the detectors make of it.
 *
 *   node bench/storm.ts [--sources N] [--hours N]
 *
 * The day is played as fast as it goes: the flow tables of three sensors with a /16 each, the embedded store with its roll-ups, then all detectors
 * minute by minute, as a node asks that keeps up. Fewer `--hours` keep the rate. Every source is another: a 32-bit permutation of their number.
 * Claims about owners' hosts are counted: all of them are false here.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { detectHistory } from "../src/app/detection-history.ts";
import { createOwners } from "../src/constituency/owners.ts";
import { parseNetworksCsv } from "../src/constituency/networks-csv.ts";
import { detectors } from "../src/detect/detectors.ts";
import { createFlowTable } from "../src/flow/table.ts";
import type { Detection } from "../src/model/detection.ts";
import { packetBatch, SHAPE } from "../src/model/packets.ts";
import { openEmbedded } from "../src/store/flows/embedded/index.ts";
import { keepForEver } from "../src/store/flows/retention.ts";
import { wholeReport } from "./report.ts";

const { values } = parseArgs({
  options: { sources: { type: "string", default: "70000000" }, hours: { type: "string", default: "24" } },
});
const hours = Number(values.hours);
const total = Math.round((Number(values.sources) * hours) / 24);
const HOUR = 3_600e6;
const INTERVAL = 10e6;
const SENSORS = 3;
const from = Date.UTC(2026, 5, 1) * 1000;

/** The biggest resident size of this process so far, MiB. */
const peak = (): string =>
  (Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) / 1024).toFixed(0);
const networks = Array.from({ length: 26 }, (_, i) => `org-${i},${20 + i * 3}.0.0.0/8`).join("\n");
const owners = createOwners(
  parseNetworksCsv(`organisation,prefix\n${networks}\n`).networks.map(({ network }) => network),
);
/** Odd factors and shifts make no two numbers one. */
const sourceOf = (n: number): number => {
  let x = Math.imul(n, 0x9e3779b1) >>> 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x85ebca6b) >>> 0;
  return (x ^ (x >>> 13)) >>> 0;
};

const folder = mkdtempSync(join(tmpdir(), "layang-bench-"));
const store = await openEmbedded({ folder, retention: keepForEver });
try {
  const began = performance.now();
  let storing: Promise<unknown> = Promise.resolve();
  const sequences = Array.from({ length: SENSORS }, () => 0);
  let degraded = 0;
  let rows = 0;
  const tables = Array.from({ length: SENSORS }, (_, n) =>
    createFlowTable({
      sensor: `storm-${n}`,
      realm: "",
      exercise: "",
      intervalLength: INTERVAL,
      key: new Uint8Array(16).fill(n + 1),
      dark: null,
      onFlush: (batch) => {
        const sequence = ++sequences[n]!;
        const end = batch.interval + batch.intervalLength;
        rows += batch.flows.count;
        if (batch.degraded) degraded++;
        const report = { ...wholeReport(end, batch.flows.count), degraded: batch.degraded };
        // The arrays are the table's: they are encoded before this returns.
        storing = store.append({
          identity: { sensor: `storm-${n}`, sequence, hash: `${n} ${sequence}` },
          batch,
          report,
          received: end,
        });
      },
    }),
  );
  const packets = packetBatch(16_384);
  const step = (hours * HOUR) / total;
  for (let done = 0, n = 0; done < total; n = (n + 1) % SENSORS) {
    packets.count = 0;
    // A sensor's share of a ten-second interval: sources take turns.
    const until = Math.min(total, done + Math.max(1, Math.round(INTERVAL / step / SENSORS)));
    for (; done < until && packets.count < packets.capacity; done++) {
      const i = packets.count++;
      const draw = Math.imul(done, 0x2c1b3c6d) >>> 0;
      packets.times[i] = from + Math.floor(done * step);
      packets.src[4 * i + 2] = packets.dst[4 * i + 2] = 0xffff;
      packets.src[4 * i + 3] = sourceOf(done);
      packets.dst[4 * i + 3] = 0xc6330000 + (n << 16) + (draw & 0xffff);
      packets.bytes[i] = 40;
      packets.protocol[i] = 6;
      packets.ttl[i] = 30 + (draw >>> 28) * 6;
      packets.ipId[i] = draw >>> 16;
      packets.srcPort[i] = draw & 0xffff;
      packets.dstPort[i] = 80;
      packets.tcpFlags[i] = 2;
      packets.tcpSeq[i] = Math.imul(draw, 0x9e3779b1) >>> 0;
      packets.tcpWindow[i] = 8_192;
      packets.tcpOffset[i] = 5;
      packets.shape[i] = SHAPE.ports | SHAPE.signature;
      packets.signature[2 * i] = 8_192 << 16;
      packets.signature[2 * i + 1] = 0xff000000;
    }
    tables[n]!.add(packets);
    await storing;
  }
  for (const table of tables) table.flush();
  await storing;
  await store.rollUp(from + 48 * HOUR, from + 48 * HOUR);
  const { rows: counted } = await store.query<{ n: number; sources: number }>(
    "SELECT count() AS n, uniqExact(src) AS sources FROM flows",
    {},
    { seconds: 600 },
  );
  console.log(
    `${total} sources in ${hours} h played in ${((performance.now() - began) / 1000).toFixed(0)} s: ${counted[0]?.n ?? 0} rows, ${counted[0]?.sources ?? 0} distinct sources in the store, ${degraded} of ${sequences.reduce((a, b) => a + b)} batches folded; peak ${peak()} MiB`,
  );
  const asked = performance.now();
  const claims: Detection[] = [];
  for (const detector of detectors) {
    const started = performance.now();
    const found = await detectHistory({
      store,
      detectors: [detector],
      around: { owners: () => owners, home: null, researcher: () => null },
      step: 60e6,
    });
    claims.push(...found);
    console.log(
      `  ${detector.name}: ${((performance.now() - started) / 1000).toFixed(1)} s, ${found.length} claims, peak ${peak()} MiB`,
    );
  }
  const kinds = Map.groupBy(claims, ({ kind }) => kind);
  const told = claims.filter(
    ({ kind, held }) => (kind === "infected-host" || kind === "scanning-host") && held.length === 0,
  );
  console.log(
    `asked by all detectors in ${((performance.now() - asked) / 1000).toFixed(0)} s: ${[...kinds].map(([kind, all]) => `${all.length} ${kind}`).join(", ") || "nothing claimed"}; notices, all of them false: ${told.length}; peak ${peak()} MiB`,
  );
} finally {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
}
