// SPDX-License-Identifier: Apache-2.0
// What the desk's pages keep in their addresses. What does not fit is left out, never an error.
import type { AlertRow } from "../../../src/api/contract/desk/alerts.ts";
import type { CaseRow } from "../../../src/api/contract/desk/cases.ts";
import { type Raw, oneOf, set, text } from "../search.ts";

export const alertStates = [
  "new",
  "continuing",
  "relapsed",
  "quiet",
  "closed",
] as const satisfies readonly AlertRow["state"][];
export const severities = ["critical", "high", "medium", "low"] as const satisfies readonly AlertRow["severity"][];
export const alertKinds = [
  "infected-host",
  "scanning-host",
  "dos-victim",
  "reflector-abuse",
  "amplification-scan",
  "heavy-scanner",
  "sighting",
] as const satisfies readonly AlertRow["kind"][];
export const onlys = [
  "owned",
  "unclaimed",
  "held",
  "suppressed",
  "mine",
  "unanswered",
  "confirmed",
  "essential",
] as const;
export const alertOrders = ["rank", "last", "first", "packets"] as const;
export const caseOnlys = ["mine", "unanswered", "unassigned", "relapsed", "essential"] as const;
export const caseOrders = ["touched", "opened", "severity"] as const;
export const caseStates = ["open", "waiting", "closed"] as const satisfies readonly CaseRow["state"][];

/** What a person types: any script with its marks (Thai's vowels are such), names with brackets and signs; only what cannot be seen is refused. */
const free = (most: number) => new RegExp(`^[^\\p{Cc}\\p{Cs}\\p{Co}\\p{Cn}]{1,${most}}$`, "u");
const word = free(100);
const exercise = (raw: Raw) => text(raw, "exercise", /^[A-Za-z0-9._-]{1,64}$/);
const some = (raw: Raw, name: string, values: readonly string[]): string | undefined => {
  const value = raw[name];
  if (typeof value !== "string") return undefined;
  const kept = value.split(",").filter((one) => values.includes(one));
  return kept.length === 0 ? undefined : [...new Set(kept)].join(",");
};
/** Pages whose only state is the exercise they show. */
export const plainSearch = (raw: Raw) => set({ exercise: exercise(raw) });
export const alertsSearch = (raw: Raw) =>
  set({
    exercise: exercise(raw),
    state: some(raw, "state", [...alertStates, "all"]),
    kind: some(raw, "kind", alertKinds),
    severity: some(raw, "severity", severities),
    only: some(raw, "only", onlys),
    organisation: text(raw, "organisation", /^[a-z0-9][a-z0-9-]{0,62}$/),
    q: text(raw, "q", word),
    order: oneOf(raw, "order", alertOrders),
    open: text(raw, "open", /^[\w-]{1,64}$/),
  });
export type AlertsSearch = ReturnType<typeof alertsSearch>;
export const casesSearch = (raw: Raw) =>
  set({
    exercise: exercise(raw),
    state: some(raw, "state", [...caseStates, "all"]),
    only: some(raw, "only", caseOnlys),
    organisation: text(raw, "organisation", /^[a-z0-9][a-z0-9-]{0,62}$/),
    q: text(raw, "q", word),
    order: oneOf(raw, "order", caseOrders),
  });
export const ringSearch = (raw: Raw) =>
  set({
    exercise: exercise(raw),
    wall: oneOf(raw, "wall", ["1"] as const),
    open: text(raw, "open", /^[\w-]{1,64}$/),
  });

export const warningKinds = ["surge", "novelty", "outbreak"] as const;
export const warningStates = ["rising", "steady", "over"] as const;
export const warningsSearch = (raw: Raw) =>
  set({
    exercise: exercise(raw),
    kind: oneOf(raw, "kind", warningKinds),
    state: oneOf(raw, "state", warningStates),
  });
export const campaignKinds = ["botnet", "scanner", "unknown"] as const;
export const campaignStates = ["active", "over"] as const;
export const campaignOrders = ["last", "sources", "ours"] as const;
export const campaignsSearch = (raw: Raw) =>
  set({
    exercise: exercise(raw),
    kind: oneOf(raw, "kind", campaignKinds),
    state: oneOf(raw, "state", campaignStates),
    order: oneOf(raw, "order", campaignOrders),
  });
export const cleanUpBys = ["none", "channel", "owner", "family", "country"] as const;
export const responseBys = ["owner", "kind", "month", "country", "sector"] as const;
export const statisticsDays = ["7", "14", "30", "60", "90"] as const;
export const statisticsSearch = (raw: Raw) =>
  set({
    by: oneOf(raw, "by", cleanUpBys),
    response: oneOf(raw, "response", responseBys),
    days: oneOf(raw, "days", statisticsDays),
  });
export const organisationOnlys = ["essential", "no-contact", "dead-contact", "open-alerts", "ended"] as const;
export const constituencySearch = (raw: Raw) =>
  set({
    exercise: exercise(raw),
    q: text(raw, "q", word),
    only: oneOf(raw, "only", organisationOnlys),
    view: oneOf(raw, "view", ["overlaps", "changes", "whose"] as const),
    // Whose it was, and when: minutes, UTC.
    address: text(raw, "address", free(45)),
    at: text(raw, "at", /^\d{4}-\d\d-\d\dT\d\d:\d\d$/),
  });
export const mineSearch = (raw: Raw) => set({ organisation: text(raw, "organisation", /^[a-z0-9][a-z0-9-]{0,62}$/) });
export const outboxStates = ["waiting", "sending", "sent", "dead", "held"] as const;
export const channels = ["mail", "webhook", "inbox"] as const;
export const noticesSearch = (raw: Raw) =>
  set({
    exercise: exercise(raw),
    state: oneOf(raw, "state", outboxStates),
    channel: oneOf(raw, "channel", channels),
    letter: text(raw, "letter", /^[\w-]{1,64}$/),
  });
export const peopleSearch = (raw: Raw) => set({ view: oneOf(raw, "view", ["tokens"] as const) });
export const auditKinds = ["read", "change", "session"] as const;
export const auditSearch = (raw: Raw) =>
  set({
    kind: oneOf(raw, "kind", auditKinds),
    outcome: oneOf(raw, "outcome", ["done", "refused"] as const),
    actor: text(raw, "actor", word),
    subject: text(raw, "subject", free(200)),
  });
