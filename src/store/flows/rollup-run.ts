// SPDX-License-Identifier: Apache-2.0
import { bucketOf, grainLength, grains } from "./buckets.ts";
import type { Frontiers, Grain, TimeRange } from "./buckets.ts";
import type { Engine } from "./engine.ts";
import { recentDays } from "./recent.ts";
import { commitSql, computeSql, revisionOf, revisionsFor } from "./rollup-compute.ts";
import { recentTables, revisionsTable, rollupTables } from "./rollups.ts";
import type { RollUpOutcome } from "./store.ts";

/** A reopened bucket is computed at most once in so long, microseconds. */
const patience = 60e6;
const sweepEvery = 3_600e6;
/** Stands in the place of a grain where the revisions tell from which day on there are recent rows. */
const recentFrom = "recent";
const parents: Readonly<Record<Grain, Grain | null>> = { "5m": "1h", "1h": "1d", "1d": null };

/**
 * Which buckets must be computed, and their computation.
 *
 * One counter gives stamps to batches (when their rows can be seen) and revisions to computations (before they read). So
 * `stamp > revision` says that a bucket has rows its revision may lack, also after a restart: the set of open buckets is never
 * written down, it follows from `reports` and `rollup_revisions`. In the same way an hour lacks a bucket of 5 minutes
 * whose revision is above its own.
 */
export class RollUps {
  readonly #engine: Engine;
  readonly #rows: <Row>(sql: string) => Promise<Row[]>;
  readonly #place: (table: string) => string;
  #counter = 0;
  /** Revision in force, by bucket. */
  readonly #committed: Readonly<Record<Grain, Map<number, number>>> = {
    "5m": new Map(),
    "1h": new Map(),
    "1d": new Map(),
  };
  /** Buckets with rows that no revision covers, with the newest stamp. */
  readonly #open: Readonly<Record<Grain, Map<number, number>>> = { "5m": new Map(), "1h": new Map(), "1d": new Map() };
  /** By which clock a bucket was last computed by this process. */
  readonly #computed = new Map<string, number>();
  /** Days with aggregate rows. */
  readonly #stormy = new Set<number>();
  readonly #frontiers: Record<Grain, number> = { "5m": 0, "1h": 0, "1d": 0 };
  /** From which day on the recent rows of every closed bucket are there. */
  #recent: number | undefined;
  #swept = -Infinity;
  /** Revisions were replaced, or a killed process may have left some: the next sweep has something to look for. */
  #litter = true;
  /** Revisions replaced lately, and when: questions under way may still name them. */
  readonly #replaced = new Map<number, number>();

  /** Days that the base keeps its rows; null: for ever. */
  readonly #kept: number | null;

  /** `place` tells where a table's rows are changed, `kept` how many days the base keeps them. */
  constructor(
    engine: Engine,
    rows: <Row>(sql: string) => Promise<Row[]>,
    place: (table: string) => string,
    kept: number | null,
  ) {
    this.#kept = kept;
    this.#place = place;
    this.#engine = engine;
    this.#rows = rows;
  }

  /** The next number, or the first of the next few. */
  draw(count = 1): number {
    this.#counter += count;
    return this.#counter - count + 1;
  }

  /**
   * Up to where each grain may be read. Never behind rows whose bucket was not computed yet: a past that is filled in newest
   * first would read as zeros there, where the base knows better.
   */
  frontiers(): Frontiers {
    const found = {
      ...this.#frontiers,
      ...(this.#recent === undefined ? {} : { recent: this.#recent }),
      inForce: (grain: Grain, range: TimeRange): readonly number[] => this.#inForce(grain, range),
      stormy: ({ from, to }: TimeRange): boolean => {
        for (let at = bucketOf(from, "1d"); at < to; at += grainLength["1d"]) if (this.#stormy.has(at)) return true;
        return false;
      },
    };
    for (const grain of grains) {
      for (const start of this.#open[grain].keys()) {
        if (this.#committed[grain].has(start)) continue;
        for (const read of grains) {
          // A coarser bucket that is still open takes nothing from the finer ones inside it.
          if (grainLength[read] >= grainLength[grain]) found[read] = Math.min(found[read], bucketOf(start, read));
        }
      }
    }
    return found;
  }

  /** Revisions of the buckets that begin in a range. */
  #inForce(grain: Grain, { from, to }: TimeRange): readonly number[] {
    const found: number[] = [];
    for (let at = from; at < to; at += grainLength[grain]) {
      const revision = this.#committed[grain].get(at);
      if (revision !== undefined) found.push(revision);
    }
    return found;
  }

  async load(): Promise<void> {
    // Rows of a computation that was cut short have a number that no commit tells.
    const tables = rollupTables.map(({ name }) => `SELECT max(revision) AS top FROM ${name}`);
    const [top] = await this.#rows<{ top: number }>(
      `SELECT max(top) AS top FROM (SELECT max(stamp) AS top FROM reports UNION ALL SELECT max(snapshot) FROM sequences UNION ALL ${tables.join(" UNION ALL ")})`,
    );
    this.#counter = top?.top ?? 0;
    // A store of before there was this roll-up: its days are computed again.
    const [days] = await this.#rows<{ lacking: number }>(
      "SELECT (SELECT count() FROM port_days_1d) = 0 AND (SELECT count() FROM ports_1d) > 0 AS lacking",
    );
    for (const { grain, bucket, revision } of await this.#rows<{
      grain: Grain | typeof recentFrom;
      bucket: number;
      revision: number;
    }>(
      `SELECT grain, toUnixTimestamp(bucket) AS bucket, max(revision) AS revision FROM ${revisionsTable.name} GROUP BY grain, bucket`,
    )) {
      const start = bucket * 1e6;
      if (grain === recentFrom) {
        this.#recent = Math.max(this.#recent ?? 0, start);
        continue;
      }
      if (grain === "1d" && days?.lacking === 1) continue;
      this.#committed[grain].set(start, revision);
      this.#frontiers[grain] = Math.max(this.#frontiers[grain], start + grainLength[grain]);
    }
    for (const { bucket, stamp, storms } of await this.#rows<{ bucket: number; stamp: number; storms: number }>(
      `SELECT arrayJoin(range(toUInt32(toUnixTimestamp(toStartOfFiveMinutes(interval))), toUInt32(intDiv(toUnixTimestamp64Micro(interval) + greatest(interval_length, 1) - 1, 1000000) + 1), 300)) AS bucket,
max(stamp) AS stamp, sum(aggregate_rows) AS storms FROM reports WHERE flow_rows + aggregate_rows > 0 GROUP BY bucket`,
    )) {
      const start = bucket * 1e6;
      if (storms > 0) this.#stormy.add(bucketOf(start, "1d"));
      if (stamp > (this.#committed["5m"].get(start) ?? 0)) this.#open["5m"].set(start, stamp);
    }
    for (const child of ["5m", "1h"] as const) {
      for (const [start, revision] of this.#committed[child]) this.#reopenParent(child, start, revision);
    }
  }

  #reopenParent(grain: Grain, start: number, revision: number): void {
    const parent = parents[grain];
    if (parent === null) return;
    const above = bucketOf(start, parent);
    if (revision <= (this.#committed[parent].get(above) ?? 0)) return;
    this.#open[parent].set(above, Math.max(revision, this.#open[parent].get(above) ?? 0));
  }

  /** Rows of these 5-minute buckets could be seen when `stamp` was drawn. */
  touched(buckets: readonly number[], stamp: number, storms: boolean): void {
    for (const bucket of buckets) {
      if (storms) this.#stormy.add(bucketOf(bucket, "1d"));
      if (stamp < (this.#committed["5m"].get(bucket) ?? 0)) continue;
      this.#open["5m"].set(bucket, Math.max(stamp, this.#open["5m"].get(bucket) ?? 0));
    }
  }

  async pass(now: number, clock: number): Promise<RollUpOutcome> {
    let made = 0;
    let waiting = 0;
    if (Number.isFinite(now)) await this.#moveOn(now);
    // Also of a clock that was ahead and was set back: nothing waits until then.
    for (const [name, last] of this.#computed) if (!(Math.abs(clock - last) < patience)) this.#computed.delete(name);
    // Where the base has given up its rows, computing again would leave nothing but what came late.
    const given = this.#kept !== null && Number.isFinite(clock) ? clock - this.#kept * grainLength["1d"] : -Infinity;
    for (const grain of grains) {
      const due: number[] = [];
      for (const start of this.#open[grain].keys()) {
        const last = this.#computed.get(`${grain} ${start}`);
        if (start + grainLength[grain] > now) continue;
        if (start < given && this.#committed[grain].has(start)) {
          this.#open[grain].delete(start);
          continue;
        }
        if (last !== undefined) waiting++;
        else due.push(start);
      }
      await this.#compute(grain, due, clock);
      made += due.length;
      // Not beyond the present: what a clock that was ahead has closed goes on, and is the base's to tell until it is over.
      const newest = Math.max(this.#frontiers[grain], ...due.map((start) => start + grainLength[grain]));
      this.#frontiers[grain] = Number.isFinite(now) ? now - (now % grainLength[grain]) : newest;
    }
    if (this.#litter && Math.abs(clock - this.#swept) >= sweepEvery) {
      for (const [revision, at] of this.#replaced)
        if (!(Math.abs(clock - at) < patience)) this.#replaced.delete(revision);
      await this.#sweep();
      this.#swept = clock;
    }
    await this.#engine.trim();
    return { made, waiting };
  }

  /** Lets the recent rows begin where they are to be at this time. What is computed from now on keeps to it. */
  async #moveOn(now: number): Promise<void> {
    const closed = this.#frontiers["5m"];
    const begin = Math.max(
      bucketOf(now, "1d") - recentDays * grainLength["1d"],
      // Buckets of before there were recent rows have none.
      this.#recent ?? Math.ceil(closed / grainLength["1d"]) * grainLength["1d"],
    );
    if (begin === this.#recent) return;
    await this.#engine.run(
      `INSERT INTO ${revisionsTable.name} (grain, bucket, revision) VALUES ('${recentFrom}', ${begin / 1e6}, ${this.draw()})`,
      "roll-up",
    );
    this.#recent = begin;
    for (const { name } of recentTables) {
      const old = await this.#rows<{ partition: string }>(
        `SELECT DISTINCT _partition_id AS partition FROM ${name} WHERE bucket < toDateTime(${(begin - grainLength["1d"]) / 1e6}, 'UTC')`,
      );
      for (const { partition } of old) {
        await this.#engine.run(`ALTER TABLE ${this.#place(name)} DROP PARTITION ID '${partition}'`, "roll-up");
      }
    }
  }

  /** Computes given 5-minute buckets, and what stands above them, where a revision is in force: whatever the clock says. */
  async again(buckets: readonly number[]): Promise<void> {
    for (const grain of grains) {
      const starts = new Set(buckets.map((bucket) => bucketOf(bucket, grain)));
      const due = [...starts].filter((start) => this.#committed[grain].has(start));
      await this.#compute(grain, due, -Infinity);
    }
  }

  /** Newest days first: what is live goes before what comes late. */
  async #compute(grain: Grain, due: readonly number[], clock: number): Promise<void> {
    const days = Map.groupBy(due, (start) => bucketOf(start, "1d"));
    for (const day of [...days.keys()].toSorted((a, b) => b - a)) {
      const buckets = days.get(day)!.toSorted((a, b) => a - b);
      const first = this.draw(revisionsFor(grain, buckets));
      const recent = this.#recent !== undefined && day >= this.#recent - grainLength["1d"];
      for (const sql of computeSql(grain, buckets, first, { storms: this.#stormy.has(day), recent })) {
        await this.#engine.run(sql, "roll-up");
        await this.#engine.trim();
      }
      await this.#engine.run(commitSql(grain, buckets, first), "roll-up");
      for (const start of buckets) {
        const revision = revisionOf(grain, buckets, first, start);
        const before = this.#committed[grain].get(start);
        if (before !== undefined) {
          this.#litter = true;
          this.#replaced.set(before, clock);
        }
        this.#committed[grain].set(start, revision);
        if (Number.isFinite(clock)) this.#computed.set(`${grain} ${start}`, clock);
        if ((this.#open[grain].get(start) ?? 0) < revision) this.#open[grain].delete(start);
        this.#reopenParent(grain, start, revision);
      }
    }
  }

  /**
   * Has rows deleted of revisions that are no longer in force or never were. The engine does it when it likes: it leaves alone what
   * is inserted from now on, so a computation that is not committed yet is safe.
   */
  async #sweep(): Promise<void> {
    for (const grain of grains) {
      const spared = this.#replaced.size === 0 ? "" : `revision NOT IN (${[...this.#replaced.keys()].join(", ")}) AND `;
      const inForce = `(bucket, revision) IN (SELECT bucket, max(revision) FROM ${revisionsTable.name} WHERE grain = '${grain}' GROUP BY bucket)`;
      for (const { name } of rollupTables) {
        if (!name.endsWith(`_${grain}`)) continue;
        const stale = await this.#rows<{ partition: string }>(
          `SELECT DISTINCT _partition_id AS partition FROM ${name} WHERE ${spared}NOT ${inForce}`,
        );
        for (const { partition } of stale) {
          await this.#engine.run(
            `ALTER TABLE ${this.#place(name)} DELETE IN PARTITION ID '${partition}' WHERE ${spared}NOT ${inForce}`,
            "roll-up",
          );
        }
      }
    }
    this.#litter = this.#replaced.size > 0;
  }
}
