// SPDX-License-Identifier: Apache-2.0
import { isBogon } from "../net/bogons.ts";
import type { Context } from "./detector.ts";
import type { ErrorOf } from "./evidence.ts";
import { hostsIn, hostsOf, wordsOf } from "./rows.ts";

/** What a host sends of its own will; replies and strays of broken connections say nothing of it. */
export const SENT = "class IN ('tcp-syn', 'udp', 'icmp-echo-request') AND victim IS NULL";
/** More hosts than this are not named in one question. */
export const NAMED = 5_000;

/** Of the hosts, those of the constituency: with the organisation, "" where the economy is ours and nobody has claimed it. */
export function* candidates(
  context: Context,
  time: number,
): Generator<ReturnType<typeof hostsIn>, Map<string, string>, readonly Readonly<Record<string, unknown>>[]> {
  const { owners, scope, home } = context;
  const found = new Map<string, string>();
  // Where every destination is taken for dark, nobody is accused.
  if (context.sensors.every((sensor) => sensor.blind)) return found;
  if (owners.count > 0) {
    for (const key of hostsOf(yield hostsIn("src", SENT))) {
      const words = wordsOf(key);
      const owner = owners.ownerAt(scope.realm, words, 0, time);
      if (owner !== null && (scope.realm !== "" || !isBogon(words))) found.set(key, owner.organisation);
    }
  }
  if (home !== null && scope.realm === "") {
    const { sql } = hostsIn("src", `${SENT} AND src_cc = {home:String}`);
    for (const key of hostsOf(yield { sql, parameters: { home } })) if (!found.has(key)) found.set(key, "");
  }
  return found;
}

export const errorsOf =
  ({ sensors }: Context): ErrorOf =>
  (name) =>
    sensors.find((sensor) => sensor.name === name)?.clockError ?? null;
