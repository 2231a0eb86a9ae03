// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { AppError } from "./errors.ts";

/**
 * Refuses a folder whose parent is not there. `what` names the folder in words. A disk that is not mounted must not be replaced by a tree of new
 * folders on the one below it. @throws AppError FOLDER_MISSING.
 */
export const checkParent = (folder: string, what: string): void => {
  const parent = dirname(folder);
  if (statSync(parent, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new AppError(
    "FOLDER_MISSING",
    `${what} ${folder} cannot be made: there is no folder ${parent}. Is its disk mounted? If the path is right, make that folder first`,
  );
};

/** Makes the last part of a path where it is not there. @throws AppError FOLDER_MISSING. */
export const makeFolder = (folder: string, what: string): void => {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  checkParent(folder, what);
  mkdirSync(folder, { mode: 0o700 });
};
