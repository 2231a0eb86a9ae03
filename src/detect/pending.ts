// SPDX-License-Identifier: Apache-2.0
import type { Ledger } from "./detector.ts";
import { startOf } from "./rows.ts";

const MINUTE = 60e6;

/** What a detector says of its entries. */
export interface Looks<Entry> {
  /** When an entry is over if nothing more comes, microseconds. */
  endOf(key: string, entry: Entry): number;
  /** Changed since it was told, and might be told of. */
  isDirty(entry: Entry): boolean;
}

/** Entries of a ledger that may have something to tell, so that a step looks at no others. It can be made anew from the ledger. */
export class Pending<Entry> {
  readonly dirty = new Set<string>();
  readonly #ledger: Ledger;
  readonly #looks: Looks<Entry>;
  /** Keys by a minute before whose end they are not over. */
  readonly #ends = new Map<number, string[]>();
  /** Keys in `ends`; who was let go and came back stands in it twice. */
  #waiting = 0;

  constructor(ledger: Ledger, looks: Looks<Entry>) {
    this.#ledger = ledger;
    this.#looks = looks;
    for (const [key, value] of ledger.entries()) {
      this.came(key, value as Entry);
      this.noted(key, value as Entry);
    }
  }

  /** An entry is new in the ledger. */
  came(key: string, entry: Entry): void {
    const minute = startOf(this.#looks.endOf(key, entry), MINUTE);
    const keys = this.#ends.get(minute);
    if (keys === undefined) this.#ends.set(minute, [key]);
    else keys.push(key);
    this.#waiting++;
  }

  /** An entry was looked at. */
  noted(key: string, entry: Entry): void {
    if (this.#looks.isDirty(entry)) this.dirty.add(key);
    else this.dirty.delete(key);
  }

  /** An entry has left the ledger. */
  left(key: string): void {
    this.dirty.delete(key);
  }

  /** Keys that are over at a time. The others are looked at again in the minute in which they may be. */
  overAt(to: number): Set<string> {
    const over = new Set<string>();
    for (const [minute, keys] of this.#ends) {
      if (minute >= to) continue;
      this.#ends.delete(minute);
      this.#waiting -= keys.length;
      for (const key of keys) {
        const entry = this.#ledger.get(key) as Entry | undefined;
        if (entry === undefined) continue;
        if (this.#looks.endOf(key, entry) < to) over.add(key);
        else this.came(key, entry);
      }
    }
    return over;
  }

  /** Most of what it holds has left the ledger: it is better made anew. */
  get isLoose(): boolean {
    return this.#waiting > 2 * this.#ledger.size;
  }
}

/** One for each ledger, for as long as it fits. */
export const createPending = <Entry>(looks: Looks<Entry>) => {
  const known = new WeakMap<Ledger, Pending<Entry>>();
  return {
    of: (ledger: Ledger): Pending<Entry> => {
      let pending = known.get(ledger);
      if (pending === undefined) known.set(ledger, (pending = new Pending(ledger, looks)));
      return pending;
    },
    /** The ledger was changed apart from it. */
    forget: (ledger: Ledger): void => void known.delete(ledger),
  };
};
