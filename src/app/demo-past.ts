// SPDX-License-Identifier: Apache-2.0
import type { SilenceOptions } from "../cases/silence.ts";
import { verifySilence } from "../cases/silence.ts";
import { amplification } from "../detect/amplification.ts";
import { campaign } from "../detect/campaign.ts";
import { dosVictim } from "../detect/dos.ts";
import { infectedHost } from "../detect/infected.ts";
import { earlyWarning } from "../detect/early-warning.ts";
import { HOUR } from "../simulate/scenario.ts";
import type { Owners } from "./demo-owners.ts";
import type { Past } from "./detection.ts";
import { silenceOf } from "./node.ts";
import type { RunningNode } from "./node.ts";

/** A clock that can be set back to a past; microseconds UTC. */
export interface PastClock {
  now(): number;
  /** Null: the machine's own again. */
  set(time: number | null): void;
}
export const pastClock = (): PastClock => {
  let at: number | null = null;
  return {
    now: () => at ?? Date.now() * 1000,
    set: (time) => {
      at = time;
    },
  };
};

/** Those whose claims become cases, or span days. What is told of a moment alone begins with the present. */
const others = [infectedHost.name, dosVictim.name, amplification.name, campaign.name];
/** Event time that a detector begins at, of a past from `since` with a desk from `desk` on, where the present begins at `present`. */
export const beginOf = (detector: string, past: { since: number; desk: number; present: number }): number => {
  if (detector === earlyWarning.name) return past.since;
  return others.includes(detector) ? past.desk : past.present - HOUR;
};

export interface PastOptions {
  readonly node: Pick<RunningNode, "desk" | "store">;
  readonly judge: Parameters<Past["live"]>[0];
  readonly clock: PastClock;
  readonly owners: Owners;
  readonly silence: SilenceOptions["policy"];
  /** Event time, microseconds: the flows of [from, to) are in the store. */
  readonly from: number;
  readonly to: number;
  readonly signal: AbortSignal;
}

/**
 * Lives a past whose flows are in the store as a node would have lived it, an hour at a time and by the clock of that hour: the detectors
 * judge, cases and letters come of it and leave, owners answer, the darknet is asked who fell silent. Nothing of it is written
 * down beforehand. True when it came to its end.
 */
export const livePast = async ({
  node: { desk, store },
  judge,
  clock,
  owners,
  silence,
  from,
  to,
  signal,
}: PastOptions): Promise<boolean> => {
  try {
    clock.set(from);
    // What rises makes no case: it is judged whole, beside the hours.
    const rising = judge(to, [earlyWarning.name]);
    // Waited for below.
    rising.catch(() => undefined);
    for (let at = Math.floor(from / HOUR) * HOUR + HOUR; !signal.aborted; at += HOUR) {
      const time = Math.min(at, to);
      clock.set(time);
      await judge(time, others);
      await desk.outbox.drain();
      await owners.answer(time);
      await verifySilence(desk.desk, silenceOf(store), time, { policy: silence ?? {} });
      if (time === to) break;
    }
    await rising;
    return !signal.aborted;
  } finally {
    clock.set(null);
  }
};
