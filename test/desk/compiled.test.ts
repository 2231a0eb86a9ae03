// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { compiledEngine } from "../../src/store/desk/embedded/compiled.ts";

const run = promisify(execFile);
const desk = new URL("../../src/store/desk/embedded/index.ts", import.meta.url).href;
const actor = new URL("../../src/model/actor.ts", import.meta.url).href;
/** Opens a desk and has it parse enough for V8 to compile anew what it finds busy: at once, so that none is missed. */
const script = `
const { sql } = await import(${JSON.stringify(import.meta.resolve("kysely"))});
const { systemActor } = await import(${JSON.stringify(actor)});
const { openEmbeddedDesk } = await import(${JSON.stringify(desk)});
const desk = await openEmbeddedDesk({ folder: process.argv[1] });
const statement = "SELECT " + Array.from({ length: 300 }, (_, n) => "n + " + n + " AS column_" + n).join(", ") + " FROM (VALUES (1)) AS one (n)";
for (let i = 0; i < 20; i++) await desk.as(systemActor, (trx) => sql.raw(statement).execute(trx));
await desk.close();
`;

test("no function of the embedded desk takes hundreds of megabytes to compile, while it opens and after", async () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-compiled-"));
  try {
    const { stdout } = await run(
      process.execPath,
      ["--trace-wasm-compilation-times", "--wasm-sync-tier-up", "--input-type=module", "-e", script, folder],
      { maxBuffer: 2 ** 26 },
    );
    const zones = [...stdout.matchAll(/using TurboFan, took \d+ ms and (\d+) \//g)].map(([, bytes]) => Number(bytes));
    // Functions are compiled anew, and told of: else this would say nothing.
    expect(zones.length).toBeGreaterThan(20);
    expect(Math.max(...zones) / 2 ** 20).toBeLessThan(200);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);

test("an engine whose code lies elsewhere, or is none, loads itself", async () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-compiled-"));
  try {
    expect(await compiledEngine(pathToFileURL(join(folder, "pglite.wasm")))).toBeUndefined();
    writeFileSync(join(folder, "cut.wasm"), "no code");
    expect(await compiledEngine(pathToFileURL(join(folder, "cut.wasm")))).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
