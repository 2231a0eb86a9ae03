// SPDX-License-Identifier: Apache-2.0
// The built portal in Chromium against invented answers: every state, language, width and theme of every page.
import type { Server } from "node:http";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Mood, serveFixture } from "../../portal/fixture/server.ts";
import { allowed, firstLoad } from "../../portal/size.ts";
import { ensurePortal } from "../../scripts/portal.ts";
import { axeFindings, cutTables, launch, noBrowser, overflow, serious, watchedPage } from "./browser.ts";

const root = join(import.meta.dirname, "../..");
const dist = join(root, "portal/dist");
const pages = [
  ["Now", "/"],
  ["Ports", "/ports"],
  ["a port", "/ports/tcp/23"],
  ["Networks", "/networks"],
  ["a source", "/sources/203.0.113.5"],
  ["Sensors", "/sensors"],
  ["Explore", "/explore?group=port"],
  ["Reports", "/reports"],
] as const;

describe.skipIf(noBrowser !== "")(`the portal in a browser${noBrowser}`, { timeout: 60_000 }, () => {
  let browser: Browser;
  let server: Server;
  let url: string;
  const mood: { now: Mood } = { now: "well" };

  beforeAll(async () => {
    ensurePortal();
    ({ url, server } = await serveFixture(dist, mood));
    browser = await launch();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  it.each(pages)("%s answers in a sentence, without errors, foreign requests or barriers", async (_name, path) => {
    const { page, errors, foreign, close } = await watchedPage(browser, url);
    await page.goto(url + path);
    await page.waitForSelector(".lede:not(:has(.bone))");
    await expect.poll(() => page.locator(".bone").count(), { timeout: 20_000 }).toBe(0);
    expect((await page.textContent(".lede"))?.length ?? 0).toBeGreaterThan(15);
    expect(await page.textContent(".simulated")).toContain("SIMULATED");
    expect(serious(await axeFindings(page))).toEqual([]);
    expect(errors).toEqual([]);
    expect(foreign).toEqual([]);
    await close();
  });

  it.each(pages)("%s fits 360 pixels in Thai, dark", async (_name, path) => {
    const { page, errors, close } = await watchedPage(browser, url, {
      viewport: { width: 360, height: 780 },
      locale: "th",
      colorScheme: "dark",
    });
    await page.goto(url + path);
    await page.waitForSelector(".lede:not(:has(.bone))");
    expect(await page.getAttribute("html", "lang")).toBe("th");
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(serious(await axeFindings(page))).toEqual([]);
    expect(errors).toEqual([]);
    for (const width of [1360, 390]) {
      await page.setViewportSize({ width, height: 780 });
      await expect.poll(() => cutTables(page), { message: `${width}` }).toEqual([]);
    }
    await close();
  });

  it("speaks its languages, counts years after Gregory in Thai, and remembers the choice", async () => {
    const { page, close } = await watchedPage(browser, url);
    await page.goto(`${url}/reports`);
    for (const [language, heading] of [
      ["ja", "レポート"],
      ["id", "Laporan"],
      ["th", "รายงาน"],
    ] as const) {
      await page.selectOption("aside select", language);
      await page.waitForSelector(`html[lang=${language}]`);
      expect(await page.textContent("h1")).toBe(heading);
    }
    const year = new Date().getUTCFullYear();
    const body = (await page.textContent("main")) ?? "";
    expect(body).toContain(String(year));
    expect(body).not.toContain(String(year + 543));
    await page.reload();
    await page.waitForSelector("h1");
    expect(await page.textContent("h1")).toBe("รายงาน");
    await close();
  });

  it("fetches Thai and Japanese faces only when they are read", async () => {
    const { page, close } = await watchedPage(browser, url);
    const fonts: string[] = [];
    page.on("request", (request) => request.resourceType() === "font" && fonts.push(request.url()));
    await page.goto(url);
    await page.waitForSelector(".lede:not(:has(.bone))");
    const latin = fonts.length;
    expect(fonts.filter((font) => /thai|-jp-/.test(font))).toEqual([]);
    await page.selectOption("aside select", "ja");
    await page.waitForSelector("html[lang=ja]");
    await expect.poll(() => fonts.length).toBeGreaterThan(latin);
    await close();
  });

  it("keeps every choice in the address", async () => {
    const { page, close } = await watchedPage(browser, url);
    await page.goto(`${url}/explore`);
    await page.waitForSelector(".filters");
    await page.fill(".filters input >> nth=0", "23, 2323");
    await page.click(".filters button[type=submit]");
    await page.waitForURL(/port=23,2323/);
    await page.click(".segments button:has-text('sources')");
    await page.waitForURL(/measure=sources/);
    await page.click(".segments button:has-text('7 days')");
    await page.waitForURL(/last=7d/);
    await page.reload();
    await page.waitForSelector(".filters");
    expect(await page.inputValue(".filters input >> nth=0")).toBe("23,2323");
    expect(await page.textContent(".segments [aria-pressed=true] >> nth=0")).toBe("7 days");
    await close();
  });

  it("leaves out what makes no sense in an address instead of failing", async () => {
    const { page, errors, close } = await watchedPage(browser, url);
    await page.goto(`${url}/explore?last=never&port=x&measure=%00&from=2026`);
    await page.waitForSelector(".lede:not(:has(.bone))");
    expect(errors).toEqual([]);
    await page.goto(`${url}/nowhere`);
    expect(await page.textContent("h1")).toBe("There is no such page");
    await close();
  });

  it("is driven by keyboard alone", async () => {
    const { page, close } = await watchedPage(browser, url);
    await page.goto(url);
    await page.waitForSelector(".lede:not(:has(.bone))");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement?.className")).toBe("skip");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement?.id")).toBe("content");
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open]");
    expect(serious(await axeFindings(page))).toEqual([]);
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    await page.keyboard.press("g");
    await page.keyboard.press("p");
    await page.waitForURL(/\/ports$/);
    await page.keyboard.press("/");
    await page.keyboard.type("2323");
    await page.waitForSelector("[role=option]");
    expect(serious(await axeFindings(page))).toEqual([]);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/ports\/tcp\/2323/);
    await page.keyboard.press("/");
    await page.keyboard.type("192.0.2.1");
    await page.waitForSelector("[role=option]");
    // What was pasted whole comes first, and opens.
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/sources\/192\.0\.2\.1/);
    await page.waitForSelector(".verdict");
    expect(await page.textContent(".verdict")).toContain("Not seen");
    await close();
  });

  it("reads a chart by keyboard", async () => {
    const { page, close } = await watchedPage(browser, url);
    await page.goto(`${url}/ports/tcp/23`);
    await page.waitForSelector(".chart .reader");
    await page.focus(".chart .reader");
    await page.keyboard.press("ArrowLeft");
    await page.waitForSelector(".chart .tip");
    expect(await page.getAttribute(".chart .reader", "aria-valuetext")).toMatch(/UTC: Packets [\d,]+/);
    await close();
  });

  it("draws an outage as a hatched gap and not as zero", async () => {
    const { page, close } = await watchedPage(browser, url);
    await page.goto(`${url}/ports/tcp/23`);
    await page.waitForSelector(".chart svg rect[fill^='url']");
    const strokes = await page.getAttribute(".chart .line .stroke", "d");
    expect((strokes?.match(/M/g) ?? []).length).toBe(2);
    await close();
  });

  it("shows packets within seconds of their arrival", async () => {
    const { page, close } = await watchedPage(browser, url);
    await page.goto(url);
    await page.click("details:has-text('Last rows as a list') summary");
    await page.waitForSelector("details table tbody tr a", { timeout: 20_000 });
    await close();
  });

  it.each(["empty", "error"] as const)(
    "says what to do when the answer is %s",
    async (state) => {
      mood.now = state;
      try {
        // Side by side: most of the time a page waits before it asks once more.
        await Promise.all(
          pages.map(async ([, path]) => {
            const { page, errors, close } = await watchedPage(browser, url);
            await page.goto(url + path);
            await page.waitForSelector(".state", { timeout: 40_000 });
            if (state === "error") expect(await page.textContent(".state.error")).toContain("STORE_BUSY");
            expect(serious(await axeFindings(page))).toEqual([]);
            // The browser itself writes a line for every answer of 503.
            expect(errors.filter((error) => !error.includes("503"))).toEqual([]);
            await close();
          }),
        );
      } finally {
        mood.now = "well";
      }
    },
    120_000,
  );

  it("keeps the last answer, with its age, when the next one fails", async () => {
    const { page, close } = await watchedPage(browser, url);
    await page.goto(`${url}/sensors`);
    await page.waitForSelector(".uptime");
    mood.now = "error";
    try {
      await page.waitForSelector("text=Could not be refreshed", { timeout: 60_000 });
      expect(await page.isVisible(".uptime")).toBe(true);
    } finally {
      mood.now = "well";
    }
    await close();
  }, 120_000);

  it("weighs less than the limit at the first load", async () => {
    const load = firstLoad(dist);
    expect(load.bytes).toBeGreaterThan(60_000);
    expect(load.bytes).toBeLessThan(allowed);
    // The list is honest: the browser asks for nothing that is not on it.
    const { page, close } = await watchedPage(browser, url);
    const asked: string[] = [];
    page.on("request", (request) => {
      const { pathname } = new URL(request.url());
      if (/\.(js|css|woff2)$/.test(pathname)) asked.push(pathname.slice(1));
    });
    await page.goto(url);
    await page.waitForSelector(".lede:not(:has(.bone))");
    const listed = new Set(load.files.map(({ file }) => file));
    expect(asked.filter((file) => !listed.has(file))).toEqual([]);
    await close();
  });
});
