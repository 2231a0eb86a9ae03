// SPDX-License-Identifier: Apache-2.0
import type { Context, Detector, Examination, Span } from "./detector.ts";
import type { ErrorOf } from "./evidence.ts";
import { NAME, VERSION } from "./infected-claim.ts";
import { alikeWith, atHour, crowd } from "./infected-company.ts";
import { grow } from "./infected-entry.ts";
import type { Entry } from "./infected-entry.ts";
import { NAMED, SENT, candidates, errorsOf } from "./infected-hosts.ts";
import { closeOver, indexOf, isFull, leave, placeOf, prune, putInIndex } from "./infected-index.ts";
import type { Index } from "./infected-index.ts";
import { KINDS, judge } from "./infected-judge.ts";
import type { Judged } from "./infected-judge.ts";
import { examineLate } from "./infected-late.ts";
import { infectedParameters } from "./infected-rule.ts";
import { begunOf, noteBegun, sight, takeBegun } from "./infected-sight.ts";
import type { Begun } from "./infected-sight.ts";
import { HOUR, byHost, rowsIn, startOf } from "./rows.ts";
import type { Seen } from "./rows.ts";

const SECOND = 1e6;
/** A standing claim is told anew when it changed, at most this often. */
const REFRESH = 300e6;

interface Memory {
  /** Up to where spans were judged in order; 0: nothing was. */
  position: number;
  /** The hour in which judging began; what an older version wrote down has none. */
  since?: number;
}

/** Adds rows to the ledger's entry of one host; rows in order of time. */
const addRows = (
  key: string,
  rows: readonly Seen[],
  organisation: string,
  now: number,
  context: Context,
  index: Index,
  errorOf: ErrorOf,
  begun: Begun,
): void => {
  const { ledger } = context;
  const before = ledger.get(key) as Entry | undefined;
  const place = before === undefined ? undefined : placeOf(key, before);
  const entry = grow(before, rows, organisation, now, context, errorOf);
  if (entry === undefined) return;
  if (entry !== before) {
    leave(index, key);
    noteBegun(begun, key, entry.evidence.first);
  }
  putInIndex(index, key, entry, place, now, context);
  ledger.set(key, entry);
};

function* examine(span: Span, memory: Memory, context: Context): Examination<Memory> {
  const index = indexOf(context.ledger, memory.position, context);
  const begun = begunOf(context.ledger, memory.position);
  const since = memory.since ?? (memory.position === 0 && span.late !== true ? startOf(span.from, HOUR) : 0);
  index.began = since;
  if (span.late === true) return { memory, ...(yield* examineLate(span, memory.position, context, index, begun)) };
  const into: Judged = { detections: [], complete: [] };
  const found = yield* candidates(context, span.from);
  const judged = new Set<string>();
  if (found.size > 0) {
    const named = found.size <= NAMED ? [...found.keys()] : null;
    for (const [key, seen] of byHost(yield rowsIn("src", SENT, named))) {
      const organisation = found.get(key);
      if (organisation === undefined) continue;
      addRows(key, seen, organisation, span.to, context, index, errorsOf(context), begun);
      if (context.ledger.get(key) !== undefined) judged.add(key);
    }
  }
  for (const key of closeOver(span.to, index, context)) judged.add(key);
  for (const key of crowd(judged, index, context)) judged.add(key);
  for (const key of alikeWith(judged, span.to, index, context)) judged.add(key);
  for (const key of index.waiting) judged.add(key);
  const hourly = startOf(span.to, HOUR) > startOf(span.from, HOUR);
  if (hourly) for (const key of atHour(span.to, index, context)) judged.add(key);
  const due = startOf(span.to, REFRESH) > startOf(span.from, REFRESH);
  if (due) for (const key of index.dirty) judged.add(key);
  for (const key of [...judged].sort()) judge(key, { now: span.to, due, mayTurn: hourly }, index, context, into);

  sight(takeBegun(begun, span, context.ledger), context, into);
  if (hourly || isFull(context.ledger)) prune(span.to, index, context);
  return { memory: { position: span.to, since }, ...into };
}

export const infectedHost: Detector<Memory> = {
  name: NAME,
  version: VERSION,
  about: "A host of the constituency that reaches dark addresses: infected, scanning, or seen once",
  kinds: KINDS,
  parameters: infectedParameters,
  cadence: { step: SECOND, longest: HOUR },
  late: "again",
  begin: () => ({ position: 0 }),
  examine,
};
