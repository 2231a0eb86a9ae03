// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "layang-afresh-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const script = join(folder, "script.ts");
writeFileSync(
  script,
  `import { text } from "node:stream/consumers";
import { startWith } from ${JSON.stringify(new URL("./afresh.ts", import.meta.url).href)};
process.stdout.write("born ");
startWith(["--max-semi-space-size=8", "--no-node-ever-had-this=1"]);
const { execArgv, argv, pid } = process;
const pools = process.env.GLIBC_TUNABLES;
process.stdout.write(JSON.stringify({ execArgv, args: argv.slice(2), pid, pools, typed: await text(process.stdin) }));
process.exitCode = 7;
`,
);

/** Somebody's own word on pools, so that only flags are lacking. */
const tuned = { GLIBC_TUNABLES: "glibc.malloc.arena_max=3" };
const { GLIBC_TUNABLES: _, ...untuned } = process.env;
const run = async (flags: readonly string[], options = "", environment: NodeJS.ProcessEnv = tuned) => {
  const child = spawn(process.execPath, [...flags, script, "--max-semi-space-size", "two words"], {
    env: { ...untuned, NODE_OPTIONS: options, ...environment },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (more: string) => (said += more));
  child.stdin.end("by hand");
  const [code] = (await once(child, "close")) as [number];
  const births = said.split("born ").slice(1);
  const last = JSON.parse(births.at(-1) ?? "") as {
    execArgv: string[];
    args: string[];
    pid: number;
    pools?: string;
    typed: string;
  };
  return { births: births.length, code, same: last.pid === child.pid, last };
};

test("a process begins again with the flags that it lacks: same number, same words, same input, own exit code", async () => {
  const { births, code, same, last } = await run([]);
  expect({ births, code, same }).toEqual({ births: 2, code: 7, same: true });
  expect(last.execArgv).toEqual(["--max-semi-space-size=8"]);
  expect(last.args).toEqual(["--max-semi-space-size", "two words"]);
  expect(last.typed).toBe("by hand");
});

test("flags that somebody gave stay as given", async () => {
  const given = await run(["--max-semi-space-size=3"]);
  expect([given.births, given.last.execArgv]).toEqual([1, ["--max-semi-space-size=3"]]);
  const around = await run([], "--max-semi-space-size=3");
  expect([around.births, around.last.execArgv]).toEqual([1, []]);
  const other = await run(["--max_semi_space_size=3"]);
  expect([other.births, other.last.execArgv]).toEqual([1, ["--max_semi_space_size=3"]]);
  const otherAround = await run([], "--max_semi_space_size=3");
  expect([otherAround.births, otherAround.last.execArgv]).toEqual([1, []]);
});

const linux = process.platform === "linux";
test.skipIf(!linux)(
  `the C library's pools stay as they are, unless somebody says otherwise${linux ? "" : " (skipped: not Linux, no glibc)"}`,
  async () => {
    const bare = await run(["--max-semi-space-size=3"], "", {});
    expect([bare.births, bare.same, bare.last.execArgv]).toEqual([2, true, ["--max-semi-space-size=3"]]);
    expect(bare.last.pools).toContain("glibc.malloc.mmap_threshold=");
    const said = await run(["--max-semi-space-size=3"]);
    expect([said.births, said.last.pools]).toEqual([1, tuned.GLIBC_TUNABLES]);
    const old = await run(["--max-semi-space-size=3"], "", { MALLOC_ARENA_MAX: "2" });
    expect([old.births, old.last.pools]).toEqual([1, undefined]);
  },
);

test("where the program is no longer there the process goes on", async () => {
  const gone = join(folder, "gone.ts");
  writeFileSync(
    gone,
    `import { startWith } from ${JSON.stringify(new URL("./afresh.ts", import.meta.url).href)};
process.argv[0] = ${JSON.stringify(join(folder, "no-node"))};
startWith(["--max-semi-space-size=8"]);
process.stdout.write("on");
`,
  );
  const child = spawn(process.execPath, [gone], { stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (more: string) => (said += more));
  const [code] = (await once(child, "close")) as [number | null];
  expect([code, said]).toEqual([0, "on"]);
});
