// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from "node:child_process";
import { routerAddress, routerMac, scannerAddress, scannerMac } from "./scans.ts";

/** Two network namespaces joined by a cable: scanners stand in `near` (scan0), the dark network in `far` (dark0). */
export interface Cable {
  readonly near: string;
  readonly far: string;
  /** Deletes both. */
  cut(): void;
}

const run = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: "utf8" });

/** What is missing to lay a cable and scan, as a sentence with the line that would install it; empty when nothing is. */
export const missing = (programs: readonly string[]): string => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs root on Linux";
  const absent = ["ip", ...programs].filter((program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0);
  const packages = absent.map((program) => (program === "ip" ? "iproute2" : program));
  return absent.length === 0 ? "" : `no ${absent.join(", ")}: apt-get install ${packages.join(" ")}`;
};

/** Lays the cable, and leaves nothing behind when it cannot. */
export const layCable = (): Cable => {
  const [near, far] = [`layang-scan-${process.pid}`, `layang-dark-${process.pid}`] as const;
  const inside = (space: string, ...args: string[]): string => run("ip", "netns", "exec", space, ...args);
  const cut = (): void => {
    for (const space of [near, far]) spawnSync("ip", ["netns", "delete", space]);
  };
  const link = `add scan0 netns ${near} address ${scannerMac} type veth peer name dark0 netns ${far} address ${routerMac}`;
  try {
    for (const space of [near, far]) run("ip", "netns", "add", space);
    run("ip", "link", ...link.split(" "));
    inside(near, "ip", "address", "add", `${scannerAddress}/24`, "dev", "scan0");
    inside(far, "ip", "address", "add", `${routerAddress}/24`, "dev", "dark0");
    for (const space of [near, far]) {
      // Nobody asks for neighbours by IPv6: the captures hold what the scanners sent.
      inside(
        space,
        "sh",
        "-c",
        "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 0 > /proc/sys/net/ipv4/ip_forward",
      );
      inside(space, "ip", "link", "set", "lo", "up");
    }
    inside(near, "ip", "link", "set", "scan0", "up");
    inside(far, "ip", "link", "set", "dark0", "up");
    const neighbour = (to: string, mac: string, device: string): string[] =>
      `neighbour replace ${to} lladdr ${mac} dev ${device} nud permanent`.split(" ");
    inside(near, "ip", ...neighbour(routerAddress, routerMac, "scan0"));
    inside(far, "ip", ...neighbour(scannerAddress, scannerMac, "dark0"));
    inside(near, "ip", "route", "add", "default", "via", routerAddress);
  } catch (error) {
    cut();
    throw error;
  }
  return { near, far, cut };
};
