// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import type { Actor } from "../../model/actor.ts";
import { AppError } from "../../platform/errors.ts";
import type { DeskTransaction } from "./desk.ts";
import { isStaff, seesOrganisation } from "./steps.ts";

/** An organisation with what is counted of it. Times are microseconds UTC. */
export interface OrganisationFound {
  readonly id: string;
  readonly name: string;
  readonly names: Readonly<Record<string, string>>;
  readonly country: string | null;
  readonly sector: string | null;
  readonly essential: boolean;
  readonly note: string | null;
  readonly exercise: string;
  readonly created: number;
  readonly ended: number | null;
  readonly networks: number;
  readonly addresses: number;
  readonly contacts: number;
  readonly dead: number;
  readonly verified: number | null;
  readonly open_alerts: number;
  readonly open_cases: number;
  readonly unanswered: number;
}
export interface OrganisationsAsked {
  readonly q?: string;
  readonly country?: string;
  readonly sector?: string;
  readonly only?: "essential" | "no-contact" | "dead-contact" | "open-alerts" | "ended";
  readonly order?: "name" | "alerts" | "created";
  readonly exercise?: string;
  readonly offset: number;
  readonly limit: number;
}
export interface OrganisationFacts {
  readonly total: number;
  readonly organisations: number;
  readonly networks: number;
  readonly addresses: number;
  readonly essential: number;
  readonly without_contact: number;
  readonly dead_contacts: number;
}

/** Text for a LIKE pattern: what a person typed has no wildcards. */
export const likeText = (text: string): string => text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`);

const mine = (actor: Actor, column: RawBuilder<unknown>): RawBuilder<unknown> =>
  isStaff(actor) ? sql`true` : sql`${column} = ANY (${[...actor.organisations]}::text[])`;

/** What is open of each organisation: who sees all of it reads what is kept, others what they see. */
const keptAlerts = sql`SELECT organisation_id, sum(alerts)::int8 AS open_alerts FROM alert_counts WHERE state <> 'closed' AND exercise = '' GROUP BY 1`;
const ownAlerts = sql`SELECT organisation_id, count(*) AS open_alerts FROM alerts WHERE state <> 'closed' AND exercise = '' GROUP BY 1`;
const keptCases = sql`SELECT organisation_id, sum(cases)::int8 AS open_cases, coalesce(sum(cases) FILTER (WHERE state = 'waiting'), 0)::int8 AS unanswered FROM case_counts WHERE state <> 'closed' AND exercise = '' GROUP BY 1`;
const ownCases = sql`SELECT organisation_id, count(*) AS open_cases, count(*) FILTER (WHERE state = 'waiting') AS unanswered FROM cases WHERE state <> 'closed' AND exercise = '' GROUP BY 1`;

const counted = (actor: Actor, now: number): RawBuilder<unknown> => sql`SELECT o.*,
  coalesce(n.networks, 0) AS networks, coalesce(n.addresses, 0)::float8 AS addresses,
  coalesce(c.contacts, 0) AS contacts, coalesce(c.dead, 0) AS dead, c.verified,
  coalesce(a.open_alerts, 0) AS open_alerts, coalesce(k.open_cases, 0) AS open_cases, coalesce(k.unanswered, 0) AS unanswered
FROM organisations o
LEFT JOIN (SELECT organisation_id, count(*) AS networks, sum(CASE WHEN family(prefix) = 4 THEN 2.0 ^ (32 - masklen(prefix)) ELSE 0 END) AS addresses
  FROM networks WHERE valid_from <= ${now} AND (valid_until IS NULL OR valid_until > ${now}) GROUP BY 1) n ON n.organisation_id = o.id
LEFT JOIN (SELECT organisation_id, count(*) FILTER (WHERE state IN ('active', 'pending')) AS contacts, count(*) FILTER (WHERE state = 'dead') AS dead, max(verified) AS verified
  FROM contacts WHERE state <> 'ended' GROUP BY 1) c ON c.organisation_id = o.id
LEFT JOIN (${isStaff(actor) ? keptAlerts : ownAlerts}) a ON a.organisation_id = o.id
LEFT JOIN (${isStaff(actor) ? keptCases : ownCases}) k ON k.organisation_id = o.id
WHERE ${mine(actor, sql`o.id`)}`;

/** Organisations that an actor may see, a page of them, with facts over all that pass the filter. */
export const listOrganisations = async (
  trx: DeskTransaction,
  actor: Actor,
  asked: OrganisationsAsked,
  now: number,
): Promise<{ readonly rows: readonly OrganisationFound[]; readonly facts: OrganisationFacts }> => {
  const wanted: RawBuilder<unknown>[] = [sql`exercise = ${asked.exercise ?? ""}`];
  if (asked.q !== undefined) {
    const like = `%${likeText(asked.q)}%`;
    wanted.push(sql`(id ILIKE ${like} OR name ILIKE ${like} OR names::text ILIKE ${like})`);
  }
  if (asked.country !== undefined) wanted.push(sql`country = ${asked.country}`);
  if (asked.sector !== undefined) wanted.push(sql`sector = ${asked.sector}`);
  const only = {
    essential: sql`essential`,
    "no-contact": sql`contacts = 0`,
    "dead-contact": sql`dead > 0`,
    "open-alerts": sql`open_alerts > 0`,
    ended: sql`true`,
  };
  wanted.push(asked.only === "ended" ? sql`ended IS NOT NULL` : sql`(ended IS NULL OR ended > ${now})`);
  if (asked.only !== undefined) wanted.push(only[asked.only]);
  const where = sql.join(wanted, sql` AND `);
  const order = {
    name: sql`name, id`,
    alerts: sql`open_alerts DESC, name, id`,
    created: sql`created DESC, id`,
  }[asked.order ?? "name"];
  const { rows } = await sql<OrganisationFound>`WITH all_of_them AS (${counted(actor, now)})
SELECT * FROM all_of_them WHERE ${where} ORDER BY ${order} LIMIT ${asked.limit} OFFSET ${asked.offset}`.execute(trx);
  const facts = await sql<OrganisationFacts>`WITH all_of_them AS (${counted(actor, now)})
SELECT count(*) AS total, count(*) AS organisations, coalesce(sum(networks), 0)::int8 AS networks, coalesce(sum(addresses), 0)::float8 AS addresses,
  count(*) FILTER (WHERE essential) AS essential, count(*) FILTER (WHERE contacts = 0) AS without_contact, coalesce(sum(dead), 0)::int8 AS dead_contacts
FROM all_of_them WHERE ${where}`.execute(trx);
  return { rows, facts: facts.rows[0]! };
};

/** @throws AppError NOT_FOUND for one that is not there or not the actor's to see. */
export const loadOrganisation = async (
  trx: DeskTransaction,
  actor: Actor,
  id: string,
  now: number,
): Promise<OrganisationFound> => {
  const { rows } = seesOrganisation(actor, id)
    ? await sql<OrganisationFound>`SELECT * FROM (${counted(actor, now)}) AS all_of_them WHERE id = ${id}`.execute(trx)
    : { rows: [] };
  if (rows[0] === undefined) throw new AppError("NOT_FOUND", `there is no organisation ${id.slice(0, 64)}`);
  return rows[0];
};

/** What changed of an organisation, the newest first. */
export const historyOf = (trx: DeskTransaction, actor: Actor, id: string, limit: number) =>
  trx
    .selectFrom("constituency_history")
    .selectAll()
    .where("organisation_id", "=", id)
    .where("realm", "in", ["", ...(isStaff(actor) ? [] : actor.realms)])
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
