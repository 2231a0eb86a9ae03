// SPDX-License-Identifier: Apache-2.0
import type { Detection } from "../model/detection.ts";
import { protocolName } from "../model/traffic.ts";
import { changeScore, newChange } from "./changefinder.ts";
import type { Context, Detector, Parameter, Past, Question, Rows, Span } from "./detector.ts";
import { KEEP } from "./exposure.ts";
import { MOST_HOSTS, cameTrue, forecasts, outlook, verify } from "./forecast.ts";
import type { Outlook } from "./forecast.ts";
import { population } from "./growth.ts";
import { UNROUTED, isForgedEvenly } from "./guards.ts";
import { detectionId } from "./identity.ts";
import { signatureText } from "./signature.ts";
import { chanceOf, newSurgeMemory, rarest, surgeParameters, takeNews } from "./surge.ts";
import type { NewsRow, Rare, SensorRow, SurgeMemory } from "./surge.ts";
import { firstAbove, recent } from "./watched.ts";
import type { OpenSurge, WatchedMemory } from "./watched.ts";
import {
  FOCUS,
  STEP,
  countedOf,
  newsQuestion,
  newsRow,
  originOf,
  originQuestion,
  sensorRow,
  sensorsQuestion,
  sightedQuestion,
} from "./warning-questions.ts";
import type { Counted, Origin } from "./warning-questions.ts";

const HOUR = 3_600e6;
const DAY = 24 * HOUR;
const NAME = "early-warning";
const VERSION = 6;

/** Sources, faded, that a port may have had before and still be new. */
const FEW = 0.5;
/** Keys with so many sources in three days get ChangeFinder's scores as evidence. */
const BUSY = 60;

/**
 * Whether a rare count may be called a surge. A scanner's project rents hosts in few networks, and somebody who forges a member's addresses has few to take them from, while an outbreak has hosts
 * everywhere: of no network more is counted than usually comes from it and a small share of the surplus, and what is left must be rare by itself.
 */
const corroborated = (found: Rare, { networks, unrouted }: Origin, memory: SurgeMemory): boolean => {
  const sum = networks.reduce((all, { sources }) => all + sources, unrouted);
  const usual = networks.reduce((all, { before }) => all + before, 0);
  if (sum === 0) return false;
  // So many sources of which hardly one came twice would be more hosts than there can be: their addresses are forged.
  const { packets } = recent(memory.keys[found.key]!, memory.exposure.hour, found.look.hours);
  if (population({ sources: found.sources, packets }).low > MOST_HOSTS) return false;
  const surplus = Math.max(1, found.sources - found.expected);
  const most = Math.max(2, surgeParameters.share * surplus);
  const spread = networks.reduce(
    (all, { sources, before }) =>
      all + Math.min(sources, most + (usual === 0 ? 0 : (1.5 * before * found.expected) / usual)),
    0,
  );
  return (
    networks.length >= Math.max(surgeParameters.networks, Math.min(20, 0.7 * surplus)) &&
    !isForgedEvenly(found.sources, unrouted, sum) &&
    sum - spread <= surplus / 2 &&
    chanceOf(memory, found.key, found.look, Math.floor((found.sources * spread) / sum), surgeParameters) <=
      (found.chance <= surgeParameters.rare ? surgeParameters.rare : surgeParameters.novel)
  );
};

/** What was seen of the ports of findings: one question for all of a protocol, and one for each signature that stood out alone. */
function* sighted(
  keys: readonly string[],
  memory: SurgeMemory,
  until: number,
  past: Past | undefined,
): Generator<Question, Map<string, Counted>, Rows> {
  const found = new Map<string, Counted>();
  const alone = keys.filter((key) => memory.keys[key]?.open?.signature != null);
  const plain = keys.filter((key) => !alone.includes(key));
  for (const protocol of new Set(plain.map((key) => key.split("/")[0]))) {
    const own = plain.filter((key) => key.startsWith(`${protocol}/`));
    const rows = yield sightedQuestion(own, until, past);
    for (const key of own) found.set(key, countedOf(rows.find((row) => key === `${protocol}/${Number(row["port"])}`)));
  }
  for (const key of alone) {
    const asked = `${key}/${memory.keys[key]!.open!.signature}`;
    found.set(key, countedOf((yield sightedQuestion([asked], until, past))[0]));
  }
  return found;
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

interface Claim {
  readonly kind: "surge" | "outbreak" | "novelty";
  readonly key: string;
  readonly watched: WatchedMemory;
  readonly open: OpenSurge;
  readonly view: Outlook;
  readonly counted: Counted;
  readonly span: Span;
  readonly context: Context;
  readonly hour: number;
  readonly state: "rising" | "steady" | "over";
}

const confidence = { novelty: 0.5, surge: 0.9, outbreak: 0.97 } as const;

const detectionOf = ({ kind, key, watched, open, view, counted, span, context, hour, state }: Claim): Detection => {
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
    version: VERSION,
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
      // A surge may have been a novelty first, and an outbreak a surge.
      claimed: { novelty: open.opened, surge: open.surged, outbreak: open.grew }[kind] ?? open.opened,
      window_hours: open.window,
      sources: open.sources,
      expected: round(open.expected, 2),
      chance_log10: round(open.chance, 1),
      sources_24h: counted.spans.at(-1)?.sources ?? 0,
      networks: open.networks,
      signature: open.signature === null ? null : signatureText(open.signature),
      // Hour since 1970, new sources, their packets; hour, ...
      hours: [...watched.hours],
      ...(scores === undefined ? {} : { changefinder: { packets: scores[0], sources: scores[1] } }),
      ...(kind === "novelty"
        ? {}
        : {
            growth_per_hour: view.growth === null ? null : round(view.growth.rate, 4),
            growth_error:
              view.growth === null || !Number.isFinite(view.growth.error) ? null : round(view.growth.error, 4),
            doubling_hours: view.growth?.doublingHours == null ? null : round(view.growth.doublingHours, 2),
            hosts: view.hosts,
            hosts_by_hour: open.hosts.map((one) => [...one]),
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

/** Hours after which a novelty is told anew: no forecast is kept of it, and counting its hosts costs as much as a surge's. */
const NOVELTY = 6;

/** One step: takes its news in, and tells what stands out. Asks where the sources of a finding come from. */
function* judgeStep(
  span: Span,
  memory: SurgeMemory,
  news: readonly NewsRow[],
  sensors: readonly SensorRow[],
  context: Context,
): Generator<Question, Detection[], Rows> {
  const hour = Math.floor(span.from / HOUR);
  const { sums, looks } = takeNews(memory, span, news, sensors, surgeParameters);
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
    const rare = rarest(memory, key, looks, surgeParameters);
    if (rare === undefined || rare.chance > surgeParameters.novel || rare.sources < surgeParameters.sources) continue;
    const known = found.get(of);
    if (known === undefined || rare.chance < known.rare.chance) found.set(of, { rare, signature });
  }
  const told = new Set<string>();
  /** Novelties that are surges from now on. */
  const upgraded = new Set<string>();
  for (const [key, { rare, signature }] of found) {
    const watched = memory.keys[key];
    if (watched === undefined) continue;
    const surge = rare.chance <= surgeParameters.rare;
    const isNew = (watched.before ?? 0) < FEW && (watched.hours[0] ?? 0) > hour - 24;
    if (watched.open !== undefined) watched.open.rare = hour;
    if (watched.open !== undefined ? watched.open.surge || !surge : !surge && !isNew) continue;
    // What was refused is looked at again in the next hour, or when it has grown.
    if (watched.refused?.[0] === hour && rare.sources < 1.2 * watched.refused[1]) continue;
    const began = firstAbove(watched, hour, rare.look.hours, rare.expected / rare.look.hours);
    const origin = originOf(yield originQuestion(rare.key, began * HOUR, span.to, context.past));
    if (!corroborated(rare, origin, memory)) {
      watched.refused = [hour, rare.sources];
      continue;
    }
    delete watched.refused;
    if (watched.open !== undefined) upgraded.add(key);
    watched.open = {
      opened: watched.open?.opened ?? span.to,
      ...(surge ? { surged: span.to } : {}),
      began: began * HOUR,
      chance: rare.chance,
      window: rare.look.hours,
      sources: rare.sources,
      expected: rare.expected,
      networks: origin.networks.length,
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
  const isDue = ({ surge, rare, told: last }: OpenSurge): boolean =>
    hour - last >= (surge || hour - rare >= surgeParameters.closes ? 1 : NOVELTY);
  const due = memory.open.filter((key) => {
    const open = memory.keys[key]?.open;
    return told.has(key) || (open !== undefined && isDue(open));
  });
  const seen = yield* sighted(due, memory, span.to, context.past);
  for (const key of due) {
    const watched = memory.keys[key];
    const open = watched?.open;
    const counted = seen.get(key);
    if (watched === undefined || open === undefined || counted === undefined) continue;
    const basis = open.signature === null ? watched : (memory.keys[`${key}/${open.signature}`] ?? watched);
    const since = (span.to - open.began) / HOUR;
    // The hours before it began say what is usual; the hour beside its beginning belongs to neither.
    const before = counted.hourly.slice(Math.ceil(since) + 1);
    open.usual ??= before.length < 6 ? open.expected / open.window : before.reduce((a, b) => a + b, 0) / before.length;
    const view = outlook({ ...counted, since, usual: open.usual });
    verify(open.forecasts, span.to, view.hosts);
    open.told = hour;
    const over = hour - open.rare >= surgeParameters.closes;
    if (open.surge && open.hosts.length < MOST_HOURS) {
      open.hosts.push([hour, view.hosts.low, view.hosts.middle, view.hosts.high ?? -1]);
    }
    if (view.grows) {
      open.outbreak = true;
      open.grew ??= span.to;
    }
    if (open.outbreak && !over && open.forecasts.length < MOST_FORECASTS)
      open.forecasts.push(...forecasts(view, span.to));
    const state = over ? ("over" as const) : view.grows ? ("rising" as const) : ("steady" as const);
    const claim = { key, watched: basis, open, view, counted, span, context, hour, state };
    if (!open.surge) detections.push(detectionOf({ ...claim, kind: "novelty" }));
    else {
      if (upgraded.has(key)) detections.push(detectionOf({ ...claim, kind: "novelty", state: "over" }));
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
  version: VERSION,
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
      UNROUTED,
      "share",
      "a larger share of sources without an origin AS is a storm of forged ones",
      "ours: forged evenly, four in ten are unannounced",
    ),
    closes: says(surgeParameters.closes, "hours", "a finding closes after so long without a rare window", "ours"),
  },
  cadence: { step: STEP, longest: DAY },
  late: "rewind",
  begin: () => null,
  *examine(span, before, context) {
    let memory = before;
    const news = byStep((yield newsQuestion(span, context.past)).map(newsRow));
    const sensors = byStep((yield sensorsQuestion).map(sensorRow));
    const detections: Detection[] = [];
    for (let from = span.from; from < span.to; from += STEP) {
      const step = from / STEP;
      // What is remembered begins with the first report, however long before that somebody began to ask.
      if (memory === null && sensors.get(step) === undefined) continue;
      memory ??= newSurgeMemory(Math.floor(from / HOUR));
      const one = { from, to: from + STEP };
      detections.push(...(yield* judgeStep(one, memory, news.get(step) ?? [], sensors.get(step) ?? [], context)));
    }
    // Of one claim the newest word counts.
    return { memory, detections: [...new Map(detections.map((one) => [one.id, one])).values()] };
  },
};
