// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { exactShare } from "../../portal/src/share.ts";
import { namesOf } from "../../portal/src/ring/place.ts";
import { realOf, showsExercise } from "../../portal/src/shell/drill.ts";
import { pastBehind } from "../../portal/src/shell/past.ts";
import { scriptsIn } from "../../portal/src/words/letters.ts";

it("rounds a measured share, and never to the whole that it is not", () => {
  const said = (value: number): string => exactShare("en-GB", value);
  expect([7 / 9, 5 / 12, 2 / 7].map(said)).toEqual(["77.8%", "41.7%", "28.6%"]);
  expect([1, 0.9997, 0.99999, 0.995].map(said)).toEqual(["100%", "99.97%", "99.99%", "99.5%"]);
  expect([0, 0.0004, 0.000001].map(said)).toEqual(["0%", "0.04%", "0.01%"]);
  expect([1 - 2 ** -53, 2 ** -60].map(said)).toEqual(["100%", "0%"]);
});

it("knows the scripts of a subject in another language than the page's", () => {
  expect(scriptsIn("แจ้งเตือน", ["thai", "japanese"])).toEqual(["thai"]);
  expect(scriptsIn("【重要】感染", ["thai", "japanese"])).toEqual(["japanese"]);
  expect(scriptsIn("Infected host – café 42 %", ["thai", "japanese"])).toEqual([]);
  expect(scriptsIn("感染", ["thai"])).toEqual([]);
});

it("says how far the past was judged only while detectors are behind the packets", () => {
  const data = { from: "2026-11-24T06:00:00Z", to: "2026-11-27T05:00:00Z" };
  expect(pastBehind({ judged: "2026-11-25T05:20:00Z" }, { data })).toBe("2026-11-25T05:20:00Z");
  expect(pastBehind({ judged: null }, { data })).toBeNull();
  expect(pastBehind({ judged: "2026-11-27T04:50:00Z" }, { data })).toBeUndefined();
  // A node that has just begun has no past, one without packets nothing to judge, and who is not told of the desk is told nothing.
  expect(pastBehind({ judged: null }, { data: { ...data, from: "2026-11-27T04:45:00Z" } })).toBeUndefined();
  expect(pastBehind({ judged: null }, { data: { from: null, to: null } })).toBeUndefined();
  expect(pastBehind(undefined, { data })).toBeUndefined();
});

it("gives a ring's name the room it needs before it is cut", () => {
  const widths = namesOf(11, 30);
  expect(widths).toEqual(widths.toSorted((a, b) => b - a));
  // "Peliquil Research Network 56 (simulated)" in letters of eleven pixels.
  expect(widths[0]).toBeGreaterThan(200);
});

it("frames what shows an exercise and nothing else, and leads out of it to what is there for real", () => {
  expect(["/alerts", "/cases/42", "/ring", "/warnings/w-1"].map(showsExercise)).toEqual([true, true, true, true]);
  expect(["/", "/ports/tcp/23", "/sensors", "/statistics", "/audit"].map(showsExercise)).toEqual(
    Array<boolean>(5).fill(false),
  );
  expect(["/alerts", "/cases/42", "/constituency/nusa-net", "/ports/tcp/23"].map(realOf)).toEqual([
    "/alerts",
    "/cases",
    "/constituency",
    "/ports/tcp/23",
  ]);
});
