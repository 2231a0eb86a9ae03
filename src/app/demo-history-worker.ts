// SPDX-License-Identifier: Apache-2.0
import { parentPort, workerData } from "node:worker_threads";
import { packetBatch } from "../model/packets.ts";
import { Region } from "../simulate/region.ts";
import type { HistoryMade, HistoryWork } from "./demo-history.ts";
import { buffersOf, simulatedFlows } from "./simulated-flows.ts";
import { simulatedPlan } from "./simulated-plan.ts";

/** Makes the demo's past: what the sensors would have sent, by the same decoder and flow table, without the wire. */

const { seed, scenario, epoch, chunks, keys } = workerData as HistoryWork;
const port = parentPort!;
/** Detectors count by ten seconds: rows must not cross a multiple of them, of the past no more than of the present. */
const INTERVAL = 10e6;

// The main thread hands back a credit a chunk; without one this thread waits, so that memory stays bounded.
const credits = { left: 3 };
let wake: (() => void) | undefined;
port.on("message", () => {
  credits.left++;
  wake?.();
});

const region = new Region({ seed, scenario, plan: simulatedPlan(seed), epoch, link: "raw" });
const packets = packetBatch(16_384);
const sensors = new Map(
  scenario.sensors.map((sensor) => [
    sensor.name,
    simulatedFlows(region, sensor, { key: keys[sensor.name]!, intervalLength: INTERVAL, packets }),
  ]),
);

for (const chunk of chunks) {
  while (credits.left <= 0) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  credits.left--;
  const { make, stream } = sensors.get(chunk.sensor)!;
  const made: HistoryMade = { chunk, ...make(chunk.from, chunk.to), darkAddresses: stream.darkAddresses };
  port.postMessage(made, buffersOf(made.batch));
}
port.close();
