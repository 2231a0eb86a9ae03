// SPDX-License-Identifier: Apache-2.0
import type { Context, Ledger, Span } from "./detector.ts";
import { sightingOf, stormOf } from "./infected-claim.ts";
import { IDLE } from "./infected-entry.ts";
import type { Entry } from "./infected-entry.ts";
import { ownerNow } from "./infected-judge.ts";
import type { Judged } from "./infected-judge.ts";
import { infectedValues as P } from "./infected-rule.ts";
import { addressOf, startOf } from "./rows.ts";

const MINUTE = 60e6;

/** Sources by the minute in which they began, of minutes that are not over: to look for them in the ledger would read all of it every minute. */
export type Begun = Map<number, Set<string>>;
const begunIn = new WeakMap<Ledger, Begun>();
export const noteBegun = (begun: Begun, key: string, time: number): void => {
  const minute = startOf(time, MINUTE);
  const keys = begun.get(minute);
  if (keys === undefined) begun.set(minute, new Set([key]));
  else keys.add(key);
};
export const begunOf = (ledger: Ledger, position: number): Begun => {
  const known = begunIn.get(ledger);
  if (known !== undefined) return known;
  const begun: Begun = new Map();
  for (const [key, value] of ledger.entries()) {
    const { first } = (value as Entry).evidence;
    if (first >= startOf(position, MINUTE)) noteBegun(begun, key, first);
  }
  begunIn.set(ledger, begun);
  return begun;
};
/** Takes the sources that began in the minutes of a span that are over, each minute's in order. */
export const takeBegun = (begun: Begun, span: Span, ledger: Ledger): Map<number, string[]> => {
  const found = new Map<number, string[]>();
  for (let minute = startOf(span.from, MINUTE); minute + MINUTE <= span.to; minute += MINUTE) {
    const began = (key: string): boolean => {
      const entry = ledger.get(key) as Entry | undefined;
      return entry !== undefined && startOf(entry.evidence.first, MINUTE) === minute;
    };
    found.set(minute, [...(begun.get(minute) ?? [])].filter(began).sort());
  }
  for (const minute of begun.keys()) if (minute + MINUTE <= span.to) begun.delete(minute);
  return found;
};

/** Sources that began in these minutes. */
export const beganIn = (minutes: ReadonlySet<number>, { ledger }: Context): Map<number, string[]> => {
  const began = new Map<number, string[]>();
  if (minutes.size === 0) return began;
  for (const minute of minutes) began.set(minute, []);
  for (const [key, value] of ledger.entries()) {
    began.get(startOf((value as Entry).evidence.first, MINUTE))?.push(key);
  }
  for (const keys of began.values()) keys.sort();
  return began;
};

/** Sightings of the sources that began in a minute that is over. */
export const sight = (began: ReadonlyMap<number, readonly string[]>, context: Context, into: Judged): void => {
  const { ledger } = context;
  for (const [minute, keys] of [...began].sort(([a], [b]) => a - b)) {
    const storm = keys.length > P.storm;
    into.complete.push({ kinds: ["sighting"], source: null, since: minute, until: minute + MINUTE });
    if (storm) {
      const organisations = new Set(keys.map((key) => (ledger.get(key) as Entry).organisation));
      into.detections.push(stormOf(minute, keys.length, organisations.size, context));
    }
    for (const key of keys) {
      const entry = ledger.get(key) as Entry;
      const { claim, evidence } = entry;
      if (storm !== (entry.storm === true)) {
        if (storm) entry.storm = true;
        else delete entry.storm;
        ledger.set(key, entry);
      }
      if (claim !== null && claim !== "none") continue;
      const address = addressOf(key);
      into.complete.push({ kinds: ["sighting"], source: address, since: evidence.first - IDLE / 2, until: Infinity });
      if (!storm) into.detections.push(sightingOf(address, entry, ownerNow(key, entry, context), context));
    }
  }
};
