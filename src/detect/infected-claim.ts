// SPDX-License-Identifier: Apache-2.0
import type { Detection, HoldReason } from "../model/detection.ts";
import { formatSignature } from "../model/signature.ts";
import { spoofReasons } from "../model/traffic.ts";
import type { Context, Owner } from "./detector.ts";
import { darkOf, portCount, samplesOf, topPorts } from "./evidence.ts";
import type { Evidence } from "./evidence.ts";
import { darkAddresses, disagreement, dominantSpoof, impliedRate } from "./guards.ts";
import { detectionId } from "./identity.ts";
import type { Entry } from "./infected-entry.ts";
import type { Finding } from "./infected-rule.ts";
import { signatureWords } from "./signature.ts";
import { waysOf } from "./ways.ts";

export const NAME = "infected-host";
export const VERSION = 6;
const MINUTE = 60e6;

const rounded = (value: number | null): number | null => (value === null ? null : Number(value.toPrecision(2)));

/** Who saw it, from where its owner stands. */
const modeOf = (evidence: Evidence, owner: Owner | null, context: Context): string => {
  if (context.scope.realm !== "") return "internal";
  const country = owner?.country ?? context.home;
  const places = context.sensors.filter(({ name }) => evidence.sensors[name] !== undefined).map((one) => one.country);
  if (country === null || places.includes(null)) return "outbound";
  const [own, abroad] = [places.includes(country), places.some((place) => place !== country)];
  return own && abroad ? "outbound, seen at home and abroad" : own ? "outbound, seen at home" : "outbound, seen abroad";
};

const evidenceOf = (
  entry: Entry,
  owner: Owner | null,
  reason: string,
  context: Context,
): Readonly<Record<string, unknown>> => {
  const { evidence } = entry;
  const differ = disagreement(evidence, context.sensors);
  const ttls = Object.values(evidence.sensors).flatMap(({ ttls: seen, low, high }) => [...seen, low, high]);
  return {
    rule: entry.rule,
    reason,
    accepted: entry.accepted,
    mode: modeOf(evidence, owner, context),
    network: owner?.network ?? null,
    translation: owner?.translation ?? null,
    ports: Object.fromEntries(topPorts(evidence)),
    port_count: portCount(evidence),
    ports_in_a_day: evidence.widest,
    marks: { mirai: evidence.mirai, zmap: evidence.zmap, masscan: evidence.masscan, stateless: evidence.stateless },
    spoof: Object.fromEntries(
      spoofReasons.map((name, i) => [name, evidence.spoof[i]!] as const).filter(([, n]) => n > 0),
    ),
    spoof_dominant: dominantSpoof(evidence),
    ttl: [Math.min(...ttls), Math.max(...ttls)],
    implied_rate: rounded(impliedRate(evidence, darkAddresses(context.sensors))),
    signatures: Object.entries(evidence.signatures)
      .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
      .map(([hex]) => formatSignature(...signatureWords(hex))),
    packets_by_sensor: Object.fromEntries(
      Object.entries(evidence.sensors)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, { packets }]) => [name, packets]),
    ),
    agreement: differ === null ? null : { expected: rounded(differ.expected), seen: differ.seen },
    // What `one-way` and `path-differs` rest on; where a sensor saw many distances it tells of none.
    hops: Object.fromEntries(waysOf(evidence).map(({ sensor, hops }) => [sensor, hops])),
    where_neighbours_are:
      entry.likeness === undefined ? null : { log_likelihood: entry.likeness, by_sensors: entry.ways ?? null },
  };
};

export const detectionOf = (
  address: string,
  entry: Entry,
  finding: Finding,
  held: readonly HoldReason[],
  owner: Owner | null,
  context: Context,
): Detection => {
  const { evidence } = entry;
  const { kind, family, confidence, reason } = finding;
  const [port] = topPorts(evidence, 1)[0] ?? [];
  const [number, protocol] = port?.includes("/") ? port.split("/") : [undefined, port];
  return {
    id: detectionId({ detector: NAME, kind, ...context.scope, subject: address, opening: evidence.first }),
    detector: NAME,
    version: VERSION,
    kind,
    ...context.scope,
    source: address,
    protocol: protocol ?? null,
    port: number === undefined ? null : Number(number),
    first: evidence.first,
    last: evidence.last,
    packets: evidence.packets,
    darkAddresses: darkOf(evidence),
    sensors: Object.keys(evidence.sensors).sort(),
    confidence,
    family,
    held,
    evidence: evidenceOf(entry, owner, reason, context),
    samples: samplesOf(evidence),
  };
};

/** A first packet from a network of the constituency, for analysts alone. It tells of that packet and does not change. */
export const sightingOf = (address: string, entry: Entry, owner: Owner | null, context: Context): Detection => {
  const { evidence } = entry;
  const { first } = evidence;
  const sample = evidence.early[0];
  return {
    id: detectionId({ detector: NAME, kind: "sighting", ...context.scope, subject: address, opening: first }),
    detector: NAME,
    version: VERSION,
    kind: "sighting",
    ...context.scope,
    source: address,
    protocol: null,
    port: sample?.port ?? null,
    first,
    last: first,
    packets: 1,
    darkAddresses: 1,
    sensors: Object.keys(evidence.sensors).slice(0, 1),
    confidence: 0.1,
    family: null,
    held: [],
    evidence: { network: owner?.network ?? null },
    samples: sample === undefined ? [] : [sample],
  };
};

export const stormOf = (minute: number, sources: number, networks: number, context: Context): Detection => ({
  id: detectionId({ detector: NAME, kind: "sighting", ...context.scope, subject: "storm", opening: minute }),
  detector: NAME,
  version: VERSION,
  kind: "sighting",
  ...context.scope,
  source: null,
  protocol: null,
  port: null,
  first: minute,
  last: minute + MINUTE - 1,
  packets: sources,
  darkAddresses: 0,
  sensors: [],
  confidence: 0.1,
  family: null,
  held: [],
  evidence: { storm: true, sources, organisations: networks },
  samples: [],
});
