// SPDX-License-Identifier: Apache-2.0
import type { RawBatch } from "../model/packets.ts";
import type { Prefix } from "../net/prefix.ts";
import { AppError } from "../platform/errors.ts";
import { rawBatch } from "./batch.ts";
import { framed, readHead } from "./capture.ts";
import type { Capture, CaptureSummary } from "./capture.ts";
import { darkFilter, headerLength } from "./filter.ts";
import { isPcapMagic, pcapFramer } from "./pcap.ts";
import { prefixed, streamSource } from "./source.ts";
import { startTcpdump } from "./tcpdump.ts";
import type { Drops, Run } from "./tcpdump.ts";

export type LiveEvent =
  | { readonly kind: "up"; readonly interface: string }
  /** The capture ended; it is started anew after `delay` milliseconds. */
  | { readonly kind: "down"; readonly interface: string; readonly reason: string; readonly delay: number }
  /** The interface's link type has no VLAN tags to look into: the filter goes without. */
  | { readonly kind: "no-vlan"; readonly interface: string };

export interface LiveOptions {
  readonly interface: string;
  /** Only traffic to or from these leaves the kernel. At least one. */
  readonly dark: readonly Prefix[];
  /** Bytes captured of each packet; by default what the headers need. */
  readonly snaplen?: number;
  /** Default both: a dark address that speaks has to be noticed. */
  readonly direction?: "in" | "out" | "inout";
  /** An empty batch comes when nothing was seen for so many milliseconds (default 1,000), so that time goes on. */
  readonly quiet?: number;
  /** Milliseconds before the first restart (default 1,000); doubled up to a minute while restarts do not last. */
  readonly backoff?: number;
  /** How tcpdump is started, for example through `sudo -n`. No shell. */
  readonly command?: readonly string[];
  readonly onEvent?: (event: LiveEvent) => void;
}

export interface LiveCapture extends Capture {
  /** Whether packets are being captured at this moment: an empty batch while not is no silence. */
  readonly running: boolean;
  /** Packets lost, over all restarts. Refreshed about once a second while batches are asked for. */
  drops(): Drops;
  /** Ends the capture: the batches end. */
  close(): void;
}

const MAX_BACKOFF = 60_000;
const ASK_DROPS = 1000;
/** Kernel buffer in KiB: a second of a flood that the process was too busy to read. */
const KERNEL_BUFFER = 8192;

/** Waits for a time or a ring, whichever comes first. One waits at a time; nothing of a wait is left behind when it is over. */
interface Bell {
  wait(milliseconds: number): Promise<void>;
  ring(): void;
}
const bell = (): Bell => {
  let wake = (): void => undefined;
  return {
    wait: (milliseconds) =>
      new Promise((resolve) => {
        const id = setTimeout(resolve, milliseconds);
        wake = () => {
          clearTimeout(id);
          resolve();
        };
      }),
    ring: () => wake(),
  };
};

/**
 * Captures from an interface through a tcpdump child, which is restarted when it dies. Asking for the first batch throws
 * `CAPTURE_LIVE_FAILED` when tcpdump cannot be started at all (not installed, no such interface, not permitted); later
 * failures are events.
 */
export const openLive = (options: LiveOptions): LiveCapture => {
  const { interface: name, dark, direction = "inout", quiet = 1000, backoff = 1000, command = ["tcpdump"] } = options;
  if (dark.length === 0) throw new AppError("USAGE", "a live capture needs at least one dark prefix");
  const snaplen = options.snaplen ?? headerLength(dark);
  const summary: CaptureSummary = { file: name, packets: 0, bytes: 0, first: null, last: null, truncated: false };
  const past: Drops = { kernel: 0, interface: 0 };
  const closing = new AbortController();
  const door = bell();
  const empty = rawBatch(new Uint8Array(0), 0);
  let vlan = true;
  let run: Run | undefined;
  let running = false;

  const start = (): Run => {
    const limits = ["-s", String(snaplen), "-B", String(KERNEL_BUFFER)];
    // Not every interface can tell directions, so both are not asked for.
    const ways = direction === "inout" ? [] : ["-Q", direction];
    const output = ["-n", "-U", "-w", "-", "--time-stamp-precision=micro"];
    return startTcpdump(command, ["-i", name, ...output, ...limits, ...ways, "--", darkFilter(dark, vlan)]);
  };

  /** Batches of one run; none when it died before its first byte. */
  async function* runBatches(current: Run): AsyncGenerator<RawBatch> {
    const source = streamSource(current.output);
    const head = await readHead(source, 24);
    if (head.length < 24 || !isPcapMagic(new DataView(head.buffer).getUint32(0))) return;
    running = true;
    options.onEvent?.({ kind: "up", interface: name });
    const batches = framed(prefixed(head, source), pcapFramer(), summary);
    let asked = performance.now();
    for (;;) {
      let next: IteratorResult<RawBatch> | undefined;
      const coming = batches.next().then((result) => {
        next = result;
        door.ring();
      });
      for (;;) {
        if (next === undefined) await door.wait(quiet);
        if (performance.now() - asked >= ASK_DROPS) {
          asked = performance.now();
          current.ask();
        }
        if (next !== undefined) break;
        yield empty;
      }
      await coming;
      if (next.done === true) return;
      yield next.value;
    }
  }

  async function* batches(): AsyncGenerator<RawBatch> {
    let delay = backoff;
    let everUp = false;
    try {
      while (!closing.signal.aborted) {
        run = start();
        const begun = performance.now();
        yield* runBatches(run);
        everUp ||= running;
        running = false;
        run.stop();
        const reason = await run.ended;
        past.kernel += run.drops.kernel;
        past.interface += run.drops.interface;
        run = undefined;
        // A run cut short ends in the midst of a packet: that is told by the event, not by the summary.
        summary.truncated = false;
        delete summary.reason;
        if (closing.signal.aborted) return;
        if (vlan && reason.includes("no VLAN support")) {
          vlan = false;
          options.onEvent?.({ kind: "no-vlan", interface: name });
          continue;
        }
        if (!everUp) {
          throw new AppError("CAPTURE_LIVE_FAILED", `cannot capture on ${name}: ${reason}`, { interface: name });
        }
        if (performance.now() - begun > MAX_BACKOFF) delay = backoff;
        options.onEvent?.({ kind: "down", interface: name, reason, delay });
        for (const until = performance.now() + delay; !closing.signal.aborted && performance.now() < until;) {
          await door.wait(Math.min(quiet, until - performance.now()));
          if (!closing.signal.aborted) yield empty;
        }
        delay = Math.min(MAX_BACKOFF, 2 * delay);
      }
    } finally {
      running = false;
      run?.stop();
    }
  }

  const all = batches();
  return {
    summary,
    get running(): boolean {
      return running;
    },
    drops: () => ({
      kernel: past.kernel + (run?.drops.kernel ?? 0),
      interface: past.interface + (run?.drops.interface ?? 0),
    }),
    close: () => {
      closing.abort();
      run?.stop();
      door.ring();
    },
    [Symbol.asyncIterator]: () => all,
  };
};
