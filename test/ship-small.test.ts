// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

/** Every file and package that a file brings in, types left out, `import()` counted. */
const reach = (start: string): { files: Set<string>; packages: Set<string> } => {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    const text = readFileSync(join(root, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*/g, "");
    for (const [, fixed, late] of text.matchAll(
      /^(?:import|export)\s(?!type)[^;]*?from\s+"([^"]+)"|import\("([^"]+)"\)/gm,
    )) {
      const name = fixed ?? late ?? "";
      if (name.startsWith(".")) visit(relative(root, join(root, dirname(file), name)));
      else if (!name.startsWith("node:") && name !== "") packages.add(name);
    }
  };
  visit(start);
  return { files, packages };
};

it("lets a sensor run without the engines: nothing of the store, the API or their packages is imported", () => {
  const { files, packages } = reach("src/cli/sensor.ts");
  expect(files.size).toBeGreaterThan(30);
  expect([...files].filter((file) => /^src\/(store|api|observe|access|simulate)\//.test(file))).toEqual([]);
  expect([...packages].sort()).toEqual(["ajv", "pino", "prom-client", "typebox", "yaml"]);
});
