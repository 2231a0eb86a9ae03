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
import { addressOf, wordsOf } from "./rows.ts";

const SECOND = 1e6;
export const KINDS: readonly DetectionKind[] = ["infected-host", "scanning-host", "sighting"];

/** A claim of a speed that nobody has waits until others like it can show. */
const isSettled = ({ evidence, rule }: Entry, now: number, context: Context): boolean =>
  rule === "mark" ||
  now >= evidence.first + P.settle * SECOND ||
  (impliedRate(evidence, darkAddresses(context.sensors)) ?? 0) < P.line_rate;

export const ownerNow = (key: string, entry: Entry, context: Context): Owner | null =>
  context.owners.ownerAt(context.scope.realm, wordsOf(key), 0, entry.evidence.last);

export interface Judged {
  readonly detections: Detection[];
  readonly complete: Complete[];
}

/** Judges what a source is now; tells it when it is new, changed, or due. */
export const judge = (key: string, now: number, due: boolean, index: Index, context: Context, into: Judged): void => {
  const entry = context.ledger.get(key) as Entry | undefined;
  if (entry === undefined || entry.accepted === null || !isSettled(entry, now, context)) return;
  // What was told once is not taken back for being a stray.
  if (entry.clear !== true && entry.claim === null) return;
  const address = addressOf(key);
  const owner = ownerNow(key, entry, context);
  const company = companyAt(entry.organisation, entry.evidence.first, index, context);
  const finding = findingOf(entry.evidence, address, context);
  const held =
    finding === null ? [] : holdsOf(entry.evidence, owner, company, doubtsOf(key, entry, now, index, context), context);
  const claim = finding === null ? "none" : JSON.stringify([finding.kind, finding.family, held, entry.evidence.first]);
  index.waiting.delete(key);
  if (claim === entry.claim && !(due && entry.dirty)) {
    if (entry.dirty) index.dirty.add(key);
    return;
  }
  const wasTold = entry.claim !== null && entry.claim !== "none";
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
