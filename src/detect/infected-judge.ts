// SPDX-License-Identifier: Apache-2.0
import type { Detection, DetectionKind } from "../model/detection.ts";
import type { Complete, Context, Owner } from "./detector.ts";
import { darkAddresses, impliedRate } from "./guards.ts";
import { detectionOf, sightingOf } from "./infected-claim.ts";
import { companyAt, doubtsOf } from "./infected-company.ts";
import { IDLE } from "./infected-entry.ts";
import type { Entry } from "./infected-entry.ts";
import type { Index } from "./infected-index.ts";
import { findingOf, holdsOf, infectedValues as P } from "./infected-rule.ts";
import type { Finding } from "./infected-rule.ts";
import { HOUR, addressOf, wordsOf } from "./rows.ts";

const SECOND = 1e6;
export const KINDS: readonly DetectionKind[] = ["infected-host", "scanning-host", "sighting"];

/** A claim of a speed that nobody has waits until others like it can show. */
const isSettled = ({ evidence, rule }: Entry, now: number, context: Context): boolean =>
  rule === "mark" ||
  now >= evidence.first + P.settle * SECOND ||
  (impliedRate(evidence, darkAddresses(context.sensors)) ?? 0) < P.line_rate;

export const ownerNow = (key: string, entry: Entry, context: Context): Owner | null =>
  context.owners.ownerAt(context.scope.realm, wordsOf(key), 0, entry.evidence.last);

/** Who has been called something else so often stays what it was called last: each change is a letter. */
const MOST_TURNS = 2;
/**
 * What a source is called now. Its evidence can go to and fro over the limits between kinds, and somebody can make it: so a kind stands until the hour is over (or rows came late),
 * and changes twice at most in an episode.
 */
const settled = (entry: Entry, finding: Finding | null, mayTurn: boolean): Finding | null => {
  const { called, taken, turns = 0 } = entry;
  if (called === undefined) return finding;
  const before = taken === true ? null : called;
  if (before?.kind === finding?.kind) return finding;
  return mayTurn && turns < MOST_TURNS ? finding : before;
};
const noteCalled = (entry: Entry, finding: Finding | null, now: number): void => {
  const before = entry.taken === true ? undefined : entry.called?.kind;
  // What it was called within its first hour depends on when one looked.
  const counts = entry.called !== undefined && entry.accepted! < now - HOUR;
  if (counts && before !== finding?.kind) entry.turns = (entry.turns ?? 0) + 1;
  if (finding === null) {
    if (entry.called !== undefined) entry.taken = true;
    return;
  }
  entry.called = finding;
  delete entry.taken;
};

export interface Judged {
  readonly detections: Detection[];
  readonly complete: Complete[];
}

/** When a source is judged: `due`, what has grown is told anew; `mayTurn`, it may be called something else than before. */
export interface Moment {
  readonly now: number;
  readonly due: boolean;
  readonly mayTurn: boolean;
}
/** Judges what a source is now; tells it when it is new, changed, or due. */
export const judge = (
  key: string,
  { now, due, mayTurn }: Moment,
  index: Index,
  context: Context,
  into: Judged,
): void => {
  const entry = context.ledger.get(key) as Entry | undefined;
  if (entry === undefined || entry.accepted === null || !isSettled(entry, now, context)) return;
  // What was told once is not taken back for being a stray.
  if (entry.clear !== true && entry.claim === null) return;
  const address = addressOf(key);
  const owner = ownerNow(key, entry, context);
  const company = companyAt(entry.organisation, entry.evidence.first, index, context);
  const finding = settled(entry, findingOf(entry.evidence, address, context), mayTurn);
  const held =
    finding === null ? [] : holdsOf(entry.evidence, owner, company, doubtsOf(key, entry, now, index, context), context);
  const claim = finding === null ? "none" : JSON.stringify([finding.kind, finding.family, held, entry.evidence.first]);
  index.waiting.delete(key);
  if (claim === entry.claim && !(due && entry.dirty)) {
    if (entry.dirty) index.dirty.add(key);
    return;
  }
  const wasTold = entry.claim !== null && entry.claim !== "none";
  noteCalled(entry, finding, now);
  entry.claim = claim;
  entry.told = now;
  entry.dirty = false;
  index.dirty.delete(key);
  context.ledger.set(key, entry);
  // What cannot be told to an owner stays a sighting.
  into.complete.push({
    kinds: finding === null ? ["infected-host", "scanning-host"] : KINDS,
    source: address,
    since: entry.evidence.first - IDLE / 2,
    until: Infinity,
  });
  if (finding !== null) into.detections.push(detectionOf(address, entry, finding, held, owner, context));
  else if (wasTold && entry.storm !== true) into.detections.push(sightingOf(address, entry, owner, context));
};
