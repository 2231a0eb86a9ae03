// SPDX-License-Identifier: Apache-2.0
import type { Detection, DetectionKind } from "../model/detection.ts";
import { isBogon } from "./bogons.ts";
import type { Complete, Context, Detector, Examination, Ledger, Owner, Span } from "./detector.ts";
import { addSeen } from "./evidence.ts";
import type { ErrorOf } from "./evidence.ts";
import { darkAddresses, impliedRate, watching } from "./guards.ts";
import { NAME, VERSION, detectionOf, sightingOf, stormOf } from "./infected-claim.ts";
import {
  alikeWith,
  companyAt,
  crowd,
  doubtsOf,
  indexOf,
  leave,
  liken,
  putInIndex,
  takeFromIndex,
} from "./infected-company.ts";
import type { Entry, Index } from "./infected-company.ts";
import { accepts, findingOf, holdsOf, infectedParameters, isStray, infectedValues as P } from "./infected-rule.ts";
import { DAY, HOUR, WINDOW, addressOf, byHost, hostsIn, hostsOf, rowsIn, rowsOf, startOf, wordsOf } from "./rows.ts";
import type { Seen } from "./rows.ts";

const SECOND = 1e6;
const MINUTE = 60e6;
/** A standing claim is told anew when it changed, at most this often. */
const REFRESH = 300e6;
const IDLE = P.idle * DAY;
/** Sources kept at most; beyond that those with one packet leave, oldest first. */
const MOST = 250_000;
/** More hosts than this are not named in a question: all rows of the span are read instead. */
const NAMED = 5_000;
const KINDS: readonly DetectionKind[] = ["infected-host", "scanning-host", "sighting"];
/** What a host sends of its own will; replies and strays of broken connections say nothing of it. */
const SENT = "class IN ('tcp-syn', 'udp', 'icmp-echo-request') AND victim IS NULL";

interface Memory {
  /** Up to where spans were judged in order; 0: nothing was. */
  position: number;
  /** The hour in which judging began; what an older version wrote down has none. */
  since?: number;
}

/** Sources by the minute in which they began, of minutes that are not over: to look for them in the ledger would read all of it every minute. */
type Begun = Map<number, Set<string>>;
const begunIn = new WeakMap<Ledger, Begun>();
const noteBegun = (begun: Begun, key: string, time: number): void => {
  const minute = startOf(time, MINUTE);
  const keys = begun.get(minute);
  if (keys === undefined) begun.set(minute, new Set([key]));
  else keys.add(key);
};
const begunOf = (ledger: Ledger, position: number): Begun => {
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
const takeBegun = (begun: Begun, span: Span, ledger: Ledger): Map<number, string[]> => {
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

/** Adds rows to the ledger's entry of one host; rows in order of time. */
const addRows = (
  key: string,
  rows: readonly Seen[],
  organisation: string,
  context: Context,
  index: Index,
  errorOf: ErrorOf,
  begun: Begun,
): void => {
  const { ledger } = context;
  let entry = ledger.get(key) as Entry | undefined;
  if (entry !== undefined) takeFromIndex(index, key, entry);
  const blind = new Set(context.sensors.filter((sensor) => sensor.blind).map(({ name }) => name));
  for (const row of rows) {
    if (blind.has(row.sensor)) continue;
    if (entry === undefined || row.first - entry.evidence.last > IDLE) {
      entry = {
        organisation,
        evidence: addSeen(undefined, row, errorOf),
        accepted: null,
        rule: null,
        claim: null,
        told: 0,
        dirty: true,
      };
      noteBegun(begun, key, row.first);
    } else addSeen(entry.evidence, row, errorOf);
    if (entry.accepted === null) {
      const there = watching(context.sensors, row.first, row.first).filter(({ darkAddresses: dark }) => dark > 0);
      const rule = accepts(entry.evidence, there.length);
      if (rule !== null) Object.assign(entry, { rule, accepted: startOf(row.first, WINDOW) + WINDOW });
    }
  }
  if (entry === undefined) return;
  entry.organisation = organisation;
  entry.dirty = true;
  liken(index, key, entry);
  ledger.set(key, entry);
  putInIndex(index, key, entry, context);
};

/** A claim of a speed that nobody has waits until others like it can show. */
const isSettled = ({ evidence, rule }: Entry, now: number, context: Context): boolean =>
  rule === "mark" ||
  now >= evidence.first + P.settle * SECOND ||
  (impliedRate(evidence, darkAddresses(context.sensors)) ?? 0) < P.line_rate;

const ownerNow = (key: string, entry: Entry, context: Context): Owner | null =>
  context.owners.ownerAt(context.scope.realm, wordsOf(key), 0, entry.evidence.last);

interface Judged {
  readonly detections: Detection[];
  readonly complete: Complete[];
}

/** Judges what a source is now; tells it when it is new, changed, or due. */
const judge = (key: string, now: number, due: boolean, index: Index, context: Context, into: Judged): void => {
  const entry = context.ledger.get(key) as Entry | undefined;
  if (entry === undefined || entry.accepted === null || !isSettled(entry, now, context)) return;
  // What was told once is not taken back for this.
  if (entry.claim === null && entry.rule !== "mark" && isStray(entry.evidence, darkAddresses(context.sensors))) return;
  const address = addressOf(key);
  const owner = ownerNow(key, entry, context);
  const company = companyAt(entry.organisation, entry.evidence.first, index, context);
  const finding = findingOf(entry.evidence, address, context);
  const held =
    finding === null ? [] : holdsOf(entry.evidence, owner, company, doubtsOf(entry, now, index, context), context);
  const claim = finding === null ? "none" : JSON.stringify([finding.kind, finding.family, held, entry.evidence.first]);
  index.waiting.delete(key);
  if (claim === entry.claim && !(due && entry.dirty)) {
    if (entry.dirty) index.dirty.add(key);
    return;
  }
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
};

/** Sightings of the sources that began in a minute that is over. */
const sight = (began: ReadonlyMap<number, readonly string[]>, context: Context, into: Judged): void => {
  for (const [minute, keys] of [...began].sort(([a], [b]) => a - b)) {
    const storm = keys.length > P.storm;
    into.complete.push({ kinds: ["sighting"], source: null, since: minute, until: minute + MINUTE });
    if (storm) {
      const organisations = new Set(keys.map((key) => (context.ledger.get(key) as Entry).organisation));
      into.detections.push(stormOf(minute, keys.length, organisations.size, context));
    }
    for (const key of keys) {
      const entry = context.ledger.get(key) as Entry;
      const { claim, evidence } = entry;
      if (claim !== null && claim !== "none") continue;
      const address = addressOf(key);
      into.complete.push({ kinds: ["sighting"], source: address, since: evidence.first - IDLE / 2, until: Infinity });
      if (!storm) into.detections.push(sightingOf(address, entry, ownerNow(key, entry, context), context));
    }
  }
};

const prune = (now: number, index: Index, { ledger }: Context): void => {
  const single: [number, string][] = [];
  for (const [key, value] of ledger.entries()) {
    const entry = value as Entry;
    const { last, packets } = entry.evidence;
    if (now - last > IDLE) {
      leave(index, key);
      ledger.delete(key);
    } else if (packets === 1) single.push([last, key]);
  }
  index.onsets.forget(now);
  index.fast.forget(now);
  index.ways.forget(now);
  index.neighbours.forget(now);
  index.crowds.forget(now);
  if (index.thronged.size > 10_000) index.thronged.clear();
  const over = ledger.size - MOST;
  if (over <= 0) return;
  single.sort(([a, i], [b, j]) => a - b || (i < j ? -1 : 1));
  for (const [, key] of single.slice(0, over)) ledger.delete(key);
};

/** Of the hosts, those of the constituency: with the organisation, "" where the economy is ours and nobody has claimed it. */
function* candidates(
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

const errorsOf =
  ({ sensors }: Context): ErrorOf =>
  (name) =>
    sensors.find((sensor) => sensor.name === name)?.clockError ?? null;

/** Rows came late, or a sensor's rows were withdrawn: what is known of the sources in them is made anew from the store. */
function* examineLate(span: Span, memory: Memory, context: Context, index: Index, begun: Begun): Examination<Memory> {
  const { ledger } = context;
  const into: Judged = { detections: [], complete: [] };
  const found = span.withdrawn === undefined ? yield* candidates(context, span.from) : new Map<string, string>();
  if (span.withdrawn !== undefined) {
    for (const [key, value] of ledger.entries()) {
      const { evidence, organisation } = value as Entry;
      if (evidence.sensors[span.withdrawn] !== undefined && evidence.last >= span.from) found.set(key, organisation);
    }
  }
  const keys = [...found.keys()].sort();
  let from = span.from;
  const minutes = new Set<number>();
  for (const key of keys) {
    const entry = ledger.get(key) as Entry | undefined;
    if (entry === undefined) continue;
    from = Math.min(from, entry.evidence.first);
    minutes.add(startOf(entry.evidence.first, MINUTE));
    into.complete.push({ kinds: KINDS, source: addressOf(key), since: entry.evidence.first, until: Infinity });
    takeFromIndex(index, key, entry);
    ledger.delete(key);
  }
  const to = Math.max(memory.position, span.to);
  for (let at = 0; at < keys.length; at += NAMED) {
    const rows = byHost(yield rowsOf("src", SENT, keys.slice(at, at + NAMED), from, to));
    for (const [key, seen] of rows) {
      addRows(key, seen, found.get(key)!, context, index, errorsOf(context), begun);
      if (ledger.get(key) === undefined) continue;
      minutes.add(startOf((ledger.get(key) as Entry).evidence.first, MINUTE));
      judge(key, to, true, index, context, into);
    }
  }
  sight(beganIn(minutes, context), context, into);
  return { memory, ...into };
}

/** Sources that began in these minutes. */
const beganIn = (minutes: ReadonlySet<number>, { ledger }: Context): Map<number, string[]> => {
  const began = new Map<number, string[]>();
  if (minutes.size === 0) return began;
  for (const minute of minutes) began.set(minute, []);
  for (const [key, value] of ledger.entries()) {
    began.get(startOf((value as Entry).evidence.first, MINUTE))?.push(key);
  }
  for (const keys of began.values()) keys.sort();
  return began;
};

function* examine(span: Span, memory: Memory, context: Context): Examination<Memory> {
  const index = indexOf(context.ledger, context);
  const begun = begunOf(context.ledger, memory.position);
  const since = memory.since ?? (memory.position === 0 && span.late !== true ? startOf(span.from, HOUR) : 0);
  index.began = since;
  if (span.late === true) return yield* examineLate(span, memory, context, index, begun);
  const into: Judged = { detections: [], complete: [] };
  const found = yield* candidates(context, span.from);
  const judged = new Set<string>();
  if (found.size > 0) {
    const named = found.size <= NAMED ? [...found.keys()] : null;
    for (const [key, seen] of byHost(yield rowsIn("src", SENT, named))) {
      const organisation = found.get(key);
      if (organisation === undefined) continue;
      addRows(key, seen, organisation, context, index, errorsOf(context), begun);
      if (context.ledger.get(key) !== undefined) judged.add(key);
    }
  }
  for (const key of crowd(judged, index, context)) judged.add(key);
  for (const key of alikeWith(judged, span.to, index, context)) judged.add(key);
  for (const key of index.waiting) judged.add(key);
  const due = startOf(span.to, REFRESH) > startOf(span.from, REFRESH);
  if (due) for (const key of index.dirty) judged.add(key);
  for (const key of [...judged].sort()) judge(key, span.to, due, index, context, into);

  sight(takeBegun(begun, span, context.ledger), context, into);
  if (startOf(span.to, HOUR) > startOf(span.from, HOUR) || context.ledger.size > 1.2 * MOST) {
    prune(span.to, index, context);
  }
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
