// SPDX-License-Identifier: Apache-2.0
import { inSpan, micros } from "./detector.ts";
import type { Question, Rows, Span } from "./detector.ts";
import { DAY, engineAddress } from "./rows.ts";

const MINUTE = 60e6;
/** Hosts named in a question. */
const NAMED = 5_000;

/**
 * Where what hosts did at a time began: behind the last pause of `idle` before it, or with the oldest row there is. It is looked back a day or two, and
 * twice as far each time for those who made no pause. Rows never cross a minute, so those of one hold no pause.
 */
function* lookBack(
  column: "src" | "victim",
  where: string,
  idle: number,
  hosts: readonly string[],
  time: number,
): Generator<Question, Map<string, number>, Rows> {
  const begun = new Map(hosts.map((key) => [key, time]));
  for (let at = 0; at < hosts.length; at += NAMED) {
    let open = hosts.slice(at, at + NAMED);
    let to = time;
    for (let length = Math.max(DAY, 2 * idle); open.length > 0 && to > 0; length *= 2) {
      const from = Math.max(0, to - length);
      const rows = yield {
        sql: `SELECT hex(${column}) AS k, ${micros("min(first_seen)")} AS f, ${micros("max(last_seen)")} AS l FROM flows WHERE ${inSpan} AND ${where} AND ${column} IN {hosts:Array(IPv6)} GROUP BY ${column}, intDiv(${micros("first_seen")}, ${MINUTE}) ORDER BY f DESC`,
        parameters: { hosts: open.map(engineAddress), from, to },
      };
      for (const row of rows) {
        const key = row["k"] as string;
        if (begun.get(key)! - (row["l"] as number) <= idle) begun.set(key, row["f"] as number);
      }
      open = open.filter((key) => begun.get(key)! - from <= idle);
      to = from;
    }
  }
  return begun;
}

/**
 * From where each of these hosts is made anew, for rows in the span came late or left: where it is known to have begun (`firstOf`), and else where it is seen to
 * have. What is known says no more where rows came from before it.
 */
export function* beginnings(
  column: "src" | "victim",
  where: string,
  idle: number,
  hosts: ReadonlySet<string>,
  { from, withdrawn }: Span,
  firstOf: (host: string) => number | undefined,
): Generator<Question, Map<string, number>, Rows> {
  const begun = new Map<string, number>();
  for (const host of hosts) {
    const first = firstOf(host);
    if (first !== undefined && (first <= from || withdrawn !== undefined)) begun.set(host, first);
  }
  const others = [...hosts].filter((host) => !begun.has(host)).sort();
  for (const [host, first] of yield* lookBack(column, where, idle, others, from)) begun.set(host, first);
  return begun;
}
