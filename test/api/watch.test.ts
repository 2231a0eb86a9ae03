// SPDX-License-Identifier: Apache-2.0
// What the pages of early warning and campaigns are told, over known flows and evidence.
import { afterAll, beforeAll, expect, it } from "vitest";
import { originsOf } from "../../src/api/desk/campaigns.ts";
import { wholeSeries } from "../../src/api/desk/warnings.ts";
import { portOrigins } from "../../src/app/warning-origins.ts";
import type { Actor } from "../../src/model/actor.ts";
import { createObservatory } from "../../src/observe/observatory.ts";
import type { FlowStore } from "../../src/store/flows/store.ts";
import { appendKnown, knownStore } from "./known.ts";

const HOUR = 3_600e6;
const at = "2026-07-10T10:00:00Z";
const analyst: Actor = { id: "person:analyst", roles: ["analyst"], organisations: [], realms: [], sensors: [] };
let store: FlowStore;
let done: () => Promise<void>;
beforeAll(async () => {
  ({ store, done } = await knownStore());
  await appendKnown(store, [
    {
      sensor: "jp-01",
      at,
      rows: ["198.51.100", "203.0.113", "192.0.2"].flatMap((net, n) =>
        Array.from({ length: 10 * (n + 1) }, (_, i) => ({ src: `${net}.${i + 1}`, port: 5666, packets: 1 })),
      ),
    },
  ]);
});
afterAll(() => done());

it("a warning's economies are all of them, and their shares are of all its sources", async () => {
  const observatory = createObservatory({
    engine: store,
    now: () => Date.parse(at) + 3_600_000,
    simulated: true,
    sensors: () => [{ name: "jp-01", country: "JP", enrolled: Date.parse("2022-01-01T00:00:00Z"), revoked: null }],
  });
  const from = Date.parse(at) * 1000;
  const { countries, sensors } = await portOrigins({ observatory })(analyst, {
    protocol: "tcp",
    port: 5666,
    from,
    to: from + HOUR,
    realm: "",
    exercise: "",
  });
  expect(countries.length).toBeGreaterThan(1);
  expect(countries.reduce((sum, { sources }) => sum + sources, 0)).toBe(60);
  for (const { sources, share } of countries) expect(share).toBeCloseTo(sources / 60, 10);
  expect(sensors).toEqual([{ sensor: "jp-01", packets: 60, sources: 60 }]);
});

it("a warning's hours have none left out between them, and end with the last that was judged", () => {
  const evidence = { hours: [100, 7, 9, 103, 2, 2] };
  expect(wholeSeries(evidence, 105.5 * HOUR)).toEqual([
    [100, 7, 9],
    [101, 0, 0],
    [102, 0, 0],
    [103, 2, 2],
    [104, 0, 0],
    [105, 0, 0],
  ]);
  expect(wholeSeries(evidence, 104 * HOUR).at(-1)).toEqual([103, 2, 2]);
  expect(wholeSeries({}, 105 * HOUR)).toEqual([]);
});

it("a campaign's economies are those of its sources, not of the sensors that saw them", () => {
  const seen = { by_economy: { ID: 147, JP: 147, TH: 147 }, economies: ["BR", "CN"], sources: 147 };
  expect(originsOf({ ...seen, by_origin: { BR: 40, CN: 100 } })).toEqual([
    { country: "CN", sources: 100, share: 100 / 147 },
    { country: "BR", sources: 40, share: 40 / 147 },
    { country: null, sources: 7, share: 7 / 147 },
  ]);
  // Written down before they were counted.
  expect(originsOf(seen)).toEqual([]);
});
