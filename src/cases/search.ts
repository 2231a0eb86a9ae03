// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import { formatIp, isV4, parseIp } from "../net/ip.ts";
import type { Actor } from "../model/actor.ts";
import type { IpWords } from "../net/ip.ts";
import { formatPrefix, maskOf } from "../net/prefix.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import { fromIndexes } from "../store/desk/planner.ts";
import { titled } from "./list.ts";
import { inside, like, ofFamily } from "./asking.ts";

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

const masked = (words: IpWords, length: number): string => {
  const of = (i: number): number => (words[i] ?? 0) & maskOf(length, i);
  return formatPrefix({ words: [of(0) >>> 0, of(1) >>> 0, of(2) >>> 0, of(3) >>> 0], length });
};
/** A prefix as people type it: bits behind its length are theirs, not the network's. */
const prefixOf = (typed: string): string | null => {
  const [, address = "", bits = ""] = /^(\S{2,45})\/(\d{1,3})$/.exec(typed) ?? [];
  const words = parseIp(address);
  if (words === undefined) return null;
  const width = isV4(words) && !address.includes(":") ? 32 : 128;
  return Number(bits) > width ? null : masked(words, 128 - width + Number(bits));
};

/** What was typed, as the tables can be asked for it. */
const understood = (typed: string) => {
  const number = /^(?:LAYANG-)?(\d{1,9})$/i.exec(typed)?.[1];
  const asn = /^AS(\d{1,10})$/i.exec(typed)?.[1];
  const address = parseIp(typed);
  return {
    number: number === undefined ? null : Number(number),
    asn: asn === undefined ? null : Number(asn),
    inet: address === undefined ? prefixOf(typed) : formatIp(address),
    /** Hosts of IPv6 are alerts of their /64, whichever address of it was seen. */
    subject: address === undefined || isV4(address) ? null : masked(address, 64),
    /** One letter finds everything, which is nothing. */
    words: typed.length >= 2 ? like(typed) : null,
  };
};

const ask = async (trx: DeskTransaction, query: RawBuilder<DeskHit>): Promise<readonly DeskHit[]> =>
  (await query.execute(trx)).rows.map((hit) => ({ ...hit, number: hit.number === null ? null : Number(hit.number) }));

/**
 * What `/` finds: cases by number, title or an address of theirs, organisations by name or by an address or prefix of theirs, networks by an address inside, a prefix,
 * a domain or an AS, alerts by address or prefix. At most five of each; of what is not there for who asks, nothing.
 */
export const findOnDesk = async (
  trx: DeskTransaction,
  actor: Actor,
  typed: string,
  scope: SearchScope,
): Promise<DeskHit[]> => {
  await fromIndexes(trx);
  const { number, asn, inet, subject, words } = understood(typed);
  const ofAddress = inet === null ? never : sql`(${inside(sql`source`, inet)} OR subject = ${subject})`;
  const here = sql`realm = ${scope.realm} AND exercise = ${scope.exercise}`;
  // What is open comes first; of what is closed the newest.
  const alertsOf = (found: RawBuilder<unknown>): RawBuilder<unknown> =>
    sql.join(
      [sql`state <> 'closed'`, sql`state = 'closed'`].map(
        (state) =>
          sql`(SELECT a.id FROM alerts a WHERE ${here} AND ${found} AND ${state} ORDER BY a.last DESC LIMIT ${each})`,
      ),
      sql` UNION ALL `,
    );
  const hits: DeskHit[] = [];
  hits.push(
    ...(await ask(
      trx,
      sql<DeskHit>`SELECT 'case' AS kind, 'LAYANG-' || c.number AS label, c.title AS detail, c.number, c.organisation_id AS organisation, NULL AS id FROM cases c
WHERE ${here} AND merged_into IS NULL AND (${
        number !== null
          ? sql`c.number = ${number}`
          : inet !== null
            ? sql`c.id IN (SELECT case_id FROM alerts WHERE ${ofAddress})`
            : words !== null
              ? titled(typed)
              : never
      }) ORDER BY c.touched DESC LIMIT ${each}`,
    )),
  );
  const around = sql`(n.prefix >>= ${inet}::inet OR n.prefix <<= ${inet}::inet)`;
  if (words !== null || inet !== null) {
    const named =
      inet === null
        ? sql`name ILIKE ${words} OR names::text ILIKE ${words} OR id = ${typed.toLowerCase()}`
        : sql`id IN (SELECT n.organisation_id FROM networks n WHERE n.realm = ${scope.realm} AND n.valid_until IS NULL AND ${around})`;
    hits.push(
      ...(await ask(
        trx,
        sql<DeskHit>`SELECT 'organisation' AS kind, name AS label, country AS detail, NULL::bigint AS number, id AS organisation, NULL AS id FROM organisations
WHERE ended IS NULL AND exercise IN ('', ${scope.exercise}) AND (${named}) ORDER BY name LIMIT ${each}`,
      )),
    );
  }
  const net =
    asn !== null
      ? sql`n.asn = ${asn}`
      : inet !== null
        ? around
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
        ? ofAddress
        : words !== null && number === null
          ? await ofFamily(trx, actor, typed)
          : never;
  hits.push(
    ...(await ask(
      trx,
      sql<DeskHit>`SELECT 'alert' AS kind, split_part(a.subject, '#', 1) AS label, concat_ws(' · ', a.kind, a.family, o.name) AS detail, c.number, a.organisation_id AS organisation, a.id FROM alerts a
LEFT JOIN organisations o ON o.id = a.organisation_id LEFT JOIN cases c ON c.id = a.case_id
WHERE a.id IN (${alertsOf(alert)}) ORDER BY (a.state = 'closed'), a.last DESC LIMIT ${each}`,
    )),
  );
  return hits;
};
