// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What the store has begun and not finished. A batch's blocks lie here before the engine sees them, and the engine
 * reads them from here, so what is inserted after a crash are the same bytes as before it. The entry's own file is written
 * last, by renaming: blocks without one were never begun. A killed process leaves its files to the next; files
 * are not forced to the medium, so a power cut may cost what the engine had not written by itself.
 */
export interface JournalBatch {
  readonly kind: "batch";
  readonly id: string;
  /** Rows of the block files; a file exists where rows > 0. */
  readonly flows: number;
  readonly aggregates: number;
  readonly token: string;
  readonly sensor: string;
  readonly sequence: number;
  /** 5-minute buckets that gain rows, microseconds. */
  readonly buckets: readonly number[];
  /** The row of `reports`, without its stamp, as the engine's JSON. */
  readonly report: Readonly<Record<string, unknown>>;
}
export interface JournalRevocation {
  readonly kind: "revocation";
  readonly id: string;
  readonly sensor: string;
  readonly since: number;
  /** 5-minute buckets that lose rows, microseconds. */
  readonly buckets: readonly number[];
}
export type JournalEntry = JournalBatch | JournalRevocation;

export class Journal {
  readonly folder: string;
  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  blockPath(id: string, table: "flows" | "aggregates"): string {
    return join(this.folder, `${id}.${table}`);
  }

  /** Entries begun before and not removed, in the order of their names; files that belong to none are deleted. */
  begun(): JournalEntry[] {
    const names = readdirSync(this.folder).toSorted();
    const ids = new Set(names.filter((name) => name.endsWith(".entry")).map((name) => name.slice(0, -6)));
    for (const name of names) {
      if (!ids.has(name.slice(0, name.lastIndexOf(".")))) rmSync(join(this.folder, name), { force: true });
    }
    return [...ids].map((id) => JSON.parse(readFileSync(join(this.folder, `${id}.entry`), "utf8")) as JournalEntry);
  }

  /** Batches of a sensor that were begun and not finished. */
  leftBy(sensor: string): JournalBatch[] {
    return readdirSync(this.folder)
      .filter((name) => name.endsWith(".entry"))
      .toSorted()
      .map((name) => JSON.parse(readFileSync(join(this.folder, name), "utf8")) as JournalEntry)
      .filter((entry): entry is JournalBatch => entry.kind === "batch" && entry.sensor === sensor);
  }

  has(id: string): boolean {
    return existsSync(join(this.folder, `${id}.entry`));
  }

  /** Flows that lie in a file of this file system already are moved, not written again. */
  begin(entry: JournalEntry, blocks: { flows?: Uint8Array | { file: string }; aggregates?: Uint8Array } = {}): void {
    const { flows } = blocks;
    if (flows instanceof Uint8Array) writeFileSync(this.blockPath(entry.id, "flows"), flows, { mode: 0o600 });
    else if (flows !== undefined) renameSync(flows.file, this.blockPath(entry.id, "flows"));
    if (blocks.aggregates !== undefined) {
      writeFileSync(this.blockPath(entry.id, "aggregates"), blocks.aggregates, { mode: 0o600 });
    }
    const path = join(this.folder, `${entry.id}.entry`);
    writeFileSync(`${path}.part`, JSON.stringify(entry), { mode: 0o600 });
    renameSync(`${path}.part`, path);
  }

  end(entry: JournalEntry): void {
    rmSync(join(this.folder, `${entry.id}.entry`), { force: true });
    if (entry.kind !== "batch") return;
    if (entry.flows > 0) rmSync(this.blockPath(entry.id, "flows"), { force: true });
    if (entry.aggregates > 0) rmSync(this.blockPath(entry.id, "aggregates"), { force: true });
  }
}
