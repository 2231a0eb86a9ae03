// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";

/** Where this user keeps what can be made again, such as the built table of the packaged prefix data; null without a home that can be written: it is made each time. */
export const cacheFolder = (): string | null => {
  const { HOME, XDG_CACHE_HOME } = process.env;
  const base = XDG_CACHE_HOME || (HOME ? join(HOME, ".cache") : undefined);
  if (base === undefined) return null;
  const folder = join(base, "layang");
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return folder;
  } catch {
    return null; // it is only a faster way to the same
  }
};
