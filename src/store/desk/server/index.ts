// SPDX-License-Identifier: Apache-2.0
import { Pool, types as postgresTypes } from "pg";
import type { PoolConfig } from "pg";
import type { Desk } from "../desk.ts";
import { openDesk } from "../keeper.ts";

const int8 = 20;
/** Numbers of this program are below 2^53: microseconds until the year 2255. */
const types = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    oid === int8 ? Number : (postgresTypes.getTypeParser as (oid: number, format?: string) => unknown)(oid, format),
};

export interface ServerDeskOptions {
  /** postgres://user@host:port/database; the user owns the desk's tables and may create the role `layang_desk`. */
  readonly url: string;
  readonly password?: string;
  /** Connections at most; 10 by default. */
  readonly connections?: number;
}

/** A desk on a PostgreSQL server (15 or newer). */
export const openServerDesk = async ({ url, password, connections = 10 }: ServerDeskOptions): Promise<Desk> => {
  const address = new URL(url);
  if (password !== undefined) address.password = encodeURIComponent(password);
  const pool = new Pool({
    connectionString: address.href,
    max: connections,
    types: types as NonNullable<PoolConfig["types"]>,
    connectionTimeoutMillis: 10_000,
  });
  // An idle connection that the server ends (a restart) is made anew when it is needed; without ears it would end the process.
  pool.on("error", () => undefined);
  return openDesk(pool);
};
