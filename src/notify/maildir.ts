// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { AppError } from "../platform/errors.ts";
import { syncFolder } from "../platform/files.ts";

/*
 * Mail comes in as files of a maildir: whatever mail server stands beside the node delivers there, or pipes to `layang node mail`. So the
 * node listens on no port for mail, and a mail that arrives while it is down waits.
 */

export const mailBytes = 10 << 20;
const parts = ["tmp", "new", "cur", "failed"] as const;
export const mailFolder = (data: string): string => join(data, "mail");

/** Makes the folder, for the node's user alone. */
export const openMaildir = (folder: string): void => {
  const made = parts.filter((part) => mkdirSync(join(folder, part), { recursive: true, mode: 0o700 }) !== undefined);
  if (made.length > 0) for (const one of [folder, dirname(folder)]) syncFolder(one);
};

/** Puts a mail into the folder whole and durably, before it answers: who hears of no error may forget it. @throws AppError MAIL_INVALID */
export const dropMail = (folder: string, message: Uint8Array): string => {
  if (message.length === 0 || message.length > mailBytes)
    throw new AppError("MAIL_INVALID", "a mail has 1 byte to 10 MiB");
  const head = Buffer.from(message.subarray(0, 4096)).toString("latin1");
  if (!/^[!-9;-~]+:/m.test(head)) throw new AppError("MAIL_INVALID", "this is no mail: it has no header");
  openMaildir(folder);
  const name = `${Date.now()}.${randomBytes(8).toString("hex")}.${hostname().replaceAll(/[^\w.-]+/g, "-")}`;
  const path = join(folder, "tmp", name);
  try {
    // One write may take a part alone, and say so without an error.
    writeFileSync(path, message, { flag: "wx", mode: 0o600, flush: true });
    renameSync(path, join(folder, "new", name));
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  syncFolder(join(folder, "new"));
  return name;
};

/**
 * Takes every mail that waits, oldest first. What was taken moves to `cur`, what could not be to `failed`: nothing is lost, and nothing
 * stands in the way of the next. Answers how many were taken.
 */
export const takeMails = async (
  folder: string,
  take: (message: Uint8Array) => Promise<void>,
  onFault: (error: unknown) => void,
): Promise<number> => {
  let taken = 0;
  for (const name of readdirSync(join(folder, "new")).toSorted().slice(0, 1_000)) {
    const path = join(folder, "new", name);
    try {
      if (statSync(path).size > mailBytes)
        throw new AppError("MAIL_INVALID", "a mail larger than 10 MiB was put aside");
      await take(readFileSync(path));
      renameSync(path, join(folder, "cur", `${name}:2,S`));
      taken++;
    } catch (error) {
      onFault(error);
      // A desk that does not answer is no fault of the mail: it stays.
      if (error instanceof AppError && error.code === "DESK_UNAVAILABLE") break;
      renameSync(path, join(folder, "failed", name));
    }
  }
  return taken;
};
