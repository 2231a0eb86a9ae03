// SPDX-License-Identifier: Apache-2.0

/** What a detector may claim. `sighting` is for analysts alone and never a notice. */
export const detectionKinds = [
  "infected-host",
  "scanning-host",
  "sighting",
  "event",
  "heavy-scanner",
  "dos-victim",
  "amplification-scan",
  "reflector-abuse",
  "surge",
  "novelty",
  "outbreak",
  "campaign",
] as const;
export type DetectionKind = (typeof detectionKinds)[number];

/** RSIT `taxonomy:type` of what is told to an owner. */
export const classificationOf: Readonly<Partial<Record<DetectionKind, string>>> = {
  "infected-host": "malicious-code:infected-system",
  "scanning-host": "information-gathering:scanner",
  "dos-victim": "availability:ddos",
  "reflector-abuse": "availability:ddos",
  "amplification-scan": "information-gathering:scanner",
};

/** A packet an owner can look for behind a translating router: when, from which source port, to which port. */
export interface Sample {
  /** Microseconds UTC. */
  readonly time: number;
  /** Clock error of the sensor, microseconds; null when not known. */
  readonly error: number | null;
  readonly sourcePort: number;
  readonly port: number | null;
}

/** Why a finding is kept from owners until an analyst looks. */
export const holdReasons = [
  "correlated-onset", // many sources of a network began at one moment: forged?
  "one-way", // many like it began with it, from one distance
  "path-differs", // it is not as far away as its neighbours are, or many of its tool are not
  "ttl-spread", // one source's TTLs come from too many places
  "sensor-disagrees", // only one sensor saw it while others should have
  "owner-breaker", // too many findings of one owner at once
  "global-breaker", // too many findings at once
  "few-sensors", // more findings on the word of few sensors than an owner, or all, may be told in a week
  "one-sensor-abroad", // an owner outside the node's country needs two sensors or a release
] as const;
export type HoldReason = (typeof holdReasons)[number];

/**
 * One claim of one detector about one subject, over [first, last]. The same packets give the same detections, to the byte:
 * `id` is made of (detector, kind, realm, exercise, subject, opening). A later revision with the same id replaces it.
 */
export interface Detection {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly detector: string;
  /** Counts up when a detector's rule changes. */
  readonly version: number;
  readonly kind: DetectionKind;
  readonly realm: string;
  readonly exercise: string;
  /** Address of the host the claim is about; null for surges, outbreaks and campaigns. */
  readonly source: string | null;
  readonly protocol: string | null;
  readonly port: number | null;
  /** Event time, microseconds UTC. */
  readonly first: number;
  readonly last: number;
  readonly packets: number;
  /** Distinct dark addresses, over all sensors. */
  readonly darkAddresses: number;
  /** Names of the sensors that saw it; made pseudonyms before they leave the node. */
  readonly sensors: readonly string[];
  /** 0 to 1: how often such a claim was right in `layang evaluate`, or the detector's own estimate. */
  readonly confidence: number;
  /** Malware family or tool, where marks or port set tell. */
  readonly family: string | null;
  /** Empty: may be told. */
  readonly held: readonly HoldReason[];
  /** What the claim rests on: numbers and names, JSON, from which no dark address follows. */
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly samples: readonly Sample[];
}
