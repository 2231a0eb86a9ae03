// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { lockFolder } from "../platform/lock.ts";
import { createLog } from "../platform/log.ts";
import { runDemo } from "./demo.ts";
import { runningText } from "./running.ts";

const noEngine = ((): string => {
  try {
    createRequire(import.meta.url).resolve("chdb");
    return "";
  } catch {
    return " (skipped: no embedded engine: npm ci)";
  }
})();

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
    // Once it listens, its address is told.
    writeFileSync(join(data, "node", "portal.address"), runningText("http://127.0.0.1:8420"));
    await expect(runDemo({ data, port: 0, scenario: "region", log: createLog("silent") })).rejects.toMatchObject({
      code: "SENSOR_STATE",
      message: expect.stringContaining("the demo already runs") as string,
    });
    const third = runDemo({ data, port: 0, scenario: "region", log: createLog("silent") });
    await expect(third).rejects.toThrow("at http://127.0.0.1:8420");
  } finally {
    unlock();
    rmSync(data, { recursive: true, force: true });
  }
});

it.skipIf(noEngine !== "")(
  `stops where it is told to while it prepares, and leaves nothing open${noEngine}`,
  async () => {
    const home = mkdtempSync(join(tmpdir(), "layang-demo-stop-"));
    const data = join(home, "demo");
    const scenario = join(home, "small.yaml");
    writeFileSync(
      scenario,
      "name: small\nintensity: 0.0002\nsensors: [{ name: sim-one, country: ID, dark: [192.0.2.0/24] }]\n",
    );
    const stop = new AbortController();
    // The node is being made, and was not asked to end by anybody else.
    const watch = setInterval(() => {
      if (existsSync(join(data, "node", "desk"))) stop.abort();
    }, 20);
    try {
      const ended: unknown = await runDemo({
        data,
        port: 0,
        scenario,
        log: createLog("silent"),
        signal: stop.signal,
      }).catch((error: unknown) => error);
      expect(stop.signal.aborted).toBe(true);
      expect(ended).toBe(stop.signal.reason);
      expect(existsSync(join(data, "sensors", "sim-one"))).toBe(false);
      for (const folder of [data, join(data, "node")]) (await lockFolder(folder, "SENSOR_STATE"))();
    } finally {
      clearInterval(watch);
      rmSync(home, { recursive: true, force: true });
    }
  },
  240_000,
);
