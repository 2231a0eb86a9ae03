// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../platform/errors.ts";
import { nearest } from "../platform/nearest.ts";
import { shippedScenarios } from "./scenario.ts";

const folder = join(import.meta.dirname, "../../scenarios/evaluate");

/** Names of the worlds that are here: `sample`, `tune/mixed`, `test/dos`. */
export const evaluationNames = (): string[] =>
  ["", "tune", "test"].flatMap((part) =>
    readdirSync(join(folder, part))
      .filter((name) => name.endsWith(".yaml"))
      .toSorted()
      .map((name) => `${part === "" ? "" : `${part}/`}${name.slice(0, -".yaml".length)}`),
  );

/**
 * Files of the scenarios that are named, `sample` where none is, every test scenario for null. A file of the caller's, and a shipped scenario's
 * name, are left as they are. @throws AppError USAGE for a name that is none of them.
 */
export const evaluationScenarios = (names: readonly string[] | null): string[] => {
  if (names === null) {
    return readdirSync(join(folder, "test"))
      .filter((name) => name.endsWith(".yaml"))
      .toSorted()
      .map((name) => join(folder, "test", name));
  }
  return (names.length === 0 ? ["sample"] : names).map((name) => {
    const file = join(folder, `${name}.yaml`);
    if (existsSync(file)) return file;
    if (existsSync(name) || shippedScenarios().includes(name)) return name;
    const known = evaluationNames();
    const meant = nearest(name, known);
    throw new AppError(
      "USAGE",
      `there is no world "${name}"; ${meant === undefined ? `there are ${known.join(", ")}, or give a file` : `did you mean ${meant}?`}`,
    );
  });
};

/** What is written down of when the test worlds were looked at, and what changed in between. */
export const evaluationLooks = (): string => readFileSync(join(folder, "looks.md"), "utf8");
