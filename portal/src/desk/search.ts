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
export const onlys = ["held", "suppressed", "unclaimed", "mine", "unanswered", "essential"] as const;
export const alertOrders = ["rank", "last", "first", "packets"] as const;
export const caseOnlys = ["mine", "unanswered", "unassigned", "relapsed", "essential"] as const;
export const caseOrders = ["touched", "opened", "severity"] as const;
export const caseStates = ["open", "waiting", "closed"] as const satisfies readonly CaseRow["state"][];

const word = /^[\p{L}\p{N} .:_@/+-]{1,100}$/u;
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
export const ringSearch = (raw: Raw) => set({ exercise: exercise(raw), wall: oneOf(raw, "wall", ["1"] as const) });
