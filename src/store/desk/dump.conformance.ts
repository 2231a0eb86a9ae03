// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { expect } from "vitest";
import { systemActor } from "../../model/actor.ts";
import type { Desk } from "./desk.ts";
import { dumpDesk, restoreDesk } from "./dump.ts";

/** Rows of every kind of column: identity, bytes, lists, documents, addresses, rows that refer to rows of their own table. */
export const fillDesk = async (desk: Desk): Promise<void> => {
  const statements = [
    `INSERT INTO organisations (id, name, names, country, essential, created) VALUES ('isp', E'Pro"vider\\n{"table":1}', '{"ja": "名"}', 'TH', true, 1764000000000001)`,
    `INSERT INTO networks (organisation_id, prefix, valid_from, origin, dark) VALUES ('isp', '192.0.2.0/24', 1, 'import', '{192.0.2.0/25}'), ('isp', '2001:db8::/32', 1, 'import', '{}')`,
    `INSERT INTO contacts (id, organisation_id, role, mail, valid_from) VALUES ('c', 'isp', 'abuse', 'a@isp.example', 1)`,
    `INSERT INTO cases (id, organisation_id, realm, exercise, title, kind, state, severity, marking, origin, opened) SELECT 'case' || i, 'isp', '', '', 't', 'infected-host', 'open', 'high', 'TLP:AMBER', 'n', i FROM generate_series(1, 3000) AS i`,
    `UPDATE cases SET merged_into = 'case2999' WHERE id = 'case1'`,
    `INSERT INTO attachments (case_id, at, actor, name, media_type, size, sha256, content, marking, audience) VALUES ('case1', 1, 'x', 'n', 'text/plain', 3, 'h', decode('00ff0a', 'hex'), 'TLP:RED', 'staff')`,
    `INSERT INTO case_events (case_id, realm, at, actor, kind, body, marking) VALUES ('case1', '', 1, 'x', 'note', '{"n": 12345678901234567890, "f": 0.1}', 'TLP:AMBER')`,
    `INSERT INTO alerts (id, organisation_id, realm, exercise, kind, subject, source, state, severity, rank, first, last, packets, dark_addresses, sensors, confidence, held, detected, case_id, marking, origin) VALUES ('a', 'isp', '', '', 'infected-host', '192.0.2.7', '192.0.2.7', 'new', 'high', 0.30000000000000004, 1764000000000001, 1764000000000002, 10, 3, '{id-01,"th,02"}', 0.99, '{}', 1, 'case1', 'TLP:AMBER', 'n')`,
    `INSERT INTO outbox (id, exercise, realm, organisation_id, channel, recipient, payload, state, due, created) VALUES ('o1', '', '', 'isp', 'mail', 'a@isp.example', '{}', 'waiting', 1, 1), ('o2', '', '', 'isp', 'mail', 'a@isp.example', '{}', 'sent', 1, 1)`,
    `INSERT INTO settings (name, value) VALUES ('s', 'null')`,
  ];
  for (const statement of statements) await sql.raw(statement).execute(desk.owner);
};

export const linesOf = async (desk: Desk): Promise<string[]> => {
  const lines: string[] = [];
  await dumpDesk(desk.owner, (line) => {
    lines.push(line);
    return Promise.resolve();
  });
  return lines;
};
async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

/** What is dumped of one desk fills another, whatever engines they have; and what is cut fills nothing. */
export const dumpConformance = async (from: Desk, to: Desk): Promise<void> => {
  await fillDesk(from);
  const lines = await linesOf(from);
  for (const bad of [
    [],
    lines.slice(1),
    ["{}", ...lines.slice(1)],
    [...lines.slice(0, -1), `${lines.at(-1) ?? ""}x`],
    [lines[0]!, '{"table":"nowhere","columns":["id"]}'],
  ]) {
    await expect(restoreDesk(to.owner, each(bad))).rejects.toMatchObject({ code: "BACKUP_INVALID" });
  }
  await expect(
    restoreDesk(to.owner, each([lines[0]!.replace('"0001-ground"', '"9999-later"'), ...lines.slice(1)])),
  ).rejects.toMatchObject({ code: "DESK_NEWER" });
  const counts = await restoreDesk(to.owner, each(lines));
  expect(counts).toMatchObject({ organisations: 1, networks: 2, cases: 3000, attachments: 1 });
  const sorted = (all: readonly string[]): string[] => all.toSorted();
  expect(sorted(await linesOf(to))).toEqual(sorted(lines));
  await expect(restoreDesk(to.owner, each(lines))).rejects.toMatchObject({ code: "BACKUP_INVALID" });
  // Numbers that the engine gives go on.
  const [next] = await to.as(systemActor, (trx) =>
    trx
      .insertInto("cases")
      .values({
        id: "next",
        organisation_id: "isp",
        realm: "",
        exercise: "",
        title: "t",
        kind: "infected-host",
        state: "open",
        severity: "high",
        assignee: null,
        marking: "TLP:AMBER",
        origin: "n",
        opened: 1,
        closed: null,
        version: 0,
      })
      .returning("number")
      .execute(),
  );
  expect(next?.number).toBe(3001);
};
