// SPDX-License-Identifier: Apache-2.0
import { bucketOf, bucketSql, committed, dateTime, dateTime64, grainLength, seconds } from "./buckets.ts";
import type { Frontiers, Grain } from "./buckets.ts";
import { portPartsSql, recentPortPartsSql } from "./port-parts.ts";
import { recentSourcesSql, recentSql } from "./recent.ts";
import { rollups } from "./rollups.ts";
import type { Rollup } from "./rollups.ts";

const oneOf = (buckets: readonly number[]): string => `(${buckets.map(seconds).join(", ")})`;

/** The next finer grain that a roll-up has, or null where it is computed from the base. */
const below = (one: Rollup, grain: Grain): Grain | null => one.grains[one.grains.indexOf(grain) - 1] ?? null;
/** A day of many sources is grouped on the disk where it would not fit. */
const frugal = "SETTINGS max_bytes_before_external_group_by = 150000000";
const further = (one: Rollup): string => one.measures.map(({ name, merge }) => `${merge} AS new_${name}`).join(", ");

/** A computation asks the engine itself what is in force. */
const nothingKnown: Frontiers = { "5m": 0, "1h": 0, "1d": 0 };

/** How many revisions a computation of these buckets takes: each bucket has one of its own, so that it alone names the rows. */
export const revisionsFor = (grain: Grain, buckets: readonly number[]): number =>
  (Math.max(...buckets) - Math.min(...buckets)) / grainLength[grain] + 1;
/** The revision of a bucket, where the first of them has `revision`. */
export const revisionOf = (grain: Grain, buckets: readonly number[], revision: number, bucket: number): number =>
  revision + (bucket - Math.min(...buckets)) / grainLength[grain];

/**
 * Statements that compute a grain's buckets, all of one UTC day, as the revisions from `revision` on. `storms` tells whether the
 * day has aggregate rows, `recent` whether it is to have recent rows. The commit is `commitSql`, afterwards.
 */
export const computeSql = (
  grain: Grain,
  buckets: readonly number[],
  revision: number,
  { storms, recent }: { readonly storms: boolean; readonly recent: boolean },
): string[] => {
  const first = Math.min(...buckets);
  const end = Math.max(...buckets) + grainLength[grain];
  const every = revisionsFor(grain, buckets) === buckets.length;
  const own = `${revision} + intDiv(toUnixTimestamp(at) - ${seconds(first)}, ${grainLength[grain] / 1e6})`;
  const where = `first_seen >= ${dateTime64(first)} AND first_seen < ${dateTime64(end)}`;
  // Of one bucket alone the engine need not group by it.
  const at = buckets.length === 1 ? dateTime(first) : bucketSql(grain, "first_seen");
  const some = every ? "" : ` AND toUnixTimestamp(${bucketSql(grain, "first_seen")}) IN ${oneOf(buckets)}`;
  /** What is in force of the buckets below these; `column` is the start of the bucket that is computed. */
  const finer = (from: Grain, column: string): string =>
    `bucket >= ${dateTime(first)} AND bucket < ${dateTime(end)}${every ? "" : ` AND toUnixTimestamp(${column}) IN ${oneOf(buckets)}`} AND ${committed(from, [{ from: first, to: end }], nothingKnown)}`;
  /** What this computation wrote already. */
  const written = `bucket >= ${dateTime(first)} AND bucket < ${dateTime(end)} AND revision BETWEEN ${revision} AND ${revision + revisionsFor(grain, buckets) - 1}`;
  const summed = (rollups as readonly Rollup[])
    .filter((one) => one.grains.includes(grain))
    .flatMap((one) => {
      const names = [...one.keys, ...one.measures].map(({ name }) => name);
      const into = `INSERT INTO ${one.name}_${grain} (bucket, revision, ${names.join(", ")})`;
      const by = one.keys.map(({ name }) => name).join(", ");
      if (one.of !== undefined) {
        return [
          `${into} SELECT bucket, revision, ${by}, ${further(one)} FROM ${one.of}_${grain} WHERE ${written} GROUP BY bucket, revision, ${by} ${frugal}`,
        ];
      }
      const from = below(one, grain);
      if (from !== null) {
        return [
          `${into} SELECT at, ${own}, ${by}, ${further(one)} FROM (SELECT *, ${bucketSql(grain, "bucket")} AS at FROM ${one.name}_${from}
WHERE ${finer(from, "at")})
GROUP BY at, ${by} ${frugal}`,
        ];
      }
      const baseSelect = (table: "flows" | "aggregates"): string => {
        const keys = one.keys.map((k) => `${table === "flows" ? k.name : k.aggregates} AS ${k.name}`);
        const measures = one.measures.map((m) => `${m[table]} AS new_${m.name}`);
        return `${into} SELECT ${at} AS at, ${own}, ${[...keys, ...measures].join(", ")} FROM ${table} WHERE ${where}${some}${one.where === undefined ? "" : ` AND ${one.where}`} GROUP BY at, ${by} ${frugal}`;
      };
      return storms && one.keeps === null ? [baseSelect("flows"), baseSelect("aggregates")] : [baseSelect("flows")];
    });
  return [
    ...summed,
    ...(recent && grain === "5m" ? [recentSql(`${where}${some}`, own)] : []),
    ...(recent && grain === "1h"
      ? [
          recentSourcesSql(`${where}${some}`, own),
          recentPortPartsSql(
            finer("5m", bucketSql(grain, "bucket")),
            buckets.length === 1 ? at : bucketSql(grain, "bucket"),
            own,
          ),
        ]
      : []),
    // After the sources by port, of which it is made.
    ...(grain === "1d" ? [portPartsSql(written)] : []),
  ];
};

export const commitSql = (grain: Grain, buckets: readonly number[], revision: number): string =>
  `INSERT INTO rollup_revisions (grain, bucket, revision) SELECT '${grain}', toDateTime(made.1, 'UTC'), made.2 FROM (SELECT arrayJoin([${buckets.map((bucket) => `(${seconds(bucket)}, ${revisionOf(grain, buckets, revision, bucket)})`).join(", ")}]) AS made)`;

/**
 * Statements that bring roll-ups of roll-ups back to what those say now, between two times (`until` null: for ever), where rows were taken
 * from them without a new revision. Doing it again changes nothing.
 */
export const refillSql = (from: number, until: number | null): { table: string; where: string; insert: string }[] =>
  (rollups as readonly Rollup[]).flatMap((one) =>
    one.of === undefined || (until !== null && bucketOf(until, "1d") <= bucketOf(from, "1d"))
      ? []
      : one.grains.map((grain) => {
          const by = one.keys.map(({ name }) => name).join(", ");
          const names = [...one.keys, ...one.measures].map(({ name }) => name).join(", ");
          const end = until === null ? "" : ` AND bucket < ${dateTime(bucketOf(until, grain))}`;
          const where = `bucket >= ${dateTime(bucketOf(from, grain))}${end}`;
          return {
            table: `${one.name}_${grain}`,
            where,
            insert: `INSERT INTO ${one.name}_${grain} (bucket, revision, ${names}) SELECT bucket, revision, ${by}, ${further(one)} FROM ${one.of}_${grain} WHERE ${where} GROUP BY bucket, revision, ${by} ${frugal}`,
          };
        }),
  );
