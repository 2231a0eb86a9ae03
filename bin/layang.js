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
  const { enableCompileCache } = await import("node:module");
  const { HOME, XDG_CACHE_HOME } = process.env;
  const cache = XDG_CACHE_HOME || (HOME ? `${HOME}/.cache` : undefined);
  // Types are erased and code compiled once, not at every start; without a home, or one that can be written, every time.
  if (cache !== undefined) enableCompileCache(`${cache}/layang/code`);
  const { main } = await import("../src/cli/main.ts");
  process.exitCode = await main(process.argv.slice(2));
}
