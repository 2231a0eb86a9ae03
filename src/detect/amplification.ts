// SPDX-License-Identifier: Apache-2.0
import type { Detection, DetectionKind, Sample } from "../model/detection.ts";
import { beginnings } from "./beginnings.ts";
import { inSpan } from "./detector.ts";
import type { Complete, Context, Detector, Examination, Ledger, Question, Row, Rows, Span } from "./detector.ts";
import { keepSample, samplesOf } from "./evidence.ts";
import { amplifiers } from "./families.ts";
import { detectionId } from "./identity.ts";
import { parameter, valuesOf } from "./parameters.ts";
import { createPending } from "./pending.ts";
import type { Pending } from "./pending.ts";
import { DAY, HOUR, WINDOW, addressOf, engineAddress, startOf } from "./rows.ts";
import { countOf, distinctOf, distinctSql, unite } from "./tokens.ts";
import type { Distinct } from "./tokens.ts";

const NAME = "amplification";
/**
 * 2: claims carry the packets an owner can look for. 3: dark addresses of rows that have too many for a list are united; rows that come
 * late add to the scan they are of.
 */
const VERSION = 3;
const MINUTE = 60e6;
const REFRESH = 300e6;
const KINDS: readonly DetectionKind[] = ["amplification-scan", "reflector-abuse"];
/** Requests to services that amplify; answers of such services, from their own port, are none. */
const REQUEST = `class = 'udp' AND victim IS NULL AND dst_port IN (${[...amplifiers.keys()].join(", ")})`;

export const amplificationParameters = {
  packets: parameter(10, "requests", "of one source on ports that amplify", "ours, as for an infected host"),
  dark_addresses: parameter(3, "dark addresses", "that a scan must reach", "ours"),
  abuse_packets: parameter(
    100,
    "requests",
    "of one source and source port to one port",
    "AmpPot, RAID 2015: 100 packets",
  ),
  abuse_addresses: parameter(
    16,
    "dark addresses",
    "that abuse stays within",
    "ours: who abuses a reflector asks those it found",
  ),
  abuse_idle: parameter(300, "s", "without a request end an abuse", "DDoSPot"),
  scan_idle: parameter(1, "days", "without a request end a scan", "ours"),
  most: parameter(
    100_000,
    "sources",
    "are followed at a time",
    "ours: bounds the memory; beyond it those with one request leave first",
  ),
} as const;
const P = valuesOf(amplificationParameters);

interface Entry extends Distinct {
  first: number;
  last: number;
  packets: number;
  /** Requests by port. */
  ports: Record<string, number>;
  /** The one source port of all requests; null: there were several. */
  sourcePort: number | null;
  sensors: string[];
  longest: number;
  /** As in `Evidence`. An entry that version 1 wrote down has none. */
  early?: Sample[];
  late?: Sample[];
  claim: string;
  dirty: boolean;
}
interface Memory {
  position: number;
}

/** The first request of each ten seconds, whatever the flow interval was; the clock error is the worst of the sensors that may have seen it. */
const firstRequests = (row: Row, errors: ReadonlyMap<string, number | null>): Sample[] => {
  const windows = row["aw"] as number[];
  const packets = row["ap"] as number[];
  const known = (row["s"] as string[]).map((name) => errors.get(name) ?? null);
  const error = known.reduce<number | null>(
    (worst, one) => (worst === null || one === null ? null : Math.max(worst, one)),
    0,
  );
  return windows.map((window, i) => {
    const packed = packets[i]!;
    return {
      time: window * WINDOW + Math.floor(packed / 65_536),
      error,
      sourcePort: packed % 65_536,
      port: row["d"] as number,
    };
  });
};
const withSamples = (entry: Entry, samples: readonly Sample[]): Entry => {
  const into = { early: [...(entry.early ?? [])], late: [...(entry.late ?? [])] };
  for (const sample of samples) keepSample(into, sample);
  return { ...entry, ...into };
};

const entryOf = (row: Row): Entry => {
  const ports = row["e"] as number[];
  return {
    first: row["f"] as number,
    last: row["l"] as number,
    packets: row["n"] as number,
    ...distinctOf(row),
    ports: { [String(row["d"] as number)]: row["n"] as number },
    sourcePort: (row["x"] as number) === 1 && ports.length === 1 ? ports[0]! : null,
    sensors: (row["s"] as string[]).toSorted(),
    longest: row["y"] as number,
    claim: "",
    dirty: true,
  };
};
const join = (a: Entry, b: Entry): Entry => {
  const ports = { ...a.ports };
  for (const [port, n] of Object.entries(b.ports)) ports[port] = (ports[port] ?? 0) + n;
  return {
    ...a,
    first: Math.min(a.first, b.first),
    last: Math.max(a.last, b.last),
    packets: a.packets + b.packets,
    ...unite(a, b),
    ports,
    sourcePort: a.sourcePort === b.sourcePort ? a.sourcePort : null,
    sensors: [...new Set([...a.sensors, ...b.sensors])].sort(),
    longest: Math.max(a.longest, b.longest),
    dirty: true,
  };
};

/** Requests by source, port and minute, in order of time. */
const question = (
  where: string,
): string => `SELECT hex(src) AS k, dst_port AS d, intDiv(toUnixTimestamp64Micro(first_seen), 60000000) AS w, toUnixTimestamp64Micro(min(first_seen)) AS f, toUnixTimestamp64Micro(max(last_seen)) AS l, sum(packets) AS n,
${distinctSql}, max(src_port_count) AS x, groupUniqArrayArray(2)(sample_ports) AS e, max(udp_length_max) AS y, groupUniqArray(sensor) AS s,
minMap([intDiv(toUnixTimestamp64Micro(first_seen), ${WINDOW})], [(toUnixTimestamp64Micro(first_seen) % ${WINDOW}) * 65536 + sample_ports[1]]) AS a, a.1 AS aw, a.2 AS ap
FROM flows WHERE ${inSpan} AND ${REQUEST}${where} GROUP BY src, dst_port, w ORDER BY w, k, d`;

const kindOf = (key: string): DetectionKind => (key.includes(" ") ? "reflector-abuse" : "amplification-scan");
const idleOf = (key: string): number => (key.includes(" ") ? P.abuse_idle * 1e6 : P.scan_idle * DAY);
const isAbuse = (entry: Entry): boolean =>
  entry.packets >= P.abuse_packets && entry.sourcePort !== null && countOf(entry) <= P.abuse_addresses;
const holds = (key: string, entry: Entry): boolean =>
  key.includes(" ") ? isAbuse(entry) : entry.packets >= P.packets && countOf(entry) >= P.dark_addresses;

const detectionOf = (key: string, entry: Entry, context: Context): Detection => {
  const { scope } = context;
  const kind = kindOf(key);
  const source = addressOf(key.slice(0, 32));
  const ports = Object.entries(entry.ports).sort(([a, m], [b, n]) => n - m || Number(a) - Number(b));
  const port = Number(ports[0]![0]);
  return {
    id: detectionId({
      detector: NAME,
      kind,
      ...scope,
      subject: kind === "reflector-abuse" ? `${source} ${port}` : source,
      opening: entry.first,
    }),
    detector: NAME,
    version: VERSION,
    kind,
    ...scope,
    source,
    protocol: "udp",
    port,
    first: entry.first,
    last: entry.last,
    packets: entry.packets,
    darkAddresses: countOf(entry),
    sensors: entry.sensors,
    confidence: kind === "reflector-abuse" ? 0.7 : 0.95,
    family: amplifiers.get(port) ?? null,
    held: [],
    evidence: {
      ports: Object.fromEntries(ports.map(([number, n]) => [`${number}/udp`, n])),
      services: ports.map(([number]) => amplifiers.get(Number(number)) ?? number),
      // The victim of an abuse is the forged source; its source port is what the answers flood.
      source_port: kind === "reflector-abuse" ? entry.sourcePort : null,
      longest_request: entry.longest,
    },
    samples: samplesOf({ early: entry.early ?? [], late: entry.late ?? [] }),
  };
};

interface Judged {
  readonly detections: Detection[];
  readonly complete: Complete[];
}
const tell = (key: string, entry: Entry, due: boolean, context: Context, into: Judged): void => {
  if (holds(key, entry)) {
    if (entry.claim !== "" && !(due && entry.dirty)) return;
    const detection = detectionOf(key, entry, context);
    entry.claim = detection.id;
    entry.dirty = false;
    into.detections.push(detection);
  } else if (entry.claim !== "") {
    entry.claim = "";
    into.complete.push({
      kinds: [kindOf(key)],
      source: addressOf(key.slice(0, 32)),
      since: entry.first,
      until: entry.first + 1,
    });
  }
};

const pendings = createPending<Entry>({
  endOf: (key, { last }) => last + idleOf(key),
  isDirty: ({ dirty, claim }) => dirty && claim !== "",
});

const prune = (pending: Pending<Entry>, ledger: Ledger): void => {
  const over = ledger.size - P.most;
  if (over <= 0) return;
  const least: [string, number, number][] = [];
  for (const [key, value] of ledger.entries()) least.push([key, (value as Entry).packets, (value as Entry).last]);
  least.sort(([a, m, x], [b, n, y]) => m - n || x - y || (a < b ? -1 : 1));
  for (const [key] of least.slice(0, over)) {
    ledger.delete(key);
    pending.left(key);
  }
  if (pending.isLoose) pendings.forget(ledger);
};

/** Sources in the late rows, or in those that left, are made anew from where their scan began: gives all rows of them since. */
function* again(span: Span, to: number, { ledger }: Context, { complete }: Judged): Generator<Question, Rows, Rows> {
  const { withdrawn } = span;
  const hosts = new Set<string>();
  if (withdrawn === undefined) for (const row of yield { sql: question("") }) hosts.add(row["k"] as string);
  const keys = new Map<string, string[]>();
  for (const key of ledger.keys()) {
    const host = key.slice(0, 32);
    if (withdrawn !== undefined) {
      const { sensors, last } = ledger.get(key) as Entry;
      if (sensors.includes(withdrawn) && last >= span.from) hosts.add(host);
    }
    const own = keys.get(host);
    if (own === undefined) keys.set(host, [key]);
    else own.push(key);
  }
  if (hosts.size === 0) return [];
  const firstOf = (host: string): number | undefined => (ledger.get(host) as Entry | undefined)?.first;
  const begun = yield* beginnings("src", REQUEST, P.scan_idle * DAY, hosts, span, firstOf);

  const rows = (yield {
    sql: question(" AND src IN {hosts:Array(IPv6)}"),
    parameters: { hosts: [...hosts].map(engineAddress), from: Math.min(...begun.values()), to },
  }).filter((row) => (row["f"] as number) >= begun.get(row["k"] as string)!);
  const packets = new Map<string, number>();
  for (const row of rows) {
    const host = row["k"] as string;
    packets.set(host, (packets.get(host) ?? 0) + (row["n"] as number));
  }
  const pending = pendings.of(ledger);
  for (const [host, since] of begun) {
    const known = ledger.get(host) as Entry | undefined;
    // Rows only come, unless they are withdrawn: where there are fewer, the oldest have left by age, and what is remembered says more.
    if (withdrawn === undefined && (packets.get(host) ?? 0) < (known?.packets ?? 0)) {
      hosts.delete(host);
      continue;
    }
    complete.push({ kinds: KINDS, source: addressOf(host), since, until: Infinity });
    for (const key of keys.get(host) ?? []) {
      ledger.delete(key);
      pending.left(key);
    }
  }
  if (pending.isLoose) pendings.forget(ledger);
  return rows.filter((row) => hosts.has(row["k"] as string));
}

function* examine(span: Span, memory: Memory, context: Context): Examination<Memory> {
  const { ledger } = context;
  const into: Judged = { detections: [], complete: [] };
  const late = span.late === true;
  const to = late ? Math.max(memory.position, span.to) : span.to;
  const rows = late ? yield* again(span, to, context, into) : yield { sql: question("") };
  const pending = pendings.of(ledger);
  const errors = new Map(context.sensors.map(({ name, clockError }) => [name, clockError]));
  const chosen = new Set<string>();
  for (const row of rows) {
    const host = row["k"] as string;
    const samples = firstRequests(row, errors);
    for (const key of [host, `${host} ${row["d"] as number}`]) {
      let entry = ledger.get(key) as Entry | undefined;
      const news = entryOf(row);
      if (entry !== undefined && news.first - entry.last > idleOf(key)) {
        tell(key, entry, true, context, into);
        entry = undefined;
      }
      const now = withSamples(entry === undefined ? news : join(entry, news), samples);
      if (ledger.get(key) === undefined) pending.came(key, now);
      ledger.set(key, now);
      chosen.add(key);
    }
  }
  const due = late || startOf(span.to, REFRESH) > startOf(span.from, REFRESH);
  // Who sent nothing since is told of when that is due, or when it is over; what did not hold then does not now.
  const over = pending.overAt(to);
  for (const key of over) chosen.add(key);
  if (due) for (const key of pending.dirty) chosen.add(key);
  for (const key of [...chosen].sort()) {
    const entry = ledger.get(key) as Entry;
    const ends = over.has(key);
    const before = entry.claim;
    const wasDirty = entry.dirty;
    if (entry.dirty) tell(key, entry, due || ends, context, into);
    if (ends) {
      ledger.delete(key);
      pending.left(key);
      continue;
    }
    if (entry.claim !== before || entry.dirty !== wasDirty) ledger.set(key, entry);
    pending.noted(key, entry);
  }
  prune(pending, ledger);
  return { memory: late ? memory : { position: span.to }, ...into };
}

export const amplification: Detector<Memory> = {
  name: NAME,
  version: VERSION,
  about: "Who looks for services that amplify, and whom they are abused against",
  kinds: KINDS,
  parameters: amplificationParameters,
  cadence: { step: MINUTE, longest: HOUR },
  late: "again",
  begin: () => ({ position: 0 }),
  examine,
};
