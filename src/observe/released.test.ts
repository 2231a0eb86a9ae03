// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { lotOf } from "../access/secrets.ts";
import type { Engine } from "./engine.ts";
import { createReleased } from "./released.ts";

it("computes a day again when its rows were withdrawn, and the two figures do not differ by what left", async () => {
  let packets = 50_000;
  let questions = 0;
  // Only how often is asked, and what becomes of one true figure: what the questions find is the store's own test.
  const engine = {
    query: async () => {
      questions++;
      return { rows: [{ protocol: 6, dst_port: 23, cc: "ID", packets, sources: 4000, networks: 1000 }] };
    },
  } as unknown as Engine;
  const released = createReleased({
    engine,
    now: () => Date.parse("2026-07-10T12:00:00Z"),
    simulated: false,
    lot: lotOf(Buffer.alloc(32, 5)),
  });
  const ask = async (): Promise<number> =>
    (await released.ask("ports/top", { from: "2026-07-07T00:00:00Z", to: "2026-07-08T00:00:00Z" })).rows[0]?.packets ??
    0;
  const first = await ask();
  expect(await ask()).toBe(first);
  expect(questions).toBe(3);
  // Of a later day: this one stays.
  released.forget(Date.parse("2026-07-08T00:00:00Z"));
  expect(await ask()).toBe(first);
  expect(questions).toBe(3);

  packets = 49_000;
  released.forget(Date.parse("2026-07-07T15:00:00Z"));
  const second = await ask();
  expect(questions).toBe(6);
  expect(second).not.toBe(first);
  expect(first - second).not.toBe(1000);
  // The same rows again have the same figure, as after a restart.
  packets = 50_000;
  released.forget(0);
  expect(await ask()).toBe(first);
});
