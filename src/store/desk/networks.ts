// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { hasRole } from "../../model/actor.ts";
import type { Actor } from "../../model/actor.ts";
import type { Desk, DeskTransaction } from "./desk.ts";
import { systemActor } from "../../model/actor.ts";

/** Realms whose rows an actor may see. */
export const realmsOf = (actor: Actor): readonly string[] => ["", ...(hasRole(actor, "system") ? [] : actor.realms)];

/** Networks of an organisation that have not ended, or all of them; the actor was let through to the organisation before. */
export const networksOf = (
  trx: DeskTransaction,
  actor: Actor,
  organisation: string,
  { now, ended = false }: { readonly now: number; readonly ended?: boolean },
) =>
  trx
    .selectFrom("networks")
    .selectAll("networks")
    .select((eb) =>
      eb
        .selectFrom("alerts")
        .select((one) => one.fn.countAll<number>().as("n"))
        .whereRef("alerts.organisation_id", "=", "networks.organisation_id")
        .whereRef("alerts.realm", "=", "networks.realm")
        .where("alerts.state", "<>", "closed")
        .where("alerts.exercise", "=", "")
        .where(sql<boolean>`alerts.source <<= networks.prefix`)
        .as("open_alerts"),
    )
    .where("organisation_id", "=", organisation)
    .$if(!hasRole(actor, "system"), (query) => query.where("realm", "in", realmsOf(actor)))
    .$if(!ended, (query) => query.where((eb) => eb.or([eb("valid_until", "is", null), eb("valid_until", ">", now)])))
    .orderBy("prefix")
    .orderBy("asn")
    .orderBy("domain")
    .orderBy("valid_from")
    .limit(1000)
    .execute();

/** A row as look-ups need it. */
export interface HeldNetwork {
  readonly organisation: string;
  readonly realm: string;
  readonly prefix: string | null;
  readonly asn: number | null;
  readonly domain: string | null;
  readonly translation: "none" | "cgnat";
  readonly essential: boolean;
  readonly country: string | null;
  readonly from: number;
  readonly until: number | null;
}
const pageSize = 10_000;

/**
 * Every network of every realm that ever was, in pages, so that a million of them neither fill the memory twice nor hold the desk: what
 * is real, and with `exercise` also what that exercise has. Ends with its organisation.
 */
export async function* heldNetworks(desk: Desk, exercise = ""): AsyncGenerator<readonly HeldNetwork[]> {
  let after = "";
  for (;;) {
    const { rows } = await desk.as(systemActor, (trx) =>
      sql<
        HeldNetwork & { readonly id: string }
      >`SELECT n.id, n.organisation_id AS organisation, n.realm, n.prefix, n.asn, n.domain, n.translation, o.essential, o.country,
  n.valid_from AS "from", least(n.valid_until, o.ended) AS until
FROM networks n JOIN organisations o ON o.id = n.organisation_id
WHERE n.id > ${after} AND o.exercise IN ('', ${exercise}) ORDER BY n.id LIMIT ${pageSize}`.execute(trx),
    );
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return;
    after = last.id;
  }
}

/**
 * Changes whenever a row of networks or organisations does: what the tables in memory were made of. Lines of the history are counted: a
 * change that took its number before another one may be kept after it, and the highest number says nothing of it.
 */
export const constituencyMark = async (desk: Desk): Promise<string> => {
  const { rows } = await desk.as(systemActor, (trx) =>
    sql<{
      mark: string;
    }>`SELECT concat_ws(' ', (SELECT count(*) FROM constituency_history), (SELECT count(*) FROM networks), (SELECT count(*) FROM organisations)) AS mark`.execute(
      trx,
    ),
  );
  return rows[0]?.mark ?? "";
};

/** Ids of networks in force, by organisation and prefix. */
export const networkIds = async (
  trx: DeskTransaction,
  held: readonly { readonly organisation: string; readonly prefix: string }[],
  now: number,
): Promise<ReadonlyMap<string, { readonly id: string; readonly name: string }>> => {
  if (held.length === 0) return new Map();
  const { rows } = await sql<{
    key: string;
    id: string;
    name: string;
  }>`SELECT n.organisation_id || ' ' || asked.prefix AS key, n.id, o.name
FROM unnest(${held.map(({ organisation }) => organisation)}::text[], ${held.map(({ prefix }) => prefix)}::text[]) AS asked(organisation, prefix)
JOIN networks n ON n.organisation_id = asked.organisation AND n.prefix = asked.prefix::cidr AND n.realm = ''
JOIN organisations o ON o.id = n.organisation_id
WHERE n.valid_from <= ${now} AND (n.valid_until IS NULL OR n.valid_until > ${now})`.execute(trx);
  return new Map(rows.map(({ key, id, name }) => [key, { id, name }]));
};
