// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { defaultPreferences } from "../alert/delivery.ts";
import type { Preferences } from "../alert/delivery.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";

/** Somebody a letter goes to. */
export interface Recipient {
  readonly contact: string;
  readonly organisation: string;
  readonly mail: string | null;
  readonly webhook: string | null;
  readonly language: string;
  readonly preferences: Preferences;
  /** Somebody looked at a first letter and let it go. */
  readonly previewed: boolean;
}

/** Who is told, in this order: the first of these that an organisation has. */
const order = ["abuse", "security", "noc", "management"];

/** What is stored over what is the default, so that a document of an older program still has every field. */
export const preferencesOf = (document: unknown): Preferences => ({
  ...defaultPreferences,
  ...(typeof document === "object" && document !== null ? (document as Partial<Preferences>) : {}),
});

/** The contacts that letters of each organisation go to: those that are in force and not dead, of the first role that has any. */
export const recipientsOf = async (
  trx: DeskTransaction,
  organisations: readonly string[],
  now: number,
): Promise<ReadonlyMap<string, readonly Recipient[]>> => {
  const found = new Map<string, Recipient[]>();
  if (organisations.length === 0) return found;
  const { rows } = await sql<{
    id: string;
    organisation_id: string;
    role: string;
    mail: string | null;
    webhook: string | null;
    language: string;
    document: unknown;
    previewed: number | null;
  }>`SELECT c.id, c.organisation_id, c.role, c.mail, c.webhook, c.language, p.document, p.previewed
FROM contacts c LEFT JOIN preferences p ON p.organisation_id = c.organisation_id
WHERE c.organisation_id = ANY (${[...organisations]}) AND c.state = 'active' AND c.valid_from <= ${now} AND (c.valid_until IS NULL OR c.valid_until > ${now})
  AND (c.mail IS NOT NULL OR c.webhook IS NOT NULL) ORDER BY c.organisation_id, c.valid_from, c.id`.execute(trx);
  for (const organisation of organisations) {
    const own = rows.filter((row) => row.organisation_id === organisation);
    const role = order.find((name) => own.some((row) => row.role === name));
    // Several people behind one mailbox: it gets each letter once.
    const reached = new Set<string>();
    const first = (address: string | null): string | null => {
      if (address === null || reached.has(address.toLowerCase())) return null;
      reached.add(address.toLowerCase());
      return address;
    };
    found.set(
      organisation,
      own
        .filter((row) => row.role === role)
        .map((row) => ({
          contact: row.id,
          organisation,
          mail: first(row.mail),
          webhook: first(row.webhook),
          language: row.language,
          preferences: preferencesOf(row.document),
          previewed: row.previewed !== null,
        })),
    );
  }
  return found;
};
