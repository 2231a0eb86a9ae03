// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Actor } from "../../model/actor.ts";
import { systemActor } from "../../model/actor.ts";
import { json } from "./desk.ts";
import type { Desk } from "./desk.ts";

/** An engine to try: opens a desk on an empty place, and again on the same place. */
export interface DeskPlace {
  open(): Promise<Desk>;
  remove(): Promise<void>;
}

const member = (organisation: string, realms: readonly string[] = []): Actor => ({
  id: `person:${organisation}`,
  roles: ["member"],
  organisations: [organisation],
  realms,
  sensors: [],
});
const analyst: Actor = { id: "person:a", roles: ["analyst"], organisations: [], realms: [], sensors: [] };

/** What every desk promises, whatever engine is behind it. */
export const deskConformance = (name: string, make: () => Promise<DeskPlace>): void => {
  describe(name, () => {
    let place: DeskPlace;
    let desk: Desk;
    beforeAll(async () => {
      place = await make();
      desk = await place.open();
      await desk.as(systemActor, async (trx) => {
        for (const id of ["alpha", "beta"]) {
          await trx
            .insertInto("organisations")
            .values({
              id,
              name: id,
              names: json({ ja: "α" }),
              essential: false,
              exercise: "",
              created: 1_700_000_000_000_001,
            })
            .execute();
        }
        await trx
          .insertInto("networks")
          .values([
            {
              organisation_id: "alpha",
              realm: "",
              prefix: "192.0.2.0/24",
              translation: "none",
              valid_from: 1,
              origin: "import",
            },
            {
              organisation_id: "alpha",
              realm: "alpha-inside",
              prefix: "10.0.0.0/8",
              translation: "none",
              valid_from: 1,
              origin: "import",
            },
            {
              organisation_id: "beta",
              realm: "",
              prefix: "2001:db8::/32",
              translation: "none",
              valid_from: 1,
              origin: "import",
            },
          ])
          .execute();
      });
    });
    afterAll(async () => {
      await desk.close();
      await place.remove();
    });
    const prefixes = (actor: Actor): Promise<(string | null)[]> =>
      desk.as(actor, async (trx) =>
        (await trx.selectFrom("networks").select("prefix").orderBy("id").execute())
          .map(({ prefix }) => prefix)
          .toSorted(),
      );

    it("keeps numbers, lists and documents as they are", async () => {
      const [row] = await desk.as(systemActor, (trx) =>
        trx.selectFrom("organisations").selectAll().where("id", "=", "alpha").execute(),
      );
      expect(row).toMatchObject({ created: 1_700_000_000_000_001, names: { ja: "α" }, essential: false, ended: null });
    });
    it("shows a member its own rows, without being asked to", async () => {
      expect(await prefixes(member("alpha"))).toEqual(["192.0.2.0/24"]);
      expect(await prefixes(member("alpha", ["alpha-inside"]))).toEqual(["10.0.0.0/8", "192.0.2.0/24"]);
      expect(await prefixes(member("beta", ["alpha-inside"]))).toEqual(["2001:db8::/32"]);
    });
    it("shows an analyst no realm but the shared one, and an actor of no organisation nothing", async () => {
      expect(await prefixes(analyst)).toEqual(["192.0.2.0/24", "2001:db8::/32"]);
      await expect(prefixes(member(""))).rejects.toThrow(RangeError);
      expect(await prefixes({ ...analyst, roles: ["observer"] })).toEqual([]);
    });
    it("refuses to write what the writer may not see, and to rewrite what happened", async () => {
      await expect(
        desk.as(member("beta"), (trx) =>
          trx
            .insertInto("contacts")
            .values({ organisation_id: "alpha", role: "abuse", language: "en", state: "active", valid_from: 1 })
            .execute(),
        ),
      ).rejects.toThrow(/row-level security/);
      await expect(desk.as(systemActor, (trx) => trx.deleteFrom("case_events").execute())).rejects.toThrow(
        /permission denied/,
      );
    });
    it("rolls back as one", async () => {
      await expect(
        desk.as(systemActor, async (trx) => {
          await trx.updateTable("organisations").set({ essential: true }).execute();
          throw new Error("no");
        }),
      ).rejects.toThrow("no");
      const rows = await desk.as(systemActor, (trx) => trx.selectFrom("organisations").select("essential").execute());
      expect(rows.map(({ essential }) => essential)).toEqual([false, false]);
    });
    it("leaves nothing of an actor behind for the next transaction", async () => {
      await desk.as(member("alpha", ["alpha-inside"]), () => Promise.resolve());
      const { rows } = await sql<{
        role: string;
        who: string | null;
      }>`SELECT current_user AS role, nullif(current_setting('layang.organisations', true), '') AS who`.execute(
        desk.owner,
      );
      expect(rows[0]?.role).not.toBe("layang_desk");
      expect(rows[0]?.who).toBeNull();
    });
    it("opens again with everything in it", async () => {
      await desk.close();
      desk = await place.open();
      expect(await prefixes(systemActor)).toHaveLength(3);
    });
  });
};
