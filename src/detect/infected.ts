// SPDX-License-Identifier: Apache-2.0
import type { Detection, DetectionKind, HoldReason } from "../model/detection.ts";
import { formatSignature } from "../model/signature.ts";
import { spoofReasons } from "../model/traffic.ts";
import { isBogon } from "./bogons.ts";
import type { Complete, Context, Detector, Examination, Ledger, Owner, Span } from "./detector.ts";
import { addSeen, darkOf, portCount, samplesOf, topPorts } from "./evidence.ts";
import type { ErrorOf, Evidence } from "./evidence.ts";
import { darkAddresses, disagreement, dominantSpoof, impliedRate } from "./guards.ts";
import { detectionId } from "./identity.ts";
import {
  accepts,
  findingOf,
  holdsOf,
  infectedParameters,
  isCrowd,
  isOneWay,
  isStray,
  infectedValues as P,
} from "./infected-rule.ts";
import type { Company, Finding } from "./infected-rule.ts";
import { AROUND, Onsets } from "./onsets.ts";
import { DAY, HOUR, WINDOW, addressOf, byHost, hostsIn, hostsOf, rowsIn, rowsOf, startOf, wordsOf } from "./rows.ts";
import type { Seen } from "./rows.ts";
import { signatureWords } from "./signature.ts";
import { Ways, isAlike, waysOf } from "./ways.ts";
import type { Way } from "./ways.ts";

const NAME = "infected-host";
const VERSION = 3;
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

/** One source of the constituency, one episode. JSON. */
interface Entry {
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
interface Index {
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

interface Memory {
  /** Up to where spans were judged in order; 0: nothing was. */
  position: number;
  /** The hour in which judging began; what an older version wrote down has none. */
  since?: number;
}

const isFast = (evidence: Evidence, context: Context): boolean =>
  (impliedRate(evidence, darkAddresses(context.sensors)) ?? 0) >= P.fast_rate;

/** One packet is anybody's; of two it shows by which way they come. */
const noteWays = (index: Index, { evidence }: Entry, change: 1 | -1): void => {
  if (evidence.packets < 2) return;
  for (const way of waysOf(evidence)) index.ways.note(way, evidence.first, change);
};
const putInIndex = (index: Index, key: string, entry: Entry, context: Context): void => {
  const { evidence, organisation, accepted, claim } = entry;
  noteWays(index, entry, 1);
  if (evidence.packets >= 3) index.onsets.add(organisation, evidence.first, key);
  if (accepted !== null && isFast(evidence, context)) index.fast.add(organisation, evidence.first, key);
  if (accepted !== null && claim === null) index.waiting.add(key);
  if (entry.dirty && claim !== null) index.dirty.add(key);
};
const takeFromIndex = (index: Index, key: string, entry: Entry): void => {
  const { organisation, evidence } = entry;
  noteWays(index, entry, -1);
  index.onsets.remove(organisation, evidence.first, key);
  index.fast.remove(organisation, evidence.first, key);
  index.waiting.delete(key);
  index.dirty.delete(key);
};
const indexOf = (ledger: Ledger, context: Context): Index => {
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
const oneWay = (entry: Entry, now: number, index: Index, { scope }: Context): boolean => {
  const { evidence } = entry;
  if (scope.realm !== "" || now - evidence.first > DAY) return entry.oneWay === true;
  const alike = waysOf(evidence).map((way) => isOneWay(index.ways.company(way, evidence.first)));
  if (alike[0] === true || alike.filter(Boolean).length * 2 > Object.keys(evidence.sensors).length) entry.oneWay = true;
  return entry.oneWay === true;
};
const companyAt = (organisation: string, time: number, index: Index, context: Context): Company => {
  const since = Math.max(index.began, Math.min(...context.sensors.map((sensor) => sensor.since)));
  return {
    together: index.onsets.countAround(organisation, time),
    fast: index.fast.countAround(organisation, time),
    // Where the sensors, or we, have just begun, everybody seems to begin.
    usual: time - since < HOUR ? null : index.onsets.usual(organisation, time),
  };
};

const rounded = (value: number | null): number | null => (value === null ? null : Number(value.toPrecision(2)));

/** Who saw it, from where its owner stands. */
const modeOf = (evidence: Evidence, owner: Owner | null, context: Context): string => {
  if (context.scope.realm !== "") return "internal";
  const country = owner?.country ?? context.home;
  const places = context.sensors.filter(({ name }) => evidence.sensors[name] !== undefined).map((one) => one.country);
  if (country === null || places.includes(null)) return "outbound";
  const [own, abroad] = [places.includes(country), places.some((place) => place !== country)];
  return own && abroad ? "outbound, seen at home and abroad" : own ? "outbound, seen at home" : "outbound, seen abroad";
};

const evidenceOf = (
  entry: Entry,
  owner: Owner | null,
  reason: string,
  context: Context,
): Readonly<Record<string, unknown>> => {
  const { evidence } = entry;
  const differ = disagreement(evidence, context.sensors);
  const ttls = Object.values(evidence.sensors).flatMap(({ ttls: seen, low, high }) => [...seen, low, high]);
  return {
    rule: entry.rule,
    reason,
    accepted: entry.accepted,
    mode: modeOf(evidence, owner, context),
    network: owner?.network ?? null,
    translation: owner?.translation ?? null,
    ports: Object.fromEntries(topPorts(evidence)),
    port_count: portCount(evidence),
    ports_in_a_day: evidence.widest,
    marks: { mirai: evidence.mirai, zmap: evidence.zmap, masscan: evidence.masscan, stateless: evidence.stateless },
    spoof: Object.fromEntries(
      spoofReasons.map((name, i) => [name, evidence.spoof[i]!] as const).filter(([, n]) => n > 0),
    ),
    spoof_dominant: dominantSpoof(evidence),
    ttl: [Math.min(...ttls), Math.max(...ttls)],
    implied_rate: rounded(impliedRate(evidence, darkAddresses(context.sensors))),
    signatures: Object.entries(evidence.signatures)
      .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
      .map(([hex]) => formatSignature(...signatureWords(hex))),
    packets_by_sensor: Object.fromEntries(
      Object.entries(evidence.sensors)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, { packets }]) => [name, packets]),
    ),
    agreement: differ === null ? null : { expected: rounded(differ.expected), seen: differ.seen },
  };
};

const detectionOf = (
  address: string,
  entry: Entry,
  finding: Finding,
  held: readonly HoldReason[],
  owner: Owner | null,
  context: Context,
): Detection => {
  const { evidence } = entry;
  const { kind, family, confidence, reason } = finding;
  const [port] = topPorts(evidence, 1)[0] ?? [];
  const [number, protocol] = port?.includes("/") ? port.split("/") : [undefined, port];
  return {
    id: detectionId({ detector: NAME, kind, ...context.scope, subject: address, opening: evidence.first }),
    detector: NAME,
    version: VERSION,
    kind,
    ...context.scope,
    source: address,
    protocol: protocol ?? null,
    port: number === undefined ? null : Number(number),
    first: evidence.first,
    last: evidence.last,
    packets: evidence.packets,
    darkAddresses: darkOf(evidence),
    sensors: Object.keys(evidence.sensors).sort(),
    confidence,
    family,
    held,
    evidence: evidenceOf(entry, owner, reason, context),
    samples: samplesOf(evidence),
  };
};

/** A first packet from a network of the constituency, for analysts alone. It tells of that packet and does not change. */
const sightingOf = (address: string, entry: Entry, owner: Owner | null, context: Context): Detection => {
  const { evidence } = entry;
  const { first } = evidence;
  const sample = evidence.early[0];
  return {
    id: detectionId({ detector: NAME, kind: "sighting", ...context.scope, subject: address, opening: first }),
    detector: NAME,
    version: VERSION,
    kind: "sighting",
    ...context.scope,
    source: address,
    protocol: null,
    port: sample?.port ?? null,
    first,
    last: first,
    packets: 1,
    darkAddresses: 1,
    sensors: Object.keys(evidence.sensors).slice(0, 1),
    confidence: 0.1,
    family: null,
    held: [],
    evidence: { network: owner?.network ?? null },
    samples: sample === undefined ? [] : [sample],
  };
};

const stormOf = (minute: number, sources: number, networks: number, context: Context): Detection => ({
  id: detectionId({ detector: NAME, kind: "sighting", ...context.scope, subject: "storm", opening: minute }),
  detector: NAME,
  version: VERSION,
  kind: "sighting",
  ...context.scope,
  source: null,
  protocol: null,
  port: null,
  first: minute,
  last: minute + MINUTE - 1,
  packets: sources,
  darkAddresses: 0,
  sensors: [],
  confidence: 0.1,
  family: null,
  held: [],
  evidence: { storm: true, sources, organisations: networks },
  samples: [],
});

/** Adds rows to the ledger's entry of one host; rows in order of time. */
const addRows = (
  key: string,
  rows: readonly Seen[],
  organisation: string,
  context: Context,
  index: Index,
  errorOf: ErrorOf,
): void => {
  const { ledger } = context;
  let entry = ledger.get(key) as Entry | undefined;
  if (entry !== undefined) takeFromIndex(index, key, entry);
  const blind = new Set(context.sensors.filter(({ darkAddresses: dark }) => dark === 0).map(({ name }) => name));
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
    } else addSeen(entry.evidence, row, errorOf);
    if (entry.accepted === null) {
      const rule = accepts(entry.evidence, context.sensors.length);
      if (rule !== null) Object.assign(entry, { rule, accepted: startOf(row.first, WINDOW) + WINDOW });
    }
  }
  if (entry === undefined) return;
  entry.organisation = organisation;
  entry.dirty = true;
  ledger.set(key, entry);
  putInIndex(index, key, entry, context);
};

/** Sources beside which a crowd has grown since: what may be told of them is judged anew. */
const crowd = (news: ReadonlySet<string>, index: Index, context: Context): Set<string> => {
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
const alikeWith = (news: ReadonlySet<string>, now: number, index: Index, { ledger, scope }: Context): Set<string> => {
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
    finding === null ? [] : holdsOf(entry.evidence, owner, company, oneWay(entry, now, index, context), context);
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
      takeFromIndex({ ...index, onsets: new Onsets(), fast: new Onsets(), ways: new Ways() }, key, entry);
      ledger.delete(key);
    } else if (packets === 1) single.push([last, key]);
  }
  index.onsets.forget(now);
  index.fast.forget(now);
  index.ways.forget(now);
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
  if (context.sensors.every(({ darkAddresses: dark }) => dark === 0)) return found;
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
function* examineLate(span: Span, memory: Memory, context: Context, index: Index): Examination<Memory> {
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
      addRows(key, seen, found.get(key)!, context, index, errorsOf(context));
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
  const since = memory.since ?? (memory.position === 0 && span.late !== true ? startOf(span.from, HOUR) : 0);
  index.began = since;
  if (span.late === true) return yield* examineLate(span, memory, context, index);
  const into: Judged = { detections: [], complete: [] };
  const found = yield* candidates(context, span.from);
  const judged = new Set<string>();
  if (found.size > 0) {
    const named = found.size <= NAMED ? [...found.keys()] : null;
    for (const [key, seen] of byHost(yield rowsIn("src", SENT, named))) {
      const organisation = found.get(key);
      if (organisation === undefined) continue;
      addRows(key, seen, organisation, context, index, errorsOf(context));
      if (context.ledger.get(key) !== undefined) judged.add(key);
    }
  }
  for (const key of crowd(judged, index, context)) judged.add(key);
  for (const key of alikeWith(judged, span.to, index, context)) judged.add(key);
  for (const key of index.waiting) judged.add(key);
  const due = startOf(span.to, REFRESH) > startOf(span.from, REFRESH);
  if (due) for (const key of index.dirty) judged.add(key);
  for (const key of [...judged].sort()) judge(key, span.to, due, index, context, into);

  const over = new Set<number>();
  for (let minute = startOf(span.from, MINUTE); minute + MINUTE <= span.to; minute += MINUTE) over.add(minute);
  sight(beganIn(over, context), context, into);
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
