// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import { day } from "../alert/alert.ts";

/** Who sees a row as it is: staff, and who owns the realm that it is of. Asked of the engine, which knows who asks. */
const isWhole = (row: string): RawBuilder<boolean> =>
  sql`(${sql.ref(`${row}.realm`)} <> '' OR (SELECT layang_system()) OR (SELECT layang_staff()))`;

const toDay = (fact: string): RawBuilder<unknown> =>
  sql`(t.silence_facts->>${sql.lit(fact)})::bigint / ${sql.lit(day)} * ${sql.lit(day)}`;
/**
 * What does not wait for a notice: that it fell silent, came back or was closed. Not that it counts as new no longer, nor when the silence
 * that is being counted began: both say when a packet met a sensor.
 */
const later = sql`CASE WHEN t.state IN ('new', 'continuing') THEN '{}'::jsonb ELSE jsonb_build_object('state', t.state) END
  || CASE WHEN t.silence_facts IS NULL THEN '{}'::jsonb
    WHEN t.silence = 'counting' THEN jsonb_build_object('silence_facts', t.silence_facts || '{"verdict": "waiting", "chance": null, "since": null, "until": null, "up": null}'::jsonb)
    ELSE jsonb_build_object('silence_facts', t.silence_facts || jsonb_build_object('since', ${toDay("since")}, 'until', ${toDay("until")})) END`;

/**
 * Alerts as who asks may see them, for FROM: owners those of the shared realm as they were when last told. What the host does then changes the
 * row with every packet; whoever could read that would have an answer to each, outside of the budget. `where` speaks of `t`.
 */
export const alertsShown = (where: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(SELECT r.* FROM alerts t CROSS JOIN LATERAL jsonb_populate_record(t, CASE WHEN t.shown IS NULL OR ${isWhole("t")} THEN '{}'::jsonb ELSE t.shown || ${later} END) AS r WHERE ${where})`;

/** When a case last changed, as far as who asks sees it; `c` is the case. */
export const touchedShown = sql`(CASE WHEN ${isWhole("c")} THEN c.touched ELSE coalesce((SELECT max(e.at) FROM case_events e WHERE e.case_id = c.id), c.opened) END)`;
export const countingShown = (row: string): RawBuilder<unknown> =>
  sql`CASE WHEN ${isWhole(row)} THEN coalesce(${sql.ref(`${row}.silence_facts`)}->>'verdict', 'active') ELSE 'waiting' END`;
