// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { mkdirSync, realpathSync } from "node:fs";
import { createServer } from "node:net";
import { AppError } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";

/**
 * Keeps a second process off a folder: two that count sequences up, or write one database, would overwrite each other. The lock is a socket without a
 * file, which the kernel frees when the process ends, however it ends. Answers what frees it before.
 * @throws AppError with `code` when another process has it.
 */
export const lockFolder = async (folder: string, code: ErrorCode): Promise<() => void> => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const name = createHash("sha256").update(realpathSync(folder)).digest("hex").slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "EADDRINUSE" ? new AppError(code, `${folder} is in use by another process`) : error),
    );
    server.listen(`\0layang-folder-${name}`, resolve);
  });
  server.unref();
  return () => void server.close();
};
