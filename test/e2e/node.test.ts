// SPDX-License-Identifier: Apache-2.0
// The portal in Chromium against a real node: the simulated region with its sensors, store and API.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensurePortal } from "../../scripts/portal.ts";
import { axeFindings, launch, noBrowser, overflow, serious, watchedPage } from "./browser.ts";

const root = join(import.meta.dirname, "../..");
const engine = ((): string => {
  try {
    createRequire(import.meta.url).resolve("chdb");
    return "";
  } catch {
    return " (skipped: no embedded engine: npm ci)";
  }
})();
const skipped = noBrowser + engine;

describe.skipIf(skipped !== "")(`the portal on a real node${skipped}`, { timeout: 90_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-e2e-"));
  let node: ChildProcess;
  let browser: Browser;
  /** With the token. */
  let entry: string;
  let origin: string;

  beforeAll(async () => {
    ensurePortal();
    // The demo's own region with less noise and a shorter past: what is drawn is the same, and is not waited for while so much is judged.
    const scenario = join(folder, "region.yaml");
    writeFileSync(
      scenario,
      readFileSync(join(root, "scenarios/region.yaml"), "utf8").replace("intensity: 0.005", "intensity: 0.001"),
    );
    const home = join(folder, "demo");
    const demo = ["demo", "--data", home, "--port", "0", "--scenario", scenario, "--past", "2"];
    node = spawn(process.execPath, ["bin/layang.js", ...demo], { cwd: root });
    entry = await new Promise<string>((resolve, reject) => {
      let said = "";
      const hear = (chunk: Buffer): void => {
        said += chunk.toString();
        const address = /Open (http:\S+)/.exec(said)?.[1];
        if (address !== undefined) resolve(address);
      };
      node.stdout?.on("data", hear);
      node.stderr?.on("data", hear);
      node.once("exit", () => reject(new Error(`the node ended: ${said}`)));
    });
    ({ origin } = new URL(entry));
    browser = await launch();
  }, 240_000);
  afterAll(async () => {
    await browser?.close();
    if (node !== undefined && node.exitCode === null) {
      const ended = new Promise((resolve) => node.once("exit", resolve));
      node.kill("SIGTERM");
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const enter = async (path: string, options = {}) => {
    const watched = await watchedPage(browser, origin, options);
    await watched.page.goto(entry);
    await watched.page.goto(origin + path);
    return watched;
  };

  it("answers under a strict policy and only to who has the token", async () => {
    const refused = await fetch(`${origin}/api/v1/status`);
    expect(refused.status).toBe(401);
    const { page, close } = await watchedPage(browser, origin);
    const answer = await page.goto(entry);
    const policy = answer?.headers()["content-security-policy"] ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    expect(page.url()).not.toContain("token");
    await close();
  });

  it("shows what arrives within five seconds, and that it is simulated", async () => {
    const { page, errors, foreign, close } = await enter("/");
    await page.waitForSelector(".lede:not(:has(.bone))", { timeout: 60_000 });
    expect(await page.textContent(".simulated")).toContain("SIMULATED");
    expect(await page.title()).toContain("SIMULATED");
    await page.click("details:has-text('Last rows as a list') summary");
    await page.waitForSelector("details table tbody tr a", { timeout: 15_000 });
    const before = await page.textContent("details table tbody tr td");
    await expect.poll(() => page.textContent("details table tbody tr td"), { timeout: 15_000 }).not.toBe(before);
    expect(errors).toEqual([]);
    expect(foreign).toEqual([]);
    await close();
  });

  it.each(["/", "/ports", "/ports/tcp/23", "/networks", "/sensors", "/explore?group=country", "/reports"])(
    "%s is drawn from the node's answers, without errors or barriers",
    async (path) => {
      const { page, errors, foreign, close } = await enter(path);
      await page.waitForSelector(".lede:not(:has(.bone))", { timeout: 60_000 });
      await expect.poll(() => page.locator(".bone").count(), { timeout: 60_000 }).toBe(0);
      expect(await page.textContent("main")).not.toContain("This question got no answer");
      expect(await page.locator("table tbody tr").count()).toBeGreaterThan(0);
      expect(serious(await axeFindings(page))).toEqual([]);
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      expect(errors).toEqual([]);
      expect(foreign).toEqual([]);
      await close();
    },
  );

  it("leads from a port to a source, its verdict and its evidence", async () => {
    const { page, errors, close } = await enter("/ports/tcp/23?last=24h");
    await page.click("section:has(h2:text('Busiest sources')) tbody a >> nth=0", { timeout: 60_000 });
    await page.waitForURL(/\/sources\//);
    await page.waitForSelector(".verdict", { timeout: 60_000 });
    expect((await page.textContent(".verdict"))?.length ?? 0).toBeGreaterThan(8);
    expect(errors).toEqual([]);
    await close();
  });

  it("offers every table as a file that says it is simulated", async () => {
    const { page, close } = await enter("/ports");
    // What is not an answer's main table is offered as JSON alone, which has all of it.
    const all = ".download:has(a:nth-of-type(3))";
    await page.waitForSelector(all, { timeout: 60_000 });
    for (const [place, form] of [
      [0, "csv"],
      [1, "json"],
      [2, "parquet"],
    ] as const) {
      const href = await page.getAttribute(`${all} >> nth=0 >> a >> nth=${place}`, "href");
      expect(href).toContain(`format=${form}`);
      const answer = await page.request.get(origin + href);
      expect(answer.status()).toBe(200);
      const body = await answer.body();
      expect(body.length).toBeGreaterThan(100);
      if (form !== "parquet") expect(body.toString().toLowerCase()).toContain("simulated");
      else expect(body.subarray(0, 4).toString()).toBe("PAR1");
    }
    await close();
  });

  it("finds a port and an address by search", async () => {
    const { page, errors, close } = await enter("/sensors");
    await page.waitForSelector(".lede:not(:has(.bone))", { timeout: 60_000 });
    await page.keyboard.press("/");
    await page.keyboard.type("23/tcp");
    // A campaign that speaks of the port may be there as well: what was typed out comes first.
    await page.waitForSelector("[role=option] >> nth=0 >> text=tcp/23", { timeout: 30_000 });
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/ports\/tcp\/23/);
    expect(errors).toEqual([]);
    await close();
  });
});
