// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readdirSync, statSync, writeFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../platform/errors.ts";

/** Batches whose time cannot be true, kept aside as they came: `SENSOR-SEQUENCE.batch`. */
export class Quarantine {
  readonly #folder: string;
  readonly #limit: number;
  #bytes: number;

  constructor(folder: string, limit: number) {
    this.#folder = folder;
    this.#limit = limit;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#bytes = readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws AppError QUARANTINE_FULL: nothing is acknowledged then, the sensor keeps it. */
  keep(sensor: string, sequence: number, batch: Uint8Array): void {
    if (this.#bytes + batch.length > this.#limit) {
      throw new AppError("QUARANTINE_FULL", `batches of ${sensor} lie in the future, and their quarantine is full`);
    }
    const path = join(this.#folder, `${sensor}-${sequence}.batch`);
    writeFileSync(`${path}.tmp`, batch, { flush: true });
    renameSync(`${path}.tmp`, path);
    this.#bytes += batch.length;
  }
}
