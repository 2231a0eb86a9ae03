// SPDX-License-Identifier: Apache-2.0
import type { Detector, Scope, Sensor, Span } from "../detect/detector.ts";
import type { Detection } from "../model/detection.ts";
import type { FlowStore } from "../store/flows/store.ts";
import { MemoryLedger, examineSpan, scopesIn, sensorsBefore } from "./detection-examine.ts";
import type { Surroundings } from "./detection-examine.ts";
import { pastOf } from "./detection-past.ts";
import { Standing } from "./detection-standing.ts";

/** Rows never cross a multiple of this, microseconds: no span of a history is cut finer. */
const WINDOW = 10e6;
const STRETCH = 600e6;
const DAY = 86_400e6;
/** A gap in the rows longer than this is not walked through span by span by detectors that remember in order. */
const GAP = 8 * DAY;
/** No span begins longer after the last row. */
const TAIL = 8 * DAY;

export interface HistoryOptions {
  readonly store: FlowStore;
  readonly detectors: readonly Detector[];
  readonly around: Surroundings;
  /** Economies of the sensors, where known. */
  readonly countries?: ReadonlyMap<string, string | null>;
  readonly scopes?: readonly Scope[];
  /** Event time, microseconds; by default all there is. */
  readonly from?: number;
  readonly to?: number;
  /** Length of a span, microseconds: a multiple of ten seconds that divides a detector's longest one; by default that. */
  readonly step?: number;
  /** Told what each span brought, in order. */
  onSpan?(
    detector: Detector,
    scope: Scope,
    span: Span,
    detections: readonly Detection[],
    withdrawn: readonly string[],
  ): void;
}

/** A question that reads a whole history has longer than one of a page. */
const WHOLE = { seconds: 900 };

/** First and last row of a scope, microseconds; null where there are none. */
const extentOf = async (store: FlowStore, scope: Scope): Promise<Span | null> => {
  const { rows } = await store.query<{ from: number; to: number; n: number }>(
    "SELECT toUnixTimestamp64Micro(min(first_seen)) AS from, toUnixTimestamp64Micro(max(first_seen)) AS to, count() AS n FROM flows WHERE realm = {realm:String} AND exercise = {exercise:String}",
    { ...scope },
    WHOLE,
  );
  const [one] = rows;
  return one === undefined || one.n === 0 ? null : { from: one.from, to: one.to + 1 };
};

/** Ten-minute stretches with rows: gaps of an old capture are not walked through. */
const busy = async (store: FlowStore, scope: Scope, from: number, to: number): Promise<Set<number>> => {
  const { rows } = await store.query<{ t: number }>(
    "SELECT DISTINCT intDiv(toUnixTimestamp64Micro(first_seen), 600000000) AS t FROM flows WHERE realm = {realm:String} AND exercise = {exercise:String} AND first_seen >= fromUnixTimestamp64Micro({from:Int64}) AND first_seen < fromUnixTimestamp64Micro({to:Int64})",
    { ...scope, from, to },
    WHOLE,
  );
  return new Set(rows.map(({ t }) => t * STRETCH));
};

/**
 * Asks stored history with detectors, span by span in order of time, and gives the claims that stand at the end. The same flows give
 * the same claims to the byte.
 */
export const detectHistory = async (options: HistoryOptions): Promise<Detection[]> => {
  const { store, detectors, around } = options;
  const standing = new Standing();
  for (const scope of options.scopes ?? (await scopesIn(store))) {
    const extent = await extentOf(store, scope);
    if (extent === null) continue;
    const first = options.from ?? extent.from;
    const last = Math.min(options.to ?? Infinity, extent.to);
    const stretches = await busy(store, scope, first, last);
    // As a live node knows them when a span is over: what is waited for comes due after the last.
    const sensorsAt = await sensorsBefore(store, scope, last + TAIL, options.countries ?? new Map());
    for (const detector of detectors) {
      const { step, longest } = detector.cadence;
      const length = Math.min(longest, Math.max(options.step ?? longest, step, WINDOW));
      let memory = detector.begin();
      const context = {
        scope,
        owners: around.owners(),
        home: around.home,
        researcher: (address: string) => around.researcher(address),
        ledger: new MemoryLedger(),
        past: pastOf(store),
        sensors: [] as readonly Sensor[],
      };
      for (const from of spansOver(stretches, length, detector.late === "again" ? 2 * longest : GAP, 2 * longest)) {
        const span = { from, to: from + length };
        context.sensors = sensorsAt(span.to);
        const verdict = await examineSpan(store, detector, span, memory, context);
        memory = verdict.memory;
        const withdrawn = standing.apply(detector.name, scope, verdict);
        options.onSpan?.(detector, scope, span, verdict.detections, withdrawn);
      }
    }
  }
  return standing.all();
};

/** Starts of the spans of this length that have rows, or lie less than `gap` behind rows with more to come, or `tail` behind the last: what waits for its time comes due there. */
const spansOver = (stretches: ReadonlySet<number>, length: number, gap: number, tail: number): number[] => {
  const starts = new Set<number>();
  let reached = -Infinity;
  const sorted = [...stretches].sort((a, b) => a - b);
  for (const [i, stretch] of sorted.entries()) {
    const from = Math.max(reached, Math.floor(stretch / length) * length);
    const next = sorted[i + 1];
    const until = next === undefined ? stretch + STRETCH + tail : Math.min(stretch + STRETCH + gap, next);
    for (let at = from; at < until; at += length) {
      starts.add(at);
      reached = at + length;
    }
  }
  return [...starts].sort((a, b) => a - b);
};
