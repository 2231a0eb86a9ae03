// SPDX-License-Identifier: Apache-2.0
import type { Detection } from "../model/detection.ts";
import { protocolName } from "../model/traffic.ts";
import { changeScore, newChange } from "./changefinder.ts";
import { inSpan } from "./detector.ts";
import type { Context, Detector, Parameter, Question, Row, Rows, Span } from "./detector.ts";
import { KEEP } from "./exposure.ts";
import { cameTrue, forecasts, outlook, verify } from "./forecast.ts";
import type { Outlook } from "./forecast.ts";
import { detectionId } from "./identity.ts";
import { signatureText } from "./signature.ts";
import { newSurgeMemory, rarest, surgeParameters, takeNews } from "./surge.ts";
import type { NewsRow, Rare, SensorRow, SurgeMemory } from "./surge.ts";
import { firstAbove, recent } from "./watched.ts";
import type { OpenSurge, WatchedMemory } from "./watched.ts";

const HOUR = 3_600e6;
const STEP = 600e6;
const DAY = 24 * HOUR;
const NAME = "early-warning";

/** Sources that ask for more than this many ports are scanners of everything (JPCERT/CC's rule for a day). */
const FOCUS = 10;
/** Sources, faded, that a port may have had before and still be new. */
const FEW = 0.5;
/** Keys with so many sources in three days get ChangeFinder's scores as evidence. */
const BUSY = 60;

const asks = "class IN ('tcp-syn', 'udp') AND dst_port IS NOT NULL";

/**
 * New focused sources by step, port, signature and sensor. A pair (source, port) is new in a step when it was silent in the day before; a
 * source is focused in a step when it asked for few ports in the day up to it. Both are counted in steps, so that it does not show how many steps were asked for at
 * once. Packets with a scanner's mark have no part in it.
 */
const newsQuestion: Question = {
  sql: `SELECT step, protocol, port, signature, flows.sensor AS sensor, countIf(is_new) AS sources, countIf(is_new AND asn = 0) AS unrouted, sum(n) AS packets
FROM (
  SELECT step, protocol, port, signature, sensor, n, asn,
    step - lagInFrame(step, 1, 0) OVER (PARTITION BY src, protocol, port ORDER BY step ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > ${DAY / STEP} AS is_new,
    uniqExact(protocol, port) OVER (PARTITION BY src ORDER BY step RANGE BETWEEN ${DAY / STEP - 1} PRECEDING AND CURRENT ROW) AS ports
  FROM (
    SELECT src, protocol, assumeNotNull(dst_port) AS port, toInt64(intDiv(toUnixTimestamp64Micro(first_seen), ${STEP})) AS step, sum(flows.packets) AS n,
      argMin(flows.sensor, (first_seen, flows.sensor)) AS sensor, argMin(if(isNull(flows.signature), '', toString(flows.signature)), first_seen) AS signature, max(ifNull(src_asn, 0)) AS asn
    FROM flows
    WHERE realm = {realm:String} AND exercise = {exercise:String} AND ${asks} AND 2 * greatest(zmap, masscan, stateless) < flows.packets
      AND first_seen >= fromUnixTimestamp64Micro({from:Int64} - ${DAY}) AND first_seen < fromUnixTimestamp64Micro({to:Int64})
      AND src IN (SELECT src FROM flows WHERE ${inSpan} AND ${asks} AND 2 * greatest(zmap, masscan, stateless) < packets)
    GROUP BY src, protocol, port, step)) AS flows
WHERE step >= intDiv({from:Int64}, ${STEP}) AND ports <= ${FOCUS}
GROUP BY step, protocol, port, signature, sensor ORDER BY step, protocol, port, signature, sensor`,
};
/** How long each sensor looked in each step: its reports' intervals, as far as they lie in it. */
const sensorsQuestion: Question = {
  sql: `SELECT step, sensor, sum(least(ended, (step + 1) * ${STEP}) - greatest(began, step * ${STEP})) / 1e6 AS seconds, max(dark) AS dark
FROM (SELECT sensor, dark, began, ended, arrayJoin(range(intDiv(greatest(began, {from:Int64}), ${STEP}), intDiv(least(ended, {to:Int64}) - 1, ${STEP}) + 1)) AS step
  FROM (SELECT sensor, dark_addresses AS dark, toUnixTimestamp64Micro(interval) AS began, began + toInt64(interval_length) AS ended FROM reports
    WHERE realm = {realm:String} AND exercise = {exercise:String}
      AND interval >= fromUnixTimestamp64Micro({from:Int64} - ${DAY}) AND interval < fromUnixTimestamp64Micro({to:Int64}) AND ended > {from:Int64}))
GROUP BY step, sensor ORDER BY step, sensor`,
};

const newsRow = (row: Row): NewsRow & { readonly step: number } => ({
  step: Number(row["step"]),
  protocol: Number(row["protocol"]),
  port: Number(row["port"]),
  signature: String(row["signature"]),
  sensor: String(row["sensor"]),
  sources: Number(row["sources"]),
  unrouted: Number(row["unrouted"]),
  packets: Number(row["packets"]),
});
const sensorRow = (row: Row): SensorRow & { readonly step: number } => ({
  step: Number(row["step"]),
  sensor: String(row["sensor"]),
  // Batches of a sensor that was started again may overlap: no more than the span itself is counted.
  seconds: Math.min(STEP / 1e6, Number(row["seconds"])),
  // Not known (a replay without declared dark prefixes): one address stands for all.
  dark: Math.max(1, Number(row["dark"])),
});

/** Where the sources of a port's window come from: asked only for what is rare. */
const originQuestion = (key: string, since: number, until: number): Question => {
  const [protocol, port, signature] = key.split("/");
  return {
    sql: `SELECT uniqExactIf(src_asn, src_asn IS NOT NULL) AS networks, arraySort(groupUniqArray(flows.sensor)) AS sensors, uniqExact(src) AS sources, uniqExactIf(src, src_asn IS NULL) AS unrouted
FROM flows WHERE realm = {realm:String} AND exercise = {exercise:String} AND ${asks} AND protocol = {protocol:UInt8} AND dst_port = {port:UInt16}
  AND ({signature:String} = '' OR toString(signature) = {signature:String}) AND 2 * greatest(zmap, masscan, stateless) < packets
  AND first_seen >= fromUnixTimestamp64Micro({since:Int64}) AND first_seen < fromUnixTimestamp64Micro({until:Int64})`,
    parameters: { protocol: Number(protocol), port: Number(port), signature: signature ?? "", since, until },
  };
};
interface Origin {
  readonly networks: number;
  readonly sensors: readonly string[];
  readonly unrouted: number;
}
const originOf = (row: Row | undefined): Origin => ({
  networks: Number(row?.["networks"] ?? 0),
  sensors: (row?.["sensors"] ?? []) as readonly string[],
  unrouted: Number(row?.["unrouted"] ?? 0) / Math.max(1, Number(row?.["sources"] ?? 0)),
});

/** Whether a rare count may be called a surge: from as many networks as so many hosts live in, and not forged. */
const corroborated = (found: Rare, { networks, unrouted }: Origin): boolean =>
  // Somebody who forges a member's addresses has few networks to take them from; an outbreak has hosts everywhere.
  networks >= Math.max(surgeParameters.networks, Math.min(20, Math.floor(found.sources / 4))) &&
  !(found.sources >= 20 && unrouted > surgeParameters.unrouted);

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

interface Claim {
  readonly kind: "surge" | "outbreak" | "novelty";
  readonly key: string;
  readonly watched: WatchedMemory;
  readonly open: OpenSurge;
  readonly view: Outlook;
  readonly span: Span;
  readonly context: Context;
  readonly hour: number;
  readonly state: "rising" | "steady" | "over";
}

const confidence = { novelty: 0.5, surge: 0.9, outbreak: 0.97 } as const;

const detectionOf = ({ kind, key, watched, open, view, span, context, hour, state }: Claim): Detection => {
  const [protocol = "0", port = "0"] = key.split("/");
  const { realm, exercise } = context.scope;
  const { packets } = recent(watched, hour, hour - Math.floor(open.began / HOUR) + 1);
  const scores = watched.change?.map((memory) => {
    const { recent: kept } = memory;
    return round(kept[1].reduce((sum, one) => sum + one, 0) / Math.max(1, kept[1].length), 3);
  });
  return {
    id: detectionId({ detector: NAME, kind, realm, exercise, subject: `${protocol}/${port}`, opening: open.opened }),
    detector: NAME,
    version: 1,
    kind,
    realm,
    exercise,
    source: null,
    protocol: protocolName(Number(protocol)),
    port: Number(port),
    first: open.began,
    last: span.to,
    packets,
    darkAddresses: 0,
    sensors: open.sensors,
    confidence: confidence[kind],
    family: null,
    held: [],
    evidence: {
      state,
      found: open.opened,
      window_hours: open.window,
      sources: open.sources,
      expected: round(open.expected, 2),
      chance_log10: round(open.chance, 1),
      sources_24h: recent(watched, hour, 24).sources,
      networks: open.networks,
      signature: open.signature === null ? null : signatureText(open.signature),
      // Hour since 1970, new sources, their packets; hour, ...
      hours: watched.hours,
      ...(scores === undefined ? {} : { changefinder: { packets: scores[0], sources: scores[1] } }),
      ...(kind === "novelty"
        ? {}
        : {
            growth_per_hour: view.growth === null ? null : round(view.growth.rate, 4),
            growth_error:
              view.growth === null || !Number.isFinite(view.growth.error) ? null : round(view.growth.error, 4),
            doubling_hours: view.growth?.doublingHours == null ? null : round(view.growth.doublingHours, 2),
            hosts: view.hosts,
            hosts_by_hour: open.hosts,
            forecasts: open.forecasts.map((one) => ({ ...one, true: cameTrue(one) })),
          }),
    },
    samples: [],
  };
};

/** Forecasts kept of one finding; the first and the newest say most. */
const MOST_FORECASTS = 60;
/** Hours of estimates kept: two weeks. */
const MOST_HOURS = 336;

const followChange = (watched: WatchedMemory, hour: number, packets: number, sources: number): void => {
  if (watched.change === undefined) {
    if (recent(watched, hour, KEEP).sources < BUSY) return;
    watched.change = [newChange(), newChange()];
  }
  changeScore(watched.change[0], packets);
  changeScore(watched.change[1], sources);
};

/** One step: takes its news in, and tells what stands out. Asks where the sources of a finding come from. */
function* judgeStep(
  span: Span,
  memory: SurgeMemory,
  news: readonly NewsRow[],
  sensors: readonly SensorRow[],
  context: Context,
): Generator<Question, Detection[], Rows> {
  const hour = Math.floor(span.from / HOUR);
  const sums = takeNews(memory, span, news, sensors, surgeParameters);
  const detections: Detection[] = [];

  for (const [key, { sources, packets }] of sums) {
    const watched = memory.keys[key];
    if (watched === undefined || key.indexOf("/") !== key.lastIndexOf("/")) continue;
    const followed = watched.change !== undefined;
    followChange(watched, hour, packets, sources);
    if (!followed && watched.change !== undefined) memory.busy.push(key);
  }
  for (const key of memory.busy) {
    const watched = memory.keys[key];
    if (watched?.change !== undefined && !sums.has(key)) followChange(watched, hour, 0, 0);
  }

  const found = new Map<string, { rare: Rare; signature: string | null }>();
  for (const key of sums.keys()) {
    const [protocol, port, signature = null] = key.split("/");
    const of = `${protocol}/${port}`;
    const rare = rarest(memory, key, surgeParameters);
    if (rare === undefined || rare.chance > surgeParameters.novel || rare.sources < surgeParameters.sources) continue;
    const known = found.get(of);
    if (known === undefined || rare.chance < known.rare.chance) found.set(of, { rare, signature });
  }
  const told = new Set<string>();
  for (const [key, { rare, signature }] of found) {
    const watched = memory.keys[key];
    if (watched === undefined) continue;
    const surge = rare.chance <= surgeParameters.rare;
    const isNew = (watched.before ?? 0) < FEW && (watched.hours[0] ?? 0) > hour - 24;
    if (watched.open !== undefined) watched.open.rare = hour;
    if (watched.open !== undefined ? watched.open.surge || !surge : !surge && !isNew) continue;
    const began = firstAbove(watched, hour, rare.hours, rare.expected / rare.hours);
    const origin = originOf((yield originQuestion(rare.key, began * HOUR, span.to))[0]);
    if (!corroborated(rare, origin)) continue;
    watched.open = {
      opened: watched.open?.opened ?? span.to,
      began: began * HOUR,
      chance: rare.chance,
      window: rare.hours,
      sources: rare.sources,
      expected: rare.expected,
      networks: origin.networks,
      sensors: origin.sensors,
      signature,
      surge,
      outbreak: false,
      rare: hour,
      told: hour,
      forecasts: [],
      hosts: [],
    };
    if (!memory.open.includes(key)) memory.open.push(key);
    told.add(key);
  }
  for (const key of memory.open) {
    const watched = memory.keys[key];
    const open = watched?.open;
    if (watched === undefined || open === undefined) continue;
    const basis = open.signature === null ? watched : (memory.keys[`${key}/${open.signature}`] ?? watched);
    const view = outlook(basis, hour, open.expected / open.window);
    const cameNow = verify(open.forecasts, span.to, view.hosts);
    const due = hour > open.told;
    if (!told.has(key) && !due && !cameNow) continue;
    open.told = hour;
    const over = hour - open.rare >= surgeParameters.closes;
    if (open.surge && open.hosts.length < MOST_HOURS) {
      open.hosts.push([hour, view.hosts.low, view.hosts.middle, view.hosts.high ?? -1]);
    }
    if (view.grows) open.outbreak = true;
    if (open.outbreak && !over && open.forecasts.length < MOST_FORECASTS)
      open.forecasts.push(...forecasts(view, span.to));
    const state = over ? ("over" as const) : view.grows ? ("rising" as const) : ("steady" as const);
    const claim = { key, watched: basis, open, view, span, context, hour, state };
    if (!open.surge) detections.push(detectionOf({ ...claim, kind: "novelty" }));
    else {
      detections.push(detectionOf({ ...claim, kind: "surge" }));
      if (open.outbreak) detections.push(detectionOf({ ...claim, kind: "outbreak" }));
    }
    if (over) {
      delete watched.open;
      memory.open = memory.open.filter((one) => one !== key);
    }
  }
  return detections;
}

const byStep = <T extends { readonly step: number }>(rows: readonly T[]): Map<number, T[]> => {
  const found = new Map<number, T[]>();
  for (const row of rows) {
    const list = found.get(row.step);
    if (list === undefined) found.set(row.step, [row]);
    else list.push(row);
  }
  return found;
};

const says = (value: number, unit: string, about: string, source: string): Parameter => ({
  value,
  unit,
  about,
  source,
});

export const earlyWarning: Detector<SurgeMemory | null> = {
  name: NAME,
  version: 1,
  about:
    "New focused sources on a port against the port's own past: surges, ports nobody had asked for, outbreaks with their growth and a forecast",
  kinds: ["surge", "novelty", "outbreak"],
  parameters: {
    focus: says(
      FOCUS,
      "ports",
      "a source that asks for more in 24 hours is a scanner of everything",
      "JPCERT/CC: more than 10 ports on one calendar day",
    ),
    rare: says(
      surgeParameters.rare,
      "log10",
      "chance of a window's count by the port's own past",
      "ours: 131,072 ports, 8 windows and 144 intervals a day leave one false surge in years, were counts independent",
    ),
    novel: says(
      surgeParameters.novel,
      "log10",
      "the same for a port that nobody had asked for",
      "ours: for analysts alone",
    ),
    sources: says(
      surgeParameters.sources,
      "sources",
      "new focused sources in the window, at least",
      "ours: measured on the tuning scenarios",
    ),
    networks: says(surgeParameters.networks, "networks", "origin ASes of the last day, at least", "ours"),
    settle: says(
      surgeParameters.settle,
      "hours",
      "a sensor that joined is only watched",
      "ours: a day has every hour once",
    ),
    unrouted: says(
      surgeParameters.unrouted,
      "share",
      "a larger share of sources without an origin AS is a storm of forged ones",
      "ours: forged evenly, four in ten are unannounced",
    ),
    closes: says(surgeParameters.closes, "hours", "a finding closes after so long without a rare window", "ours"),
  },
  cadence: { step: STEP, longest: 6 * HOUR },
  late: "rewind",
  begin: () => null,
  *examine(span, before, context) {
    const memory = before ?? newSurgeMemory(Math.floor(span.from / HOUR));
    const news = byStep((yield newsQuestion).map(newsRow));
    const sensors = byStep((yield sensorsQuestion).map(sensorRow));
    const detections: Detection[] = [];
    for (let from = span.from; from < span.to; from += STEP) {
      const step = from / STEP;
      const one = { from, to: from + STEP };
      detections.push(...(yield* judgeStep(one, memory, news.get(step) ?? [], sensors.get(step) ?? [], context)));
    }
    // Of one claim the newest word counts.
    return { memory, detections: [...new Map(detections.map((one) => [one.id, one])).values()] };
  },
};
