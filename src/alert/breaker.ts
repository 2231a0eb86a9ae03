// SPDX-License-Identifier: Apache-2.0
import type { AlertPolicy } from "./alert.ts";

/** What was told, or would have been, in the last hour. */
export interface Told {
  /** By organisation. */
  readonly owners: Map<string, number>;
  all: number;
}
export type Way = "letter" | "digest" | "owner-breaker" | "global-breaker";

/**
 * Counts one more alert of an owner and says how it is told. Beyond the breakers nothing is mailed: a flood of findings is more often
 * a forged storm, a lying sensor or a fault of ours than an owner whose machines all fell in one hour.
 */
export const count = (told: Told, organisation: string, policy: AlertPolicy): Way => {
  const owner = (told.owners.get(organisation) ?? 0) + 1;
  told.owners.set(organisation, owner);
  told.all += 1;
  if (told.all > policy.globalBreaker) return "global-breaker";
  if (owner > policy.ownerBreaker) return "owner-breaker";
  return owner > policy.immediatePerHour ? "digest" : "letter";
};
