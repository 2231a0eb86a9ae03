// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../platform/log.ts";
import type { Answer, Client } from "./client.ts";
import type { Spool, Waiting } from "./spool.ts";

/** Frames and bytes of one request: a quiet day of backlog is some 1,400 requests, a busy one 13,000. */
const MOST = 64;
const BYTES = 2 << 20;
/**
 * A link may be too slow for that in the minute that the door gives a request: half as much is tried after each failure, down to so
 * many bytes (one frame goes whole in any case), and twice as much after a request that was through in so many milliseconds.
 */
const LEAST = 32 << 10;
const QUICK = 10_000;
const FIRST_WAIT = 500;
/** What is made in one go comes into the spool one batch after another: so long the first waits for the others, milliseconds. A node pays by the request. */
const GATHER = 20;
const LONGEST_WAIT = 60_000;
/** The clock is compared again after so many milliseconds without a request that told it. */
const CLOCK_EVERY = 60_000;

/** A frame that the node will never take, whatever the sensor does. */
const hopeless = new Set(["BATCH_INVALID", "BATCH_TOO_LARGE", "SEQUENCE_TOO_OLD", "SEQUENCE_REUSED"]);

export interface SenderOptions {
  readonly client: Client;
  readonly spool: Spool;
  readonly sensor: string;
  readonly log: Logger;
  /** Makes a frame anew under another sequence. Without it a frame whose number was used is put aside. */
  readonly renumber?: (frame: Uint8Array, sequence: number, lost: number) => Uint8Array;
  /** Milliseconds; for tests. */
  readonly clock?: () => number;
  /** Milliseconds of a clock that nobody sets; for tests. */
  readonly steady?: () => number;
  readonly firstWait?: number;
  /** 0 to 1; spreads the sensors' repetitions. */
  readonly jitter?: () => number;
}
export interface SenderStanding {
  /** Sensor clock minus node clock now, microseconds; null before the first exchange. */
  readonly clockOffset: number | null;
  requests: number;
  failures: number;
  acknowledged: number;
  quarantined: number;
  refused: number;
  /** Sent again under another number, theirs having been used (a state folder restored from an old copy). */
  renumbered: number;
  /** Why the last request failed; empty while all is well. */
  problem: string;
}
export interface Sender {
  readonly standing: Readonly<SenderStanding>;
  /** Sends until the signal is given. Rejects for bugs and for a state folder that cannot be written, never for the node. */
  run(signal: AbortSignal): Promise<void>;
}

/** Sends what waits in the spool, oldest first, for as long as it takes. */
export const createSender = (options: SenderOptions): Sender => {
  const { client, spool, sensor, log } = options;
  const clock = options.clock ?? Date.now;
  const steady = options.steady ?? (() => performance.now());
  const jitter = options.jitter ?? Math.random;
  /** The node's clock minus the steady one, milliseconds: what a clock that is set does not move. */
  let ofNode: number | null = null;
  const standing: SenderStanding = {
    get clockOffset() {
      return ofNode === null ? null : Math.round((clock() - steady() - ofNode) * 1_000);
    },
    requests: 0,
    failures: 0,
    acknowledged: 0,
    quarantined: 0,
    refused: 0,
    renumbered: 0,
    problem: "",
  };
  let compared = Number.NEGATIVE_INFINITY;
  let bytes = BYTES;

  const compareClock = async (): Promise<void> => {
    if (clock() - compared < CLOCK_EVERY && clock() >= compared) return;
    const before = steady();
    const answer = await client.ask("GET", "/time", {});
    const after = steady();
    const now = answer.body["now"];
    if (answer.status !== 200 || typeof now !== "number") return;
    // The node's clock is taken to be read in the middle of the way there and back.
    ofNode = now / 1_000 - (before + after) / 2;
    compared = clock();
  };

  /** True when the spool got smaller. */
  const settle = async (answer: Answer, sent: readonly Waiting[]): Promise<boolean> => {
    const { body, status } = answer;
    if (typeof body["next"] === "number" && Number.isSafeInteger(body["next"])) await spool.raise(body["next"]);
    if (status === 200 && Array.isArray(body["results"])) {
      const asked = new Set(sent.map(({ sequence }) => sequence));
      const done: number[] = [];
      for (const one of body["results"] as { sequence?: unknown; status?: unknown }[]) {
        if (typeof one.sequence !== "number" || !asked.has(one.sequence)) continue;
        done.push(one.sequence);
        if (one.status === "quarantined") standing.quarantined++;
      }
      await spool.acknowledge(done);
      standing.acknowledged += done.length;
      return done.length > 0;
    }
    const { code, sequence } = body;
    if (code === "SEQUENCE_REUSED" && sequence === sent[0]?.sequence && options.renumber !== undefined) {
      // Said once: a whole spool may have to be renumbered.
      if (standing.renumbered === 0) log.warn({ sequence }, "the node has other rows under this number: renumbered");
      standing.renumbered++;
      await spool.renumber(sent[0]?.sequence ?? 0, options.renumber);
      return true;
    }
    if (typeof code === "string" && hopeless.has(code) && sequence === sent[0]?.sequence) {
      standing.refused++;
      log.error(
        { code, sequence, detail: body["detail"] },
        "the node refuses a batch for good; it is in spool/refused",
      );
      await spool.refuse(sent[0]?.sequence ?? 0);
      return true;
    }
    return false;
  };

  const step = async (): Promise<{ ok: boolean; problem: string; wait: number | undefined }> => {
    try {
      await compareClock();
      const frames = await spool.oldest(bytes, MOST);
      if (frames.length === 0) return { ok: true, problem: "", wait: undefined };
      standing.requests++;
      const begun = performance.now();
      const answer = await client.ask(
        "POST",
        "/batches",
        { "layang-sensor": sensor, "content-type": "application/octet-stream" },
        frames.map((frame) => frame.bytes),
      );
      const took = performance.now() - begun;
      const ok = await settle(answer, frames);
      if (ok && took < QUICK) bytes = Math.min(BYTES, 2 * bytes);
      const problem = ok
        ? ""
        : `${String(answer.body["code"] ?? answer.status)}: ${String(answer.body["detail"] ?? "")}`;
      return { ok, problem, wait: answer.retryAfter };
    } catch (error) {
      if ((error as { code?: string }).code !== "NODE_UNREACHABLE") throw error;
      return { ok: false, problem: (error as Error).message, wait: undefined };
    } finally {
      spool.release();
    }
  };

  return {
    standing,
    run: async (signal) => {
      const first = options.firstWait ?? FIRST_WAIT;
      let wait = first;
      while (!signal.aborted) {
        await spool.waiting(signal);
        if (spool.batches < MOST) await sleep(GATHER, undefined, { signal }).catch(() => undefined); // woken by the signal
        if (signal.aborted) return;
        const { ok, problem, wait: asked } = await step();
        if (ok) {
          if (standing.problem !== "") log.info({ waiting: spool.batches }, "the node takes batches again");
          standing.problem = "";
          wait = first;
          continue;
        }
        standing.failures++;
        bytes = Math.max(LEAST, bytes / 2);
        // Said once, and again when it changes: a node that is away for a day does not fill the log.
        if (problem !== standing.problem)
          log.warn({ problem, waiting: spool.batches }, "the node does not take batches");
        standing.problem = problem;
        const pause = asked === undefined ? wait * (0.5 + jitter() / 2) : Math.max(first, asked * 1_000);
        wait = Math.min(LONGEST_WAIT, wait * 2);
        await sleep(Math.min(LONGEST_WAIT, pause), undefined, { signal }).catch(() => undefined); // woken by the signal
      }
    },
  };
};
