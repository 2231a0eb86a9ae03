// SPDX-License-Identifier: Apache-2.0
import type { Context, Ledger } from "./detector.ts";
import { darkAddresses, impliedRate } from "./guards.ts";
import { IDLE, endOf, isOpen, noteRule } from "./infected-entry.ts";
import type { Entry } from "./infected-entry.ts";
import { isAtHome, isStrange, infectedValues as P } from "./infected-rule.ts";
import { Crowds, Neighbours, networkOf } from "./neighbours.ts";
import { Onsets, leastMinute } from "./onsets.ts";
import { HOUR } from "./rows.ts";
import { Ways, waysOf } from "./ways.ts";
import type { Way } from "./ways.ts";

/** Sources kept at most; beyond that those leave first of which least is known. */
const MOST = 250_000;

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
  /** May be told of when their second, or their ten, are over. */
  readonly open: Set<string>;
  /** May be told of, not yet claimed. */
  readonly waiting: Set<string>;
  readonly dirty: Set<string>;
  /** The hour in which judging began: whom it finds there may have been at it for long. */
  began: number;
}
const indexes = new WeakMap<Ledger, Index>();

const isFast = ({ evidence, accepted }: Entry, context: Context): boolean =>
  accepted !== null && (impliedRate(evidence, darkAddresses(context.sensors)) ?? 0) >= P.fast_rate;

/** Ways are looked at again until so many packets have come in hours that are over: later ones tell little more. */
const LOOKED_AT = 64;

/** Where an entry stands in the index. */
export interface Place {
  readonly organisation: string;
  readonly first: number;
  /** One packet is anybody's; of two it shows by which way they come. */
  readonly ways: readonly Way[];
  /** What it counts as among those that came by its ways; null: not at all. */
  readonly unit: string | null;
  /** Whether it is not where its neighbours are; null: none are known. */
  readonly strange: boolean | null;
}
export const placeOf = (key: string, entry: Entry): Place => {
  const { organisation, evidence, likeness } = entry;
  return {
    organisation,
    first: evidence.first,
    ways: evidence.packets < 2 ? [] : waysOf(evidence),
    // Of those that lie where their neighbours do it says nothing that they lie alike.
    unit: likeness === undefined ? networkOf(key) : isAtHome(entry) ? null : key,
    strange: likeness === undefined ? null : isStrange(likeness),
  };
};
const isSame = (a: Place, b: Place): boolean =>
  a.first === b.first &&
  a.unit === b.unit &&
  a.strange === b.strange &&
  a.ways.length === b.ways.length &&
  a.ways.every((way, i) => {
    const { sensor, tool, hops } = b.ways[i]!;
    return way.sensor === sensor && way.tool === tool && way.hops === hops;
  });

const noteWays = (index: Index, key: string, { ways, unit, strange, first }: Place, change: 1 | -1): void => {
  for (const way of ways) {
    index.neighbours.note(key, way, first, change);
    index.ways.learn(way, networkOf(key), first, change);
    if (unit !== null) index.ways.note(way, unit, first, change);
  }
  const [way] = ways;
  if (way !== undefined && strange !== null) index.crowds.note(way.tool, first, strange, change);
};
const liken = (index: Index, key: string, entry: Entry): void => {
  const { evidence } = entry;
  const { packets, hourPackets } = evidence;
  if (packets < 2 || (packets - hourPackets > LOOKED_AT && entry.likeness !== undefined)) return;
  const found = index.neighbours.likeness(key, waysOf(evidence), evidence.first);
  delete entry.likeness;
  delete entry.ways;
  if (found !== undefined) {
    entry.likeness = Math.round(found.likeness * 10) / 10;
    entry.ways = found.ways;
  }
};
const noteState = (index: Index, key: string, entry: Entry, context: Context): void => {
  const { organisation, evidence, clear, claim, dirty } = entry;
  if (isFast(entry, context)) index.fast.add(organisation, evidence.first, key);
  else index.fast.remove(organisation, evidence.first, key);
  if (clear === true && claim === null) index.waiting.add(key);
  if (dirty && claim !== null) index.dirty.add(key);
};
const put = (index: Index, key: string, entry: Entry, before: Place | undefined, context: Context): void => {
  const place = placeOf(key, entry);
  const { organisation, first } = place;
  if (before !== undefined && (before.organisation !== organisation || before.first !== first)) {
    index.onsets.remove(before.organisation, before.first, key);
    index.fast.remove(before.organisation, before.first, key);
  }
  if (before === undefined || !isSame(before, place)) {
    if (before !== undefined) noteWays(index, key, before, -1);
    noteWays(index, key, place, 1);
  }
  if (entry.evidence.packets >= 3) index.onsets.add(organisation, first, key);
  noteState(index, key, entry, context);
};

/** Puts an entry that is new or has grown where it belongs; `before`: where it stood. Judged up to `now`. */
export const putInIndex = (
  index: Index,
  key: string,
  entry: Entry,
  before: Place | undefined,
  now: number,
  context: Context,
): void => {
  liken(index, key, entry);
  put(index, key, entry, before, context);
  if (endOf(entry) > now && isOpen(entry, context)) index.open.add(key);
};
/** Looks once more where it lies, by the neighbours that are known now. */
export const likenAgain = (index: Index, key: string, entry: Entry, context: Context): void => {
  const { likeness, ways } = entry;
  const place = placeOf(key, entry);
  liken(index, key, entry);
  if (entry.likeness === likeness && entry.ways === ways) return;
  put(index, key, entry, place, context);
  context.ledger.set(key, entry);
};
/** A source is forgotten: what it began with and where it lay still counts for others. */
export const leave = (index: Index, key: string): void => {
  index.open.delete(key);
  index.waiting.delete(key);
  index.dirty.delete(key);
};
export const takeFromIndex = (index: Index, key: string, place: Place): void => {
  noteWays(index, key, place, -1);
  index.onsets.remove(place.organisation, place.first, key);
  index.fast.remove(place.organisation, place.first, key);
  leave(index, key);
};
/** `position`: up to where spans were judged. */
export const indexOf = (ledger: Ledger, position: number, context: Context): Index => {
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
    open: new Set(),
    waiting: new Set(),
    dirty: new Set(),
    began: 0,
  };
  for (const [key, value] of ledger.entries()) {
    const entry = value as Entry;
    put(index, key, entry, undefined, context);
    // Also what an older version accepted without taking down whether it may be told of.
    if (isOpen(entry, context) && (endOf(entry) > position || entry.claim === null)) index.open.add(key);
  }
  indexes.set(ledger, index);
  return index;
};

/** Takes down what those have come to by now that may be told of soon. Gives those that may be told of now. */
export const closeOver = (now: number, index: Index, context: Context): string[] => {
  const found: string[] = [];
  for (const key of index.open) {
    const entry = context.ledger.get(key) as Entry | undefined;
    if (entry === undefined) {
      index.open.delete(key);
      continue;
    }
    const { accepted } = entry;
    noteRule(entry, now, context);
    if (entry.clear === true || endOf(entry) <= now) index.open.delete(key);
    if (entry.clear !== true && entry.accepted === accepted) continue;
    context.ledger.set(key, entry);
    noteState(index, key, entry, context);
    found.push(key);
  }
  return found;
};

const forgetNames = (names: Set<string>, least: number): void => {
  for (const name of names) if (Number(name.slice(name.lastIndexOf(" "))) < least) names.delete(name);
};
/** Sources that have been silent for long leave, and beyond `most` those that the rule has not accepted, with the fewest packets, the oldest. */
export const prune = (now: number, index: Index, { ledger }: Context, most = MOST): void => {
  const left: [accepted: number, packets: number, last: number, key: string][] = [];
  for (const [key, value] of ledger.entries()) {
    const { evidence, accepted } = value as Entry;
    if (now - evidence.last > IDLE) {
      leave(index, key);
      ledger.delete(key);
    } else left.push([accepted === null ? 0 : 1, evidence.packets, evidence.last, key]);
  }
  index.onsets.forget(now);
  index.fast.forget(now);
  index.ways.forget(now);
  index.neighbours.forget(now);
  index.crowds.forget(now);
  forgetNames(index.crowded, leastMinute(now));
  forgetNames(index.thronged, Math.floor(now / HOUR) - 48);
  const over = left.length - most;
  if (over <= 0) return;
  left.sort(([a, b, c, d], [i, j, k, l]) => a - i || b - j || c - k || (d < l ? -1 : 1));
  for (const [, , , key] of left.slice(0, over)) {
    leave(index, key);
    ledger.delete(key);
  }
};
/** Between the hours the ledger is pruned when so many are over: each time brings it back. */
export const isFull = ({ size }: Ledger, most = MOST): boolean => size > 1.2 * most;
