// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { AppError } from "../../../platform/errors.ts";
import { Turns, asStoreError, spillAt, stillWanted } from "../engine.ts";
import type { Engine, Lane } from "../engine.ts";
import { withLarge } from "./large.ts";

export interface ServerPlace {
  /** http:// or https:// address of the server. */
  readonly url: string;
  /** Made when it does not exist and the user may. */
  readonly database: string;
  readonly username?: string;
  readonly password?: string;
}

const settings = {
  async_insert: 0,
  max_insert_threads: "1",
  output_format_json_quote_64bit_integers: 0,
  // The rows in force are chosen by a subquery: on a cluster it runs once, and its answer goes to every shard.
  distributed_product_mode: "global",
  distributed_foreground_insert: 1,
  wait_end_of_query: 1,
  // Large parameters stand in the statement.
  max_query_size: String(64 << 20),
} as const;

/** Requests end after so long, milliseconds: longer than any statement of the store's own. */
const patience = 660_000;

/** A ClickHouse server, or one node of a cluster, over HTTP. */
export const serverEngine = async ({
  url,
  database,
  username = "default",
  password = "",
}: ServerPlace): Promise<Engine> => {
  const common = {
    url,
    username,
    password,
    request_timeout: patience,
    clickhouse_settings: settings,
    // What goes wrong is thrown, and told once by who asked: the client's own lines would stand between the log's.
    log: { level: ClickHouseLogLevel.OFF },
  };
  const first = createClient({ ...common, database: "default" });
  try {
    await first.command({ query: `CREATE DATABASE IF NOT EXISTS \`${database.replaceAll("`", "")}\`` });
  } catch (error) {
    const cause = asStoreError(error);
    throw new AppError("STORE_UNAVAILABLE", `the ClickHouse server ${url} cannot be used: ${cause.message}`);
  } finally {
    await first.close();
  }
  const client = createClient({ ...common, database, max_open_connections: 8, compression: { response: false } });
  const lanes: Record<Lane, Turns> = { append: new Turns(), "roll-up": new Turns() };
  const read = async (stream: Readable): Promise<Uint8Array> => buffer(stream);
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw asStoreError(error);
    }
  };
  return {
    ask: (sql, format, parameters, limits) =>
      guarded(async () => {
        stillWanted(limits);
        const large = withLarge(sql, parameters);
        const answer = await client.exec({
          query: `${large.sql}\nFORMAT ${format}`,
          query_params: { ...large.parameters },
          clickhouse_settings: {
            max_execution_time: limits.seconds,
            max_memory_usage: String(Math.floor(limits.memory)),
            max_bytes_before_external_group_by: String(spillAt(limits)),
            max_bytes_before_external_sort: String(spillAt(limits)),
          },
        });
        const bytes = await read(answer.stream);
        return {
          bytes,
          rowsRead: Number(answer.summary?.read_rows ?? 0),
          bytesRead: Number(answer.summary?.read_bytes ?? 0),
          seconds: Number(answer.summary?.elapsed_ns ?? 0) / 1e9,
        };
      }),
    run: (sql, lane) =>
      guarded(async () => {
        await lanes[lane].take(() => client.command({ query: sql }));
      }),
    insertFile: (table, columns, path, token) =>
      guarded(() =>
        lanes.append.take(async () => {
          const { stream, summary } = await client.exec({
            query: `INSERT INTO ${table} (${columns.join(", ")}) FORMAT Native`,
            values: createReadStream(path),
            clickhouse_settings: {
              insert_deduplication_token: token,
              // One block, and so one part under one token.
              min_insert_block_size_rows: "1000000000",
              min_insert_block_size_bytes: "1000000000000",
            },
          });
          await read(stream);
          return Math.max(Number(summary?.written_rows ?? 0), Number(summary?.read_rows ?? 0));
        }),
      ),
    // Its memory is another machine's.
    trim: () => Promise.resolve(),
    backUp: () =>
      Promise.reject(
        new AppError(
          "BACKUP_FAILED",
          "flows on a ClickHouse server are copied by the server's own BACKUP; --without-flows leaves them out",
        ),
      ),
    close: () => client.close(),
  };
};
