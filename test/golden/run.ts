// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { answerOf } from "./expect.ts";
import { layCable } from "./cable.ts";
import type { Cable } from "./cable.ts";
import { dark, scans } from "./scans.ts";
import type { Scan } from "./scans.ts";

/**
 * Makes the golden captures: real scanners in one network namespace, a dark network in another, joined by a cable of two
 * virtual interfaces. Nothing leaves the machine. `npm run golden` says what it would make of each capture;
 * `npm run golden -- --update [NAME...]` makes captures and expected answers anew (as root).
 */
const folder = join(import.meta.dirname, "captures");
const capture = async ({ near, far }: Cable, scan: Scan): Promise<string> => {
  const file = join(folder, `${scan.name}.pcap`);
  const args = [
    "netns",
    "exec",
    far,
    "tcpdump",
    "-i",
    "dark0",
    "-n",
    "-U",
    "-s",
    "256",
    "-w",
    file,
    "dst",
    "net",
    dark,
  ];
  const tcpdump = spawn("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
  await once(tcpdump.stderr, "data");
  await sleep(300);
  const result = spawnSync("ip", ["netns", "exec", near, ...scan.command], { encoding: "utf8", timeout: 60_000 });
  await sleep(1_300);
  const exit = once(tcpdump, "exit");
  tcpdump.kill("SIGINT");
  await exit;
  // hping3 exits with 1 when nobody answers, as here.
  if (result.error !== undefined) throw new Error(`${scan.name}: ${result.error.message}`);
  return `${result.stdout}${result.stderr}`;
};

const version = (command: string, ...args: string[]): string => {
  const { stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  return (
    `${stdout}${stderr}`
      .split("\n")
      .find((line) => /\d+\.\d+/.test(line))
      ?.replace(/ \(\$Id.*| \( ?http.*/, "")
      .trim() ?? "?"
  );
};

const origin = (): string =>
  [
    "# Where these captures come from",
    "",
    "Made by this project with `npm run golden -- --update` (test/golden/run.ts): each tool ran in one network namespace against",
    `${dark}, which stood dark behind another; tcpdump wrote what arrived. No packet left the machine. Licence: as the project.`,
    "`NAME.expected.json` is what capture, decode and flow make of `NAME.pcap`; read it against the command when it changes.",
    "",
    `Tools: ${[
      version("zmap", "--version"),
      version("masscan", "--version"),
      version("nmap", "--version"),
      version("hping3", "--version"),
      version("tcpdump", "--version"),
    ].join("; ")}.`,
    "",
    "| capture | what it holds | command |",
    "|---|---|---|",
    ...scans.map(({ name, says, command }) => `| ${name} | ${says} | \`${command.join(" ")}\` |`),
    "",
  ].join("\n");

const [mode, ...only] = process.argv.slice(2);
const chosen = scans.filter(({ name }) => only.length === 0 || only.includes(name));
if (mode === "--update") {
  mkdirSync(folder, { recursive: true });
  const cable = layCable();
  process.on("exit", cable.cut);
  for (const scan of chosen) {
    const said = await capture(cable, scan);
    const file = join(folder, `${scan.name}.pcap`);
    const answer = await answerOf(file);
    writeFileSync(join(folder, `${scan.name}.expected.json`), `${JSON.stringify(answer, null, 2)}\n`);
    const { size } = statSync(file);
    console.log(
      `${scan.name}: ${answer.packets} packets, ${size} bytes ${JSON.stringify(answer.classes)} ${JSON.stringify(answer.marks)}`,
    );
    if (answer.packets === 0 || size > 200_000) {
      console.error(`${scan.name} is ${answer.packets === 0 ? "empty" : "too large"}:\n${said}`);
      process.exitCode = 1;
    }
  }
  writeFileSync(join(folder, "ORIGIN.md"), origin());
} else {
  for (const { name } of scans) {
    const file = join(folder, `${name}.pcap`);
    console.log(`${name} ${existsSync(file) ? JSON.stringify(await answerOf(file)) : "is not made"}`);
  }
}
