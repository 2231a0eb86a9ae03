// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import type { AnswerKind } from "../store/desk/tables.ts";

/*
 * What owners' answers mean: each is said here once, and asked for everywhere else.
 */

/** Something was done. */
export const deeds: ReadonlySet<AnswerKind> = new Set(["cleaned", "subscriber-notified", "mitigated"]);
/** Only the owner of a host under attack gives them. */
export const ofVictims: ReadonlySet<AnswerKind> = new Set(["mitigated", "attack-over"]);
/** More packets speak against them. An attack goes on whatever its victim does about it: `mitigated` is confirmed by its end, and contradicted by nothing. */
export const endings: readonly AnswerKind[] = ["cleaned", "subscriber-notified", "attack-over"];
/** The claim was right; silence confirms them. */
export const agreeing: readonly AnswerKind[] = [...endings, "mitigated"];

const among = (column: RawBuilder<unknown>, kinds: readonly AnswerKind[]): RawBuilder<unknown> =>
  sql`${column} IN (${sql.join(kinds.map((kind) => sql.lit(kind)))})`;
/** Research is no infection, and what else was claimed of it is true. */
export const saysRight = (answer: RawBuilder<unknown>, kind: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(${among(answer, agreeing)} OR (${answer} = 'research' AND ${kind} <> 'infected-host'))`;
export const saysWrong = (answer: RawBuilder<unknown>, kind: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(${answer} = 'false-positive' OR (${answer} = 'research' AND ${kind} = 'infected-host'))`;
