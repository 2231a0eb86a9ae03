// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import type { QueryOf } from "../api/contract/index.ts";
import { lotOf } from "../access/secrets.ts";
import type { Engine } from "./engine.ts";
import { createReleased } from "./released.ts";

const day = 86_400_000;
const now = Date.parse("2026-07-10T12:00:00Z");
/** An engine that finds one port with `packets` on every day of July up to the 9th, and counts what it is asked. */
const place = (packets: () => number | Error) => {
  const asked = { days: 0, atOnce: 0, most: 0 };
  let time = now;
  const engine = {
    query: async (sql: string) => {
      if (sql.includes("FROM reports")) {
        return { rows: Array.from({ length: 9 }, (_, i) => ({ date: `2026-07-0${i + 1}` })) };
      }
      asked.most = Math.max(asked.most, ++asked.atOnce);
      await Promise.resolve();
      asked.atOnce--;
      asked.days += 1 / 3;
      const found = packets();
      if (found instanceof Error) throw found;
      return { rows: [{ protocol: 6, dst_port: 23, cc: "ID", packets: found, sources: 4000, networks: 1000 }] };
    },
  } as unknown as Engine;
  const released = createReleased({ engine, now: () => time, simulated: false, lot: lotOf(Buffer.alloc(32, 5)) });
  return { asked, released, wait: (ms: number) => (time += ms) };
};
const the8th: QueryOf<"ports/top"> = { from: "2026-07-08T00:00:00Z", to: "2026-07-09T00:00:00Z" };

it("computes a day again when its rows were withdrawn, and the two figures do not differ by what left", async () => {
  let packets = 50_000;
  const { asked, released } = place(() => packets);
  const ask = async (): Promise<number> => (await released.ask("ports/top", the8th)).rows[0]?.packets ?? 0;
  const first = await ask();
  expect(first).toBeGreaterThan(0);
  expect(await ask()).toBe(first);
  // The day, and those before it, by which it is known what is usual.
  expect(asked.days).toBeCloseTo(8);
  // Of a later day: this one stays.
  released.forget(Date.parse("2026-07-09T00:00:00Z"));
  expect(await ask()).toBe(first);
  expect(asked.days).toBeCloseTo(8);

  packets = 40_000;
  released.forget(Date.parse("2026-07-08T15:00:00Z"));
  const second = await ask();
  expect(asked.days).toBeCloseTo(9);
  expect(second).not.toBe(first);
  // The same rows again have the same figure, as after a restart.
  packets = 50_000;
  released.forget(0);
  expect(await ask()).toBe(first);
});

it("computes a day once at a time for all who ask, and none that nobody watched", async () => {
  const { asked, released } = place(() => 50_000);
  await Promise.all(Array.from({ length: 20 }, () => released.ask("series", { last: "7d" })));
  expect(asked.most).toBe(1);
  expect(asked.days).toBeCloseTo(8);
  for (let year = 2001; year < 2020; year++) {
    const { rows } = await released.ask("series", { from: `${year}-01-01T00:00:00Z`, to: `${year}-02-01T00:00:00Z` });
    expect(rows.every(({ value }) => value === null)).toBe(true);
  }
  await released.ask("series", { last: "7d" });
  expect(asked.days).toBeCloseTo(8);
});

it("remembers for some minutes that a day could not be computed", async () => {
  let broken = true;
  const { asked, released, wait } = place(() => (broken ? new Error("too much") : 50_000));
  for (let i = 0; i < 5; i++) await expect(released.ask("ports/top", the8th)).rejects.toThrow("too much");
  expect(asked.days).toBeCloseTo(1 / 3);
  broken = false;
  await expect(released.ask("ports/top", the8th)).rejects.toThrow("too much");
  wait(day / 24);
  expect((await released.ask("ports/top", the8th)).rows).toHaveLength(1);
});
