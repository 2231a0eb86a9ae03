// SPDX-License-Identifier: Apache-2.0
import type { Complete, Context, Detector, Scope, Sensor, Span } from "../detect/detector.ts";
import { systemActor } from "../model/actor.ts";
import type { Detection } from "../model/detection.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import type { FlowStore } from "../store/flows/store.ts";
import { loadCursor, loadLedger, moveCursor, saveCursor, saveLedger, notAgain, takenBack } from "./detection-desk.ts";
import { MemoryLedger, examineSpan } from "./detection-examine.ts";
import { pastOf } from "./detection-past.ts";
import { Standing } from "./detection-standing.ts";
import type { Surroundings } from "./detection-examine.ts";

const HOUR = 3_600e6;
/** Intervals older than this are final. */
export const FINAL = 25 * HOUR;
/** How often what is remembered is written down, by the node's clock. */
const CHECKPOINT = 60e6;
/** An interval is judged again at most this often, by the node's clock; older backlog waits as long for more to come. */
const PATIENCE = 60e6;
/** What is late by no more than this is judged again at once. */
const JUST = 120e6;
/** A span that took less may be followed by a longer one, in a past that is caught up with; milliseconds. */
const QUICK = 250;
/** What is received is noted a little after it can be seen: so much is looked back at a restart. */
const OVERLAP = 10e6;

/** Takes what a span brought, inside the transaction that moves the cursor. */
export type Take = (
  trx: DeskTransaction,
  detections: readonly Detection[],
  context: { readonly now: number; readonly withdrawn: readonly string[] },
) => Promise<unknown>;

export interface CourseOptions {
  readonly store: FlowStore;
  readonly desk: Desk;
  readonly around: Surroundings;
  readonly take: Take;
  /** Node's clock, microseconds UTC. */
  now(): number;
  /** Sensors of a scope, as of an event time. */
  sensors(scope: Scope, to: number): Promise<readonly Sensor[]>;
  /** Where a detector begins that never ran here: event time. */
  begin(scope: Scope): Promise<number>;
}

/** A stretch that must be judged again, and whose rows were withdrawn in it (undefined: rows came late). */
interface Late {
  readonly from: number;
  readonly to: number;
  readonly withdrawn: string | undefined;
}

/**
 * One detector in one scope, in order of time. Its cursor, its memory and what `take` writes move in one transaction; what it
 * remembers of many subjects is written down once a minute, and after a restart the time since is judged again: the same flows
 * give the same claims, so nothing is lost and nothing doubled.
 */
export class Course {
  readonly detector: Detector;
  readonly scope: Scope;
  readonly #options: CourseOptions;
  #context: Context | null = null;
  #ledger = new MemoryLedger();
  #memory: unknown = null;
  #position = 0;
  #checkpoint = 0;
  #checkpointAt = 0;
  /** The cursor is written down as of this checkpoint: until the next one only its position moves. */
  #written = false;
  /** Up to where rows may have been read: what comes for a time before it is late. */
  #reach = 0;
  /** Event time up to which the desk has been told; what a restart judges again before it is held back, so that no claim goes back. */
  #told = 0;
  #heldBack = new Standing();
  #heldComplete: Complete[] = [];
  #length: number;
  /** Starts of the intervals (of the cadence's step) that rows came late for. */
  readonly #late = new Set<number>();
  #withdrawn: Late[] = [];
  /** Withdrawals told of before the cursor was read. */
  #untold: (() => void)[] = [];
  /** Who waits until what was withdrawn is judged again. */
  #waiting: { readonly until: number; readonly late: Late; readonly done: () => void }[] = [];
  /** When intervals were judged again, by their start. */
  readonly #again = new Map<number, number>();
  #backlogAt = -Infinity;
  /** Node's clock when the oldest of them came. */
  #lateSince = Infinity;
  /** Late stretches that are being judged. */
  #catching = 0;
  /** Memory as of the checkpoint, and from when on what was received may not be in it. */
  #kept: unknown = null;
  #savedAt = 0;
  /** Positions of which the ledger has the memory (`@POSITION`), ascending. */
  #snapshots: number[] = [];

  constructor(detector: Detector, scope: Scope, options: CourseOptions) {
    this.detector = detector;
    this.scope = scope;
    this.#options = options;
    this.#length = detector.cadence.step;
  }

  get position(): number {
    return this.#position;
  }
  get late(): number {
    return this.#late.size + this.#withdrawn.length + this.#catching;
  }
  get remembered(): number {
    return this.#ledger.size;
  }

  /** Reads where it stood. */
  async open(): Promise<void> {
    const { detector, scope } = this;
    const { desk, around, store, now } = this.#options;
    const { cursor, entries } = await desk.as(systemActor, async (trx) => ({
      cursor: await loadCursor(trx, detector.name, scope),
      entries: await loadLedger(trx, detector.name, scope),
    }));
    this.#ledger = new MemoryLedger(entries);
    this.#snapshots = entries
      .flatMap(([key]) => (key.startsWith("@") ? [Number(key.slice(1))] : []))
      .sort((a, b) => a - b);
    this.#memory = cursor?.memory ?? detector.begin();
    const { step } = detector.cadence;
    this.#position = cursor?.checkpoint ?? Math.floor((await this.#options.begin(scope)) / step) * step;
    this.#checkpoint = this.#reach = this.#position;
    this.#told = cursor?.position ?? 0;
    this.#written = cursor !== null;
    this.#heldBack = new Standing();
    this.#heldComplete = [];
    this.#checkpointAt = this.#savedAt = now();
    this.#kept = structuredClone(this.#memory);
    this.#length = step;
    this.#late.clear();
    this.#again.clear();
    this.#catching = 0;
    if (detector.late === "rewind" && this.#snapshots.length === 0) {
      this.#snapshots.push(this.#position);
      this.#ledger.set(`@${this.#position}`, structuredClone(this.#memory));
    }
    if (cursor !== null) {
      const { rows } = await store.query<{ t: number; n: number }>(
        "SELECT toUnixTimestamp64Micro(interval) AS t, toInt64(interval_length) AS n FROM reports WHERE realm = {realm:String} AND exercise = {exercise:String} AND received >= fromUnixTimestamp64Micro({at:Int64}) AND interval < fromUnixTimestamp64Micro({to:Int64}) AND flow_rows > 0",
        { ...scope, at: Math.floor(cursor.at - OVERLAP), to: this.#position },
      );
      for (const { t, n } of rows) this.arrived(t, n);
    }
    this.#context = {
      scope,
      owners: around.owners(),
      home: around.home,
      researcher: (address) => around.researcher(address),
      sensors: [],
      ledger: this.#ledger,
      past: pastOf(store),
    };
    for (const tell of this.#untold.splice(0)) tell();
  }

  /** Rows of this interval can be seen. */
  arrived(interval: number, length: number): void {
    if (interval >= this.#reach || interval < this.#reach - FINAL) return;
    this.#notice();
    const { step } = this.detector.cadence;
    const end = Math.min(interval + Math.max(1, length), this.#reach);
    for (let at = Math.floor(interval / step) * step; at < end; at += step) this.#late.add(at);
  }
  /** Rows of a sensor from this time on have left the store. Resolves when all that had been judged of them is judged again. */
  withdrew(sensor: string, since: number): Promise<void> {
    return new Promise((resolve) => {
      const tell = (): void => {
        // What was told beyond the checkpoint is judged again anyway, and without the rows that left.
        const until = Math.max(this.#reach, this.#told);
        if (since >= until) return resolve();
        const { step } = this.detector.cadence;
        const late = { from: Math.floor(since / step) * step, to: this.#reach, withdrawn: sensor };
        if (since < this.#reach) {
          this.#notice();
          this.#withdrawn.push(late);
        }
        this.#waiting.push({ until, late, done: resolve });
      };
      if (this.#context === null) this.#untold.push(tell);
      else tell();
    });
  }
  #settle(): void {
    this.#waiting = this.#waiting.filter(({ until, late, done }) => {
      if (this.#withdrawn.includes(late) || this.#position < until) return true;
      done();
      return false;
    });
  }
  #notice(): void {
    if (this.late === 0) this.#lateSince = this.#options.now();
  }

  /** Late stretches that may be judged now, contiguous intervals together. */
  #due(): Late[] {
    const now = this.#options.now();
    const { step, longest } = this.detector.cadence;
    for (const [start, at] of this.#again) if (now - at >= PATIENCE) this.#again.delete(start);
    const backlog = now - this.#backlogAt >= PATIENCE;
    if (backlog) this.#backlogAt = now;
    const due: { from: number; to: number; withdrawn: undefined }[] = [];
    for (const start of [...this.#late].sort((a, b) => a - b)) {
      if (this.#again.has(start) || (!backlog && start < this.#reach - JUST - step)) continue;
      this.#late.delete(start);
      this.#again.set(start, now);
      const last = due.at(-1);
      if (last !== undefined && last.to === start && start - last.from < longest) last.to = start + step;
      else due.push({ from: start, to: start + step, withdrawn: undefined });
    }
    return [...due, ...this.#withdrawn];
  }

  /** Judges what has closed, then, at most once a minute, what came late. `pause` says when to give others their turn (node's clock). `whole`: by spans
   * as long as there are, whatever one takes: where nobody waits for the first of them. */
  async advance(closed: number, pause: number, whole = false): Promise<void> {
    if (this.#context === null) await this.open();
    try {
      const { step, longest } = this.detector.cadence;
      const { now } = this.#options;
      while (this.#position + step <= closed && now() < pause) {
        const from = this.#position;
        const border = (Math.floor(from / longest) + 1) * longest;
        const until = from < this.#told ? this.#told : Infinity;
        const to = Math.min(
          border,
          until,
          from + Math.floor(Math.min(whole ? longest : this.#length, closed - from) / step) * step,
        );
        const began = now();
        await this.#judge({ from, to });
        const took = (now() - began) / 1000;
        this.#length =
          took > 4 * QUICK
            ? Math.max(step, this.#length / 2)
            : took < QUICK
              ? Math.min(longest, this.#length * 2)
              : this.#length;
        this.#length = Math.max(step, Math.floor(this.#length / step) * step);
      }
      if (this.late > 0 && this.#position + step > closed) {
        const due = this.#due();
        this.#catching = due.filter(({ withdrawn }) => withdrawn === undefined).length;
        await this.#catchUp(due);
        this.#withdrawn = this.#withdrawn.filter((one) => !due.includes(one));
        this.#catching = 0;
        if (this.late === 0) this.#lateSince = Infinity;
      }
      this.#settle();
      // What is remembered is written down even where nothing was told for long.
      if (now() - this.#checkpointAt >= CHECKPOINT && this.#position > this.#checkpoint && this.#position >= this.#told)
        await this.#commit([], []);
    } catch (error) {
      // What is in memory may be ahead of the desk: it is read again.
      this.#context = null;
      throw error;
    }
  }

  async #catchUp(late: readonly Late[]): Promise<void> {
    if (late.length === 0) return;
    if (this.detector.late === "again") {
      for (const { from, to, withdrawn } of late) {
        await this.#judge({ from, to, late: true, ...(withdrawn === undefined ? {} : { withdrawn }) });
      }
      return;
    }
    const first = late.reduce((least, { from }) => Math.min(least, from), Infinity);
    const before = this.#snapshots.findLast((position) => position <= first);
    // Without one that old, what came is older than what is remembered: it stays out.
    if (before === undefined) return;
    this.#snapshots = this.#snapshots.filter((position) => position <= before);
    this.#position = before;
    this.#memory = structuredClone(this.#ledger.get(`@${before}`));
  }

  async #judge(span: Span): Promise<void> {
    const { store, sensors } = this.#options;
    const base = this.#context!;
    const context = { ...base, owners: this.#options.around.owners(), sensors: await sensors(this.scope, span.to) };
    this.#reach = Math.max(this.#reach, span.to);
    const verdict = await examineSpan(store, this.detector, span, this.#memory, context);
    this.#memory = verdict.memory;
    if (span.late !== true) {
      this.#position = span.to;
      this.#snapshot(span);
    }
    const { detections, complete = [] } = verdict;
    if (span.late !== true && span.from < this.#told) {
      this.#heldBack.apply(this.detector.name, this.scope, verdict);
      this.#heldComplete.push(...complete);
      if (span.to < this.#told) return;
      const [held, judged] = [this.#heldBack.all(), this.#heldComplete];
      this.#heldBack = new Standing();
      this.#heldComplete = [];
      await this.#commit(held, judged, { since: this.#checkpoint, until: this.#told });
      return;
    }
    if (detections.length > 0 || complete.length > 0) await this.#commit(detections, complete);
  }

  /** Memory at each hour of the last day, for detectors that go back when rows come late. */
  #snapshot({ from, to }: Span): void {
    if (this.detector.late !== "rewind" || Math.floor(from / HOUR) === Math.floor(to / HOUR)) return;
    this.#snapshots.push(to);
    this.#ledger.set(`@${to}`, structuredClone(this.#memory));
    while ((this.#snapshots[0] ?? to) < to - FINAL - HOUR) this.#ledger.delete(`@${this.#snapshots.shift()!}`);
  }

  /** `anew`: everything that opened in this time was judged again, from the store as it is now. */
  async #commit(
    detections: readonly Detection[],
    complete: readonly Complete[],
    anew?: { readonly since: number; readonly until: number },
  ): Promise<void> {
    const { detector, scope } = this;
    const { desk, take, now } = this.#options;
    const clock = now();
    const checkpoint = clock - this.#checkpointAt >= CHECKPOINT || this.#checkpoint === 0;
    const changes = checkpoint ? this.#ledger.take() : [];
    const ids = new Set(detections.map(({ id }) => id));
    if (checkpoint) {
      this.#checkpoint = this.#position;
      this.#checkpointAt = clock;
      this.#kept = structuredClone(this.#memory);
      // What came late and was not looked at yet is found again by when it was received.
      this.#savedAt = this.late === 0 ? clock : Math.min(clock, this.#lateSince);
    }
    await desk.as(systemActor, async (trx) => {
      const back = complete.length === 0 ? [] : await takenBack(trx, detector.name, scope, complete, ids);
      // Before the restart rows may have counted that have left the store since, or others may have come.
      const gone = anew === undefined ? [] : await notAgain(trx, detector.name, scope, anew, ids);
      const withdrawn = [...new Set([...back, ...gone])].toSorted();
      if (detections.length > 0 || withdrawn.length > 0) await take(trx, detections, { now: clock, withdrawn });
      if (changes.length > 0) await saveLedger(trx, detector.name, scope, changes);
      if (this.#written && !checkpoint) {
        await moveCursor(trx, detector.name, scope, this.#position);
        return;
      }
      await saveCursor(trx, detector.name, scope, {
        position: this.#position,
        checkpoint: this.#checkpoint,
        at: this.#savedAt,
        memory: this.#kept,
      });
    });
    this.#written = true;
  }
}
