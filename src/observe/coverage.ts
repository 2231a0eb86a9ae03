// SPDX-License-Identifier: Apache-2.0
import type { Coverage } from "../api/contract/index.ts";
import { day, engineTime, iso, minute } from "./asked.ts";
import type { Asked, SensorInfo, Span } from "./asked.ts";
import type { Statement } from "./engine.ts";
import { num, text } from "./question.ts";

type Rows = readonly Record<string, unknown>[] | undefined;

/**
 * The one definition of up-time. A sensor is up in these five minutes when a report covers any part of them, with packets or without; its up-time is
 * the share of the whole five minutes of a period, from its enrolment on, in which it was up.
 */
export const beat = 5 * minute;
/** No report covers more. */
const longestReport = day;

/** Only of these sensors, when the question names some. */
const only = (sensors: string | undefined): { sql: string; parameters: Record<string, unknown> } =>
  sensors === undefined
    ? { sql: "", parameters: {} }
    : { sql: " AND sensor IN {only:Array(String)}", parameters: { only: sensors.split(",") } };

/**
 * A subquery in parentheses for FROM: which steps (numbered from 1970, `step` seconds long) of a period were covered by reports. A row
 * is a stretch of them, `first` to `last`, of a sensor; `range(first, last + 1)` are its steps. A report covers its interval to the end, however long.
 */
export const covered = (
  asked: Pick<Asked<unknown>, "realm" | "exercise">,
  span: Span,
  step: number,
  sensors?: string,
): Statement => {
  const own = only(sensors);
  const begin = "toUnixTimestamp64Micro(interval)";
  const end = `${begin} + toInt64(greatest(interval_length, 1))`;
  const micros = step * 1e6;
  // Reports that begin in one step cover, together, what the longest of them covers: few stretches of many reports, cut to the period afterwards.
  return {
    sql: `(SELECT sensor, greatest(a, intDiv({covered_from:Int64}, ${micros})) AS first, least(intDiv(ended - 1, ${micros}), intDiv({covered_to:Int64} - 1, ${micros})) AS last, greatest(earliest, {covered_from:Int64}) AS begin, degraded
FROM (SELECT sensor, intDiv(toUnixTimestamp(interval), ${step}) AS a, max(${end}) AS ended, min(${begin}) AS earliest, max(reports.degraded) AS degraded
FROM reports WHERE realm = {realm:String} AND exercise = {exercise:String}${own.sql} AND interval >= {reaching:DateTime64(3,'UTC')} AND interval < {to:DateTime64(3,'UTC')}
  AND (interval >= {begun:DateTime64(3,'UTC')} OR ${end} > {covered_from:Int64}) GROUP BY sensor, a))`,
    parameters: {
      realm: asked.realm,
      exercise: asked.exercise,
      covered_from: span.from * 1000,
      covered_to: span.to * 1000,
      reaching: engineTime(Math.max(0, span.from - longestReport)),
      begun: engineTime(span.from),
      to: engineTime(span.to),
      ...own.parameters,
    },
  };
};

/** The beat a sensor's up-time is counted from: that of its enrolment. Null: from wherever the period begins. */
export const firstBeat = ({ enrolled }: Pick<SensorInfo, "enrolled">): number | null =>
  enrolled === null || enrolled === Infinity ? null : Math.floor(enrolled / beat);

/**
 * Per sensor: in how many beats of a span it was up (`beats`), and in how many of those since it was enrolled (`own_beats`, where one was enrolled
 * within the span). A capture that is read and shipped tells of a time before: it makes up for no outage since.
 */
export const coverageStatement = (
  asked: Pick<Asked<unknown>, "realm" | "exercise" | "around">,
  span: Span,
  sensors?: string,
): Statement => {
  const stretches = covered(asked, span, beat / 1000, sensors);
  const since = asked.around.sensors.flatMap((sensor) => {
    const first = firstBeat(sensor);
    return first !== null && first * beat > span.from && first * beat < span.to ? [{ name: sensor.name, first }] : [];
  });
  const own =
    since.length === 0
      ? ""
      : ", uniqExactArray(range(greatest(first, {own_since:Array(Int64)}[indexOf({own_names:Array(String)}, sensor)]), last + 1)) AS own_beats";
  return {
    sql: `SELECT sensor, uniqExactArray(range(first, last + 1)) AS beats${own}, intDiv(min(begin), 1000) AS first_ms, max(degraded) AS degraded
FROM ${stretches.sql} GROUP BY sensor ORDER BY sensor`,
    parameters: {
      ...stretches.parameters,
      ...(own === "" ? {} : { own_names: since.map(({ name }) => name), own_since: since.map(({ first }) => first) }),
    },
  };
};

const enrolledIn = (sensor: SensorInfo, { from, to }: Span): boolean =>
  (sensor.enrolled ?? -Infinity) < to && (sensor.revoked ?? Infinity) > from;

/** What the sensors could see of the period. A sensor nobody enrolled (a replay's) counts from its first report. */
export const foldCoverage = (asked: Asked<unknown>, rows: Rows, sensors?: string): Coverage => {
  const wanted = sensors?.split(",");
  const until = Math.min(asked.to, Math.max(asked.around.dataUntil ?? asked.from, asked.from));
  const enrolled = asked.around.sensors.filter(
    (sensor) => enrolledIn(sensor, asked) && (wanted?.includes(sensor.name) ?? true),
  );
  const spans = new Map<string, Span>(
    enrolled.map(({ name, enrolled: since, revoked }) => [
      name,
      {
        from: Math.max(asked.from, since ?? asked.from),
        to: Math.min(asked.to, asked.around.now, revoked ?? Infinity),
      },
    ]),
  );
  for (const row of rows ?? []) {
    if (!spans.has(text(row, "sensor"))) spans.set(text(row, "sensor"), { from: num(row, "first_ms"), to: until });
  }
  // The five minutes in which the period begins are there in part.
  const came = [...spans.values()].map(({ from }) => from).filter((from) => from >= asked.from + beat);
  let expected = 0;
  let up = 0;
  const outages: { sensor: string; minutes: number }[] = [];
  for (const [sensor, span] of spans) {
    const row = rows?.find((one) => one["sensor"] === sensor);
    const beats = num(row, row?.["own_beats"] === undefined ? "beats" : "own_beats");
    // The beat that is under way counts once it has a report, and is no outage before.
    const whole = Math.max(0, Math.floor(span.to / beat) - Math.floor(span.from / beat));
    expected += Math.max(whole, beats);
    up += beats;
    if (beats < whole) outages.push({ sensor, minutes: (whole - beats) * 5 });
  }
  return {
    enrolled: spans.size,
    up: expected === 0 ? null : up / expected,
    since: came.length > 0 && came.length === spans.size ? iso(Math.min(...came)) : null,
    joined: came.length,
    outages: outages.toSorted((a, b) => b.minutes - a.minutes).slice(0, 10),
    degraded: (rows ?? []).some((row) => Boolean(row["degraded"])),
  };
};

/** Of two periods, this much of the sensor-time must be of the same sensors: then their numbers can be compared. */
const alike = 0.9;

/** Of which share of a span each sensor was up. */
const upShares = ({ from, to }: Span, rows: Rows): Map<string, number> => {
  // The beats at both ends are there in part: a sensor that was up all the time may have one more than fit in.
  const whole = Math.max(1, Math.floor(to / beat) - Math.floor(from / beat));
  return new Map((rows ?? []).map((row) => [text(row, "sensor"), Math.min(1, num(row, "beats") / whole)]));
};

/**
 * Whether the period before is one to compare with: the same sensors were up for the same share of it, within a tenth. Not where the data
 * began inside it, sensors were down in it or are down now, or came since, or its rows are gone: what would be compared then is the sensors, not the traffic.
 */
export const foldPrevious = (
  asked: Asked<unknown>,
  results: Readonly<Record<string, Rows>>,
): { from: string; to: string; sensors: number; comparable: boolean } => {
  const now = { from: asked.from, to: Math.min(asked.to, Math.max(asked.from, asked.around.now)) };
  const [then, since] = [upShares(asked.previous, results["coverageBefore"]), upShares(now, results["coverage"])];
  const sum = (shares: Iterable<number>): number => [...shares].reduce((all, one) => all + one, 0);
  const both = sum([...then].map(([sensor, up]) => Math.min(up, since.get(sensor) ?? 0)));
  const most = Math.max(sum(then.values()), sum(since.values()));
  return {
    from: iso(asked.previous.from),
    to: iso(asked.previous.to),
    sensors: Math.round(sum(then.values()) * 1000) / 1000,
    // What is not kept any more was not less.
    comparable: most > 0 && both / most >= alike && asked.previous.from >= asked.since,
  };
};
/** Whether a number of the period before stands for what is usual: there were packets, and the same sensors to see them. */
export const compared = (asked: Asked<unknown>, results: Readonly<Record<string, Rows>>, before: number): boolean =>
  before > 0 && foldPrevious(asked, results).comparable;

/** Seconds of a step that gives a graph at most some 800 points. */
export const stepFor = ({ from, to }: Span): number =>
  to - from <= 2 * day ? 300 : to - from <= 33 * day ? 3600 : 86_400;

/** Per bucket: how many sensors were up at any time, which, for how many beats, and whether some of it is degraded. */
export const upStatement = (asked: Asked<unknown>, step: number, sensors?: string): Statement => {
  const stretches = covered(asked, asked, beat / 1000, sensors);
  return {
    sql: `SELECT t, count() AS up, groupArray(sensor) AS who, groupArray(n) AS beats, max(worse) AS degraded
FROM (SELECT sensor, intDiv(at * ${beat / 1000}, ${step}) * ${step} AS t, uniqExact(at) AS n, max(degraded) AS worse FROM (SELECT sensor, arrayJoin(range(first, last + 1)) AS at, degraded FROM ${stretches.sql}) GROUP BY sensor, t)
GROUP BY t ORDER BY t`,
    parameters: stretches.parameters,
  };
};

/** A sensor that was up for less than this of a bucket was down in it. */
const wholly = 0.9;

export interface Filled {
  readonly ms: number;
  readonly time: string;
  readonly row: Record<string, unknown> | undefined;
  readonly up: number;
  readonly enrolled: number;
  /** Enrolled sensors that were down for some of it, by name. */
  readonly down: readonly string[];
  readonly incomplete: boolean;
  readonly degraded: boolean;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Every bucket of the period in order, with its row (column `t`, seconds) where there is one. */
export const filled = (asked: Asked<unknown>, step: number, rows: Rows, ups: Rows, sensors?: string): Filled[] => {
  const wanted = sensors?.split(",");
  const byTime = new Map((rows ?? []).map((row) => [num(row, "t"), row]));
  const upByTime = new Map((ups ?? []).map((row) => [num(row, "t"), row]));
  const list: Filled[] = [];
  for (let t = Math.floor(asked.from / 1000 / step) * step; t * 1000 < asked.to; t += step) {
    const span = { from: t * 1000, to: (t + step) * 1000 };
    const seen = upByTime.get(t);
    const up = num(seen, "up");
    const there = asked.around.sensors.filter(
      (sensor) => enrolledIn(sensor, span) && (wanted?.includes(sensor.name) ?? true),
    );
    const [who, beats] = [listOf(seen?.["who"]), listOf(seen?.["beats"])];
    const down = there.filter((sensor) => {
      const from = Math.max(span.from, asked.from, sensor.enrolled ?? -Infinity);
      const to = Math.min(span.to, asked.to, asked.around.now, sensor.revoked ?? Infinity);
      // The beat under way is not down yet.
      const whole = Math.floor(to / beat) - Math.floor(from / beat);
      return Number(beats[who.indexOf(sensor.name)] ?? 0) < whole * wholly;
    });
    list.push({
      ms: span.from,
      time: iso(span.from),
      row: byTime.get(t),
      up,
      enrolled: Math.max(there.length, up),
      down: down.map(({ name }) => name).toSorted(),
      incomplete: span.to > Math.min(asked.around.now, asked.to) || span.from < asked.from,
      degraded: Boolean(seen?.["degraded"]),
    });
  }
  return list;
};
