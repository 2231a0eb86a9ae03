// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { verifiableKinds } from "../alert/alert.ts";
import { systemActor } from "../model/actor.ts";
import { formatV4 } from "../net/ip.ts";
import { hashText, mix, unit } from "../simulate/random.ts";
import type { Region } from "../simulate/region.ts";
import { HOUR } from "../simulate/scenario.ts";
import type { AnswerChannel } from "../store/desk/tables.ts";
import type { NodeDesk } from "./desk.ts";

/** Share of the letters that owners answer, and of the answers that say that a subscriber was told. */
const ANSWERED = 0.7;
const BY_SUBSCRIBER = 0.4;
/**
 * How long at most an owner acts before the machine is clean, microseconds: who tells a subscriber waits for the subscriber, who cleans it says so at the
 * beginning of that work.
 */
const LEAD = { told: 8 * HOUR, cleaned: 2 * HOUR } as const;
const channels: readonly AnswerChannel[] = ["mail", "mail", "phone", "sms", "walled-garden", "letter"];

export interface Owners {
  /** What owners say of the machines that were cleaned up to `now` (microseconds). Resolves to how many answered. */
  answer(now: number): Promise<number>;
}

/**
 * The owners of a simulated region. A machine is cleaned when its time in the region's cast is over; most owners who had a letter about it
 * say so some hours before, when they act, through the letter's own link, as a recipient would. What becomes of what they say is the node's affair. Of machines
 * that go on after `until` (microseconds) they say nothing: those are a visitor's.
 */
export const simulatedOwners = (
  region: Region,
  { desk, cases }: Pick<NodeDesk, "desk" | "cases">,
  until: number,
): Owners => {
  const cleaned = new Map<string, number[]>();
  for (const { spec, src, realm, to, organisation } of region.cast.tenancies) {
    if (spec.role !== "infected" || realm !== "" || organisation === null) continue;
    const address = formatV4(src);
    cleaned.set(address, [...(cleaned.get(address) ?? []), to]);
  }
  return {
    answer: async (now) => {
      const waiting = await desk.as(systemActor, (trx) =>
        sql<{
          source: string;
          link: string;
          notified: number;
        }>`SELECT DISTINCT ON (a.case_id) host(a.source) AS source, l.id AS link, a.notified FROM alerts a JOIN help_links l ON l.case_id = a.case_id
WHERE a.notified IS NOT NULL AND a.acknowledged IS NULL AND a.state <> 'closed' AND a.kind = ANY (${[...verifiableKinds]}) AND a.exercise = '' AND l.revoked IS NULL AND l.expires > ${now}
ORDER BY a.case_id, l.created DESC LIMIT 5000`.execute(trx),
      );
      let answered = 0;
      for (const { source, link, notified } of waiting.rows) {
        const of = hashText(link);
        if (unit(mix(of, 1)) >= ANSWERED) continue;
        const told = unit(mix(of, 2)) < BY_SUBSCRIBER;
        const lead = unit(mix(of, 4)) * (told ? LEAD.told : LEAD.cleaned);
        if (!cleaned.get(source)?.some((to) => to > notified && to <= until && to - lead <= now)) continue;
        const actor = await cases.linkActor(cases.tokenOf(link), now);
        await cases.answerByLink(
          actor,
          {
            answer: told ? "subscriber-notified" : "cleaned",
            channel: told ? channels[mix(of, 3) % channels.length]! : null,
            note: null,
            alerts: [],
          },
          now,
        );
        answered++;
      }
      return answered;
    },
  };
};
