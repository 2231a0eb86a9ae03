// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { defaultPreferences, isTimeZone, nextDigest } from "../alert/delivery.ts";
import type { IsHoliday, Preferences } from "../alert/delivery.ts";
import type { Actor } from "../model/actor.ts";
import { hasRole } from "../model/actor.ts";
import { AppError } from "../platform/errors.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { json } from "../store/desk/desk.ts";
import { languages } from "./templates/index.ts";

export interface PreferencesOf {
  readonly organisation: { readonly id: string; readonly name: string };
  readonly preferences: Preferences;
  /** Nobody chose them yet. */
  readonly standard: boolean;
}

const load = async (trx: DeskTransaction, actor: Actor, organisation: string): Promise<PreferencesOf> => {
  const may =
    hasRole(actor, "analyst", "administrator", "system") ||
    (hasRole(actor, "member") && actor.organisations.includes(organisation));
  const { rows } = may
    ? await sql<{
        id: string;
        name: string;
        document: Partial<Preferences> | null;
      }>`SELECT o.id, o.name, p.document FROM organisations o LEFT JOIN preferences p ON p.organisation_id = o.id WHERE o.id = ${organisation}`.execute(
        trx,
      )
    : { rows: [] };
  const [row] = rows;
  if (row === undefined) throw new AppError("NOT_FOUND", "no such organisation");
  return {
    organisation: { id: row.id, name: row.name },
    preferences: { ...defaultPreferences, ...row.document },
    standard: row.document === null || Object.keys(row.document).length === 0,
  };
};

/** How an organisation wants to be told. @throws AppError NOT_FOUND, also when it is there for others. */
export const loadPreferences = (desk: Desk, actor: Actor, organisation: string): Promise<PreferencesOf> =>
  desk.as(actor, (trx) => load(trx, actor, organisation));

/** Writes them whole. Shape was checked at the door; what needs knowledge is checked here. */
export const savePreferences = (
  desk: Desk,
  actor: Actor,
  organisation: string,
  preferences: Preferences,
  countries: readonly string[],
  now: number,
): Promise<PreferencesOf> =>
  desk.as(actor, async (trx) => {
    await load(trx, actor, organisation);
    const refuse = (parameter: string, why: string): never => {
      throw new AppError("BODY_INVALID", why, { parameter });
    };
    if (!isTimeZone(preferences.timeZone))
      refuse("timeZone", "`timeZone` is no time zone that is known, such as Asia/Jakarta");
    if (!languages.includes(preferences.language.toLowerCase().split("-")[0] ?? ""))
      refuse("language", `letters are written in ${languages.join(", ")}`);
    if (preferences.holidays !== null && !countries.includes(preferences.holidays))
      refuse("holidays", `holidays are known of ${countries.join(", ")}`);
    await sql`INSERT INTO preferences (organisation_id, document, changed, actor) VALUES (${organisation}, ${json(preferences)}, ${now}, ${actor.id})
ON CONFLICT (organisation_id) DO UPDATE SET document = excluded.document, changed = excluded.changed, actor = excluded.actor`.execute(
      trx,
    );
    return load(trx, actor, organisation);
  });

/** When the next digest leaves; null where nothing is told by digest. */
export const nextDigestOf = (preferences: Preferences, now: number, isHoliday: IsHoliday): number | null =>
  preferences.rules.some(({ how }) => how === "digest") ? nextDigest(preferences, now, isHoliday) : null;
