// SPDX-License-Identifier: Apache-2.0
import type { Complete, Context, Detector, Scope, Sensor, Span } from "../detect/detector.ts";
import { systemActor } from "../model/actor.ts";
import type { Detection } from "../model/detection.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import type { FlowStore } from "../store/flows/store.ts";
import { Backlog, FINAL } from "./detection-backlog.ts";
import type { Late, Withdrawal } from "./detection-backlog.ts";
import {
  loadCursor,
  loadLedger,
  moveCursor,
  notAgain,
  restingOn,
  saveCursor,
  saveLedger,
  takenBack,
  tookOver,
} from "./detection-desk.ts";
import { MemoryLedger, examineSpan } from "./detection-examine.ts";
import { pastOf } from "./detection-past.ts";
import { Standing } from "./detection-standing.ts";
import type { Surroundings } from "./detection-examine.ts";

const HOUR = 3_600e6;
/** How often what is remembered is written down, by the node's clock. */
const CHECKPOINT = 60e6;
/** A span that took less may be followed by a longer one, in a past that is caught up with; milliseconds. */
const QUICK = 250;
/** So far the node's clock may go back and nothing is lost: what comes then comes late, and is judged again. */
const AHEAD = 600e6;
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

/** Of what is told now: what was judged once more for it. */
interface Anew {
  /** Everything that opened in this time was judged again, from the store as it is now. */
  readonly span?: { readonly since: number; readonly until: number };
  readonly withdrawals?: readonly Withdrawal[];
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
  /** Event time up to which the desk has been told; what is judged once more before it (after a restart, or a rewind) is held back, so that no claim goes back. */
  #told = 0;
  /** From where it is judged once more. */
  #anew = 0;
  #heldBack = new Standing();
  #heldComplete: Complete[] = [];
  #length: number;
  readonly #backlog: Backlog;
  /** Withdrawals told of before the cursor was read. */
  #untold: (() => void)[] = [];
  /** Memory as of the checkpoint, and from when on what was received may not be in it. */
  #kept: unknown = null;
  #savedAt = 0;
  /** Node's clock when this course began: nothing that came later is passed over for being old. */
  readonly #made: number;
  /** Positions of which the ledger has the memory (`@POSITION`), ascending. */
  #snapshots: number[] = [];

  constructor(detector: Detector, scope: Scope, options: CourseOptions) {
    this.detector = detector;
    this.scope = scope;
    this.#options = options;
    this.#length = detector.cadence.step;
    this.#made = options.now();
    this.#backlog = new Backlog(detector.cadence, options.now);
  }

  get position(): number {
    return this.#position;
  }
  get late(): number {
    return this.#backlog.size;
  }
  /** Nothing waits to be judged before this time, and nobody for it. */
  isIdleAt(closed: number): boolean {
    const behind = this.#position + this.detector.cadence.step <= closed || this.#position < this.#told;
    return this.#context !== null && !behind && this.late === 0 && !this.#backlog.isAwaited;
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
    this.#memory = cursor?.memory ?? detector.begin();
    const { step } = detector.cadence;
    this.#position = cursor?.checkpoint ?? Math.floor((await this.#options.begin(scope)) / step) * step;
    // Later ones are of before a rewind.
    this.#snapshots = entries
      .flatMap(([key]) => (key.startsWith("@") ? [Number(key.slice(1))] : []))
      .filter((at) => at <= this.#position)
      .sort((a, b) => a - b);
    this.#checkpoint = this.#reach = this.#position;
    this.#written = cursor !== null;
    this.#holdBack(this.#position, cursor?.position ?? 0);
    this.#savedAt = cursor?.at ?? this.#made;
    // A detector that fails again and again is written down all the same: it is not to judge a longer and longer time once more.
    this.#checkpointAt = Math.min(now(), this.#savedAt);
    this.#kept = structuredClone(this.#memory);
    this.#length = step;
    this.#backlog.reopen();
    if (detector.late === "rewind" && this.#snapshots.length === 0) {
      this.#snapshots.push(this.#position);
      this.#ledger.set(`@${this.#position}`, structuredClone(this.#memory));
    }
    const quiet = this.heedsQuiet ? "" : " AND flow_rows > 0";
    const { rows } = await store.query<{ t: number; n: number }>(
      `SELECT toUnixTimestamp64Micro(interval) AS t, toInt64(interval_length) AS n FROM reports WHERE realm = {realm:String} AND exercise = {exercise:String} AND received >= fromUnixTimestamp64Micro({at:Int64}) AND interval < fromUnixTimestamp64Micro({to:Int64}) ${quiet}`,
      { ...scope, at: Math.floor(this.#savedAt - OVERLAP), to: this.#position },
    );
    for (const { t, n } of rows) this.arrived(t, n);
    // They came at some time since then: until they were judged, the next restart has to find them too.
    if (this.late > 0) this.#backlog.noticeSince(this.#savedAt);
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

  /** What is judged between these is told whole, and what stood in it and is not claimed again is taken back. */
  #holdBack(from: number, told: number): void {
    this.#anew = from;
    this.#told = told;
    this.#heldBack = new Standing();
    this.#heldComplete = [];
  }

  /**
   * The node's clock says that no more than this has closed. Where a clock that was ahead had it judge far beyond, it goes back to the present: what
   * was judged there had not happened, and what happens until then would else be late for as long as the clock was wrong, or never judged.
   */
  async present(closed: number): Promise<void> {
    if (this.#context === null) await this.open();
    if (Math.max(this.#position, this.#told) <= closed + AHEAD) return;
    const { detector } = this;
    const { step } = detector.cadence;
    const now = Math.floor(closed / step) * step;
    this.#position = this.#reach = Math.min(this.#position, now);
    if (detector.late === "rewind") {
      for (const beyond of this.#snapshots.filter((at) => at > now)) this.#ledger.delete(`@${beyond}`);
      this.#snapshots = this.#snapshots.filter((at) => at <= now);
      const before = this.#snapshots.at(-1);
      if (before === undefined) {
        this.#memory = detector.begin();
        this.#snapshots.push(now);
        this.#ledger.set(`@${now}`, structuredClone(this.#memory));
      } else {
        this.#memory = structuredClone(this.#ledger.get(`@${before}`));
        this.#position = before;
      }
    }
    this.#holdBack(this.#position, Math.max(this.#position, Math.min(this.#told, now)));
    this.#backlog.present();
    // Where it stands now is written down with the next word: the one before is of a time to come.
    this.#checkpointAt = -Infinity;
  }

  /** Reports without rows count too: how long was looked says what is usual. */
  get heedsQuiet(): boolean {
    return this.detector.late === "rewind";
  }
  /** What was reported of this interval can be seen. */
  arrived(interval: number, length: number): void {
    this.#backlog.arrived(interval, length, this.#reach);
  }
  /** Rows of a sensor from this time on have left the store. Resolves when all that had been judged of them is judged again. */
  withdrew(sensor: string, since: number): Promise<void> {
    return new Promise((resolve) => {
      const tell = (): void => this.#backlog.withdrew({ sensor, since }, Math.max(this.#reach, this.#told), resolve);
      if (this.#context === null) this.#untold.push(tell);
      else tell();
    });
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
      // What is held back is told first.
      if (this.late > 0 && this.#position + step > closed && this.#position >= this.#told) {
        const due = this.#backlog.due(this.#reach);
        await this.#catchUp(due);
        this.#backlog.took(due);
      }
      this.#backlog.settle(this.#position);
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
      for (const one of late) {
        const { from, to, withdrawn } = one;
        const span = { from, to, late: true };
        if (withdrawn === undefined) await this.#judge(span);
        else await this.#judge({ ...span, withdrawn }, [this.#backlog.withdrawalOf(one)!]);
      }
      return;
    }
    // What came is older than all that is remembered: it stays out. What left is taken out of as much as can be judged again.
    const oldest = this.#snapshots[0] ?? Infinity;
    const first = late
      .filter(({ from, withdrawn }) => from >= oldest || withdrawn !== undefined)
      .reduce((least, { from }) => Math.min(least, Math.max(from, oldest)), Infinity);
    const before = this.#snapshots.findLast((position) => position <= first);
    if (first === Infinity || before === undefined) return;
    this.#snapshots = this.#snapshots.filter((position) => position <= before);
    this.#holdBack(before, Math.max(this.#told, this.#position));
    this.#position = before;
    this.#memory = structuredClone(this.#ledger.get(`@${before}`));
  }

  async #judge(span: Span, withdrawals: readonly Withdrawal[] = []): Promise<void> {
    const { store, sensors } = this.#options;
    const base = this.#context!;
    // What rows that came late make anew goes on up to now: so must what is known of the sensors.
    const at = span.late === true && this.#position - span.to < FINAL ? Math.max(span.to, this.#position) : span.to;
    const context = { ...base, owners: this.#options.around.owners(), sensors: await sensors(this.scope, at) };
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
      const [held, judged, since] = [this.#heldBack.all(), this.#heldComplete, this.#anew];
      this.#holdBack(span.to, this.#told);
      const again = { since, until: this.#told };
      await this.#commit(held, judged, { span: again, withdrawals: this.#backlog.begun() });
      return;
    }
    if (detections.length > 0 || complete.length > 0 || withdrawals.length > 0)
      await this.#commit(detections, complete, { withdrawals });
  }

  /** Memory at each hour of the last day, for detectors that go back when rows come late. */
  #snapshot({ from, to }: Span): void {
    if (this.detector.late !== "rewind" || Math.floor(from / HOUR) === Math.floor(to / HOUR)) return;
    this.#snapshots.push(to);
    this.#ledger.set(`@${to}`, structuredClone(this.#memory));
    while ((this.#snapshots[0] ?? to) < to - FINAL - HOUR) this.#ledger.delete(`@${this.#snapshots.shift()!}`);
  }

  async #commit(
    all: readonly Detection[],
    complete: readonly Complete[],
    { span, withdrawals = [] }: Anew = {},
  ): Promise<void> {
    const { detector, scope } = this;
    const { desk, take, now } = this.#options;
    const clock = now();
    const checkpoint = clock - this.#checkpointAt >= CHECKPOINT || this.#checkpoint === 0;
    const changes = checkpoint ? this.#ledger.take() : [];
    // What was remembered from before all that can be judged again may rest on what left, too.
    const detections = span === undefined ? all : all.filter((one) => !tookOver(one, span.since, withdrawals));
    const ids = new Set(detections.map(({ id }) => id));
    if (checkpoint) {
      this.#checkpoint = this.#position;
      this.#checkpointAt = clock;
      this.#kept = structuredClone(this.#memory);
      // What came late and was not looked at yet is found again by when it was received.
      this.#savedAt = this.late === 0 ? clock : Math.min(clock, this.#backlog.since);
    }
    await desk.as(systemActor, async (trx) => {
      const back = complete.length === 0 ? [] : await takenBack(trx, detector.name, scope, complete, ids);
      // Before the restart rows may have counted that have left the store since, or others may have come.
      const gone = span === undefined ? [] : await notAgain(trx, detector.name, scope, span, ids);
      const lost = withdrawals.length === 0 ? [] : await restingOn(trx, detector, scope, withdrawals, ids);
      const withdrawn = [...new Set([...back, ...gone, ...lost])].toSorted();
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
