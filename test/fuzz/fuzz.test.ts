// SPDX-License-Identifier: Apache-2.0
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode } from "../../src/decode/decode.ts";
import { decodeCounters, packetBatch, undecodedKinds } from "../../src/model/packets.ts";
import { rawOf } from "./build.ts";
import { containerCorpus, fuzzContainers, readContainer } from "./containers.ts";
import { corpus } from "./corpus.ts";
import { check, fuzzDecoder, readBack } from "./decoder.ts";

/** How many inputs; the long run is test/fuzz/run.ts. */
const INPUTS = Number(process.env["LAYANG_FUZZ"] ?? 200_000);

it(`decodes ${INPUTS} damaged packets as the reference does`, { timeout: 600_000 }, () => {
  const { inputs, counters } = fuzzDecoder(corpus(), INPUTS, 1);
  expect(inputs).toBe(INPUTS);
  // The fuzzer sees everything: no way out of the decoder is left untaken.
  expect(undecodedKinds.filter((kind) => counters[kind] === 0)).toEqual([]);
  expect([counters.decoded, counters.gre, counters.ipip, counters.fragments].every((count) => count > 100)).toBe(true);
});

it("reads damaged capture files to a definite end", { timeout: 600_000 }, async () => {
  const files = Math.ceil(INPUTS / 100);
  const summary = await fuzzContainers(containerCorpus(), files, 2);
  expect(summary.refused + summary.truncated + summary.whole).toBe(files);
  expect(Math.min(summary.refused, summary.truncated, summary.whole)).toBeGreaterThan(files / 50);
});

it("decodes nothing but the packet itself, whatever stands around it", () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 120 }), { minLength: 1, maxLength: 8 });
  const seeds = fc.constantFrom(...corpus());
  const linkTypes = fc.constantFrom(0, 1, 12, 14, 101, 105, 108, 113, 228, 229, 276);
  const answers = (linkType: number, packets: readonly Uint8Array[], filler: number): unknown => {
    const raw = rawOf(
      linkType,
      packets.map((one) => [...one]),
      { filler },
    );
    const out = packetBatch(packets.length);
    const counters = decodeCounters();
    expect(decode(raw, 0, out, counters)).toBe(packets.length);
    check(raw, out, counters);
    const ended = undecodedKinds.reduce((sum, kind) => sum + counters[kind], counters.decoded);
    expect(ended).toBe(packets.length);
    return [counters, Array.from({ length: out.count }, (_, n) => readBack(out, n))];
  };
  fc.assert(
    fc.property(linkTypes, frames, seeds, fc.nat(200), (linkType, packets, { packet }, cut) => {
      const all = [...packets, packet, packet.subarray(0, Math.min(cut, packet.length))];
      expect(answers(linkType, all, 0x00)).toEqual(answers(linkType, all, 0xff));
      expect(answers(linkType, all, 0x45)).toEqual(answers(linkType, all, 0x06));
    }),
    { numRuns: 1000 },
  );
});

it("reads any bytes at all, or refuses them with a code", async () => {
  const heads = fc.constantFrom(
    "",
    "d4c3b2a1",
    "a1b23c4d",
    "0a0d0d0a1c0000004d3c2b1a",
    "1f8b0800",
    "28b52ffd",
    "504d2a18",
  );
  await fc.assert(
    fc.asyncProperty(
      heads,
      fc.uint8Array({ maxLength: 400 }),
      fc.integer({ min: 1, max: 64 }),
      async (head, tail, size) => {
        const bytes = Buffer.concat([Buffer.from(head, "hex"), tail]);
        expect(await readContainer(bytes, size)).toEqual(await readContainer(bytes, bytes.length + 1));
      },
    ),
    { numRuns: 500 },
  );
});

describe("finds stay found", () => {
  // NAME-LINKTYPE.hex is a packet, NAME.hex a capture file.
  const folder = join(import.meta.dirname, "found");
  const files = readdirSync(folder).filter((name) => name.endsWith(".hex"));
  it.each(files)("%s", async (name) => {
    const bytes = Buffer.from(readFileSync(join(folder, name), "utf8").replaceAll(/\s/g, ""), "hex");
    const linkType = /-(\d+)\.hex$/.exec(name)?.[1];
    if (linkType === undefined) {
      expect(await readContainer(bytes, 3)).toEqual(await readContainer(bytes, bytes.length + 1));
      return;
    }
    const raw = rawOf(Number(linkType), [[...bytes]]);
    const out = packetBatch(1);
    const counters = decodeCounters();
    decode(raw, 0, out, counters);
    check(raw, out, counters);
  });
});
