// SPDX-License-Identifier: Apache-2.0
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";

const packages = join(import.meta.dirname, "../../node_modules");
const { version } = JSON.parse(readFileSync(join(packages, "@electric-sql/pglite/package.json"), "utf8")) as {
  version: string;
};

/**
 * Lays an empty database cluster where a desk under `folder` looks for one, as the engine itself makes it: that takes four seconds, so it is made once
 * for all tests and copied. What is in it (roles, tables, migrations) is made by whoever opens it.
 */
export const layDesk = async (folder: string): Promise<void> => {
  const cache = join(packages, ".cache");
  const template = join(cache, `layang-desk-${version}`);
  if (!existsSync(template)) {
    mkdirSync(cache, { recursive: true });
    const made = mkdtempSync(join(cache, "layang-desk-"));
    await (await PGlite.create(made)).close();
    try {
      renameSync(made, template);
    } catch {
      // Another test's was there first.
      rmSync(made, { recursive: true, force: true });
    }
  }
  cpSync(template, join(folder, "desk"), { recursive: true });
};
