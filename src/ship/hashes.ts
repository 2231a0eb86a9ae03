// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";

/** Sequences that are remembered: more than a day of one batch a second. */
export const REMEMBERED = 131_072;
/** A slot: low 32 bits of the sequence, then the first 12 bytes of the hash. */
const SLOT = 16;

/** The beginnings of the hashes of a sensor's newest batches, by sequence; each is remembered until a later one takes its slot. */
export interface Hashes {
  /** Whether a batch is the one that was here under this number; undefined when that is not known any more. */
  same(sequence: number, hash: string): boolean | undefined;
  note(sequence: number, hash: string): void;
  close(): void;
}

const slotOf = (sequence: number, hash: string): Buffer => {
  const slot = Buffer.alloc(SLOT);
  slot.writeUInt32LE(sequence >>> 0, 0);
  slot.write(hash.slice(0, 2 * (SLOT - 4)), 4, "hex");
  return slot;
};

/**
 * In a file of 2 MiB at most, opened when it is first needed. It is not synced: what a power cut takes is not known any more,
 * and never wrong.
 */
export const fileHashes = (path: string): Hashes => {
  let handle: number | undefined;
  const file = (): number => (handle ??= openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600));
  const at = (sequence: number): number => (sequence % REMEMBERED) * SLOT;
  return {
    same: (sequence, hash) => {
      const held = Buffer.alloc(SLOT);
      const slot = slotOf(sequence, hash);
      const read = readSync(file(), held, 0, SLOT, at(sequence));
      if (read < SLOT || held.compare(slot, 0, 4, 0, 4) !== 0 || held.every((byte) => byte === 0)) return undefined;
      return held.equals(slot);
    },
    note: (sequence, hash) => void writeSync(file(), slotOf(sequence, hash), 0, SLOT, at(sequence)),
    close: () => {
      if (handle !== undefined) closeSync(handle);
      handle = undefined;
    },
  };
};
