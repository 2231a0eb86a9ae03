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
  const { homedir } = await import("node:os");
  // Types are erased and code compiled once, not at every start; where the folder cannot be written, every time.
  enableCompileCache(`${process.env["XDG_CACHE_HOME"] ?? `${homedir()}/.cache`}/layang/code`);
  const { main } = await import("../src/cli/main.ts");
  process.exitCode = await main(process.argv.slice(2));
}
