// SPDX-License-Identifier: Apache-2.0
import { createHmac, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The 128-bit key of the flow table's tokens, derived from a secret that stays where it is. */
export const tokenKey = (secret: Uint8Array): Uint8Array =>
  createHmac("sha256", secret).update("layang dark-address tokens").digest().subarray(0, 16);

/**
 * The token key of replays. With a data folder, whose rows may be shared one day, from a secret of that folder (made at the
 * first replay, readable by its owner alone); without one a fixed key, because nothing is kept: answers are the same to the
 * byte everywhere.
 */
export const replayKey = (data: string | undefined): Uint8Array => {
  if (data === undefined) return tokenKey(Buffer.from("replay without a store"));
  const file = join(data, "replay.key");
  mkdirSync(data, { recursive: true });
  try {
    writeFileSync(file, randomBytes(32), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return tokenKey(readFileSync(file));
};
