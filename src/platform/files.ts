// SPDX-License-Identifier: Apache-2.0
import { closeSync, fdatasyncSync, openSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Makes what was created, renamed or removed in a folder survive a power cut. */
export const syncFolder = (folder: string): void => {
  const handle = openSync(folder, "r");
  try {
    fdatasyncSync(handle);
  } finally {
    closeSync(handle);
  }
};

/** Replaces a file whole: a reader sees the old text or the new one, also after a power cut. For small, rare files. */
export const writeDurably = (path: string, text: string, mode = 0o644): void => {
  const temporary = `${path}.${process.pid}.tmp`;
  const handle = openSync(temporary, "w", mode);
  try {
    writeFileSync(handle, text);
    fdatasyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, path);
  syncFolder(dirname(path));
};

/** As `writeDurably` without waiting for the disk: safe against kill -9, not against a power cut. */
export const writeWhole = (path: string, text: string): void => {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
};
