// SPDX-License-Identifier: Apache-2.0
import { severities } from "./alert.ts";
import type { Alert, Severity } from "./alert.ts";

type Ranked = Pick<
  Alert,
  "kind" | "essential" | "confidence" | "family" | "packets" | "darkAddresses" | "relapses" | "realm"
>;

const ground: Readonly<Partial<Record<Alert["kind"], number>>> = {
  "infected-host": 1,
  "dos-victim": 1,
  "reflector-abuse": 1,
  "scanning-host": 0,
  "amplification-scan": 0,
};

/**
 * How much it matters: the kind's ground, one step up for an essential service, one for an infection whose family is known with
 * confidence of 0.9 or that reached the member's own inner network, one when it came back.
 */
export const severityOf = (alert: Ranked): Severity => {
  const named = alert.kind === "infected-host" && alert.family !== null && alert.confidence >= 0.9;
  const steps =
    (ground[alert.kind] ?? 0) +
    (alert.essential ? 1 : 0) +
    (named || (alert.realm !== "" && alert.kind === "infected-host") ? 1 : 0) +
    (alert.relapses > 0 ? 1 : 0);
  return severities[Math.min(steps, severities.length - 1)] ?? "low";
};

/** Order of the board, higher first: severity, then essential services, then confidence and reach. */
export const rankOf = (alert: Ranked): number =>
  severities.indexOf(severityOf(alert)) * 1000 +
  (alert.essential ? 500 : 0) +
  Math.round(alert.confidence * 200) +
  Math.min(100, Math.round(8 * Math.log2(1 + alert.darkAddresses))) +
  Math.min(100, Math.round(4 * Math.log2(1 + alert.packets)));
