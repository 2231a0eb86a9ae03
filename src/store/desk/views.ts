// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Selectable } from "kysely";
import { AppError } from "../../platform/errors.ts";
import type { DeskTransaction } from "./desk.ts";
import type { SavedViewsTable } from "./people.ts";

export type SavedView = Selectable<SavedViewsTable>;

/** Views of one person at most. */
export const mostViews = 100;

/** The views of who asks, by page and name; row-level security knows nobody else's. */
export const listViews = (trx: DeskTransaction): Promise<SavedView[]> =>
  trx.selectFrom("saved_views").selectAll().orderBy("page").orderBy("name").limit(mostViews).execute();

/** Keeps a view; one of the same page and name takes the new filter. @throws AppError QUERY_PARAMETER when there are too many. */
export const keepView = async (
  trx: DeskTransaction,
  view: Pick<SavedView, "person_id" | "page" | "name" | "search" | "made">,
): Promise<void> => {
  await trx
    .insertInto("saved_views")
    .values(view)
    .onConflict((at) => at.columns(["person_id", "page", "name"]).doUpdateSet({ search: view.search, made: view.made }))
    .execute();
  const { n } = await trx
    .selectFrom("saved_views")
    .select(sql<number>`count(*)::int`.as("n"))
    .executeTakeFirstOrThrow();
  if (n > mostViews) {
    throw new AppError("QUERY_PARAMETER", `you keep ${mostViews} views already: remove one first`, {
      parameter: "name",
    });
  }
};

/** Forgets a view. @throws AppError NOT_FOUND, also when it is somebody else's. */
export const removeView = async (trx: DeskTransaction, id: string): Promise<void> => {
  const gone = await trx.deleteFrom("saved_views").where("id", "=", id).returning("id").executeTakeFirst();
  if (gone === undefined) throw new AppError("NOT_FOUND", "no such view");
};
