// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { isVictim } from "../alert/alert.ts";
import type { Actor } from "../model/actor.ts";
import { hasRole, systemActor } from "../model/actor.ts";
import type { DetectionKind } from "../model/detection.ts";
import { AppError } from "../platform/errors.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { answerChannels, answerKinds } from "../store/desk/tables.ts";
import type { AnswerChannel, AnswerKind } from "../store/desk/tables.ts";
import { deeds, ofVictims } from "./meanings.ts";

export interface Answer {
  readonly answer: AnswerKind;
  /** Of `subscriber-notified`: by what. */
  readonly channel: AnswerChannel | null;
  readonly note: string | null;
  /** Alerts of the case that it speaks of; empty: all. */
  readonly alerts: readonly string[];
}
const noteAtMost = 4_000;
const answersAtMost = 200;

const checked = (given: Answer): Answer => {
  const refuse = (why: string): never => {
    throw new AppError("REQUEST_INVALID", why);
  };
  if (!answerKinds.includes(given.answer)) refuse(`the answer must be one of ${answerKinds.join(", ")}`);
  if (given.channel !== null && !answerChannels.includes(given.channel)) {
    refuse(`the channel must be one of ${answerChannels.join(", ")}`);
  }
  if (given.answer === "subscriber-notified" && given.channel === null)
    refuse("say by which channel the subscriber was told");
  if ((given.note?.length ?? 0) > noteAtMost) refuse("the note is too long");
  if (given.alerts.length > 500) refuse("more than 500 alerts are named");
  return given;
};

/** The case, for who may see it. @throws AppError NOT_FOUND, also when it is there for others. */
export const loadCase = async (
  trx: DeskTransaction,
  id: string,
): Promise<{
  readonly id: string;
  readonly number: number;
  readonly kind: DetectionKind;
  readonly organisation_id: string | null;
  readonly realm: string;
  readonly exercise: string;
  readonly marking: string;
  readonly state: string;
  readonly version: number;
}> => {
  const { rows } = await sql<{
    id: string;
    number: number;
    kind: DetectionKind;
    organisation_id: string | null;
    realm: string;
    exercise: string;
    marking: string;
    state: string;
    version: number;
  }>`SELECT id, number, kind, organisation_id, realm, exercise, marking, state, version FROM cases WHERE id = ${id}`.execute(
    trx,
  );
  const [row] = rows;
  if (row === undefined) throw new AppError("NOT_FOUND", "no such case");
  return row;
};

/**
 * Writes down what an owner says. It is a claim: the darknet decides whether it is confirmed, and nothing is suppressed or closed by
 * it. The first answer stops the clock `acknowledged`, and one that says that something was done stops `acted`.
 */
export const answerCase = (desk: Desk, actor: Actor, id: string, given: Answer, now: number): Promise<void> =>
  desk.as(actor, (trx) => writeAnswer(trx, actor, id, checked(given), now));

export const writeAnswer = async (
  trx: DeskTransaction,
  actor: Actor,
  id: string,
  given: Answer,
  now: number,
): Promise<void> => {
  if (!hasRole(actor, "link", "member", "analyst", "administrator", "system"))
    throw new AppError("NOT_FOUND", "no such case");
  const found = await loadCase(trx, id);
  if (ofVictims.has(given.answer) && !isVictim(found.kind))
    throw new AppError("REQUEST_INVALID", `${given.answer} is an answer about a host under attack, and this is none`);
  const had = await sql<{ n: number }>`SELECT count(*)::int AS n FROM answers WHERE case_id = ${id}`.execute(trx);
  if ((had.rows[0]?.n ?? 0) >= answersAtMost)
    throw new AppError("REQUEST_INVALID", `a case has at most ${answersAtMost} answers`);
  await sql`INSERT INTO answers (case_id, organisation_id, realm, exercise, at, actor, answer, channel, note, alerts, state, detectors)
VALUES (${id}, ${found.organisation_id}, ${found.realm}, ${found.exercise}, ${now}, ${actor.id}, ${given.answer}, ${given.channel}, ${given.note}, ${[...given.alerts]}, 'claimed', '{}')`.execute(
    trx,
  );
  await sql`INSERT INTO case_events (case_id, organisation_id, realm, at, actor, kind, body, marking, audience)
VALUES (${id}, ${found.organisation_id}, ${found.realm}, ${now}, ${actor.id}, 'answered', ${JSON.stringify(given)}::jsonb, ${found.marking}, 'owner')`.execute(
    trx,
  );
  await acknowledge(trx, id, now, deeds.has(given.answer));
  // Its owner is waited for no longer: it is the desk's again.
  await sql`UPDATE cases SET state = 'open', version = version + 1 WHERE id = ${id} AND state = 'waiting'`.execute(trx);
};

/** A person has taken note of a case. */
export const acknowledge = async (trx: DeskTransaction, id: string, now: number, acted: boolean): Promise<void> => {
  await sql`UPDATE alerts SET acknowledged = coalesce(acknowledged, ${now}), acted = CASE WHEN ${acted} THEN coalesce(acted, ${now}) ELSE acted END, version = version + 1
WHERE case_id = ${id} AND state <> 'closed' AND (acknowledged IS NULL OR (${acted} AND acted IS NULL))`.execute(trx);
};

/** The bearer of a link answers: like `answerCase`, and the link remembers that it was used. */
export const answerByLink = async (
  desk: Desk,
  actor: Actor & { readonly case: string },
  given: Answer,
  now: number,
): Promise<void> => {
  await answerCase(desk, actor, actor.case, given, now);
  await desk.as(systemActor, async (trx) => {
    await sql`UPDATE help_links SET used = ${now} WHERE id = ${actor.id.slice("link:".length)}`.execute(trx);
  });
};
