// SPDX-License-Identifier: Apache-2.0

/** Which sequence numbers of one sensor are in the store, as runs: usually one. */
export class Sequences {
  /** Ascending, disjoint, never touching: [first, last] inclusive. */
  readonly #runs: [number, number][] = [];

  get runs(): readonly (readonly [number, number])[] {
    return this.#runs;
  }

  /** Index of the first run that ends at or behind `sequence`. */
  #at(sequence: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]![1] < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  has(sequence: number): boolean {
    const run = this.#runs[this.#at(sequence)];
    return run !== undefined && run[0] <= sequence;
  }

  /** Takes in every number from `first` to `last`. */
  add(first: number, last = first): void {
    let at = this.#at(first - 1);
    const start = at;
    let [low, high] = [first, last];
    for (let run = this.#runs[at]; run !== undefined && run[0] <= last + 1; run = this.#runs[++at]) {
      low = Math.min(low, run[0]);
      high = Math.max(high, run[1]);
    }
    this.#runs.splice(start, at - start, [low, high]);
  }
}
