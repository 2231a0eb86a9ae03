// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";

/** A part's folder: partition, first and last block, level. */
const partName = /^(\d+|all)_(\d+)_(\d+)_\d+(?:_\d+)?$/;

/** A line of a table's log of tokens, by where it begins in the file: the engine knows a block by it that it does not have. */
export interface LostPart {
  readonly log: string;
  readonly at: number;
}

/** The last line of the newest log that has one. */
const lastLine = (folder: string): { readonly log: string; readonly at: number; readonly line: string } | undefined => {
  const numberOf = (name: string): number => Number(/\d+/.exec(name)?.[0] ?? 0);
  for (const name of readdirSync(folder).toSorted((a, b) => numberOf(b) - numberOf(a))) {
    const log = join(folder, name);
    const bytes = readFileSync(log);
    const at = bytes.lastIndexOf(10, bytes.length - 2) + 1;
    if (bytes.length > 0) return { log, at, line: bytes.toString("utf8", at).trimEnd() };
  }
  return undefined;
};

/**
 * Where the engine was killed between two things it does for a block: it writes its token into the table's log, then it gives the part its name
 * (`MergeTreeSink`). It would drop the block as known when the journal hands it over again. One block of a table is on its way at a time, so that only
 * the last line can be such. To be asked by who holds the folder, before anything is inserted.
 */
export const lostParts = (path: string): LostPart[] => {
  const store = join(path, "store");
  if (!existsSync(store)) return [];
  return readdirSync(store)
    .flatMap((few) => readdirSync(join(store, few)).map((table) => join(store, few, table)))
    .flatMap((table) => {
      const logs = join(table, "deduplication_logs");
      const last = existsSync(logs) ? lastLine(logs) : undefined;
      // 1: added. Of what was dropped the part is gone rightly.
      const [, partition, block] = /^1\t(\d+|all)_(\d+)_/.exec(last?.line ?? "") ?? [];
      if (last === undefined || block === undefined) return [];
      const isThere = readdirSync(table).some((name) => {
        const [, of, from, to] = partName.exec(name) ?? [];
        return of === partition && Number(from) <= Number(block) && Number(to) >= Number(block);
      });
      return isThere ? [] : [{ log: last.log, at: last.at }];
    });
};

/** Has the engine forget them; while it is closed, for it reads its logs when it opens. */
export const forgetLostParts = (lost: readonly LostPart[]): void => {
  for (const { log, at } of lost) truncateSync(log, at);
};
