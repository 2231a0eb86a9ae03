// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

const newest = (folder: string): number =>
  Math.max(
    0,
    ...readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes(`${folder}/dist`))
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );

/** Builds the portal when it was never built or its sources are newer. */
export const ensurePortal = (): void => {
  const built = join(root, "portal/dist/index.html");
  if (!existsSync(join(root, "portal/index.html"))) return;
  const age = existsSync(built) ? statSync(built).mtimeMs : 0;
  if (age >= Math.max(newest(join(root, "portal")), newest(join(root, "src/api/contract")))) return;
  console.log("Building the portal ...");
  execFileSync(join(root, "node_modules/.bin/vite"), ["build", "portal", "--logLevel", "warn"], {
    cwd: root,
    stdio: "inherit",
    // Under a test runner NODE_ENV is "test", and React would be built for development.
    env: { ...process.env, NODE_ENV: "production" },
  });
};
