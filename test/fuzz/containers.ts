// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { MAX_PACKET } from "../../src/capture/batch.ts";
import { openCapture } from "../../src/capture/capture.ts";
import { decode } from "../../src/decode/decode.ts";
import { decodeCounters, packetBatch, undecodedKinds } from "../../src/model/packets.ts";
import { AppError } from "../../src/platform/errors.ts";
import { pcap, pcapng, stamped, zeros } from "./build.ts";
import { corpus, realCaptures } from "./corpus.ts";
import { mutated, random } from "./random.ts";

/** Capture files to begin with: every container and byte order, and the heads of real ones where there are any. */
export const containerCorpus = (): Uint8Array[] => {
  const frames = corpus()
    .filter((one) => one.linkType === 1)
    .slice(0, 24)
    .map((one) => Array.from(one.packet));
  const packets = frames.map((frame, i) => stamped(frame, 1_700_000_000 + i, i));
  const classic = [{}, { big: true }, { nano: true }, { big: true, nano: true }].map((o) => pcap(packets, o));
  const sections = [false, true].map((big) => {
    const ng = pcapng(big);
    const face = ng.face(1, [
      ...ng.resolution(9),
      ...ng.offset(3600n),
      ...ng.option(2, [101, 116, 104]),
      ...ng.option(0, []),
    ]);
    const blocks = frames.map((frame, i) => {
      if (i % 5 === 0) return ng.simple(frame);
      return i % 3 === 0 ? ng.obsolete(1, BigInt(i), frame) : ng.enhanced(i % 2, BigInt(i) << 32n, frame);
    });
    const all = [
      ng.section(),
      face,
      ng.face(1, ng.resolution(0x94)),
      ng.block(0x0bad, zeros(24)),
      ...blocks,
      ng.block(5, zeros(12)),
    ];
    return Uint8Array.from(all.flat());
  });
  const both = Uint8Array.from([...sections[0]!, ...sections[1]!]);
  const plain = [...classic, ...sections, both, ...realCaptures().map((path) => readFileSync(path).subarray(0, 2000))];
  return [
    ...plain,
    ...plain.slice(0, 7).map((one) => gzipSync(one)),
    ...plain.slice(0, 7).map((one) => zstdCompressSync(one)),
  ];
};

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export interface Outcome {
  refused: boolean;
  truncated: boolean;
  packets: number;
  /** A number that differs when any packet, its time or its lengths differ. */
  digest: number;
}

const out = packetBatch(4096);

/** Reads the bytes as a capture and decodes it, in pieces of `size` bytes; throws when a promise of the readers breaks. */
export const readContainer = async (bytes: Uint8Array, size: number): Promise<Outcome> => {
  const capture = openCapture({ stream: pieces(bytes, size) });
  const outcome: Outcome = { refused: false, truncated: false, packets: 0, digest: 0 };
  const counters = decodeCounters();
  let digest = 0;
  try {
    for await (const raw of capture) {
      for (let i = 0; i < raw.count; i++) {
        const [from, length, time] = [raw.offsets[i]!, raw.captured[i]!, raw.times[i]!];
        if (length > MAX_PACKET || from + length > raw.bytes.length) throw new Error("a packet outside its buffer");
        if (!Number.isSafeInteger(time) || time < 0) throw new Error(`time ${time}`);
        digest = (Math.imul(digest, 31) + (time % 2 ** 31) + raw.linkType + Math.imul(raw.lengths[i]!, 7)) | 0;
        for (let at = from; at < from + length; at++) digest = (Math.imul(digest, 33) ^ raw.bytes[at]!) | 0;
      }
      for (let i = 0; i < raw.count;) {
        out.count = 0;
        i = decode(raw, i, out, counters);
      }
      outcome.packets += raw.count;
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "CAPTURE_NOT_A_CAPTURE") throw error;
    outcome.refused = true;
  }
  const { summary } = capture;
  outcome.truncated = summary.truncated;
  outcome.digest = digest;
  const ended = undecodedKinds.reduce((sum, kind) => sum + counters[kind], counters.decoded);
  if (summary.packets !== outcome.packets || ended !== outcome.packets) throw new Error("counters do not add up");
  if (summary.truncated !== (summary.reason !== undefined)) throw new Error("truncated without reason");
  return outcome;
};

export interface ContainerSummary {
  inputs: number;
  refused: number;
  truncated: number;
  whole: number;
  packets: number;
}

/** Reads `inputs` damaged capture files, each in two ways that must agree. Throws an error that holds the file in hex. */
export const fuzzContainers = async (
  seeds: readonly Uint8Array[],
  inputs: number,
  seed: number,
): Promise<ContainerSummary> => {
  const chance = random(seed);
  const summary: ContainerSummary = { inputs: 0, refused: 0, truncated: 0, whole: 0, packets: 0 };
  for (; summary.inputs < inputs; summary.inputs++) {
    const whole = chance.pick(seeds);
    let bytes = mutated(whole, chance, 6);
    // Most of the time it still looks like a capture.
    if (!chance.once(4)) bytes.set(whole.subarray(0, Math.min(12, bytes.length)));
    if (chance.once(6)) bytes = chance.once(2) ? gzipSync(bytes) : zstdCompressSync(bytes);
    try {
      const whole = await readContainer(bytes, bytes.length + 1);
      // Damage inside a compressed stream is found earlier or later depending on the pieces; plain bytes have no excuse.
      const packed = bytes[0] === 0x1f || bytes[0] === 0x28;
      const parts = chance.once(4) && !packed ? await readContainer(bytes, 1 + chance.below(200)) : whole;
      if (JSON.stringify(parts) !== JSON.stringify(whole)) throw new Error("pieces give another answer than the whole");
      if (whole.refused) summary.refused++;
      else if (whole.truncated) summary.truncated++;
      else summary.whole++;
      summary.packets += whole.packets;
    } catch (error) {
      throw new Error(`container ${Buffer.from(bytes).toString("hex")}`, { cause: error });
    }
  }
  return summary;
};
