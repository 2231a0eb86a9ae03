// SPDX-License-Identifier: Apache-2.0
import { runSensor } from "../../src/app/sensor.ts";
import type { SensorOptions } from "../../src/app/sensor.ts";
import { parsePrefix } from "../../src/net/prefix.ts";
import { createLog } from "../../src/platform/log.ts";

/** A sensor process for tests: `node run-sensor.ts '{"state":...,"dark":["192.0.2.0/24"]}'`; its sums on standard output. */
const { dark, ...given } = JSON.parse(process.argv[2] ?? "{}") as { dark: string[] } & Omit<
  SensorOptions,
  "dark" | "log"
>;
const abort = new AbortController();
process.once("SIGTERM", () => abort.abort());
const peak = { rss: 0 };
setInterval(() => (peak.rss = Math.max(peak.rss, process.memoryUsage.rss())), 100).unref();
const sums = await runSensor(
  { ...given, dark: dark.flatMap((text) => parsePrefix(text) ?? []), log: createLog("warn") },
  abort.signal,
);
process.stdout.write(`${JSON.stringify({ ...sums, rss: peak.rss, cpu: process.cpuUsage() })}\n`);
