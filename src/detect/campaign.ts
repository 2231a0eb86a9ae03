// SPDX-License-Identifier: Apache-2.0
import type { Detection } from "../model/detection.ts";
import { protocolName } from "../model/traffic.ts";
import { asks } from "./asks.ts";
import { inScope } from "./detector.ts";
import type { Context, Detector, Parameter, Question, Row, Span } from "./detector.ts";
import { UNROUTED, isForgedEvenly } from "./guards.ts";
import { detectionId } from "./identity.ts";
import { signatureText } from "./signature.ts";

const HOUR = 3_600e6;
const DAY = 24 * HOUR;
const NAME = "campaign";
const VERSION = 6;
const STEP = 6 * HOUR;

const least = {
  sources: 8,
  networks: 3,
  ports: 6,
  overlap: 0.5,
  silent: 3,
  predicted: 3,
} as const;

const way = "toUInt32(protocol) * 65536 + assumeNotNull(dst_port)";
/** Each source of the last day: its commonest signature, its mark, its ports. Of those no more is collected than tells whether they are too many to be a set. */
const each = `SELECT src, if(mark = 'mirai' OR most.2 = 1, '', toString(most.1)) AS signature,
    multiIf(2 * sum(is_mirai) > n, 'mirai', 2 * sum(is_zmap) > n, 'zmap', 2 * sum(is_masscan) > n, 'masscan', 2 * sum(is_stateless) > n, 'stateless', '') AS mark,
    arraySort(groupUniqArrayArray(${least.ports + 1})(ways)) AS all_ways, if(length(all_ways) > ${least.ports}, [], all_ways) AS set,
    sum(some) AS n, toUnixTimestamp64Micro(min(begun)) AS began, toUnixTimestamp64Micro(max(finished)) AS ended, max(origin) AS asn, max(country) AS cc, groupUniqArray(sensor) AS seen,
    argMax((sig, none), (some, sig)) AS most
  FROM (
    SELECT src, sensor, ifNull(signature, 0) AS sig, isNull(signature) AS none, groupUniqArray(${least.ports + 1})(${way}) AS ways, sum(packets) AS some, sum(mirai) AS is_mirai, sum(zmap) AS is_zmap,
      sum(masscan) AS is_masscan, sum(stateless) AS is_stateless, min(first_seen) AS begun, max(last_seen) AS finished, max(ifNull(src_asn, 0)) AS origin, max(ifNull(src_cc, '')) AS country
    FROM flows WHERE ${inScope} AND ${asks}
      AND first_seen >= fromUnixTimestamp64Micro({to:Int64} - ${DAY}) AND first_seen < fromUnixTimestamp64Micro({to:Int64})
    GROUP BY src, sensor, sig, none)
  GROUP BY src`;
/** Groups looked at: of a flood's many, those with most sources. */
const MOST_GROUPS = 2000;

/**
 * Sources of the last day by what they cannot easily change: the SYN's signature, the tool's mark, the set of ports. A source that asks for
 * more than `least.ports` ports has the set "many". Mirai's bots have no signature here: each draws a window of its own, and the mark says what they are. Backscatter and
 * the answers of reflectors have no part in it: who answers chose neither his target nor its port. Which groups are large is asked first: a flood has hundreds of thousands, and what is
 * told of one would not fit for all.
 */
const question: Question = {
  sql: `SELECT signature, mark, arrayMap(one -> concat(toString(intDiv(one, 65536)), '/', toString(one % 65536)), set) AS ports, count() AS sources, sum(n) AS packets, min(began) AS first, max(ended) AS last,
  uniqExactIf(asn, asn > 0) AS networks, countIf(asn = 0) AS unrouted, arraySort(groupUniqArray(64)(cc)) AS economies,
  sumMap([cc], [toUInt64(1)]) AS by_origin,
  sumMap(seen, arrayMap(one -> toUInt64(1), seen)) AS by_sensor, arraySort(groupArraySorted(500)(src)) AS some
FROM (${each})
WHERE (signature, mark, set) IN (
  SELECT signature, mark, set FROM (${each}) GROUP BY signature, mark, set HAVING count() >= 2 ORDER BY count() DESC, signature, mark, set LIMIT ${MOST_GROUPS})
GROUP BY signature, mark, set ORDER BY sources DESC, signature, mark, set`,
};

interface Group {
  readonly signature: string;
  readonly mark: string;
  readonly ports: readonly string[];
  readonly sources: number;
  readonly packets: number;
  readonly first: number;
  readonly last: number;
  readonly networks: number;
  /** Sources without an origin AS. */
  readonly unrouted: number;
  readonly economies: readonly string[];
  /** Sources by their own economy; "" where it is not known. */
  readonly byOrigin: Readonly<Record<string, number>>;
  /** Sources by the sensor that saw them. */
  readonly bySensor: Readonly<Record<string, number>>;
  /** Some of the sources, at most `most.looked`: whose they are is asked. */
  readonly some: readonly string[];
}
const groupOf = (row: Row): Group => ({
  signature: String(row["signature"]),
  mark: String(row["mark"]),
  ports: row["ports"] as readonly string[],
  sources: Number(row["sources"]),
  packets: Number(row["packets"]),
  first: Number(row["first"]),
  last: Number(row["last"]),
  networks: Number(row["networks"]),
  unrouted: Number(row["unrouted"]),
  economies: (row["economies"] as readonly string[]).filter((cc) => cc !== ""),
  byOrigin: countsOf(row["by_origin"] as readonly [readonly string[], readonly number[]]),
  bySensor: countsOf(row["by_sensor"] as readonly [readonly string[], readonly number[]]),
  some: row["some"] as readonly string[],
});

const countsOf = ([names, counts]: readonly [readonly string[], readonly number[]]): Record<string, number> =>
  Object.fromEntries(names.map((name, i) => [name, counts[i] ?? 0]));
const added = (a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> => {
  const sum = { ...a };
  for (const [name, n] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + n;
  return sum;
};

const overlap = (a: readonly string[], b: readonly string[]): number => {
  const shared = a.filter((one) => b.includes(one)).length;
  return shared / (a.length + b.length - shared || 1);
};
const contained = (a: readonly string[], b: readonly string[]): boolean => a.every((one) => b.includes(one));
const united = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])].toSorted();

/**
 * A small telescope sees of each host only some of its ports, so one botnet comes apart into many port sets. Sets of one signature
 * and mark are put together again, largest group first, when one lies inside the other or half of both is shared. A group whose sources lie as much in space that
 * nobody announces as anywhere is none: they are forged.
 */
export const gather = (groups: readonly Group[]): Group[] => {
  const found: Group[] = [];
  const bySize = groups.toSorted((a, b) => b.sources - a.sources || (a.ports.join() < b.ports.join() ? -1 : 1));
  for (const group of bySize) {
    const at = found.findIndex(
      (one) =>
        one.signature === group.signature &&
        one.mark === group.mark &&
        one.ports.length > 0 === group.ports.length > 0 &&
        (contained(group.ports, one.ports) ||
          contained(one.ports, group.ports) ||
          overlap(one.ports, group.ports) >= least.overlap),
    );
    const one = found[at];
    if (one === undefined) found.push(group);
    else {
      found[at] = {
        ...one,
        // The ports of the many: what a lone source adds is its own affair.
        ports: 5 * group.sources >= one.sources ? united(one.ports, group.ports).slice(0, 24) : one.ports,
        sources: one.sources + group.sources,
        packets: one.packets + group.packets,
        first: Math.min(one.first, group.first),
        last: Math.max(one.last, group.last),
        networks: Math.max(one.networks, group.networks),
        unrouted: one.unrouted + group.unrouted,
        economies: united(one.economies, group.economies),
        byOrigin: added(one.byOrigin, group.byOrigin),
        bySensor: added(one.bySensor, group.bySensor),
        some: [...one.some, ...group.some].slice(0, 500),
      };
    }
  }
  return found.filter(
    ({ sources, networks, unrouted }) =>
      sources >= least.sources && networks >= least.networks && !isForgedEvenly(sources, unrouted),
  );
};

/** Said when a campaign was seen in one economy's sensors: that it reaches another's within three days. */
interface Prediction {
  readonly economy: string;
  readonly made: number;
  /** Null until the time has passed or it came true. */
  came: boolean | null;
}
interface Known {
  readonly opened: number;
  /** End of the span in which it was found; what version 5 wrote down has none. */
  readonly found?: number;
  readonly signature: string;
  readonly mark: string;
  ports: readonly string[];
  last: number;
  sources: number;
  packets: number;
  /** Day since 1970, sources, packets: the most of its looks. */
  days: [number, number, number][];
  /** Economy of a sensor: when the campaign was first seen there. */
  reached: Record<string, number>;
  predictions: Prediction[];
}
export interface CampaignMemory {
  known: Known[];
}

const MOST = 500;
const MOST_DAYS = 60;
/** Economies of the sources that are told with their numbers. */
const MOST_ORIGINS = 64;

const says = (value: number, unit: string, about: string): Parameter => ({ value, unit, about, source: "ours" });

/** Finds the campaign that a group goes on with: same signature and mark, and ports shared. */
const matching = (known: readonly Known[], group: Group): Known | undefined =>
  known
    .filter((one) => one.signature === group.signature && one.mark === group.mark)
    // No ports are the many: no set of a few, though each contains nothing.
    .filter(({ ports }) => ports.length > 0 === group.ports.length > 0)
    .filter(
      ({ ports }) =>
        ports.length === 0 ||
        overlap(ports, group.ports) >= least.overlap ||
        contained(ports, group.ports) ||
        contained(group.ports, ports),
    )
    .toSorted((a, b) => overlap(b.ports, group.ports) - overlap(a.ports, group.ports) || a.opened - b.opened)[0];

const detectionOf = (one: Known, group: Group, span: Span, context: Context): Detection => {
  const { realm, exercise } = context.scope;
  const country = new Map(context.sensors.map((sensor) => [sensor.name, sensor.country]));
  const byEconomy: Record<string, number> = {};
  for (const [name, n] of Object.entries(group.bySensor)) {
    const economy = country.get(name);
    if (economy != null) byEconomy[economy] = (byEconomy[economy] ?? 0) + n;
  }
  const ours = group.some.filter(
    (source) => context.owners.ownerOf(realm, source.replace(/^::ffff:(?=\d+\.)/, ""), span.to - 1) !== null,
  ).length;
  const [protocol, port] = (group.ports.length === 1 ? (group.ports[0] ?? "") : "").split("/");
  const scored = one.predictions.filter(({ came }) => came !== null);
  return {
    id: detectionId({
      detector: NAME,
      kind: "campaign",
      realm,
      exercise,
      subject: JSON.stringify([one.signature, one.mark]),
      opening: one.opened,
    }),
    detector: NAME,
    version: VERSION,
    kind: "campaign",
    realm,
    exercise,
    source: null,
    protocol: protocol === undefined || protocol === "" ? null : protocolName(Number(protocol)),
    port: port === undefined ? null : Number(port),
    first: Math.min(one.opened, group.first),
    last: group.last,
    packets: group.packets,
    darkAddresses: 0,
    sensors: Object.keys(group.bySensor).toSorted(),
    confidence: one.mark !== "" ? 0.9 : one.signature === "" ? 0.5 : 0.7,
    family: one.mark === "" ? null : one.mark,
    held: [],
    evidence: {
      as_of: span.to,
      found: one.found ?? null,
      signature: one.signature === "" ? null : signatureText(one.signature),
      mark: one.mark === "" ? null : one.mark,
      ports: group.ports,
      many_ports: group.ports.length === 0,
      sources: group.sources,
      networks: group.networks,
      economies: group.economies,
      by_origin: Object.fromEntries(
        Object.entries(group.byOrigin)
          .filter(([code]) => code !== "")
          .toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
          .slice(0, MOST_ORIGINS),
      ),
      // Of at most 500 sources looked at: a lower bound for larger campaigns.
      ours,
      by_economy: byEconomy,
      reached: one.reached,
      days: one.days,
      predictions: one.predictions.map((said) => ({ ...said })),
      predictions_right: scored.length === 0 ? null : scored.filter(({ came }) => came === true).length / scored.length,
    },
    samples: [],
  };
};

/** Scores what was predicted and has been decided, and predicts the economies whose sensors were not reached. */
const predict = (one: Known, economies: ReadonlySet<string>, now: number): void => {
  for (const said of one.predictions) {
    if (said.came !== null) continue;
    if ((one.reached[said.economy] ?? Infinity) <= said.made + least.predicted * DAY) said.came = true;
    else if (now >= said.made + least.predicted * DAY) said.came = false;
  }
  for (const economy of [...economies].toSorted()) {
    const open = one.predictions.some((said) => said.economy === economy && said.came === null);
    const lastSaid = one.predictions.findLast((said) => said.economy === economy)?.made ?? -Infinity;
    if (one.reached[economy] === undefined && !open && now - lastSaid >= 7 * DAY && one.predictions.length < 50) {
      one.predictions.push({ economy, made: now, came: null });
    }
  }
};

export const campaign: Detector<CampaignMemory> = {
  name: NAME,
  version: VERSION,
  about:
    "Sources with one SYN signature, mark and port set, across networks and days: one botnet or one scanner project, and where it comes next",
  kinds: ["campaign"],
  parameters: {
    sources: says(least.sources, "sources", "a day, at least"),
    networks: says(least.networks, "networks", "a day, at least"),
    ports: says(least.ports, "ports", "a source that asks for more belongs to the set of many ports"),
    overlap: says(least.overlap, "share", "of two port sets' ports that must be common to both (Jaccard)"),
    unrouted: says(
      UNROUTED,
      "share",
      "a larger share of 20 sources or more without an origin AS is a flood of forged ones",
    ),
    silent: says(least.silent, "days", "without it a campaign is over"),
    predicted: says(
      least.predicted,
      "days",
      "in which it is to reach the sensors of the other economies, when it was seen in one",
    ),
  },
  cadence: { step: STEP, longest: STEP },
  late: "rewind",
  begin: () => ({ known: [] }),
  *examine(span, memory, context) {
    const groups = gather((yield question).map(groupOf));
    const country = new Map(context.sensors.map((sensor) => [sensor.name, sensor.country]));
    const economies = new Set(context.sensors.flatMap((sensor) => sensor.country ?? []));
    const known = memory.known.filter(({ last }) => span.to - last < least.silent * DAY);
    const detections: Detection[] = [];
    for (const group of groups) {
      let one = matching(known, group);
      if (one === undefined) {
        if (known.length >= MOST) continue;
        one = {
          opened: group.first,
          found: span.to,
          signature: group.signature,
          mark: group.mark,
          ports: group.ports,
          last: group.last,
          sources: 0,
          packets: 0,
          days: [],
          reached: {},
          predictions: [],
        };
        known.push(one);
      }
      one.ports = united(one.ports, group.ports).slice(0, 24);
      one.last = Math.max(one.last, group.last);
      one.sources = group.sources;
      one.packets = group.packets;
      // One point a day is enough for a curve of months; two groups of one campaign add up.
      const day = Math.floor((span.to - 1) / DAY);
      const today = one.days.at(-1);
      if (today?.[0] === day) {
        today[1] = Math.max(today[1], group.sources);
        today[2] = Math.max(today[2], group.packets);
      } else
        one.days = [...one.days, [day, group.sources, group.packets] as [number, number, number]].slice(-MOST_DAYS);
      for (const name of Object.keys(group.bySensor)) {
        const economy = country.get(name);
        if (economy != null) one.reached[economy] ??= span.to;
      }
      predict(one, economies, span.to);
      detections.push(detectionOf(one, group, span, context));
    }
    // Two groups may go on with one campaign: the larger speaks for it.
    const first = new Map<string, Detection>();
    for (const one of detections) {
      const held = first.get(one.id);
      if (held === undefined || Number(one.evidence["sources"]) > Number(held.evidence["sources"]))
        first.set(one.id, one);
    }
    return { memory: { known }, detections: [...first.values()] };
  },
};
