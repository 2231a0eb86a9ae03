// SPDX-License-Identifier: Apache-2.0
import { inventBatch } from "../../src/store/flows/batches.conformance.ts";
import type { ArrivedBatch } from "../../src/store/flows/store.ts";

export const sensors = 3;
const start = Date.UTC(2024, 1, 28, 20) * 1_000;

/** The batch with a number: known to the node that sends it and to the test that counts. Every seventh is 20 minutes late. */
export const arrival = (number: number): ArrivedBatch =>
  inventBatch({
    sensor: `k${number % sensors}`,
    sequence: Math.floor(number / sensors),
    interval: start + Math.floor(number / sensors) * 30e6 - (number % 7 === 3 ? 1_200e6 : 0),
    flows: 60,
    aggregates: number % 13 === 0 ? 1 : 0,
  });
