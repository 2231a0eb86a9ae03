// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Actor, Role } from "../../src/model/actor.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import { embeddedPlace, serverPlace } from "../desk/place.ts";

const actorOf = (role: Role, organisations: readonly string[] = [], realms: readonly string[] = []): Actor => ({
  id: `person:${role}-person-${organisations.join("")}`,
  roles: [role],
  organisations,
  realms,
  sensors: [],
});
const alpha = actorOf("member", ["alpha"], ["alpha-inside"]);

/** Around the repositories: what the engine itself refuses, whoever forgets what. */
describe.each([
  ["PGlite", embeddedPlace],
  ["PostgreSQL", serverPlace],
])("row-level security on %s", (_, make) => {
  let place: Awaited<ReturnType<typeof make>>;
  let desk: Desk;
  beforeAll(async () => {
    place = await make();
    desk = await place.open();
    await desk.as(systemActor, async (trx) => {
      const run = (text: string) => sql.raw(text).execute(trx);
      for (const id of ["alpha", "beta"]) {
        await run(`INSERT INTO organisations (id, name, created) VALUES ('${id}', '${id}', 1)`);
        await run(
          `INSERT INTO networks (organisation_id, realm, prefix, valid_from, origin) VALUES ('${id}', '', '${id === "alpha" ? "192.0.2.0/24" : "198.51.100.0/24"}', 1, 'import'), ('${id}', '${id}-inside', '10.0.0.0/8', 1, 'import')`,
        );
        await run(
          `INSERT INTO contacts (organisation_id, role, mail, valid_from) VALUES ('${id}', 'abuse', '${id}@example.org', 1)`,
        );
        await run(
          `INSERT INTO cases (id, organisation_id, realm, exercise, title, kind, state, severity, marking, origin, opened) VALUES ('case-${id}', '${id}', '', '', 't', 'infected-host', 'open', 'low', 'TLP:AMBER', 'n', 1)`,
        );
        await run(
          `INSERT INTO people (id, name, mail, language, roles, state, created) VALUES ('member-person-${id}', '${id}', '${id}@example.org', 'en', '{member}', 'active', 1)`,
        );
        await run(`INSERT INTO person_organisations VALUES ('member-person-${id}', '${id}')`);
        await run(`INSERT INTO person_secrets (person_id, password) VALUES ('member-person-${id}', 'hash')`);
        await run(
          `INSERT INTO sessions (id, hash, person_id, state, began, seen, expires, proved, agent) VALUES ('s-${id}', 'h-${id}', 'member-person-${id}', 'in', 1, 1, 9, 1, '')`,
        );
        await run(
          `INSERT INTO api_tokens (id, hash, person_id, name, scopes, created, expires) VALUES ('t-${id}', 'h-${id}', 'member-person-${id}', 'n', '{}', 1, 9)`,
        );
        for (const [kind, realm, told, source, held] of [
          ["told", "", "5", "192.0.2.1", ""],
          ["held", "", "NULL", "192.0.2.2", "ttl-spread"],
          ["inside", `${id}-inside`, "NULL", "10.0.0.1", ""],
          // Of a host, but with no address: absent is NULL and matches no network.
          ["none", "", "5", null, ""],
        ] as const) {
          const at = source === null ? "NULL" : `'${source}'`;
          await run(`INSERT INTO alerts (id, organisation_id, realm, exercise, kind, subject, source, state, severity, rank, first, last, packets, dark_addresses, sensors, confidence, held, detected, case_id, marking, origin, told)
            VALUES ('${kind}-${id}', '${id}', '${realm}', '', 'infected-host', '${kind}', ${at}, 'new', 'low', 1, 1, 2, 3, 4, '{s}', 1, '{${held}}', 1, 'case-${id}', 'TLP:AMBER', 'n', ${told})`);
          await run(`INSERT INTO detections (id, detector, version, kind, realm, exercise, source, first, last, packets, dark_addresses, sensors, confidence, held, evidence, samples, organisation_id, marking, origin)
            VALUES ('${kind}-${id}', 'd', 1, 'sighting', '${realm}', '', ${at}, 1, 2, 3, 4, '{s}', 1, '{}', '{}', '[]', '${id}', 'TLP:AMBER', 'n')`);
        }
      }
    });
  });
  afterAll(async () => {
    await desk.close();
    await place.remove();
  });
  const read = (actor: Actor, text: string): Promise<string[]> =>
    desk.as(actor, async (trx) =>
      (await sql.raw<{ x: string }>(text).execute(trx)).rows.map(({ x }) => String(x)).toSorted(),
    );

  it("shows a member nothing of another organisation, table by table", async () => {
    const { rows: tables } = await sql<{
      name: string;
    }>`SELECT c.table_name AS name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
      WHERE c.table_schema = 'public' AND c.column_name = 'organisation_id' AND c.table_name <> 'api_tokens' AND t.table_type = 'BASE TABLE'`.execute(
      desk.owner,
    );
    expect(tables.length).toBeGreaterThan(8);
    for (const { name } of tables) {
      const seen = await desk
        .as(alpha, (trx) =>
          sql.raw<{ x: string | null }>(`SELECT DISTINCT organisation_id AS x FROM ${name}`).execute(trx),
        )
        .catch((error: Error) => {
          // No right to look at all is as good.
          expect(error.message, name).toMatch(/permission denied/);
          return { rows: [] };
        });
      expect(
        seen.rows.filter(({ x }) => x !== "alpha"),
        name,
      ).toEqual([]);
    }
  });
  it("has row-level security on every table, and no right for everybody", async () => {
    const { rows } = await sql<{
      name: string;
    }>`SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT relrowsecurity AND relname <> 'layang_migrations'`.execute(
      desk.owner,
    );
    expect(rows).toEqual([]);
    await expect(read(alpha, "SELECT name AS x FROM layang_migrations")).rejects.toThrow(/permission denied/);
  });
  it("shows an owner what it was told, and its own realm whole", async () => {
    expect(await read(alpha, "SELECT id AS x FROM alerts")).toEqual(["inside-alpha", "none-alpha", "told-alpha"]);
    expect(await read(alpha, "SELECT id AS x FROM detections")).toEqual(["inside-alpha"]);
    expect(
      await read(actorOf("member", ["beta"], ["alpha-inside"]), "SELECT id AS x FROM alerts WHERE realm <> ''"),
    ).toEqual([]);
  });
  it("shows an analyst no member's realm", async () => {
    for (const role of ["analyst", "administrator"] as const) {
      expect(await read(actorOf(role), "SELECT id AS x FROM alerts WHERE realm <> ''")).toEqual([]);
      expect(await read(actorOf(role), "SELECT realm AS x FROM networks WHERE realm <> ''")).toEqual([]);
    }
  });
  it("matches no alert without an address to any network", async () => {
    for (const network of ["0.0.0.0/0", "0.0.0.0/32", "::/0", "192.0.2.0/24"]) {
      const ids = await read(systemActor, `SELECT id AS x FROM alerts WHERE source <<= '${network}'::inet`);
      expect(ids.filter((id) => id.startsWith("none"))).toEqual([]);
    }
    expect(
      await read(systemActor, "SELECT source::text AS x FROM alerts WHERE source = '0.0.0.0' OR source = '::'"),
    ).toEqual([]);
  });
  it("keeps what opens doors from everybody but the program", async () => {
    for (const actor of [actorOf("administrator"), actorOf("analyst"), alpha, actorOf("link"), actorOf("observer")]) {
      for (const table of [
        "person_secrets",
        "sessions",
        "passkeys",
        "recovery_codes",
        "invitations",
        "person_providers",
      ]) {
        expect(await read(actor, `SELECT * FROM (SELECT 1 AS x FROM ${table}) AS t`), table).toEqual([]);
      }
    }
    expect(await read(alpha, "SELECT id AS x FROM api_tokens")).toEqual(["t-alpha"]);
    expect(await read(actorOf("analyst"), "SELECT id AS x FROM api_tokens")).toEqual([]);
    expect(await read(actorOf("link"), "SELECT id AS x FROM people")).toEqual([]);
    expect(await read(alpha, "SELECT id AS x FROM people")).toEqual(["member-person-alpha"]);
  });
  it("lets nobody make themselves more", async () => {
    for (const actor of [alpha, actorOf("analyst"), actorOf("administrator")]) {
      const change = (text: string) =>
        desk.as(actor, async (trx) => Number((await sql.raw(text).execute(trx)).numAffectedRows ?? 0));
      const none = async (text: string): Promise<void> => {
        const changed = await change(text).catch((error: Error) => {
          expect(error.message).toMatch(/row-level security|permission denied/);
          return 0;
        });
        expect(changed, text).toBe(0);
      };
      await none("UPDATE people SET roles = '{administrator}' WHERE id = 'member-person-alpha'");
      await none(
        "INSERT INTO people (id, name, mail, language, roles, state, created) VALUES ('other-other', 'x', 'x@x', 'en', '{administrator}', 'active', 1)",
      );
      await none("INSERT INTO person_organisations VALUES ('member-person-alpha', 'beta')");
      await none("UPDATE person_secrets SET password = 'other'");
      await none(
        "INSERT INTO sessions (id, hash, person_id, state, began, seen, expires, proved, agent) VALUES ('x', 'x', 'member-person-beta', 'in', 1, 1, 9, 1, '')",
      );
      await none("UPDATE api_tokens SET scopes = '{cases:write}'");
      await none("DELETE FROM sessions");
    }
  });
  it("cannot be talked out of it from inside a transaction", async () => {
    // Text that arrives as a value stays a value; and the role of the transaction owns nothing to alter.
    for (const hostile of [
      actorOf("member", ["alpha,beta"]),
      actorOf("member", ["alpha"], ["x,beta-inside"]),
      actorOf("member", [""]),
    ]) {
      await expect(read(hostile, "SELECT 1 AS x")).rejects.toThrow(RangeError);
    }
    const quoted = actorOf("member", ["beta'; SET ROLE postgres; --"]);
    expect(await read(quoted, "SELECT organisation_id AS x FROM cases")).toEqual([]);
    for (const text of [
      "ALTER TABLE alerts DISABLE ROW LEVEL SECURITY",
      "DROP POLICY alerts_seen ON alerts",
      "CREATE TABLE mine (x int)",
      "CREATE OR REPLACE FUNCTION layang_staff() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
      "TRUNCATE audit_log",
    ]) {
      await expect(
        desk.as(alpha, (trx) => sql.raw(text).execute(trx)),
        text,
      ).rejects.toThrow(/permission denied|must be owner/);
    }
  });
});
