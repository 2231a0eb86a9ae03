// SPDX-License-Identifier: Apache-2.0
import type { Context, Ledger } from "./detector.ts";
import type { Evidence } from "./evidence.ts";
import { darkAddresses, impliedRate } from "./guards.ts";
import { isCrowd, isOneWay, infectedValues as P } from "./infected-rule.ts";
import type { Company } from "./infected-rule.ts";
import { AROUND, Onsets } from "./onsets.ts";
import { DAY, HOUR } from "./rows.ts";
import { Ways, isAlike, waysOf } from "./ways.ts";
import type { Way } from "./ways.ts";

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
}

/** What can be made anew from the ledger. */
export interface Index {
  readonly onsets: Onsets;
  readonly fast: Onsets;
  readonly ways: Ways;
  /** Organisations and minutes in whose company too many began: `ORGANISATION MINUTE`. */
  readonly crowded: Set<string>;
  /** Distances and hours at which too many like each other began: `SENSOR SIGNATURE HOPS HOUR`. */
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

/** One packet is anybody's; of two it shows by which way they come. */
const noteWays = (index: Index, { evidence }: Entry, change: 1 | -1): void => {
  if (evidence.packets < 2) return;
  for (const way of waysOf(evidence)) index.ways.note(way, evidence.first, change);
};
export const putInIndex = (index: Index, key: string, entry: Entry, context: Context): void => {
  const { evidence, organisation, accepted, claim } = entry;
  noteWays(index, entry, 1);
  if (evidence.packets >= 3) index.onsets.add(organisation, evidence.first, key);
  if (accepted !== null && isFast(evidence, context)) index.fast.add(organisation, evidence.first, key);
  if (accepted !== null && claim === null) index.waiting.add(key);
  if (entry.dirty && claim !== null) index.dirty.add(key);
};
export const takeFromIndex = (index: Index, key: string, entry: Entry): void => {
  const { organisation, evidence } = entry;
  noteWays(index, entry, -1);
  index.onsets.remove(organisation, evidence.first, key);
  index.fast.remove(organisation, evidence.first, key);
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
export const oneWay = (entry: Entry, now: number, index: Index, { scope }: Context): boolean => {
  const { evidence } = entry;
  if (scope.realm !== "" || now - evidence.first > DAY) return entry.oneWay === true;
  const alike = waysOf(evidence).map((way) => isOneWay(index.ways.company(way, evidence.first)));
  if (alike[0] === true || alike.filter(Boolean).length * 2 > Object.keys(evidence.sensors).length) entry.oneWay = true;
  return entry.oneWay === true;
};
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

/** Claims like those that have just shown to come from one distance: they are judged anew, whatever they did since. */
export const alikeWith = (
  news: ReadonlySet<string>,
  now: number,
  index: Index,
  { ledger, scope }: Context,
): Set<string> => {
  const found = new Set<string>();
  if (scope.realm !== "") return found;
  const distances: Way[] = [];
  for (const key of news) {
    const { evidence } = ledger.get(key) as Entry;
    if (evidence.packets < 2 || now - evidence.first > DAY) continue;
    for (const way of waysOf(evidence)) {
      const name = `${way.sensor} ${way.signature} ${way.hops} ${Math.floor(evidence.first / HOUR)}`;
      if (index.thronged.has(name) || !isOneWay(index.ways.company(way, evidence.first))) continue;
      index.thronged.add(name);
      distances.push(way);
    }
  }
  if (distances.length === 0) return found;
  for (const [key, value] of ledger.entries()) {
    const { claim, evidence, oneWay: known } = value as Entry;
    if (claim === null || claim === "none" || known === true || now - evidence.first > DAY) continue;
    if (waysOf(evidence).some((way) => distances.some((one) => isAlike(way, one)))) found.add(key);
  }
  return found;
};
