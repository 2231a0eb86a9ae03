// SPDX-License-Identifier: Apache-2.0

/** Intervals older than this are final. */
export const FINAL = 25 * 3_600e6;
/** An interval is judged again at most this often, by the node's clock; older backlog waits as long for more to come. */
const PATIENCE = 60e6;
/** What is late by no more than this is judged again at once. */
const JUST = 120e6;

/** A stretch that must be judged again. */
export interface Late {
  readonly from: number;
  readonly to: number;
  /** Whose rows left in it; undefined: rows came late. */
  readonly withdrawn: string | undefined;
}
/** Rows of a sensor since a time have left the store. */
export interface Withdrawal {
  readonly sensor: string;
  /** Event time. */
  readonly since: number;
}
interface Waiting extends Withdrawal {
  readonly until: number;
  readonly late: Late;
  readonly done: () => void;
}

/** What one course must judge again: intervals that something came late for, and what was withdrawn. */
export class Backlog {
  readonly #step: number;
  readonly #longest: number;
  readonly #now: () => number;
  /** Starts of intervals of the step. */
  readonly #late = new Set<number>();
  #withdrawn: Late[] = [];
  /** Who waits until what was withdrawn is judged again. */
  #waiting: Waiting[] = [];
  /** When intervals were judged again, by their start. */
  readonly #again = new Map<number, number>();
  #lookedAt = -Infinity;
  #since = Infinity;
  /** Late stretches that are being judged. */
  #judging = 0;

  constructor({ step, longest }: { readonly step: number; readonly longest: number }, now: () => number) {
    this.#step = step;
    this.#longest = longest;
    this.#now = now;
  }

  get size(): number {
    return this.#late.size + this.#withdrawn.length + this.#judging;
  }
  /** Somebody waits for a withdrawal. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }
  /** Node's clock when the oldest of it came; what was found at a restart came at some time since the last word before it. */
  get since(): number {
    return this.#since;
  }
  noticeSince(at: number): void {
    this.#since = Math.min(this.#since, at);
  }
  #notice(): void {
    if (this.size === 0) this.#since = this.#now();
  }

  /** Something came for this interval, and rows have been read up to `reach`. */
  arrived(interval: number, length: number, reach: number): void {
    if (interval >= reach || interval < reach - FINAL) return;
    this.#notice();
    const end = Math.min(interval + Math.max(1, length), reach);
    for (let at = Math.floor(interval / this.#step) * this.#step; at < end; at += this.#step) this.#late.add(at);
  }
  /** Rows left, of which some may have been judged up to `until`. */
  withdrew(withdrawal: Withdrawal, until: number, done: () => void): void {
    if (withdrawal.since >= until) return done();
    this.#notice();
    const from = Math.floor(withdrawal.since / this.#step) * this.#step;
    const late = { from, to: until, withdrawn: withdrawal.sensor };
    this.#withdrawn.push(late);
    this.#waiting.push({ ...withdrawal, until, late, done });
  }

  /** What may be judged now, contiguous intervals together. */
  due(reach: number): Late[] {
    const now = this.#now();
    for (const [start, at] of this.#again) if (now - at >= PATIENCE) this.#again.delete(start);
    const backlog = now - this.#lookedAt >= PATIENCE;
    if (backlog) this.#lookedAt = now;
    const due: { from: number; to: number; withdrawn: undefined }[] = [];
    for (const start of [...this.#late].sort((a, b) => a - b)) {
      if (this.#again.has(start) || (!backlog && start < reach - JUST - this.#step)) continue;
      this.#late.delete(start);
      this.#again.set(start, now);
      const last = due.at(-1);
      if (last !== undefined && last.to === start && start - last.from < this.#longest) last.to = start + this.#step;
      else due.push({ from: start, to: start + this.#step, withdrawn: undefined });
    }
    this.#judging = due.length;
    return [...due, ...this.#withdrawn];
  }
  /** These were judged, or their judging has begun. */
  took(due: readonly Late[]): void {
    this.#withdrawn = this.#withdrawn.filter((one) => !due.includes(one));
    this.#judging = 0;
    if (this.size === 0) this.#since = Infinity;
  }
  /** The withdrawal that a late stretch is of. */
  withdrawalOf(late: Late): Withdrawal | undefined {
    return this.#waiting.find((one) => one.late === late);
  }
  /** Withdrawals whose judging has begun. */
  begun(): Withdrawal[] {
    return this.#waiting.filter(({ late }) => !this.#withdrawn.includes(late));
  }
  /** Everything up to this position was judged: who waited for no more is told. */
  settle(position: number): void {
    this.#waiting = this.#waiting.filter(({ until, late, done }) => {
      if (this.#withdrawn.includes(late) || position < until) return true;
      done();
      return false;
    });
  }

  /** What is judged goes back to the present. */
  present(): void {
    this.#again.clear();
    this.#lookedAt = -Infinity;
    this.noticeSince(this.#now());
  }
  /** What was remembered is read again: what came late is found again by when it was received, and whatever is waited for is begun once more. */
  reopen(): void {
    this.#late.clear();
    this.#again.clear();
    this.#judging = 0;
    this.#withdrawn = this.#waiting.map(({ late }) => late);
  }
}
