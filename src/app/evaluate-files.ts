// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "../../scenarios/evaluate");

/** Files of the scenarios that are named, `sample` where none is, every test scenario for null. Names that are no file here are left as they are. */
export const evaluationScenarios = (names: readonly string[] | null): string[] => {
  if (names === null) {
    return readdirSync(join(folder, "test"))
      .filter((name) => name.endsWith(".yaml"))
      .toSorted()
      .map((name) => join(folder, "test", name));
  }
  return (names.length === 0 ? ["sample"] : names).map((name) => {
    const file = join(folder, `${name}.yaml`);
    return existsSync(file) ? file : name;
  });
};

/** What is written down of when the test worlds were looked at, and what changed in between. */
export const evaluationLooks = (): string => readFileSync(join(folder, "looks.md"), "utf8");
