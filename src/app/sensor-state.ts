// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DarkSet } from "../flow/dark.ts";
import { formatIp, parseIp } from "../net/ip.ts";
import type { IpWords } from "../net/ip.ts";
import type { Prefix } from "../net/prefix.ts";
import { AppError } from "../platform/errors.ts";
import type { Logger } from "../platform/log.ts";
import { writeDurably } from "../platform/files.ts";

/** Retired in one hour at most: whoever forges sources inside the dark prefix must not talk the sensor out of existence. */
const AN_HOUR = 16;
const HOUR = 3_600_000_000;
const MINUTE = 60_000_000;
/** Minutes in which the last address in force must have spoken before it is retired: one forged packet must not blind the sensor. */
const LAST_SPEAKS = 10;

/** The dark addresses in force. Those that spoke are retired for good: `retired.json` in the state folder, one operator's to read. */
export interface Darkness {
  readonly set: DarkSet;
  /** To be told when a packet comes from inside a dark prefix. */
  speaks(address: IpWords, time: number): void;
  /** How often one spoke, and how many were retired since the start. */
  readonly counters: { spoke: number; retired: number };
}

export const openDarkness = (prefixes: readonly Prefix[], folder: string, log: Logger): Darkness => {
  const set = new DarkSet(prefixes);
  const path = join(folder, "retired.json");
  let known: { address: string; at: string }[] = [];
  try {
    known = JSON.parse(readFileSync(path, "utf8")) as typeof known;
    for (const { address } of known) {
      const words = parseIp(address);
      if (words === undefined) throw new TypeError("no address");
      set.retire(words);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw new AppError("SENSOR_STATE", `${path} cannot be read; it is a list of {"address","at"}`);
    }
  }
  const declared = set.size + set.retired.length;
  const counters = { spoke: 0, retired: 0 };
  let hour = 0;
  let inHour = 0;
  let warned = -1;
  let lastMinute = -1;
  let lastMinutes = 0;
  /** Addresses stand in the file alone: logs travel, and a dark address must not. */
  const write = (): void => {
    try {
      writeDurably(path, `${JSON.stringify(known, null, 2)}\n`, 0o600);
    } catch (error) {
      // A full disk must not end the capture: it is retired in memory, and found again should the process start anew.
      log.error({ file: path, reason: (error as NodeJS.ErrnoException).code }, "retired addresses cannot be written");
    }
  };
  return {
    set,
    counters,
    speaks: (address, time) => {
      counters.spoke++;
      if (set.isRetired(address)) return;
      if (Math.floor(time / HOUR) !== hour) [hour, inHour] = [Math.floor(time / HOUR), 0];
      if (inHour >= AN_HOUR || set.retired.length >= Math.max(1, declared / 8)) {
        // Once an hour: a flood of forged sources must not become a flood of lines.
        if (warned === hour) return;
        warned = hour;
        log.warn(
          { spoke: counters.spoke },
          "dark addresses speak, or somebody forges them; too many were retired to retire more: see layang sensor doctor",
        );
        return;
      }
      if (set.size === 1 && set.contains(address)) {
        if (Math.floor(time / MINUTE) === lastMinute) return;
        lastMinute = Math.floor(time / MINUTE);
        lastMinutes++;
        if (lastMinutes < LAST_SPEAKS) {
          if (lastMinutes === 1) {
            log.error(
              "the last dark address speaks, or somebody forges it: see layang sensor doctor; it stays in force yet",
            );
          }
          return;
        }
      }
      if (!set.retire(address)) return;
      inHour++;
      counters.retired++;
      known.push({ address: formatIp(address), at: new Date(time / 1_000).toISOString() });
      write();
      log.error({ file: path }, "a dark address speaks: it is retired, what is sent to it makes no flows any more");
    },
  };
};
