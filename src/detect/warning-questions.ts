// SPDX-License-Identifier: Apache-2.0
import { IPV4_SPACE } from "../model/report.ts";
import { asks, asksBy } from "./asks.ts";
import { inScope, inSpan } from "./detector.ts";
import type { Past, Question, Row, Rows, Span } from "./detector.ts";
import { spans } from "./forecast.ts";
import type { Sighted } from "./forecast.ts";
import type { NewsRow, SensorRow } from "./surge.ts";

/*
 * What early warning asks: who is new on which port, how long sensors looked, and of what stands out whence its sources come and how many hosts were seen.
 */

const HOUR = 3_600e6;
const DAY = 24 * HOUR;
/** What is counted together: a live node asks so often. */
export const STEP = 600e6;
/** Sources that ask for more than this many ports are scanners of everything (JPCERT/CC's rule for a day). */
export const FOCUS = 10;

/** Hours of an address's past in which what it asked for counts: the one before, and as many before that as make a day. */
const BEFORE = DAY / HOUR;
const perHour = HOUR / STEP;
const asking = "class IN ('tcp-syn', 'udp') AND victim IS NULL AND dst_port IS NOT NULL";
const unmarked = "2 * greatest(zmap, masscan, stateless) < packets";
const between = (from: number, to: number): string =>
  `first_seen >= fromUnixTimestamp64Micro(toInt64(${from})) AND first_seen < fromUnixTimestamp64Micro(toInt64(${to}))`;

/**
 * New focused sources by step, port, signature and sensor. A pair (source, port) is new in a step when the source had not asked for the port in that hour and the 24 before it; a
 * source is focused in a step when it asked for few ports in those. Packets with a scanner's mark make nobody new, but what they asked for was asked for. All is counted in
 * steps, and the past in whole hours: so it does not show how many steps were asked for at once, nor whether the hours were summed up before. A port counts for its
 * source from a step until its time is over without a longer pause, so that the ports of a day are a running sum of comings and goings.
 */
export const newsQuestion = ({ from, to }: Span, past: Past | undefined): Question => {
  const began = Math.floor(from / HOUR - BEFORE) * HOUR;
  const who = `src IN (SELECT src FROM flows WHERE ${inSpan} AND ${asks} AND ${unmarked})`;
  const hours = past?.hours({ from: began, to: from }, `${inScope} AND ${who}`);
  // Whoever asked for more in one hour that counts in all of these steps is focused in none: most of what was asked for is left aside so.
  const many =
    hours === undefined
      ? ""
      : ` AND src NOT IN (SELECT src FROM ${hours.sql} WHERE bucket >= toDateTime(${(Math.floor((to - 1) / HOUR) - BEFORE) * (HOUR / 1e6)}, 'UTC') AND arrayCount(one -> one % 131072 < 65536, port_set) > ${FOCUS})`;
  const news = `${who}${many}`;
  const older = (since: number, until: number): string[] =>
    since >= until
      ? []
      : [
          `SELECT src, protocol, assumeNotNull(dst_port) AS port, toInt64(intDiv(toUnixTimestamp64Micro(first_seen), ${STEP})) AS seen, toUInt64(0) AS of_it, CAST('', 'LowCardinality(String)') AS at, CAST(NULL, 'Nullable(UInt64)') AS signed, first_seen, toUInt8(0) AS is_own
FROM flows WHERE ${inScope} AND ${asking} AND ${between(since, until)} AND ${news}`,
        ];
  const rows = [
    `SELECT src, protocol, assumeNotNull(dst_port) AS port, toInt64(intDiv(toUnixTimestamp64Micro(first_seen), ${STEP})) AS seen, toUInt64(if(is_own, packets, 0)) AS of_it, sensor AS at, signature AS signed, first_seen, toUInt8(${asks} AND ${unmarked}) AS is_own
FROM flows WHERE ${inSpan} AND ${asking} AND ${news}`,
    ...older(began, hours?.from ?? from),
    ...older(hours?.to ?? from, from),
    ...(hours === undefined
      ? []
      : [
          `SELECT src, toUInt8(intDiv(way, 131072)) AS protocol, toUInt16(way % 131072) AS port, toInt64(intDiv(toUnixTimestamp(bucket), ${STEP / 1e6})) AS seen, toUInt64(0) AS of_it, CAST('', 'LowCardinality(String)') AS at, CAST(NULL, 'Nullable(UInt64)') AS signed, toDateTime64(0, 6, 'UTC') AS first_seen, toUInt8(0) AS is_own
FROM ${hours.sql} ARRAY JOIN port_set AS way WHERE way % 131072 < 65536${many}`,
        ]),
  ];
  const hour = (step: string): string => `intDiv(${step}, ${perHour})`;
  return {
    sql: `SELECT step, protocol, port, signature, flows.sensor AS sensor, countIf(is_new) AS sources, sum(n) AS packets
FROM (
  SELECT step, protocol, port, signature, sensor, n, own, is_new, change.3 AS is_row,
    sum(change.2) OVER (PARTITION BY src ORDER BY change.1 RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS ports
  FROM (
    SELECT src, step, protocol, port, signature, sensor, n, own, is_new,
      arrayJoin(if(is_last, [(step, toInt64(is_new), 1), ((${hour("step")} + ${BEFORE + 1}) * ${perHour}, toInt64(-1), 0)], [(step, toInt64(is_new), 1)])) AS change
    FROM (
      SELECT src, step, protocol, port, signature, sensor, n, own,
        ${hour("step")} - ${hour("lagInFrame(step, 1, 0) OVER ways")} > ${BEFORE} AS is_new,
        ${hour(`leadInFrame(step, 1, step + ${(BEFORE + 2) * perHour}) OVER ways`)} - ${hour("step")} > ${BEFORE} AS is_last
      FROM (
        SELECT src, protocol, port, max(seen) AS step, sum(of_it) AS n, max(is_own) AS own, argMinIf(at, (first_seen, at), is_own) AS sensor,
          argMinIf(tuple(signed), (first_seen, at), is_own).1 AS number, ifNull(toString(number), '') AS signature
        FROM (${rows.join("\nUNION ALL\n")})
        GROUP BY src, protocol, port, if(seen >= intDiv({from:Int64}, ${STEP}), seen, 0))
      WINDOW ways AS (PARTITION BY src, protocol, port ORDER BY step ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)))) AS flows
WHERE is_row AND own AND step >= intDiv({from:Int64}, ${STEP}) AND ports <= ${FOCUS}
GROUP BY step, protocol, port, signature, sensor ORDER BY step, protocol, port, signature, sensor`,
  };
};
/** How long each sensor looked in each step: its reports' intervals, as far as they lie in it. Above 2^32 it says that it watches IPv6, and not how many IPv4 addresses. */
export const sensorsQuestion: Question = {
  sql: `SELECT step, sensor, sum(least(ended, (step + 1) * ${STEP}) - greatest(began, step * ${STEP})) / 1e6 AS seconds, max(dark) AS dark
FROM (SELECT sensor, dark, began, ended, arrayJoin(range(intDiv(greatest(began, {from:Int64}), ${STEP}), intDiv(least(ended, {to:Int64}) - 1, ${STEP}) + 1)) AS step
  FROM (SELECT sensor, if(dark_addresses > ${IPV4_SPACE}, 0, dark_addresses) AS dark, toUnixTimestamp64Micro(interval) AS began, began + toInt64(interval_length) AS ended FROM reports
    WHERE ${inScope}
      AND interval >= fromUnixTimestamp64Micro({from:Int64} - ${DAY}) AND interval < fromUnixTimestamp64Micro({to:Int64}) AND ended > {from:Int64}))
GROUP BY step, sensor ORDER BY step, sensor`,
};

export const newsRow = (row: Row): NewsRow & { readonly step: number } => ({
  step: Number(row["step"]),
  protocol: Number(row["protocol"]),
  port: Number(row["port"]),
  signature: String(row["signature"]),
  sensor: String(row["sensor"]),
  sources: Number(row["sources"]),
  packets: Number(row["packets"]),
});
export const sensorRow = (row: Row): SensorRow & { readonly step: number } => ({
  step: Number(row["step"]),
  sensor: String(row["sensor"]),
  // Batches of a sensor that was started again may overlap: no more than the span itself is counted.
  seconds: Math.min(STEP / 1e6, Number(row["seconds"])),
  // Not known (a replay without declared dark prefixes): one address stands for all.
  dark: Math.max(1, Number(row["dark"])),
});

/** Of a SYN signature alone, where one is asked for. */
const signed = (signature: string): string => (signature === "" ? "" : " AND toString(signature) = {signature:String}");

/** How far back the usual networks of a port are looked at. */
const USUAL = 3 * DAY;

/** Rows of those who ask for a port, without scanners' marks. Answers to forged requests are told from requests by what the short rows do not have, so datagrams are read in full. */
const askers = (protocol: number, { from, to }: Span, where: string, past: Past | undefined): string => {
  const wanted = `${inScope} AND ${asksBy(protocol)} AND ${unmarked} AND ${where}`;
  return past === undefined || protocol !== 6
    ? `(SELECT * FROM flows PREWHERE dst_port IN {ports:Array(UInt16)} WHERE ${between(from, to)} AND ${wanted})`
    : past.rows({ from, to }, `dst_port IN {ports:Array(UInt16)} AND ${wanted}`);
};

/** From which networks the new focused sources of a port come, and came in the days before: asked only for what is rare. */
export const originQuestion = (key: string, since: number, until: number, past: Past | undefined): Question => {
  const [protocol = "", port, signature = ""] = key.split("/");
  const of = `protocol = {protocol:UInt8}${signed(signature)}`;
  const before = { from: since - USUAL, to: since };
  const usual = `${inScope} AND dst_port IN {ports:Array(UInt16)} AND ${of}`;
  return {
    sql: `WITH asked AS (
  SELECT src, max(asn) AS asn, argMinIf(at, (first, at), fresh) AS at, min(fresh) AS is_new
  FROM (
    SELECT src, ifNull(src_asn, 0) AS asn, sensor AS at, first_seen AS first, toUInt8(1) AS fresh FROM ${askers(Number(protocol), { from: since, to: until }, of, past)}
    UNION ALL
    SELECT src, ifNull(src_asn, 0) AS asn, CAST('', 'LowCardinality(String)') AS at, toDateTime64(0, 6, 'UTC') AS first, toUInt8(0) AS fresh
    FROM ${past === undefined ? `flows PREWHERE dst_port IN {ports:Array(UInt16)} WHERE ${between(before.from, before.to)} AND ${asking} AND ${usual}` : past.askers(before, usual)})
  GROUP BY src)
SELECT asn, countIf(is_new) AS sources, countIf(NOT is_new) AS before, arraySort(groupUniqArrayIf(at, is_new)) AS sensors FROM asked
GROUP BY asn HAVING sources > 0 ORDER BY sources DESC, asn`,
    parameters: { protocol: Number(protocol), ports: [Number(port)], signature },
  };
};
export interface Origin {
  /** New sources of each origin AS, and those of the days before; who has none is in no network. */
  readonly networks: readonly { readonly sources: number; readonly before: number }[];
  readonly unrouted: number;
  readonly sensors: readonly string[];
}
export const originOf = (rows: Rows): Origin => ({
  networks: rows
    .filter((row) => Number(row["asn"]) !== 0)
    .map((row) => ({ sources: Number(row["sources"]), before: Number(row["before"]) })),
  unrouted: rows.reduce((sum, row) => sum + (Number(row["asn"]) === 0 ? Number(row["sources"]) : 0), 0),
  sensors: [...new Set(rows.flatMap((row) => row["sensors"] as readonly string[]))].toSorted(),
});

/**
 * Everybody who asked for the ports of findings, hour by hour back from a moment, and over the last day: new or not, for hosts that were seen before are
 * still infected.
 */
export const sightedQuestion = (keys: readonly string[], until: number, past: Past | undefined): Question => {
  const [protocol = "", , signature = ""] = (keys[0] ?? "").split("/");
  const ports = keys.map((key) => Number(key.split("/")[1]));
  const span = { from: until - 2 * DAY, to: until };
  const of = `protocol = {protocol:UInt8}${signed(keys.length === 1 ? signature : "")}`;
  return {
    sql: `SELECT port, ${spans.map((hours) => `countIf(newest < ${hours}) AS s${hours}, sum(n${hours}) AS p${hours}`).join(", ")},
  (range(toUInt8(48)), sumForEach(arrayMap(back -> toUInt64(bitTest(hours, back)), range(toUInt8(48))))) AS hourly
FROM (
  WITH toUInt8(intDiv(toInt64(${until}) - 1 - toUnixTimestamp64Micro(first_seen), ${HOUR})) AS back
  SELECT assumeNotNull(dst_port) AS port, min(back) AS newest, groupBitOr(bitShiftLeft(toUInt64(1), back)) AS hours, ${spans.map((hours) => `sumIf(packets, back < ${hours}) AS n${hours}`).join(", ")}
  FROM ${askers(Number(protocol), span, of, past)} GROUP BY port, src)
GROUP BY port`,
    parameters: { protocol: Number(protocol), ports, signature },
  };
};
export type Counted = Pick<Sighted, "hourly" | "spans">;
export const countedOf = (row: Row | undefined): Counted => {
  const [back, counts] = (row?.["hourly"] ?? [[], []]) as readonly [readonly number[], readonly number[]];
  const hourly = Array.from({ length: 48 }, () => 0);
  for (const [i, at] of back.entries()) if (at < 48) hourly[at] = Number(counts[i]);
  return {
    hourly,
    spans: spans.map((hours) => ({
      sources: Number(row?.[`s${hours}`] ?? 0),
      packets: Number(row?.[`p${hours}`] ?? 0),
    })),
  };
};
