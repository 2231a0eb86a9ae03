// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import type { Engine } from "./engine.ts";
import { createObservatory } from "./observatory.ts";

const start = Date.parse("2026-07-10T12:00:00Z");

/** An observatory over an engine that has nothing, which counts its statements; the clock is set by hand. */
const observed = () => {
  const state = { now: start, statements: 0 };
  const engine: Engine = {
    query: () => {
      state.statements++;
      return Promise.resolve({ rows: [] });
    },
    queryRaw: () => Promise.reject(new Error("nothing is asked raw")),
  };
  return { state, observatory: createObservatory({ engine, now: () => state.now, simulated: true }) };
};

it("serves an answer for a moment, also when who asked first has gone away", async () => {
  const { state, observatory } = observed();
  let asked = 0;
  const gone = (): boolean => {
    asked++;
    return true;
  };
  const first = await observatory.ask("series", {}, gone);
  const [statements, whether] = [state.statements, asked];
  expect(await observatory.ask("series", {})).toBe(first);
  // Who has the answer is not asked whether it still waits: nothing of it is held on to.
  expect([state.statements, asked]).toEqual([statements, whether]);
  state.now += 60_000;
  expect(await observatory.ask("series", {})).not.toBe(first);
});

it("lets go of answers whose time is over", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const { state, observatory } = observed();
  const kept = new WeakRef(await observatory.ask("series", { last: "24h" }));
  state.now += 60_000;
  await observatory.ask("ports/top", {});
  // A turn of the event loop later nothing holds it: weak references are alive to the end of the turn.
  await new Promise((resolve) => setTimeout(resolve, 10));
  collect();
  expect(kept.deref()).toBeUndefined();
});
