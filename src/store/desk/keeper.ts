// SPDX-License-Identifier: Apache-2.0
import { Kysely, PostgresDialect } from "kysely";
import type { PostgresPool } from "kysely";
import { AppError } from "../../platform/errors.ts";
import { actAs } from "./desk.ts";
import type { Desk } from "./desk.ts";
import { migrate } from "./migrate.ts";
import type { DeskTables } from "./tables.ts";

/** SQLSTATE of transactions that lost against another one and may simply be tried again. */
const again = new Set(["40001", "40P01"]);
const tries = 5;
const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

/** The desk over either engine, behind a pool of connections. Opening migrates. */
export const openDesk = async (pool: PostgresPool): Promise<Desk> => {
  const owner = new Kysely<DeskTables>({ dialect: new PostgresDialect({ pool }) });
  try {
    await migrate(owner);
  } catch (error) {
    await owner.destroy();
    if (/^(?:ECONN|ENOTFOUND|EHOST|ETIMEDOUT|28|3D)/.test(codeOf(error))) {
      throw new AppError("DESK_UNAVAILABLE", `the desk's database does not answer: ${(error as Error).message}`);
    }
    throw error;
  }
  return {
    owner,
    as: async (actor, work) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await owner.transaction().execute(async (trx) => {
            await actAs(trx, actor);
            return work(trx);
          });
        } catch (error) {
          if (attempt >= tries || !again.has(codeOf(error))) throw error;
        }
      }
    },
    close: () => owner.destroy(),
  };
};
