// SPDX-License-Identifier: Apache-2.0
import type { NetworkKind } from "./names.ts";
import type { ToolName } from "./tools.ts";

/** Hosts that scan the whole address space, by what they are. */
export const hostKinds = ["research", "scanners", "mirai", "iot", "slow", "amplification"] as const;
export type HostKind = (typeof hostKinds)[number];
export const backgroundKinds = [...hostKinds, "misconfiguration", "backscatter"] as const;
export type BackgroundKind = (typeof backgroundKinds)[number];

export interface SimulatedSensor {
  readonly name: string;
  /** ISO 3166 code of the economy it stands in. */
  readonly country: string;
  /** IPv4 prefixes, none inside another. */
  readonly dark: readonly string[];
  /** When it saw nothing: hours from the epoch (negative: before it), and how long. */
  readonly outages: readonly { readonly startHours: number; readonly hours: number }[];
  /** A sensor inside one member's network: it sees the cast of that realm alone. Absent: the shared realm. */
  readonly realm?: string;
  /** Prefixes of `dark` that were not dark all the time: how a sensor joins, grows, shrinks and leaves. */
  readonly changes?: readonly { readonly dark: string; readonly fromHours?: number; readonly untilHours?: number }[];
}

export const attackKinds = ["syn", "udp", "ping"] as const;
/** A denial-of-service attack whose sources are forged evenly over the address space, so its echo is everywhere. */
export interface AttackSpec {
  readonly kind: (typeof attackKinds)[number];
  /** Dotted quad; without it the seed chooses a host of the plan in `country`. */
  readonly victim?: string;
  readonly country?: string;
  /** A group of organisations (`OrganisationSpec.group`) that the victim belongs to. */
  readonly in?: string;
  readonly port: number;
  readonly startHours: number;
  readonly minutes: number;
  /** Packets a second that the victim answers, to the whole address space. */
  readonly answered: number;
}

/** Packets with a new forged source each. */
export interface StormSpec {
  readonly kind: "syn" | "syn-ack";
  readonly port: number;
  readonly startHours: number;
  readonly minutes: number;
  /** Packets a second and dark address. */
  readonly intensity: number;
}

/** Infected hosts grow as N(t) = K / (1 + (K / first - 1) * 2^(-t / doubling)) and scan one port. */
export interface OutbreakSpec {
  readonly family: string;
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  readonly startHours: number;
  readonly first: number;
  readonly hosts: number;
  readonly doublingMinutes: number;
  /** Packets a second that one host sends to the whole address space. */
  readonly rate: number;
  /** Its packets carry the Mirai scanner's sequence number. */
  readonly mirai: boolean;
  /** Hours from its start after which hosts are cleaned, and the hours in which half of those left are. Absent: never. */
  readonly decline?: { readonly afterHours: number; readonly halfLifeHours: number };
  /** Share of its hosts that live in the constituency; 0 by default. */
  readonly inside?: number;
}

/** Networks that the node is responsible for: prefixes of the plan, registered to their invented operators. */
export interface OrganisationSpec {
  /** How casts and attacks name these organisations. */
  readonly group: string;
  readonly kind: NetworkKind;
  readonly country: string;
  readonly count: number;
  /** Prefixes that each registers, and their length. */
  readonly prefixes: number;
  readonly length: number;
  /** Public addresses of each prefix behind which all its subscribers share; absent: an address each. */
  readonly cgnat?: number;
  readonly essential?: boolean;
  /** A realm of its own: `networks` (private addresses) stand for what the plan gives. */
  readonly realm?: string;
  readonly networks?: readonly string[];
}

export const castRoles = [
  "infected",
  "benign",
  "forged",
  "framed",
  "amplification",
  "reflector",
  "syn-ack-scan",
] as const;
/**
 * What a member of the cast is. `infected` and `amplification` hosts are what they seem; `benign` ones scan or stray without
 * being infected; `forged`: somebody else writes the address on packets; `framed`: nobody sends, one sensor lies;
 * `reflector`: the address is the victim whose name is on requests; `syn-ack-scan`: a scan that looks like backscatter.
 */
export type CastRole = (typeof castRoles)[number];

/** Hosts of one kind whose addresses, times and packets are known one by one. Pairs are ranges to draw from. */
export interface CastSpec {
  readonly role: CastRole;
  /** The malware's family, or what the hosts are. */
  readonly name: string;
  /** Groups of organisations to live in; `abroad` is everywhere outside the constituency. */
  readonly in: readonly string[];
  readonly hosts: number;
  readonly tool: ToolName;
  /** Forms of ports.ts; each host takes one. */
  readonly aims: readonly string[];
  /**
   * Packets a second of one host to the `space` it scans, drawn evenly on a logarithmic scale; with `targets`, to these
   * of each sensor together.
   */
  readonly rate?: readonly [number, number];
  /** Addresses that are scanned; the whole address space by default. */
  readonly space?: number;
  /** In place of `rate`: packets that reach all sensors together in the host's whole time. */
  readonly packets?: readonly [number, number];
  readonly startHours: readonly [number, number];
  /** How long a host is at it, drawn evenly on a logarithmic scale. */
  readonly hours: readonly [number, number];
  /** Hours after which a host gets another address; each takes one of these, 0 is never. */
  readonly leaseHours?: readonly number[];
  /** Depth of the daily rhythm. */
  readonly rhythm?: number;
  /** Only these sensors see it. */
  readonly sensors?: readonly string[];
  /** Only so many dark addresses of each of its sensors are sent to. */
  readonly targets?: readonly [number, number];
  /** Share of the hosts that take an address which an infected host had before. */
  readonly recycled?: number;
  readonly form?: "syn-ack" | "p2p";
  /** One source port for all packets of all hosts. */
  readonly sourcePort?: number;
  /**
   * Whose way the TTL tells. A host that sends has its own. Of one that somebody makes up (`forged`, `framed`) it is a way each, invented (default); one forger's for all; none
   * at all; or the host's own, which only he could write who knows how far every network is from every sensor.
   */
  readonly hops?: "forger" | "random" | "known";
  /** They use the same tools as those who mean no harm: no rule on single packets can tell them. */
  readonly mimics?: boolean;
}

/** A world to simulate. Times are hours from the epoch that the caller sets. */
export interface Scenario {
  readonly name: string;
  readonly description: string;
  /** Steady background, packets a second and dark address (NICTER 2025: 0.0793). */
  readonly intensity: number;
  /** How the background is made up; the shares add up to 1. */
  readonly shares: Readonly<Record<BackgroundKind, number>>;
  /** How many hosts of each kind are alive at a time, in the whole Internet. */
  readonly hosts: Readonly<Record<HostKind, number>>;
  /** Background attacks that begin on a day, in the whole Internet. */
  readonly attacksPerDay: number;
  readonly attacks: readonly AttackSpec[];
  readonly storms: readonly StormSpec[];
  readonly outbreaks: readonly OutbreakSpec[];
  readonly sensors: readonly SimulatedSensor[];
  readonly organisations: readonly OrganisationSpec[];
  readonly cast: readonly CastSpec[];
  /** How long it lasts, where that is part of it, and the seed that goes with it. */
  readonly days?: number;
  readonly seed?: number;
}

/** The weather of 2025 by the published figures; files state only what differs from it. */
export const calm: Scenario = {
  name: "calm",
  description: "steady background radiation, nothing else",
  intensity: 0.0793,
  shares: {
    research: 0.57,
    scanners: 0.25,
    mirai: 0.065,
    iot: 0.07,
    slow: 0.022,
    amplification: 0.011,
    misconfiguration: 0.004,
    backscatter: 0.008,
  },
  hosts: { research: 480, scanners: 260, mirai: 60_000, iot: 65_000, slow: 40_000, amplification: 60 },
  attacksPerDay: 600,
  attacks: [],
  storms: [],
  outbreaks: [],
  sensors: [{ name: "sensor-1", country: "ID", dark: ["198.18.0.0/15"], outages: [] }],
  organisations: [],
  cast: [],
};

/** A deep partial of a scenario, as a file gives it. */
export type ScenarioFile = Partial<Omit<Scenario, "shares" | "hosts">> & {
  readonly shares?: Partial<Scenario["shares"]>;
  readonly hosts?: Partial<Scenario["hosts"]>;
};

/** Fills in what a file leaves out; shares are scaled to add up to 1. */
export const completeScenario = (file: ScenarioFile): Scenario => {
  const shares = { ...calm.shares, ...file.shares };
  const total = Object.values(shares).reduce((sum, share) => sum + share, 0);
  return {
    ...calm,
    ...file,
    shares: Object.fromEntries(
      Object.entries(shares).map(([kind, share]) => [kind, total > 0 ? share / total : 0]),
    ) as Scenario["shares"],
    hosts: { ...calm.hosts, ...file.hosts },
  };
};

export const HOUR = 3_600e6;
export const DAY = 24 * HOUR;

/** Infected hosts of an outbreak at `time` (microseconds, from its start). */
export const infectedAt = (spec: OutbreakSpec, since: number): number => {
  if (since < 0) return 0;
  const growth = 2 ** (-since / (spec.doublingMinutes * 60e6));
  const grown = spec.hosts / (1 + (spec.hosts / spec.first - 1) * growth);
  if (spec.decline === undefined) return grown;
  const past = since - spec.decline.afterHours * HOUR;
  return past <= 0 ? grown : grown * 2 ** (-past / (spec.decline.halfLifeHours * HOUR));
};

/** Microseconds from an outbreak's start at which it has this share of its final hosts; 0 where it begins with more. */
export const timeOfShare = (spec: OutbreakSpec, share: number): number => {
  const doublings = Math.log2((spec.hosts / spec.first - 1) / (1 / share - 1));
  return Math.max(0, doublings * spec.doublingMinutes * 60e6);
};
