// SPDX-License-Identifier: Apache-2.0
import { overlapsOf } from "../constituency/overlaps.ts";
import { withChanges } from "../api/desk/changes.ts";
import { withConstituency } from "../api/desk/constituency.ts";
import type { DeskRoutes } from "../api/desk/index.ts";
import { withOrganisations } from "../api/desk/organisations.ts";
import { withTuency } from "../api/desk/tuency.ts";
import { withUnclaimed } from "../api/desk/unclaimed.ts";
import type { Egress } from "../platform/egress.ts";
import { createChanges } from "../registry/changes.ts";
import type { Changes } from "../registry/changes.ts";
import { createClaims } from "../registry/claims.ts";
import { createChecks } from "../registry/checks.ts";
import type { Checks } from "../registry/checks.ts";
import { txtThrough } from "../registry/proof.ts";
import { createRdap } from "../registry/rdap.ts";
import type { Origins } from "../registry/unclaimed.ts";
import type { Desk } from "../store/desk/desk.ts";
import type { Origins as PrefixData } from "../store/flows/origins.ts";
import type { Settings } from "./config.ts";
import { openEgress } from "./egress.ts";
import type { HeldOwners } from "./owners.ts";

/** The packaged data as the rooms ask them. Names are read again when newer data came. */
export const originsOver = (data: PrefixData): Origins & { readonly search: (text: string) => number[] } => {
  let of: PrefixData["names"] | undefined;
  let names = new Map<number, string>();
  const current = (): Map<number, string> => {
    if (of !== data.names) {
      of = data.names;
      names = new Map(of);
    }
    return names;
  };
  return {
    asnOf: (words, at) => {
      const { table } = data;
      const segment = table.find(words, at);
      return segment < 0 ? 0 : table.asnOf(segment);
    },
    countryOf: (words, at) => {
      const { table } = data;
      const segment = table.find(words, at);
      return segment < 0 ? null : (table.countries[table.countryOf(segment) - 1] ?? null);
    },
    nameOf: (asn) => current().get(asn) ?? null,
    search: (text) => {
      const low = text.toLowerCase();
      const number = Number(/^(?:as)?(\d{1,10})$/.exec(low)?.[1] ?? Number.NaN);
      const found: number[] = [];
      for (const [asn, name] of current()) {
        if ((asn === number || name.toLowerCase().includes(low)) && found.push(asn) >= 10_000) break;
      }
      return found;
    },
  };
};

export interface ConstituencyWiring {
  readonly settings: Settings;
  readonly desk: Desk;
  readonly owners: HeldOwners;
  readonly origins: ReturnType<typeof originsOver>;
  /** The secret of a one-time link by its id; the sender of letters has the same. */
  readonly tokenOf: (link: string) => string;
  /** Where analysts are called. */
  readonly dutyMail: string | null;
  readonly egress?: Egress;
  readonly onFault: (error: unknown) => void;
}
export interface Constituency {
  readonly routes: readonly DeskRoutes[];
  readonly changes: Changes;
  /** `markBounced` is for who reads bounces. */
  readonly checks: Checks;
  readonly egress: Egress;
  /** What comes due by itself: changes that waited, contact checks, tables that others changed. */
  tick(): Promise<void>;
}

/** The constituency's rooms, wired. */
export const openConstituency = (wiring: ConstituencyWiring): Constituency => {
  const { settings, desk, owners, origins } = wiring;
  const { config } = settings;
  const now = (): number => Date.now() * 1000;
  const egress = wiring.egress ?? openEgress(settings);
  const rdap = config.rdap.on ? createRdap({ egress, now: Date.now, bootstrap: config.rdap.bootstrap }) : null;
  const changed = (): void => void owners.reload().catch(wiring.onFault);
  const options = {
    desk,
    now,
    tokenOf: wiring.tokenOf,
    dutyMail: wiring.dutyMail,
    txt: txtThrough(config.dns.servers),
    registered: (network: { prefix: string | null; asn: number | null; domain: string | null }) =>
      rdap === null ? Promise.resolve(null) : rdap.mailOf(network),
    changed,
  };
  const changes = createChanges(options);
  const checks = createChecks(options);
  return {
    changes,
    checks,
    egress,
    routes: [
      (server, actorOf) =>
        withOrganisations(
          server,
          {
            desk,
            now,
            changes,
            checks,
            changed,
            conflicts: () => overlapsOf(owners.tables(), "", now(), { kind: "conflict", limit: 0 }).conflicts,
          },
          actorOf,
        ),
      (server, actorOf) => withChanges(server, { desk, now, changes, claims: createClaims(options) }, actorOf),
      (server, actorOf) =>
        withConstituency(
          server,
          {
            desk,
            now,
            owners: owners.current,
            tables: owners.tables,
            origins,
            changed,
            proposals: rdap === null ? null : async (asked) => (await rdap.contacts(asked)).map((one) => ({ ...one })),
          },
          actorOf,
        ),
      (server, actorOf) =>
        withUnclaimed(
          server,
          {
            desk,
            now,
            origins,
            search: origins.search,
            changed,
            registered: (asn) => (rdap === null ? Promise.resolve(null) : rdap.mailOf({ asn })),
          },
          actorOf,
        ),
      (server, actorOf) => withTuency(server, { desk, now, owners: owners.current }, actorOf),
    ],
    tick: async () => {
      // One that fails stops none of the others.
      const faults: unknown[] = [];
      for (const work of [() => changes.applyDue(), () => checks.sendDue(), () => owners.reload()]) {
        await work().catch((error: unknown) => faults.push(error));
      }
      if (faults.length > 0) throw faults[0];
    },
  };
};
