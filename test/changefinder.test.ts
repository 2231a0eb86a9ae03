// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

const program = join(import.meta.dirname, "../bin/layang.js");
const folder = join(import.meta.dirname, "../../shared/data/changefinder");

it.skipIf(!existsSync(folder))(
  `reproduces the published alert times${existsSync(folder) ? "" : " (skipped: no ../shared/data)"}`,
  () => {
    const printed = execFileSync(
      process.execPath,
      [program, "detect", "changefinder", "--series", join(folder, "sensor999_count.csv")],
      { encoding: "utf8" },
    );
    const published = readFileSync(join(folder, "sensor999_alert_date.txt"), "utf8").trim().split(/\s+/);
    expect(published).toHaveLength(15);
    expect(printed.trim().split("\n")).toEqual(published);
  },
);

it("says in one line what is wrong with a file", () => {
  const file = join(mkdtempSync(join(tmpdir(), "layang-series-")), "counts.csv");
  for (const [text, line] of [
    ["", /line 1: a heading/],
    ["t,n\n2026,1\n", /line 2: .*YYYYMMDDhhmm/],
    ["t,n\n202601010000,x\n", /line 2: "x" is no count/],
    ["t,n\n202601010000,1,2\n", /line 2: 2 numbers/],
  ] as const) {
    writeFileSync(file, text);
    const { status, stderr } = spawnSync(process.execPath, [program, "detect", "changefinder", "--series", file], {
      encoding: "utf8",
    });
    expect(status).toBe(2);
    expect(stderr).toMatch(line);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  }
});
