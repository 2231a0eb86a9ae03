// SPDX-License-Identifier: Apache-2.0
import type { Context, Ledger } from "./detector.ts";
import type { Evidence } from "./evidence.ts";
import { darkAddresses, impliedRate } from "./guards.ts";
import {
  isAtHome,
  isDoubtful,
  isCrowd,
  isOneWay,
  isStrange,
  isStrangeCrowd,
  infectedValues as P,
} from "./infected-rule.ts";
import type { Company, Doubts } from "./infected-rule.ts";
import { Crowds, Neighbours, networkOf } from "./neighbours.ts";
import { AROUND, Onsets } from "./onsets.ts";
import { DAY, HOUR } from "./rows.ts";
import { Ways, isAlike, waysOf } from "./ways.ts";
import type { Way, WayCompany } from "./ways.ts";

const MINUTE = 60e6;

/** One source of the constituency, one episode. JSON. */
export interface Entry {
  /** Organisation, or "" for a network of the node's economy that nobody has claimed. */
  organisation: string;
  evidence: Evidence;
  /** End of the ten seconds in which the rule accepted it; null: not yet. */
  accepted: number | null;
  rule: "packets" | "mark" | null;
  /** What is claimed now, as far as a change of it must be told at once. */
  claim: string | null;
  /** Told last with what was known up to here. */
  told: number;
  /** Changed since. */
  dirty: boolean;
  /** Began with many from its distance: stays so. */
  oneWay?: true;
  /** How much likelier it is where its neighbours are than anywhere (`Neighbours.likeness`); absent: none are known. */
  likeness?: number;
  /** By so many ways of which neighbours are known. */
  ways?: number;
  /** Not where its neighbours are, or of a crowd that is not: stays so. */
  stranger?: true;
}

/** What can be made anew from the ledger. */
export interface Index {
  readonly onsets: Onsets;
  readonly fast: Onsets;
  readonly ways: Ways;
  readonly neighbours: Neighbours;
  readonly crowds: Crowds;
  /** Organisations and minutes in whose company too many began: `ORGANISATION MINUTE`. */
  readonly crowded: Set<string>;
  /** Tools, and their distances, and the hours in which too many of them began: `TOOL HOUR`, `SENSOR TOOL HOPS HOUR`. */
  readonly thronged: Set<string>;
  /** Accepted, not yet claimed. */
  readonly waiting: Set<string>;
  readonly dirty: Set<string>;
  /** The hour in which judging began: whom it finds there may have been at it for long. */
  began: number;
}
const indexes = new WeakMap<Ledger, Index>();

const isFast = (evidence: Evidence, context: Context): boolean =>
  (impliedRate(evidence, darkAddresses(context.sensors)) ?? 0) >= P.fast_rate;

const verdicts = new WeakMap<WayCompany, boolean>();
/** Whether too many began like this within a day of a time. */
const isThronged = (way: Way, time: number, { ways }: Index): boolean => {
  const company = ways.company(way, time);
  let verdict = verdicts.get(company);
  if (verdict === undefined) verdicts.set(company, (verdict = isOneWay(company)));
  return verdict;
};

/** Ways are looked at again until so many packets have come: later ones tell little more. */
const LOOKED_AT = 64;

/** One packet is anybody's; of two it shows by which way they come. */
const noteWays = (index: Index, key: string, entry: Entry, change: 1 | -1): void => {
  const { evidence, likeness } = entry;
  if (evidence.packets < 2) return;
  const ways = waysOf(evidence);
  const network = networkOf(key);
  for (const way of ways) {
    index.neighbours.note(key, way, evidence.first, change);
    if (change > 0) index.ways.learn(way, network, evidence.first);
    // Of those that lie where their neighbours do it says nothing that they lie alike.
    if (likeness === undefined) index.ways.note(way, network, evidence.first, change);
    else if (!isAtHome(entry)) index.ways.note(way, key, evidence.first, change);
  }
  const [way] = ways;
  if (way !== undefined && likeness !== undefined) {
    index.crowds.note(way.tool, evidence.first, isStrange(likeness), change);
  }
};
export const liken = (index: Index, key: string, entry: Entry): void => {
  const { evidence } = entry;
  if (evidence.packets < 2 || (evidence.packets > LOOKED_AT && entry.likeness !== undefined)) return;
  const found = index.neighbours.likeness(key, waysOf(evidence), evidence.first);
  delete entry.likeness;
  delete entry.ways;
  if (found !== undefined) {
    entry.likeness = Math.round(found.likeness * 10) / 10;
    entry.ways = found.ways;
  }
};
export const putInIndex = (index: Index, key: string, entry: Entry, context: Context): void => {
  const { evidence, organisation, accepted, claim } = entry;
  noteWays(index, key, entry, 1);
  if (evidence.packets >= 3) index.onsets.add(organisation, evidence.first, key);
  if (accepted !== null && isFast(evidence, context)) index.fast.add(organisation, evidence.first, key);
  if (accepted !== null && claim === null) index.waiting.add(key);
  if (entry.dirty && claim !== null) index.dirty.add(key);
};
export const takeFromIndex = (index: Index, key: string, entry: Entry): void => {
  const { organisation, evidence } = entry;
  noteWays(index, key, entry, -1);
  index.onsets.remove(organisation, evidence.first, key);
  index.fast.remove(organisation, evidence.first, key);
  leave(index, key);
};
/** A source is forgotten: what it began with and where it lay still counts for others. */
export const leave = (index: Index, key: string): void => {
  index.waiting.delete(key);
  index.dirty.delete(key);
};
export const indexOf = (ledger: Ledger, context: Context): Index => {
  const known = indexes.get(ledger);
  if (known !== undefined) return known;
  const index: Index = {
    onsets: new Onsets(),
    fast: new Onsets(),
    ways: new Ways(),
    neighbours: new Neighbours(),
    crowds: new Crowds(),
    crowded: new Set(),
    thronged: new Set(),
    waiting: new Set(),
    dirty: new Set(),
    began: 0,
  };
  for (const [key, entry] of ledger.entries()) putInIndex(index, key, entry as Entry, context);
  indexes.set(ledger, index);
  return index;
};

/**
 * Whether most that began like this source came from where it is: at the sensor that saw it most of those to which it came by one way, or at most of all that saw it.
 * Asked within a day of its first packet, as long as what came before it is known whole. Inside a member's own network everybody is near.
 */
const oneWay = (entry: Entry, now: number, index: Index, { scope }: Context): boolean => {
  const { evidence } = entry;
  if (scope.realm !== "" || now - evidence.first > DAY) return entry.oneWay === true;
  const alike = waysOf(evidence).map((way) => isThronged(way, evidence.first, index));
  if (alike[0] === true || alike.filter(Boolean).length * 2 > Object.keys(evidence.sensors).length) entry.oneWay = true;
  return entry.oneWay === true;
};
/**
 * Whether a source is not where its neighbours are: by far, or perhaps, and in the company of many of its tool that are not. Asked within a day of its first
 * packet, and not inside a member's own network.
 */
const isStranger = (entry: Entry, now: number, index: Index, { scope }: Context): boolean => {
  const { evidence, likeness } = entry;
  if (scope.realm !== "" || now - evidence.first > DAY) return entry.stranger === true;
  const [way] = waysOf(evidence);
  if (way === undefined) return entry.stranger === true;
  if (
    (likeness !== undefined && likeness <= P.far) ||
    (isDoubtful(entry) && isStrangeCrowd(index.crowds.around(way.tool, evidence.first)))
  ) {
    entry.stranger = true;
  }
  return entry.stranger === true;
};

export const doubtsOf = (entry: Entry, now: number, index: Index, context: Context): Doubts => ({
  oneWay: oneWay(entry, now, index, context),
  stranger: isStranger(entry, now, index, context),
});
export const companyAt = (organisation: string, time: number, index: Index, context: Context): Company => {
  const since = Math.max(index.began, Math.min(...context.sensors.map((sensor) => sensor.since)));
  return {
    together: index.onsets.countAround(organisation, time),
    fast: index.fast.countAround(organisation, time),
    // Where the sensors, or we, have just begun, everybody seems to begin.
    usual: time - since < HOUR ? null : index.onsets.usual(organisation, time),
  };
};

/** Sources beside which a crowd has grown since: what may be told of them is judged anew. */
export const crowd = (news: ReadonlySet<string>, index: Index, context: Context): Set<string> => {
  const moments = new Map<string, readonly [string, number]>();
  for (const key of news) {
    const { organisation, evidence } = context.ledger.get(key) as Entry;
    const minute = Math.floor(evidence.first / MINUTE);
    moments.set(`${organisation} ${minute}`, [organisation, minute]);
  }
  const found = new Set<string>();
  for (const [organisation, middle] of moments.values()) {
    for (let minute = middle - AROUND; minute <= middle + AROUND; minute++) {
      const name = `${organisation} ${minute}`;
      if (index.crowded.has(name)) continue;
      const time = minute * MINUTE;
      if (!isCrowd(companyAt(organisation, time, index, context))) continue;
      index.crowded.add(name);
      for (const key of index.onsets.at(organisation, time)) found.add(key);
      for (const key of index.fast.at(organisation, time)) found.add(key);
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
    if (evidence.packets < 2 || now - evidence.first > DAY) continue;
    const hour = Math.floor(evidence.first / HOUR);
    const ways = waysOf(evidence);
    for (const way of ways) {
      const name = `${way.sensor} ${way.tool} ${way.hops} ${hour}`;
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
    if (claim === null || claim === "none" || now - evidence.first > DAY) continue;
    if (waysOf(evidence).some((way) => tools.has(way.tool) || distances.some((one) => isAlike(way, one))))
      found.add(key);
  }
  return found;
};
