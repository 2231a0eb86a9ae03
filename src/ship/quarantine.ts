// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { syncFolder } from "../platform/files.ts";

export interface QuarantineLimits {
  /** Bytes of all sensors, and of one. */
  readonly total: number;
  readonly share: number;
  /** Milliseconds that a batch stays. */
  readonly age: number;
}
export const quarantineLimits: QuarantineLimits = { total: 256 << 20, share: 32 << 20, age: 7 * 86_400_000 };

interface Kept {
  readonly sensor: string;
  readonly path: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly since: number;
}

const form = /^([a-z0-9-]{2,32})-\d+\.batch$/;

/**
 * Batches whose time cannot be true, kept aside as they came: `SENSOR-SEQUENCE.batch`. There is always room: the oldest of
 * the same sensor go, or of the one that holds most, and are counted.
 */
export class Quarantine {
  readonly #folder: string;
  readonly #limits: QuarantineLimits;
  readonly #clock: () => number;
  /** Oldest first. */
  #kept: Kept[];
  #given = new Map<string, number>();

  /** `clock` gives milliseconds since 1970. */
  constructor(folder: string, limits: QuarantineLimits = quarantineLimits, clock: () => number = Date.now) {
    this.#folder = folder;
    this.#limits = limits;
    this.#clock = clock;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#kept = readdirSync(folder)
      .flatMap((file): Kept[] => {
        const sensor = form.exec(file)?.[1];
        if (sensor === undefined) return [];
        const path = join(folder, file);
        const { size, mtimeMs } = statSync(path);
        return [{ sensor, path, size, since: mtimeMs }];
      })
      .sort((a, b) => a.since - b.since);
  }

  /** Batches of a sensor that were given up for room since the start. */
  given(sensor: string): number {
    return this.#given.get(sensor) ?? 0;
  }

  #bytes(sensor?: string): number {
    return this.#kept.reduce((sum, one) => (sensor === undefined || one.sensor === sensor ? sum + one.size : sum), 0);
  }

  #drop(gone: readonly Kept[]): void {
    const known = new Set(gone);
    this.#kept = this.#kept.filter((one) => !known.has(one));
    for (const { path } of gone) rmSync(path, { force: true });
  }

  #giveUpOldest(sensor: string): void {
    this.#given.set(sensor, this.given(sensor) + 1);
    const oldest = this.#kept.find((one) => one.sensor === sensor);
    if (oldest !== undefined) this.#drop([oldest]);
  }

  /** Keeps a batch, or gives it up where not even the disk has room: its sensor need not send it again in either case. */
  keep(sensor: string, sequence: number, batch: Uint8Array): void {
    const { share, total } = this.#limits;
    if (batch.length > Math.min(share, total)) return void this.#given.set(sensor, this.given(sensor) + 1);
    while (this.#bytes(sensor) + batch.length > share) this.#giveUpOldest(sensor);
    while (this.#bytes() + batch.length > total) {
      const holders = [...new Set(this.#kept.map((one) => one.sensor))];
      this.#giveUpOldest(holders.reduce((most, one) => (this.#bytes(one) > this.#bytes(most) ? one : most)));
    }
    const path = join(this.#folder, `${sensor}-${sequence}.batch`);
    try {
      writeFileSync(`${path}.tmp`, batch, { flush: true });
      renameSync(`${path}.tmp`, path);
      syncFolder(this.#folder);
    } catch (error) {
      if (!["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      rmSync(`${path}.tmp`, { force: true });
      this.#given.set(sensor, this.given(sensor) + 1);
      return;
    }
    this.#kept = this.#kept.filter((one) => one.path !== path);
    this.#kept.push({ sensor, path, size: batch.length, since: this.#clock() });
  }

  /** Removes what has been here for too long, and all of sensors that are refused. */
  tidy(refused: (sensor: string) => boolean): void {
    const until = this.#clock() - this.#limits.age;
    this.#drop(this.#kept.filter(({ sensor, since }) => since <= until || refused(sensor)));
  }
}
