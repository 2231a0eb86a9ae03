// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import type { Finding } from "../src/app/sensor-doctor.ts";
import type { SensorSums } from "../src/app/sensor.ts";

const ip = (args: string): string =>
  execFileSync("ip", args.split(" "), { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const [field, street] = [`lyf${process.pid}`, `lys${process.pid}`];

const possible = ((): boolean => {
  try {
    ip(`netns add ${field}`);
    ip(`netns del ${field}`);
    execFileSync("tcpdump", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/** Sends datagrams to 198.18.77.1-200, one to each in turn, from the other namespace. */
const attack = `
  const socket = require("node:dgram").createSocket("udp4");
  let sent = 0;
  const step = () => {
    for (let i = 0; i < 20 && sent < 1000; i++, sent++) socket.send("x", 5060, "198.18.77." + (1 + (sent % 200)));
    if (sent < 1000) setTimeout(step, 10);
    else setTimeout(() => socket.close(), 300); // what was sent last is still on its way
  };
  step();`;

it.skipIf(!possible)(
  `captures live, reports in time, and notices a dark address that speaks${possible ? "" : " (skipped: needs root, ip and tcpdump)"}`,
  { timeout: 180_000 },
  async () => {
    const state = mkdtempSync(join(tmpdir(), "layang-live-"));
    try {
      ip(`netns add ${field}`);
      ip(`netns add ${street}`);
      ip(`link add dark0 netns ${field} type veth peer name out0 netns ${street}`);
      for (const name of ["lo", "dark0"]) ip(`-n ${field} link set ${name} up`);
      for (const name of ["lo", "out0"]) ip(`-n ${street} link set ${name} up`);
      ip(`-n ${street} addr add 203.0.113.1/32 dev out0`);
      ip(`-n ${street} route add 198.18.77.0/24 via inet 203.0.113.2 dev out0 onlink`);
      const mac = (JSON.parse(ip(`-j -n ${field} link show dark0`)) as { address: string }[])[0]?.address ?? "";
      ip(`-n ${street} neigh add 203.0.113.2 lladdr ${mac} dev out0 nud permanent`);

      const inside = spawn(
        "ip",
        ["netns", "exec", field, process.execPath, join(import.meta.dirname, "ship/live.ts"), state],
        {
          stdio: ["pipe", "pipe", "inherit"],
        },
      );
      const said = createInterface({ input: inside.stdout });
      const [first] = (await once(said, "line")) as [string];
      expect(first).toBe("ready");
      execFileSync("ip", ["netns", "exec", street, process.execPath, "-e", attack]);
      // A dark address speaks.
      ip(`-n ${field} addr add 198.18.77.9/32 dev dark0`);
      ip(`-n ${field} route add 203.0.113.1/32 dev dark0`);
      execFileSync("ip", [
        "netns",
        "exec",
        field,
        process.execPath,
        "-e",
        `const s=require("node:dgram").createSocket("udp4");s.bind(0,"198.18.77.9",()=>s.send("x",9,"203.0.113.1",()=>s.close()))`,
      ]);
      await new Promise((resolve) => setTimeout(resolve, 2_800));
      inside.stdin.end();
      const [line] = (await once(said, "line")) as [string];
      const told = JSON.parse(line) as {
        sums: SensorSums;
        packets: number;
        darkAddresses: number;
        batches: number;
        latency: number;
        findings: Finding[];
      };
      expect(told.packets).toBe(1_000);
      expect(told.sums).toMatchObject({ counted: 1_000, dropped: 0, lostBatches: 0 });
      expect(told.darkAddresses).toBe(255);
      // Of packets that came; how soon they are there is measured by bench/notice.ts.
      expect(told.latency).toBeGreaterThan(0);
      const failed = told.findings.filter(({ state: one }) => one === "fail").map(({ text }) => text);
      expect(failed.join()).toContain("198.18.77.9 (dark0)");
    } finally {
      for (const name of [field, street]) {
        try {
          ip(`netns del ${name}`);
        } catch {
          // was not made
        }
      }
      rmSync(state, { recursive: true, force: true });
    }
  },
);
