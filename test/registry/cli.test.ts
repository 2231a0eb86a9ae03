// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openEmbeddedDesk } from "../../src/store/desk/embedded/index.ts";
import { layDesk } from "../desk/template.ts";

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "layang-members-"));
  await layDesk(join(folder, "node"));
  await (await openEmbeddedDesk({ folder: join(folder, "node") })).close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
const layang = (...args: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const program = join(import.meta.dirname, "../../bin/layang.js");
    execFile(
      process.execPath,
      [program, "node", "constituency", ...args, "--data", join(folder, "node")],
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : (error.code as unknown as number), stdout, stderr }),
    );
  });

it("imports, exports and answers on the command line", async () => {
  const file = join(folder, "members.csv");
  writeFileSync(
    file,
    "organisation,name,network,from,until\nisp,Provider,192.0.2.0/24,,2026-05-10\nisp,,192.0.3.0/23,,\n",
  );
  expect(await layang("import", file, "--dry-run")).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringMatching(
      /members\.csv:3: "192\.0\.3\.0\/23" is no network.*\n.*\[CONSTITUENCY_INVALID\]/,
    ) as string,
  });
  writeFileSync(file, "organisation,name,network,from,until\nisp,Provider,192.0.2.0/24,,2026-05-10\n");
  const dry = await layang("import", file, "--dry-run");
  expect(dry.stdout).toContain("+ network 192.0.2.0/24");
  expect(dry.stdout).toContain("\nwould add 2, change 0, end 0; 0 as they are: nothing was written\n");
  expect(dry.stderr).toContain("members.csv:2: warning: 192.0.2.0/24 is private or reserved");
  expect((await layang("export")).stdout).not.toContain("isp");
  expect(await layang("import", file)).toMatchObject({ code: 0, stdout: expect.stringContaining("2 added") as string });
  expect((await layang("who", "192.0.2.7", "--on", "2026-05-03")).stdout).toContain("Provider (isp)");
  expect(await layang("who", "192.0.2.7", "--on", "2026-05-10")).toMatchObject({ code: 1 });
  const yaml = join(folder, "members.yaml");
  writeFileSync(
    yaml,
    (await layang("export", "--form", "yaml")).stdout.replace("name: Provider", "name: Provider Ltd."),
  );
  expect((await layang("import", yaml)).stdout).toContain("1 changed");
}, 240_000);
