// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { evaluateScenario, loadDetector, refusedSql } from "./evaluate.ts";
import { evaluationScenarios } from "./evaluate-files.ts";
import { interval, report } from "./evaluate-report.ts";

const [sample = ""] = evaluationScenarios([]);

describe("a question of somebody's detector", () => {
  it("may read the store's own tables", () => {
    for (const sql of [
      "SELECT src, sum(packets) FROM flows WHERE first_seen > now() GROUP BY src",
      "WITH 1 AS one SELECT one, uniqMerge(x) FROM (SELECT 1)",
      "SELECT 'a; file(1) -- not code' AS text FROM reports",
      "SELECT src AS `whose \\` file`, \"a ' b\" # it's one\nFROM flows WHERE family = $$it's$$",
    ]) {
      expect(refusedSql(sql)).toBeUndefined();
    }
  });
  it("may do nothing else", () => {
    for (const sql of [
      "SELECT * FROM file('/etc/passwd', 'LineAsString')",
      "SELECT * FROM url ('http://192.0.2.1/', CSV)",
      "SELECT * FROM s3('x')",
      "select * from remoteSecure('a', system.one)",
      "SELECT 1 INTO OUTFILE 'x'",
      "INSERT INTO flows SELECT 1",
      "SELECT 1; DROP TABLE flows",
      "SELECT 1 /* x */ SETTINGS max_threads = 1",
      "SELECT * FROM system.tables",
      "SELECT * FROM executable('sh', 'x')",
      "ALTER TABLE flows DELETE WHERE 1",
      "SELECT * FROM mysql('x')",
      // A quotation mark where it opens nothing hides nothing.
      "SELECT 1 AS `'`, * FROM file('/etc/passwd', 'LineAsString')",
      "SELECT 1 AS \"'\", * FROM file('/etc/passwd', 'LineAsString')",
      "SELECT $$'$$, * FROM file('/etc/passwd', 'LineAsString')",
      "SELECT $a$'$a$, * FROM file('/etc/passwd', 'LineAsString')",
      "SELECT 1 # '\n, * FROM file('/etc/passwd', 'LineAsString')",
      "SELECT * FROM `file`('/etc/passwd', 'LineAsString')",
      "SELECT * FROM `system`.`tables`",
    ]) {
      expect(refusedSql(sql), sql).toBeTypeOf("string");
    }
  });
});

describe("a detector from a file", () => {
  const file = (text: string): string => {
    const path = join(mkdtempSync(join(tmpdir(), "layang-detector-")), "own.ts");
    writeFileSync(path, text);
    return path;
  };
  it("must be one", async () => {
    await expect(loadDetector(file("export default { name: 'x' };"))).rejects.toMatchObject({
      code: "DETECTOR_INVALID",
    });
    await expect(loadDetector(file("export default 7;"))).rejects.toMatchObject({ code: "DETECTOR_INVALID" });
    await expect(loadDetector(file("syntax error"))).rejects.toMatchObject({ code: "DETECTOR_INVALID" });
    await expect(loadDetector("/nowhere.ts")).rejects.toMatchObject({ code: "DETECTOR_INVALID" });
  });
  it("is measured like any other, and refused when it reaches outside", async () => {
    const text = (sql: string): string => `
export default {
  name: "own", version: 1, kinds: ["dos-victim"], cadence: { step: 3600e6, longest: 86400e6 }, late: "again",
  begin: () => 0,
  *examine(span, memory) {
    const rows = yield { sql: ${JSON.stringify(sql)} };
    return { memory: memory + Number(rows[0].n), detections: [] };
  },
};`;
    const counting = await loadDetector(
      file(text("SELECT count() AS n FROM flows WHERE first_seen >= fromUnixTimestamp64Micro({from:Int64})")),
    );
    const evaluation = await evaluateScenario(sample, { detectors: [counting], days: 1 });
    const { scores, packets } = evaluation;
    expect(packets).toBeGreaterThan(10_000);
    expect(scores.infected.n).toBeGreaterThan(0);
    expect(scores.infected.right).toBe(0);
    // What it was never asked for is no failure of its own.
    const said = report([evaluation], { command: "layang evaluate" });
    expect(said).toContain("| infected hosts found (10 packets, 3 dark addresses) | 99 % | not asked | - |");
    expect(said).toContain("Asked were own 1;");
    expect(said).toMatch(/attacks of 5 minutes.*\| 0\.00 % .* \| \*\*not met\*\* \|/);
    const reaching = await loadDetector(file(text("SELECT count() AS n FROM file('/etc/hostname', 'LineAsString')")));
    const asking = reaching.examine({ from: 0, to: 1 }, 0, {} as Parameters<typeof reaching.examine>[2]);
    expect(() => asking.next()).toThrow(/file\(\) reaches outside/);
  });
});

it("knows Wilson's interval", () => {
  const [low, high] = interval({ right: 9, n: 10 });
  expect(low).toBeCloseTo(0.5958, 3);
  expect(high).toBeCloseTo(0.9821, 3);
  expect(interval({ right: 0, n: 0 })).toEqual([0, 1]);
});
