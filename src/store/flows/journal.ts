// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What the store has begun and not finished. The blocks of a group of batches lie here before the engine sees them, and the engine
 * reads them from here, so what is inserted after a crash are the same bytes as before it. The entry's own file is written
 * last, by renaming: blocks without one were never begun. A killed process leaves its files to the next; files
 * are not forced to the medium, so a power cut may cost what the engine had not written by itself.
 */
export interface JournalBatch {
  /** Tells sensor, sequence and content apart. */
  readonly id: string;
  readonly sensor: string;
  readonly sequence: number;
  /** Rows in the group's block files. */
  readonly flows: number;
  readonly aggregates: number;
  /** 5-minute buckets that gain rows, microseconds. */
  readonly buckets: readonly number[];
  /** The row of `reports`, without its stamp, as the engine's JSON. */
  readonly report: Readonly<Record<string, unknown>>;
}
/** Batches that are inserted together, under one token. */
export interface JournalGroup {
  readonly kind: "group";
  /** Name of the files, and token of the inserts. */
  readonly id: string;
  readonly batches: readonly JournalBatch[];
}
/** The same batches give the same name; one alone has its own. */
export const groupOf = (batches: readonly JournalBatch[]): JournalGroup => {
  const hash = createHash("sha256");
  for (const { id } of batches) hash.update(`${id}\n`);
  const [alone, second] = batches;
  const id = alone !== undefined && second === undefined ? alone.id : `group-${hash.digest("hex").slice(0, 32)}`;
  return { kind: "group", id, batches };
};
export interface JournalRevocation {
  readonly kind: "revocation";
  readonly id: string;
  readonly sensor: string;
  readonly since: number;
  /** 5-minute buckets that lose rows, microseconds. */
  readonly buckets: readonly number[];
}
export type JournalEntry = JournalGroup | JournalRevocation;
type BlockTable = "flows" | "aggregates";

/** Rows of a group's block file; it exists where there are any. */
export const rowsOf = ({ batches }: JournalGroup, table: BlockTable): number =>
  batches.reduce((sum, batch) => sum + batch[table], 0);

/** Entries of one batch, as earlier versions left them: the token was the batch's own name. */
interface LoneBatch extends JournalBatch {
  readonly kind: "batch";
}
const entryOf = (text: string): JournalEntry => {
  const found = JSON.parse(text) as JournalEntry | LoneBatch;
  return found.kind === "batch" ? { kind: "group", id: found.id, batches: [found] } : found;
};

const writeBlocks = (path: string, blocks: Iterable<Uint8Array>): void => {
  const file = openSync(path, "w", 0o600);
  try {
    for (const block of blocks) writeFileSync(file, block);
  } finally {
    closeSync(file);
  }
};

export class Journal {
  readonly folder: string;
  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  blockPath(id: string, table: BlockTable): string {
    return join(this.folder, `${id}.${table}`);
  }

  /** Entries begun before and not removed, in the order of their names; files that belong to none are deleted. */
  begun(): JournalEntry[] {
    const names = readdirSync(this.folder).toSorted();
    const ids = new Set(names.filter((name) => name.endsWith(".entry")).map((name) => name.slice(0, -6)));
    for (const name of names) {
      if (!ids.has(name.slice(0, name.lastIndexOf(".")))) rmSync(join(this.folder, name), { force: true });
    }
    return [...ids].map((id) => entryOf(readFileSync(join(this.folder, `${id}.entry`), "utf8")));
  }

  /** Groups with batches of a sensor that were begun and not finished. */
  leftBy(sensor: string): JournalGroup[] {
    return readdirSync(this.folder)
      .filter((name) => name.endsWith(".entry"))
      .toSorted()
      .map((name) => entryOf(readFileSync(join(this.folder, name), "utf8")))
      .filter(
        (entry): entry is JournalGroup => entry.kind === "group" && entry.batches.some((one) => one.sensor === sensor),
      );
  }

  /** Blocks are written one after another. Flows that lie in a file of this file system already are moved, not written again. */
  begin(
    entry: JournalEntry,
    blocks: { flows?: Iterable<Uint8Array> | { file: string }; aggregates?: Iterable<Uint8Array> } = {},
  ): void {
    const path = join(this.folder, `${entry.id}.entry`);
    const written: string[] = [];
    try {
      for (const table of ["flows", "aggregates"] as const) {
        const found = blocks[table];
        if (found === undefined) continue;
        const block = this.blockPath(entry.id, table);
        if ("file" in found) renameSync(found.file, block);
        else {
          written.push(block);
          writeBlocks(block, found);
        }
      }
      written.push(`${path}.part`);
      writeFileSync(`${path}.part`, JSON.stringify(entry), { mode: 0o600 });
      renameSync(`${path}.part`, path);
    } catch (error) {
      // A disk that is full stays so otherwise: each attempt would leave files of another name.
      for (const file of written) rmSync(file, { force: true });
      throw error;
    }
  }

  end(entry: JournalEntry): void {
    rmSync(join(this.folder, `${entry.id}.entry`), { force: true });
    if (entry.kind !== "group") return;
    for (const table of ["flows", "aggregates"] as const) {
      if (rowsOf(entry, table) > 0) rmSync(this.blockPath(entry.id, table), { force: true });
    }
  }
}
