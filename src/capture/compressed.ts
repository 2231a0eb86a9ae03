// SPDX-License-Identifier: Apache-2.0
import { crc32, createInflateRaw, createZstdDecompress } from "node:zlib";
import type { InflateRaw, ZstdDecompress } from "node:zlib";
import { GZIP_TRAILER, gzipHead, isIntact } from "./gzip.ts";
import { reasonOf } from "./source.ts";
import type { ByteSource } from "./source.ts";

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

/** A member's head is no longer: a hostile one, whose name never ends, cannot make memory grow. */
const HEAD = 131_072;
const CUT = "unexpected end of file";

/**
 * The decompressed bytes of a source. Driven by hand: the end is announced only when all input was taken, so that a stream
 * cut in its tail gives all it holds before the error; output waits inside until it is read, so a bomb cannot grow memory.
 *
 * A file may have many zstd frames or gzip members: each of them gets an engine of its own. Node's zstd ends behind the first one, and its
 * gunzip loses what it has when something else follows; behind a gzip member that is passed over, as gzip does.
 */
export const decompressed = (kind: "gzip" | "zstd", source: ByteSource): ByteSource => {
  let failure = "";
  let over = false;
  let wake = (): void => undefined;
  /** Input that the present engine has or had, and how much the engine had been given before it. */
  let input = new Uint8Array(0);
  let before = 0;
  let engine: InflateRaw | ZstdDecompress | undefined;
  /** Of what the present engine gave. */
  let crc = 0;

  const finish = (reason: string): void => {
    failure ||= reason;
    over = true;
    wake();
  };
  const going = (work: Promise<void>): void => void work.catch((reason: unknown) => finish(reasonOf(reason)));
  /** Reads on behind what there is of the input; false at the source's end. */
  const more = async (): Promise<boolean> => {
    const room = new Uint8Array(input.length + COMPRESSED_CHUNK);
    room.set(input);
    const size = await source.read(room, input.length);
    input = room.subarray(0, input.length + size);
    return size > 0 && !over;
  };
  /** Hands `input` to the engine; called again when that was taken, until the source ends. */
  const pump = async (mine: InflateRaw | ZstdDecompress): Promise<void> => {
    before = mine.bytesWritten;
    if (input.length === 0 && !(await more())) {
      if (!over) mine.end();
      return;
    }
    mine.write(input, (error) => {
      // Failure is told by the engine's own event, and so is an end that leaves input behind.
      if (error || over || mine !== engine || mine.bytesWritten - before < input.length) return;
      input = new Uint8Array(0);
      going(pump(mine));
    });
  };
  /** Bytes of the head before the next frame's data: undefined while they are not all there, -1 where no frame follows. */
  const headOf = (bytes: Uint8Array): number | undefined => {
    if (kind === "gzip") return gzipHead(bytes);
    if (bytes.length < 4) return undefined;
    return compression(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)) === "zstd" ? 0 : -1;
  };
  /** Begins the frame that stands at the start of the input. */
  const begin = async (first: boolean): Promise<void> => {
    if (!first && input.length === 0 && !(await more())) return finish("");
    let head = headOf(input);
    while (head === undefined) {
      if (input.length > HEAD) return finish("a head that never ends");
      if (!(await more())) return finish(CUT);
      head = headOf(input);
    }
    if (head < 0) return finish(kind === "gzip" && !first ? "" : "no further frame follows");
    input = input.subarray(head);
    crc = 0;
    engine = start();
    await pump(engine);
    wake();
  };
  const ended = async (): Promise<void> => {
    input = input.subarray(engine!.bytesWritten - before);
    engine!.destroy();
    if (kind === "gzip") {
      while (input.length < GZIP_TRAILER) if (!(await more())) return finish(CUT);
      if (!isIntact(input, crc)) return finish("incorrect data check");
      input = input.subarray(GZIP_TRAILER);
    }
    await begin(false);
  };
  const start = (): InflateRaw | ZstdDecompress => {
    const made =
      kind === "gzip" ? createInflateRaw({ chunkSize: OUTPUT }) : createZstdDecompress({ chunkSize: OUTPUT });
    made.on("readable", () => wake());
    made.on("end", () => going(ended()));
    made.on("error", (error) => finish(error.message));
    return made;
  };

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
        going(begin(true));
      }
      while (used === chunk.length) {
        const next = (engine?.read() ?? null) as Uint8Array | null;
        if (next !== null) {
          if (kind === "gzip") crc = crc32(next, crc);
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
      engine?.destroy();
      source.close();
    },
  };
};
