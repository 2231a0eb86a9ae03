// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Take } from "../../src/app/detection-course.ts";
import { json } from "../../src/store/desk/desk.ts";

/**
 * What the cases room does, as small as can be: keeps detections with a revision that counts changes, and writes one letter for each
 * new one. A second letter for the same detection breaks the outbox's key, and with it the transaction.
 */
export const take: Take = async (trx, detections, { withdrawn, now }) => {
  for (const one of detections) {
    const before = await sql<{ evidence: string; withdrawn: boolean; packets: number; held: string[] }>`
SELECT packets, held, withdrawn FROM detections WHERE id = ${one.id}`.execute(trx);
    const [held] = before.rows;
    if (held === undefined) {
      await sql`INSERT INTO outbox (id, exercise, realm, channel, recipient, payload, state, due, created)
VALUES (${`letter-${one.id}`}, ${one.exercise}, ${one.realm}, 'inbox', 'test', '{}', 'waiting', ${now}, ${now})`.execute(
        trx,
      );
    } else if (!held.withdrawn && held.packets === one.packets && held.held.join() === one.held.join()) continue;
    await sql`INSERT INTO detections (id, detector, version, kind, realm, exercise, source, protocol, port, first, last, packets, dark_addresses, sensors, confidence, family, held, evidence, samples, marking, origin)
VALUES (${one.id}, ${one.detector}, ${one.version}, ${one.kind}, ${one.realm}, ${one.exercise}, ${one.source}, ${one.protocol}, ${one.port}, ${one.first}, ${one.last}, ${one.packets}, ${one.darkAddresses}, ${[...one.sensors]}::text[], ${one.confidence}, ${one.family}, ${[...one.held]}::text[], ${json(one.evidence)}, ${json(one.samples)}, 'TLP:AMBER', 'test')
ON CONFLICT (id) DO UPDATE SET last = excluded.last, first = excluded.first, packets = excluded.packets, dark_addresses = excluded.dark_addresses, held = excluded.held, evidence = excluded.evidence, samples = excluded.samples, confidence = excluded.confidence, family = excluded.family, sensors = excluded.sensors, withdrawn = false, revision = detections.revision + 1`.execute(
      trx,
    );
  }
  if (withdrawn.length > 0) {
    await sql`UPDATE detections SET withdrawn = true, revision = revision + 1 WHERE id = ANY (${[...withdrawn]}::text[])`.execute(
      trx,
    );
  }
};
