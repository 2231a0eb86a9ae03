// SPDX-License-Identifier: Apache-2.0
import { parseSignature } from "../model/signature.ts";
import { CLASS, marks, protocols } from "../model/traffic.ts";
import type { TrafficClass } from "../model/traffic.ts";
import { AppError } from "../platform/errors.ts";
import { engineTime, hour } from "./asked.ts";
import type { Asked, Span } from "./asked.ts";

/** The filters of the contract, as they are asked. */
export interface Filters {
  readonly port?: string;
  readonly protocol?: string;
  readonly class?: string;
  readonly country?: string;
  readonly asn?: string;
  readonly sensor?: string;
  readonly mark?: string;
  readonly signature?: string;
}
export interface Relation {
  /** Stands after FROM: rows of flows, and of the aggregates where the filters let them pass. */
  readonly sql: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The packets of a row that count under the filter: all, or those with the asked mark. */
  readonly packets: string;
}

const words = (list: string): string[] => list.split(",");
const whole = (name: string, list: string, most: number): number[] =>
  words(list).map((text) => {
    const value = Number(text);
    if (value > most) throw new AppError("QUERY_PARAMETER", `\`${name}\` goes up to ${most}`, { parameter: name });
    return value;
  });

export const protocolNumber = (text: string): number => {
  const known = protocols[text as keyof typeof protocols] as number | undefined;
  const value = known ?? Number(text);
  if (!(value <= 255)) throw new AppError("QUERY_PARAMETER", "`protocol` goes up to 255", { parameter: "protocol" });
  return value;
};

/** What a packet's sender decides the port of: where nothing else is asked, ports are those of SYN and UDP. */
export const asking = (filters: Filters): Filters => ({ class: "tcp-syn,udp", ...filters });

/** WHERE of a span in whole milliseconds, and whose data. */
export const scopeOf = (
  asked: Pick<Asked<unknown>, "realm" | "exercise">,
  span: Span,
  time = "first_seen",
  suffix = "",
): { sql: string; parameters: Record<string, unknown> } => ({
  sql: `realm = {realm:String} AND exercise = {exercise:String} AND ${time} >= {from${suffix}:DateTime64(3,'UTC')} AND ${time} < {to${suffix}:DateTime64(3,'UTC')}`,
  parameters: {
    realm: asked.realm,
    exercise: asked.exercise,
    [`from${suffix}`]: engineTime(span.from),
    [`to${suffix}`]: engineTime(span.to),
  },
});

/** Conditions of the filters: those every row can answer, and those only rows that name their source can. */
export const conditions = (
  filters: Filters,
): { all: string[]; named: string[]; parameters: Record<string, unknown> } => {
  const all: string[] = [];
  const named: string[] = [];
  const parameters: Record<string, unknown> = {};
  if (filters.port !== undefined) {
    all.push("dst_port IN {ports:Array(UInt16)}");
    parameters["ports"] = whole("port", filters.port, 65_535);
  }
  if (filters.protocol !== undefined) {
    all.push("protocol = {protocol:UInt8}");
    parameters["protocol"] = protocolNumber(filters.protocol);
  }
  if (filters.class !== undefined) {
    // By code: the names would be looked up for every row.
    all.push("CAST(class, 'Int8') IN {classes:Array(Int8)}");
    parameters["classes"] = words(filters.class).map((name) => CLASS[name as TrafficClass]);
  }
  if (filters.sensor !== undefined) {
    all.push("sensor IN {sensors:Array(String)}");
    parameters["sensors"] = words(filters.sensor);
  }
  if (filters.country !== undefined) {
    named.push("ifNull(src_cc, '--') IN {countries:Array(String)}");
    parameters["countries"] = words(filters.country);
  }
  if (filters.asn !== undefined) {
    named.push("src_asn IN {asns:Array(UInt32)}");
    parameters["asns"] = whole("asn", filters.asn, 0xffff_ffff);
  }
  if (filters.mark !== undefined) named.push(`${markColumn(filters.mark)} > 0`);
  if (filters.signature !== undefined) {
    const packed = parseSignature(filters.signature);
    if (packed === undefined) {
      throw new AppError("QUERY_PARAMETER", "`signature` is not of the form window:options:mss:scale", {
        parameter: "signature",
      });
    }
    named.push("signature = {signature:UInt64}");
    parameters["signature"] = String((BigInt(packed[0]) << 32n) | BigInt(packed[1]));
  }
  return { all, named, parameters };
};

/** The column of a mark, by its own list: never text from outside in SQL. */
export const markColumn = (mark: string): string => {
  const known = marks.find((name) => name === mark);
  if (known === undefined) throw new AppError("QUERY_PARAMETER", "no such mark", { parameter: "mark" });
  return known;
};

const named = [
  "sensor",
  "first_seen",
  "last_seen",
  "src",
  "victim",
  "protocol",
  "dst_port",
  "class",
  "packets",
  "bytes",
  ...marks,
  "src_asn",
  "src_cc",
];
const nameless: Readonly<Record<string, string>> = {
  src: "toIPv6('::')",
  victim: "CAST(NULL, 'Nullable(IPv6)')",
  ...Object.fromEntries(marks.map((mark) => [mark, "toUInt32(0)"])),
  src_asn: "CAST(NULL, 'Nullable(UInt32)')",
  src_cc: "CAST(NULL, 'LowCardinality(Nullable(String))')",
};

/** So much is read from the recent rows whatever is asked. */
const shortly = 2 * hour;

/**
 * The rows of a span under the filters, one row a flow row. `named` is 0 in rows of the aggregates, which have packets but no source; they are
 * left out when a filter speaks of the source.
 */
export const relation = (
  asked: Pick<Asked<unknown>, "around" | "realm" | "exercise">,
  span: Span,
  filters: Filters,
  { suffix = "", also = [], storms = true }: { suffix?: string; also?: readonly string[]; storms?: boolean } = {},
): Relation => {
  const scope = scopeOf(asked, span, "first_seen", suffix);
  const filter = conditions(filters);
  const where = [scope.sql, ...filter.all, ...also];
  const wanted = [...where, ...filter.named].join(" AND ");
  // A port's rows lie together in the recent ones, a source's in the base.
  const rows = asked.around.rollUps?.rows(
    { from: span.from * 1000, to: span.to * 1000 },
    wanted,
    filters.port === undefined ? shortly * 1000 : undefined,
  );
  const flows = `SELECT ${named.join(", ")}, 1 AS named FROM ${rows ?? `flows WHERE ${wanted}`}`;
  const aggregates = `SELECT ${named.map((name) => (nameless[name] === undefined ? name : `${nameless[name]} AS ${name}`)).join(", ")}, 0 AS named FROM aggregates WHERE ${where.join(" AND ")}`;
  return {
    sql: filter.named.length > 0 || !storms ? `(${flows})` : `(${flows} UNION ALL ${aggregates})`,
    parameters: { ...scope.parameters, ...filter.parameters },
    packets: filters.mark === undefined ? "packets" : markColumn(filters.mark),
  };
};

/** An address as people write it, from the engine's IPv6 text. */
export const plainIp = (text: string): string => (/^::ffff:\d+\./.test(text) ? text.slice(7) : text);
