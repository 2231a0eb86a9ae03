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

const stepOf = `intDiv(toUnixTimestamp64Micro(first_seen), ${STEP})`;
/**
 * When what began or may go on was seen in each step, most packets first: who is followed is decided by that, before the rest is asked of those alone. Of a span of many steps
 * the hosts that may have an open event are those that had one before, or begin one in it; a few rows more than a step alone would ask for, and nobody follows them.
 */
const seenQuestion = (open: readonly string[], steps: number): Question => {
  const begins = "sum(packets) >= {begin:UInt32}";
  return {
    sql: `SELECT ${stepOf} AS step, hex(src) AS k, dst_port AS d, CAST(class, 'Int8') AS c, sum(packets) AS n, toUnixTimestamp64Micro(min(first_seen)) AS f, toUnixTimestamp64Micro(max(last_seen)) AS l
FROM flows WHERE ${inSpan}${steps === 1 ? "" : ` AND (src IN {open:Array(IPv6)} OR src IN (SELECT src FROM flows WHERE ${inSpan} GROUP BY src, ${way}, ${stepOf} HAVING ${begins}))`}
GROUP BY step, src, dst_port, class${steps === 1 ? ` HAVING ${begins} OR src IN {open:Array(IPv6)}` : ""} ORDER BY step, n DESC, k, d, c LIMIT {limit:UInt32} BY step`,
    parameters: { open: open.map(engineAddress), begin: P.begin, limit: P.open },
  };
};
/** In which steps each event is followed: as long as there is room for it, and it goes on. */
const followed = (span: Span, rows: Rows, ledger: Ledger): Map<string, Set<number>> => {
  const last = new Map<string, number>();
  for (const [key, value] of ledger.entries()) last.set(key, (value as Entry).last);
  const found = new Map<string, Set<number>>();
  const byStep = Map.groupBy(rows, (row) => Number(row["step"]));
  for (let from = span.from; from < span.to; from += STEP) {
    for (const row of byStep.get(from / STEP) ?? []) {
      const key = keyOf(row);
      const before = last.get(key);
      const goesOn = before !== undefined && (row["f"] as number) - before <= IDLE;
      if (!goesOn && ((row["n"] as number) < P.begin || last.size >= P.open)) {
        last.delete(key);
        continue;
      }
      last.set(key, goesOn ? Math.max(before, row["l"] as number) : (row["l"] as number));
      const steps = found.get(key);
      if (steps === undefined) found.set(key, new Set([from / STEP]));
      else steps.add(from / STEP);
    }
    for (const [key, time] of last) if (time + IDLE < from + STEP) last.delete(key);
  }
  return found;
};

/** So many events are asked about at once: their dark addresses are most of what an answer weighs. */
const AT_ONCE = 8_192;

/** What the steps of a span brought for some events, which follow one another by source, as the store's rows do. */
const question = (keys: readonly string[]): Question => {
  const parts = keys.map((key) => key.split(" ") as [string, string, string]);
  const hosts = parts.map(([host]) => engineAddress(host));
  return {
    sql: `SELECT ${stepOf} AS step, ${columns}
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
    sql: `SELECT ${stepOf} AS step, ${columns}
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

function* examine(span: Span, memory: Memory, context: Context): Examination<Memory> {
  const { ledger } = context;
  if (span.withdrawn !== undefined) yield* withdraw(span, context);
  // What came late is not sewn into events that have ended: they are a view of the flows, which hold it.
  if (span.late === true) return { memory, detections: [] };
  const steps = Array.from({ length: Math.ceil((span.to - span.from) / STEP) }, (): Detection[] => []);
  /** An event ends when it has been idle for so long, whenever that shows. */
  const tell = (key: string, entry: Entry): void => {
    const detection = detectionOf(key, entry, context);
    if (detection !== null) steps[Math.max(0, Math.floor((entry.last + IDLE - span.from) / STEP))]!.push(detection);
  };
  const open = new Set<string>();
  for (const key of ledger.keys()) open.add(key.slice(0, 32));
  const seen = followed(span, yield seenQuestion([...open], steps.length), ledger);
  const keys = [...seen.keys()].sort();
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    for (const row of yield question(keys.slice(at, at + AT_ONCE))) {
      const key = keyOf(row);
      if (!seen.get(key)!.has(Number(row["step"]))) continue;
      let entry = ledger.get(key) as Entry | undefined;
      if (entry !== undefined && (row["f"] as number) - entry.last > IDLE) {
        tell(key, entry);
        entry = undefined;
      }
      ledger.set(key, add(entry, row));
    }
  }
  for (const [key, value] of ledger.entries()) {
    const entry = value as Entry;
    if (entry.last + IDLE >= span.to) continue;
    tell(key, entry);
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
