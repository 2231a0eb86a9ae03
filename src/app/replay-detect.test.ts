// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import type { Detection } from "../model/detection.ts";
import { detectionJson, noOwners, ownFirst, ownersFrom } from "./replay-detect.ts";

const folder = mkdtempSync(join(tmpdir(), "layang-replay-owners-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "networks.csv");
const owners = (text: string) => {
  writeFileSync(file, text);
  return ownersFrom(file);
};
const claim = (id: string, source: string | null, kind: Detection["kind"]): Detection => ({
  id,
  detector: "test",
  version: 1,
  kind,
  realm: "",
  exercise: "",
  source,
  protocol: "tcp",
  port: 23,
  first: 1_700_000_000e6,
  last: 1_700_000_060e6,
  packets: 12,
  darkAddresses: 4,
  sensors: ["replay"],
  confidence: 0.9,
  family: null,
  held: [],
  evidence: {},
  samples: [],
});

it("findings about the constituency come first, each with its owner", () => {
  const acme = owners("organisation,prefix\nAcme,198.51.100.0/24\n");
  const found = [
    claim("1", "203.0.113.9", "event"),
    claim("2", null, "surge"),
    claim("3", "198.51.100.7", "infected-host"),
    claim("4", "203.0.113.10", "heavy-scanner"),
    claim("5", "198.51.100.8", "event"),
  ];
  expect(ownFirst(acme, found).map(({ id }) => id)).toEqual(["3", "5", "1", "2", "4"]);
  expect(detectionJson(found[2]!, String, acme)).toMatchObject({ source: "198.51.100.7", owner: "Acme" });
  expect(detectionJson(found[0]!, String, acme)).toMatchObject({ owner: null });
  // Without a constituency nobody was asked for, and the order is that of time.
  expect(detectionJson(found[0]!, String)).not.toHaveProperty("owner");
  expect(ownFirst(noOwners, found)).toEqual(found);
});

it("a file without a network is no constituency", () => {
  for (const text of ["", "organisation,prefix\n", "\n\n"]) {
    expect(() => owners(text)).toThrow(expect.objectContaining({ code: "FILE_UNUSABLE" }) as Error);
  }
});
