// SPDX-License-Identifier: Apache-2.0
import { formatIp } from "../net/ip.ts";
import type { IpWords } from "../net/ip.ts";
import { inSpan, micros } from "./detector.ts";
import type { Question, Row } from "./detector.ts";

/** Rows never cross a multiple of this, microseconds: what is counted by it does not depend on flow intervals. */
export const WINDOW = 10e6;
export const HOUR = 3_600e6;
export const DAY = 86_400e6;
/** The start of the stretch of this length that a time lies in. */
export const startOf = (time: number, length: number): number => time - (time % length);

/** A flow row, as detectors read it. */
export interface Seen {
  /** The host the row is about (source, or victim of backscatter) as 32 hexadecimal digits. */
  readonly key: string;
  readonly sensor: string;
  readonly first: number;
  readonly last: number;
  readonly protocol: number;
  readonly port: number | null;
  /** Code of model/traffic.ts. */
  readonly class: number;
  readonly packets: number;
  readonly tokens: readonly number[];
  readonly registers: string;
  readonly ttlMin: number;
  readonly ttlMax: number;
  readonly mirai: number;
  readonly zmap: number;
  readonly masscan: number;
  readonly stateless: number;
  /** In the order of `spoofReasons`. */
  readonly spoof: readonly number[];
  /** 16 hexadecimal digits. */
  readonly signature: string | null;
  /** The first packet's source port, of SYN-ACK and RST its destination port; null without ports. */
  readonly samplePort: number | null;
  readonly mismatches: number;
  /** ICMP errors: of the quoted packet. */
  readonly innerProtocol: number | null;
  readonly innerPort: number | null;
}

/** Columns of what hosts sent, and of what came back from them: who asks for a minute of either need not carry the rest. */
const common = (key: string): string =>
  `SELECT hex(${key}) AS k, sensor AS n, ${micros("first_seen")} AS f, ${micros("last_seen")} AS l, protocol AS o, dst_port AS d, CAST(class, 'Int8') AS c, packets AS p, ` +
  "dst_tokens AS t, hex(dst_registers) AS r, if(empty(sample_ports), NULL, sample_ports[1]) AS e";
const columns = {
  src:
    `${common("src")}, ttl_min AS tl, ttl_max AS th, mirai AS m, zmap AS z, masscan AS q, stateless AS s, ` +
    "[spoof_protocol, spoof_ttl, spoof_fragment, spoof_last_octet, spoof_same, spoof_port_zero, spoof_udp_80] AS x, hex(signature) AS g FROM flows",
  victim: `${common("victim")}, icmp_mismatches AS i, inner_protocol AS ip, inner_port AS io FROM flows`,
} as const;
export type Side = keyof typeof columns;

const none: readonly number[] = [];
const seenOf = (row: Row): Seen => ({
  key: row["k"] as string,
  sensor: row["n"] as string,
  first: row["f"] as number,
  last: row["l"] as number,
  protocol: row["o"] as number,
  port: row["d"] as number | null,
  class: row["c"] as number,
  packets: row["p"] as number,
  tokens: row["t"] as number[],
  registers: row["r"] as string,
  ttlMin: (row["tl"] as number | undefined) ?? 0,
  ttlMax: (row["th"] as number | undefined) ?? 0,
  mirai: (row["m"] as number | undefined) ?? 0,
  zmap: (row["z"] as number | undefined) ?? 0,
  masscan: (row["q"] as number | undefined) ?? 0,
  stateless: (row["s"] as number | undefined) ?? 0,
  spoof: (row["x"] as number[] | undefined) ?? none,
  signature: (row["g"] as string | null | undefined) ?? null,
  samplePort: row["e"] as number | null,
  mismatches: (row["i"] as number | undefined) ?? 0,
  innerProtocol: (row["ip"] as number | null | undefined) ?? null,
  innerPort: (row["io"] as number | null | undefined) ?? null,
});

const text = (a: string | null, b: string | null): number =>
  a === b ? 0 : a === null ? -1 : b === null ? 1 : a < b ? -1 : 1;
/** One order for the same rows, however the engine gave them. */
const inOrder = (a: Seen, b: Seen): number =>
  a.first - b.first ||
  text(a.sensor, b.sensor) ||
  a.protocol - b.protocol ||
  (a.port ?? -1) - (b.port ?? -1) ||
  a.class - b.class ||
  text(a.signature, b.signature) ||
  a.last - b.last ||
  a.packets - b.packets ||
  a.tokens.length - b.tokens.length;

/** Rows by the host they are about, each host's in order of time; hosts in order of their address. A host's rows are made as it comes to them. */
export function* byHost(rows: readonly Row[]): Generator<[string, Seen[]]> {
  const found = new Map<string, Row[]>();
  for (const row of rows) {
    const key = row["k"] as string;
    const list = found.get(key);
    if (list === undefined) found.set(key, [row]);
    else list.push(row);
  }
  for (const key of [...found.keys()].sort()) yield [key, found.get(key)!.map(seenOf).sort(inOrder)];
}

export const wordsOf = (key: string): IpWords => [
  Number.parseInt(key.slice(0, 8), 16),
  Number.parseInt(key.slice(8, 16), 16),
  Number.parseInt(key.slice(16, 24), 16),
  Number.parseInt(key.slice(24, 32), 16),
];
/** Whether these 32 digits are an IPv4 address. */
export const isV4 = (key: string): boolean => /^0{20}ffff/i.test(key);
export const addressOf = (key: string): string => formatIp(wordsOf(key));
/** The address in the engine's own form, as a parameter takes it. */
export const engineAddress = (key: string): string => key.match(/.{4}/g)!.join(":").toLowerCase();

/** Every host with rows in the span, as one text of 32 digits each: the cheapest form to bring over. */
export const hostsIn = (column: string, where: string): Question => ({
  sql: `SELECT arrayStringConcat(arrayMap(x -> hex(x), groupUniqArray(${column}))) AS hosts FROM flows WHERE ${inSpan} AND ${where}`,
});
export const hostsOf = (rows: readonly Row[]): string[] =>
  (rows[0]?.["hosts"] as string | undefined)?.match(/.{32}/g) ?? [];

/** All rows of the span, or of these hosts. Of backscatter (`victim`) without what says something of a sender alone, and the other way about. */
export const rowsIn = (column: Side, where: string, hosts: readonly string[] | null = null): Question => ({
  sql: `${columns[column]} WHERE ${inSpan} AND ${where}${hosts === null ? "" : ` AND ${column} IN {hosts:Array(IPv6)}`}`,
  ...(hosts === null ? {} : { parameters: { hosts: hosts.map(engineAddress) } }),
});
/** Rows of these hosts in a time of their own. */
export const rowsOf = (column: Side, where: string, hosts: readonly string[], from: number, to: number): Question => ({
  sql: `${columns[column]} WHERE ${inSpan} AND ${where} AND ${column} IN {hosts:Array(IPv6)}`,
  parameters: { hosts: hosts.map(engineAddress), from, to },
});
