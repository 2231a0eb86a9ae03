// SPDX-License-Identifier: Apache-2.0
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../platform/errors.ts";

export interface CaptureFile {
  readonly path: string;
  /** Named by the user, so that being no capture is an error; a file met in a folder may be anything. */
  readonly named: boolean;
}

/**
 * The files behind paths that a user gave: a folder stands for all files in it, however deep, in the order of their paths
 * (compared by code unit, so that every machine reads them alike); "-" and files stand for themselves. Links inside folders
 * to other folders are not followed. Throws `CAPTURE_NOT_FOUND` for a path that is not there.
 */
export const captureFiles = (paths: readonly string[]): CaptureFile[] =>
  paths.flatMap((path): CaptureFile[] => {
    if (path === "-") return [{ path, named: true }];
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) throw new AppError("CAPTURE_NOT_FOUND", `${path}: no such file or folder`, { file: path });
    if (!found.isDirectory()) return [{ path, named: true }];
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() || (entry.isSymbolicLink() && leadsToFile(join(entry.parentPath, entry.name))))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
      .map((file) => ({ path: file, named: false }));
  });

const leadsToFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
