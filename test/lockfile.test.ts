// SPDX-License-Identifier: Apache-2.0
// `npm ci` refuses a lock file that leaves out what it would not install on this machine, for example another system's binaries.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

interface Locked {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly integrity?: string;
  readonly resolved?: string;
}
const read = (name: string): unknown => JSON.parse(readFileSync(join(import.meta.dirname, "..", name), "utf8"));
const { packages } = read("package-lock.json") as { packages: Readonly<Record<string, Locked>> };

/** Whether Node would find `name` from the package at `place`. */
const found = (place: string, name: string): boolean => {
  for (let at = place; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    if (packages[`${at === "" ? "" : `${at}/`}node_modules/${name}`] !== undefined) return true;
    if (at === "") return false;
  }
};

it("names every dependency, those for other systems too", () => {
  const missing = Object.entries(packages).flatMap(([place, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !found(place, name))
      .map((name) => `${place}: ${name}`),
  );
  expect(missing).toEqual([]);
  expect(Object.keys(packages).length).toBeGreaterThan(100);
});

it("agrees with package.json", () => {
  const { dependencies, devDependencies, optionalDependencies } = read("package.json") as Record<string, unknown>;
  expect(packages[""]).toMatchObject({ dependencies, devDependencies, optionalDependencies });
});

it("holds everything that is installed here to a hash, and to no registry", () => {
  // What is only for another system may have none: it was locked where it could not be fetched.
  const loose = Object.entries(packages)
    .filter(([place, { integrity, os }]) => place !== "" && integrity === undefined && os?.includes("linux") !== false)
    .filter(([, { cpu }]) => cpu === undefined || cpu.includes("x64"))
    .map(([place]) => place)
    .filter((place) => !place.endsWith("-musl"));
  expect(loose).toEqual([]);
  expect(Object.entries(packages).filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
});
