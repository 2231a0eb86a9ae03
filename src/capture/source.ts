// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Where bytes come from. `read` fills `into` from `at` on and says how many bytes came; 0 is the end. */
export interface ByteSource {
  read(into: Uint8Array, at: number): number | Promise<number>;
  close(): void;
  /** Why the bytes end early (damage in a compressed stream); empty when they do not. */
  readonly damage: string;
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Read at once from a file: small enough that packets are still in the processor's cache when they are decoded. */
const READ = 262_144;

/** Throws the system's error when the file cannot be opened for reading. */
export const fileSource = (path: string): ByteSource => {
  const file = openSync(path, "r");
  if (fstatSync(file).isDirectory()) {
    closeSync(file);
    throw Object.assign(new Error("is a folder"), { code: "EISDIR" });
  }
  const source = {
    damage: "",
    read(into: Uint8Array, at: number): number {
      try {
        return readSync(file, into, at, Math.min(READ, into.length - at), null);
      } catch (error) {
        // A disk or a mount that fails in the midst of a file: what was read so far is good.
        source.damage = reasonOf(error);
        return 0;
      }
    },
    close: () => closeSync(file),
  };
  return source;
};

/** Chunks handed on as they come: a read returns what is there, so live traffic is not held back to fill a window. */
export const streamSource = (stream: AsyncIterable<Uint8Array>): ByteSource => {
  const chunks = stream[Symbol.asyncIterator]();
  let chunk = new Uint8Array(0);
  let used = 0;
  const source = {
    damage: "",
    async read(into: Uint8Array, at: number): Promise<number> {
      while (used === chunk.length) {
        let next: IteratorResult<Uint8Array>;
        try {
          next = await chunks.next();
        } catch (error) {
          // A pipe or download that breaks is a capture cut in its tail.
          source.damage = reasonOf(error);
          return 0;
        }
        if (next.done === true) return 0;
        chunk = next.value as Uint8Array<ArrayBuffer>;
        used = 0;
      }
      const size = Math.min(chunk.length - used, into.length - at);
      into.set(chunk.subarray(used, used + size), at);
      used += size;
      return size;
    },
    close: (): void => void chunks.return?.().catch(() => undefined), // nothing more is wanted of it
  };
  return source;
};

/** Bytes put back in front of a source: what was read to recognise it. */
export const prefixed = (head: Uint8Array, source: ByteSource): ByteSource => {
  let used = 0;
  return {
    get damage(): string {
      return source.damage;
    },
    read(into, at) {
      if (used === head.length) return source.read(into, at);
      const size = Math.min(head.length - used, into.length - at);
      into.set(head.subarray(used, used + size), at);
      used += size;
      return size;
    },
    close: () => source.close(),
  };
};
