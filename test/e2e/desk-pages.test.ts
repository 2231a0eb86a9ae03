// SPDX-License-Identifier: Apache-2.0
// The desk's pages full of invented answers: what a young node has none of yet, in other languages, and when nothing answers.
import type { Server } from "node:http";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deskMood } from "../../portal/fixture/desk.ts";
import { type Mood, serveFixture } from "../../portal/fixture/server.ts";
import { ensurePortal } from "../../scripts/portal.ts";
import { axeFindings, cutTables, launch, noBrowser, overflow, serious, watchedPage } from "./browser.ts";

const pages = [
  "/ring",
  "/alerts",
  "/cases",
  "/warnings",
  "/warnings/w-5555",
  "/campaigns",
  "/campaigns/c-0",
  "/statistics",
  "/detectors",
  "/constituency",
  "/unclaimed",
  "/notices",
] as const;

describe.skipIf(noBrowser !== "")(`the desk's pages, full${noBrowser}`, { timeout: 60_000 }, () => {
  let browser: Browser;
  let server: Server;
  let url: string;
  const mood: { now: Mood } = { now: "well" };

  beforeAll(async () => {
    ensurePortal();
    ({ url, server } = await serveFixture(join(import.meta.dirname, "../../portal/dist"), mood, 0, deskMood()));
    browser = await launch();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  it.each(pages)("%s bars nobody, wide in Japanese and on a telephone in Thai", async (path) => {
    const { page, errors, foreign, close } = await watchedPage(browser, url, { locale: "ja" });
    await page.goto(url + path);
    await page.waitForSelector("html[lang=ja]");
    for (const [width, language, colorScheme] of [
      [1360, "ja", "light"],
      [360, "th", "dark"],
    ] as const) {
      await page.selectOption("aside select >> nth=0", language);
      await page.waitForSelector(`html[lang=${language}]`);
      await page.setViewportSize({ width, height: 860 });
      await page.emulateMedia({ colorScheme });
      await page.waitForSelector(".lede:not(:has(.bone))");
      await expect.poll(() => page.locator(".bone").count(), { timeout: 20_000 }).toBe(0);
      // Its own words: the sentence that answers is in the language of the page.
      expect(await page.textContent(".lede")).toMatch(language === "ja" ? /[\u3040-\u9fff]/ : /[\u0e00-\u0e7f]/);
      expect(serious(await axeFindings(page)), `${path} ${language}`).toEqual([]);
      expect(await overflow(page), `${path} ${language}`).toBeLessThanOrEqual(0);
      expect(await cutTables(page), `${path} ${language}`).toEqual([]);
    }
    expect(errors).toEqual([]);
    expect(foreign).toEqual([]);
    await close();
  });

  it("shows how sure a measured rate is, on how many it rests, and what was not measured", async () => {
    const { page, close } = await watchedPage(browser, url);
    await page.goto(`${url}/detectors`);
    await page.waitForSelector(".measured");
    expect(await page.textContent("main")).toMatch(/98\.\d+% to 99\.\d+%, n = \d/);
    expect(await page.textContent("main")).toContain("not measured");
    await close();
  });

  it("opens what was pasted, and has beside it what there is about it", async () => {
    const { page, close } = await watchedPage(browser, url);
    await page.goto(`${url}/detectors`);
    await page.waitForSelector(".measured");
    const subject = (await page.evaluate(
      "fetch('/api/v1/desk/alerts').then((answer) => answer.json()).then(({ rows }) => rows.find((row) => !row.subject.includes('/')).subject)",
    )) as string;
    await page.keyboard.press("/");
    await page.keyboard.type(subject);
    await expect
      .poll(() => page.locator("[role=option] .kind").allTextContents(), { timeout: 30_000 })
      .toEqual(expect.arrayContaining(["Alert", "Address"]));
    expect(await page.textContent("[role=option][aria-selected=true] .kind")).toBe("Address");
    await page.keyboard.press("Enter");
    await page.waitForURL(`${url}/sources/${subject}`);
    // A tab says what it shows.
    await expect.poll(() => page.title()).toContain(subject);
    await page.keyboard.press("/");
    await page.keyboard.type(subject);
    await page.locator("[role=option] .kind", { hasText: "Alert" }).first().waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/(?:cases\/\d+$|alerts\?)/);
    // Enter that is faster than any answer.
    for (const [text, place] of [
      ["AS4200016071", "/explore?asn=4200016071&last=7d"],
      ["23", "/ports/tcp/23"],
      ["udp/53", "/ports/udp/53"],
    ] as const) {
      await page.keyboard.press("/");
      await page.keyboard.type(text);
      await page.keyboard.press("Enter");
      await page.waitForURL(url + place);
    }
    await page.goto(`${url}/nowhere`);
    await expect.poll(() => page.title()).not.toContain("Now");
    await close();
  });

  it("opens the address that was typed, not the one that was answered before its last figure", async () => {
    const { page, errors, close } = await watchedPage(browser, url);
    await page.goto(`${url}/detectors`);
    await page.waitForSelector(".measured");
    await page.route(/v1\/search\?q=10\.0\.0\.1&/, async (route) => {
      const answer = await route.fetch();
      const row = { kind: "source", label: "10.0.0.1", ip: "10.0.0.1", detail: null, packets: 9, sources: 1 };
      const none = { asn: null, protocol: null, port: null, country: null, sensor: null };
      await route.fulfill({ response: answer, json: { ...(await answer.json()), rows: [{ ...row, ...none }] } });
    });
    await page.keyboard.press("/");
    await page.keyboard.type("10.0.0.1");
    await page.locator("[role=option]", { hasText: "9 packets" }).first().waitFor();
    // The answer to what follows takes its time.
    await page.route(/\/search\?q=10\.0\.0\.12/, async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await route.continue().catch(() => undefined);
    });
    await page.keyboard.type("2");
    await page.waitForTimeout(400);
    await page.keyboard.press("Enter");
    await page.waitForURL(`${url}/sources/10.0.0.12`);
    expect(errors).toEqual([]);
    await close();
  });

  it("stays in an exercise on every link, frames its cases by themselves, and has one way out", async () => {
    const { page, errors, close } = await watchedPage(browser, url);
    const framed = (): Promise<number> => page.locator(".exercise-frame").count();
    await page.goto(`${url}/alerts?exercise=garuda-26&state=all`);
    await page.waitForSelector("tr.item");
    await expect.poll(framed).toBe(1);
    await page.locator("tr.item a[href*='/cases/']").first().click();
    await page.waitForURL(/\/cases\/\d+\?exercise=garuda-26$/);
    const numbered = new URL(page.url()).pathname;
    expect(await framed()).toBe(1);
    await expect.poll(() => page.title()).toContain("EXERCISE garuda-26");
    // The owner, the menu, a key and what is found: all of the same exercise.
    await page.locator(".head .owner a").click();
    await page.waitForURL(/\/alerts\?.*exercise=garuda-26/);
    await page.locator("nav a[href^='/cases']").click();
    await page.waitForURL(/\/cases\?exercise=garuda-26$/);
    expect(await framed()).toBe(1);
    // What is real is not framed, says so, and leads back into it.
    await page.keyboard.press("g");
    await page.keyboard.press("p");
    await page.waitForURL(/\/ports\?exercise=garuda-26$/);
    await page.waitForSelector(".exercise.beside");
    expect(await framed()).toBe(0);
    await page.keyboard.press("g");
    await page.keyboard.press("a");
    await page.waitForURL(/\/alerts\?exercise=garuda-26$/);
    await page.waitForSelector("tr.item");
    await page.selectOption("select[aria-label]:has(option:text('Essential, held'))", { label: "Essential, held" });
    await page.waitForURL(/\/alerts\?.*only=held.*/);
    expect(new URL(page.url()).searchParams.get("exercise")).toBe("garuda-26");
    // Its number alone, as from a letter: the case knows what it is.
    await page.goto(url + numbered);
    await page.waitForURL(`${url}${numbered}?exercise=garuda-26`);
    expect(await framed()).toBe(1);
    await page.getByRole("link", { name: "Back to what is real" }).click();
    await page.waitForURL(`${url}/cases`);
    await expect.poll(framed).toBe(0);
    // So does an alert that somebody sent a link to.
    await page.goto(`${url}/alerts?open=al-garuda-263`);
    await page.waitForURL(/\/alerts\?.*exercise=garuda-26/);
    await page.waitForSelector(".peek h2");
    await expect.poll(framed).toBe(1);
    // And one that is real is none of the exercise.
    await page.goto(`${url}/cases/4?exercise=garuda-26`);
    await page.waitForURL(`${url}/cases/4`);
    await expect.poll(framed).toBe(0);
    expect(errors).toEqual([]);
    await close();
  });

  it("the ring's evidence is in the address, and Escape closes it before it leaves the wall", async () => {
    const { page, errors, close } = await watchedPage(browser, url);
    await page.goto(`${url}/ring`);
    await page.waitForSelector(".lede:not(:has(.bone))");
    // Its figures move every second: read out once.
    await expect.poll(() => page.locator(".head .lede").getAttribute("aria-live")).toBe("off");
    const drawn = `(() => {
      const air = document.querySelectorAll(".ring-box canvas")[1];
      return air.getContext("2d").getImageData(0, 0, air.width, air.height).data.some((value) => value > 0);
    })()`;
    const wide = `document.querySelectorAll(".ring-box canvas")[1].width`;
    await expect.poll(() => page.evaluate(drawn), { timeout: 10_000 }).toBe(true);
    const before = await page.evaluate(wide);
    await page.locator(".ring-below td button").first().click();
    await page.waitForURL(/\/ring\?open=/);
    await page.waitForSelector(".peek h2");
    // The picture makes room for it, and stays what it was when it was stopped.
    await expect.poll(() => page.evaluate(wide)).not.toBe(before);
    expect(await page.evaluate(drawn)).toBe(true);
    const evidence = page.url();
    await page.goBack();
    await page.waitForURL(`${url}/ring`);
    await expect.poll(() => page.locator(".peek").count()).toBe(0);
    await page.goto(`${evidence}&wall=1`);
    await page.waitForSelector(".peek h2");
    expect(await page.locator(".ring-state").count()).toBe(1);
    await page.locator(".head button").first().focus();
    await page.keyboard.press("Escape");
    await page.waitForURL(`${url}/ring?wall=1`);
    await page.keyboard.press("Escape");
    await page.waitForURL(`${url}/ring`);
    expect(errors).toEqual([]);
    await close();
  });

  it("says who held an address, and the question is in the page's address", async () => {
    const { page, errors, close } = await watchedPage(browser, url);
    await page.goto(`${url}/constituency?view=whose`);
    await page.locator("input[name=address]").fill("10.0.0.12");
    await page.locator("input[name=time]").fill("2026-05-03T12:00");
    await page.keyboard.press("Enter");
    await page.waitForURL(/address=10\.0\.0\.12/);
    expect(new URL(page.url()).searchParams.get("at")).toBe("2026-05-03T12:00");
    const said = await page.locator("p[role=status]").textContent();
    await page.reload();
    await expect.poll(() => page.locator("p[role=status]").textContent()).toBe(said);
    expect(await page.locator("input[name=address]").inputValue()).toBe("10.0.0.12");
    expect(await page.locator("input[name=time]").inputValue()).toBe("2026-05-03T12:00");
    expect(errors).toEqual([]);
    await close();
  });

  it("leaves Enter to an input method, and the focus and what was typed where they were", async () => {
    const { page, errors, close } = await watchedPage(browser, url);
    await page.goto(`${url}/constituency`);
    await page.waitForSelector(".lede:not(:has(.bone))");
    await page.keyboard.press("/");
    await page.keyboard.type("23");
    await page.waitForSelector("[role=option][aria-selected=true]");
    await page
      .locator("input[role=combobox]")
      .dispatchEvent("keydown", { key: "Enter", isComposing: true, bubbles: true });
    expect(page.url()).toBe(`${url}/constituency`);
    expect(await page.locator("dialog[open]").count()).toBe(1);
    await page.keyboard.press("Escape");
    const add = page.getByRole("button", { name: "Add organisation" });
    await add.click();
    await page.locator("dialog input[name=name]").fill("Kirei");
    // Text that is selected from its end to outside of the dialog is no wish to close it.
    const field = await page.locator("dialog input[name=name]").boundingBox();
    await page.mouse.move((field?.x ?? 0) + 60, (field?.y ?? 0) + 10);
    await page.mouse.down();
    await page.mouse.move(5, 5);
    await page.mouse.up();
    expect(await page.locator("dialog[open]").count()).toBe(1);
    await page.locator("dialog").getByRole("button", { name: "Cancel" }).click();
    await page.waitForSelector("dialog", { state: "detached" });
    await expect.poll(() => page.evaluate("document.activeElement?.textContent")).toBe("Add organisation");
    expect(errors).toEqual([]);
    await close();
  });

  it("another case is another page: no note of the one is sent to the other", async () => {
    const { page, errors, close } = await watchedPage(browser, url);
    await page.goto(`${url}/cases/4`);
    await page.locator(".composer textarea").fill("meant for four");
    await page.locator("a[href='/cases/1']").first().click();
    await page.waitForURL(`${url}/cases/1`);
    await expect.poll(() => page.locator("h1").textContent()).toContain("1");
    await page.waitForSelector(".composer textarea");
    expect(await page.locator(".composer textarea").inputValue()).toBe("");
    expect(errors).toEqual([]);
    await close();
  });

  it("the evidence is read by keyboard, and Back closes it without leaving the board", async () => {
    const { page, errors, close } = await watchedPage(browser, url);
    await page.goto(`${url}/alerts`);
    await page.waitForSelector("tr.item.at");
    const focus = (): Promise<string> =>
      page.evaluate(`document.activeElement?.closest("tr.item") !== null ? "row" : document.activeElement.tagName`);
    await page.keyboard.press("j");
    await expect.poll(focus).toBe("row");
    const at = await page.textContent("tr.item.at .subject");
    await page.keyboard.press("Enter");
    await expect.poll(focus).toBe("H2");
    // What is read there scrolls there: the cursor stays where it is.
    await page.keyboard.press("ArrowDown");
    expect(await page.textContent("tr.item.at .subject")).toBe(at);
    await page.keyboard.press("Escape");
    await page.waitForSelector(".peek", { state: "detached" });
    await expect.poll(focus).toBe("row");
    expect(await page.textContent("tr.item.at .subject")).toBe(at);
    await page.locator("tr.item .subject").nth(2).click();
    await page.waitForURL(/open=/);
    await page.goBack();
    await page.waitForSelector(".peek", { state: "detached" });
    expect(page.url()).toBe(`${url}/alerts`);
    expect(errors).toEqual([]);
    await close();
  });

  it("acts on nothing where all that was picked has left the board, and says so", async () => {
    const { page, close } = await watchedPage(browser, url);
    const left: { id: string | undefined } = { id: undefined };
    await page.route(/\/desk\/alerts(\?|$)/, async (route) => {
      const response = await route.fetch();
      const answer = (await response.json()) as { rows: { id: string; subject: string }[] };
      await route.fulfill({
        response,
        json: { ...answer, rows: answer.rows.filter(({ subject }) => subject !== left.id) },
      });
    });
    await page.goto(`${url}/alerts`);
    await page.waitForSelector("tr.item.at");
    await page.keyboard.press("x");
    await page.waitForSelector(".bulk");
    left.id = (await page.textContent("tr.item.at .subject")) ?? "";
    // A colleague closed it: the board is asked again every ten seconds.
    await page.waitForSelector(".bulk:has-text('no longer in this list')", { timeout: 20_000 });
    await page.keyboard.press("e");
    expect(await page.locator("dialog[open]").count()).toBe(0);
    // Other filters have nothing picked.
    await page.selectOption("select[aria-label=Severity]", "high");
    await page.waitForSelector(".bulk", { state: "detached" });
    await page.keyboard.press("a");
    await page.waitForSelector("dialog select[name=person]");
    // Whoever presses the button at once takes the work from nobody.
    expect(await page.locator("dialog select[name=person]").inputValue()).not.toBe("-");
    await close();
  });

  it("a board that nobody refreshes says how old it is, also when it is empty", async () => {
    const { page, close } = await watchedPage(browser, url);
    const node = { fails: false };
    await page.route(/\/desk\/alerts(\?|$)/, async (route) => {
      if (node.fails) return route.fulfill({ status: 503, json: { code: "DOWN", title: "down" } });
      const response = await route.fetch();
      const answer = (await response.json()) as object;
      return route.fulfill({ response, json: { ...answer, rows: [], total: 0, next: null } });
    });
    await page.goto(`${url}/alerts`);
    await page.waitForSelector("text=No alert passes these filters");
    expect(await page.locator(".chip.warn:has-text('Could not be refreshed')").count()).toBe(0);
    node.fails = true;
    await page.waitForSelector(".chip.warn:has-text('Could not be refreshed')", { timeout: 20_000 });
    await close();
  });

  it("the board of a telephone goes on as far as one scrolls", async () => {
    const { page, errors, close } = await watchedPage(browser, url, { viewport: { width: 360, height: 780 } });
    await page.goto(`${url}/alerts?state=all`);
    await page.waitForSelector("tr.item");
    const filled = `[...document.querySelectorAll("tr.item")].some((row) => {
      const { top, bottom } = row.getBoundingClientRect();
      return top < 500 && bottom > 400;
    })`;
    for (const down of [3000, 9000, 5000]) {
      await page.evaluate(`scrollTo(0, ${down})`);
      await expect.poll(() => page.evaluate(filled), { timeout: 20_000 }).toBe(true);
    }
    // And no more of it is on the page than is seen.
    expect(await page.locator("tr.item").count()).toBeLessThan(60);
    expect(errors).toEqual([]);
    await close();
  });

  it("the period that is picked follows back and forward", async () => {
    const { page, errors, close } = await watchedPage(browser, url);
    await page.goto(`${url}/ports`);
    await page.waitForSelector(".lede:not(:has(.bone))");
    const picked = () => page.locator(".segments button[aria-pressed=true]").allTextContents();
    const before = await picked();
    await page.getByRole("button", { name: "From–to" }).click();
    await page.locator("input[type=datetime-local]").first().fill("2026-11-20T00:00");
    await page.locator("input[type=datetime-local]").last().fill("2026-11-21T00:00");
    await page.getByRole("button", { name: "Apply" }).click();
    await page.waitForURL(/from=2026/);
    expect(await picked()).not.toEqual(before);
    await page.goBack();
    await expect.poll(picked).toEqual(before);
    await page.goForward();
    await expect.poll(() => page.locator("input[type=datetime-local]").count()).toBe(2);
    expect(errors).toEqual([]);
    await close();
  });

  it("says on a chart of days which sensor was down while others were up", async () => {
    const { page, close } = await watchedPage(browser, url);
    await page.goto(`${url}/campaigns/c-0`);
    await page.waitForSelector(".chart .partial", { state: "attached" });
    expect(await page.textContent(".chart .partial title")).toMatch(/\S+ down$/);
    await close();
  });

  it.each(["empty", "error"] as const)("says so when the answer is: %s", async (now) => {
    mood.now = now;
    try {
      const { page, close } = await watchedPage(browser, url);
      for (const path of ["/alerts", "/warnings", "/campaigns", "/statistics"]) {
        await page.goto(url + path);
        await page.waitForSelector(now === "error" ? ".state.error" : ".state");
        expect(serious(await axeFindings(page)), path).toEqual([]);
      }
      await close();
    } finally {
      mood.now = "well";
    }
  });
});
