// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createObservatory } from "../../src/observe/observatory.ts";
import { parseResearchList } from "../../src/observe/research-list.ts";
import type { FlowStore } from "../../src/store/flows/store.ts";
import { appendKnown, knownStore } from "./known.ts";

const lists = join(import.meta.dirname, "../../../shared/data/scanners");
const there = existsSync(lists);
let store: FlowStore;
let done: () => Promise<void>;
beforeAll(async () => {
  if (there) ({ store, done } = await knownStore());
});
afterAll(async () => {
  if (there) await done();
});

it.skipIf(!there)(`a real list of 20,326 lines works${there ? "" : " (skipped: no ../shared/data)"}`, async () => {
  const list = parseResearchList(
    ["mass_scanner.txt", "mass_scanner_cidr.txt"].map((name) => readFileSync(join(lists, name), "utf8")).join("\n"),
  );
  expect(list.addresses.get("::ffff:129.82.138.12")).toBe("colostate.edu");
  // 19,220 and 1,106 lines: five are no address, 380 are there twice, and thirteen of the networks are a /32.
  expect(list.size).toBe(19_215 + 1_106);
  expect([list.addresses.size, [...list.networks.values()].flat().length]).toEqual([18_845, 1_093]);
  await appendKnown(store, [
    {
      sensor: "jp-01",
      at: "2026-07-10T11:00:00Z",
      rows: [
        { src: "129.82.138.12", port: 80, packets: 3 },
        { src: "35.203.210.77", port: 80, packets: 2 },
        { src: "192.0.2.1", port: 80, packets: 5 },
      ],
    },
  ]);
  const { facts, owners } = await createObservatory({
    engine: store,
    now: () => Date.parse("2026-07-10T12:00:00Z"),
    simulated: false,
    research: () => list,
  }).ask("scanners/research", {});
  expect(facts).toMatchObject({ packets: 10, listed: 5, heuristic: 0, share: 0.5 });
  expect(owners.map(({ owner }) => owner)).toEqual(["colostate.edu", "listed network"]);
});
