// SPDX-License-Identifier: Apache-2.0
import type { DetectionKind, HoldReason } from "../model/detection.ts";
import type { Context, Owner } from "./detector.ts";
import { darkOf, isMirai, topPorts } from "./evidence.ts";
import type { Evidence } from "./evidence.ts";
import { familyOfPorts, isAmplifier } from "./families.ts";
import {
  binomialTail,
  darkAddresses,
  disagreement,
  dominantSpoof,
  impliedRate,
  ttlSpread,
  ttlWander,
} from "./guards.ts";
import { parameter, valuesOf } from "./parameters.ts";
import { isNmap, isOfSystem } from "./signature.ts";
import type { Strangers } from "./neighbours.ts";
import type { WayCompany } from "./ways.ts";

export const infectedParameters = {
  packets: parameter(10, "packets", "a source must have sent", "ours: below it, chance and forgery are too cheap"),
  dark_addresses: parameter(
    3,
    "dark addresses",
    "it must have reached",
    "ours: one or two are a wrong address in a configuration",
  ),
  marked_packets: parameter(3, "SYNs", "with Mirai's mark are enough", "ours: one fits by chance in 2^32"),
  marked_dark_addresses: parameter(2, "dark addresses", "that those must have reached", "ours"),
  tool_share: parameter(0.5, "of SYNs", "with a tool's mark name the tool", "ours; ORION asks for all sampled SYNs"),
  many_ports: parameter(
    10,
    "ports",
    "more on one calendar day are a scanner's",
    "JPCERT/CC, TSUBAME Overflow Jul-Sep 2022",
  ),
  wide_ports: parameter(6, "ports", "and six tenths of its packets: a scanner's, before the day is over", "ours"),
  server_rate: parameter(
    50_000,
    "packets/s",
    "to the whole IPv4 space are a server's scan, not a device's bot",
    "ours: Mirai's devices send some hundreds",
  ),
  line_rate: parameter(
    20e6,
    "packets/s",
    "nobody sends: it swept the sensor or it is forged; a claim then waits",
    "10 Gbit/s carry 14.9 million SYNs a second",
  ),
  settle: parameter(120, "s", "that such a claim waits for others like it", "ours"),
  idle: parameter(
    7,
    "days",
    "without a packet end an episode",
    "ours: a device of 10 packets/s reaches a /22 every 5 days",
  ),
  together: parameter(
    50,
    "sources",
    "of one organisation that begin within ten minutes of each other hold each other back",
    "ours",
  ),
  together_ratio: parameter(8, "times", "the usual number they must be", "ours"),
  together_fast: parameter(
    3,
    "sources",
    "of one organisation that begin together at 10,000 packets/s or more hold each other back",
    "ours",
  ),
  fast_rate: parameter(10_000, "packets/s", "to the whole IPv4 space is fast", "ours"),
  disagree: parameter(0.001, "probability", "that the other sensors saw so little by chance", "ours"),
  ttl_groups: parameter(
    5,
    "groups of TTLs",
    "of one source at one sensor are implausible",
    "ours: systems start at 32, 64, 128 or 255",
  ),
  ttl_values: parameter(10, "TTLs", "of one source at one sensor are implausible", "ours"),
  ttl_wander: parameter(
    4,
    "further TTLs",
    "of one source at its sensors, four or more hops apart",
    "ours: a host has one way to a sensor",
  ),
  ttl_wander_share: parameter(0.4, "of its packets", "so many further TTLs must be", "ours"),
  one_way: parameter(
    7,
    "sources",
    "with one signature that begin within a day, at one distance from a sensor, hold each other back",
    "ours",
  ),
  one_way_chance: parameter(
    1e-4,
    "probability",
    "that so many of all that began lie at one distance by chance",
    "ours",
  ),
  far: parameter(
    -2.5,
    "natural logarithm",
    "of the ratio, and less, of how likely a source is where its neighbours are and anywhere: it is held back by itself",
    "ours: hop-count filtering (Wang, Jin, Shin 2007) over the shares measured in neighbours.ts",
  ),
  strange: parameter(0, "natural logarithm", "and less: it is not where its neighbours are", "ours"),
  at_home: parameter(
    1,
    "natural logarithm",
    "by each way of which neighbours are known, two at the most, and more: it is where they are",
    "ours: 2.3 is reached where three neighbours lie exactly there",
  ),
  at_home_one: parameter(1.5, "natural logarithm", "and more, by the one way that is known: it is for sure", "ours"),
  at_home_two: parameter(4, "natural logarithm", "and more, by two ways or more: it is for sure", "ours"),
  strange_crowd: parameter(
    4,
    "sources",
    "of one tool that begin within a day where their neighbours are not hold back all that may be like them",
    "ours",
  ),
  strange_usual: parameter(
    0.05,
    "of sources",
    "are usually not where their neighbours are",
    "ours: routes differ, addresses move",
  ),
  stray_tries: parameter(
    1.5,
    "packets",
    "to each dark address, of fewer than 8 in all, may be a client's that has lost its servers",
    "ours",
  ),
  stray_packets: parameter(8, "packets", "to each, of fewer than 16, are so as well", "ours"),
  storm: parameter(200, "sources", "that begin in one minute are told of as a storm, not one by one", "ours"),
} as const;
export const infectedValues = valuesOf(infectedParameters);
const P = infectedValues;

/** What an accepted source is taken for. */
export interface Finding {
  readonly kind: DetectionKind;
  readonly family: string | null;
  readonly confidence: number;
  /** Why, in a word for the evidence. */
  readonly reason: string;
}

/** Whether the notice rule accepts the evidence, and by which of its two halves. */
export const accepts = (evidence: Evidence, sensors: number): "packets" | "mark" | null => {
  const dark = darkOf(evidence);
  // One sensor can lie: where there are others, a short proof must come from two.
  const told = sensors < 2 || Object.keys(evidence.sensors).length >= 2;
  if (evidence.mirai >= P.marked_packets && dark >= P.marked_dark_addresses && told) return "mark";
  return evidence.packets >= P.packets && dark >= P.dark_addresses ? "packets" : null;
};

/** Replies of amplifiers: always from the one port of the service, to any port. */
const isReflected = (evidence: Evidence): boolean => {
  const from = new Set(evidence.early.map(({ sourcePort }) => sourcePort));
  const [port] = from;
  return (
    from.size === 1 &&
    port !== undefined &&
    port < 49_152 &&
    (isAmplifier(`${port}/udp`) || port === 4500 || port === 500)
  );
};

/**
 * Again and again to the same few of many dark addresses: it may be a client that has lost its servers, and is told of when it has gone on to more. A worm that tries
 * each host three times has reached eight with 22 packets. `coming`: packets that it is about to send to the same.
 */
export const isStray = (evidence: Evidence, dark: number, coming = 0): boolean => {
  const reached = darkOf(evidence);
  const each = reached < 8 ? P.stray_tries : P.stray_packets;
  // Of an IPv6 prefix there are always many.
  return reached < 16 && (evidence.v6 === true || dark >= 8 * reached) && evidence.packets + coming >= each * reached;
};

/** Packets to the ports of a protocol that fit. */
const sentTo = ({ ports }: Evidence, protocol: "tcp" | "udp", fits: (port: number) => boolean): number =>
  Object.entries(ports).reduce((sum, [name, n]) => {
    const [port, of] = name.split("/");
    return sum + (of === protocol && fits(Number(port)) ? n : 0);
  }, 0);

/** Where web servers are, and where more of them are. */
const web: Readonly<Record<"main" | "other", readonly number[]>> = {
  main: [80, 443],
  other: [8000, 8080, 8443, 8888],
};
/**
 * Connections to web ports and to nothing else, a third of them or more to the two main ones, opened by an operating system: no packet tells a crawler, a monitor or somebody's browser from an
 * infected server that looks for others. Bots write their own SYNs.
 */
const asksForPages = (evidence: Evidence): boolean => {
  const main = sentTo(evidence, "tcp", (port) => web.main.includes(port));
  const other = sentTo(evidence, "tcp", (port) => web.other.includes(port));
  const signed = Object.entries(evidence.signatures);
  const own = signed.reduce((sum, [hex, n]) => sum + (isOfSystem(hex) ? n : 0), 0);
  return own > 0 && own * 10 >= evidence.syn * 9 && main + other === evidence.packets && 2 * main >= other;
};

/** Ports that traceroute's datagrams go to: one for each of up to thirty hops and three tries, from 33434 on. */
const isTraced = (port: number): boolean => port >= 33_434 && port < 33_534;

/** What a source that the rule accepts is; null: nothing that an owner is told of. The first line that fits holds. */
export const findingOf = (evidence: Evidence, address: string, context: Context): Finding | null => {
  const { packets, syn, udp, echo, zmap, masscan, stateless, spoof, widest } = evidence;
  const scanner = (reason: string, confidence: number, family: string | null = null): Finding => ({
    kind: "scanning-host",
    family,
    confidence,
    reason,
  });
  const researcher = context.researcher(address);
  if (researcher !== null) return scanner("listed", 0.99, researcher.slice(0, 100));
  if (isMirai(evidence)) {
    return { kind: "infected-host", family: "mirai", confidence: 0.99, reason: "mark" };
  }
  if (dominantSpoof(evidence).filter((reason) => reason !== "ttl").length >= 2) return null;
  const ports = topPorts(evidence, 30);
  const amplifying = ports.reduce((sum, [port, n]) => sum + (isAmplifier(port) ? n : 0), 0);
  if (amplifying * 10 >= packets * 9) return null;
  if (udp * 2 > packets && isReflected(evidence)) return null;
  // TTLs of 200 and more come from tools that write their own headers.
  const raw = spoof[1]! + stateless;
  for (const [tool, marked] of [
    ["zmap", zmap],
    ["masscan", masscan],
  ] as const) {
    if (marked >= 2 && marked >= P.tool_share * syn && syn > 0) return scanner(tool, 0.97, tool);
  }
  if (raw >= 2 && raw >= P.tool_share * (syn + udp)) return scanner("raw-packets", 0.95);
  const scanned = Object.entries(evidence.signatures).reduce((sum, [hex, n]) => sum + (isNmap(hex) ? n : 0), 0);
  if (scanned >= 2 && scanned >= P.tool_share * (syn + udp)) return scanner("nmap", 0.9, "nmap");
  const asked = syn + udp;
  // Of the ports that are counted one by one: what went to others says nothing of how many these were.
  const counted = Object.keys(evidence.ports).length;
  if (asked > 0 && counted >= P.wide_ports && counted >= 0.6 * (packets - evidence.others)) {
    // Strays of peer-to-peer programs go to any port of hosts that are long gone.
    return udp * 2 > packets ? null : scanner("ports", 0.9);
  }
  if (widest > P.many_ports) return scanner("ports", 0.95);
  const rate = impliedRate(evidence, darkAddresses(context.sensors));
  if (rate !== null && rate >= P.server_rate && rate < P.line_rate) return scanner("rate", 0.85);
  if (2 * (echo + sentTo(evidence, "udp", isTraced)) >= packets) return scanner("ping", 0.7);
  if (asksForPages(evidence)) return scanner("web", 0.6);
  const family = familyOfPorts(ports, packets);
  return {
    kind: "infected-host",
    family,
    confidence: family === null ? 0.85 : 0.93,
    reason: family === null ? "spread" : "ports",
  };
};

/** What is known of the others when a claim is judged. */
export interface Company {
  /** Sources of the organisation that began within ten minutes. */
  readonly together: number;
  /** Of these, fast ones; none where the sensors have just begun. */
  readonly fast: number;
  /** How many usually do; null: the sensors have not been there long enough to say. */
  readonly usual: number | null;
}

/** So many that began together that somebody may have made them up. */
export const isCrowd = ({ together, fast, usual }: Company): boolean =>
  fast >= P.together_fast || (usual !== null && together >= Math.max(P.together, P.together_ratio * usual));

/** So many from one distance that one machine may have sent them all. */
export const isOneWay = ({ sources, same, usual }: WayCompany): boolean =>
  same >= P.one_way && 1 - binomialTail(same - 1, sources, usual) < P.one_way_chance;

/** What is known of a source's neighbours; nothing where `likeness` is absent. */
export interface Home {
  readonly likeness?: number;
  readonly ways?: number;
}
export const isAtHome = ({ likeness, ways = 2 }: Home): boolean =>
  likeness !== undefined && likeness >= P.at_home * Math.min(2, ways);
/** Not for sure where its neighbours are. */
export const isDoubtful = ({ likeness, ways = 2 }: Home): boolean =>
  likeness !== undefined && likeness < (ways === 1 ? P.at_home_one : P.at_home_two);
export const isStrange = (likeness: number): boolean => likeness <= P.strange;
/** So many of one tool that are not where their neighbours are that somebody makes them up. */
export const isStrangeCrowd = ({ known, strange }: Strangers): boolean =>
  strange >= P.strange_crowd && 1 - binomialTail(strange - 1, known, P.strange_usual) < P.one_way_chance;

/** What the sources that a claim's began with, and its neighbours, say against it. */
export interface Doubts {
  readonly oneWay: boolean;
  readonly stranger: boolean;
}

/** Why a claim is kept from its owner until an analyst looks. */
export const holdsOf = (
  evidence: Evidence,
  owner: Owner | null,
  company: Company,
  { oneWay, stranger }: Doubts,
  context: Context,
): HoldReason[] => {
  const held: HoldReason[] = [];
  if (isCrowd(company)) held.push("correlated-onset");
  if (oneWay) held.push("one-way");
  if (stranger) held.push("path-differs");
  const { groups, values } = ttlSpread(evidence);
  const shared = owner?.translation === "cgnat" ? 2 : 0;
  const further = ttlWander(evidence);
  const wanders = shared === 0 && further >= P.ttl_wander && further >= P.ttl_wander_share * evidence.packets;
  if (wanders || groups >= P.ttl_groups + shared || values >= P.ttl_values + shared) held.push("ttl-spread");
  const differ = disagreement(evidence, context.sensors);
  if (
    differ !== null &&
    differ.expected >= P.packets &&
    differ.seen * 10 <= differ.expected &&
    differ.chance(P.disagree) < P.disagree
  ) {
    held.push("sensor-disagrees");
  }
  const abroad = owner?.country != null && context.home !== null && owner.country !== context.home;
  if (abroad && Object.keys(evidence.sensors).length < 2) held.push("one-sensor-abroad");
  return held;
};
