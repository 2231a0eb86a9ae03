// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensurePortal } from "./portal.ts";
import { ensurePrograms } from "./programs.ts";

/** The long proofs, whole: what `npm test` only samples. An hour on two cores, and some four for the test worlds: broken off, those go on where they were. */
const root = join(import.meta.dirname, "..");
const proofs: readonly {
  readonly name: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}[] = [
  { name: "10 million fuzzed inputs", command: ["node", "test/fuzz/run.ts", "--inputs", "10000000"] },
  {
    name: "kills and properties at full length",
    command: ["vitest", "run", "--testTimeout=3600000"],
    environment: { LAYANG_PROVE: "1" },
  },
  {
    name: "detectors on every test world",
    command: ["node", "bin/layang.js", "evaluate", "--all", "--keep", "data/evaluate", "--out", "docs/evaluation.md"],
  },
];

ensurePrograms();
ensurePortal();
const failed: string[] = [];
for (const { name, command, environment } of proofs) {
  console.log(`\n== ${name}`);
  const [program = "", ...args] = command;
  const { status } = spawnSync(join(root, "node_modules/.bin", program), args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...environment },
  });
  if (status !== 0) failed.push(name);
}
console.log(failed.length === 0 ? `\n${proofs.length} proofs, all hold` : `\nFailed: ${failed.join("; ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
