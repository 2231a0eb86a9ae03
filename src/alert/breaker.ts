// SPDX-License-Identifier: Apache-2.0
import type { AlertPolicy } from "./alert.ts";

/** What was told, or would have been, in the last hour. */
export interface Told {
  /** By organisation. */
  readonly owners: Map<string, number>;
  all: number;
}
export type Way = "letter" | "digest" | "owner-breaker" | "global-breaker" | "few-sensors";

/** What was told on the word of few sensors within the time that the policy says. */
export interface ToldOfFew {
  /** By organisation. */
  readonly owners: Map<string, number>;
  all: number;
}
/**
 * Whether one more finding of few sensors may be told; it is counted when it may. Whoever owns a network can probe a different part of
 * the Internet from each of its addresses, and every notice would say which part has a sensor: so these are few. `share`: of the budget, what
 * may be spent on it; reminders leave half to what is new.
 */
export const spend = (told: ToldOfFew, organisation: string, policy: AlertPolicy, share = 1): boolean => {
  if (policy.fewSensors === null) return true;
  const owner = told.owners.get(organisation) ?? 0;
  if (owner >= policy.fewSensors.owner * share || told.all >= policy.fewSensors.all * share) return false;
  told.owners.set(organisation, owner + 1);
  told.all += 1;
  return true;
};

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
