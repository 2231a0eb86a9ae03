// SPDX-License-Identifier: Apache-2.0
import type { Detection } from "../model/detection.ts";
import type { Context, Detector, Examination, Row, Span } from "./detector.ts";
import { inSpan } from "./detector.ts";
import { darkAddresses } from "./guards.ts";
import { detectionId } from "./identity.ts";
import { parameter, valuesOf } from "./parameters.ts";
import { DAY, HOUR, addressOf, engineAddress, startOf } from "./rows.ts";

const NAME = "heavy-scanner";
const VERSION = 1;
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

const detectionOf = (
  row: Row,
  day: number,
  limits: { packets: number; ports: number },
  dark: number,
  context: Context,
): Detection | null => {
  const key = row["k"] as string;
  const packets = row["n"] as number;
  const ports = row["ports"] as number;
  const reached = row["dark"] as number;
  const by = [
    ...(dark > 0 && reached >= P.dispersion * dark ? ["dispersion"] : []),
    ...(packets >= Math.max(P.packets, limits.packets) ? ["packets"] : []),
    ...(ports >= Math.max(P.ports, limits.ports) ? ["ports"] : []),
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
      ports,
      share_of_dark: dark === 0 ? null : Number((reached / dark).toPrecision(2)),
      limits,
      researcher: context.researcher(source),
    },
    samples: [],
  };
};

/** The day that is judged in this span: an hour after its end, when its sums stand in the roll-ups; or again, when rows of it came late. */
const dayOf = ({ from, to, late }: Span, { position }: Memory): number | null => {
  const moment = startOf(from, DAY) + HOUR;
  if (late !== true) return moment >= from && moment < to ? moment - HOUR - DAY : null;
  const day = startOf(from, DAY);
  return position > day + DAY + HOUR ? day : null;
};

function* examine(span: Span, memory: Memory, context: Context): Examination<Memory> {
  const day = dayOf(span, memory);
  const now = span.late === true ? memory : { position: span.to };
  if (day === null) return { memory: now, detections: [] };
  const times = { from: day, to: day + DAY };
  const [rolled] = yield {
    sql: "SELECT max(revision) AS revision FROM rollup_revisions WHERE grain = '1d' AND bucket = toDateTime(intDiv({from:Int64}, 1000000), 'UTC')",
    parameters: times,
  };
  const revision = (rolled?.["revision"] as number | undefined) ?? 0;
  // Sums by source: from the day's roll-up where there is one, else from the rows.
  const sums =
    revision > 0
      ? "(SELECT src, sum(packets) AS n, max(ports) AS ports FROM source_days_1d WHERE bucket = toDateTime(intDiv({from:Int64}, 1000000), 'UTC') AND revision = {revision:UInt64} AND realm = {realm:String} AND exercise = {exercise:String} GROUP BY src)"
      : `(SELECT src, sum(packets) AS n, uniqExact(protocol, dst_port) AS ports FROM flows WHERE ${inSpan} GROUP BY src)`;
  const [tail] = yield {
    sql: `SELECT quantileExact({level:Float64})(n) AS packets, quantileExact({level:Float64})(ports) AS ports FROM ${sums}`,
    parameters: { ...times, revision, level: 1 - P.tail },
  };
  const limits = {
    packets: (tail?.["packets"] as number | undefined) ?? 0,
    ports: (tail?.["ports"] as number | undefined) ?? 0,
  };
  const dark = darkAddresses(context.sensors);
  const least = Math.max(P.packets, Math.min(dark === 0 ? Infinity : P.dispersion * dark, limits.packets));
  const chosen = yield {
    sql: `SELECT hex(src) AS k FROM ${sums} WHERE n >= {least:Float64} OR (ports >= {ports:Float64} AND n >= {some:UInt32}) ORDER BY n DESC, k LIMIT {most:UInt32}`,
    parameters: { ...times, revision, least, ports: Math.max(P.ports, limits.ports), some: P.packets, most: P.most },
  };
  if (chosen.length === 0) return { memory: now, detections: [] };
  const rows = yield {
    sql: `SELECT hex(src) AS k, sum(packets) AS n, uniqExact(protocol, dst_port) AS ports, toUnixTimestamp64Micro(min(first_seen)) AS f, toUnixTimestamp64Micro(max(last_seen)) AS l,
greatest(uniqCombinedArray(12)(dst_tokens), max(dst_count)) AS dark, groupUniqArray(sensor) AS s
FROM flows WHERE ${inSpan} AND ${SENT} AND src IN {hosts:Array(IPv6)} GROUP BY src ORDER BY n DESC, k`,
    parameters: { ...times, hosts: chosen.map((row) => engineAddress(row["k"] as string)) },
  };
  const detections = rows.flatMap((row) => detectionOf(row, day, limits, dark, context) ?? []);
  return { memory: now, detections };
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
