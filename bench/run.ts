// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

/** Every figure of docs/performance.md, one bench after the other. `node bench/run.ts [NAME...]` runs only those. */
const benches: readonly (readonly [name: string, ...args: string[]])[] = [
  ["decode"],
  ["flow"],
  ["replay"],
  ["replay", "--crowd", "60000000", "--runs", "1"],
  ["simulate"],
  ["sensor"],
  ["sensor", "--first"],
  ["sensor", "--homeless"],
  ["drain"],
  ["node"],
  ["store"],
  ["flows100m"],
  ["questions"],
  ["owners"],
  ["detection", "--rate", "48000"],
  ["past"],
  ["step"],
  ["notice"],
  ["alerts", "server"],
  ["alerts", "embedded"],
  ["storm"],
  ["ring"],
];

const wanted = process.argv.slice(2);
console.log(
  `${cpus().length} cores (${cpus()[0]?.model.trim() ?? "?"}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
);
for (const [name, ...args] of benches) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n== node bench/${[`${name}.ts`, ...args].join(" ")}`);
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...args], {
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
}
