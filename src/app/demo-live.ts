// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseV4 } from "../net/ip.ts";
import type { Logger } from "../platform/log.ts";
import { readEnrolment } from "../ship/enrol.ts";
import type { SensorRegistry } from "../ship/registry.ts";
import { pcapHeader } from "../simulate/frames.ts";
import type { Region } from "../simulate/region.ts";
import { Stream } from "../simulate/stream.ts";
import type { Piece, SensorStream } from "../simulate/stream.ts";
import { enrolSensor } from "./sensor.ts";

const TICK = 200;
/** A sensor that does not keep up is given no more than this ahead of what it has read. */
const MOST_WAITING = 8 << 20;
const program = join(import.meta.dirname, "../../bin/layang.js");

export interface LiveOptions {
  readonly region: Region;
  readonly registry: SensorRegistry;
  /** Where the sensors send. */
  readonly door: string;
  /** Their state folders lie in here. */
  readonly folder: string;
  /** What was cleaned before: not one packet comes from these addresses. */
  readonly cleaned?: readonly string[];
  readonly log: Logger;
}
export interface Live {
  /** From now on nothing comes from this address any more: its owner has cleaned the machine. */
  clean(address: string): void;
  close(): Promise<void>;
}

interface Fed {
  readonly name: string;
  readonly stream: SensorStream;
  child: ChildProcess;
  /** Milliseconds to wait before it is started again; doubles while it does not stay. */
  pause: number;
}

/** Bytes of the packets as a capture has them, without those of cleaned hosts. Link type raw: the address stands at byte 12. */
function* without({ frames, from, to }: Piece, cleaned: ReadonlySet<number>): Generator<Uint8Array> {
  const start = (i: number): number => (i === frames.count ? frames.used : frames.offsets[i]! - 16);
  let begin = from;
  for (let i = from; cleaned.size > 0 && i < to; i++) {
    const at = frames.offsets[i]! + 12;
    const b = frames.bytes;
    if (!cleaned.has(((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0)) continue;
    if (i > begin) yield b.slice(start(begin), start(i));
    begin = i + 1;
  }
  if (to > begin) yield frames.bytes.slice(start(begin), start(to));
}

/**
 * Runs a real sensor process for every simulated sensor, enrolled through the node's own door, and feeds each the capture
 * that its dark addresses see, in real time, through standard input.
 */
export const startLive = async (options: LiveOptions): Promise<Live> => {
  const { region, registry, folder, door, log } = options;
  let closing = false;

  /** Through the real door with a real token, once; a state folder that was lost is enrolled anew. */
  const enrolOnce = async (stream: SensorStream, state: string): Promise<void> => {
    const { name, country } = stream.sensor;
    const known = registry.get(name);
    const inForce = known !== undefined && known.key !== null && known.revoked === null;
    if (inForce && readEnrolment(state) !== undefined) return;
    if (inForce) registry.revoke(name);
    await enrolSensor({ state, node: door, token: registry.add({ name, country }).token });
  };

  const start = (stream: SensorStream): ChildProcess => {
    const { name, dark } = stream.sensor;
    const child = spawn(
      process.execPath,
      [
        program,
        "sensor",
        `--node=${door}`,
        `--state=${join(folder, name)}`,
        "--read=-",
        "--pace=1",
        ...dark.flatMap((prefix) => ["--dark", prefix]),
      ],
      { stdio: ["pipe", "ignore", "pipe"] },
    );
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.split("\n").filter(Boolean)) log.debug({ sensor: name }, line);
    });
    // A sensor that died has no ears; its end is seen below.
    child.stdin?.on("error", () => undefined);
    child.stdin?.write(pcapHeader(region.link));
    return child;
  };

  const now = (): number => Date.now() * 1000;
  const fed: Fed[] = [];
  for (const sensor of region.scenario.sensors) {
    const stream = new Stream(region, sensor, now());
    const state = join(folder, sensor.name);
    mkdirSync(state, { recursive: true, mode: 0o700 });
    await enrolOnce(stream, state);
    fed.push({ name: sensor.name, stream, child: start(stream), pause: 1_000 });
  }
  const watch = (one: Fed): void => {
    const began = Date.now();
    one.child.on("exit", (code) => {
      if (closing) return;
      one.pause = Date.now() - began > 60_000 ? 1_000 : Math.min(60_000, one.pause * 2);
      log.warn({ sensor: one.name, code, pause: one.pause }, "a simulated sensor ended; it is started again");
      setTimeout(() => {
        if (closing) return;
        one.stream.seek(now());
        one.child = start(one.stream);
        watch(one);
      }, one.pause).unref();
    });
  };
  for (const one of fed) watch(one);

  const cleaned = new Set((options.cleaned ?? []).flatMap((address) => parseV4(address) ?? []));
  const names = new Set(fed.map(({ name }) => name));
  const timer = setInterval(() => {
    const until = now();
    for (const { stream, child } of fed) {
      const input = child.stdin;
      if (input === null || !input.writable) continue;
      if (input.writableLength > MOST_WAITING) {
        stream.seek(until);
        continue;
      }
      for (let piece = stream.read(until); piece.to > piece.from; piece = stream.read(until)) {
        for (const part of without(piece, cleaned)) input.write(part);
      }
    }
  }, TICK);
  // Nothing real is taken in among what is invented.
  const guard = setInterval(() => {
    for (const { name, revoked } of registry.list()) {
      if (names.has(name) || revoked !== null) continue;
      log.warn({ sensor: name }, "a simulated region takes no real sensor: refused");
      registry.revoke(name);
    }
  }, 1_000);

  return {
    clean: (address) => {
      const value = parseV4(address);
      if (value !== undefined) cleaned.add(value);
    },
    close: async () => {
      closing = true;
      clearInterval(timer);
      clearInterval(guard);
      await Promise.all(
        fed.map(async ({ child }) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const exit = once(child, "exit");
          child.stdin?.end();
          child.kill("SIGTERM");
          const late = setTimeout(() => child.kill("SIGKILL"), 5_000);
          await exit;
          clearTimeout(late);
        }),
      );
    },
  };
};
