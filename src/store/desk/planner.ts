// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { DeskTransaction } from "./desk.ts";

/*
 * What the engine's planner is told where it would guess wrong. All of it holds for the transaction alone.
 */

/**
 * Counts are read from indexes, which lie in memory or on solid state, also where the server was told of a spinning disk; and by one process, for several are
 * begun later than one has ended, and others ask too.
 */
export const fromIndexes = async (trx: DeskTransaction): Promise<void> => {
  await sql`SELECT set_config('random_page_cost', '1.1', true), set_config('max_parallel_workers_per_gather', '0', true)`.execute(
    trx,
  );
};

/** ... and a hundred thousand rows are grouped, and told apart, in memory. */
export const roomy = async (trx: DeskTransaction): Promise<void> => {
  await fromIndexes(trx);
  await sql`SELECT set_config('work_mem', '64MB', true)`.execute(trx);
};
