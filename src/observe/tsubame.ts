// SPDX-License-Identifier: Apache-2.0
import { protocolName } from "../model/traffic.ts";
import { AppError } from "../platform/errors.ts";
import { day, dayOf } from "./asked.ts";
import type { Asked, Span } from "./asked.ts";
import { upStatement } from "./coverage.ts";
import { exactStatement, leadersStatement, packed, topOf, unpacked } from "./leaders.ts";
import type { TopSearch } from "./leaders.ts";
import {
  foldMiraiHosts,
  foldMiraiPorts,
  miraiHostStatements,
  miraiPortStatements,
  miraiPortsExactly,
} from "./mirai.ts";
import type { QuestionOf } from "./question.ts";
import { num, text } from "./question.ts";
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

const asks = { class: "tcp-syn,udp" };
const searches = {
  ports: { filters: asks, by: "packets", limit: 10 },
  each: { filters: asks, by: "packets", limit: 10, perSensor: true },
} as const satisfies Record<string, Omit<TopSearch, "spans">>;

export const tsubame: QuestionOf<"reports/tsubame"> = {
  about: "The TSUBAME tables of a quarter",
  last: "90d",
  span: ({ quarter }, now) => quarterSpan(quarter ?? quarterOf(now)),
  compares: false,
  compile: (whole) => {
    const asked = soFar(whole);
    const all = tally(asked, [asked], searches.ports.filters, { by: ["sensor"], grain: "1d" });
    const every = tally(asked, [asked], {}, { by: [], grain: "1d" });
    return {
      every: { sql: `SELECT ${every.packets()} AS n FROM ${every.sql}`, parameters: every.parameters },
      ...sidesStatements(asked),
      ...miraiHostStatements(asked, {}),
      ...miraiPortStatements(asked, {}, 10),
      topPorts: leadersStatement(asked, { ...searches.ports, spans: [asked] }),
      bySensor: leadersStatement(asked, { ...searches.each, spans: [asked] }),
      total: {
        sql: `SELECT ${all.packets()} AS n, uniqExact(sensor) AS sensors FROM ${all.sql}`,
        parameters: all.parameters,
      },
      up: upStatement(asked, 86_400),
    };
  },
  next: (whole, results) => {
    const asked = soFar(whole);
    const exact = exactStatement(asked, { ...searches.ports, spans: [asked] }, results["topPorts"], results);
    const each = exactStatement(asked, { ...searches.each, spans: [asked] }, results["bySensor"], results);
    return {
      ...miraiPortsExactly(asked, {}, 10, results),
      ...(exact === undefined ? {} : { topPortsExact: exact }),
      ...(each === undefined ? {} : { bySensorExact: each }),
    };
  },
  after: (whole, { topPorts, topPortsExact }) => {
    const asked = soFar(whole);
    const top = topOf({ ...searches.ports, spans: [asked] }, topPorts, topPortsExact).slice(0, 5);
    const rows = tally(asked, [asked], searches.ports.filters, {
      by: ["protocol", "port"],
      grain: "1d",
      where: among(
        "port",
        top.map(({ port }) => port),
        "UInt16",
      ),
    });
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
    const ports = topOf({ ...searches.ports, spans: [asked] }, results["topPorts"], results["topPortsExact"])
      .filter(({ packets }) => packets > 0)
      .map(({ protocol, port, packets }, i) => ({
        rank: i + 1,
        protocol: protocolName(protocol),
        port,
        packets,
        perSensorDay: allDays > 0 ? packets / allDays : null,
      }));
    const daily = new Map(
      (results["daily"] ?? []).map((row) => [
        `${text(row, "date")} ${protocolName(num(row, "protocol"))}/${num(row, "port")}`,
        num(row, "n"),
      ]),
    );
    const dates: string[] = [];
    for (let t = asked.from; t < asked.to; t += day) dates.push(dayOf(t));
    const mirai = foldMiraiHosts(asked, results, 5);
    const total = results["total"]?.[0];
    const each = Map.groupBy(
      topOf({ ...searches.each, spans: [asked] }, results["bySensor"], results["bySensorExact"]).filter(
        ({ packets }) => packets > 0,
      ),
      ({ sensor }) => sensor,
    );
    return {
      facts: {
        quarter: quarterOf(whole.from),
        sensors: num(total, "sensors"),
        complete: whole.to <= whole.around.now,
        packets: num(total, "n"),
        counted: num(results["every"]?.[0], "n"),
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
      bySensor: [...each].flatMap(([sensor, own]) =>
        own.map(({ protocol, port, packets }, i) => ({
          sensor,
          rank: i + 1,
          protocol: protocolName(protocol),
          port,
          packets,
        })),
      ),
      miraiPorts: foldMiraiPorts(asked, {}, 10, results),
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
