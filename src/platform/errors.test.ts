// SPDX-License-Identifier: Apache-2.0
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { systemRefusal } from "./errors.ts";

const folder = mkdtempSync(join(tmpdir(), "ly-errors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a system call ends with. */
const refused = (parts: object): Error => Object.assign(new Error("refused"), { code: "EACCES", ...parts });

it("says of a path that may not be used whose it is", () => {
  const path = join(folder, "mail", "tmp");
  expect(systemRefusal(refused({ syscall: "mkdir", path }))).toMatchObject({
    code: "FILE_UNUSABLE",
    message: `${path}: mkdir was refused (EACCES): check the rights of ${folder}`,
  });
  if (process.getuid?.() !== 0) return;
  chownSync(folder, 54_321, 54_321);
  expect(systemRefusal(refused({ syscall: "connect", address: join(folder, "node.sock") }))?.message).toMatch(
    /: .*ly-errors-\w+ belongs to user number 54321; run this as user number 54321, or name another path$/,
  );
  chownSync(folder, 1, 1);
  expect(systemRefusal(refused({ syscall: "mkdir", path }))?.message).toContain(
    "belongs to daemon; run this as daemon",
  );
});
