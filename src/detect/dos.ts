// SPDX-License-Identifier: Apache-2.0
import type { Detection } from "../model/detection.ts";
import { IPV4_SPACE } from "../model/report.ts";
import { classes } from "../model/traffic.ts";
import { addReply, emptyVector } from "./backscatter.ts";
import type { Vector } from "./backscatter.ts";
import { beginnings } from "./beginnings.ts";
import type { Complete, Context, Detector, Examination, Ledger, Question, Rows, Span } from "./detector.ts";
import { REPLY, scanners, triggers } from "./dos-questions.ts";
import { darkAddresses, watching } from "./guards.ts";
import { detectionId } from "./identity.ts";
import { parameter, valuesOf } from "./parameters.ts";
import { createPending } from "./pending.ts";
import type { Pending } from "./pending.ts";
import { HOUR, WINDOW, addressOf, byHost, hostsIn, hostsOf, isV4, rowsIn, rowsOf, startOf } from "./rows.ts";
import type { Seen } from "./rows.ts";
import { countOf } from "./tokens.ts";

const NAME = "dos-victim";
/** 2: of datagrams the attacked port is the one that answers. */
const VERSION = 2;
const MINUTE = 60e6;
/** A standing claim is told anew when it changed, at most this often. */
const REFRESH = 300e6;
/** More hosts than this are not named in a question. */
const NAMED = 5_000;

export const dosParameters = {
  packets: parameter(
    25,
    "packets",
    "of backscatter in a vector",
    "Corsaro, corsaro_dos (CAIDA); Moore et al., TOCS 2006",
  ),
  duration: parameter(60, "s", "from its first to its last packet", "Corsaro"),
  rate: parameter(
    30,
    "packets",
    "in its busiest minute (six stretches of ten seconds), into a telescope of a /8; scaled to ours",
    "Corsaro, for UCSD-NT",
  ),
  rate_floor: parameter(
    5,
    "packets",
    "in its busiest minute at least, however small the telescope",
    "ours: backscatter.trace on a /23 never passes 11",
  ),
  idle: parameter(
    3_600,
    "s",
    "without a packet end a vector",
    "Corsaro has 300 s for a /8; on a /23 that cuts one attack of a day in 13, 3,600 s leave it one",
  ),
  spread: parameter(
    5,
    "dark addresses",
    "it must reach",
    "ours: forged sources are drawn from everywhere; a one-address sensor never tells alone",
  ),
  retransmissions: parameter(
    6,
    "replies",
    "to one forged packet at most: the spread asks for half of what is left",
    "ours: systems send a SYN-ACK up to six times",
  ),
  scan_targets: parameter(
    0.1,
    "of the replies looked at",
    "go to distinct ports, or the replies are a scan of SYN-ACKs",
    "ours: forged sources have ports from everywhere",
  ),
  trigger: parameter(3, "packets", "in a clock minute make a host one to look at", "ours: half of the rate's floor"),
  most: parameter(
    50_000,
    "vectors",
    "are followed at a time",
    "ours: bounds the memory in a storm of forged replies; beyond it those with fewest packets that were not told leave first",
  ),
} as const;
const P = valuesOf(dosParameters);
const IDLE = P.idle * 1e6;

interface Entry {
  vector: Vector;
  /** End of the ten seconds in which all thresholds were first passed; null: not yet. */
  found: number | null;
  /** Told as a claim; "": not yet. */
  claim: string;
  dirty: boolean;
}
interface Memory {
  position: number;
}

/** The rate that a vector must reach, packets a minute, with so many dark addresses. */
export const scaledRate = (dark: number): number => Math.max(P.rate_floor, (P.rate * dark) / 2 ** 24);

/** Whether the packets lie as widely over the dark addresses as echoes of forged sources do. */
const isSpread = ({ packets, dark }: Vector, addresses: number): boolean => {
  const seen = countOf(dark);
  const asked = packets / P.retransmissions;
  return seen >= P.spread && (addresses === 0 || seen >= (addresses * -Math.expm1(-asked / addresses)) / 2);
};

/** SYN-ACKs that somebody sends to find something: always to the same ports, or from ports that no host has open. */
const isScan = ({ drawn, targets, classes: by, ports, others, packets }: Vector): boolean => {
  if (drawn >= 8 && targets.length <= Math.max(1, P.scan_targets * drawn)) return true;
  const top = Object.values(ports).reduce((most, n) => Math.max(most, n), 0);
  return (by["tcp-syn-ack"] ?? 0) * 2 >= packets && others > 0 && top * 2 < packets;
};

/** Dark addresses that were watched all the vector's time; those of IPv4 say nothing of a victim in the IPv6 space. 0: not known. */
const addressesOf = (key: string, { first, last }: Vector, { sensors }: Context): number =>
  isV4(key) ? darkAddresses(watching(sensors, first, last)) : 0;

const passes = (vector: Vector, addresses: number): boolean =>
  vector.packets >= P.packets &&
  vector.last - vector.first >= P.duration * 1e6 &&
  vector.peak >= scaledRate(addresses) &&
  isSpread(vector, addresses) &&
  !isScan(vector) &&
  vector.mismatches * 2 <= vector.packets;

/** Whether it may pass with any number of dark addresses, as it is. */
const mayPass = (vector: Vector): boolean =>
  vector.packets >= P.packets &&
  vector.last - vector.first >= P.duration * 1e6 &&
  vector.peak >= P.rate_floor &&
  vector.mismatches * 2 <= vector.packets &&
  countOf(vector.dark) >= P.spread &&
  !isScan(vector);

const pendings = createPending<Entry>({
  endOf: (_key, { vector }) => vector.last + IDLE,
  isDirty: ({ dirty, claim, vector }) => dirty && (claim !== "" || mayPass(vector)),
});

/** Takes down when an attack's thresholds were first passed, as of its last packet. */
const note = (key: string, entry: Entry, context: Context): void => {
  if (entry.found === null && passes(entry.vector, addressesOf(key, entry.vector, context)))
    entry.found = startOf(entry.vector.last, WINDOW) + WINDOW;
};

const detectionOf = (key: string, { vector, found }: Entry, context: Context): Detection => {
  const { scope } = context;
  const address = addressOf(key);
  const dark = addressesOf(key, vector, context);
  const ports = Object.entries(vector.ports).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const [number, protocol] = ports[0]?.[0].includes("/") === true ? ports[0][0].split("/") : [undefined, ports[0]?.[0]];
  return {
    id: detectionId({ detector: NAME, kind: "dos-victim", ...scope, subject: address, opening: vector.first }),
    detector: NAME,
    version: VERSION,
    kind: "dos-victim",
    ...scope,
    source: address,
    protocol: protocol ?? null,
    port: number === undefined ? null : Number(number),
    first: vector.first,
    last: vector.last,
    packets: vector.packets,
    darkAddresses: countOf(vector.dark),
    sensors: Object.keys(vector.sensors).sort(),
    confidence: 0.95,
    family: null,
    held: [],
    evidence: {
      found,
      ports: Object.fromEntries(ports.slice(0, 10)),
      other_ports: vector.others,
      types: Object.fromEntries(Object.entries(vector.classes).sort(([a], [b]) => (a < b ? -1 : 1))),
      seconds: Math.round((vector.last - vector.first) / 1e6),
      busiest_minute: vector.peak,
      asked_rate: Number(scaledRate(dark).toPrecision(3)),
      // Replies a second to the whole address space, in the busiest minute.
      implied_rate: dark === 0 ? null : Number(((vector.peak / 60) * (IPV4_SPACE / dark)).toPrecision(2)),
      packets_by_sensor: Object.fromEntries(Object.entries(vector.sensors).sort(([a], [b]) => (a < b ? -1 : 1))),
      mismatches: vector.mismatches,
    },
    samples: [],
  };
};

interface Judged {
  readonly detections: Detection[];
  readonly complete: Complete[];
}

/** Adds rows in order of time to a host's vectors. One that ended is told before the next begins. */
const addRows = (
  key: string,
  rows: readonly Seen[],
  minutes: readonly number[],
  context: Context,
  ended: (key: string, entry: Entry) => void,
  pending: Pending<Entry>,
): void => {
  let entry = context.ledger.get(key) as Entry | undefined;
  const known = entry !== undefined;
  for (const row of rows) {
    if (entry !== undefined && row.first - entry.vector.last > IDLE) {
      ended(key, entry);
      entry = undefined;
    }
    if (entry === undefined) {
      // A vector begins with the first packet in the hour before a minute that calls for a look.
      const minute = startOf(row.first, MINUTE);
      if (!minutes.some((one) => one >= minute && one - HOUR <= row.first)) continue;
      entry = { vector: emptyVector(row.first), found: null, claim: "", dirty: true };
    }
    // Rows may be cut differently within ten seconds: what holds is looked at where they end.
    if (startOf(row.first, WINDOW) > startOf(entry.vector.last, WINDOW)) note(key, entry, context);
    addReply(entry.vector, row, classes[row.class]!);
    entry.dirty = true;
  }
  if (entry === undefined) {
    context.ledger.delete(key);
    pending.left(key);
    return;
  }
  context.ledger.set(key, entry);
  if (!known) pending.came(key, entry);
};

/** Tells what of these holds: at once what is new, now and then what goes on, at the end what ended. */
function* tell(
  chosen: readonly (readonly [string, Entry])[],
  due: boolean,
  context: Context,
  into: Judged,
): Generator<Question, void, Rows> {
  const holds = (key: string, { vector }: Entry): boolean => passes(vector, addressesOf(key, vector, context));
  const holding = chosen.filter(([key, entry]) => holds(key, entry) && (entry.claim === "" || (due && entry.dirty)));
  const scanning = yield* scanners(holding.map(([key, { vector }]) => [key, vector] as const));
  for (const [key, entry] of holding) {
    if (scanning.has(key)) continue;
    note(key, entry, context);
    const detection = detectionOf(key, entry, context);
    entry.claim = detection.id;
    entry.dirty = false;
    into.detections.push(detection);
  }
  const kept = new Set(into.detections.map(({ id }) => id));
  for (const [key, entry] of chosen) {
    const { vector, claim } = entry;
    if (claim === "" || kept.has(claim) || (holds(key, entry) && !scanning.has(key))) continue;
    // What looked like an attack at first does not any more.
    entry.claim = "";
    into.complete.push({ kinds: ["dos-victim"], source: addressOf(key), since: vector.first, until: vector.last + 1 });
  }
}

const inOrder = (a: readonly [string, Entry, ...unknown[]], b: readonly [string, Entry, ...unknown[]]): number =>
  a[1].vector.first - b[1].vector.first || (a[0] < b[0] ? -1 : 1);

/** Forged replies make a vector of every source that is forged: of too many the least leave that were not told of. */
export const prune = (ledger: Ledger, most: number = P.most): void => {
  const over = ledger.size - most;
  if (over <= 0) return;
  const least: [string, number, number][] = [];
  for (const [key, value] of ledger.entries()) {
    const { claim, vector } = value as Entry;
    if (claim === "") least.push([key, vector.packets, vector.last]);
  }
  least.sort(([a, m, x], [b, n, y]) => m - n || x - y || (a < b ? -1 : 1));
  const pending = pendings.of(ledger);
  for (const [key] of least.slice(0, over)) {
    ledger.delete(key);
    pending.left(key);
  }
  if (pending.isLoose) pendings.forget(ledger);
};

/** Takes rows of a host in: in order of time, with the minutes that call for a look. */
type Adding = (key: string, rows: readonly Seen[], minutes: readonly number[]) => void;

/** Rows of the span: of hosts that call for a look with the hour before, and of attacks that go on. */
function* onward(span: Span, { ledger }: Context, add: Adding): Generator<Question, void, Rows> {
  const found = yield* triggers(P.trigger);
  const fresh = [...found.keys()].filter((key) => ledger.get(key) === undefined).sort();
  const open = [...ledger.keys()].sort();
  for (let at = 0; at < fresh.length; at += NAMED) {
    const part = fresh.slice(at, at + NAMED);
    for (const [key, rows] of byHost(yield rowsOf("victim", REPLY, part, span.from - HOUR, span.to)))
      add(key, rows, found.get(key)!);
  }
  if (open.length === 0) return;
  const wanted = new Set(open);
  for (const [key, rows] of byHost(yield rowsIn("victim", REPLY, open.length <= NAMED ? open : null))) {
    if (wanted.has(key)) add(key, rows, found.get(key) ?? []);
  }
}

/** Hosts that rows came late for, or that those which left were part of: each is made anew from where its attack began. */
function* again(
  span: Span,
  to: number,
  { ledger }: Context,
  { complete }: Judged,
  add: Adding,
): Generator<Question, void, Rows> {
  const { withdrawn } = span;
  const hosts = new Set<string>();
  if (withdrawn === undefined) {
    for (const key of (yield* triggers(P.trigger)).keys()) hosts.add(key);
    if (ledger.size > 0) {
      for (const key of hostsOf(yield hostsIn("victim", REPLY))) if (ledger.get(key) !== undefined) hosts.add(key);
    }
  } else {
    for (const [key, value] of ledger.entries()) {
      const { vector } = value as Entry;
      if (vector.sensors[withdrawn] !== undefined && vector.last >= span.from) hosts.add(key);
    }
  }
  const firstOf = (key: string): number | undefined => (ledger.get(key) as Entry | undefined)?.vector.first;
  const begun = yield* beginnings("victim", REPLY, IDLE, hosts, span, firstOf);

  const pending = pendings.of(ledger);
  const keys = [...hosts].sort();
  for (let at = 0; at < keys.length; at += NAMED) {
    const part = keys.slice(at, at + NAMED);
    const from = part.reduce((least, key) => Math.min(least, begun.get(key)!), Infinity);
    const minutes = yield* triggers(P.trigger, { hosts: part, from, to });
    const rowsBy = new Map(byHost(yield rowsOf("victim", REPLY, part, from, to)));
    for (const key of part) {
      const since = begun.get(key)!;
      const rows = (rowsBy.get(key) ?? []).filter(({ first }) => first >= since);
      const known = ledger.get(key) as Entry | undefined;
      // Rows only come, unless they are withdrawn: where there are fewer, the oldest have left by age, and what is remembered says more.
      const packets = rows.reduce((sum, row) => sum + row.packets, 0);
      if (withdrawn === undefined && packets < (known?.vector.packets ?? 0)) continue;
      complete.push({ kinds: ["dos-victim"], source: addressOf(key), since, until: Infinity });
      ledger.delete(key);
      pending.left(key);
      add(key, rows, minutes.get(key) ?? []);
    }
  }
  if (pending.isLoose) pendings.forget(ledger);
}

function* examine(span: Span, memory: Memory, context: Context): Examination<Memory> {
  const { ledger } = context;
  const into: Judged = { detections: [], complete: [] };
  const late = span.late === true;
  const to = late ? Math.max(memory.position, span.to) : span.to;
  const touched = new Set<string>();
  const over: [string, Entry][] = [];
  const add: Adding = (key, rows, minutes) => {
    addRows(key, rows, minutes, context, (ended, entry) => void over.push([ended, entry]), pendings.of(ledger));
    touched.add(key);
  };
  if (late) yield* again(span, to, context, into, add);
  else yield* onward(span, context, add);
  const pending = pendings.of(ledger);
  const due = late || startOf(span.to, REFRESH) > startOf(span.from, REFRESH);
  const gone = pending.overAt(to);
  for (const key of gone) over.push([key, ledger.get(key) as Entry]);
  const standing: [string, Entry, string, boolean][] = [];
  // Who sent nothing since, and could not be told of then, cannot now.
  for (const key of touched.union(pending.dirty)) {
    const entry = ledger.get(key) as Entry | undefined;
    if (entry !== undefined && !gone.has(key) && entry.dirty) standing.push([key, entry, entry.claim, entry.dirty]);
  }
  yield* tell(over.sort(inOrder), true, context, into);
  yield* tell(
    standing.sort(inOrder).map(([key, entry]) => [key, entry] as const),
    due,
    context,
    into,
  );
  for (const [key, entry] of over) {
    if (ledger.get(key) !== entry) continue;
    ledger.delete(key);
    pending.left(key);
  }
  for (const [key, entry, claim, dirty] of standing) {
    if (entry.claim !== claim || entry.dirty !== dirty) ledger.set(key, entry);
    pending.noted(key, entry);
  }
  prune(ledger);
  return { memory: late ? memory : { position: span.to }, ...into };
}

export const dosVictim: Detector<Memory> = {
  name: NAME,
  version: VERSION,
  about: "A host under denial of service with forged sources, by its replies to dark addresses",
  kinds: ["dos-victim"],
  parameters: dosParameters,
  cadence: { step: MINUTE, longest: HOUR },
  late: "again",
  begin: () => ({ position: 0 }),
  examine,
};
