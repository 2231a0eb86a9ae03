// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { MemoryLedger } from "./detection-examine.ts";

it("holds as text what nobody has looked at since it was written down, and gives it as it was", () => {
  const ledger = new MemoryLedger();
  const long = "x".repeat(100_000);
  ledger.set("a", { n: 1 });
  ledger.set("b", { n: 2, long });
  ledger.set("c", "text");
  ledger.set("d", null);
  expect(ledger.take()).toEqual([
    ["a", '{"n":1}'],
    ["b", JSON.stringify({ n: 2, long })],
    ["c", '"text"'],
    ["d", "null"],
  ]);
  expect(ledger.take()).toEqual([]);
  expect([...ledger.entries()]).toEqual([
    ["a", { n: 1 }],
    ["b", { n: 2, long }],
    ["c", "text"],
    ["d", null],
  ]);
  // Read and not changed: the same object until the next time, and nothing to write.
  const a = ledger.get("a");
  expect(ledger.get("a")).toBe(a);
  expect(ledger.take()).toEqual([]);
  expect(ledger.get("a")).toEqual({ n: 1 });
  expect(ledger.get("e")).toBeUndefined();
});

it("tells what changed, what left, and what came back", () => {
  const ledger = new MemoryLedger([
    ["a", '{"n":1}'],
    ["b", '{"n":2}'],
    ["c", '{"n":3}'],
  ]);
  expect(ledger.size).toBe(3);
  ledger.set("a", { n: 4 });
  ledger.delete("b");
  ledger.delete("nobody");
  ledger.delete("c");
  ledger.set("c", { n: 5 });
  expect([...ledger.keys()].toSorted()).toEqual(["a", "c"]);
  expect(ledger.take().toSorted()).toEqual([
    ["a", '{"n":4}'],
    ["b", undefined],
    ["c", '{"n":5}'],
  ]);
  ledger.set("d", 1);
  ledger.delete("d");
  expect(ledger.take()).toEqual([["d", undefined]]);
  expect([...ledger.entries()].length).toBe(2);
});
