// SPDX-License-Identifier: Apache-2.0
/** One process that turns every packet of a capture into columns, and prints how many were decoded: what bench/decode.ts measures. */
import { openCapture } from "../src/capture/capture.ts";
import { decode } from "../src/decode/decode.ts";
import { decodeCounters, packetBatch } from "../src/model/packets.ts";

const out = packetBatch(4096);
const counters = decodeCounters();
for await (const raw of openCapture({ path: process.argv[2] ?? "" })) {
  for (let i = 0; i < raw.count;) {
    out.count = 0;
    i = decode(raw, i, out, counters);
  }
}
console.log(counters.decoded);
