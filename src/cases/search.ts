// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import { formatIp, parseIp } from "../net/ip.ts";
import { formatPrefix, parsePrefix } from "../net/prefix.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import { like } from "./board.ts";

/** Something of the desk that answers to what was typed. */
export interface DeskHit {
  readonly kind: "case" | "organisation" | "network" | "alert";
  readonly label: string;
  readonly detail: string | null;
  readonly number: number | null;
  readonly organisation: string | null;
  /** Alert or network. */
  readonly id: string | null;
}
export interface SearchScope {
  readonly realm: string;
  readonly exercise: string;
}

/** Hits of one kind. */
const each = 5;
const never = sql`false`;

/** What was typed, as the tables can be asked for it. */
const understood = (typed: string) => {
  const number = /^(?:LAYANG-)?(\d{1,9})$/i.exec(typed)?.[1];
  const asn = /^AS(\d{1,10})$/i.exec(typed)?.[1];
  const address = parseIp(typed);
  const prefix = typed.includes("/") ? parsePrefix(typed) : undefined;
  return {
    number: number === undefined ? null : Number(number),
    asn: asn === undefined ? null : Number(asn),
    inet: address === undefined ? (prefix === undefined ? null : formatPrefix(prefix)) : formatIp(address),
    /** One letter finds everything, which is nothing. */
    words: typed.length >= 2 ? like(typed) : null,
  };
};

const ask = async (trx: DeskTransaction, query: RawBuilder<DeskHit>): Promise<readonly DeskHit[]> =>
  (await query.execute(trx)).rows.map((hit) => ({ ...hit, number: hit.number === null ? null : Number(hit.number) }));

/**
 * What `/` finds: cases by number, title or an address of theirs, organisations by name, networks by an address inside, a prefix,
 * a domain or an AS, alerts by address or prefix. At most five of each; of what is not there for who asks, nothing.
 */
export const findOnDesk = async (trx: DeskTransaction, typed: string, scope: SearchScope): Promise<DeskHit[]> => {
  const { number, asn, inet, words } = understood(typed);
  const here = sql`realm = ${scope.realm} AND exercise = ${scope.exercise}`;
  const hits: DeskHit[] = [];
  hits.push(
    ...(await ask(
      trx,
      sql<DeskHit>`SELECT 'case' AS kind, 'LAYANG-' || c.number AS label, c.title AS detail, c.number, c.organisation_id AS organisation, NULL AS id FROM cases c
WHERE c.id IN (SELECT id FROM cases WHERE ${here} AND merged_into IS NULL) AND (${
        number !== null
          ? sql`c.number = ${number}`
          : inet !== null
            ? sql`c.id IN (SELECT case_id FROM alerts WHERE source <<= ${inet}::inet)`
            : words !== null
              ? sql`c.title ILIKE ${words}`
              : never
      }) ORDER BY c.touched DESC LIMIT ${each}`,
    )),
  );
  if (words !== null) {
    hits.push(
      ...(await ask(
        trx,
        sql<DeskHit>`SELECT 'organisation' AS kind, name AS label, country AS detail, NULL::bigint AS number, id AS organisation, NULL AS id FROM organisations
WHERE ended IS NULL AND exercise IN ('', ${scope.exercise}) AND (name ILIKE ${words} OR names::text ILIKE ${words} OR id = ${typed.toLowerCase()}) ORDER BY name LIMIT ${each}`,
      )),
    );
  }
  const net =
    asn !== null
      ? sql`n.asn = ${asn}`
      : inet !== null
        ? sql`n.prefix >>= ${inet}::inet OR n.prefix <<= ${inet}::inet`
        : words !== null && typed.includes(".")
          ? sql`n.domain ILIKE ${words}`
          : never;
  hits.push(
    ...(await ask(
      trx,
      sql<DeskHit>`SELECT 'network' AS kind, coalesce(n.prefix::text, 'AS' || n.asn, n.domain) AS label, o.name AS detail, NULL::bigint AS number, n.organisation_id AS organisation, n.id FROM networks n
JOIN organisations o ON o.id = n.organisation_id WHERE n.realm = ${scope.realm} AND n.valid_until IS NULL AND (${net}) ORDER BY masklen(n.prefix) DESC NULLS LAST, n.id LIMIT ${each}`,
    )),
  );
  const alert =
    asn !== null
      ? sql`a.asn = ${asn}`
      : inet !== null
        ? sql`a.source <<= ${inet}::inet`
        : words !== null && number === null
          ? sql`a.family ILIKE ${words}`
          : never;
  hits.push(
    ...(await ask(
      trx,
      sql<DeskHit>`SELECT 'alert' AS kind, split_part(a.subject, '#', 1) AS label, concat_ws(' · ', a.kind, a.family, o.name) AS detail, c.number, a.organisation_id AS organisation, a.id FROM alerts a
LEFT JOIN organisations o ON o.id = a.organisation_id LEFT JOIN cases c ON c.id = a.case_id
WHERE a.realm = ${scope.realm} AND a.exercise = ${scope.exercise} AND (${alert}) ORDER BY (a.state = 'closed'), a.last DESC LIMIT ${each}`,
    )),
  );
  return hits;
};
