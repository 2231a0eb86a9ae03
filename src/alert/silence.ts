// SPDX-License-Identifier: Apache-2.0
import { day, hour, minute } from "./alert.ts";

/** What the flow store knows of a subject and of the sensors that saw it. Times and lengths in microseconds. */
export interface SilenceEvidence {
  /** The last packet; null: the store has none (any more). */
  readonly last: number | null;
  /** Stretches of time (`stretch` long) with at least one packet. A burst is one visit, not a thousand. */
  readonly visits: number;
  /** Up-time of the sensors that saw it, from its first to its last packet: each sensor by its share of the packets. */
  readonly exposure: number;
  /** The same from its last packet until now. */
  readonly since: number;
}
export interface SilencePolicy {
  /** Quiet is said only below this chance. */
  readonly needed: number;
  /** The length of a visit. */
  readonly stretch: number;
  /** Up-time without a packet before which quiet is never said: machines sleep at night. */
  readonly atLeast: number;
  /** What would take longer cannot be told: flows are not kept that long, and addresses change hands. */
  readonly atMost: number;
  /** Share of the time since the last packet in which the sensors must have been up. */
  readonly up: number;
  /**
   * Without any packet for so long, what silence cannot be judged of is given up, where the sensors were up (`up`); where they were not, or the store
   * has no packet of it any more, after `atMost`. Less than the past that the store is asked for, so that it still knows who was up.
   */
  readonly giveUp: number;
}
export const defaultSilence: SilencePolicy = {
  needed: 0.01,
  stretch: 10 * minute,
  atLeast: day,
  atMost: 90 * day,
  up: 0.5,
  giveUp: 28 * day,
};

/**
 * Of a host under attack: the same question of what others make it send. An attack does not sleep at night, and is often over within minutes: shorter visits,
 * and an hour without a packet before its end is said.
 */
export const victimSilence = (policy: SilencePolicy): SilencePolicy => ({
  ...policy,
  stretch: Math.min(policy.stretch, minute),
  atLeast: Math.min(policy.atLeast, hour),
});

export type SilenceVerdict = "active" | "waiting" | "quiet" | "unknown" | "moved";
export interface SilenceFacts {
  readonly verdict: SilenceVerdict;
  /** P(no packet since | it sends as before); null: no rate is known. */
  readonly chance: number | null;
  readonly since: number | null;
  /** When the chance is small enough if silence holds and sensors stay up as they were; null: cannot be told. */
  readonly until: number | null;
  /** Share of the time since the last packet in which the sensors that saw it were up. */
  readonly up: number | null;
}

/**
 * P(no packet in `since` | still sending as before). Visits come as a Poisson process whose rate is not known but estimated from what was
 * seen. The first visit begins the exposure and says nothing of the rate: n visits are n - 1 gaps. With the rate integrated over what
 * those leave open (a gamma distribution), the chance is (exposure / (exposure + since)) ^ (n - 1). Many visits give exp(-rate x
 * since); few give a much longer doubt, as they should, and one visit has no rate: nothing follows from its silence.
 */
export const chanceOfSilence = ({
  visits,
  exposure,
  since,
}: Pick<SilenceEvidence, "visits" | "exposure" | "since">): number =>
  visits <= 1 || exposure <= 0 ? 1 : (exposure / (exposure + Math.max(0, since))) ** (visits - 1);

/** Up-time without a packet after which the chance is `needed`. */
export const silenceNeeded = (visits: number, exposure: number, needed: number): number =>
  visits <= 1 ? Infinity : exposure * (needed ** (-1 / (visits - 1)) - 1);

/** What silence says now. `moved`: the same signature came up beside it since. */
export const judgeSilence = (
  evidence: SilenceEvidence,
  now: number,
  moved: boolean,
  policy: SilencePolicy = defaultSilence,
): SilenceFacts => {
  const { last, visits } = evidence;
  if (last === null || visits === 0) return { verdict: "unknown", chance: null, since: null, until: null, up: null };
  const elapsed = Math.max(0, now - last);
  if (elapsed < policy.stretch) return { verdict: "active", chance: 1, since: last, until: null, up: null };
  // At least the visits themselves took place while somebody watched.
  const exposure = Math.max(evidence.exposure, visits * policy.stretch);
  const since = Math.min(evidence.since, elapsed);
  const up = since / elapsed;
  const chance = chanceOfSilence({ visits, exposure, since });
  const missing = Math.max(silenceNeeded(visits, exposure, policy.needed), policy.atLeast) - since;
  const wait = missing <= 0 ? 0 : up > 0 ? missing / up : Infinity;
  const facts = { chance, since: last, up };
  if (chance < policy.needed && since >= policy.atLeast) {
    return { ...facts, verdict: moved ? "moved" : "quiet", until: now };
  }
  const until = elapsed + wait > policy.atMost ? null : now + wait;
  if (moved) return { ...facts, verdict: "moved", until };
  return { ...facts, verdict: until === null || up < policy.up ? "unknown" : "waiting", until };
};

/**
 * Whether an alert whose silence says nothing is given up: not seen again, cannot be confirmed. `silentFor` counts from the last packet that is known
 * of it. What can still be told, or still sends, is not given up.
 */
export const isGivenUp = (
  { verdict, up }: Pick<SilenceFacts, "verdict" | "up">,
  silentFor: number,
  policy: SilencePolicy = defaultSilence,
): boolean =>
  (verdict === "unknown" || verdict === "moved") &&
  silentFor >= (up !== null && up >= policy.up ? policy.giveUp : policy.atMost);
