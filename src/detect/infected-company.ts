// SPDX-License-Identifier: Apache-2.0
import type { Context } from "./detector.ts";
import type { Entry } from "./infected-entry.ts";
import { likenAgain } from "./infected-index.ts";
import type { Index, Place } from "./infected-index.ts";
import { isCrowd, isDoubtful, isOneWay, isStrangeCrowd, infectedValues as P } from "./infected-rule.ts";
import type { Company, Doubts } from "./infected-rule.ts";
import { AROUND } from "./onsets.ts";
import { DAY, HOUR, startOf } from "./rows.ts";
import { isAlike, waysOf } from "./ways.ts";
import type { Way, WayCompany } from "./ways.ts";

const MINUTE = 60e6;

const verdicts = new WeakMap<WayCompany, boolean>();
/** Whether too many began like this within a day of a time. */
const isThronged = (way: Way, time: number, { ways }: Index): boolean => {
  const company = ways.company(way, time);
  let verdict = verdicts.get(company);
  if (verdict === undefined) verdicts.set(company, (verdict = isOneWay(company)));
  return verdict;
};

/** Whether one asks who began like it: until the hour is over in which a day has passed since its first packet, as long as what came before it is known whole. */
const isRecent = (first: number, now: number): boolean => now <= startOf(first + DAY + HOUR - 1, HOUR);
/** Whether most that began like this source came from where it is: at the sensor that saw it most of those to which it came by one way, or at most of all that saw it. */
const isOfThrong = ({ evidence }: Entry, ways: readonly Way[], index: Index): boolean => {
  const alike = ways.map((way) => isThronged(way, evidence.first, index));
  return alike[0] === true || alike.filter(Boolean).length * 2 > Object.keys(evidence.sensors).length;
};
/** Whether a source is not where its neighbours are: by far, or perhaps, and in the company of many of its tool that are not. */
const isStranger = (entry: Entry, [way]: readonly Way[], { crowds }: Index): boolean =>
  way !== undefined &&
  ((entry.likeness !== undefined && entry.likeness <= P.far) ||
    (isDoubtful(entry) && isStrangeCrowd(crowds.around(way.tool, entry.evidence.first))));

/**
 * What speaks against a source now, or did at the end of an hour: at another moment it may be chance that so many are alike, and when one looks must not show in what is
 * found. Inside a member's own network everybody is near.
 */
export const doubtsOf = (key: string, entry: Entry, now: number, index: Index, { scope, ledger }: Context): Doubts => {
  const stays = { oneWay: entry.oneWay === true, stranger: entry.stranger === true };
  if (scope.realm !== "" || !isRecent(entry.evidence.first, now)) return stays;
  const ways = waysOf(entry.evidence);
  const doubts = {
    oneWay: stays.oneWay || isOfThrong(entry, ways, index),
    stranger: stays.stranger || isStranger(entry, ways, index),
  };
  if (now % HOUR === 0 && (doubts.oneWay !== stays.oneWay || doubts.stranger !== stays.stranger)) {
    if (doubts.oneWay) entry.oneWay = true;
    if (doubts.stranger) entry.stranger = true;
    ledger.set(key, entry);
  }
  return doubts;
};
/** An hour is over: who is judged once more, by all that is known of the others by then. */
export const atHour = (now: number, index: Index, context: Context): string[] => {
  const found: string[] = [];
  for (const [key, value] of context.ledger.entries()) {
    const entry = value as Entry;
    const { first, hour } = entry.evidence;
    const seen = hour >= now - HOUR;
    if (seen) likenAgain(index, key, entry, context);
    if (entry.accepted !== null && (seen || isRecent(first, now))) found.push(key);
  }
  return found;
};

export const companyAt = (organisation: string, time: number, index: Index, context: Context): Company => {
  // Where the sensors, or we, have just begun, everybody seems to begin.
  const since = Math.max(index.began, Math.min(...context.sensors.map((sensor) => sensor.since)));
  return {
    together: index.onsets.countAround(organisation, time),
    fast: time - since < HOUR ? 0 : index.fast.countAround(organisation, time),
    usual: index.onsets.usual(organisation, time, since),
  };
};

/** Minutes around these, each once. */
const minutesAround = function* (places: Iterable<readonly [string, number]>): Generator<[string, string, number]> {
  const seen = new Set<string>();
  for (const [organisation, first] of places) {
    const middle = Math.floor(first / MINUTE);
    if (seen.has(`${organisation} ${middle}`)) continue;
    seen.add(`${organisation} ${middle}`);
    for (let minute = middle - AROUND; minute <= middle + AROUND; minute++) {
      yield [`${organisation} ${minute}`, organisation, minute * MINUTE];
    }
  }
};
/** Adds who began in this minute and is still known. */
const addAt = (
  found: Set<string>,
  organisation: string,
  time: number,
  { onsets, fast }: Index,
  { ledger }: Context,
): void => {
  for (const onset of [onsets, fast]) {
    for (const key of onset.at(organisation, time)) if (ledger.get(key) !== undefined) found.add(key);
  }
};

/** Sources beside which a crowd has grown since: what may be told of them is judged anew. */
export const crowd = (news: ReadonlySet<string>, index: Index, context: Context): Set<string> => {
  const found = new Set<string>();
  const places = [...news].map((key): [string, number] => {
    const { organisation, evidence } = context.ledger.get(key) as Entry;
    return [organisation, evidence.first];
  });
  for (const [name, organisation, time] of minutesAround(places)) {
    if (index.crowded.has(name) || !isCrowd(companyAt(organisation, time, index, context))) continue;
    index.crowded.add(name);
    addAt(found, organisation, time, index, context);
  }
  return found;
};

const nameOf = ({ sensor, tool, hops }: Way, hour: number): string => `${sensor} ${tool} ${hops} ${hour}`;
/**
 * Rows came late, or left, of sources that stood here: where no crowd is any more, one that comes is news again. Gives whom those held that it was one: they are judged
 * anew.
 */
export const disperse = (places: readonly Place[], index: Index, context: Context): Set<string> => {
  const found = new Set<string>();
  for (const [name, organisation, time] of minutesAround(places.map((one) => [one.organisation, one.first]))) {
    if (!index.crowded.has(name) || isCrowd(companyAt(organisation, time, index, context))) continue;
    index.crowded.delete(name);
    addAt(found, organisation, time, index, context);
  }
  for (const { ways, first } of places) {
    const hour = Math.floor(first / HOUR);
    for (const way of ways) {
      if (index.thronged.has(nameOf(way, hour)) && !isThronged(way, first, index))
        index.thronged.delete(nameOf(way, hour));
      if (!isStrangeCrowd(index.crowds.around(way.tool, first))) index.thronged.delete(`${way.tool} ${hour}`);
    }
  }
  return found;
};

/** Claims like those that have just shown to come from one distance, or not from where they should: they are judged anew, whatever they did since. */
export const alikeWith = (
  news: ReadonlySet<string>,
  now: number,
  index: Index,
  { ledger, scope }: Context,
): Set<string> => {
  const found = new Set<string>();
  if (scope.realm !== "") return found;
  const distances: Way[] = [];
  const tools = new Set<string>();
  for (const key of news) {
    const { evidence } = ledger.get(key) as Entry;
    if (evidence.packets < 2 || !isRecent(evidence.first, now)) continue;
    const hour = Math.floor(evidence.first / HOUR);
    const ways = waysOf(evidence);
    for (const way of ways) {
      const name = nameOf(way, hour);
      if (index.thronged.has(name) || !isThronged(way, evidence.first, index)) continue;
      index.thronged.add(name);
      distances.push(way);
    }
    const [way] = ways;
    if (way === undefined) continue;
    const name = `${way.tool} ${hour}`;
    if (index.thronged.has(name)) continue;
    if (!isStrangeCrowd(index.crowds.around(way.tool, evidence.first))) continue;
    index.thronged.add(name);
    tools.add(way.tool);
  }
  if (distances.length === 0 && tools.size === 0) return found;
  for (const [key, value] of ledger.entries()) {
    const { claim, evidence } = value as Entry;
    if (claim === null || claim === "none" || !isRecent(evidence.first, now)) continue;
    if (waysOf(evidence).some((way) => tools.has(way.tool) || distances.some((one) => isAlike(way, one))))
      found.add(key);
  }
  return found;
};
