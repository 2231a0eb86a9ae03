// SPDX-License-Identifier: Apache-2.0
import type { Desk } from "../store/desk/desk.ts";

/** What the registry room needs; the wiring gives it. */
export interface RegistryOptions {
  readonly desk: Desk;
  /** Microseconds UTC. */
  readonly now: () => number;
  /** The secret of a one-time link by its id: keyed, so that it stands nowhere at rest. The sender of letters has the same. */
  readonly tokenOf: (link: string) => string;
  /** Where analysts are called; null: the portal alone shows it. */
  readonly dutyMail: string | null;
  /** TXT records of a name; empty when there are none. Rejects when the DNS does not answer. */
  readonly txt: (name: string) => Promise<readonly string[]>;
  /** Mail address that the registries name as responsible; null: none, or asking them is off. */
  readonly registered: (network: {
    readonly prefix: string | null;
    readonly asn: number | null;
    readonly domain: string | null;
  }) => Promise<string | null>;
  /** After what is in force was changed: look-up tables are made anew. */
  readonly changed?: () => void;
}

const hour = 3_600_000_000;
export const day = 24 * hour;
/** How long a changed contact waits for the old one's objection. */
export const objectionFor = 48 * hour;
export const checkEvery = 180 * day;
export const linkFor = 30 * day;
