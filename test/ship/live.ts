// SPDX-License-Identifier: Apache-2.0

/**
 * Runs inside a network namespace that test/ship-live.test.ts made: a node, and a sensor that captures from `dark0`. Says
 * "ready" when it captures; at the end of its standard input it stops, and prints what the node has and the doctor says.
 */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { examine } from "../../src/app/sensor-doctor.ts";
import { enrolSensor, runSensor } from "../../src/app/sensor.ts";
import { parsePrefix } from "../../src/net/prefix.ts";
import { createLog } from "../../src/platform/log.ts";
import { openNode } from "./bench.ts";

const state = process.argv[2] ?? "";
const dark = [parsePrefix("198.18.77.0/24")].flatMap((one) => one ?? []);
const node = await openNode({ clock: () => Date.now() * 1_000 });
const { token } = node.registry.add({ name: "live-1" });
await enrolSensor({ state, node: node.receiver.address.url, token });
const stop = new AbortController();
const running = runSensor(
  { state, interface: "dark0", dark, spoolLimit: 1 << 26, log: createLog("warn") },
  stop.signal,
);
// Two beats that say something passed: the capture is up.
while (node.accepted.length < 3) await sleep(50);
process.stdout.write("ready\n");
process.stdin.resume();
await once(process.stdin, "end");
const latencies = node.accepted
  .filter(({ batch }) => batch.flows.count > 0)
  .map(
    ({ received, batch }) =>
      (received - Math.min(...batch.flows.columns.first_seen.values.subarray(0, batch.flows.count))) / 1e6,
  );
stop.abort();
const sums = await running;
const report = node.accepted.at(-1)?.report;
const findings = await examine({ interface: "dark0", dark, state, seconds: 1 });
await node.stop();
process.stdout.write(
  `${JSON.stringify({ sums, packets: node.packets(), darkAddresses: report?.darkAddresses, batches: node.accepted.length, latency: Math.max(0, ...latencies), findings })}\n`,
);
