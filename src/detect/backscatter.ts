// SPDX-License-Identifier: Apache-2.0
import { CLASS, protocolName, protocols } from "../model/traffic.ts";
import { WINDOW, startOf } from "./rows.ts";
import type { Seen } from "./rows.ts";
import { addRow, noTokens } from "./tokens.ts";
import type { Distinct } from "./tokens.ts";

/** Stretches of ten seconds in a minute: what Corsaro's window of 60 s that slides by 10 s holds. */
const BINS = 6;
const PORTS = 24;
/** Dark addresses counted exactly: those of a few small sensors. */
const EXACT = 1_024;

/** What came back from one attacked host, in one vector (an attack without a long pause). All of it adds up over rows. JSON. */
export interface Vector {
  first: number;
  last: number;
  packets: number;
  dark: Distinct;
  /** Packets by sensor. */
  sensors: Record<string, number>;
  /** Packets by class. */
  classes: Record<string, number>;
  /** Packets by attacked port, the first 24 in the order seen; `others` to further ones. */
  ports: Record<string, number>;
  others: number;
  /** The newest stretches of ten seconds with packets: start and packets, oldest first. */
  bins: [number, number][];
  /** The most packets of a minute (six stretches of ten seconds in a row). */
  peak: number;
  mismatches: number;
  /** Where the first reply of an attacked port in each ten seconds was sent to: how many were looked at (64 at most), and the distinct ports. */
  drawn: number;
  targets: number[];
  /** Attacked ports of which the present ten seconds have one. */
  window: number;
  sampled: string[];
}

export const emptyVector = (first: number): Vector => ({
  first,
  last: first,
  packets: 0,
  dark: noTokens(),
  sensors: {},
  classes: {},
  ports: {},
  others: 0,
  bins: [],
  peak: 0,
  mismatches: 0,
  drawn: 0,
  targets: [],
  window: -1,
  sampled: [],
});

const addBin = (vector: Vector, row: Seen): void => {
  const start = startOf(row.first, WINDOW);
  const newest = vector.bins.at(-1);
  if (newest !== undefined && newest[0] === start) newest[1] += row.packets;
  else vector.bins.push([start, row.packets]);
  vector.bins = vector.bins.filter(([bin]) => bin > start - BINS * WINDOW);
  vector.peak = Math.max(
    vector.peak,
    vector.bins.reduce((sum, [, packets]) => sum + packets, 0),
  );
};

/** Replies looked at: enough to know. */
const DRAWN = 64;
const addTarget = (vector: Vector, { first, sensor, protocol, samplePort }: Seen, port: string): void => {
  if (samplePort === null || protocol !== protocols.tcp || vector.drawn >= DRAWN) return;
  const window = startOf(first, WINDOW);
  if (window !== vector.window) {
    vector.window = window;
    vector.sampled = [];
  }
  // The first reply of a port in ten seconds is the same packet whatever the flow interval was.
  const key = `${sensor} ${port}`;
  if (vector.sampled.length >= 64 || vector.sampled.includes(key)) return;
  vector.sampled.push(key);
  vector.drawn++;
  if (!vector.targets.includes(samplePort)) vector.targets.push(samplePort);
};

/** The port that was attacked: the replies' source port (which is the first packet's where a row is by destination port), or the one in the packet that an ICMP error quotes. */
const portOf = ({ class: code, port, samplePort, protocol, innerPort, innerProtocol }: Seen): string => {
  const own = code === CLASS.udp ? samplePort : port;
  const [number, kind] = innerProtocol === null ? [own, protocol] : [innerPort, innerProtocol];
  return number === null ? protocolName(kind) : `${number}/${protocolName(kind)}`;
};

/** Adds one row of backscatter; rows come in order of time. */
export const addReply = (vector: Vector, row: Seen, className: string): void => {
  const n = row.packets;
  vector.first = Math.min(vector.first, row.first);
  vector.last = Math.max(vector.last, row.last);
  vector.packets += n;
  addRow(vector.dark, row.tokens, row.registers, EXACT);
  vector.sensors[row.sensor] = (vector.sensors[row.sensor] ?? 0) + n;
  vector.classes[className] = (vector.classes[className] ?? 0) + n;
  const port = portOf(row);
  if (vector.ports[port] !== undefined || Object.keys(vector.ports).length < PORTS) {
    vector.ports[port] = (vector.ports[port] ?? 0) + n;
  } else vector.others += n;
  addBin(vector, row);
  vector.mismatches += row.mismatches;
  addTarget(vector, row, port);
};
