// SPDX-License-Identifier: Apache-2.0
import { detectors as all } from "../detect/detectors.ts";
import type { Detector, Scope, Sensor } from "../detect/detector.ts";
import { systemActor } from "../model/actor.ts";
import type { FlowBatch } from "../model/flows.ts";
import type { Logger } from "../platform/log.ts";
import { Course } from "./detection-course.ts";
import type { CourseOptions, Take } from "./detection-course.ts";
import { scopesTold } from "./detection-desk.ts";
import { scopesIn, sensorsAt } from "./detection-examine.ts";
import { ScopeEnds, nameOf } from "./detection-scopes.ts";

const TICK = 200;
/** An interval closes when all sensors that are up have passed it, or so much later; microseconds. */
const PATIENCE = 2e6;
/** A sensor that was not heard of for so long is not waited for, microseconds. */
const UP = 10e6;
/** What is known of the sensors is read anew this often, microseconds. */
const FRESH = 30e6;
/** How long one detector goes on before the others have their turn, microseconds. */
const TURN = 1e6;
/** After a failure a detector rests so long, microseconds. */
const REST = 5e6;
/** How often it is looked for scopes that were judged to their end, microseconds. */
const LOOK = 600e6;
/** A detector that never ran here begins so long ago, microseconds. */
const PAST = 3_600e6;

export interface SensorNow {
  readonly name: string;
  readonly country: string | null;
  /** Node's clock, microseconds; null: not heard of since the start. */
  readonly lastSeen: number | null;
  /** Event time it has passed, microseconds; null: not told. */
  readonly watermark: number | null;
}

/** A past that lies in the store before anything was judged, and is lived before the present begins. */
export interface Past {
  /** Event time that a detector begins at. */
  begin(detector: string): number;
  /** Ends it early: no span is begun any more. */
  readonly signal: AbortSignal;
  /** Lives it. `judge` lets them (all, or those named) judge up to an event time. */
  live(judge: (closed: number, only?: readonly string[]) => Promise<void>): Promise<void>;
}

export interface DetectionOptions extends Pick<CourseOptions, "store" | "desk" | "around"> {
  readonly take: Take;
  readonly log: Logger;
  sensors(): readonly SensorNow[];
  readonly detectors?: readonly Detector[];
  /** Node's clock, microseconds UTC. */
  readonly now?: () => number;
  /** Event time that detectors begin at which never ran here; by default an hour ago. */
  readonly begin?: number;
  /** Lived before the first interval of the present is judged; `begin` is then its own. */
  readonly past?: Past;
}

export interface DetectorState {
  readonly detector: string;
  readonly realm: string;
  readonly exercise: string;
  /** Event time up to which every closed interval was judged. */
  readonly position: number;
  /** Late stretches that wait to be judged again. */
  readonly late: number;
  /** Subjects it remembers. */
  readonly remembered: number;
  readonly failures: number;
}

export interface RunningDetection {
  /** To be told after a batch can be seen in the store. */
  arrived(batch: Pick<FlowBatch, "realm" | "exercise" | "interval" | "intervalLength" | "flows">): void;
  /**
   * To be told after a sensor's rows since a time (event time) have left the store. Resolves when every detector has judged the time since
   * again: who was killed before tells it again.
   */
  withdrew(sensor: string, since: number): Promise<void>;
  /** Resolves when the past has been lived; at once where there is none. */
  readonly present: Promise<void>;
  states(): DetectorState[];
  close(): Promise<void>;
}

/** Up to where intervals have closed, by the sensors and the node's clock. */
export const closedAt = (sensors: readonly SensorNow[], now: number): number => {
  const up = sensors.filter(
    ({ lastSeen, watermark }) => lastSeen !== null && watermark !== null && now - lastSeen < UP,
  );
  const passed = up.reduce((least, { watermark }) => Math.min(least, watermark!), now);
  return up.length === 0 ? now - PATIENCE : Math.min(now, Math.max(passed, now - PATIENCE));
};

/** Runs every detector over what the store takes in, one after another, until it is closed. A failure is logged, and the detector goes on from what the desk holds. */
export const startDetection = (options: DetectionOptions): RunningDetection => {
  const { store, desk, log } = options;
  const now = options.now ?? (() => Date.now() * 1000);
  const chosen = options.detectors ?? all;
  const courses = new Map<string, { course: Course; failures: number; rest: number }>();
  const known = new Map<string, { at: number; sensors: readonly Sensor[] }>();
  const ends = new ScopeEnds(store, now);

  const sensors = async (scope: Scope, to: number): Promise<readonly Sensor[]> => {
    const name = `${nameOf(scope)} ${Math.floor(to / FRESH)}`;
    const held = known.get(name);
    if (held !== undefined && Math.abs(now() - held.at) < FRESH) return held.sensors;
    const countries = new Map(options.sensors().map((sensor) => [sensor.name, sensor.country]));
    const read = await sensorsAt(store, scope, (Math.floor(to / FRESH) + 1) * FRESH, countries);
    if (known.size > 64) known.clear();
    known.set(name, { at: now(), sensors: read });
    return read;
  };
  const enter = (scope: Scope): void => {
    for (const detector of chosen) {
      const name = `${detector.name} ${nameOf(scope)}`;
      if (courses.has(name)) continue;
      const { realm, exercise } = scope;
      const begin = async (): Promise<number> => options.past?.begin(detector.name) ?? options.begin ?? now() - PAST;
      const course = new Course(detector, { realm, exercise }, { ...options, now, sensors, begin });
      courses.set(name, { course, failures: 0, rest: 0 });
    }
  };

  let closing = false;
  /** The scopes that the store held at the start have their courses. */
  const entered = Promise.withResolvers<void>();
  let wake = (): void => undefined;
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, TICK);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const present = Promise.withResolvers<void>();
  /** By the longest spans, so that a node that closes meanwhile need not wait for all of them. */
  const pass = async (course: Course, closed: number, signal: AbortSignal): Promise<void> => {
    const { longest } = course.detector.cadence;
    for (let reached = -1; !closing && !signal.aborted && reached < course.position;) {
      reached = course.position;
      await course.advance(Math.min(closed, reached + longest), Infinity, true);
    }
  };
  const livePast = async ({ live, signal }: Past): Promise<void> => {
    try {
      await live(async (closed, only) => {
        for (const scope of await scopesIn(store)) enter(scope);
        for (const { course } of courses.values()) {
          if (only?.includes(course.detector.name) ?? true) await pass(course, closed, signal);
        }
      });
    } catch (error) {
      log.error({ err: error }, "the past could not be lived whole; the detectors go on from where it ended");
    }
  };
  const turn = async (): Promise<void> => {
    let looked: number | null = null;
    if (options.past !== undefined) await livePast(options.past);
    present.resolve();
    while (!closing) {
      try {
        if (looked === null) {
          const names = chosen.map(({ name }) => name);
          for (const scope of await ends.open(desk, names, options.begin ?? now() - PAST)) enter(scope);
        } else if (Math.abs(now() - looked) >= LOOK) await leave();
        if (looked === null || Math.abs(now() - looked) >= LOOK) looked = now();
        entered.resolve();
      } catch (error) {
        log.error({ err: error }, "the scopes of the store could not be read");
      }
      for (const one of courses.values()) {
        if (closing) break;
        const resting = one.rest - now();
        // A clock that went back rests nobody for longer.
        if (resting > 0 && resting <= REST) continue;
        try {
          await one.course.present(closedAt(options.sensors(), now()));
          const closed = Math.min(closedAt(options.sensors(), now()), ends.endOf(one.course.scope));
          await one.course.advance(closed, now() + TURN);
        } catch (error) {
          one.failures++;
          one.rest = now() + REST;
          log.error(
            { err: error, detector: one.course.detector.name },
            "a detector failed; it goes on from what the desk holds",
          );
        }
      }
      if (!closing) await pause();
    }
  };
  /** Of scopes that were judged to their end nothing is needed but what stands in the desk. */
  const leave = async (): Promise<void> => {
    await ends.read();
    const closed = closedAt(options.sensors(), now());
    for (const own of Map.groupBy(courses, ([, { course }]) => nameOf(course.scope)).values()) {
      const [[, { course }]] = own as [(typeof own)[0]];
      const end = ends.endOf(course.scope);
      if (end > closed || ends.isHeard(course.scope) || !own.every(([, one]) => one.course.isIdleAt(end))) continue;
      for (const [name] of own) courses.delete(name);
    }
  };
  const running = turn();

  return {
    present: present.promise,
    arrived: (batch) => {
      enter(batch);
      ends.heard(batch, batch.interval + batch.intervalLength);
      for (const { course } of courses.values()) {
        if (batch.flows.count === 0 && !course.heedsQuiet) continue;
        if (course.scope.realm === batch.realm && course.scope.exercise === batch.exercise) {
          course.arrived(batch.interval, batch.intervalLength);
        }
      }
    },
    withdrew: async (sensor, since) => {
      await entered.promise;
      for (const scope of await desk.as(systemActor, (trx) => scopesTold(trx, sensor, since))) enter(scope);
      await Promise.all([...courses.values()].map(({ course }) => course.withdrew(sensor, since)));
    },
    states: () =>
      [...courses.values()]
        .filter(({ course }) => !course.isIdleAt(ends.endOf(course.scope)))
        .map(({ course, failures }) => ({
          detector: course.detector.name,
          ...course.scope,
          position: course.position,
          late: course.late,
          remembered: course.remembered,
          failures,
        })),
    close: async () => {
      closing = true;
      wake();
      await running;
    },
  };
};
