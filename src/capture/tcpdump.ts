// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";

/** Cumulative since the program was started. */
export interface Drops {
  /** Lost because the capture could not keep up. */
  kernel: number;
  /** Lost by the network interface or its driver. */
  interface: number;
}

/** One run of tcpdump writing a capture to its standard output. */
export interface Run {
  readonly output: Readable;
  readonly drops: Drops;
  /** Asks for the drop counters; they are in `drops` a moment later. */
  ask(): void;
  stop(): void;
  /** The run's end: the last complaint on standard error, or how it ended. */
  readonly ended: Promise<string>;
}

/** Lines kept of what it says; a hostile or broken program cannot make memory grow. */
const MAX_LINE = 4096;

/**
 * Reads what tcpdump says: the counters of its last summary and, in SIGUSR1's, everything on one line. Returns whether the
 * line was about counters.
 */
export const readCounters = (line: string, drops: Drops): boolean => {
  const kernel = /(\d+) packets? dropped by kernel/.exec(line);
  const nic = /(\d+) packets? dropped by interface/.exec(line);
  if (kernel !== null) drops.kernel = Number(kernel[1]);
  if (nic !== null) drops.interface = Number(nic[1]);
  return kernel !== null || nic !== null || /\d+ packets? (captured|received)/.test(line);
};

/** Milliseconds that a child has to end by itself. */
const PATIENCE = 2000;

/** Starts `command` (a program and its first arguments; no shell) with `args`. A program that is not there ends the run. */
export const startTcpdump = (command: readonly string[], args: readonly string[]): Run => {
  const [program = "tcpdump", ...first] = command;
  const child = spawn(program, [...first, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const drops: Drops = { kernel: 0, interface: 0 };
  let complaint = "";
  let rest = "";
  const line = (text: string): void => {
    // A reason in parentheses repeats the line before it.
    if (readCounters(text, drops) || text === "" || text.startsWith("(") || text.includes("listening on")) return;
    complaint = text.replace(/^tcpdump: /, "");
  };
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = (lines.pop() ?? "").slice(-MAX_LINE);
    for (const one of lines) line(one.trim());
  });
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => {
      line(rest.trim());
      resolve(complaint === "" ? `${program} ended (${signal ?? `code ${code}`})` : complaint);
    });
  });
  return {
    output: child.stdout,
    drops,
    ask: () => void child.kill("SIGUSR1"),
    stop: () => {
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), PATIENCE).unref();
    },
    ended,
  };
};
