// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";

/** Since when a letter (`b` of the outbox) is tried in vain, since somebody sent it (again); null: it is not. Hours that its recipient chose do not count. */
export const triedSince = sql<
  number | null
>`(CASE WHEN b.channel <> 'inbox' AND b.state IN ('waiting', 'sending') AND b.error IS NOT NULL
  THEN (SELECT min(d.began) FROM deliveries d WHERE d.outbox_id = b.id AND d.attempt > b.tried_before) END)`;
/** A letter that is tried for longer than this (microseconds) is late: a server that asks for patience is over it by then. */
export const lateAfter = 600_000_000;
