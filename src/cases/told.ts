// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { hour, minute } from "../alert/alert.ts";
import type { Told } from "../alert/breaker.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import { insertRows } from "./bulk.ts";

/** One that counts towards the breakers: news of any form that was told of an alert, or would have been. */
export interface Counted {
  readonly organisation: string;
  readonly exercise: string;
}

/** By owner, and in all. */
export const toldBy = (rows: readonly { readonly organisation_id: string; readonly n: number }[]): Told => ({
  owners: new Map(rows.map((row) => [row.organisation_id, row.n])),
  all: rows.reduce((sum, row) => sum + row.n, 0),
});

/**
 * What was told in the last hour, or would have been, real or of one exercise. Counted as it was told, by the minute, and not from what alerts are by now: one
 * that is claimed, taken back and claimed again is one alert and many letters.
 */
export const toldOf = async (trx: DeskTransaction, exercise: string, now: number): Promise<Told> => {
  const rows = await trx
    .selectFrom("told_counts")
    .select(["organisation_id", sql<number>`sum(told)::int`.as("n")])
    .where("exercise", "=", exercise)
    .where("at", ">", now - hour)
    .where("at", "<=", now)
    .groupBy("organisation_id")
    .execute();
  return toldBy(rows);
};

/** Counts what is told now. What is older than an hour counts no more, and goes. */
export const countTold = async (trx: DeskTransaction, counted: readonly Counted[], now: number): Promise<void> => {
  const at = Math.floor(now / minute) * minute;
  for (const [exercise, own] of Map.groupBy(counted, (one) => one.exercise)) {
    await trx
      .deleteFrom("told_counts")
      .where("exercise", "=", exercise)
      .where("at", "<=", now - hour)
      .execute();
    const rows = [...Map.groupBy(own, (one) => one.organisation)].map(([organisation_id, { length }]) => ({
      exercise,
      at,
      organisation_id,
      told: length,
    }));
    // In the order of their keys: two that count the same wait for each other and not crosswise.
    await insertRows(
      trx,
      "told_counts",
      { exercise: "text", at: "bigint", organisation_id: "text", told: "int" },
      rows.toSorted((a, b) => (a.organisation_id < b.organisation_id ? -1 : 1)),
      "ON CONFLICT (exercise, at, organisation_id) DO UPDATE SET told = told_counts.told + excluded.told",
    );
  }
};
