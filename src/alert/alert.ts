// SPDX-License-Identifier: Apache-2.0
import type { DetectionKind, HoldReason, Sample } from "../model/detection.ts";
import type { Marking } from "../model/marking.ts";

/** Microseconds. */
export const second = 1_000_000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

export const alertStates = ["new", "continuing", "quiet", "closed", "relapsed"] as const;
export type AlertState = (typeof alertStates)[number];
export const severities = ["low", "medium", "high", "critical"] as const;
export type Severity = (typeof severities)[number];
/** `unconfirmed`: not seen again, and nothing can be said of it. It is no sort of cleaned: what counts those leaves it out. */
export const closings = [
  "silence",
  "withdrawn",
  "false-positive",
  "not-ours",
  "expired",
  "handled",
  "unconfirmed",
] as const;
export type Closing = (typeof closings)[number];

/** Whose network an address is in at a time, as the constituency knows it. */
export interface Owner {
  readonly organisation: string;
  /** The prefix that matched. */
  readonly network: string;
  readonly translation: "none" | "cgnat";
  readonly essential: boolean;
  /** Country of the organisation, ISO 3166-1. */
  readonly country: string | null;
}

/**
 * What is told to one owner about one subject. Everything the notice, the page and the board need is in it, so that none of them
 * reads detections. Times are microseconds UTC.
 */
export interface Alert {
  readonly id: string;
  readonly organisation: string | null;
  readonly realm: string;
  readonly exercise: string;
  readonly kind: DetectionKind;
  readonly subject: string;
  readonly source: string | null;
  readonly family: string | null;
  readonly translation: "none" | "cgnat";
  readonly network: string | null;
  readonly country: string | null;
  /** Origin AS of the address when it was opened. */
  readonly asn: number | null;
  readonly essential: boolean;
  readonly state: AlertState;
  readonly severity: Severity;
  readonly rank: number;
  readonly first: number;
  readonly last: number;
  readonly packets: number;
  readonly darkAddresses: number;
  readonly sensors: readonly string[];
  readonly confidence: number;
  readonly protocol: string | null;
  readonly ports: readonly number[];
  /** SYN signature in text form, where the detector gave one. */
  readonly signature: string | null;
  readonly samples: readonly Sample[];
  /** Which rules fired, in the detectors' own words. */
  readonly tests: readonly string[];
  readonly held: readonly HoldReason[];
  readonly released: number | null;
  readonly suppressedUntil: number | null;
  readonly suppressedReason: string | null;
  readonly relapses: number;
  readonly detected: number;
  /** When a letter about this episode was last decided; `notified` is when the first one was accepted. */
  readonly told: number | null;
  readonly notified: number | null;
  readonly acknowledged: number | null;
  readonly acted: number | null;
  readonly quieted: number | null;
  readonly closed: number | null;
  readonly closing: Closing | null;
  readonly case: string | null;
  readonly marking: Marking;
  readonly origin: string;
  readonly version: number;
}

/** The rules of a node. Rates count alerts whose owner would be told. */
export interface AlertPolicy {
  /** The node's own country; null: none, and nobody is abroad. */
  readonly country: string | null;
  /** How long an alert counts as new. */
  readonly newFor: number;
  /** What comes back within this after it ended is a relapse; later, another alert. */
  readonly relapseWithin: number;
  /** Claims below are shown to analysts and not told. */
  readonly minimumConfidence: number;
  /** Letters to one owner in an hour; what is more goes into one digest. */
  readonly immediatePerHour: number;
  /** How long such a digest gathers. */
  readonly digestEvery: number;
  /** Alerts of one owner in an hour beyond which they are held. */
  readonly ownerBreaker: number;
  /** Alerts of all owners in an hour beyond which they are held. */
  readonly globalBreaker: number;
  /**
   * Findings on the word of few sensors (`enoughSensors`) that one owner, and all together, are told within a time; what is more waits
   * for other sensors or an analyst. Each such notice can tell who sent the probes where a sensor stands. Null: no bound.
   */
  readonly fewSensors: { readonly owner: number; readonly all: number; readonly within: number } | null;
  /** How often a host that still sends is looked at for a reminder; recipients have terms of their own. Null: never. */
  readonly remindAfter: number | null;
  /** Samples kept and told, of a translated network and of others. */
  readonly samples: { readonly cgnat: number; readonly other: number };
  /** How long a self-help link opens its case. */
  readonly linkFor: number;
  /** Hold what goes to a contact for the first time until somebody looked at it. */
  readonly previewFirst: boolean;
}

/**
 * How many of a node's sensors make a finding that is told without a budget: half, two at least. Who scans everything meets them all;
 * who probes one place, and one that they know already, meets two.
 */
export const enoughSensors = (sensors: number): number => Math.max(2, Math.ceil(sensors / 2));

export const defaultPolicy: AlertPolicy = {
  country: null,
  newFor: hour,
  relapseWithin: 90 * day,
  minimumConfidence: 0.5,
  immediatePerHour: 20,
  digestEvery: 15 * minute,
  ownerBreaker: 200,
  globalBreaker: 2_000,
  fewSensors: { owner: 4, all: 16, within: 7 * day },
  remindAfter: day,
  samples: { cgnat: 16, other: 5 },
  linkFor: 30 * day,
  previewFirst: true,
};

/** Kinds that an owner is told of. The others are for analysts. */
export const toldKinds: readonly DetectionKind[] = [
  "infected-host",
  "scanning-host",
  "dos-victim",
  "reflector-abuse",
  "amplification-scan",
];
/** Kinds that become alerts: all that speak of a host. */
export const alertKinds: readonly DetectionKind[] = [...toldKinds, "sighting"];

/** Kinds that are clean when the subject itself sends no more. */
export const verifiableKinds: readonly DetectionKind[] = ["infected-host", "scanning-host", "amplification-scan"];
/** Kinds whose subject is attacked: nothing of it is to be cleaned, and its silence is the end of the attack. */
export const victimKinds: readonly DetectionKind[] = ["dos-victim", "reflector-abuse"];
export const isVictim = (kind: DetectionKind): boolean => victimKinds.includes(kind);
