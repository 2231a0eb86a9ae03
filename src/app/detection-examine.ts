// SPDX-License-Identifier: Apache-2.0
import type { Context, Detector, Ledger, Owners, Scope, Sensor, Span, Verdict } from "../detect/detector.ts";
import type { FlowStore, QueryLimits } from "../store/flows/store.ts";

/** A detector's entries in memory, and which of them changed since they were last written down. */
export class MemoryLedger implements Ledger {
  readonly #entries: Map<string, unknown>;
  #changed = new Set<string>();

  constructor(entries: Iterable<readonly [string, unknown]> = []) {
    this.#entries = new Map(entries);
  }
  get size(): number {
    return this.#entries.size;
  }
  get(key: string): unknown {
    return this.#entries.get(key);
  }
  set(key: string, value: unknown): void {
    this.#entries.set(key, value);
    this.#changed.add(key);
  }
  delete(key: string): void {
    if (this.#entries.delete(key)) this.#changed.add(key);
  }
  entries(): IterableIterator<[string, unknown]> {
    return this.#entries.entries();
  }
  get changes(): number {
    return this.#changed.size;
  }
  /** The keys that changed, each with its value or undefined when it left; they count as written down from now on. */
  take(): [string, unknown][] {
    const changed = [...this.#changed].map((key): [string, unknown] => [key, this.#entries.get(key)]);
    this.#changed = new Set();
    return changed;
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

/** How far one question of a detector may go. */
const limits: QueryLimits = { seconds: 60, memory: 2 ** 31 };

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
