// SPDX-License-Identifier: Apache-2.0

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
}

export const attackKinds = ["syn", "udp", "ping"] as const;
/** A denial-of-service attack whose sources are forged evenly over the address space, so its echo is everywhere. */
export interface AttackSpec {
  readonly kind: (typeof attackKinds)[number];
  /** Dotted quad; without it the seed chooses a host of the plan in `country`. */
  readonly victim?: string;
  readonly country?: string;
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
  return spec.hosts / (1 + (spec.hosts / spec.first - 1) * growth);
};
