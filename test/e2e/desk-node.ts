// SPDX-License-Identifier: Apache-2.0
// A real node with accounts, its two real sensors and a real mail server, for a browser to look at.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Frames, pcapHeader, tcpOptions } from "../../src/simulate/frames.ts";
import { type Sink, smtpSink } from "../cases/place.ts";
import { layDesk } from "../desk/template.ts";
import { ip } from "../flow/packets.ts";

const program = join(import.meta.dirname, "../../bin/layang.js");
const mss = tcpOptions([2, 4, 5, 180]);
/** A machine that scans: packets with Mirai's mark to telnet, from its own port, a second of its own between them. */
export interface Bot {
  readonly address: string;
  /** Packets a second to each sensor. */
  readonly rate: number;
}
/**
 * What reaches a large telescope at this rate is a slow host; at a /24 it would be one that nobody has, and three of them are taken for a
 * forgery as soon as they are seen beside each other: whether their letters were written before would be a matter of the machine's speed.
 */
const sensors = [
  { name: "id-01", country: "ID", dark: "192.0.0.0/8", from: "192.0.2.0" },
  { name: "jp-01", country: "JP", dark: "203.0.0.0/8", from: "203.0.113.0" },
] as const;
const tick = 200;
const v4 = (text: string): number => ip(text)[3] ?? 0;

export interface DeskNode {
  readonly origin: string;
  /** The one-time link that makes the first administrator. */
  readonly first: string;
  readonly sink: Sink;
  /** Gives the sensors what these bots send, and nobody else, from now on; the first time it starts the sensors. */
  scan(bots: readonly Bot[]): Promise<void>;
  close(): Promise<void>;
}

/** Resolves with the first match in what a child says. @throws Error when it ends without. */
const heard = async (child: ChildProcess, pattern: RegExp): Promise<string> => {
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => (said += text));
  for (;;) {
    const found = pattern.exec(said)?.[1];
    if (found !== undefined) return found;
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${said}`);
    await sleep(50);
  }
};
/** Everything that was started: a node that never said where it is must end with the test all the same. */
const started: ChildProcess[] = [];
const run = (args: readonly string[], stdin: "pipe" | "ignore" = "ignore"): ChildProcess => {
  const child = spawn(process.execPath, [program, ...args], { stdio: [stdin, "pipe", "pipe"] });
  started.push(child);
  return child;
};
const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
};

/** Ends what still runs. */
export const endAll = async (): Promise<void> => {
  await Promise.all(started.map(ended));
};

export const openDeskNode = async (): Promise<DeskNode> => {
  const folder = mkdtempSync(join(tmpdir(), "layang-desk-e2e-"));
  const sink = await smtpSink();
  const config = join(folder, "layang.yaml");
  writeFileSync(
    config,
    `name: Test node
country: ID
data: node
portal: {port: 0}
sensors: {port: 0}
log: {level: error}
mail: {host: 127.0.0.1, port: ${sink.port}, tls: none, from: "Test node <desk@node.example>", duty: duty@node.example, test: test@node.example}
`,
  );
  const children: ChildProcess[] = [];
  await layDesk(join(folder, "node"));
  const node = run(["node", "--config", config]);
  const said = await heard(node, /^(Sensors send to \S+[\s\S]*?^Open \S+)/m);
  const door = /Sensors send to (\S+)/.exec(said)?.[1] ?? "";
  const { origin } = new URL(/^Open (\S+)/m.exec(said)?.[1] ?? "");
  const first = readFileSync(join(folder, "node", "first-administrator.link"), "utf8").trim();
  let feeding: NodeJS.Timeout | undefined;
  let bots: readonly Bot[] = [];
  return {
    origin,
    first,
    sink,
    scan: async (next) => {
      bots = next;
      if (feeding !== undefined) return;
      for (const { name, country, dark } of sensors) {
        const added = run(["node", "sensors", "add", name, "--country", country, "--config", config]);
        const token = await heard(added, /--token (\S+)/);
        const place = ["--node", door, "--token", token, "--state", join(folder, name), "--dark", dark];
        children.push(run(["sensor", ...place, "--read", "-", "--pace", "1"], "pipe"));
      }
      for (const child of children) {
        child.stdin?.on("error", () => undefined);
        child.stdin?.write(pcapHeader("raw"));
      }
      const frames = new Frames("raw");
      let sent = 0;
      feeding = setInterval(() => {
        const now = Date.now() * 1000;
        for (const [i, { from }] of sensors.entries()) {
          frames.clear();
          const base = v4(from);
          for (const [k, { address, rate }] of bots.entries()) {
            for (let n = 0; n < (rate * tick) / 1000; n++) {
              // Every dark address in its turn, in an order that is not a sweep.
              const to = base + 1 + ((sent++ * 97 + k * 31) % 253);
              frames.tcp(
                now + n,
                v4(address),
                to,
                52,
                sent & 0xffff,
                0,
                40_000 + k,
                23,
                to,
                0,
                2,
                14_600,
                mss,
                0,
                0,
                0,
              );
            }
          }
          children[i]?.stdin?.write(frames.bytes.slice(0, frames.used));
        }
      }, tick);
    },
    close: async () => {
      clearInterval(feeding);
      for (const child of children) child.stdin?.end();
      await Promise.all([...children, node].map(ended));
      await sink.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
