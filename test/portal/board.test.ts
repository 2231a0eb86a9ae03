// SPDX-License-Identifier: Apache-2.0
// What a list says when nothing came, and whom an action of the board is about.
import { describe, expect, it } from "vitest";
import { showing } from "../../portal/src/desk/showing.ts";
import { allOrNone, noPicks, pickedUnder, targetsOf, toggled, without } from "../../portal/src/pages/desk/picks.ts";

const rows = (...ids: string[]) => ids.map((id) => ({ id }));

describe("what a list shows", () => {
  const well = { first: {}, rows: [], isError: false, isFetchNextPageError: false, isPlaceholderData: false };
  it("an empty answer has an age too when asking again failed", () => {
    expect(showing(well)).toEqual({ what: "empty", stale: false });
    expect(showing({ ...well, isError: true })).toEqual({ what: "empty", stale: true });
    expect(showing({ ...well, isError: true, rows: rows("a") })).toEqual({ what: "rows", stale: true });
  });
  it("that nothing passed the filters before says nothing of these", () => {
    expect(showing({ ...well, isPlaceholderData: true }).what).toBe("bones");
    expect(showing({ ...well, isPlaceholderData: true, rows: rows("a") }).what).toBe("rows");
  });
  it("a next page that failed makes the first no older", () => {
    expect(showing({ ...well, rows: rows("a"), isError: true, isFetchNextPageError: true }).stale).toBe(false);
  });
  it("waits for the first answer, and says when there will be none", () => {
    expect(showing({ ...well, first: undefined }).what).toBe("bones");
    expect(showing({ ...well, first: undefined, isError: true }).what).toBe("failed");
  });
});

describe("what an action of the board is about", () => {
  it("the row under the cursor, as long as nothing is picked", () => {
    const [a, b] = rows("a", "b");
    expect(targetsOf(rows("a", "b"), new Set(), b).targets).toEqual([b]);
    expect(targetsOf(rows("a", "b"), new Set(["a"]), b).targets).toEqual([a]);
    expect(targetsOf([], new Set(), undefined).targets).toEqual([]);
  });
  it("nothing when all that was picked has left, and it says how many have", () => {
    const [b] = rows("b");
    expect(targetsOf(rows("b"), new Set(["a"]), b)).toEqual({ chosen: [], gone: 1, targets: [] });
    expect(targetsOf(rows("b", "c"), new Set(["a", "c"]), b)).toMatchObject({ gone: 1, targets: rows("c") });
  });
  it("nothing that was picked under other filters", () => {
    const picks = { under: "quiet", ids: new Set(["a"]) };
    expect(pickedUnder(picks, "quiet").has("a")).toBe(true);
    expect(pickedUnder(picks, "closed").size).toBe(0);
    expect(pickedUnder(noPicks, "closed").size).toBe(0);
  });
  it("picks all that is there, also when as many others were picked", () => {
    expect([...allOrNone(rows("a", "b"), new Set(["x", "y"]))]).toEqual(["a", "b"]);
    expect(allOrNone(rows("a", "b"), new Set(["a", "b", "x"])).size).toBe(0);
    expect([...toggled(new Set(["a"]), "b")]).toEqual(["a", "b"]);
    expect([...without(new Set(["a", "b"]), rows("a"))]).toEqual(["b"]);
  });
});
