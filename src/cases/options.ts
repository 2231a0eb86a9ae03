// SPDX-License-Identifier: Apache-2.0
import type { AlertPolicy, Owner } from "../alert/alert.ts";
import type { IsHoliday } from "../alert/delivery.ts";

/** Whose address it was at a time (microseconds UTC); null: nobody's. */
export interface Owners {
  ownerOf(realm: string, address: string, time: number): Owner | null;
}

export interface CaseRules {
  readonly owners: Owners;
  /** Origin AS and economy of an address, by the prefix data in force. */
  readonly originOf: (address: string) => { readonly asn: number | null; readonly country: string | null };
  readonly policy: AlertPolicy;
  /** Sensors of the shared realm that are enrolled now: how many make a finding that is told without a budget. */
  readonly sensors: () => number;
  /** Name of this node: the origin of what it makes. */
  readonly origin: string;
  /** The node's secret, at least 32 bytes: tokens of links and the draw of samples follow from it. */
  readonly key: Uint8Array;
  readonly isHoliday: IsHoliday;
  /** Where analysts are called when a breaker opens; null: the board alone shows it. */
  readonly dutyMail: string | null;
}
