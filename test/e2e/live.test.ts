// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { layCable, missing } from "../golden/cable.ts";
import type { Cable } from "../golden/cable.ts";
import { dark, scannerAddress, scans } from "../golden/scans.ts";

const absent = missing(["tcpdump", "zmap", "masscan", "hping3"]);
const program = join(import.meta.dirname, "../../bin/layang.js");

/** A child's output so far, and a wait for a line in it. */
const listen = (child: ChildProcess): ((pattern: RegExp) => Promise<RegExpExecArray>) => {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
  }
  return async (pattern) => {
    for (;;) {
      const found = pattern.exec(text);
      if (found !== null) return found;
      if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} and without ${pattern}: ${text}`);
      await sleep(50);
    }
  };
};
const end = async (child: ChildProcess | undefined): Promise<void> => {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
};

/** Node and sensor stand in the dark network's namespace: its loopback is theirs, and the scanners are outside. */
describe.skipIf(absent !== "")(`real scanners, a sensor, a node${absent === "" ? "" : ` (skipped: ${absent})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-live-"));
  let cable: Cable | undefined;
  let node: ChildProcess | undefined;
  let sensor: ChildProcess | undefined;
  let portal: URL;
  const inFar = (...args: string[]): ChildProcess =>
    spawn("ip", ["netns", "exec", cable!.far, process.execPath, program, ...args], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
  /** Asks the node, from inside its namespace. */
  const ask = (path: string): { rows?: unknown; [key: string]: unknown } => {
    const script = `const r = await fetch(process.argv[1], { headers: { authorization: "Bearer " + process.argv[2] } });
      process.stdout.write(await r.text());`;
    const args = ["netns", "exec", cable!.far, process.execPath, "--input-type=module", "-e", script];
    const url = new URL(path, portal).href;
    const { stdout } = spawnSync("ip", [...args, url, portal.searchParams.get("token") ?? ""], { encoding: "utf8" });
    return JSON.parse(stdout) as { rows?: unknown };
  };
  const commandOf = (name: string): readonly string[] => scans.find((one) => one.name === name)!.command;
  const scan = (name: string): void => {
    const args = ["netns", "exec", cable!.near, ...commandOf(name)];
    const { status, stderr } = spawnSync("ip", args, { timeout: 60_000 });
    // hping3 says with 1 that nothing answered, as it should.
    if (status !== 0 && !(name.startsWith("hping") && status === 1)) throw new Error(`${name}: ${status} ${stderr}`);
  };

  beforeAll(async () => {
    cable = layCable();
    const config = join(folder, "layang.yaml");
    writeFileSync(config, "data: node\nportal: {access: token}\n");
    node = inFar("node", "--config", config);
    const [, address] = await listen(node)(/Open (http\S+)/);
    portal = new URL(address!);
    const added = inFar("node", "sensors", "add", "live-1", "--country", "ID", "--config", config);
    const [, token] = await listen(added)(/--token (\S+)/);
    await end(added);
    const place = ["--state", join(folder, "state"), "--interface", "dark0", "--dark", dark];
    sensor = inFar("sensor", "--node", "http://127.0.0.1:8421", "--token", token!, ...place);
    await listen(sensor)(/"kind":"(?:up|started|listening)"|capture/);
    await sleep(1_500);
  }, 240_000);

  afterAll(async () => {
    await end(sensor);
    await end(node);
    cable?.cut();
    rmSync(folder, { recursive: true, force: true });
  });

  it("counts every packet, by port, class and mark", async () => {
    for (const name of ["zmap-tcp", "hping-syn"]) scan(name);
    // On an interface where nothing answers it does not end by itself.
    const masscan = spawn("ip", ["netns", "exec", cable!.near, ...commandOf("masscan")], { stdio: "ignore" });
    const wanted = { "tcp/23": 256, "tcp/80": 256, "tcp/2323": 256, "tcp/37215": 100 };
    let sums: Record<string, number> = {};
    for (let tries = 0; tries < 200; tries++) {
      const answer = ask("/api/v1/ports/top?last=1h") as {
        rows?: { protocol: string; port: number; packets: number }[];
      };
      sums = Object.fromEntries(
        (answer.rows ?? []).map(({ protocol, port, packets }) => [`${protocol}/${port}`, packets]),
      );
      if (Object.entries(wanted).every(([port, packets]) => sums[port] === packets)) break;
      await sleep(500);
    }
    masscan.kill();
    expect(sums).toMatchObject(wanted);
    const source = JSON.stringify(ask(`/api/v1/sources/${scannerAddress}?last=1h`));
    expect(source).toContain('"zmap":256');
    expect(source).toContain('"masscan":512');
    // The dark addresses themselves never leave the sensor.
    expect(source).not.toMatch(/198\.18\.0\./);
  }, 400_000);
});
