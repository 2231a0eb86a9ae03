// SPDX-License-Identifier: Apache-2.0

/**
 * What detection costs a node, and how soon it tells: three sensors' flows at 25,000 packets a second in real time, a tenth of
 * the address space in the constituency, all detectors over the embedded store and desk.
 *
 *   node bench/detection.ts [--seconds N] [--rate PACKETS_PER_SECOND]
 *
 * Processor time is that of the process with detectors less that of the same run without them; the time to tell is
 * from the packet that completes a rule to the transaction that holds the claim, for bots that are mixed in. The flows are made before the clock starts.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startDetection } from "../src/app/detection.ts";
import { simulatedFlows } from "../src/app/simulated-flows.ts";
import { simulatedPlan } from "../src/app/simulated-plan.ts";
import { createOwners } from "../src/constituency/owners.ts";
import { parseNetworksCsv } from "../src/constituency/networks-csv.ts";
import type { FlowBatch } from "../src/model/flows.ts";
import { copyBatch } from "../src/model/flows.ts";
import { createLog } from "../src/platform/log.ts";
import { Region } from "../src/simulate/region.ts";
import { completeScenario } from "../src/simulate/scenario.ts";
import { openEmbeddedDesk } from "../src/store/desk/embedded/index.ts";
import { openEmbedded } from "../src/store/flows/embedded/index.ts";
import { ip, syn } from "../test/flow/packets.ts";
import { take } from "../test/detect/take.ts";
import { batchesOf } from "../test/detect/world.ts";
import { wholeReport } from "./report.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "40" }, rate: { type: "string", default: "25000" } },
});
const [seconds, rate] = [Number(values.seconds), Number(values.rate)];
const SECOND = 1e6;
const scope = { realm: "", exercise: "" };
const sensors = ["192.0.0.0/16", "193.0.0.0/16", "194.0.0.0/16"].map((dark, i) => ({
  name: `bench-${i + 1}`,
  country: "ID",
  dark: [dark],
}));
const networks = Array.from({ length: 26 }, (_, i) => `org-${i % 9},${20 + i * 3}.0.0.0/8`).join("\n");
const owners = createOwners(
  parseNetworksCsv(`organisation,prefix\n${networks}\n`).networks.map(({ network }) => network),
);

console.log("making flows ...");
const made: FlowBatch[][] = [];
const epoch = Math.floor(Date.now() / 1000) * SECOND;
const region = new Region({
  seed: 7,
  scenario: completeScenario({
    name: "bench",
    intensity: rate / (3 * 65_536),
    sensors: sensors.map((sensor) => ({ ...sensor, outages: [] })),
  }),
  plan: simulatedPlan(7),
  epoch,
  link: "raw",
});
const makers = region.scenario.sensors.map((sensor) =>
  simulatedFlows(region, sensor, { key: new Uint8Array(16).fill(9), intervalLength: SECOND }),
);
for (let s = 0; s < seconds; s++) {
  made.push(makers.map(({ make }) => copyBatch(make(epoch + s * SECOND, epoch + (s + 1) * SECOND).batch)));
}
const rows = made.flat().reduce((sum, batch) => sum + batch.flows.count, 0);
console.log(`${rows} rows in ${seconds} s`);

const shifted = (batch: FlowBatch, by: number): FlowBatch => {
  const copy = copyBatch(batch);
  const move = (times: Float64Array): void => {
    for (let i = 0; i < times.length; i++) times[i]! += by;
  };
  move(copy.flows.columns.first_seen.values);
  move(copy.flows.columns.last_seen.values);
  return { ...copy, interval: batch.interval + by };
};

interface Outcome {
  readonly cpu: number;
  readonly delays: number[];
  readonly told: number;
}
const run = async (detecting: boolean): Promise<Outcome> => {
  const folder = mkdtempSync(join(tmpdir(), "layang-bench-"));
  const store = await openEmbedded({ folder: join(folder, "flows") });
  const desk = await openEmbeddedDesk({ folder: join(folder, "desk") });
  const completed = new Map<string, number>();
  const delays: number[] = [];
  let told = 0;
  let watermark = 0;
  const detection = detecting
    ? startDetection({
        store,
        desk,
        around: { owners: () => owners, home: null, researcher: () => null },
        log: createLog("warn"),
        sensors: () => sensors.map(({ name, country }) => ({ name, country, lastSeen: Date.now() * 1000, watermark })),
        begin: Math.floor(Date.now() / 1000) * SECOND,
        take: async (trx, detections, context) => {
          await take(trx, detections, context);
          told += detections.length;
          for (const { kind, source } of detections) {
            const time = completed.get(source ?? "");
            if (kind !== "infected-host" || time === undefined) continue;
            completed.delete(source ?? "");
            delays.push(Date.now() * 1000 - time);
          }
        },
      })
    : undefined;
  await sleep(2_000);
  const start = Math.ceil(Date.now() / 1000) * SECOND;
  await sleep(start / 1000 - Date.now());
  const before = process.cpuUsage();
  let sequence = 0;
  for (let s = 0; s < seconds; s++) {
    const from = start + s * SECOND;
    // Two bots a second, three marked packets each, to two sensors.
    const bots = [0, 1].flatMap((n) => {
      const source = `41.${s}.${n}.7`;
      const last = from + 500_000 + ((s * 7 + n * 13) % 45) * 10_000;
      if (s < seconds - 6) completed.set(source, last);
      return [0, 1, 2].map((i) => {
        const dst = ip(`${192 + (i % 2)}.0.${s}.${i + 1}`);
        return syn({ time: last - (2 - i) * 100_000, src: ip(source), dst, tcpSeq: dst[3], ttl: 40 + (s % 16) });
      });
    });
    const batches = [
      ...made[s]!.map((batch) => shifted(batch, start - epoch)),
      ...sensors.flatMap((sensor) => batchesOf(scope, sensor, bots, { interval: SECOND }).map(({ batch }) => batch)),
    ];
    // A sensor flushes when its second is over; the way to the node takes a tenth of one.
    await sleep(Math.max(0, (from + 1.1 * SECOND) / 1000 - Date.now()));
    for (const batch of batches) {
      const identity = { sensor: batch.sensor, sequence: ++sequence, hash: String(sequence) };
      const end = from + SECOND;
      const report = wholeReport(end, 0);
      await store.append({ identity, batch, report, received: Date.now() * 1000 });
      detection?.arrived(batch);
    }
    watermark = from + SECOND;
  }
  await sleep(5_000);
  const { user, system } = process.cpuUsage(before);
  for (const { detector, position, late, remembered, failures } of detection?.states() ?? []) {
    const behind = ((Date.now() * 1000 - position) / SECOND).toFixed(1);
    console.log(`  ${detector}: ${behind} s behind, ${late} late, ${remembered} remembered, ${failures} failures`);
  }
  await detection?.close();
  await desk.close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
  return { cpu: (user + system) / 1e6, delays, told };
};

const plain = await run(false);
const full = await run(true);
const sorted = full.delays.toSorted((a, b) => a - b);
const at = (share: number): string =>
  ((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN) / 1e6).toFixed(2);
console.log(
  `without detectors ${(plain.cpu / (seconds + 5)).toFixed(2)} of one core, with ${(full.cpu / (seconds + 5)).toFixed(2)}: detection takes ${((full.cpu - plain.cpu) / (seconds + 5)).toFixed(2)}`,
);
console.log(
  `${full.told} claims written; from the completing packet to the claim: median ${at(0.5)} s, 99 % ${at(0.99)} s, ${sorted.length} of ${2 * (seconds - 6)} bots`,
);
