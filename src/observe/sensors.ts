// SPDX-License-Identifier: Apache-2.0
import type { AnswerOf } from "../api/contract/index.ts";
import { day, endOf, engineTime, floorTo, iso, minute } from "./asked.ts";
import type { SensorInfo } from "./asked.ts";
import { beat, covered, firstBeat, foldCoverage } from "./coverage.ts";
import type { QuestionOf } from "./question.ts";
import { num, numOrNull, shareOrNull, text } from "./question.ts";
import { scopeOf } from "./relation.ts";

type Row = AnswerOf<"sensors">["rows"][number];
type Runs = AnswerOf<"sensors">["history"][number]["runs"];
type Alarm = AnswerOf<"sensors">["alarms"][number];

/** A live sensor reports every second: a minute of nothing is late, five are down. */
const lateAfter = minute;
const downAfter = 5 * minute;

/** Runs of equal state over the beats of a period; `beats` are up, `degraded` those among them with aggregates. */
export const runsOf = (from: number, to: number, beats: ReadonlySet<number>, degraded: ReadonlySet<number>): Runs => {
  const runs: Runs = [];
  for (let t = floorTo(from, beat); t < to; t += beat) {
    const n = t / beat;
    const state = degraded.has(n) ? "degraded" : beats.has(n) ? "up" : "down";
    // The beat under way is not down yet.
    if (state === "down" && t + beat > to) break;
    const last = runs.at(-1);
    if (last?.state === state) last.to = iso(t + beat);
    else runs.push({ from: iso(t), to: iso(t + beat), state });
  }
  return runs;
};

const beatsOf = (row: Record<string, unknown> | undefined, name: string): ReadonlySet<number> =>
  new Set(Array.isArray(row?.[name]) ? (row[name] as unknown[]).map(Number) : []);

const stateOf = (sensor: SensorInfo | undefined, lastSeen: number | null, now: number): Row["state"] => {
  if (sensor?.revoked !== null && sensor?.revoked !== undefined && sensor.revoked <= now) return "revoked";
  if (lastSeen === null) return "never";
  if (now - lastSeen > downAfter) return "down";
  return now - lastSeen > lateAfter ? "late" : "up";
};

/** Whether a sensor was admitted and has not come yet. */
const awaited = ({ enrolled }: SensorInfo): boolean => enrolled === Infinity;

/** What a person should look at, in words that name the sensor. */
const alarmsOf = (row: Row, now: number): Alarm[] => {
  const alarm = (kind: string, words: string, time = iso(now)): Alarm => ({
    time,
    sensor: row.sensor,
    kind,
    text: words,
  });
  const list: Alarm[] = [];
  if (row.state === "down")
    list.push(
      alarm(
        "silent",
        `Sensor ${row.sensor} has sent nothing since ${row.lastSeen ?? "it was enrolled"}`,
        row.lastSeen ?? iso(now),
      ),
    );
  if (row.state === "never") list.push(alarm("never", `Sensor ${row.sensor} is enrolled and has never reported`));
  if (row.loss !== null && row.loss > 0.001)
    list.push(alarm("loss", `Sensor ${row.sensor} lost ${(row.loss * 100).toFixed(2)} % of its packets`));
  if (row.spoolLost > 0) list.push(alarm("spool", `Sensor ${row.sensor} had no room for ${row.spoolLost} batches`));
  if (row.skewSeconds !== null && Math.abs(row.skewSeconds) > 2)
    list.push(alarm("clock", `The clock of sensor ${row.sensor} is ${row.skewSeconds.toFixed(1)} s off`));
  if (row.retired > 0) list.push(alarm("retired", `A dark address of sensor ${row.sensor} spoke and was retired`));
  return list;
};

export const sensors: QuestionOf<"sensors"> = {
  about: "Health of every sensor: last seen, lag, loss, skew, rate, up-time of the last days",
  last: "7d",
  span: ({ days }, now) => ({ from: now - (days ?? 7) * day, to: now }),
  compares: false,
  compile: (asked) => {
    const scope = scopeOf(asked, asked, "interval");
    const beats = covered(asked, asked, beat / 1000);
    return {
      sums: {
        sql: `SELECT sensor, toUnixTimestamp64Milli(max(received)) AS received_ms, toUnixTimestamp64Milli(max(watermark)) AS watermark_ms, toUnixTimestamp64Milli(min(interval)) AS first_ms,
  argMax(clock_offset, received) AS skew, sum(read) AS r, sum(counted) AS c, sum(not_dark) AS nd, sum(arraySum(mapValues(undecoded))) AS u,
  sum(dropped_by_kernel) + sum(dropped_by_interface) AS dropped, argMax(spool_bytes, received) AS spool, sum(spool_lost) AS lost, argMax(dark_addresses, received) AS dark,
  sum(reports.retired) AS gone, argMax(reports.degraded, received) AS worse
FROM reports WHERE ${scope.sql} GROUP BY sensor ORDER BY sensor`,
        parameters: scope.parameters,
      },
      beats: {
        sql: `SELECT sensor, groupUniqArrayArray(range(first, last + 1)) AS beats, groupUniqArrayArrayIf(range(first, last + 1), degraded) AS degraded_beats FROM ${beats.sql} GROUP BY sensor`,
        parameters: beats.parameters,
      },
      // Over the time that these reports cover, which is longer than five minutes where they are.
      rates: {
        sql: `SELECT sensor, sum(counted) * 1e6 / (max(toUnixTimestamp64Micro(interval) + toInt64(greatest(interval_length, 1))) - min(toUnixTimestamp64Micro(interval))) AS rate FROM reports
INNER JOIN (SELECT sensor, max(interval) AS newest FROM reports WHERE ${scope.sql} GROUP BY sensor) AS n USING sensor
WHERE ${scope.sql} AND interval > newest - INTERVAL 5 MINUTE GROUP BY sensor`,
        parameters: scope.parameters,
      },
    };
  },
  // Who is silent all the period was heard before it, or never.
  next: (asked, results) => {
    const heard = new Set((results["sums"] ?? []).map((row) => text(row, "sensor")));
    const silent = asked.around.sensors.map(({ name }) => name).filter((name) => !heard.has(name));
    return {
      older: {
        sql: `SELECT sensor, toUnixTimestamp64Milli(max(received)) AS received_ms, toUnixTimestamp64Milli(max(watermark)) AS watermark_ms FROM reports
WHERE realm = {realm:String} AND exercise = {exercise:String} AND sensor IN {silent:Array(String)} AND interval < {to:DateTime64(3,'UTC')} GROUP BY sensor`,
        parameters: { realm: asked.realm, exercise: asked.exercise, silent, to: engineTime(asked.to) },
      },
    };
  },
  fold: (asked, results) => {
    const { around } = asked;
    const bySensor = (name: string): Map<string, Record<string, unknown>> =>
      new Map((results[name] ?? []).map((row) => [text(row, "sensor"), row]));
    const [found, older, beats] = [bySensor("sums"), bySensor("older"), bySensor("beats")];
    const names = [...new Set([...around.sensors.map(({ name }) => name), ...found.keys()])].toSorted();
    const live = endOf(around);
    const rows: Row[] = [];
    const history: AnswerOf<"sensors">["history"] = [];
    for (const name of names) {
      const info = around.sensors.find((sensor) => sensor.name === name);
      const row = found.get(name);
      const up = beats.get(name);
      const newest = row ?? older.get(name);
      // A replay is received long after its packets: what was last seen is event time then.
      const received =
        newest === undefined ? null : live === around.now ? num(newest, "received_ms") : num(newest, "watermark_ms");
      const dropped = num(row, "dropped");
      const skew = numOrNull(row, "skew");
      const [upBeats, ownFrom] = [beatsOf(up, "beats"), (info === undefined ? null : firstBeat(info)) ?? -Infinity];
      const coverage = foldCoverage(
        { ...asked, around: { ...around, sensors: info === undefined ? [] : [info] } },
        up === undefined
          ? []
          : [
              {
                sensor: name,
                beats: [...upBeats].filter((one) => one >= ownFrom).length,
                first_ms: row?.["first_ms"],
                degraded: false,
              },
            ],
        name,
      );
      rows.push({
        sensor: name,
        country: info?.country ?? null,
        state: stateOf(info, received, live),
        lastSeen: received === null ? null : iso(received),
        lagSeconds: newest === undefined ? null : Math.max(0, (live - num(newest, "watermark_ms")) / 1000),
        skewSeconds: skew === null ? null : skew / 1e6,
        rate: numOrNull(
          (results["rates"] ?? []).find((one) => one["sensor"] === name),
          "rate",
        ),
        read: num(row, "r"),
        counted: num(row, "c"),
        notDark: num(row, "nd"),
        undecoded: num(row, "u"),
        dropped,
        loss: shareOrNull(dropped, num(row, "r") + dropped),
        spoolBytes: numOrNull(row, "spool"),
        spoolLost: num(row, "lost"),
        darkAddresses: numOrNull(row, "dark"),
        retired: num(row, "gone"),
        degraded: Boolean(row?.["worse"]),
        upShare: coverage.up,
        upSince: coverage.since,
      });
      if (newest !== undefined) {
        const came = info === undefined || awaited(info) ? null : info.enrolled;
        const since = Math.max(asked.from, came ?? num(row, "first_ms"));
        history.push({
          sensor: name,
          runs: runsOf(since, live, upBeats, beatsOf(up, "degraded_beats")),
        });
      }
    }
    const seen = asked.around.alarms.map((one): Alarm => ({ ...one, time: iso(one.time) }));
    // Who was admitted and never came is no outage yet.
    const coming = new Set(around.sensors.filter(awaited).map(({ name }) => name));
    const expected = rows.filter((row) => !(row.state === "never" && coming.has(row.sensor)));
    const alarms = [...seen, ...expected.flatMap((row) => alarmsOf(row, live))];
    const down = expected.filter((row) => row.state === "down" || row.state === "never");
    return {
      facts: {
        sensors: expected.filter((row) => row.state !== "revoked").length,
        up: rows.filter((row) => row.state === "up").length,
        late: rows.filter((row) => row.state === "late").length,
        down: down.length,
        downNames: down.map((row) => row.sensor),
        alarms: alarms.length,
      },
      history,
      alarms,
      rows,
    };
  },
};
