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

/** The database does not answer, or goes down: nothing is wrong with what was asked. SQLSTATE classes 08 and 57P, and words of the client where it has no code. */
const isAway = (error: unknown): boolean =>
  error instanceof Error &&
  !(error instanceof AppError) &&
  (/^(?:ECONN|ENOTFOUND|EAI_|EHOST|ENETUNREACH|ETIMEDOUT|EPIPE|08|57P|53300)/.test(codeOf(error)) ||
    /^(?:Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/.test(
      error.message,
    ));
const away = (error: unknown): AppError =>
  new AppError("DESK_UNAVAILABLE", `the desk's database does not answer: ${(error as Error).message}`);

/** The desk over either engine, behind a pool of connections. Opening migrates. */
export const openDesk = async (pool: PostgresPool): Promise<Desk> => {
  const owner = new Kysely<DeskTables>({ dialect: new PostgresDialect({ pool }) });
  try {
    await migrate(owner);
  } catch (error) {
    await owner.destroy();
    throw isAway(error) || /^(?:28|3D)/.test(codeOf(error)) ? away(error) : error;
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
          if (isAway(error)) throw away(error);
          if (attempt >= tries || !again.has(codeOf(error))) throw error;
        }
      }
    },
    close: () => owner.destroy(),
  };
};
