// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContextOptions, type Page, chromium } from "playwright-core";

/** The same engine without the windows of a desktop, and with a third of its work; else the whole browser. */
const programs = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];
const program = programs.find((path) => existsSync(path));
/** Why the browser tests cannot run here, or "" when they can. */
export const noBrowser = program === undefined ? " (skipped: apt-get install chromium-headless-shell)" : "";

export const launch = ({ gpu = false } = {}): Promise<Browser> =>
  chromium.launch({
    ...(program === undefined ? {} : { executablePath: program }),
    args: ["--no-sandbox", ...(gpu ? [] : ["--disable-gpu"]), "--disable-background-networking", "--no-first-run"],
  });

export interface Watched {
  readonly page: Page;
  /** Errors on the console (breaches of the policy are among them) and exceptions. */
  readonly errors: string[];
  /** Requests to anywhere but `origin`. */
  readonly foreign: string[];
  close(): Promise<void>;
}
/** A page whose errors and requests are noted. */
export const watchedPage = async (
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<Watched> => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en", ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  const foreign: string[] = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) foreign.push(url);
  });
  return { page, errors, foreign, close: () => context.close() };
};

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
interface AxeResult {
  violations: { id: string; impact: string | null; nodes: { html: string }[] }[];
}
/**
 * What axe finds on the page as it stands, WCAG 2.2 A and AA and axe's best practices, one line a rule: impact, rule, first
 * element. The script is put in by the debugger, so that the page's policy stays as it is.
 */
export const axeFindings = async (page: Page): Promise<string[]> => {
  await page.evaluate(axe);
  const result = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as AxeResult;
  return result.violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes[0]?.html.slice(0, 160) ?? ""}`);
};
/** Findings that bar someone from using the page. */
export const serious = (findings: readonly string[]): string[] =>
  findings.filter((finding) => /^(serious|critical)/.test(finding));

/** Pixels by which the page is wider than its window. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");

/**
 * Tables of which something is out of sight sideways: what has to be scrolled, cells whose text is cut. Tables of more rows than a page holds keep
 * one line a row and may be scrolled.
 */
export const cutTables = (page: Page): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll(".scroll:not(.virtual), .board-list")].flatMap((box) => {
    const label = box.getAttribute("aria-label");
    const wide = box.scrollWidth - box.clientWidth > 2 ? [label + " is wider by " + (box.scrollWidth - box.clientWidth)] : [];
    const cells = [...box.querySelectorAll(".scroll td, .scroll tbody th")].filter(
      (cell) => getComputedStyle(cell).overflowX === "hidden" && cell.scrollWidth - cell.clientWidth > 1 && !cell.closest(".hidden"),
    );
    return [...wide, ...cells.slice(0, 3).map((cell) => label + " cuts " + cell.textContent.slice(0, 40))];
  })`);
