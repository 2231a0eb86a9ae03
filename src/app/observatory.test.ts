// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { sensorKey } from "../ship/keys.ts";
import { enrolmentMessage, SensorRegistry } from "../ship/registry.ts";
import { inventBatch } from "../store/flows/batches.conformance.ts";
import { openEmbedded } from "../store/flows/embedded/index.ts";
import { openConfig } from "./config.ts";
import { openObservatory } from "./observatory.ts";

const data = mkdtempSync(join(tmpdir(), "layang-observatory-"));
afterAll(() => rmSync(data, { recursive: true, force: true }));

it("does not miss a sensor that was admitted and has not come yet", async () => {
  const now = Date.now();
  const registry = new SensorRegistry(join(data, "sensors"), () => now - 86_400_000);
  const { publicKey, sign } = sensorKey(join(data, "key"));
  const { token } = registry.add({ name: "s1", country: "JP" });
  const proof = Buffer.from(sign(enrolmentMessage("s1", token))).toString("base64url");
  registry.enrol({ name: "s1", token, key: publicKey, proof });
  registry.add({ name: "s2", country: "TH" });
  const store = await openEmbedded({ folder: data });
  try {
    const interval = (now - 86_400_000) * 1000;
    await store.append(inventBatch({ sensor: "s1", sequence: 1, interval, intervalLength: 86_400e6 }));
    const observatory = openObservatory(store, { settings: openConfig(undefined, data), simulated: false, registry });
    expect(await observatory.ask("series", { last: "1h" })).toMatchObject({
      coverage: { enrolled: 1, up: 1, outages: [] },
    });
    expect(await observatory.ask("sensors", { days: 1 })).toMatchObject({
      facts: { sensors: 1, up: 1, down: 0 },
      alarms: [],
      rows: [{ sensor: "s1" }, { sensor: "s2", state: "never", country: "TH" }],
    });
  } finally {
    await store.close();
  }
  // One that came and was revoked was expected while it was in force, also when it is awaited anew.
  const { enrolled, revoked } = registry.revoke("s1");
  registry.add({ name: "s1" });
  expect(registry.get("s1")).toMatchObject({ enrolled, revoked, key: null });
});
