// SPDX-License-Identifier: Apache-2.0
import { day, dayOf } from "./asked.ts";
import type { Asked } from "./asked.ts";
import { beat, covered } from "./coverage.ts";
import type { Statement } from "./engine.ts";
import type { QuestionOf, Results } from "./question.ts";
import { num, text } from "./question.ts";
import { tally } from "./tally.ts";

/** Packets per day and side, and how many sensor-days there were to see them. */
export const sidesStatements = (asked: Asked<unknown>): Record<string, Statement> => {
  const rows = tally(asked, [asked], {}, { by: ["sensor", "country"], grain: "1d", named: true });
  const beats = covered(asked, asked, beat / 1000);
  // Of a sensor that stands nobody knows where, nothing is domestic or overseas.
  const placed = asked.around.sensors.flatMap(({ name, country }) => (country === null ? [] : [{ name, country }]));
  // An empty list would have no type to compare with.
  const names = ["", ...placed.map(({ name }) => name)];
  const days = (where: string): string =>
    `SELECT toString(toDate(toDateTime(at * ${beat / 1000}, 'UTC'))) AS date, uniqExact(sensor, at) / ${day / beat} AS days, uniqExact(sensor) AS sensors
FROM (SELECT sensor, arrayJoin(range(first, last + 1)) AS at FROM ${beats.sql} ${where}) GROUP BY date ORDER BY date`;
  return {
    sides: {
      sql: `SELECT toString(toDate(toDateTime(${rows.bucket}, 'UTC'))) AS date, src_cc = transform(sensor, {names:Array(String)}, {places:Array(String)}, '') AS home, ${rows.packets()} AS n
FROM ${rows.sql} WHERE src_cc IS NOT NULL AND sensor IN {names:Array(String)} GROUP BY date, home ORDER BY date, home`,
      parameters: { ...rows.parameters, names, places: ["", ...placed.map(({ country }) => country)] },
    },
    sensorDays: { sql: days(""), parameters: beats.parameters },
    placedDays: { sql: days("WHERE sensor IN {names:Array(String)}"), parameters: { ...beats.parameters, names } },
  };
};

export interface SideRow {
  readonly date: string;
  readonly side: "domestic" | "overseas";
  readonly perSensorDay: number | null;
  readonly packets: number;
  readonly sensorDays: number;
}

/** Both sides of every day or month of the period; an average over the time that sensors were up, null where none was. */
export const foldSides = (asked: Asked<unknown>, results: Results, step: "day" | "month"): SideRow[] => {
  const cut = step === "day" ? 10 : 7;
  const sum = (
    rows: Results[string] | undefined,
    date: string,
    pick: (row: Record<string, unknown>) => number,
  ): number =>
    (rows ?? []).filter((row) => text(row, "date").slice(0, cut) === date).reduce((all, row) => all + pick(row), 0);
  const dates = new Set<string>();
  for (let t = Math.floor(asked.from / day) * day; t < asked.to; t += day) dates.add(dayOf(t).slice(0, cut));
  return [...dates].flatMap((date) => {
    const sensorDays = sum(results["placedDays"], date, (row) => num(row, "days"));
    return (["domestic", "overseas"] as const).map((side) => {
      const packets = sum(results["sides"], date, (row) =>
        Boolean(row["home"]) === (side === "domestic") ? num(row, "n") : 0,
      );
      return { date, side, perSensorDay: sensorDays > 0 ? packets / sensorDays : null, packets, sensorDays };
    });
  });
};

export const domesticOverseas: QuestionOf<"region/domestic-overseas"> = {
  about: "Average packets per sensor and day from the sensor's own country and from elsewhere",
  last: "30d",
  compares: false,
  compile: sidesStatements,
  fold: (asked, results) => {
    const rows = foldSides(asked, results, asked.query.step ?? "day");
    const mean = (side: SideRow["side"]): number | null => {
      const own = rows.filter((row) => row.side === side);
      const days = own.reduce((all, row) => all + row.sensorDays, 0);
      return days > 0 ? own.reduce((all, row) => all + row.packets, 0) / days : null;
    };
    const [domestic, overseas] = [mean("domestic"), mean("overseas")];
    return {
      facts: {
        domestic,
        overseas,
        ratio: domestic === null || overseas === null || domestic === 0 ? null : overseas / domestic,
        sensors: Math.max(0, ...(results["placedDays"] ?? []).map((row) => num(row, "sensors"))),
      },
      rows,
    };
  },
};
