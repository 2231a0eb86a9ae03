// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants, rmSync } from "node:fs";
import { flushCompileCache, getCompileCacheDir } from "node:module";
import { setFlagsFromString } from "node:v8";

/** Set in the second life of a process; by an operator, to have only one. */
const second = "LAYANG_AFRESH";
/** A folder of compiled code that was made for this process alone: see bin/layang.js. */
const own = "LAYANG_CODE_OWN";

/** Begins the same process again, under the same number and with the same files open. Returns where the system cannot. */
const again = (flags: readonly string[], environment: NodeJS.ProcessEnv): void => {
  const [program = process.execPath, ...args] = process.argv;
  try {
    // Node ends a process whose `execve` fails: where the program is no longer there, or may not be run, it is not tried.
    accessSync(program, constants.X_OK);
    process.execve?.(program, [program, ...process.execArgv, ...flags, ...args], environment);
  } catch {
    // The process stays as it is: larger, no worse.
  }
};

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
  const { [second]: lived, [own]: mine } = process.env;
  if (lived === undefined && getCompileCacheDir() !== undefined && erasedTypes()) {
    flushCompileCache();
    again([], { ...process.env, [second]: "1" });
  }
  if (mine !== undefined) rmSync(mine, { recursive: true, force: true });
};

/** V8 takes `_` for `-`. */
const nameOf = (flag: string): string => (flag.split("=", 1)[0] ?? flag).replaceAll("_", "-");

/**
 * The C library takes blocks of 128 KiB and more from the system one by one, and gives them back as soon as they are free; but with each one given back it raises that
 * size, up to 32 MiB, and from then on keeps them among its own, in every thread's pool: a node held 190 MB of free memory. A size that is stated stays.
 * Another C library does not read this.
 */
const pools = "GLIBC_TUNABLES";
const steady = "glibc.malloc.mmap_threshold=131072:glibc.malloc.trim_threshold=131072";
/** Whether somebody tells the C library by the environment how to keep memory. */
const isTuned = (environment: NodeJS.ProcessEnv): boolean =>
  environment[pools] !== undefined || Object.keys(environment).some((name) => name.startsWith("MALLOC_"));

/**
 * Begins the process again with flags of V8 that count only from the birth of a process on, and with pools of the C library that do not
 * grow. To be called before anything large is loaded and
 * anything is open. Returns where it has them all: what somebody gave otherwise stays as given, and flags that this Node
 * does not know are left out. Where a system ends whatever begins again, `LAYANG_AFRESH=1` lets it be.
 */
export const startWith = (flags: readonly string[]): void => {
  const given = new Set([...process.execArgv, ...(process.env["NODE_OPTIONS"] ?? "").split(/\s+/)].map(nameOf));
  const lacking = flags.filter((flag) => {
    const name = nameOf(flag);
    return process.allowedNodeEnvironmentFlags.has(name) && !given.has(name);
  });
  const tuned = process.platform !== "linux" || isTuned(process.env);
  if ((lacking.length === 0 && tuned) || process.env[second] !== undefined) return;
  again(lacking, tuned ? process.env : { ...process.env, [pools]: steady });
};

/**
 * Lets V8 look for garbage when objects have grown by four tenths since it last did, instead of up to four times: it waits for long where a machine has much memory, and a node
 * that holds 150 MB of objects had 450 MB of them. May be called at any time; it counts from the next collection on.
 */
export const growSlowly = (): void => setFlagsFromString("--heap-growing-percent=40");
