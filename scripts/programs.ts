// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Programs that only tests and benches need, and the Debian packages that bring them. */
const programs: Readonly<Record<string, string>> = {
  // Chromium without a desktop's windows: the same pages for a third of the processor time.
  "chromium-headless-shell": "chromium-headless-shell",
  tcpdump: "tcpdump",
  masscan: "masscan",
  zmap: "zmap",
  nmap: "nmap",
  hping3: "hping3",
  nfpcapd: "nfdump",
  ip: "iproute2",
};

/** What does in place of a program that cannot be installed. */
const instead: Readonly<Record<string, string>> = { "chromium-headless-shell": "chromium" };

const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
const present = (program: string): boolean =>
  folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

const packagesOf = (missing: readonly string[]): string[] => [
  ...new Set(missing.map((program) => programs[program] ?? program)),
];

/**
 * Brings the programs that tests need: installed from Debian's packages where this is root on Debian, else the line that
 * would install them is printed; the tests that need them skip and say so.
 */
export const ensurePrograms = (): void => {
  const missing = Object.keys(programs).filter((program) => !present(program));
  if (missing.length === 0) return;
  const packages = packagesOf(missing);
  const root = process.getuid?.() === 0;
  if (root && present("apt-get")) {
    console.log(`Installing for the tests: ${packages.join(" ")}`);
    const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    spawnSync("apt-get", ["update", "-qq"], { stdio: ["ignore", "ignore", "inherit"], env: environment });
    for (const one of packages) {
      try {
        execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", one], {
          stdio: ["ignore", "ignore", "pipe"],
          env: environment,
        });
      } catch {
        const other = instead[one];
        const then = other !== undefined && present(other) ? `${other} does` : "tests that need it are skipped";
        console.log(`  ${one} could not be installed; ${then}`);
      }
    }
    return;
  }
  const needed = missing.filter((program) => !present(instead[program] ?? program));
  if (needed.length === 0) return;
  console.log(`Tests that need ${needed.join(", ")} will be skipped. To run them too:`);
  console.log(`  sudo apt-get install --no-install-recommends ${packagesOf(needed).join(" ")}\n`);
};
