// SPDX-License-Identifier: Apache-2.0
import type { Vector } from "./backscatter.ts";
import { inSpan } from "./detector.ts";
import type { Question, Rows } from "./detector.ts";
import { engineAddress } from "./rows.ts";

/*
 * What is asked of attacked hosts beside their replies: when there were enough of them, and what the hosts sent of their own will.
 */

export const REPLY = "victim IS NOT NULL";
const SENT = "class IN ('tcp-syn', 'udp', 'icmp-echo-request') AND victim IS NULL";
const MINUTE = 60e6;

/** Clock minutes in which a host had enough replies to be looked at, in order: of all hosts in the span, or of these in a time. */
export function* triggers(
  least: number,
  among?: { readonly hosts: readonly string[]; readonly from: number; readonly to: number },
): Generator<Question, Map<string, number[]>, Rows> {
  const found = new Map<string, number[]>();
  const named = among === undefined ? "" : " AND victim IN {hosts:Array(IPv6)}";
  const rows = yield {
    sql: `SELECT hex(victim) AS k, intDiv(toUnixTimestamp64Micro(first_seen), 60000000) AS m, sum(packets) AS n FROM flows WHERE ${inSpan} AND ${REPLY}${named} GROUP BY victim, m HAVING n >= {trigger:UInt32}`,
    parameters: {
      trigger: least,
      ...(among === undefined ? {} : { ...among, hosts: among.hosts.map(engineAddress) }),
    },
  };
  for (const row of rows) {
    const key = row["k"] as string;
    const minutes = found.get(key);
    if (minutes === undefined) found.set(key, [(row["m"] as number) * MINUTE]);
    else minutes.push((row["m"] as number) * MINUTE);
  }
  for (const minutes of found.values()) minutes.sort((a, b) => a - b);
  return found;
}

/** Which of these hosts sent as much of their own will as came back from them: scanners, not victims. */
export function* scanners(candidates: readonly (readonly [string, Vector])[]): Generator<Question, Set<string>, Rows> {
  const found = new Set<string>();
  if (candidates.length === 0) return found;
  const from = candidates.reduce((least, [, { first }]) => Math.min(least, first), Infinity);
  const to = candidates.reduce((most, [, { last }]) => Math.max(most, last), 0) + 1;
  const rows = yield {
    sql: `SELECT hex(src) AS k, toUnixTimestamp64Micro(first_seen) AS f, packets AS n FROM flows WHERE ${inSpan} AND ${SENT} AND src IN {hosts:Array(IPv6)}`,
    parameters: { hosts: candidates.map(([key]) => engineAddress(key)), from, to },
  };
  const vectors = new Map(candidates);
  const sums = new Map<string, number>();
  for (const row of rows) {
    const key = row["k"] as string;
    const vector = vectors.get(key);
    const first = row["f"] as number;
    if (vector === undefined || first < vector.first || first > vector.last) continue;
    sums.set(key, (sums.get(key) ?? 0) + (row["n"] as number));
  }
  for (const [key, sent] of sums) if (sent * 2 >= vectors.get(key)!.packets) found.add(key);
  return found;
}
