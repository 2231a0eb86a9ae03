// SPDX-License-Identifier: Apache-2.0
import { REMEMBERED } from "./hashes.ts";
import type { Hashes } from "./hashes.ts";

/** Gaps that are remembered; beyond, the oldest is closed for good. */
const RANGES = 1_024;
/** A missing batch may come as long as it is not further behind the newest than this. */
const WINDOW = REMEMBERED;

/** What is written down of a sensor's sequences. */
export interface SeenState {
  /** At or below, what was not received is refused as too old. */
  readonly floor: number;
  /** Received sequences above the floor, as ascending pairs [first, last] that do not touch. */
  readonly ranges: readonly (readonly [number, number])[];
}
export type Standing = "new" | "repeated" | "reused" | "too-old";

/** Which batches of one sensor the node has: they may come twice, late and out of order. Memory is bounded. */
export class Seen {
  #floor: number;
  #ranges: [number, number][];
  /** Of the newest ones, to tell a repetition from other rows under a used number. */
  readonly #hashes: Hashes;

  constructor(hashes: Hashes, state: SeenState = { floor: 0, ranges: [] }) {
    this.#hashes = hashes;
    this.#floor = state.floor;
    this.#ranges = state.ranges.map(([first, last]) => [first, last]);
  }

  get highest(): number {
    return this.#ranges.at(-1)?.[1] ?? this.#floor;
  }

  /** Sequences between the ones received that have not come: lost by the sensor for want of room, or still on their way. */
  get gaps(): { first: number; last: number }[] {
    return this.#ranges.slice(1).map(([first], i) => ({ first: (this.#ranges[i]?.[1] ?? 0) + 1, last: first - 1 }));
  }

  get state(): SeenState {
    return { floor: this.#floor, ranges: this.#ranges };
  }

  /** Lets go of the file. */
  close(): void {
    this.#hashes.close();
  }

  standing(sequence: number, hash: string): Standing {
    for (let i = this.#ranges.length - 1; i >= 0; i--) {
      const [first, last] = this.#ranges[i] as [number, number];
      if (sequence > last) break;
      if (sequence < first) continue;
      const same = this.#hashes.same(sequence, hash);
      // So long ago that nobody can tell: said, so that nothing is lost in silence.
      if (same === undefined) return sequence < this.highest - WINDOW ? "too-old" : "repeated";
      return same ? "repeated" : "reused";
    }
    return sequence <= this.#floor || sequence < this.highest - WINDOW ? "too-old" : "new";
  }

  add(sequence: number, hash: string): void {
    this.#hashes.note(sequence, hash);
    let at = this.#ranges.length;
    while (at > 0 && (this.#ranges[at - 1]?.[0] ?? 0) > sequence) at--;
    const before = this.#ranges[at - 1];
    const after = this.#ranges[at];
    if (before !== undefined && sequence <= before[1]) return;
    if (before !== undefined && before[1] + 1 === sequence) {
      before[1] = sequence;
      if (after !== undefined && after[0] === sequence + 1) {
        before[1] = after[1];
        this.#ranges.splice(at, 1);
      }
    } else if (after !== undefined && after[0] === sequence + 1) after[0] = sequence;
    else this.#ranges.splice(at, 0, [sequence, sequence]);
    if (this.#ranges.length > RANGES) this.#floor = this.#ranges.shift()?.[1] ?? this.#floor;
  }
}
