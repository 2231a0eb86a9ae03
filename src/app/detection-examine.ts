// SPDX-License-Identifier: Apache-2.0
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Context, Detector, Ledger, Owners, Scope, Sensor, Span, Verdict } from "../detect/detector.ts";
import { IPV4_SPACE } from "../model/report.ts";
import type { FlowStore, QueryLimits } from "../store/flows/store.ts";

/** Texts longer than this are kept packed: snapshots of a whole memory, which are read when rows come late. */
const LONG = 65_536;
const pack = (text: string): string | Uint8Array => (text.length > LONG ? deflateRawSync(text, { level: 1 }) : text);
const unpack = (held: string | Uint8Array): unknown =>
  JSON.parse(typeof held === "string" ? held : inflateRawSync(held).toString()) as unknown;
/** A value as somebody works with it. */
interface Open {
  value: unknown;
}

/**
 * A detector's entries in memory, and which of them changed since they were last written down. What nobody has looked at since lies as the text that was written down: most
 * sources have sent one packet, and as objects they would take five times as much.
 */
export class MemoryLedger implements Ledger {
  readonly #entries = new Map<string, string | Uint8Array | Open>();
  #changed = new Set<string>();
  #open = new Set<string>();

  /** Entries as they were written down. */
  constructor(entries: Iterable<readonly [string, string]> = []) {
    for (const [key, text] of entries) this.#entries.set(key, pack(text));
  }
  get size(): number {
    return this.#entries.size;
  }
  get(key: string): unknown {
    const held = this.#entries.get(key);
    if (held === undefined) return undefined;
    if (typeof held !== "string" && "value" in held) return held.value;
    const value = unpack(held);
    this.#entries.set(key, { value });
    this.#open.add(key);
    return value;
  }
  set(key: string, value: unknown): void {
    const held = this.#entries.get(key);
    if (typeof held === "object" && "value" in held) held.value = value;
    else {
      this.#entries.set(key, { value });
      this.#open.add(key);
    }
    this.#changed.add(key);
  }
  delete(key: string): void {
    if (!this.#entries.delete(key)) return;
    this.#changed.add(key);
    this.#open.delete(key);
  }
  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }
  *entries(): IterableIterator<[string, unknown]> {
    for (const [key, held] of this.#entries) {
      yield [key, typeof held !== "string" && "value" in held ? held.value : unpack(held)];
    }
  }
  get changes(): number {
    return this.#changed.size;
  }
  /** The keys that changed, each with its value as text or undefined when it left; they count as written down from now on. */
  take(): [string, string | undefined][] {
    const taken: [string, string | undefined][] = [];
    for (const key of this.#open) {
      const held = this.#entries.get(key) as Open;
      const text = JSON.stringify(held.value);
      this.#entries.set(key, pack(text));
      if (this.#changed.delete(key)) taken.push([key, text]);
    }
    // What is left of them is gone.
    for (const key of this.#changed) taken.push([key, undefined]);
    this.#changed = new Set();
    this.#open = new Set();
    return taken;
  }
}

/** What a node knows beside the flows. */
export interface Surroundings {
  owners(): Owners;
  readonly home: string | null;
  researcher(address: string): string | null;
}

const DAY = 86_400e6;

/** Realms and exercises that reports speak of. */
export const scopesIn = async (store: FlowStore): Promise<Scope[]> =>
  (await store.query<Scope>("SELECT DISTINCT realm, exercise FROM reports ORDER BY realm, exercise")).rows;

/**
 * How far one question of a detector may go. Nobody waits for it: what is large goes to disk rather than beside everything else into memory, and a machine that is busy
 * has its time, for what was broken off would be asked again and broken off again.
 */
const limits: QueryLimits = { seconds: 600, memory: 2 ** 31, spill: 192 * 2 ** 20 };

/** A sensor is silent in these five minutes where no report covers any part of them: up-time as the portal shows it. */
const BEAT = 300e6;

/** What the reports of a sensor that begin in five minutes say, the newest of them; microseconds. */
interface Heard {
  readonly name: string;
  readonly first: number;
  readonly last: number;
  readonly until: number;
  readonly dark: number;
  readonly offset: number | null;
}
/** By sensor, in order of time. */
type HeardOf = ReadonlyMap<string, readonly Heard[]>;

const own =
  "FROM reports WHERE realm = {realm:String} AND exercise = {exercise:String} AND interval < fromUnixTimestamp64Micro({to:Int64})";
const heardIn = async (store: FlowStore, scope: Scope, from: number, to: number): Promise<HeardOf> => {
  const at = "toUnixTimestamp64Micro(interval)";
  const { rows } = await store.query<Heard>(
    `SELECT sensor AS name, min(${at}) AS first, max(${at}) AS last, max(${at} + toInt64(greatest(interval_length, 1))) AS until, argMax(dark_addresses, interval) AS dark, argMaxIf(clock_offset, interval, clock_offset IS NOT NULL) AS offset
${own} AND interval >= fromUnixTimestamp64Micro({from:Int64}) GROUP BY sensor, intDiv(toUnixTimestamp64Micro(interval), ${BEAT}) ORDER BY sensor, first`,
    { ...scope, from, to },
    limits,
  );
  return Map.groupBy(rows, ({ name }) => name);
};

/** Times between `from` and the last report that no report covers. */
const silentOf = (heard: readonly Heard[], from: number): [number, number][] => {
  const silent: [number, number][] = [];
  let covered = Math.floor(from / BEAT);
  for (const { first, until } of heard) {
    const begins = Math.floor(first / BEAT);
    if (begins > covered) silent.push([covered * BEAT, begins * BEAT]);
    covered = Math.max(covered, Math.floor((until - 1) / BEAT) + 1);
  }
  return silent;
};
/** Where the reports from a time on begin. */
const placeOf = (heard: readonly Heard[], time: number): number => {
  let low = 0;
  for (let high = heard.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (heard[middle]!.first < time) low = middle + 1;
    else high = middle;
  }
  return low;
};
/** No report covers more. */
const LONGEST = DAY;
const isTold = ({ offset }: Heard): boolean => offset !== null;

/** The sensors that reported in the two days before `to`: a day is judged when it is over. */
const sensorsOf = (
  heard: HeardOf,
  since: ReadonlyMap<string, number>,
  to: number,
  countries: ReadonlyMap<string, string | null>,
): Sensor[] => {
  const from = Math.max(0, to - 2 * DAY);
  return [...heard].flatMap(([name, all]) => {
    const reports = all.slice(placeOf(all, from - LONGEST), placeOf(all, to));
    const newest = reports.at(-1);
    if (newest === undefined || newest.last < from) return [];
    const first = since.get(name) ?? newest.first;
    const offset = reports.findLast(isTold)?.offset ?? null;
    return {
      name,
      country: countries.get(name) ?? null,
      // A sensor that says more than there are in the IPv4 space watches IPv6 (`DarkSet.reported`); how many else is not told.
      darkAddresses: newest.dark > IPV4_SPACE ? 0 : newest.dark,
      ...(newest.dark === 0 ? { blind: true } : {}),
      since: first,
      until: reports.reduce((most, { until }) => Math.max(most, until), 0),
      silent: silentOf(reports, Math.max(from, first)),
      clockError: offset === null ? null : Math.abs(offset),
    };
  });
};

/** Sensors of a scope as of an event time. */
export const sensorsAt = async (
  store: FlowStore,
  scope: Scope,
  to: number,
  countries: ReadonlyMap<string, string | null>,
): Promise<Sensor[]> => {
  const end = Math.floor(to);
  const heard = await heardIn(store, scope, Math.max(0, end - 2 * DAY - LONGEST), end);
  const { rows } = await store.query<{ name: string; since: number }>(
    `SELECT sensor AS name, toUnixTimestamp64Micro(min(interval)) AS since ${own} GROUP BY sensor`,
    { ...scope, to: end },
  );
  return sensorsOf(heard, new Map(rows.map(({ name, since }) => [name, since])), end, countries);
};
/** The same of a history that does not change meanwhile: read once, asked for any time before `to`. */
export const sensorsBefore = async (
  store: FlowStore,
  scope: Scope,
  to: number,
  countries: ReadonlyMap<string, string | null>,
): Promise<(to: number) => Sensor[]> => {
  const heard = await heardIn(store, scope, 0, to);
  const since = new Map([...heard].map(([name, [first]]) => [name, first!.first]));
  return (time) => sensorsOf(heard, since, time, countries);
};

/** Drives a detector over one span: asks what it asks. @throws AppError of the store. */
export const examineSpan = async (
  store: FlowStore,
  detector: Detector,
  span: Span,
  memory: unknown,
  context: Context,
): Promise<Verdict<unknown>> => {
  const examination = detector.examine(span, memory, context);
  let step = examination.next();
  while (step.done !== true) {
    const { sql, parameters } = step.value;
    const { rows } = await store.query<Readonly<Record<string, unknown>>>(
      sql,
      { from: span.from, to: span.to, ...context.scope, ...parameters },
      limits,
    );
    step = examination.next(rows);
  }
  return step.value;
};
