// SPDX-License-Identifier: Apache-2.0
import { parentPort, workerData } from "node:worker_threads";
import { packetBatch } from "../model/packets.ts";
import { Census } from "../simulate/census.ts";
import { Region } from "../simulate/region.ts";
import { worldKey } from "./evaluate-world.ts";
import type { WorldMessage, WorldWork } from "./evaluate-world.ts";
import { buffersOf, simulatedFlows } from "./simulated-flows.ts";
import { simulatedPlan } from "./simulated-plan.ts";

/** Makes the flows of a world and counts what is true of them. */

const { world, steps, everybody, flows } = workerData as WorldWork;
const { scenario, seed, from, interval } = world;
const port = parentPort!;
const say = (message: WorldMessage, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

// A credit is a step; the main thread hands one back for each it has taken.
const credits = { left: 2 };
let wake: (() => void) | undefined;
port.on("message", () => {
  credits.left++;
  wake?.();
});

const region = new Region({ seed, scenario, plan: simulatedPlan(seed), epoch: from, link: "raw", truth: true });
const census = new Census(region, everybody);
say({ what: "organisations", organisations: region.constituency.organisations });
const packets = packetBatch(16_384);
const sensors = new Map(
  scenario.sensors.map((sensor, place) => [
    sensor.name,
    simulatedFlows(region, sensor, {
      key: worldKey(world, sensor.name),
      intervalLength: interval,
      packets,
      onPiece: ({ frames, from: first, to }) => census.add(place, frames, first, to),
    }),
  ]),
);

for (const step of steps) {
  while (credits.left <= 0) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  credits.left--;
  for (const chunk of step) {
    const made = sensors.get(chunk.sensor)!.make(chunk.from, chunk.to);
    if (flows) say({ what: "chunk", chunk, ...made }, buffersOf(made.batch));
  }
  census.settle();
  say({ what: "step" });
}
say({
  what: "truth",
  truth: {
    packets: census.packets,
    kinds: census.kinds(),
    storms: census.storms(),
    organisations: region.constituency.organisations,
    sources: [...census.sources()],
    attacks: [...census.attacks()],
    outbreaks: [...census.outbreaks()],
  },
});
port.close();
