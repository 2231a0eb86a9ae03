// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { configurationDoc } from "../scripts/configuration-doc.ts";
import { errorCodes } from "../src/platform/errors.ts";

const root = join(import.meta.dirname, "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

it("describes every error code, and no other", () => {
  const described = [...read("docs/errors.md").matchAll(/^## ([A-Z][A-Z0-9_]+)$/gm)].map((match) => match[1]);
  expect(described.toSorted()).toEqual(Object.keys(errorCodes).toSorted());
});

it("describes every configuration key as the schema has it", () =>
  expect(read("docs/configuration.md")).toBe(configurationDoc()));

const tracked = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" }).split("\n");

it("links to files that are there", () => {
  const broken = tracked
    .filter((file) => file.endsWith(".md"))
    .flatMap((file) =>
      [...read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
        .map((match) => match[1] ?? "")
        .filter((to) => !existsSync(join(root, dirname(file), to)))
        .map((to) => `${file}: ${to}`),
    );
  expect(broken).toEqual([]);
});

it("names its licence in every source file", () => {
  const bare = tracked
    .filter((file) => /\.(ts|tsx|js|css)$/.test(file) && existsSync(join(root, file)))
    .filter((file) => !read(file).slice(0, 200).includes("SPDX-License-Identifier: Apache-2.0"));
  expect(bare).toEqual([]);
});
