// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, it } from "vitest";
import { holdOwners } from "../../src/app/owners.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Step } from "../../src/model/constituency.ts";
import type { Desk, DeskTransaction } from "../../src/store/desk/desk.ts";
import type { DeskPlace } from "../../src/store/desk/desk.conformance.ts";
import { doStep } from "../../src/store/desk/steps.ts";
import { serverPlace } from "../desk/place.ts";

let place: DeskPlace;
let desk: Desk;
beforeAll(async () => {
  place = await serverPlace();
  desk = await place.open();
}, 60_000);
afterAll(async () => {
  await desk.close();
  await place.remove();
});

it("sees a change that began before another one and was kept after it", async () => {
  const at = 1_000_000;
  const step = (trx: DeskTransaction, one: Step) => doStep(trx, systemActor, one, { at, origin: "analyst" });
  const record = { names: {}, country: null, sector: null, essential: false, note: null };
  const ids = await desk.as(systemActor, async (trx) => {
    for (const [id, prefix] of [
      ["slow", "192.0.2.0/24"],
      ["quick", "198.51.100.0/24"],
    ] as const) {
      await step(trx, { what: "organisation", change: "added", record: { id, name: id, ...record } });
      const network = { organisation: id, realm: "", prefix, asn: null, domain: null, translation: "none" } as const;
      await step(trx, { what: "network", change: "added", record: { ...network, from: 0, until: null, dark: [] } });
    }
    const rows = await trx.selectFrom("networks").select(["id", "organisation_id"]).execute();
    return new Map(rows.map(({ id, organisation_id }) => [organisation_id, id]));
  });
  const owners = await holdOwners(desk);
  const end = (trx: DeskTransaction, of: string) =>
    step(trx, { what: "network", change: "ended", id: ids.get(of) ?? "" });
  let written = (): void => undefined;
  let go = (): void => undefined;
  const both = [new Promise<void>((done) => (written = done)), new Promise<void>((done) => (go = done))] as const;
  const slow = desk.as(systemActor, async (trx) => {
    await end(trx, "slow");
    written();
    await both[1];
  });
  await both[0];
  await desk.as(systemActor, (trx) => end(trx, "quick"));
  expect(await owners.reload()).toBe(true);
  expect(owners.current().ownerOf("", "192.0.2.1", at + 1)?.organisation).toBe("slow");
  go();
  await slow;
  expect(await owners.reload()).toBe(true);
  expect(owners.current().ownerOf("", "192.0.2.1", at + 1)).toBeNull();
});
