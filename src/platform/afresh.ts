// SPDX-License-Identifier: Apache-2.0
import { rmSync } from "node:fs";
import { flushCompileCache, getCompileCacheDir } from "node:module";

/** Set in the second life of a process. */
const second = "LAYANG_AFRESH";
/** A folder of compiled code that was made for this process alone: see bin/layang.js. */
const own = "LAYANG_CODE_OWN";

/** Whether Node loaded what erases types, as it does when some file of the program is not in the cache of compiled code. */
const erasedTypes = (): boolean => {
  const loaded = (process as { moduleLoadList?: readonly string[] }).moduleLoadList ?? [];
  return loaded.some((name) => name.endsWith("/amaro/dist/index"));
};

/**
 * Begins the same process again, under the same number, when erasing types has made it larger than it need be: the 26 MB that
 * this takes are never given back, and the second time the code comes from the cache. To be called when all code is
 * loaded and nothing is open yet. Returns where nothing is to be gained.
 */
export const startAfresh = (): void => {
  const { [second]: again, [own]: mine } = process.env;
  if (again === undefined && getCompileCacheDir() !== undefined && erasedTypes() && process.execve !== undefined) {
    flushCompileCache();
    const [program = process.execPath, ...args] = process.argv;
    process.execve(program, [program, ...process.execArgv, ...args], { ...process.env, [second]: "1" });
  }
  if (mine !== undefined) rmSync(mine, { recursive: true, force: true });
};
