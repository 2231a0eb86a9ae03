// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from "vitest/config";
import { BaseSequencer } from "vitest/node";
import type { TestSpecification } from "vitest/node";

/** Files that take a minute or more, longest first: begun late, one of them would run on alone when all others are done. */
const long = [
  "test/demo-past",
  "test/e2e/node",
  "test/backup",
  "test/e2e/portal",
  "test/e2e/desk.",
  "test/detect/warning",
  "test/detect/infected",
  "test/e2e/live",
  "test/cli",
  "test/store/server",
  "test/e2e/desk-pages",
  "src/store/flows/embedded",
  "test/detect/runner",
  "test/detect/cuts",
  "test/detect/sight",
];
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const at = long.findIndex((name) => moduleId.includes(name));
      return at < 0 ? long.length : at;
    };
    // The sort keeps the order of equals.
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    // On two cores: a third of the time of many files is waiting for a clock, a browser or a mail server.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // Long enough for a machine that has other work too.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
  },
});
