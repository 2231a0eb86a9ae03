// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensurePortal } from "./portal.ts";
import { ensurePrograms } from "./programs.ts";

interface Assertion {
  readonly status: string;
  readonly fullName: string;
}
interface Results {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly Assertion[];
  }[];
}

ensurePrograms();
ensurePortal();

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "layang-test-"));
// A PostgreSQL server of the tests runs as a user of its own, who must be able to pass through.
chmodSync(folder, 0o711);
const file = join(folder, "results.json");
const run = spawnSync(
  join(root, "node_modules/.bin/vitest"),
  ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`, ...process.argv.slice(2)],
  // Whatever a test, or what it killed, leaves behind goes with the folder; and no test finds what another run had kept for this user.
  {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      TMPDIR: folder,
      XDG_CACHE_HOME: join(folder, "cache"),
      // Every file is a process of its own, and loads the same packages.
      NODE_COMPILE_CACHE: join(folder, "compiled"),
    },
  },
);

let failed = run.status === 0 ? 0 : 1;
let passed = 0;
const skipped: string[] = [];
try {
  const { testResults } = JSON.parse(readFileSync(file, "utf8")) as Results;
  const all = testResults.flatMap(({ assertionResults }) => assertionResults);
  passed = all.filter(({ status }) => status === "passed").length;
  // A file that could not even be loaded has no assertions, and is a failure all the same.
  const unloaded = testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  );
  failed = Math.max(failed, all.filter(({ status }) => status === "failed").length + unloaded.length);
  for (const { status, fullName } of all) if (status !== "passed" && status !== "failed") skipped.push(fullName.trim());
} catch {
  failed = 1;
}
try {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
} catch (error) {
  // A folder that stays is no failed test.
  console.log(`\n${folder} could not be removed: ${String(error)}`);
}
if (skipped.length > 0) console.log(`\nSkipped:\n${skipped.map((name) => `  ${name}`).join("\n")}`);
console.log(`\n${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
