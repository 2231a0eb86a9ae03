// SPDX-License-Identifier: Apache-2.0
import { openEmbedded } from "../../src/store/flows/embedded/index.ts";
import { keepForEver } from "../../src/store/flows/retention.ts";
import { arrival, sensors } from "./killed-plan.ts";

/**
 * What a loaded node does with its store, until it is killed: three sensors' batches at once, some late, some twice, roll-ups all
 * the time. Says `ready`, then each acknowledged number on a line of its own.
 *
 *   node test/store/killed-node.ts FOLDER FIRST_NUMBER
 */
const [folder = "", first = "0"] = process.argv.slice(2);
const store = await openEmbedded({ folder, retention: keepForEver });
process.stdout.write("ready\n");
let clock = 0;
let round = Math.floor(Number(first) / sensors);
const rollUp = async (): Promise<void> => {
  for (;;) {
    // Every pass is a minute after the one before, so that reopened buckets are computed in each.
    await store.rollUp(arrival(round * sensors).batch.interval - 300e6, (clock += 60e6));
  }
};
const append = async (): Promise<void> => {
  for (; ; round++) {
    await Promise.all(
      Array.from({ length: sensors }, async (_, sensor) => {
        const number = round * sensors + sensor;
        await store.append(arrival(number));
        process.stdout.write(`${number}\n`);
        if (number % 11 === 0) await store.append(arrival(number));
      }),
    );
  }
};
await Promise.all([append(), rollUp()]);
