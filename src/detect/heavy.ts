// SPDX-License-Identifier: Apache-2.0
import type { Detection } from "../model/detection.ts";
import { inScope, inSpan } from "./detector.ts";
import type { Complete, Context, Detector, Examination, Question, Row, Rows, Span } from "./detector.ts";
import { darkAddresses } from "./guards.ts";
import { detectionId } from "./identity.ts";
import { parameter, valuesOf } from "./parameters.ts";
import { DAY, HOUR, addressOf, engineAddress, isV4, startOf } from "./rows.ts";
import { countOf, distinctOf, distinctSql } from "./tokens.ts";

const NAME = "heavy-scanner";
/** 2: the tail is of those that send; what a day's late or withdrawn rows change is taken back. */
const VERSION = 2;
const SENT = "class IN ('tcp-syn', 'udp', 'icmp-echo-request') AND victim IS NULL";

export const heavyParameters = {
  dispersion: parameter(
    0.1,
    "of the dark addresses",
    "reached in a day",
    "Merit ORION's aggressive hitters, arXiv 2305.07193; the 10 % line of its annotation",
  ),
  tail: parameter(1e-4, "of the day's sources", "with the most packets, or the most ports", "the same"),
  packets: parameter(
    100,
    "packets",
    "a heavy scanner sends in a day at least",
    "ours: on a quiet day the upper end of a few sources says little",
  ),
  ports: parameter(30, "ports", "the other definition asks for at least", "NICTER's rule for research scanners"),
  most: parameter(1_000, "sources", "are told of a day, most packets first", "ours: bounds the desk's day"),
} as const;
const P = valuesOf(heavyParameters);

interface Memory {
  position: number;
}

/** Whom the detector told of on a day is in its ledger, by the day's start, for so long. */
const KEPT = 31 * DAY;

/** Distinct ports that were asked for by SYN or UDP, as the day's roll-up counts them. */
const ports =
  "uniqExactIf(toUInt32(toUInt32(protocol) * 131072 + ifNull(toUInt32(dst_port), 65536)), class IN ('tcp-syn', 'udp'))";

const detectionOf = (
  row: Row,
  day: number,
  limits: { packets: number; ports: number },
  addresses: number,
  context: Context,
): Detection | null => {
  const key = row["k"] as string;
  // An IPv6 source reaches no share of the IPv4 space.
  const dark = isV4(key) ? addresses : 0;
  const packets = row["n"] as number;
  const distinct = row["ports"] as number;
  const reached = countOf(distinctOf(row));
  const by = [
    ...(dark > 0 && reached >= P.dispersion * dark ? ["dispersion"] : []),
    ...(packets >= Math.max(P.packets, limits.packets) ? ["packets"] : []),
    ...(distinct >= Math.max(P.ports, limits.ports) ? ["ports"] : []),
  ];
  if (by.length === 0 || packets < P.packets) return null;
  const { scope } = context;
  const source = addressOf(key);
  return {
    id: detectionId({ detector: NAME, kind: "heavy-scanner", ...scope, subject: source, opening: day }),
    detector: NAME,
    version: VERSION,
    kind: "heavy-scanner",
    ...scope,
    source,
    protocol: null,
    port: null,
    first: row["f"] as number,
    last: row["l"] as number,
    packets,
    darkAddresses: reached,
    sensors: (row["s"] as string[]).toSorted(),
    confidence: 1,
    family: null,
    held: [],
    evidence: {
      day: new Date(day / 1000).toISOString().slice(0, 10),
      by,
      ports: distinct,
      share_of_dark: dark === 0 ? null : Number((reached / dark).toPrecision(2)),
      limits,
      researcher: context.researcher(source),
    },
    samples: [],
  };
};

/** The days that are judged in this span: one an hour after its end, when its sums stand in the roll-ups; or again those of which rows came late, or were withdrawn. */
const daysOf = ({ from, to, late }: Span, { position }: Memory): number[] => {
  const moment = startOf(from, DAY) + HOUR;
  if (late !== true) return moment >= from && moment < to ? [moment - HOUR - DAY] : [];
  const days: number[] = [];
  for (let day = Math.max(startOf(from, DAY), startOf(position, DAY) - KEPT); day < to; day += DAY) {
    if (position > day + DAY + HOUR) days.push(day);
  }
  return days;
};

/** Who stood out on a day. Null: no row of it is left in the store, and nothing can be said. */
function* judgeDay(day: number, context: Context): Generator<Question, Detection[] | null, Rows> {
  const times = { from: day, to: day + DAY };
  const [rolled] = yield {
    sql: `SELECT max(revision) AS revision, (SELECT count() FROM (SELECT 1 FROM flows WHERE ${inSpan} LIMIT 1)) AS there FROM rollup_revisions WHERE grain = '1d' AND bucket = toDateTime(intDiv({from:Int64}, 1000000), 'UTC')`,
    parameters: times,
  };
  if (Number(rolled?.["there"] ?? 0) === 0) return null;
  const revision = (rolled?.["revision"] as number | undefined) ?? 0;
  // What each source sent: from the day's roll-up where there is one, less what came back from it; else from the rows.
  const sums =
    revision > 0
      ? `(SELECT src, sums.n - others.n AS n, ports FROM (SELECT src, sum(packets) AS n, max(ports) AS ports FROM source_days_1d WHERE bucket = toDateTime(intDiv({from:Int64}, 1000000), 'UTC') AND revision = {revision:UInt64} AND ${inScope} GROUP BY src) AS sums
LEFT JOIN (SELECT src, sum(packets) AS n FROM flows WHERE ${inSpan} AND NOT (${SENT}) GROUP BY src) AS others USING src WHERE sums.n > others.n)`
      : `(SELECT src, sum(packets) AS n, ${ports} AS ports FROM flows WHERE ${inSpan} AND ${SENT} GROUP BY src)`;
  const [tail] = yield {
    sql: `SELECT quantileExact({level:Float64})(n) AS packets, quantileExact({level:Float64})(ports) AS ports FROM ${sums}`,
    parameters: { ...times, revision, level: 1 - P.tail },
  };
  const limits = {
    packets: (tail?.["packets"] as number | undefined) ?? 0,
    ports: (tail?.["ports"] as number | undefined) ?? 0,
  };
  // The sensors of that day, which is over.
  const dark = darkAddresses(context.sensors.filter(({ since, until }) => since < day + DAY && until > day));
  const least = Math.max(P.packets, Math.min(dark === 0 ? Infinity : P.dispersion * dark, limits.packets));
  const chosen = yield {
    sql: `SELECT hex(src) AS k FROM ${sums} WHERE n >= {least:Float64} OR (ports >= {ports:Float64} AND n >= {some:UInt32}) ORDER BY n DESC, k LIMIT {most:UInt32}`,
    parameters: { ...times, revision, least, ports: Math.max(P.ports, limits.ports), some: P.packets, most: P.most },
  };
  if (chosen.length === 0) return [];
  const rows = yield {
    sql: `SELECT hex(src) AS k, sum(packets) AS n, ${ports} AS ports, toUnixTimestamp64Micro(min(first_seen)) AS f, toUnixTimestamp64Micro(max(last_seen)) AS l,
${distinctSql}, groupUniqArray(sensor) AS s
FROM flows WHERE ${inSpan} AND ${SENT} AND src IN {hosts:Array(IPv6)} GROUP BY src ORDER BY n DESC, k`,
    parameters: { ...times, hosts: chosen.map((row) => engineAddress(row["k"] as string)) },
  };
  return rows.flatMap((row) => detectionOf(row, day, limits, dark, context) ?? []);
}

function* examine(span: Span, memory: Memory, context: Context): Examination<Memory> {
  const { ledger } = context;
  const now = span.late === true ? memory : { position: span.to };
  const found: Detection[] = [];
  const complete: Complete[] = [];
  for (const day of daysOf(span, memory)) {
    const detections = yield* judgeDay(day, context);
    if (detections === null) continue;
    const sources = new Set(detections.flatMap(({ source }) => source ?? []));
    for (const source of sources.union(new Set(ledger.get(String(day)) as string[] | undefined))) {
      complete.push({ kinds: ["heavy-scanner"], source, since: day, until: day + DAY });
    }
    ledger.set(String(day), [...sources]);
    for (const key of ledger.keys()) if (Number(key) < day - KEPT) ledger.delete(key);
    found.push(...detections);
  }
  return { memory: now, detections: found, complete };
}

export const heavyScanner: Detector<Memory> = {
  name: NAME,
  version: VERSION,
  about: "A source that on one day reached a tenth of the dark addresses, or led in packets or in ports",
  kinds: ["heavy-scanner"],
  parameters: heavyParameters,
  cadence: { step: HOUR, longest: DAY },
  late: "again",
  begin: () => ({ position: 0 }),
  examine,
};
