// SPDX-License-Identifier: Apache-2.0
import { ownersOver } from "../constituency/owners.ts";
import type { Owners, OwnersOptions } from "../constituency/owners.ts";
import { OwnerTablesBuilder } from "../constituency/tables.ts";
import type { OwnerTables } from "../constituency/tables.ts";
import type { Desk } from "../store/desk/desk.ts";
import { constituencyMark, heldNetworks } from "../store/desk/networks.ts";

/** Who owns what, in memory. */
export interface HeldOwners {
  current(): Owners;
  tables(): OwnerTables;
  /** Makes the tables anew when something changed; look-ups meanwhile see the old ones. False: nothing changed. */
  reload(): Promise<boolean>;
}

/** Reads who owns what: in pages, so that a million networks neither fill the memory twice nor hold the desk. `exercise` adds its own. */
export const holdOwners = async (desk: Desk, options: OwnersOptions = {}, exercise = ""): Promise<HeldOwners> => {
  const read = async (): Promise<{ mark: string; tables: OwnerTables; owners: Owners }> => {
    // Before the rows: what changes while they are read makes another mark.
    const mark = await constituencyMark(desk);
    const builder = new OwnerTablesBuilder();
    for await (const page of heldNetworks(desk, exercise)) for (const row of page) builder.add(row);
    const tables = builder.build();
    return { mark, tables, owners: ownersOver(tables, options) };
  };
  let held = await read();
  let reading: Promise<boolean> | undefined;
  const reload = async (): Promise<boolean> => {
    if ((await constituencyMark(desk)) === held.mark) return false;
    held = await read();
    return true;
  };
  return {
    current: () => held.owners,
    tables: () => held.tables,
    // One at a time: a second call waits for the first, and looks again.
    reload: async () => {
      const before = reading;
      const next = (async () => {
        await before?.catch(() => undefined);
        return reload();
      })();
      reading = next;
      return next;
    },
  };
};
