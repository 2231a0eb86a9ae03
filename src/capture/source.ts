// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { createGunzip, createZstdDecompress } from "node:zlib";
import type { Gunzip, ZstdDecompress } from "node:zlib";

/** Where bytes come from. `read` fills `into` from `at` on and says how many bytes came; 0 is the end. */
export interface ByteSource {
  read(into: Uint8Array, at: number): number | Promise<number>;
  close(): void;
  /** Why the bytes end early (damage in a compressed stream); empty when they do not. */
  readonly damage: string;
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

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

/** Bytes given to and taken from a decompressor at once. */
const COMPRESSED_CHUNK = 65_536;
const OUTPUT = 131_072;

/** Whether the four bytes, read most significant first, open a gzip or zstd stream. */
export const compression = (magic: number): "gzip" | "zstd" | undefined =>
  magic >>> 16 === 0x1f8b
    ? "gzip"
    : magic === 0x28b52ffd || (magic & 0xf0ffffff) >>> 0 === 0x502a4d18
      ? "zstd"
      : undefined;

/**
 * The decompressed bytes of a source. Driven by hand: the end is announced only when all input was taken, so that a stream
 * cut in its tail gives all it holds before the error; output waits inside until it is read, so a bomb cannot grow memory.
 *
 * A zstd file may have many frames, but Node's stream ends behind the first one that ends inside a chunk, and says nothing of
 * the rest: each of them gets a stream of its own. (Members of a gzip file are joined by Node; what else follows is ignored, as gzip does.)
 */
export const decompressed = (kind: "gzip" | "zstd", source: ByteSource): ByteSource => {
  let failure = "";
  let over = false;
  let wake = (): void => undefined;
  /** Input that the present engine has or had, and how much the engine had been given before it. */
  let input = new Uint8Array(0);
  let before = 0;
  let announced = false;
  let engine: Gunzip | ZstdDecompress;

  const finish = (reason: string): void => {
    failure ||= reason;
    over = true;
    wake();
  };
  /** Hands `input` to the engine; called again when that was taken, until the source ends. */
  const pump = async (): Promise<void> => {
    before = engine.bytesWritten;
    if (input.length === 0) {
      const room = new Uint8Array(COMPRESSED_CHUNK);
      const size = await source.read(room, 0);
      if (over) return;
      input = room.subarray(0, size);
      if (size === 0) {
        announced = true;
        engine.end();
        return;
      }
    }
    const mine = engine;
    mine.write(input, (error) => {
      // Failure is told by the engine's own event, and so is an end that leaves input behind.
      if (error || over || mine !== engine || mine.bytesWritten - before < input.length) return;
      input = new Uint8Array(0);
      pump().catch((reason: unknown) => finish(reasonOf(reason)));
    });
  };
  const ended = (): void => {
    const rest = input.subarray(engine.bytesWritten - before);
    if (announced || kind === "gzip" || rest.length === 0) return finish("");
    const head = new DataView(rest.buffer, rest.byteOffset);
    // A magic number cut by the chunk's end is left to the next engine to judge.
    if (rest.length >= 4 && compression(head.getUint32(0)) !== "zstd") return finish("no further frame follows");
    engine.destroy();
    engine = start();
    input = rest;
    pump().catch((reason: unknown) => finish(reasonOf(reason)));
    wake();
  };
  const start = (): Gunzip | ZstdDecompress => {
    const made = kind === "gzip" ? createGunzip({ chunkSize: OUTPUT }) : createZstdDecompress({ chunkSize: OUTPUT });
    made.on("readable", () => wake());
    made.on("end", ended);
    made.on("error", (error) => finish(error.message));
    return made;
  };
  engine = start();

  let started = false;
  let chunk: Uint8Array = new Uint8Array(0);
  let used = 0;
  return {
    get damage(): string {
      return failure === "" ? source.damage : `damaged ${kind} stream: ${failure}`;
    },
    async read(into: Uint8Array, at: number): Promise<number> {
      if (!started) {
        started = true;
        pump().catch((reason: unknown) => finish(reasonOf(reason)));
      }
      while (used === chunk.length) {
        const next = engine.read() as Uint8Array | null;
        if (next !== null) {
          chunk = next;
          used = 0;
        } else if (over) return 0;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
      const size = Math.min(chunk.length - used, into.length - at);
      into.set(chunk.subarray(used, used + size), at);
      used += size;
      return size;
    },
    close(): void {
      over = true;
      engine.destroy();
      source.close();
    },
  };
};
