// SPDX-License-Identifier: Apache-2.0
import { rollupTables } from "./rollups.ts";
import { baseTables } from "./schema.ts";
import type { EngineTable } from "./schema.ts";
import { defaultRetention } from "./retention.ts";
import type { Retention } from "./retention.ts";

export const storeTables: readonly EngineTable[] = [...baseTables, ...rollupTables];

const columnSql = ({ name, type, codec = "ZSTD(1)", alias, made }: EngineTable["columns"][number]): string =>
  alias === undefined
    ? `  ${name} ${type}${made === undefined ? "" : ` MATERIALIZED ${made}`} CODEC(${codec})`
    : `  ${name} ${type} ALIAS ${alias}`;

/** The TTL clause that a table has by a retention; undefined where rows stay. */
export const retentionSql = (table: EngineTable, retention: Retention): string | undefined => {
  const days = table.keeps === null ? null : retention[table.keeps.days];
  return days === null || table.keeps === null
    ? undefined
    : `TTL toDateTime(${table.keeps.by}, 'UTC') + toIntervalDay(${days})`;
};

const tableSql = (
  table: EngineTable,
  name: string,
  engine: string,
  where: string,
  retention: Retention,
  settings: readonly string[],
): string =>
  [
    `CREATE TABLE IF NOT EXISTS ${name}${where}`,
    `(\n${table.columns.map(columnSql).join(",\n")}\n)`,
    `ENGINE = ${engine}`,
    `PARTITION BY ${table.partitionBy}`,
    `ORDER BY ${table.orderBy}`,
    retentionSql(table, retention),
    settings.length > 0 ? `SETTINGS ${settings.join(", ")}` : undefined,
  ]
    .filter((part) => part !== undefined)
    .join("\n");

/**
 * Batches make some small parts a second. Merged by the dozen they are written again once instead of four times; and the base keeps a large part out of
 * each such merge, since the engine's own adds 5 MB to the size of every part, and with 36 of them takes 90 MB along every four seconds.
 */
export const mergeSettings: readonly string[] = ["min_parts_to_merge_at_once = 24", "merge_selector_base = 100"];

/** The statement that makes a table on one machine (embedded, or a single server). */
export const createSql = (table: EngineTable, retention: Retention): string =>
  tableSql(table, table.name, "MergeTree", "", retention, [
    "allow_nullable_key = 1",
    // Days drop whole: no part is rewritten for the sake of its oldest rows.
    "ttl_only_drop_parts = 1",
    ...mergeSettings,
    ...(table.granularity === undefined ? [] : [`index_granularity = ${table.granularity}`]),
    ...(table.remembers > 0 ? [`non_replicated_deduplication_window = ${table.remembers}`] : []),
  ]);

export interface SchemaOptions {
  /** Name of the cluster; absent for one machine. */
  readonly cluster?: string;
  readonly retention?: Retention;
}

const clusterName = /^[A-Za-z0-9_-]{1,64}$/;
const quoted = (name: string): string => `\`${name}\``;

/**
 * All statements that make the store, each ended by a semicolon. On a cluster every table is a replicated one on each shard
 * (`NAME_local`) and a distributed one over them with the store's own name, so that the same questions run unchanged. Rows
 * are spread by the day, so that a roll-up's bucket lies on one shard.
 */
export const schemaSql = ({ cluster, retention = defaultRetention }: SchemaOptions = {}): string => {
  if (cluster === undefined) return storeTables.map((table) => `${createSql(table, retention)};\n`).join("\n");
  if (!clusterName.test(cluster)) throw new RangeError("a cluster's name has letters, digits, _ and - only");
  const where = ` ON CLUSTER ${quoted(cluster)}`;
  return storeTables
    .map((table) => {
      const local = `${table.name}_local`;
      const by = table.columns.find(({ name }) => name === "first_seen" || name === "bucket" || name === "interval");
      const shard = by === undefined ? "rand()" : `cityHash64(toStartOfDay(${by.name}))`;
      const engine = `ReplicatedMergeTree('/clickhouse/tables/{shard}/layang/${table.name}', '{replica}')`;
      return `${tableSql(table, local, engine, where, retention, [
        "allow_nullable_key = 1",
        "ttl_only_drop_parts = 1",
        ...mergeSettings,
        ...(table.granularity === undefined ? [] : [`index_granularity = ${table.granularity}`]),
        ...(table.remembers > 0 ? [`replicated_deduplication_window = ${table.remembers}`] : []),
      ])};\n\nCREATE TABLE IF NOT EXISTS ${table.name}${where} AS ${local}\nENGINE = Distributed(${quoted(cluster)}, currentDatabase(), ${local}, ${shard});\n`;
    })
    .join("\n");
};
