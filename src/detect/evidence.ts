// SPDX-License-Identifier: Apache-2.0
import type { Sample } from "../model/detection.ts";
import { CLASS, protocolName } from "../model/traffic.ts";
import { DAY, HOUR, WINDOW, isV4, startOf } from "./rows.ts";
import type { Seen } from "./rows.ts";
import { addRow, countOf, noTokens } from "./tokens.ts";
import type { Distinct } from "./tokens.ts";

const SAMPLES = 16;
const PORTS = 24;
const DAY_PORTS = 24;
const SIGNATURES = 4;
const TTLS = 12;

/** What one sensor saw of a source. */
export interface SensorSight {
  packets: number;
  /** Smallest and largest TTL of each stretch of ten seconds, distinct, in the order seen; without the newest stretch. */
  ttls: number[];
  window: number;
  low: number;
  high: number;
}

/** What a source did in one episode: all of it adds up over rows, whatever their length. JSON. */
export interface Evidence {
  /** The source has an IPv6 address. */
  v6?: true;
  first: number;
  last: number;
  packets: number;
  syn: number;
  udp: number;
  echo: number;
  dark: Distinct;
  sensors: Record<string, SensorSight>;
  /** Packets by `6/23`, the first 24 ports in the order seen. */
  ports: Record<string, number>;
  /** Packets to further ports. */
  others: number;
  day: number;
  /** Distinct ports of `day`, up to 24. */
  dayPorts: string[];
  /** The most ports of one calendar day (UTC), counted to 24. */
  widest: number;
  mirai: number;
  zmap: number;
  masscan: number;
  stateless: number;
  spoof: number[];
  /** SYNs by signature, the first four. */
  signatures: Record<string, number>;
  hour: number;
  hourPackets: number;
  /** The most packets of one clock hour. */
  busiest: number;
  early: Sample[];
  late: Sample[];
  window: number;
  /** Ports of which the present ten seconds have a sample. */
  sampled: string[];
}

const emptyEvidence = ({ key, first }: Seen): Evidence => ({
  ...(isV4(key) ? {} : { v6: true }),
  first,
  last: first,
  packets: 0,
  syn: 0,
  udp: 0,
  echo: 0,
  dark: noTokens(),
  sensors: {},
  ports: {},
  others: 0,
  day: -1,
  dayPorts: [],
  widest: 0,
  mirai: 0,
  zmap: 0,
  masscan: 0,
  stateless: 0,
  spoof: [0, 0, 0, 0, 0, 0, 0],
  signatures: {},
  hour: -1,
  hourPackets: 0,
  busiest: 0,
  early: [],
  late: [],
  window: -1,
  sampled: [],
});

const noteTtl = (into: number[], ttl: number): void => {
  if (into.length < TTLS && !into.includes(ttl)) into.push(ttl);
};
const sightOf = (evidence: Evidence, sensor: string): SensorSight =>
  (evidence.sensors[sensor] ??= { packets: 0, ttls: [], window: -1, low: 255, high: 0 });

/** Distinct TTLs that a sensor saw: the ends of each ten seconds, the newest included. */
export const ttlsOf = ({ ttls, window, low, high }: SensorSight): number[] => {
  const all = [...ttls];
  if (window >= 0) for (const ttl of [low, high]) noteTtl(all, ttl);
  return all;
};

/** A clock error that the caller knows of a sensor, microseconds. */
export type ErrorOf = (sensor: string) => number | null;

/** Of the packets of an episode the first 16 and the last 16 are kept. */
export const keepSample = ({ early, late }: Pick<Evidence, "early" | "late">, sample: Sample): void => {
  if (early.length < SAMPLES) early.push(sample);
  else {
    late.push(sample);
    if (late.length > SAMPLES) late.shift();
  }
};
const addSample = (evidence: Evidence, row: Seen, port: string, errorOf: ErrorOf): void => {
  if (row.samplePort === null) return;
  const window = startOf(row.first, WINDOW);
  if (window !== evidence.window) {
    evidence.window = window;
    evidence.sampled = [];
  }
  // The first packet of a port in ten seconds is the same packet whatever the flow interval was.
  const key = `${row.sensor} ${port}`;
  if (evidence.sampled.length >= 64 || evidence.sampled.includes(key)) return;
  evidence.sampled.push(key);
  const sample = { time: row.first, error: errorOf(row.sensor), sourcePort: row.samplePort, port: row.port };
  keepSample(evidence, sample);
};

/** Adds one row; rows come in order of time. */
export const addSeen = (before: Evidence | undefined, row: Seen, errorOf: ErrorOf): Evidence => {
  const evidence = before ?? emptyEvidence(row);
  const n = row.packets;
  evidence.first = Math.min(evidence.first, row.first);
  evidence.last = Math.max(evidence.last, row.last);
  evidence.packets += n;
  if (row.class === CLASS["tcp-syn"]) evidence.syn += n;
  else if (row.class === CLASS.udp) evidence.udp += n;
  else evidence.echo += n;
  addRow(evidence.dark, row.tokens, row.registers);

  const sight = sightOf(evidence, row.sensor);
  sight.packets += n;
  const window = startOf(row.first, WINDOW);
  if (window !== sight.window) {
    if (sight.window >= 0) for (const ttl of [sight.low, sight.high]) noteTtl(sight.ttls, ttl);
    Object.assign(sight, { window, low: row.ttlMin, high: row.ttlMax });
  } else {
    sight.low = Math.min(sight.low, row.ttlMin);
    sight.high = Math.max(sight.high, row.ttlMax);
  }

  const port = row.port === null ? protocolName(row.protocol) : `${row.port}/${protocolName(row.protocol)}`;
  if (evidence.ports[port] !== undefined || Object.keys(evidence.ports).length < PORTS) {
    evidence.ports[port] = (evidence.ports[port] ?? 0) + n;
  } else evidence.others += n;
  const day = startOf(row.first, DAY);
  if (day !== evidence.day) {
    evidence.day = day;
    evidence.dayPorts = [];
  }
  if (evidence.dayPorts.length < DAY_PORTS && !evidence.dayPorts.includes(port)) evidence.dayPorts.push(port);
  evidence.widest = Math.max(evidence.widest, evidence.dayPorts.length);

  const hour = startOf(row.first, HOUR);
  if (hour !== evidence.hour) {
    evidence.hour = hour;
    evidence.hourPackets = 0;
  }
  evidence.hourPackets += n;
  evidence.busiest = Math.max(evidence.busiest, evidence.hourPackets);

  evidence.mirai += row.mirai;
  evidence.zmap += row.zmap;
  evidence.masscan += row.masscan;
  evidence.stateless += row.stateless;
  for (const [i, count] of row.spoof.entries()) evidence.spoof[i]! += count;
  const { signature } = row;
  if (
    signature !== null &&
    (evidence.signatures[signature] !== undefined || Object.keys(evidence.signatures).length < SIGNATURES)
  ) {
    evidence.signatures[signature] = (evidence.signatures[signature] ?? 0) + n;
  }
  addSample(evidence, row, port, errorOf);
  return evidence;
};

export const darkOf = (evidence: Evidence): number => countOf(evidence.dark);
/** Distinct ports of the whole episode, counted to 24 and one more. */
export const portCount = ({ ports, others }: Evidence): number => Object.keys(ports).length + (others > 0 ? 1 : 0);
/** Mirai's mark is on half of the SYNs, and they are half of the packets. */
export const isMirai = ({ mirai, syn, packets }: Evidence): boolean =>
  mirai >= 2 && mirai * 2 >= syn && syn * 2 >= packets;
/** Ports with packets, most first. */
export const topPorts = ({ ports }: Evidence, most = 10): [string, number][] =>
  Object.entries(ports)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, most);
export const samplesOf = ({ early, late }: Pick<Evidence, "early" | "late">): Sample[] => [...early, ...late];
