// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startDetection } from "../../src/app/detection.ts";
import { infectedHost } from "../../src/detect/infected.ts";
import type { Detector } from "../../src/detect/detector.ts";
import { createLog } from "../../src/platform/log.ts";
import { openEmbeddedDesk } from "../../src/store/desk/embedded/index.ts";
import { openEmbedded } from "../../src/store/flows/embedded/index.ts";
import { ip, syn } from "../flow/packets.ts";
import type { Packet } from "../flow/packets.ts";
import { take } from "./take.ts";
import { SECOND, START, batchesOf, ownersOf, presence } from "./world.ts";

/**
 * A node with its detectors, for a test that kills it: feeds the same five minutes of flows from the beginning (what the store
 * has is repeated and does nothing), by a clock that follows them, and says "done" when all of it is judged.
 *
 *   node test/detect/killed-node.ts FOLDER
 */
const [, , folder = ""] = process.argv;
const MINUTE = 60 * SECOND;
const END = START + 5 * MINUTE;
const scope = { realm: "", exercise: "" };
const sensors = [
  { name: "jakarta", dark: ["192.0.2.0/24"], country: "ID" },
  { name: "tokyo", dark: ["198.51.100.0/24"], country: "JP" },
];
const packets: Packet[] = [];
for (let host = 0; host < 24; host++) {
  for (let i = 0; i < 12; i++) {
    const dst = ip(`${(host + i) % 2 === 0 ? "192.0.2." : "198.51.100."}${1 + ((host * 31 + i * 7) % 250)}`);
    const time = START + ((host * 7_919_000 + i * 37_000_003) % (5 * MINUTE));
    packets.push(
      syn({ time, src: ip(`36.70.${host}.1`), dst, ttl: 50, ...(host % 2 === 0 ? { tcpSeq: dst[3] } : {}) }),
    );
  }
}

mkdirSync(join(folder, "desk"), { recursive: true });
const store = await openEmbedded({
  folder: join(folder, "flows"),
  retention: { sources: null, fine: null, coarse: null },
});
const desk = await openEmbeddedDesk({ folder: join(folder, "desk") });
let clock = START;
const running = startDetection({
  store,
  desk,
  detectors: [infectedHost as Detector],
  around: { owners: () => ownersOf("organisation,prefix\nisp,36.64.0.0/10\n"), home: null, researcher: () => null },
  take: async (trx, detections, more) => {
    if (detections.length > 0) console.log("claims");
    return take(trx, detections, more);
  },
  log: createLog("warn"),
  now: () => clock,
  begin: START - MINUTE,
  sensors: () => sensors.map(({ name, country }) => ({ name, country, lastSeen: clock, watermark: clock })),
});
const batches = sensors.flatMap((sensor) => [
  presence(scope, sensor, START - 3 * 3_600 * SECOND),
  ...batchesOf(scope, sensor, packets, { interval: SECOND, join: 1 }),
]);
// One in nine comes half a minute late.
const due = batches
  .map((batch, i) => ({ batch, at: batch.batch.interval + SECOND + (i % 9 === 4 ? 30 * SECOND : 0) }))
  .toSorted((a, b) => a.at - b.at);
console.log("open");
for (const { batch, at } of due) {
  clock = Math.max(clock, at);
  // By when it was received a node that was killed finds again what came late.
  if ((await store.append({ ...batch, received: clock })) === "stored") running.arrived(batch.batch);
  await sleep(1);
}
const finished = (): boolean =>
  running.states().every(({ position, late }) => position >= END + 5 * MINUTE && late === 0);
for (let i = 0; i < 2_000 && !finished(); i++) {
  clock = Math.min(clock + 5 * SECOND, END + 12 * MINUTE);
  await sleep(20);
}
await sleep(500);
console.log(finished() ? "done" : JSON.stringify(running.states()));
await running.close();
await desk.close();
await store.close();
