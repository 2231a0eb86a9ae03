// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { lockFolder } from "../platform/lock.ts";
import { createLog } from "../platform/log.ts";
import { runDemo } from "./demo.ts";

it("leaves a folder alone that another demo runs on, also while that one is still at its beginning", async () => {
  const data = mkdtempSync(join(tmpdir(), "layang-demo-"));
  const unlock = await lockFolder(data, "SENSOR_STATE");
  try {
    mkdirSync(join(data, "node"));
    const state = { form: 1, seed: 1, scenario: "region", epoch: 0, alive: 0, history: false };
    writeFileSync(join(data, "demo.json"), JSON.stringify(state));
    const second = runDemo({ data, port: 0, scenario: "region", log: createLog("silent") });
    await expect(second).rejects.toMatchObject({ code: "SENSOR_STATE" });
    expect(existsSync(join(data, "node"))).toBe(true);
  } finally {
    unlock();
    rmSync(data, { recursive: true, force: true });
  }
});
