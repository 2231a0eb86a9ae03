// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { DetectionKind } from "../../model/detection.ts";
import type { DeskTransaction } from "./desk.ts";

/** What is open against sources of one AS that nobody owns. */
export interface UnclaimedFound {
  readonly asn: number;
  readonly country: string | null;
  readonly alerts: number;
  readonly sources: number;
  readonly packets: number;
  readonly kinds: readonly DetectionKind[];
  readonly families: readonly string[];
  readonly first: number;
  readonly last: number;
}
export interface UnclaimedAsked {
  readonly country?: string;
  /** ASes whose name was searched for. */
  readonly asns?: readonly number[];
  readonly order?: "alerts" | "last" | "packets";
  readonly exercise?: string;
  readonly offset: number;
  readonly limit: number;
}
export interface UnclaimedFacts {
  readonly networks: number;
  readonly alerts: number;
  readonly countries: number;
  readonly top_country: string | null;
  readonly top_alerts: number;
}

/** ASes with open alerts against sources that nobody owns. For staff; row-level security shows nothing of it to others. */
export const listUnclaimed = async (
  trx: DeskTransaction,
  asked: UnclaimedAsked,
): Promise<{ readonly rows: readonly UnclaimedFound[]; readonly facts: UnclaimedFacts }> => {
  const where = sql.join(
    [
      sql`organisation_id IS NULL AND realm = '' AND state <> 'closed' AND asn IS NOT NULL AND exercise = ${asked.exercise ?? ""}`,
      ...(asked.country === undefined ? [] : [sql`country = ${asked.country}`]),
      ...(asked.asns === undefined ? [] : [sql`asn = ANY (${[...asked.asns]}::bigint[])`]),
    ],
    sql` AND `,
  );
  const order = { alerts: sql`alerts DESC`, last: sql`last DESC`, packets: sql`packets DESC` }[asked.order ?? "alerts"];
  const { rows } =
    await sql<UnclaimedFound>`SELECT asn, mode() WITHIN GROUP (ORDER BY country) AS country, count(*) AS alerts,
  count(DISTINCT source) AS sources, sum(packets)::int8 AS packets, array_agg(DISTINCT kind) AS kinds,
  (array_remove(array_agg(DISTINCT family), NULL))[1:5] AS families, min(first) AS first, max(last) AS last
FROM alerts WHERE ${where} GROUP BY asn ORDER BY ${order}, asn LIMIT ${asked.limit} OFFSET ${asked.offset}`.execute(
      trx,
    );
  const facts =
    await sql<UnclaimedFacts>`WITH by_country AS (SELECT country AS country, count(*) AS alerts FROM alerts WHERE ${where} GROUP BY 1)
SELECT (SELECT count(DISTINCT asn) FROM alerts WHERE ${where}) AS networks, coalesce(sum(alerts), 0)::int8 AS alerts, count(country) AS countries,
  (SELECT country FROM by_country WHERE country IS NOT NULL ORDER BY alerts DESC, country LIMIT 1) AS top_country,
  coalesce((SELECT alerts FROM by_country WHERE country IS NOT NULL ORDER BY alerts DESC, country LIMIT 1), 0) AS top_alerts
FROM by_country`.execute(trx);
  return { rows, facts: facts.rows[0]! };
};

/** Gives the open alerts of an AS that nobody owned, and their cases, to an organisation. Gives how many alerts. */
export const giveUnclaimed = async (trx: DeskTransaction, asn: number, organisation: string): Promise<number> => {
  const { rows } = await sql<{
    case_id: string | null;
  }>`UPDATE alerts SET organisation_id = ${organisation}, network = ${`AS${asn}`}, version = version + 1
WHERE organisation_id IS NULL AND realm = '' AND state <> 'closed' AND asn = ${asn} RETURNING case_id`.execute(trx);
  const cases = [...new Set(rows.flatMap(({ case_id }) => case_id ?? []))];
  if (cases.length > 0) {
    await sql`UPDATE cases SET organisation_id = ${organisation}, version = version + 1 WHERE organisation_id IS NULL AND id = ANY (${cases})`.execute(
      trx,
    );
  }
  return rows.length;
};
