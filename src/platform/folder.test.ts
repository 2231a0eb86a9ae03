// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { makeFolder } from "./folder.ts";

const folder = mkdtempSync(join(tmpdir(), "ly-folder-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("makes a folder and none above it", () => {
  makeFolder(join(folder, "data"), "the data folder");
  makeFolder(join(folder, "data"), "the data folder");
  expect(statSync(join(folder, "data")).mode & 0o777).toBe(0o700);
  const away = join(folder, "disk", "data");
  expect(() => makeFolder(away, "the data folder")).toThrow(
    expect.objectContaining({
      code: "FOLDER_MISSING",
      message: expect.stringContaining(
        `the data folder ${away} cannot be made: there is no folder ${join(folder, "disk")}.`,
      ) as string,
    }) as Error,
  );
  expect(existsSync(join(folder, "disk"))).toBe(false);
  writeFileSync(join(folder, "file"), "");
  expect(() => makeFolder(join(folder, "file"), "the data folder")).toThrow(/EEXIST/);
});

it("ends at once in /proc, where making a whole path never does", () => {
  expect(() => makeFolder("/proc/nothing-here/data", "the data folder")).toThrow(/FOLDER|there is no folder/);
  expect(() => makeFolder("/proc/nothing-here", "the data folder")).toThrow(/E[A-Z]+/);
});
