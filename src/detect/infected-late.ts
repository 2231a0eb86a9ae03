// SPDX-License-Identifier: Apache-2.0
import type { Context, Question, Rows, Span } from "./detector.ts";
import { alikeWith, crowd, disperse } from "./infected-company.ts";
import { grow, keepKnown } from "./infected-entry.ts";
import type { Entry } from "./infected-entry.ts";
import { NAMED, SENT, candidates, errorsOf } from "./infected-hosts.ts";
import { placeOf, putInIndex, takeFromIndex } from "./infected-index.ts";
import type { Index, Place } from "./infected-index.ts";
import { KINDS, judge } from "./infected-judge.ts";
import type { Judged } from "./infected-judge.ts";
import { beganIn, noteBegun, sight } from "./infected-sight.ts";
import type { Begun } from "./infected-sight.ts";
import { addressOf, byHost, rowsOf, startOf } from "./rows.ts";

const MINUTE = 60e6;

/** Whose rows came late, or were withdrawn, with the organisation. */
function* concerned(span: Span, context: Context): Generator<Question, Map<string, string>, Rows> {
  if (span.withdrawn === undefined) return yield* candidates(context, span.from);
  const found = new Map<string, string>();
  for (const [key, value] of context.ledger.entries()) {
    const { evidence, organisation } = value as Entry;
    if (evidence.sensors[span.withdrawn] !== undefined && evidence.last >= span.from) found.set(key, organisation);
  }
  return found;
}

/**
 * Rows came late, or a sensor's rows were withdrawn: what is known of the sources in them is made anew from the store. None is judged before all of them are there: they
 * are each other's company.
 */
export function* examineLate(
  span: Span,
  position: number,
  context: Context,
  index: Index,
  begun: Begun,
): Generator<Question, Judged, Rows> {
  const { ledger } = context;
  const into: Judged = { detections: [], complete: [] };
  const found = yield* concerned(span, context);
  const to = Math.max(position, span.to);
  const known = new Map<string, Entry>();
  /** From where each is made anew: what it sent before that did not count then. */
  const starts = new Map<string, number>();
  const places: Place[] = [];
  const minutes = new Set<number>();
  for (const key of [...found.keys()].sort()) {
    const entry = ledger.get(key) as Entry | undefined;
    starts.set(key, Math.min(span.from, entry?.evidence.first ?? span.from));
    if (entry === undefined) continue;
    const { first } = entry.evidence;
    known.set(key, entry);
    minutes.add(startOf(first, MINUTE));
    into.complete.push({ kinds: KINDS, source: addressOf(key), since: first, until: Infinity });
    const place = placeOf(key, entry);
    places.push(place);
    takeFromIndex(index, key, place);
    ledger.delete(key);
  }
  const made: [string, Entry][] = [];
  // Those of which least is asked together.
  const keys = [...starts].sort(([a, from], [b, since]) => from - since || (a < b ? -1 : 1)).map(([key]) => key);
  for (let at = 0; at < keys.length; at += NAMED) {
    const named = keys.slice(at, at + NAMED);
    for (const [key, seen] of byHost(yield rowsOf("src", SENT, named, starts.get(named[0]!)!, to))) {
      const rows = seen.filter(({ first }) => first >= starts.get(key)!);
      const entry = grow(undefined, rows, found.get(key)!, to, context, errorsOf(context));
      if (entry === undefined) continue;
      const before = known.get(key);
      if (before !== undefined) keepKnown(entry, before, span.withdrawn !== undefined, to);
      made.push([key, entry]);
    }
  }
  // Neighbours are those that began earlier: they have to be there first.
  made.sort(([a, { evidence: one }], [b, { evidence: other }]) => one.first - other.first || (a < b ? -1 : 1));
  const judged = new Set<string>();
  for (const [key, entry] of made) {
    putInIndex(index, key, entry, undefined, to, context);
    ledger.set(key, entry);
    noteBegun(begun, key, entry.evidence.first);
    minutes.add(startOf(entry.evidence.first, MINUTE));
    judged.add(key);
  }
  const dispersed = disperse(places, index, context);
  for (const key of crowd(judged, index, context)) judged.add(key);
  for (const key of alikeWith(judged, to, index, context)) judged.add(key);
  for (const key of [...judged.union(dispersed)].sort())
    judge(key, { now: to, due: true, mayTurn: true }, index, context, into);
  sight(beganIn(minutes, context), context, into);
  return into;
}
