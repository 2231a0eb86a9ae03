// SPDX-License-Identifier: Apache-2.0
import type { AnswerOf, QueryOf, QuestionName } from "../api/contract/index.ts";
import { AppError } from "../platform/errors.ts";
import { ask } from "./ask.ts";
import type { Kept, RollUps, SensorAlarm, SensorInfo, Surroundings } from "./asked.ts";
import { defaultLimits } from "./engine.ts";
import type { Engine, Limits } from "./engine.ts";
import type { ResearchList } from "./research-list.ts";

export interface ObservatoryOptions {
  readonly engine: Engine;
  /** Milliseconds since 1970 UTC; the wall clock at a node. */
  readonly now: () => number;
  readonly simulated: boolean;
  /** The sensors enrolled, of all realms and exercises; empty where nobody enrols (replay): then those that reported. */
  readonly sensors?: () => readonly SensorInfo[];
  readonly research?: () => ResearchList | null;
  /** What the node itself has to say of its sensors now. */
  readonly alarms?: () => readonly SensorAlarm[];
  /** The store's roll-ups as they stand; without them everything is answered from the base table. */
  readonly rollUps?: () => RollUps | null | Promise<RollUps | null>;
  /** What of the data is kept now; for ever where nothing is said. */
  readonly kept?: () => Kept;
  readonly limits?: Limits;
}
export interface DataRange {
  /** Milliseconds; null in an empty store. */
  readonly from: number | null;
  readonly to: number | null;
  readonly flows: number;
  /** Sensors whose reports reach into the last five minutes: until now, or of the data where nobody enrolled a sensor. */
  readonly up: number;
}
export interface Observatory {
  /**
   * Answers a question whose parameters are checked (`parametersOf` of the API does that). The same question within two
   * seconds gets the same answer, with the time it was asked in `meta.asked`. What is left of a question when all who asked it are `gone` is
   * not put to the engine.
   * @throws AppError QUERY_PERIOD, QUERY_PARAMETER, DOOR_BUSY, STORE_...
   */
  ask<Q extends QuestionName>(name: Q, query: QueryOf<Q>, gone?: () => boolean): Promise<AnswerOf<Q>>;
  range(realm?: string, exercise?: string): Promise<DataRange>;
  /** The sensors enrolled for a realm and exercise: by default, for everyone and for real. */
  sensors(realm?: string, exercise?: string): readonly SensorInfo[];
  readonly options: ObservatoryOptions;
}

/** How long an answer, and what is known of the data's range, is taken as now, milliseconds. */
const fresh = 2000;
/** What took long is taken as now for so many times as long: pages that ask again and again take a tenth of the engine at most. */
const patience = 10;
/** ... but no longer than this. */
const stale = 15_000;
const most = 200;
/** Questions that may wait for the engine at once; each may take its whole limit of time. */
const waiting = 64;

/** Keeps promises for a moment, so that ten open pages ask the engine once. */
const briefly = <T>(
  now: () => number,
): ((key: string, make: (wanted: () => boolean) => Promise<T>, gone?: () => boolean) => Promise<T>) => {
  interface Answer {
    /** Asked, and taken as now until; while it is not answered, for ever. */
    readonly at: number;
    until: number;
    readonly value: Promise<T>;
    /** Who waits for it; nobody once it is answered. */
    readonly askers: (() => boolean)[];
    answered: boolean;
  }
  const kept = new Map<string, Answer>();
  return (key, make, gone = () => false) => {
    // Answers are large: none is kept longer than it is given.
    for (const [old, { at, until }] of kept) if (now() >= until || now() < at) kept.delete(old);
    const found = kept.get(key);
    if (found?.answered === true) return found.value;
    // Whom nobody waits for any more may have been given up already.
    if (found?.askers.some((one) => !one()) === true) {
      found.askers.push(gone);
      return found.value;
    }
    const askers = [gone];
    const value = make(() => askers.some((one) => !one()));
    kept.delete(key);
    const one: Answer = { at: now(), until: Infinity, value, askers, answered: false };
    kept.set(key, one);
    const settle = (): void => {
      one.until = one.at + Math.max(fresh, Math.min(stale, patience * (now() - one.at)));
      one.answered = true;
      // They hold on to connections.
      askers.length = 0;
    };
    value.then(settle, () => {
      if (kept.get(key) === one) kept.delete(key);
    });
    const oldest = kept.keys().next().value;
    if (kept.size > most && oldest !== undefined) kept.delete(oldest);
    return value;
  };
};

export const createObservatory = (options: ObservatoryOptions): Observatory => {
  const { engine, now, simulated } = options;
  const limits = options.limits ?? defaultLimits;
  const ranges = briefly<DataRange>(now);
  const answers = briefly<unknown>(now);
  let asking = 0;
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (asking >= waiting) throw new AppError("DOOR_BUSY", `${waiting} questions wait already: ask again in a moment`);
    asking++;
    try {
      return await work();
    } finally {
      asking--;
    }
  };

  const sensors = (realm = "", exercise = ""): readonly SensorInfo[] =>
    (options.sensors?.() ?? []).filter((one) => (one.realm ?? "") === realm && (one.exercise ?? "") === exercise);
  /** Alarms of other realms name sensors that are none of this one's business. */
  const alarms = (own: readonly SensorInfo[]): readonly SensorAlarm[] => {
    const foreign = new Set((options.sensors?.() ?? []).map(({ name }) => name));
    for (const { name } of own) foreign.delete(name);
    return (options.alarms?.() ?? []).filter(({ sensor }) => !foreign.has(sensor));
  };

  const range = (realm = "", exercise = ""): Promise<DataRange> =>
    ranges(`${realm} ${exercise}`, async () => {
      // A report covers its interval to the end; none reaches beyond now, whatever a sensor's clock says.
      const end = "toUnixTimestamp64Micro(interval) + toInt64(greatest(interval_length, 1))";
      const scope = "realm = {realm:String} AND exercise = {exercise:String}";
      const present = now();
      const live = sensors(realm, exercise).length > 0;
      const { rows } = await engine.query<Record<string, unknown>>(
        `WITH (SELECT max(${end}) FROM reports WHERE ${scope}) AS newest
SELECT count() AS n, toUnixTimestamp64Milli(min(interval)) AS first_ms, intDiv(max(${end}) + 999, 1000) AS end_ms, sum(flow_rows) AS flow_rows,
  uniqExactIf(sensor, ${end} > if({live:UInt8} = 1, {present:Int64}, least(newest, {present:Int64})) - 300000000) AS up
FROM reports WHERE ${scope}`,
        { realm, exercise, live: live ? 1 : 0, present: present * 1000 },
        limits,
      );
      const row = rows[0];
      if (row === undefined || Number(row["n"]) === 0) return { from: null, to: null, flows: 0, up: 0 };
      return {
        from: Number(row["first_ms"]),
        to: Math.min(present, Number(row["end_ms"])),
        flows: Number(row["flow_rows"]),
        up: Number(row["up"]),
      };
    });

  const around = async (realm: string | undefined, exercise: string | undefined): Promise<Surroundings> => {
    const own = sensors(realm, exercise);
    return {
      now: now(),
      dataUntil: (await range(realm, exercise)).to,
      sensors: own,
      research: options.research?.() ?? null,
      alarms: alarms(own),
      rollUps: (await options.rollUps?.()) ?? null,
      kept: options.kept?.() ?? { rows: -Infinity, fine: -Infinity },
      simulated,
    };
  };

  return {
    options,
    range,
    sensors,
    ask: <Q extends QuestionName>(name: Q, query: QueryOf<Q>, gone?: () => boolean): Promise<AnswerOf<Q>> =>
      answers(
        `${name} ${JSON.stringify(Object.entries(query).toSorted(([a], [b]) => (a < b ? -1 : 1)))}`,
        async (wanted) => {
          const { realm, exercise } = query as { realm?: string; exercise?: string };
          const surroundings = await around(realm, exercise);
          return inTurn(() => ask(engine, name, query, surroundings, { ...limits, wanted }));
        },
        gone,
      ) as Promise<AnswerOf<Q>>,
  };
};
