// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { sql } from "kysely";
import type { DeskPlace } from "../../src/store/desk/desk.conformance.ts";
import { dumpConformance, linesOf } from "../../src/store/desk/dump.conformance.ts";
import { migrate } from "../../src/store/desk/migrate.ts";
import { migrations } from "../../src/store/desk/migrations/index.ts";
import { embeddedPlace, serverPlace } from "./place.ts";

const between = async (makeFrom: () => Promise<DeskPlace>, makeTo: () => Promise<DeskPlace>): Promise<void> => {
  const places = [await makeFrom(), await makeTo()] as const;
  const [from, to] = [await places[0].open(), await places[1].open()];
  try {
    await dumpConformance(from, to);
  } finally {
    await from.close();
    await to.close();
    for (const place of places) await place.remove();
  }
};
it("brings a desk in the process to a server, whole", () => between(embeddedPlace, serverPlace), 120_000);
it("brings a desk on a server into the process, whole", () => between(serverPlace, embeddedPlace), 120_000);

/** Rows of the first schema, as a node of the first version wrote them. */
const first = [
  `INSERT INTO organisations (id, name, names, country, essential, created) VALUES ('isp', 'Provider', '{"ja": "名"}', 'TH', true, 1764000000000001)`,
  `INSERT INTO networks (organisation_id, prefix, valid_from, origin) VALUES ('isp', '192.0.2.0/24', 1, 'import'), ('isp', '2001:db8::/32', 1, 'import')`,
  `INSERT INTO contacts (id, organisation_id, role, mail, valid_from) VALUES ('c', 'isp', 'abuse', 'a@isp.example', 1)`,
  `INSERT INTO cases (id, organisation_id, realm, exercise, title, kind, state, severity, marking, origin, opened) VALUES ('k', 'isp', '', '', 't', 'infected-host', 'open', 'high', 'TLP:AMBER', 'n', 1)`,
  `INSERT INTO case_events (case_id, organisation_id, realm, at, actor, kind, body, marking) VALUES ('k', 'isp', '', 1, 'system', 'detected', '{}', 'TLP:AMBER')`,
  `INSERT INTO detections (id, detector, version, kind, realm, exercise, source, first, last, packets, dark_addresses, sensors, confidence, held, evidence, samples, organisation_id, marking, origin) VALUES ('d', 'infected', 1, 'infected-host', '', '', '192.0.2.7', 1, 2, 10, 3, '{s}', 1, '{}', '{}', '[]', 'isp', 'TLP:AMBER', 'n')`,
  `INSERT INTO alerts (id, organisation_id, realm, exercise, kind, subject, source, state, severity, rank, first, last, packets, dark_addresses, sensors, confidence, held, detected, notified, case_id, marking, origin) VALUES ('a', 'isp', '', '', 'infected-host', '192.0.2.7', '192.0.2.7', 'new', 'high', 1, 1, 2, 10, 3, '{s}', 1, '{}', 1, 3, 'k', 'TLP:AMBER', 'n')`,
  `INSERT INTO alert_detections VALUES ('a', 'd')`,
  `INSERT INTO outbox (id, exercise, realm, organisation_id, case_id, contact_id, channel, recipient, payload, state, due, created) VALUES ('o', '', '', 'isp', 'k', 'c', 'mail', 'a@isp.example', '{}', 'sent', 1, 1)`,
  `INSERT INTO deliveries (outbox_id, organisation_id, realm, attempt, began) VALUES ('o', 'isp', '', 1, 1)`,
  `INSERT INTO detector_cursors VALUES ('infected', '', '', 5, 'null')`,
  `INSERT INTO settings VALUES ('s', '1')`,
];

/** Each migration in turn, on a desk with rows in it: none is lost or changed, and what they hold is there at the end. */
const forwards = async (make: () => Promise<DeskPlace>): Promise<void> => {
  const place = await make();
  let desk = await place.open();
  try {
    await sql.raw("DROP SCHEMA public CASCADE").execute(desk.owner);
    await sql.raw("CREATE SCHEMA public").execute(desk.owner);
    const names = Object.keys(migrations).toSorted();
    const done: string[] = [];
    done.push(...(await migrate(desk.owner, names[0])));
    for (const statement of first) await sql.raw(statement).execute(desk.owner);
    const rows = (lines: readonly string[]): Map<string, Record<string, unknown>[]> => {
      const found = new Map<string, Record<string, unknown>[]>();
      let at: Record<string, unknown>[] = [];
      for (const line of lines.slice(1)) {
        const value = JSON.parse(line) as Record<string, unknown>;
        if (typeof value["table"] === "string" && Array.isArray(value["columns"])) found.set(value["table"], (at = []));
        else at.push(value);
      }
      return found;
    };
    const before = rows(await linesOf(desk));
    for (const name of names.slice(1)) {
      const made = await migrate(desk.owner, name);
      expect(made).toEqual([name]);
      done.push(...made);
      // From here on it is known of an alert whether its owner was told.
      if (name.startsWith("0201")) await sql.raw("UPDATE alerts SET told = 2").execute(desk.owner);
      // A case whose owner was told and has not answered waits for that owner.
      if (name.startsWith("0210")) for (const held of before.get("cases") ?? []) held["state"] = "waiting";
      const after = rows(await linesOf(desk));
      for (const [table, held] of before) expect([name, table, after.get(table)]).toMatchObject([name, table, held]);
    }
    expect(done).toEqual(names);
    expect(await migrate(desk.owner)).toEqual([]);
    expect([...before.values()].reduce((sum, held) => sum + held.length, 0)).toBe(first.length + 1);
    await desk.close();
    desk = await place.open();
    const now = rows(await linesOf(desk));
    expect(now.get("networks")).toMatchObject([{ dark: [] }, { dark: [] }]);
    expect(now.get("cases")).toMatchObject([{ unanswered: 3 }]);
  } finally {
    await desk.close();
    await place.remove();
  }
};
it("migrates forwards with data in it (PGlite)", () => forwards(embeddedPlace), 120_000);
it("migrates forwards with data in it (PostgreSQL)", () => forwards(serverPlace), 120_000);
