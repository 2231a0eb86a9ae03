// SPDX-License-Identifier: Apache-2.0
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Context, Detector, Ledger, Owners, Scope, Sensor, Span, Verdict } from "../detect/detector.ts";
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
const SPACE = 2 ** 32;

/** Realms and exercises that reports speak of. */
export const scopesIn = async (store: FlowStore): Promise<Scope[]> =>
  (await store.query<Scope>("SELECT DISTINCT realm, exercise FROM reports ORDER BY realm, exercise")).rows;

/** A sensor is silent in these five minutes where no report covers any part of them: up-time as the portal shows it. */
const BEAT = 300e6;

interface Heard {
  readonly name: string;
  readonly dark: number;
  readonly since: number;
  readonly until: number;
  readonly error: number | null;
  /** Beats in which reports begin, and the last that one of these reaches. */
  readonly beats: readonly (readonly [number, number])[];
}
/** Times between `from` and the last report that no report covers. */
const silentOf = ({ since, beats }: Heard, from: number): [number, number][] => {
  const silent: [number, number][] = [];
  let heard = Math.floor(Math.max(from, since) / BEAT);
  for (const [begins, ends] of beats.toSorted(([a], [b]) => a - b)) {
    if (begins > heard) silent.push([heard * BEAT, begins * BEAT]);
    heard = Math.max(heard, ends + 1);
  }
  return silent;
};

/** Sensors of a scope that reported in the two days before `to`: a day is judged when it is over. */
export const sensorsAt = async (
  store: FlowStore,
  scope: Scope,
  to: number,
  countries: ReadonlyMap<string, string | null>,
): Promise<Sensor[]> => {
  const from = Math.max(0, Math.floor(to - 2 * DAY));
  const own =
    "realm = {realm:String} AND exercise = {exercise:String} AND interval < fromUnixTimestamp64Micro({to:Int64})";
  // No report covers more than a day.
  const { rows } = await store.query<Heard>(
    `SELECT sensor AS name, argMax(dark, at) AS dark, any(firsts.since) AS since, max(ended) AS until, abs(argMaxIf(offset, told, isNotNull(offset))) AS error, groupArray((beat, intDiv(ended - 1, ${BEAT}))) AS beats
FROM (SELECT sensor, intDiv(toUnixTimestamp64Micro(interval), ${BEAT}) AS beat, max(toUnixTimestamp64Micro(interval)) AS at, max(toUnixTimestamp64Micro(interval) + toInt64(greatest(interval_length, 1))) AS ended,
  argMax(dark_addresses, interval) AS dark, argMaxIf(clock_offset, interval, isNotNull(clock_offset)) AS offset, maxIf(interval, isNotNull(clock_offset)) AS told
  FROM reports WHERE ${own} AND interval >= fromUnixTimestamp64Micro({from:Int64} - ${DAY}) GROUP BY sensor, beat) AS heard
INNER JOIN (SELECT sensor, toUnixTimestamp64Micro(min(interval)) AS since FROM reports WHERE ${own} GROUP BY sensor) AS firsts USING sensor
GROUP BY sensor HAVING max(at) >= {from:Int64} ORDER BY sensor`,
    { ...scope, from, to: Math.floor(to) },
  );
  return rows.map((row) => ({
    name: row.name,
    country: countries.get(row.name) ?? null,
    // A sensor that says more than there are in the IPv4 space watches IPv6 (`DarkSet.reported`); how many else is not told.
    darkAddresses: row.dark > SPACE ? 0 : row.dark,
    ...(row.dark === 0 ? { blind: true } : {}),
    since: row.since,
    until: row.until,
    silent: silentOf(row, from),
    clockError: row.error,
  }));
};

/**
 * How far one question of a detector may go. Nobody waits for it: what is large goes to disk rather than beside everything else into memory, and a machine that is busy
 * has its time, for what was broken off would be asked again and broken off again.
 */
const limits: QueryLimits = { seconds: 600, memory: 2 ** 31, spill: 192 * 2 ** 20 };

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
