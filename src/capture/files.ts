// SPDX-License-Identifier: Apache-2.0
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../platform/errors.ts";

export interface CaptureFile {
  readonly path: string;
  /** Named by the user, so that being no capture is an error; a file met in a folder may be anything. */
  readonly named: boolean;
}

/** Whether a link leads to a file: not where it leads nowhere, or in a circle. */
const leadsToFile = (path: string): boolean => {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

/** All files below a folder. Links to folders are not followed, so that there are no circles. */
const below = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return below(path);
    if (entry.isFile()) return [path];
    return entry.isSymbolicLink() && leadsToFile(path) ? [path] : [];
  });

/**
 * The files behind paths that a user gave: a folder stands for all files in it, however deep, in the order of their paths
 * (compared by code unit, so that every machine reads them alike); "-" and files stand for themselves. Throws
 * `CAPTURE_NOT_FOUND` for a path that is not there.
 */
export const captureFiles = (paths: readonly string[]): CaptureFile[] =>
  paths.flatMap((path): CaptureFile[] => {
    if (path === "-") return [{ path, named: true }];
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) throw new AppError("CAPTURE_NOT_FOUND", `${path}: no such file or folder`, { file: path });
    if (!found.isDirectory()) return [{ path, named: true }];
    return below(path)
      .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
      .map((file) => ({ path: file, named: false }));
  });
