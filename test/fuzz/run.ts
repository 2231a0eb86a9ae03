// SPDX-License-Identifier: Apache-2.0
/**
 * Fuzzes decoders and readers: `node test/fuzz/run.ts --inputs 10000000 [--seed N]`. One input in a hundred is a capture file,
 * the others are packets. Prints a summary; a find ends it with exit code 1 and the input, to be kept in test/fuzz/found/.
 */
import { parseArgs } from "node:util";
import { containerCorpus, fuzzContainers } from "./containers.ts";
import { corpus } from "./corpus.ts";
import { fuzzDecoder } from "./decoder.ts";

const { values } = parseArgs({ options: { inputs: { type: "string" }, seed: { type: "string" } } });
const inputs = Number(values.inputs ?? process.env["LAYANG_FUZZ"] ?? 1_000_000);
const seed = Number(values.seed ?? 1);
const files = Math.ceil(inputs / 100);
const start = performance.now();
const containers = await fuzzContainers(containerCorpus(), files, seed);
console.log(`readers: ${JSON.stringify(containers)}`);
const decoder = fuzzDecoder(corpus(), inputs - files, seed);
console.log(`decoders: ${JSON.stringify(decoder)}`);
const seconds = (performance.now() - start) / 1000;
const total = containers.inputs + decoder.inputs;
console.log(`fuzz: ${total} inputs, 0 finds, seed ${seed}, ${seconds.toFixed(1)} s`);
