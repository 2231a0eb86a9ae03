// SPDX-License-Identifier: Apache-2.0
import type { Detection } from "../model/detection.ts";
import { protocolName } from "../model/traffic.ts";
import { changeScore, newChange } from "./changefinder.ts";
import { inSpan } from "./detector.ts";
import type { Context, Detector, Parameter, Question, Row, Span } from "./detector.ts";
import { KEEP } from "./exposure.ts";
import { cameTrue, forecasts, outlook, verify } from "./forecast.ts";
import type { Outlook } from "./forecast.ts";
import { detectionId } from "./identity.ts";
import { newSurgeMemory, rarest, surgeParameters, takeNews } from "./surge.ts";
import type { NewsRow, Rare, SensorRow, SurgeMemory } from "./surge.ts";
import { recent } from "./watched.ts";
import type { OpenSurge, WatchedMemory } from "./watched.ts";

const HOUR = 3_600e6;
const STEP = 600e6;
const DAY = 24 * HOUR;
const NAME = "early-warning";

/** Sources that ask for more than this many ports are scanners of everything (JPCERT/CC's rule for a day). */
const FOCUS = 10;
/** Keys with so many sources in three days get ChangeFinder's scores as evidence. */
const BUSY = 60;

const asks = "class IN ('tcp-syn', 'udp') AND dst_port IS NOT NULL";

/** New focused sources of a span, by port, signature and sensor. */
const newsQuestion: Question = {
  sql: `SELECT protocol, port, signature, sensor, countIf(begun >= {from:Int64}) AS sources, countIf(begun >= {from:Int64} AND asn = 0) AS unrouted,
  sum(now) AS packets, arraySort(groupUniqArrayIf(16)(asn, begun >= {from:Int64} AND asn > 0)) AS networks
FROM (
  SELECT pair.1 AS protocol, pair.2 AS port, pair.3 AS signature, pair.4 AS sensor, pair.5 AS begun, pair.6 AS now, pair.7 AS asn
  FROM (
    SELECT groupArray((protocol, port, signature, sensor, begun, now, asn)) AS pairs
    FROM (
      SELECT src, protocol, assumeNotNull(dst_port) AS port, argMin(if(isNull(signature), '', toString(signature)), first_seen) AS signature,
        argMin(flows.sensor, (first_seen, flows.sensor)) AS sensor, toUnixTimestamp64Micro(min(first_seen)) AS begun,
        sumIf(packets, first_seen >= fromUnixTimestamp64Micro({from:Int64})) AS now, max(ifNull(src_asn, 0)) AS asn
      FROM flows
      WHERE realm = {realm:String} AND exercise = {exercise:String} AND ${asks}
        AND first_seen >= fromUnixTimestamp64Micro({from:Int64} - ${DAY}) AND first_seen < fromUnixTimestamp64Micro({to:Int64})
        AND src IN (
          SELECT src FROM flows WHERE ${inSpan} AND ${asks}
          GROUP BY src HAVING uniqExact(protocol, dst_port) <= ${FOCUS} AND 2 * sum(greatest(zmap, masscan, stateless)) < sum(packets))
      GROUP BY src, protocol, port)
    GROUP BY src HAVING length(pairs) <= ${FOCUS})
  ARRAY JOIN pairs AS pair
  WHERE now > 0)
GROUP BY protocol, port, signature, sensor ORDER BY protocol, port, signature, sensor`,
};
/** How long each sensor looked in a span. */
const sensorsQuestion: Question = {
  sql: `SELECT sensor, sum(interval_length) / 1e6 AS seconds, max(dark_addresses) AS dark FROM reports
WHERE realm = {realm:String} AND exercise = {exercise:String} AND interval >= fromUnixTimestamp64Micro({from:Int64}) AND interval < fromUnixTimestamp64Micro({to:Int64})
GROUP BY sensor ORDER BY sensor`,
};

const newsRow = (row: Row): NewsRow => ({
  protocol: Number(row["protocol"]),
  port: Number(row["port"]),
  signature: String(row["signature"]),
  sensor: String(row["sensor"]),
  sources: Number(row["sources"]),
  unrouted: Number(row["unrouted"]),
  packets: Number(row["packets"]),
  networks: (row["networks"] as readonly unknown[]).map(Number),
});
const sensorRow = (row: Row): SensorRow => ({
  sensor: String(row["sensor"]),
  // A batch of a sensor that was away may overlap the border: no more than the span itself is counted.
  seconds: Math.min(STEP / 1e6, Number(row["seconds"])),
  // Not known (a replay without declared dark prefixes): one address stands for all.
  dark: Math.max(1, Number(row["dark"])),
});

/** Whether a rare count may be called a surge: from enough sources, networks and sensors, and not forged. */
const corroborated = (watched: WatchedMemory, found: Rare): boolean => {
  const { sources, networks } = surgeParameters;
  const enough = Math.max(networks, Math.min(20, Math.floor(found.sources / 4)));
  return (
    found.sources >= sources &&
    (watched.networks.length >= enough || (watched.networks.length >= networks && watched.sensors.length >= 2))
  );
};

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
}

const confidence = { novelty: 0.5, surge: 0.9, outbreak: 0.97 } as const;

const detectionOf = ({ kind, key, watched, open, view, span, context, hour }: Claim): Detection => {
  const [protocol = "0", port = "0"] = key.split("/");
  const { realm, exercise } = context.scope;
  const packets = watched.hours.reduce((sum, [at, , n]) => (at * HOUR >= open.began - HOUR ? sum + n : sum), 0);
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
    sensors: watched.sensors.map(([name]) => name).toSorted(),
    confidence: confidence[kind],
    family: null,
    held: [],
    evidence: {
      found: open.opened,
      window_hours: open.window,
      sources: open.sources,
      expected: round(open.expected, 2),
      chance_log10: round(open.chance, 1),
      sources_24h: recent(watched, hour, 24),
      networks: watched.networks.length,
      signature: open.signature,
      ...(scores === undefined ? {} : { changefinder: { packets: scores[0], sources: scores[1] } }),
      ...(kind === "novelty"
        ? {}
        : {
            growth_per_hour: view.growth === null ? null : round(view.growth.rate, 4),
            growth_error:
              view.growth === null || !Number.isFinite(view.growth.error) ? null : round(view.growth.error, 4),
            doubling_hours: view.growth?.doublingHours == null ? null : round(view.growth.doublingHours, 2),
            hosts: view.hosts,
            forecasts: open.forecasts.map((one) => ({ ...one, true: cameTrue(one) })),
          }),
    },
    samples: [],
  };
};

/** Forecasts kept of one finding; the first and the newest say most. */
const MOST_FORECASTS = 60;

const followChange = (watched: WatchedMemory, hour: number, packets: number, sources: number): void => {
  if (watched.change === null) {
    if (recent(watched, hour, KEEP) < BUSY) return;
    watched.change = [newChange(), newChange()];
  }
  changeScore(watched.change[0], packets);
  changeScore(watched.change[1], sources);
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
  cadence: { step: STEP, longest: STEP },
  late: "rewind",
  begin: () => null,
  *examine(span, before, context) {
    const hour = Math.floor(span.from / HOUR);
    const memory = before ?? newSurgeMemory(hour);
    const news = (yield newsQuestion).map(newsRow);
    const sensors = (yield sensorsQuestion).map(sensorRow);
    const sums = takeNews(memory, span, news, sensors, surgeParameters);
    const detections: Detection[] = [];

    for (const [key, { sources, packets }] of sums) {
      const watched = memory.keys[key];
      if (watched !== undefined && key.split("/").length === 2) followChange(watched, hour, packets, sources);
    }
    for (const [key, watched] of Object.entries(memory.keys)) {
      if (watched.change !== null && !sums.has(key)) followChange(watched, hour, 0, 0);
    }

    /** Forged sources come by the thousand at once: what they bring is no finding, and must not be one for the day after either. */
    const forged = (key: string): boolean => {
      const sum = sums.get(key);
      return sum !== undefined && sum.sources >= 20 && sum.unrouted > surgeParameters.unrouted * sum.sources;
    };
    const found = new Map<string, { rare: Rare; signature: string | null }>();
    for (const key of sums.keys()) {
      const [protocol, port, signature = null] = key.split("/");
      const of = `${protocol}/${port}`;
      if (forged(of)) continue;
      const rare = rarest(memory, key, surgeParameters);
      if (rare === undefined || rare.chance > surgeParameters.novel) continue;
      const known = found.get(of);
      if (known === undefined || rare.chance < known.rare.chance) found.set(of, { rare, signature });
    }
    const told = new Set<string>();
    for (const [key, { rare, signature }] of found) {
      const watched = memory.keys[key];
      if (watched === undefined || !corroborated(memory.keys[rare.key] ?? watched, rare)) continue;
      const isNew = watched.before < 0.5 && watched.hours.every(([at]) => at > hour - 24);
      const surge = rare.chance <= surgeParameters.rare;
      if (!surge && !isNew) continue;
      const usual = rare.expected / rare.hours;
      if (watched.open === null) {
        const first = watched.hours.find(([at, n]) => at > hour - rare.hours && n > usual)?.[0] ?? hour;
        watched.open = {
          opened: span.to,
          began: first * HOUR,
          chance: rare.chance,
          window: rare.hours,
          sources: rare.sources,
          expected: rare.expected,
          signature,
          outbreak: false,
          surge,
          rare: hour,
          told: hour,
          forecasts: [],
        };
        told.add(key);
      } else {
        const open = watched.open;
        open.rare = hour;
        if (surge && !open.surge) {
          watched.open = {
            ...open,
            surge,
            chance: rare.chance,
            window: rare.hours,
            sources: rare.sources,
            expected: rare.expected,
          };
          told.add(key);
        }
      }
    }
    for (const [key, watched] of Object.entries(memory.keys)) {
      const { open } = watched;
      if (open === null) continue;
      const basis = open.signature === null ? watched : (memory.keys[`${key}/${open.signature}`] ?? watched);
      const view = outlook(basis, hour, open.expected / open.window);
      const cameNow = verify(open.forecasts, span.to, view.hosts);
      const due = hour > open.told;
      if (!told.has(key) && !due && !cameNow) continue;
      open.told = hour;
      if (view.grows) open.outbreak = true;
      if (open.outbreak && open.forecasts.length < MOST_FORECASTS) open.forecasts.push(...forecasts(view, span.to));
      const claim = { key, watched: basis, open, view, span, context, hour };
      if (!open.surge) detections.push(detectionOf({ ...claim, kind: "novelty" }));
      else {
        detections.push(detectionOf({ ...claim, kind: "surge" }));
        if (open.outbreak) detections.push(detectionOf({ ...claim, kind: "outbreak" }));
      }
      if (hour - open.rare >= surgeParameters.closes) watched.open = null;
    }
    return { memory, detections };
  },
};
