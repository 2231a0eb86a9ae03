// SPDX-License-Identifier: Apache-2.0
import type { Scope } from "../detect/detector.ts";
import { systemActor } from "../model/actor.ts";
import type { Desk } from "../store/desk/desk.ts";
import type { FlowStore } from "../store/flows/store.ts";
import { positionsOf } from "./detection-desk.ts";

/** So long after the last report of a scope everything that was open in it has come to its end, microseconds. */
const TAIL = 2 * 86_400e6;

export const nameOf = ({ realm, exercise }: Scope): string => JSON.stringify([realm, exercise]);

/** Up to when scopes are judged: the real ones always, and a drill until nothing in it changes any more, though its reports stay for ever. */
export class ScopeEnds {
  readonly #store: FlowStore;
  readonly #now: () => number;
  readonly #ends = new Map<string, number>();
  /** Scopes that something came for since they were last looked at. */
  readonly #heard = new Set<string>();

  constructor(store: FlowStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** Event time; 0: no report of the drill is known. */
  endOf(scope: Scope): number {
    return scope.exercise === "" ? Infinity : (this.#ends.get(nameOf(scope)) ?? 0);
  }
  heard(scope: Scope, time: number): void {
    this.#heard.add(nameOf(scope));
    this.#extend(scope, time);
  }
  isHeard(scope: Scope): boolean {
    return this.#heard.has(nameOf(scope));
  }
  #extend(scope: Scope, time: number): void {
    // A sensor whose clock is ahead keeps nothing open for longer.
    const name = nameOf(scope);
    this.#ends.set(name, Math.max(this.#ends.get(name) ?? 0, Math.min(time, this.#now()) + TAIL));
  }
  /** Reads the last reports; gives their scopes. */
  async read(): Promise<Scope[]> {
    this.#heard.clear();
    const { rows } = await this.#store.query<Scope & { last: number }>(
      "SELECT realm, exercise, toUnixTimestamp64Micro(max(interval)) AS last FROM reports GROUP BY realm, exercise ORDER BY realm, exercise",
    );
    for (const { last, ...scope } of rows) this.#extend(scope, last);
    return rows.map(({ realm, exercise }) => ({ realm, exercise }));
  }
  /** Scopes with reports that are not judged to their end; a detector that never ran there begins at `begin`. */
  async open(desk: Desk, detectors: readonly string[], begin: number): Promise<Scope[]> {
    const scopes = await this.read();
    const reached = new Map(
      (await desk.as(systemActor, (trx) => positionsOf(trx, detectors))).map((one) => [nameOf(one), one.position]),
    );
    return scopes.filter((scope) => (reached.get(nameOf(scope)) ?? begin) < this.endOf(scope));
  }
}
