// SPDX-License-Identifier: Apache-2.0
// A visitor's story on a real node: the simulated region with its letters, in Chromium.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simpleParser } from "mailparser";
import type { Browser } from "playwright-core";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensurePortal } from "../../scripts/portal.ts";
import { axeFindings, launch, noBrowser, serious, watchedPage } from "./browser.ts";

const program = join(import.meta.dirname, "../../bin/layang.js");

/** Waits for something that comes by itself; the hook's own limit ends it. */
const until = async <T>(look: () => T | undefined): Promise<T> => {
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    await sleep(200);
  }
};

describe.skipIf(noBrowser !== "")(`the desk of a living node${noBrowser}`, { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-desk-e2e-"));
  const mailbox = join(folder, "demo", "mailbox");
  let demo: ChildProcess;
  let browser: Browser;
  let address: URL;
  let letter: { readonly number: string; readonly link: string };

  beforeAll(async () => {
    ensurePortal();
    demo = spawn(process.execPath, [program, "demo", "--data", join(folder, "demo"), "--port", "0"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let said = "";
    demo.stdout?.setEncoding("utf8").on("data", (text: string) => (said += text));
    browser = await launch();
    address = new URL(await until(() => /http:\S+token=\S+/.exec(said)?.[0]));
    const first = await until(() =>
      (existsSync(mailbox) ? readdirSync(mailbox) : [])
        .filter((one) => one.endsWith(".eml"))
        .toSorted()
        .at(0),
    );
    const mail = await simpleParser(readFileSync(join(mailbox, first)));
    letter = {
      number: /LAYANG-(\d+)/.exec(mail.subject ?? "")?.[1] ?? "",
      link: /https?:\S+\/help#\S+/.exec(mail.text ?? "")?.[0] ?? "",
    };
  }, 260_000);
  afterAll(async () => {
    await browser?.close();
    if (demo !== undefined && demo.exitCode === null) {
      const exit = once(demo, "exit");
      demo.kill("SIGTERM");
      await exit;
    }
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it("shows ring, board, case and statistics, without errors or barriers", async () => {
    const { page, errors, foreign, close } = await watchedPage(browser, address.origin);
    await page.goto(address.href);
    for (const path of ["/ring", "/alerts", `/cases/${letter.number}`, "/statistics"]) {
      await page.goto(address.origin + path);
      await page.waitForSelector(".lede:not(:has(.bone))");
      await expect.poll(() => page.locator(".bone").count(), { timeout: 20_000 }).toBe(0);
      expect(await page.textContent(".simulated"), path).toContain("SIMULATED");
      expect(await page.locator(".state.error").count(), path).toBe(0);
      expect(serious(await axeFindings(page)), path).toEqual([]);
    }
    expect(errors).toEqual([]);
    expect(foreign).toEqual([]);
    await close();
  });

  it("takes an owner's answer from a letter's link, without an account, as a claim", async () => {
    const owner = await watchedPage(browser, new URL(letter.link).origin, { viewport: { width: 360, height: 780 } });
    await owner.page.goto(letter.link);
    await owner.page.locator("label").filter({ hasText: "We cleaned it" }).click();
    expect(serious(await axeFindings(owner.page))).toEqual([]);
    const answered = owner.page.waitForResponse((one) => one.url().endsWith("/help/answer"));
    await owner.page.click("button[type=submit]");
    expect((await answered).status()).toBe(200);
    expect(owner.errors).toEqual([]);
    await owner.close();

    const { page, errors, close } = await watchedPage(browser, address.origin);
    await page.goto(address.href);
    await page.goto(`${address.origin}/cases/${letter.number}`);
    await page.waitForSelector(".lede:not(:has(.bone))");
    expect(await page.textContent(".lede")).toContain("Cleaned");
    expect(await page.locator(".clock-steps li.done").count()).toBe(4);
    expect(await page.locator(".clock-steps li.done.quiet").count()).toBe(0);
    expect(errors).toEqual([]);
    await close();
  });
});
