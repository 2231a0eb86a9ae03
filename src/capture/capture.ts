// SPDX-License-Identifier: Apache-2.0
import type { RawBatch } from "../model/packets.ts";
import { AppError } from "../platform/errors.ts";
import { WINDOW, rawBatch } from "./batch.ts";
import type { Framer, Totals } from "./batch.ts";
import { isPcapMagic, pcapFramer } from "./pcap.ts";
import { isPcapngMagic, pcapngFramer } from "./pcapng.ts";
import { compression, decompressed } from "./compressed.ts";
import { fileSource, prefixed, streamSource } from "./source.ts";
import type { ByteSource } from "./source.ts";

/** What is known of a capture; kept up to date batch by batch. */
export interface CaptureSummary {
  /** The path as it was given, or the name of the stream. */
  readonly file: string;
  packets: number;
  /** Sum of the packets' lengths on the wire, link layer included (IP lengths come from `decode`). */
  bytes: number;
  /** Earliest and latest packet, microseconds since 1970 UTC; null before the first packet. */
  first: number | null;
  last: number | null;
  /** The capture ends in the midst of a packet or in damage: what stands before was read. */
  truncated: boolean;
  reason?: string;
  /** The capture says that its packets were simulated (`layang simulate`). */
  simulated?: true;
}

/**
 * A capture being read: iterate once. Batches belong to the capture and are reused: each is valid until the next is asked
 * for. Leaving the loop early closes the file.
 */
export interface Capture extends AsyncIterable<RawBatch> {
  readonly summary: CaptureSummary;
}

export type CaptureInput =
  | { /** A file, or "-" for standard input. */ readonly path: string }
  | { readonly stream: AsyncIterable<Uint8Array>; readonly name?: string };

const MAGIC = 4;

/** The first bytes: reads until `size` bytes are there or the source ends. */
export const readHead = async (source: ByteSource, size: number): Promise<Uint8Array> => {
  const head = new Uint8Array(size);
  let filled = 0;
  while (filled < size) {
    const got = await source.read(head, filled);
    if (got === 0) break;
    filled += got;
  }
  return head.subarray(0, filled);
};

const magicOf = (head: Uint8Array): number =>
  head.length < MAGIC ? 0 : new DataView(head.buffer, head.byteOffset).getUint32(0);

const opened = (input: CaptureInput): ByteSource => {
  if ("stream" in input) return streamSource(input.stream);
  if (input.path === "-") return streamSource(process.stdin);
  try {
    return fileSource(input.path);
  } catch (error) {
    throw new AppError(
      "CAPTURE_NOT_FOUND",
      `${input.path}: cannot be read (${(error as NodeJS.ErrnoException).code})`,
      {
        file: input.path,
      },
    );
  }
};

const stop = (summary: CaptureSummary, reason: string): void => {
  summary.truncated = true;
  summary.reason = reason;
};

const account = (summary: CaptureSummary, packets: number, totals: Totals): void => {
  summary.packets += packets;
  summary.bytes = totals.bytes;
  summary.first = totals.first;
  summary.last = totals.last;
};

const framerOf = (magic: number): Framer | undefined =>
  isPcapMagic(magic) ? pcapFramer() : isPcapngMagic(magic) ? pcapngFramer() : undefined;

/** Batches of a source whose format is known. Ends with the source, or where the format breaks (see `summary`). */
export async function* framed(source: ByteSource, framer: Framer, summary: CaptureSummary): AsyncGenerator<RawBatch> {
  const window = new Uint8Array(WINDOW);
  const view = new DataView(window.buffer);
  const batch = rawBatch(window);
  // A live capture that was restarted goes on where it was.
  const totals: Totals = {
    bytes: summary.bytes,
    first: summary.first ?? Infinity,
    last: summary.last ?? -Infinity,
  };
  let start = 0;
  let end = 0;
  for (;;) {
    if (start > 0) {
      window.copyWithin(0, start, end);
      end -= start;
      start = 0;
    }
    if (end === window.length) return stop(summary, "a record is longer than any packet");
    const reading = source.read(window, end);
    // A file's bytes are there at once: no promise is made for them.
    const got = typeof reading === "number" ? reading : await reading;
    if (got === 0) break;
    end += got;
    for (;;) {
      const passed = Math.min(framer.skip, end - start);
      framer.skip -= passed;
      start += passed;
      if (framer.skip > 0) break;
      batch.count = 0;
      const before = start;
      start = framer.take(view, start, end, batch, totals);
      if (framer.simulated === true) summary.simulated = true;
      if (batch.count > 0) {
        account(summary, batch.count, totals);
        yield batch;
      }
      if (framer.stopped !== "") return stop(summary, framer.stopped);
      if (start === before && batch.count === 0 && framer.skip === 0) break;
    }
  }
  if (source.damage !== "") stop(summary, source.damage);
  else if (end > start || framer.skip > 0) stop(summary, "the file ends in the midst of a record");
}

async function* read(input: CaptureInput, summary: CaptureSummary): AsyncGenerator<RawBatch> {
  let source = opened(input);
  try {
    let head = await readHead(source, MAGIC);
    source = prefixed(head, source);
    const packed = compression(magicOf(head));
    if (packed !== undefined) {
      source = decompressed(packed, source);
      head = await readHead(source, MAGIC);
      source = prefixed(head, source);
    }
    const framer = framerOf(magicOf(head));
    if (framer === undefined) {
      throw new AppError(
        "CAPTURE_NOT_A_CAPTURE",
        `${summary.file}: is no capture (pcap or pcapng, plain, gzip or zstd)`,
        {
          file: summary.file,
        },
      );
    }
    yield* framed(source, framer, summary);
  } finally {
    source.close();
  }
}

/**
 * Opens a capture: pcap or pcapng, plain or wrapped in gzip or zstd, from a file, standard input or any stream of bytes.
 * Nothing is read before the first batch is asked for; asking throws `CAPTURE_NOT_FOUND` when the file cannot be opened and
 * `CAPTURE_NOT_A_CAPTURE` when it is none. Damage later on ends the batches and is told in `summary.truncated`.
 */
export const openCapture = (input: CaptureInput): Capture => {
  const summary: CaptureSummary = {
    file: "path" in input ? input.path : (input.name ?? "stream"),
    packets: 0,
    bytes: 0,
    first: null,
    last: null,
    truncated: false,
  };
  const batches = read(input, summary);
  return { summary, [Symbol.asyncIterator]: () => batches };
};
