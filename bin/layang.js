#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Plain JavaScript, so that an old Node can still say what is wrong.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  process.stderr.write(
    `layang: needs Node 24, this is ${process.version} [NODE_TOO_OLD]. Run it as \`npx layang\` or through \`npm run\`, which use the Node 24 that \`npm ci\` installed.\n`,
  );
  process.exitCode = 2;
} else {
  const { constants, enableCompileCache } = await import("node:module");
  const { HOME, XDG_CACHE_HOME, LAYANG_CODE_OWN } = process.env;
  const home = XDG_CACHE_HOME || (HOME ? `${HOME}/.cache` : undefined);
  const cache = LAYANG_CODE_OWN || (home && `${home}/layang/code`);
  // Types are erased and code compiled once, not at every start; without a home, or one that can be written, every time.
  const cached = cache !== undefined && enableCompileCache(cache).status !== constants.compileCacheStatus.FAILED;
  // A sensor begins again when its code is compiled (src/platform/afresh.ts): without a home, from a folder of its own.
  if (!cached && process.argv[2] === "sensor") {
    const { mkdtempSync } = await import("node:fs");
    const { tmpdir } = await import("node:os");
    try {
      process.env.LAYANG_CODE_OWN = mkdtempSync(`${tmpdir()}/layang-code-`);
      enableCompileCache(process.env.LAYANG_CODE_OWN);
    } catch {
      // Nowhere to write: the process stays as large as it is.
    }
  }
  const { main } = await import("../src/cli/main.ts");
  process.exitCode = await main(process.argv.slice(2));
}
