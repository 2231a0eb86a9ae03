// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { enoughSensors } from "../alert/alert.ts";
import type { Alert } from "../alert/alert.ts";
import { count, spend } from "../alert/breaker.ts";
import type { Told, ToldOfFew } from "../alert/breaker.ts";
import { news, untold } from "../alert/life.ts";
import type { Change } from "../alert/life.ts";
import type { HoldReason, Sample } from "../model/detection.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import type { FewToldTable } from "../store/desk/tables.ts";
import { callDuty } from "./duty.ts";
import type { CaseRules } from "./options.ts";
import type { Telling } from "./tell.ts";
import { countTold, toldBy, toldOf } from "./told.ts";
import type { Counted } from "./told.ts";

/** An alert in a transaction's hands: as it was, and as it becomes. */
export interface Touched {
  alert: Alert;
  readonly before: Alert | null;
  readonly changes: Set<Change>;
  samples: Sample[];
}
export interface Decided {
  readonly tellings: readonly Telling[];
  /** What opened, as `callAnalysts` takes it. */
  readonly breakers: ReadonlySet<string>;
  readonly fewTold: readonly FewToldTable[];
  readonly held: number;
}

/** What was told on the word of few sensors within the policy's time. What an analyst released is not of the budget. */
const toldOfFewOf = async (trx: DeskTransaction, exercise: string, within: number, now: number): Promise<ToldOfFew> => {
  const rows = await trx
    .selectFrom("few_told")
    .select(["organisation_id", sql<number>`count(*)::int`.as("n")])
    .where("exercise", "=", exercise)
    .where("at", ">", now - within)
    .where("at", "<=", now)
    .groupBy("organisation_id")
    .execute();
  return toldBy(rows);
};

/** What a line of the timeline says of an alert. */
export const bodyOf = (alert: Alert): Readonly<Record<string, unknown>> => ({
  packets: alert.packets,
  darkAddresses: alert.darkAddresses,
  sensors: alert.sensors.length,
  family: alert.family,
  confidence: alert.confidence,
  first: alert.first,
  last: alert.last,
});

/**
 * Who is told, by what, and what the breakers hold. What is decided is written into the alerts that are given. `told` counts on over several
 * calls, by exercise.
 */
export const decide = async (
  trx: DeskTransaction,
  rules: CaseRules,
  touched: readonly Touched[],
  now: number,
  told: Map<string, Told> = new Map(),
): Promise<Decided> => {
  const { policy } = rules;
  const tellings: Telling[] = [];
  const breakers = new Set<string>();
  const ofFew = new Map<string, ToldOfFew>();
  const fewTold: FewToldTable[] = [];
  const counted: Counted[] = [];
  let held = 0;
  for (const one of touched) {
    if (untold(one.alert, policy, now) !== null) {
      if (one.changes.has("held")) held++;
      continue;
    }
    const form = news(one.alert, policy);
    if (form === null) continue;
    const organisation = one.alert.organisation ?? "";
    let counts = told.get(one.alert.exercise);
    if (counts === undefined) {
      counts = await toldOf(trx, one.alert.exercise, now);
      told.set(one.alert.exercise, counts);
    }
    const few =
      policy.fewSensors !== null &&
      one.alert.realm === "" &&
      one.alert.released === null &&
      one.alert.sensors.length < enoughSensors(rules.sensors());
    if (few && policy.fewSensors !== null) {
      const again = form === "reminder";
      if (again && one.alert.last < (one.alert.told ?? 0) + policy.fewSensors.within) continue;
      const spent =
        ofFew.get(one.alert.exercise) ?? (await toldOfFewOf(trx, one.alert.exercise, policy.fewSensors.within, now));
      ofFew.set(one.alert.exercise, spent);
      if (!spend(spent, organisation, policy, again ? 1 / 2 : 1)) {
        // What was told already is not held for its reminder.
        if (again) continue;
        held++;
        one.alert = { ...one.alert, held: [...one.alert.held, "few-sensors"] };
        one.changes.add("held");
        continue;
      }
    }
    const way = form === "reminder" ? "letter" : count(counts, organisation, policy);
    if (form !== "reminder") counted.push({ organisation, exercise: one.alert.exercise });
    if (way === "letter" || way === "digest") {
      if (few)
        fewTold.push({
          alert_id: one.alert.id,
          organisation_id: organisation,
          exercise: one.alert.exercise,
          at: now,
        });
      const ended = one.before?.quieted ?? one.before?.closed ?? null;
      tellings.push({
        alert: { ...one.alert, told: now },
        form,
        way,
        ...(one.alert.told === null ? {} : { before: one.alert.told }),
        ...(ended === null ? {} : { silent: one.alert.last - ended }),
      });
      one.alert = { ...one.alert, told: now };
      continue;
    }
    held++;
    one.alert = { ...one.alert, held: [...one.alert.held, way], released: null };
    one.changes.add("held");
    breakers.add(JSON.stringify([way, way === "owner-breaker" ? organisation : null, one.alert.exercise]));
  }
  await countTold(trx, counted, now);
  return { tellings, breakers, fewTold, held };
};

/** Breakers opened: analysts are called. */
export const callAnalysts = async (
  trx: DeskTransaction,
  rules: CaseRules,
  breakers: ReadonlySet<string>,
  now: number,
): Promise<void> => {
  for (const key of breakers) {
    const [breaker, organisation, exercise] = JSON.parse(key) as [HoldReason, string | null, string];
    await callDuty(trx, rules, { breaker, organisation, exercise }, now);
  }
};
