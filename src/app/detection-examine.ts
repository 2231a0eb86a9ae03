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

/** Realms and exercises that reports speak of. */
export const scopesIn = async (store: FlowStore): Promise<Scope[]> =>
  (await store.query<Scope>("SELECT DISTINCT realm, exercise FROM reports ORDER BY realm, exercise")).rows;

/** Sensors of a scope that reported in the two days before `to`: a day is judged when it is over. */
export const sensorsAt = async (
  store: FlowStore,
  scope: Scope,
  to: number,
  countries: ReadonlyMap<string, string | null>,
): Promise<Sensor[]> => {
  const { rows } = await store.query<{ name: string; dark: number; since: number; error: number | null }>(
    `SELECT sensor AS name, argMaxIf(dark_addresses, interval, interval >= fromUnixTimestamp64Micro({from:Int64})) AS dark, toUnixTimestamp64Micro(min(interval)) AS since,
abs(argMaxIf(clock_offset, interval, interval >= fromUnixTimestamp64Micro({from:Int64}) AND clock_offset IS NOT NULL)) AS error
FROM reports WHERE realm = {realm:String} AND exercise = {exercise:String} AND interval < fromUnixTimestamp64Micro({to:Int64})
GROUP BY sensor HAVING max(interval) >= fromUnixTimestamp64Micro({from:Int64}) ORDER BY sensor`,
    { ...scope, from: Math.max(0, Math.floor(to - 2 * DAY)), to: Math.floor(to) },
  );
  return rows.map(({ name, dark, since, error }) => ({
    name,
    country: countries.get(name) ?? null,
    darkAddresses: dark,
    since,
    clockError: error,
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
