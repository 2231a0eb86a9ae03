// SPDX-License-Identifier: Apache-2.0
import { bucketIn, bucketOf, bucketSql, committed, dateTime, dateTime64, grainLength, grains } from "./buckets.ts";
import type { Frontiers, Grain, TimeRange } from "./buckets.ts";
import { busyBucketsSql, portParts } from "./port-parts.ts";
import type { BusyBuckets, PortParts } from "./port-parts.ts";
import { flowRows, sourceRows } from "./recent.ts";
import { rollupsByName } from "./rollups.ts";
import type { Rollup, RollupName } from "./rollups.ts";
import { stretches } from "./stretches.ts";
import type { Stretch } from "./stretches.ts";

/** A piece of the base that touches a few days, day by day: within one, the hours of sources stand in for it. */
const byDay = (part: Stretch): Stretch[] => {
  const first = bucketOf(part.from, "1d");
  const days = Math.ceil((part.to - first) / grainLength["1d"]);
  if (days < 2 || days > 4) return [part];
  return Array.from({ length: days }, (_, i) => ({
    ...part,
    from: Math.max(part.from, first + i * grainLength["1d"]),
    to: Math.min(part.to, first + (i + 1) * grainLength["1d"]),
  }));
};
/** What a source's hours can tell of its day. */
const hourly: Readonly<Record<string, string>> = {
  packets: "sum(packets)",
  ports: "toUInt32(uniqUpToArray(10)(port_set))",
};

/** Microseconds of the base from which on its order is worth more than that there is less to read. */
const longEdge = 2 * 3_600e6;

export interface SourceOptions {
  /** Measures wanted; all by default. Fewer are cheaper where the base is asked. */
  readonly measures?: readonly string[];
  /** Condition over the roll-up's key columns (they have the base's names), put into every part. */
  readonly where?: string;
  /** Leave out what is rare by the roll-up; `rareSum` says how much that can be. */
  readonly leaders?: boolean;
  /** `where` admits one realm and exercise alone: the rows do not tell them. Grouping the base by them takes twice as long. */
  readonly oneScope?: boolean;
  /** `where` names a few sources: what is not rolled up is read where a source's rows lie side by side. */
  readonly fewSources?: boolean;
}
const availableOf = (one: Rollup): readonly Grain[] => {
  const finer = one.of === undefined ? undefined : rollupsByName.get(one.of);
  return finer === undefined ? one.grains : grains.filter((g) => [...finer.grains, ...one.grains].includes(g));
};
/**
 * What the rows that `leaders` leaves out of a range can sum up to at most for one key of the roll-up, in packets, flows, sources or packets with a
 * mark. Where finer buckets of another roll-up stand in, for one key of those.
 */
export const rareSum = (name: RollupName, grain: Grain, range: TimeRange, frontiers: Frontiers): number => {
  const one = rollupsByName.get(name)!;
  return stretches(availableOf(one), grain, range, frontiers).reduce((sum, part) => {
    if (part.grain === null) return sum;
    const floor = (one.floors?.[part.grain] ?? rollupsByName.get(one.of ?? "")?.floors?.[part.grain] ?? 1) - 1;
    // What is computed from the base may have two rows of a key: of flows, and of aggregates.
    const rows = one.keeps === null && part.grain === availableOf(one)[0] ? 2 : 1;
    return sum + ((part.to - part.from) / grainLength[part.grain]) * floor * rows;
  }, 0);
};

/**
 * A subquery in parentheses for FROM: rows (bucket DateTime('UTC') of `grain`, keys, measures, now) of a roll-up over a range, the
 * open part from the base. Aggregate over it: `sum(packets)`, `uniqCombinedMerge(12)(sources)`. The coarsest buckets that
 * fit are read, so choose the coarsest `grain` that the answer needs. Rows that arrived after their bucket was rolled up
 * appear with its next revision. Of several ranges `now` is 1 in the rows of the first.
 */
export const rollupSource = (
  name: RollupName,
  grain: Grain,
  range: TimeRange | readonly TimeRange[],
  frontiers: Frontiers,
  { measures: wanted, where = "", leaders = false, oneScope = false, fewSources = false }: SourceOptions = {},
): string => {
  const one = rollupsByName.get(name)!;
  const measures = one.measures.filter((m) => wanted === undefined || wanted.includes(m.name));
  // Where all rows are of one realm and exercise nobody asks which.
  const told = one.keys.filter((k) => !oneScope || (k.name !== "realm" && k.name !== "exercise"));
  const keys = told.map((k) => k.name);
  const condition = where === "" ? "" : ` AND (${where})`;
  const both = [...(where === "" ? [] : [`(${where})`]), ...(one.where === undefined ? [] : [one.where])].join(" AND ");
  const ranges = "from" in range ? [range] : range;
  const pieces = ranges.flatMap((span, i) =>
    stretches(availableOf(one), grain, span, frontiers)
      .flatMap((part) => (one.bySource === true && part.grain === null ? byDay(part) : [part]))
      .map((part) => ({ ...part, now: i === 0 ? 1 : 0 })),
  );

  /** All that is read of one table, at once: each table that is read costs the engine some milliseconds. */
  const rolled = (of: Grain): string => {
    const own = pieces.filter((piece) => piece.grain === of);
    const table = one.grains.includes(of) ? one.name : one.of;
    const names = [...keys, ...measures.map((m) => m.name)].join(", ");
    const first = own.filter(({ now }) => now === 1);
    const now = first.length === own.length ? "1" : first.length === 0 ? "0" : bucketIn(first);
    return `SELECT ${of === grain ? "bucket" : `${bucketSql(grain, "bucket")} AS bucket`}, ${names}, now FROM (SELECT *, toUInt8(${now}) AS now FROM ${table}_${of} WHERE ${bucketIn(own)}${leaders ? " AND rare = 0" : ""}${condition} AND ${committed(of, own, frontiers)})`;
  };
  const based = (table: "flows" | "aggregates", part: TimeRange & { readonly now: number }): string => {
    // Readers aggregate in any case: where each row can stand for itself, it does.
    const single = table === "flows" && measures.every((m) => m.row !== undefined);
    const columns = [
      ...told.map((k) =>
        table === "flows" || k.aggregates === k.name
          ? k.name
          : `CAST(${k.aggregates}, '${k.type.replaceAll("'", "\\'")}') AS ${k.name}`,
      ),
      ...measures.map(
        (m) =>
          `CAST(${(single ? m.row : table === "flows" ? m.asked : undefined) ?? m[table]}, '${m.type.replaceAll("'", "\\'")}') AS new_${m.name}`,
      ),
    ];
    const outer = [...keys, ...measures.map((m) => `new_${m.name} AS ${m.name}`)].join(", ");
    // Grouping by one thing less is much cheaper where all lies in one bucket.
    const start = bucketOf(part.from, grain);
    const alone = part.to <= start + grainLength[grain];
    const at = alone ? dateTime(start) : bucketSql(grain, "first_seen");
    const by = [...(alone ? [] : ["bucket"]), ...keys].join(", ");
    const hours =
      one.bySource === true && alone && oneScope && measures.every(({ name: own }) => hourly[own] !== undefined)
        ? sourceRows(part, frontiers, where)
        : undefined;
    if (hours !== undefined) {
      // Sums are added up by the reader.
      const sums = measures.map(({ name: own }) => `${single ? own : hourly[own]} AS new_${own}`);
      return `SELECT ${at} AS bucket, ${outer}, toUInt8(${part.now}) AS now FROM (SELECT ${[...keys, ...sums].join(", ")} FROM ${hours}${single ? "" : ` GROUP BY ${by}`})`;
    }
    const rows =
      table === "flows"
        ? flowRows(part, frontiers, both, fewSources ? 0 : one.bySource === true ? longEdge : Infinity)
        : `aggregates WHERE first_seen >= ${dateTime64(part.from)} AND first_seen < ${dateTime64(part.to)}${both === "" ? "" : ` AND ${both}`}`;
    return `SELECT ${alone ? at : "bucket"} AS bucket, ${outer}, toUInt8(${part.now}) AS now FROM (SELECT ${alone ? "" : `${at} AS bucket, `}${columns.join(", ")} FROM ${rows}${single ? "" : ` GROUP BY ${by}`})`;
  };
  const parts = [
    ...grains.toReversed().flatMap((of) => (pieces.some((piece) => piece.grain === of) ? [rolled(of)] : [])),
    ...pieces.flatMap((piece) =>
      piece.grain !== null
        ? []
        : one.keeps === null && frontiers.stormy?.(piece) !== false
          ? [based("flows", piece), based("aggregates", piece)]
          : [based("flows", piece)],
    ),
  ];
  return `(${parts.join("\nUNION ALL\n")})`;
};

/** Roll-ups as they stand at one moment, for the questions asked then. */
export const rollUpsAt = (
  frontiers: Frontiers,
): {
  source(name: RollupName, grain: Grain, range: TimeRange | readonly TimeRange[], options?: SourceOptions): string;
  rows(range: TimeRange, where: string, long?: number): string;
  rareSum(name: RollupName, grain: Grain, range: TimeRange): number;
  busyBuckets(range: TimeRange, where: string): string;
  portParts(range: TimeRange, where: string, busy: BusyBuckets): PortParts;
} => ({
  busyBuckets: (range, where) => busyBucketsSql(range, frontiers, where),
  portParts: (range, where, busy) => portParts(range, frontiers, where, busy),
  rows: (range, where, long) => flowRows(range, frontiers, where, long),
  source: (name, grain, range, options) => rollupSource(name, grain, range, frontiers, options),
  rareSum: (name, grain, range) => rareSum(name, grain, range, frontiers),
});
