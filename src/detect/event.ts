// SPDX-License-Identifier: Apache-2.0
import type { Detection } from "../model/detection.ts";
import { IPV4_SPACE } from "../model/report.ts";
import { classes, protocolName } from "../model/traffic.ts";
import { inSpan } from "./detector.ts";
import type { Context, Detector, Examination, Question, Row, Rows, Span } from "./detector.ts";
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

/**
 * A step's rows at a time: what began or may go on. Of a span of many steps the hosts that may have an open event are those that had one before, or
 * begin one in it; a few rows more than a step alone would ask for, and the judge passes over them.
 */
const question = (open: readonly string[]): Question => ({
  sql: `SELECT intDiv(toUnixTimestamp64Micro(first_seen), ${STEP}) AS step, ${columns}
FROM flows WHERE ${inSpan} AND (src IN {open:Array(IPv6)} OR src IN (
  SELECT src FROM flows WHERE ${inSpan} GROUP BY src, dst_port, class, intDiv(toUnixTimestamp64Micro(first_seen), ${STEP}) HAVING sum(packets) >= {begin:UInt32}))
GROUP BY step, src, dst_port, class ORDER BY step, n DESC, k, d, c LIMIT {limit:UInt32} BY step`,
  parameters: { open: open.map(engineAddress), begin: P.begin, limit: P.open },
});

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

/** One step of a span: takes its rows in, and gives the events that ended. */
const judgeStep = (ends: number, rows: readonly Row[], context: Context): Detection[] => {
  const { ledger } = context;
  const ended: [string, Entry][] = [];
  for (const row of rows) {
    const key = keyOf(row);
    let entry = ledger.get(key) as Entry | undefined;
    if (entry !== undefined && (row["f"] as number) - entry.last > IDLE) {
      ended.push([key, entry]);
      entry = undefined;
    }
    if (entry === undefined && ((row["n"] as number) < P.begin || ledger.size >= P.open)) ledger.delete(key);
    else ledger.set(key, add(entry, row));
  }
  for (const [key, value] of ledger.entries()) {
    const entry = value as Entry;
    if (entry.last + IDLE >= ends) continue;
    ended.push([key, entry]);
    ledger.delete(key);
  }
  return ended
    .flatMap(([key, entry]) => detectionOf(key, entry, context) ?? [])
    .sort((a, b) => b.packets - a.packets || (a.id < b.id ? -1 : 1));
};

function* examine(span: Span, memory: Memory, context: Context): Examination<Memory> {
  const { ledger } = context;
  if (span.withdrawn !== undefined) yield* withdraw(span, context);
  // What came late is not sewn into events that have ended: they are a view of the flows, which hold it.
  if (span.late === true) return { memory, detections: [] };
  const open = new Set<string>();
  for (const key of ledger.keys()) open.add(key.slice(0, 32));
  const steps = Map.groupBy(yield question([...open]), (row) => Number(row["step"]));
  const detections: Detection[] = [];
  let { untold } = memory;
  for (let from = span.from; from < span.to; from += STEP) {
    const found = judgeStep(from + STEP, steps.get(from / STEP) ?? [], context);
    untold += Math.max(0, found.length - P.most);
    detections.push(...found.slice(0, P.most));
  }
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
