// SPDX-License-Identifier: Apache-2.0
import type { Detection } from "../model/detection.ts";
import { IPV4_SPACE } from "../model/report.ts";
import { classes, protocolName } from "../model/traffic.ts";
import { inSpan } from "./detector.ts";
import type { Context, Detector, Examination, Ledger, Question, Row, Rows, Span } from "./detector.ts";
import { darkAddresses, watching } from "./guards.ts";
import { detectionId } from "./identity.ts";
import { parameter, valuesOf } from "./parameters.ts";
import { addressOf, engineAddress, isV4 } from "./rows.ts";
import { countOf, distinctOf, distinctSql, unite } from "./tokens.ts";
import type { Distinct } from "./tokens.ts";

const NAME = "event";
/** 2: the rate is of the IPv4 addresses that watched; dark addresses of rows that have too many for a list are united. */
const VERSION = 2;
/** Shorter than the idle time: inside a step an event cannot end and begin again. */
const STEP = 600e6;
/** Steps of history that are asked for at once. */
const LONGEST = 36 * STEP;

export const eventParameters = {
  idle: parameter(624, "s", "without a packet end an event", "Merit ORION, darknet-events"),
  dark_addresses: parameter(10, "dark addresses", "an event must reach", "ORION, MINUNIQUES"),
  rate: parameter(10, "packets/s", "to the whole IPv4 space", "ORION, MINRATE"),
  begin: parameter(4, "packets", "in ten minutes begin an event", "ours: what is slower is left to the day's sums"),
  most: parameter(
    50,
    "events",
    "that end in ten minutes are told, most packets first",
    "ours: a desk is no flow store",
  ),
  open: parameter(50_000, "events", "are followed at a time, most packets first", "ours: bounds the memory"),
} as const;
const P = valuesOf(eventParameters);
const IDLE = P.idle * 1e6;

interface Entry extends Distinct {
  first: number;
  last: number;
  packets: number;
  bytes: number;
  protocol: number;
  sensors: string[];
  mirai: number;
  zmap: number;
  masscan: number;
}
interface Memory {
  /** Events that ended and were not told of, because there were too many. */
  untold: number;
}

const uniqueSorted = (names: readonly string[]): string[] => [...new Set(names)].sort();

const add = (before: Entry | undefined, row: Row): Entry => {
  const entry: Entry = {
    first: row["f"] as number,
    last: row["l"] as number,
    packets: row["n"] as number,
    bytes: row["b"] as number,
    ...distinctOf(row),
    protocol: row["o"] as number,
    sensors: uniqueSorted(row["s"] as string[]),
    mirai: row["m"] as number,
    zmap: row["z"] as number,
    masscan: row["q"] as number,
  };
  if (before === undefined) return entry;
  return {
    ...before,
    last: Math.max(before.last, entry.last),
    packets: before.packets + entry.packets,
    bytes: before.bytes + entry.bytes,
    ...unite(before, entry),
    sensors: uniqueSorted([...before.sensors, ...entry.sensors]),
    mirai: before.mirai + entry.mirai,
    zmap: before.zmap + entry.zmap,
    masscan: before.masscan + entry.masscan,
  };
};

const detectionOf = (key: string, entry: Entry, context: Context): Detection | null => {
  const { scope } = context;
  const [host = "", port = "", code = ""] = key.split(" ");
  const dark = countOf(entry);
  // How fast it went is known of IPv4, and of the sensors that watched it.
  const addresses = isV4(host) ? darkAddresses(watching(context.sensors, entry.first, entry.last)) : 0;
  const seconds = Math.max(1, (entry.last - entry.first) / 1e6);
  const rate = addresses === 0 ? null : (entry.packets / seconds) * (IPV4_SPACE / addresses);
  if (dark < P.dark_addresses || (rate !== null && rate < P.rate)) return null;
  const type = classes[Number(code)]!;
  return {
    id: detectionId({ detector: NAME, kind: "event", ...scope, subject: key, opening: entry.first }),
    detector: NAME,
    version: VERSION,
    kind: "event",
    ...scope,
    source: addressOf(host),
    protocol: protocolName(entry.protocol),
    port: port === "-" ? null : Number(port),
    first: entry.first,
    last: entry.last,
    packets: entry.packets,
    darkAddresses: dark,
    sensors: entry.sensors,
    confidence: 1,
    family: null,
    held: [],
    evidence: {
      type,
      bytes: entry.bytes,
      implied_rate: rate === null ? null : Number(rate.toPrecision(2)),
      marks: { mirai: entry.mirai, zmap: entry.zmap, masscan: entry.masscan },
    },
    samples: [],
  };
};

const columns = `hex(src) AS k, dst_port AS d, CAST(class, 'Int8') AS c, any(protocol) AS o, toUnixTimestamp64Micro(min(first_seen)) AS f, toUnixTimestamp64Micro(max(last_seen)) AS l, sum(packets) AS n, sum(bytes) AS b,
${distinctSql}, groupUniqArray(sensor) AS s, sum(mirai) AS m, sum(zmap) AS z, sum(masscan) AS q`;

/** Port and class in one number: 65536 where there is no port. */
const way = "toUInt32(ifNull(toUInt32(dst_port), 65536) * 32 + CAST(class, 'Int8'))";
const NO_PORT = 65_536;

/** What begins in one of a span's steps, most packets first. Only so many can be followed, and a sum is all that has to be known of the others. */
const beginnings: Question = {
  sql: `SELECT hex(src) AS k, if(intDiv(way, 32) = ${NO_PORT}, NULL, intDiv(way, 32)) AS d, way % 32 AS c
FROM (SELECT src, ${way} AS way, sum(packets) AS n FROM flows WHERE ${inSpan} GROUP BY src, way, intDiv(toUnixTimestamp64Micro(first_seen), ${STEP}) HAVING n >= {begin:UInt32})
GROUP BY src, way ORDER BY max(n) DESC, src, way LIMIT {limit:UInt32}`,
  parameters: { begin: P.begin, limit: P.open },
};

/** So many events are asked about at once: their dark addresses are most of what an answer weighs. */
const AT_ONCE = 8_192;

/** What the steps of a span brought for some events, which follow one another by source, as the store's rows do. */
const question = (keys: readonly string[]): Question => {
  const parts = keys.map((key) => key.split(" ") as [string, string, string]);
  const hosts = parts.map(([host]) => engineAddress(host));
  return {
    sql: `SELECT intDiv(toUnixTimestamp64Micro(first_seen), ${STEP}) AS step, ${columns}
FROM flows WHERE ${inSpan} AND src BETWEEN {least:IPv6} AND {most:IPv6}
  AND (src, ${way}) IN (SELECT one.1, one.2 FROM (SELECT arrayJoin(arrayZip({hosts:Array(IPv6)}, {ways:Array(UInt32)})) AS one))
GROUP BY step, src, dst_port, class ORDER BY step`,
    parameters: {
      least: hosts[0],
      most: hosts.at(-1),
      hosts,
      ways: parts.map(([, port, code]) => (port === "-" ? NO_PORT : Number(port)) * 32 + Number(code)),
    },
  };
};

const keyOf = (row: Row): string => `${row["k"] as string} ${(row["d"] as number | null) ?? "-"} ${row["c"] as number}`;

/** Rows of a sensor have left the store: what it saw of open events is asked anew. A pause that shows now leaves what came after it. */
function* withdraw({ from, to, withdrawn = "" }: Span, { ledger }: Context): Generator<Question, void, Rows> {
  const seen = new Map<string, Entry>();
  for (const [key, value] of ledger.entries()) {
    const entry = value as Entry;
    if (entry.sensors.includes(withdrawn) && entry.last >= from) seen.set(key, entry);
  }
  if (seen.size === 0) return;
  const hosts = new Set([...seen.keys()].map((key) => engineAddress(key.slice(0, 32))));
  const first = [...seen.values()].reduce((least, one) => Math.min(least, one.first), Infinity);
  const rows = yield {
    sql: `SELECT intDiv(toUnixTimestamp64Micro(first_seen), ${STEP}) AS step, ${columns}
FROM flows WHERE ${inSpan} AND src IN {hosts:Array(IPv6)} GROUP BY step, src, dst_port, class ORDER BY step`,
    parameters: { hosts: [...hosts], from: first, to },
  };
  for (const key of seen.keys()) ledger.delete(key);
  for (const row of rows) {
    const key = keyOf(row);
    const before = ledger.get(key) as Entry | undefined;
    const begins = row["f"] as number;
    // Earlier ones are of an event that has ended.
    if (begins < (seen.get(key)?.first ?? Infinity)) continue;
    ledger.set(key, add(before !== undefined && begins - before.last > IDLE ? undefined : before, row));
  }
}

/** One step of a span, of some events: takes their rows in, and gives those that ended. `seen` are the keys that had rows in this span. */
const judgeStep = (ends: number, rows: readonly Row[], seen: Set<string>, ledger: Ledger): [string, Entry][] => {
  const ended: [string, Entry][] = [];
  for (const row of rows) {
    const key = keyOf(row);
    seen.add(key);
    let entry = ledger.get(key) as Entry | undefined;
    if (entry !== undefined && (row["f"] as number) - entry.last > IDLE) {
      ended.push([key, entry]);
      entry = undefined;
    }
    if (entry === undefined && (row["n"] as number) < P.begin) ledger.delete(key);
    else ledger.set(key, add(entry, row));
  }
  for (const key of seen) {
    const entry = ledger.get(key) as Entry | undefined;
    if (entry === undefined || entry.last + IDLE >= ends) continue;
    ended.push([key, entry]);
    ledger.delete(key);
  }
  return ended;
};

function* examine(span: Span, memory: Memory, context: Context): Examination<Memory> {
  const { ledger } = context;
  if (span.withdrawn !== undefined) yield* withdraw(span, context);
  // What came late is not sewn into events that have ended: they are a view of the flows, which hold it.
  if (span.late === true) return { memory, detections: [] };
  const open = new Set(ledger.keys());
  const began = (yield beginnings).map(keyOf).filter((key) => !open.has(key));
  const keys = [...open, ...began.slice(0, Math.max(0, P.open - open.size))].sort();
  const seen = new Set<string>();
  const steps = Array.from({ length: Math.ceil((span.to - span.from) / STEP) }, (): Detection[] => []);
  const tell = (step: number, ended: readonly [string, Entry][]): void => {
    for (const [key, entry] of ended) {
      const detection = detectionOf(key, entry, context);
      if (detection !== null) steps[step]!.push(detection);
    }
  };
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    const own = new Set<string>();
    const rows = Map.groupBy(yield question(keys.slice(at, at + AT_ONCE)), (row) => Number(row["step"]));
    for (const step of steps.keys()) {
      const from = span.from + step * STEP;
      tell(step, judgeStep(from + STEP, rows.get(from / STEP) ?? [], own, ledger));
    }
    for (const key of own) seen.add(key);
  }
  // Of the others nothing was seen in all of this span.
  for (const [key, value] of ledger.entries()) {
    const { last } = value as Entry;
    if (seen.has(key) || last + IDLE >= span.to) continue;
    tell(Math.max(0, Math.floor((last + IDLE - span.from) / STEP)), [[key, value as Entry]]);
    ledger.delete(key);
  }
  let { untold } = memory;
  const detections = steps.flatMap((found) => {
    untold += Math.max(0, found.length - P.most);
    return found.sort((a, b) => b.packets - a.packets || (a.id < b.id ? -1 : 1)).slice(0, P.most);
  });
  return { memory: { untold }, detections };
}

export const event: Detector<Memory> = {
  name: NAME,
  version: VERSION,
  about: "One source that asks dark addresses for one port, from its first packet to its last",
  kinds: ["event"],
  parameters: eventParameters,
  cadence: { step: STEP, longest: LONGEST },
  late: "again",
  begin: () => ({ untold: 0 }),
  examine,
};
