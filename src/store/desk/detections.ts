// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Selectable } from "kysely";
import { detectionKinds } from "../../model/detection.ts";
import type { DetectionKind } from "../../model/detection.ts";
import type { DeskTransaction } from "./desk.ts";
import { roomy } from "./planner.ts";
import type { DetectionsTable } from "./tables.ts";

export type DetectionRecord = Selectable<DetectionsTable> & { readonly organisation_name: string | null };

export interface DetectionFilter {
  readonly kinds?: readonly DetectionKind[];
  readonly detector?: string;
  readonly organisation?: string;
  /** Address or prefix. */
  readonly source?: string;
  readonly port?: number;
  /** Microseconds; of the last packet. */
  readonly from?: number;
  readonly to?: number;
  /** A value of `evidence.state`. */
  readonly state?: string;
  readonly realm: string;
  readonly exercise: string;
}
/** Where a page ended: newest first, of equals the larger id first. */
export interface DetectionCursor {
  readonly last: number;
  readonly id: string;
}

const filtered = (trx: DeskTransaction, filter: DetectionFilter) => {
  let query = trx
    .selectFrom("detections")
    .where("detections.realm", "=", filter.realm)
    .where("detections.exercise", "=", filter.exercise)
    .where("detections.withdrawn", "=", false);
  if (filter.kinds !== undefined) query = query.where("detections.kind", "in", filter.kinds);
  if (filter.detector !== undefined) query = query.where("detections.detector", "=", filter.detector);
  if (filter.organisation !== undefined) query = query.where("detections.organisation_id", "=", filter.organisation);
  if (filter.source !== undefined) query = query.where(sql<boolean>`detections.source <<= ${filter.source}::inet`);
  if (filter.port !== undefined) query = query.where("detections.port", "=", filter.port);
  if (filter.from !== undefined) query = query.where("detections.last", ">=", filter.from);
  if (filter.to !== undefined) query = query.where("detections.last", "<", filter.to);
  if (filter.state !== undefined) query = query.where(sql<boolean>`detections.evidence ->> 'state' = ${filter.state}`);
  return query;
};

/** A page of claims, newest first, that who asks may see. */
export const listDetections = (
  trx: DeskTransaction,
  filter: DetectionFilter,
  limit: number,
  after?: DetectionCursor,
): Promise<DetectionRecord[]> => {
  // The newest of each kind are found by their index; the newest of all are among them.
  const newest = (kind: DetectionKind) => {
    const query = filtered(trx, { ...filter, kinds: [kind] });
    return (
      after === undefined
        ? query
        : query.where(sql<boolean>`(detections.last, detections.id) < (${after.last}::bigint, ${after.id})`)
    )
      .select("detections.id")
      .orderBy("detections.last", "desc")
      .orderBy("detections.id", "desc")
      .limit(limit);
  };
  return trx
    .selectFrom("detections")
    .leftJoin("organisations", "organisations.id", "detections.organisation_id")
    .selectAll("detections")
    .select("organisations.name as organisation_name")
    .where(
      "detections.id",
      "in",
      sql<string>`(${sql.join((filter.kinds ?? detectionKinds).map(newest), sql` UNION ALL `)})`,
    )
    .orderBy("detections.last", "desc")
    .orderBy("detections.id", "desc")
    .limit(limit)
    .execute() as Promise<DetectionRecord[]>;
};

/** Counted up to this; a board that shows more says "over". */
export const countedUpTo = 100_000;

/** How many there are of each kind, and how many sources. */
export const countDetections = async (
  trx: DeskTransaction,
  filter: DetectionFilter,
): Promise<{
  readonly kinds: readonly { readonly kind: DetectionKind; readonly count: number }[];
  readonly sources: number;
}> => {
  // By source first: distinct ones over all rows would be a sort of all rows.
  await roomy(trx);
  const rows = await trx
    .selectFrom(
      filtered(trx, filter)
        .select(["detections.kind", "detections.source", sql<number>`count(*)`.as("n")])
        .groupBy(["detections.kind", "detections.source"])
        .as("each"),
    )
    .select(["kind", sql<number>`sum(n)::int`.as("count"), sql<number>`count(source)::int`.as("sources")])
    .groupBy("kind")
    .orderBy("kind")
    .execute();
  return {
    kinds: rows.map(({ kind, count }) => ({ kind, count: Math.min(countedUpTo, count) })),
    sources: rows.reduce((sum, { sources }) => sum + sources, 0),
  };
};

/** One claim, or undefined where there is none that who asks may see. */
export const findDetection = async (
  trx: DeskTransaction,
  id: string,
): Promise<(DetectionRecord & { readonly alert_id: string | null }) | undefined> =>
  (await trx
    .selectFrom("detections")
    .leftJoin("organisations", "organisations.id", "detections.organisation_id")
    .leftJoin("alert_detections", "alert_detections.detection_id", "detections.id")
    .selectAll("detections")
    .select(["organisations.name as organisation_name", "alert_detections.alert_id"])
    .where("detections.id", "=", id)
    .limit(1)
    .executeTakeFirst()) as (DetectionRecord & { alert_id: string | null }) | undefined;
