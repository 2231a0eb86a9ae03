// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { OwnerTablesBuilder } from "./tables.ts";
import { overlapsOf } from "./overlaps.ts";

const tablesOf = (
  rows: readonly (readonly [organisation: string, prefix: string, from?: number, until?: number])[],
) => {
  const builder = new OwnerTablesBuilder();
  for (const [organisation, prefix, from = 0, until] of rows) {
    builder.add({
      organisation,
      realm: "",
      prefix,
      asn: null,
      domain: null,
      translation: "none",
      essential: false,
      country: null,
      from,
      until: until ?? null,
    });
  }
  return builder.build();
};

const tables = tablesOf([
  ["isp", "198.51.0.0/16"],
  ["isp", "198.51.100.0/24"],
  ["shop", "198.51.100.128/25"],
  ["bank", "198.51.100.128/25", 50],
  ["old", "198.51.0.0/16", 0, 50],
  ["far", "203.0.113.0/24"],
  ["isp", "2001:db8::/32"],
  ["shop", "2001:db8:1::/48"],
  ["far", "2001:db8:2::/48", 100],
]);

it("names two who hold one prefix, and whose lies in whose, at a time", () => {
  const at = (time: number) =>
    overlapsOf(tables, "", time).rows.map(({ kind, prefix, holders }) => [
      kind,
      prefix,
      holders.map(({ organisation, prefix: own }) => `${organisation} ${own}`),
    ]);
  expect(at(10)).toEqual([
    ["conflict", "198.51.0.0/16", ["isp 198.51.0.0/16", "old 198.51.0.0/16"]],
    ["nested", "198.51.100.0/24", ["isp 198.51.100.0/24", "shop 198.51.100.128/25"]],
    ["nested", "2001:db8::/32", ["isp 2001:db8::/32", "shop 2001:db8:1::/48"]],
  ]);
  expect(at(60)).toEqual([
    ["conflict", "198.51.100.128/25", ["bank 198.51.100.128/25", "shop 198.51.100.128/25"]],
    ["nested", "198.51.100.0/24", ["isp 198.51.100.0/24", "bank 198.51.100.128/25"]],
    ["nested", "2001:db8::/32", ["isp 2001:db8::/32", "shop 2001:db8:1::/48"]],
  ]);
});

it("gives pages, and counts over all of them", () => {
  const page = overlapsOf(tables, "", 10, { offset: 1, limit: 1 });
  expect(page).toMatchObject({ conflicts: 1, nested: 2, rows: [{ kind: "nested", prefix: "198.51.100.0/24" }] });
  expect(overlapsOf(tables, "", 10, { kind: "conflict" }).rows).toHaveLength(1);
  expect(overlapsOf(tables, "elsewhere", 10)).toEqual({ conflicts: 0, nested: 0, rows: [] });
});
