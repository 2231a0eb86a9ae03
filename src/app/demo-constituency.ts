// SPDX-License-Identifier: Apache-2.0
import { systemActor } from "../model/actor.ts";
import type { SimulatedOrganisation } from "../simulate/constituency.ts";
import type { Desk } from "../store/desk/desk.ts";
import { json } from "../store/desk/desk.ts";

/** What an organisation is, in the sectors' words, by the kind of its network. */
const sectors: Readonly<Record<string, string>> = {
  access: "telecommunications",
  mobile: "telecommunications",
  hosting: "hosting",
  campus: "education",
  enterprise: "energy",
};
const languages: Readonly<Record<string, string>> = { ID: "id", JP: "ja", TH: "th" };
/** Whose desks read English, as carriers' and power companies' international ones do: what a visitor sees first is readable to most. The others read their own. */
const english: ReadonlySet<string> = new Set(["access-id", "power-id", "hosting-id"]);

const idOf = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 60);

/** The address of an invented organisation's desk: under `.invalid`, where no mail ever goes (RFC 2606). */
export const demoMail = (id: string): string => `abuse@${id}.invalid`;

/**
 * Registers the simulated organisations with their prefixes and one contact each, once. Times are microseconds;
 * `since` is when they were registered.
 */
export const fillConstituency = (
  desk: Desk,
  organisations: readonly SimulatedOrganisation[],
  since: number,
): Promise<number> =>
  desk.as(systemActor, async (trx) => {
    const known = new Set((await trx.selectFrom("organisations").select("id").execute()).map(({ id }) => id));
    const missing = organisations.filter(({ name, realm }) => realm === "" && !known.has(idOf(name)));
    for (const one of missing) {
      const id = idOf(one.name);
      await trx
        .insertInto("organisations")
        .values({
          id,
          name: one.name,
          names: json({}),
          country: one.country,
          sector: sectors[one.kind] ?? null,
          essential: one.essential,
          note: null,
          exercise: "",
          created: since,
        })
        .execute();
      await trx
        .insertInto("networks")
        .values(
          one.prefixes.map(({ text }) => ({
            organisation_id: id,
            realm: "",
            prefix: text,
            translation: one.cgnat > 0 ? ("cgnat" as const) : ("none" as const),
            valid_from: since,
            origin: "import",
          })),
        )
        .execute();
      await trx
        .insertInto("contacts")
        .values({
          organisation_id: id,
          role: "abuse",
          name: `Abuse desk of ${one.name}`,
          mail: demoMail(id),
          language: english.has(one.group) ? "en" : (languages[one.country] ?? "en"),
          state: "active",
          verified: since,
          valid_from: since,
        })
        .execute();
    }
    return missing.length;
  });

/** Addresses whose owner said after a time (microseconds) that the machine was cleaned. */
export const cleanedSubjects = (desk: Desk, since: number): Promise<string[]> =>
  desk.as(systemActor, async (trx) => {
    const rows = await trx
      .selectFrom("answers")
      .innerJoin("alerts", "alerts.case_id", "answers.case_id")
      .select("alerts.source")
      .distinct()
      .where("answers.answer", "=", "cleaned")
      .where("answers.at", ">", since)
      .where("alerts.source", "is not", null)
      .limit(1_000)
      .execute();
    return rows.flatMap(({ source }) => source ?? []);
  });
