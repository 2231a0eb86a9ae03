// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { keptFrom } from "./retention.ts";

it("keeps whole days, from the one after that which begins to go", () => {
  const noon = Date.parse("2026-07-10T12:00:00Z");
  expect(keptFrom(null, noon)).toBe(-Infinity);
  // What the ninth began with is more than a day old.
  expect(new Date(keptFrom(1, noon)).toISOString()).toBe("2026-07-10T00:00:00.000Z");
  expect(new Date(keptFrom(90, noon)).toISOString()).toBe("2026-04-12T00:00:00.000Z");
});
