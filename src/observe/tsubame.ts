// SPDX-License-Identifier: Apache-2.0
import { protocolName } from "../model/traffic.ts";
import { AppError } from "../platform/errors.ts";
import { day, dayOf } from "./asked.ts";
import type { Asked, Span } from "./asked.ts";
import { upStatement } from "./coverage.ts";
import { foldMiraiHosts, foldMiraiPorts, miraiHostStatements, miraiPortStatements } from "./mirai.ts";
import { packed, unpacked } from "./ports.ts";
import type { QuestionOf } from "./question.ts";
import { num, numOrNull, text } from "./question.ts";
import { foldSides, sidesStatements } from "./region.ts";
import { among, tally } from "./tally.ts";

/** `2026Q3` is July to September 2026, UTC. */
export const quarterSpan = (name: string): Span => {
  const year = Number(name.slice(0, 4));
  if (year < 1970 || year > 2099) throw new AppError("QUERY_PERIOD", "`quarter` lies before 1970 or after 2099");
  const first = (Number(name.slice(5)) - 1) * 3;
  return { from: Date.UTC(year, first, 1), to: Date.UTC(year, first + 3, 1) };
};
export const quarterOf = (ms: number): string => {
  const date = new Date(ms);
  return `${date.getUTCFullYear()}Q${Math.floor(date.getUTCMonth() / 3) + 1}`;
};
/** What is not over ends now: days to come are no days without packets. */
const soFar = <P>(asked: Asked<P>): Asked<P> => ({
  ...asked,
  to: Math.max(asked.from + 1, Math.min(asked.to, Math.ceil(asked.around.now / day) * day)),
});

export const tsubame: QuestionOf<"reports/tsubame"> = {
  about: "The TSUBAME tables of a quarter",
  last: "90d",
  span: ({ quarter }, now) => quarterSpan(quarter ?? quarterOf(now)),
  compares: false,
  compile: (whole) => {
    const asked = soFar(whole);
    const rows = tally(asked, [asked], { class: "tcp-syn,udp" }, { by: ["sensor", "protocol", "port"], grain: "1d" });
    const all = tally(asked, [asked], { class: "tcp-syn,udp" }, { by: ["sensor"], grain: "1d" });
    const ports = tally(asked, [asked], { class: "tcp-syn,udp" }, { by: ["protocol", "port"], grain: "1d" });
    return {
      ...sidesStatements(asked),
      ...miraiHostStatements(asked, {}, 5),
      ...miraiPortStatements(asked, {}, 10),
      topPorts: {
        sql: `SELECT ${unpacked}, n FROM (SELECT ${packed}, ${ports.packets()} AS n FROM ${ports.sql} GROUP BY packed ORDER BY n DESC, packed LIMIT 10) ORDER BY n DESC, packed`,
        parameters: ports.parameters,
      },
      bySensor: {
        sql: `SELECT sensor, ${unpacked}, n, row_number() OVER (PARTITION BY sensor ORDER BY n DESC, packed) AS rank
FROM (SELECT sensor, ${packed}, ${rows.packets()} AS n FROM ${rows.sql} GROUP BY sensor, packed ORDER BY sensor, n DESC, packed LIMIT 10 BY sensor) ORDER BY sensor, rank`,
        parameters: rows.parameters,
      },
      total: {
        sql: `SELECT ${all.packets()} AS n, uniqExact(sensor) AS sensors FROM ${all.sql}`,
        parameters: all.parameters,
      },
      up: upStatement(asked, 86_400),
    };
  },
  next: (whole, { topPorts = [] }) => {
    const asked = soFar(whole);
    const rows = tally(
      asked,
      [asked],
      { class: "tcp-syn,udp" },
      {
        by: ["protocol", "port"],
        grain: "1d",
        where: among(
          "port",
          topPorts.slice(0, 5).map((row) => numOrNull(row, "port")),
          "UInt16",
        ),
      },
    );
    return {
      daily: {
        sql: `SELECT toString(toDate(toDateTime(t, 'UTC'))) AS date, ${unpacked}, n FROM (SELECT ${rows.bucket} AS t, ${packed}, ${rows.packets()} AS n FROM ${rows.sql} GROUP BY t, packed)`,
        parameters: rows.parameters,
      },
    };
  },
  fold: (whole, results) => {
    const asked = soFar(whole);
    const sensorDays = new Map((results["sensorDays"] ?? []).map((row) => [text(row, "date"), num(row, "days")]));
    const allDays = [...sensorDays.values()].reduce((sum, days) => sum + days, 0);
    const ports = (results["topPorts"] ?? []).map((row, i) => ({
      rank: i + 1,
      protocol: protocolName(num(row, "protocol")),
      port: numOrNull(row, "port"),
      packets: num(row, "n"),
      perSensorDay: allDays > 0 ? num(row, "n") / allDays : null,
    }));
    const daily = new Map(
      (results["daily"] ?? []).map((row) => [
        `${text(row, "date")} ${protocolName(num(row, "protocol"))}/${num(row, "port")}`,
        num(row, "n"),
      ]),
    );
    const dates: string[] = [];
    for (let t = asked.from; t < asked.to; t += day) dates.push(dayOf(t));
    const mirai = foldMiraiHosts(asked, results);
    const total = results["total"]?.[0];
    return {
      facts: {
        quarter: whole.query.quarter ?? quarterOf(whole.around.now),
        sensors: num(total, "sensors"),
        complete: whole.to <= whole.around.now,
        packets: num(total, "n"),
        topPort: ports[0]?.port ?? null,
        topProtocol: ports[0]?.protocol ?? null,
        miraiHosts: mirai.hosts,
      },
      topPorts: ports,
      topPortsDaily: dates.flatMap((date) =>
        ports.slice(0, 5).map(({ protocol, port }) => {
          const days = sensorDays.get(date) ?? 0;
          const packets = daily.get(`${date} ${protocol}/${port ?? 0}`) ?? 0;
          return { date, protocol, port, perSensor: days > 0 ? packets / days : null };
        }),
      ),
      miraiHosts: mirai.rows,
      miraiTotals: mirai.totals,
      miraiCountries: mirai.countries,
      bySensor: (results["bySensor"] ?? []).map((row) => ({
        sensor: text(row, "sensor"),
        rank: num(row, "rank"),
        protocol: protocolName(num(row, "protocol")),
        port: numOrNull(row, "port"),
        packets: num(row, "n"),
      })),
      miraiPorts: foldMiraiPorts(results),
      rows: foldSides(asked, results, "month").map(({ date, side, perSensorDay, packets, sensorDays: there }) => ({
        month: date,
        side,
        perSensorDay,
        packets,
        sensorDays: there,
      })),
    };
  },
};
