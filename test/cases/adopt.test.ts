// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Owner } from "../../src/alert/alert.ts";
import { adoptAlerts } from "../../src/cases/adopt.ts";
import { listAlerts } from "../../src/cases/board.ts";
import { newCase } from "../../src/cases/page.ts";
import { createOwners } from "../../src/constituency/owners.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Detection } from "../../src/model/detection.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import type { DeskPlace } from "../../src/store/desk/desk.conformance.ts";
import { embeddedPlace } from "../desk/place.ts";
import { day, detection, hour, makeCases, organisation, owner, start } from "./place.ts";

/** What came before its network had an owner, when the members of a node are taken in one after the other. */
let place: DeskPlace;
let desk: Desk;
beforeAll(async () => {
  place = await embeddedPlace();
  desk = await place.open();
  await organisation(desk, "acme");
  await organisation(desk, "other");
});
afterAll(async () => {
  await desk.close();
  await place.remove();
});
beforeEach(async () => {
  await sql`TRUNCATE alerts, cases, detections, alert_detections, case_events, outbox, help_links, few_told, told_counts CASCADE`.execute(
    desk.owner,
  );
});

const now = start + hour;
const alerts = () => desk.as(systemActor, (trx) => trx.selectFrom("alerts").selectAll().orderBy("detected").execute());
const world = () => {
  const list: Owner[] = [];
  const cases = makeCases(desk, []);
  const known = {
    ownerOf: (realm: string, address: string, at: number) =>
      makeCases(desk, list).rules.owners.ownerOf(realm, address, at),
  };
  Object.assign(cases.rules, { owners: known });
  const take = (at: number, ...found: Detection[]) =>
    desk.as(systemActor, (trx) => cases.takeDetections(trx, found, { now: at }));
  return { cases, list, take };
};

it("hands an open alert to who owns its network by now: told once, with a case and a line that says so", async () => {
  const { cases, list, take } = world();
  const found = detection("202.152.49.39");
  const elsewhere = detection("203.0.113.9");
  await take(now, found, elsewhere);
  expect(await cases.adopt(now + 1)).toEqual({ handed: 0, told: 0 });
  list.push(owner("acme", "202.152.0.0/16", { essential: true }));
  expect(await cases.adopt(now + 2)).toEqual({ handed: 1, told: 1 });
  const mine = (await alerts()).find(({ source }) => source?.startsWith("202.152.49.39"));
  expect(mine).toMatchObject({
    organisation_id: "acme",
    network: "202.152.0.0/16",
    essential: true,
    detected: now,
    told: now + 2,
    state: "new",
  });
  const events = await desk.as(systemActor, (trx) =>
    trx
      .selectFrom("case_events")
      .select(["kind", "audience", "body"])
      .where("case_id", "=", mine?.case_id ?? "")
      .orderBy("id")
      .execute(),
  );
  expect(events.map(({ kind }) => kind)).toEqual(["detected", "handed-over", "letter"]);
  expect(events[1]).toMatchObject({ audience: "owner", body: { network: "202.152.0.0/16" } });
  const letters = await desk.as(systemActor, (trx) =>
    trx
      .selectFrom("outbox")
      .select(["recipient", "channel"])
      .where("organisation_id", "=", "acme")
      .orderBy("channel")
      .execute(),
  );
  expect(letters).toEqual([
    { recipient: "acme", channel: "inbox" },
    { recipient: "abuse@acme.example", channel: "mail" },
  ]);
  const claim = await desk.as(systemActor, (trx) =>
    trx.selectFrom("detections").select("organisation_id").where("id", "=", found.id).executeTakeFirstOrThrow(),
  );
  expect(claim.organisation_id).toBe("acme");
  const ours = await listAlerts(
    desk,
    systemActor,
    { only: ["owned"], realm: "", exercise: "" },
    "rank",
    { limit: 10 },
    now + 3,
  );
  expect(ours.rows.map(({ id }) => id)).toEqual([mine?.id]);
  // Asked again nothing happens, and what comes next is of the same alert.
  expect(await cases.adopt(now + 3)).toEqual({ handed: 0, told: 0 });
  expect(await take(now + 4, { ...found, packets: 90, last: found.last + 5 })).toMatchObject({ opened: 0, told: 0 });
  expect((await alerts()).map(({ organisation_id }) => organisation_id).toSorted()).toEqual(["acme", null]);
});

it("tells nobody of what was not seen for a day until it is seen again, and mails no more than a digest's worth at once", async () => {
  const { cases, list, take } = world();
  const old = detection("202.152.1.1");
  await take(now, old);
  const many = Array.from({ length: 30 }, (_, i) =>
    detection(`202.152.2.${i + 1}`, { first: start + 2 * day, last: start + 2 * day + 60_000_000 }),
  );
  await take(start + 2 * day + hour, ...many);
  list.push(owner("acme", "202.152.0.0/16"));
  expect(await cases.adopt(start + 2 * day + 2 * hour)).toEqual({ handed: 31, told: 30 });
  const { rows } = await desk.as(systemActor, (trx) =>
    sql<{
      form: string;
      n: number;
    }>`SELECT form, count(*)::int AS n FROM outbox WHERE channel = 'mail' GROUP BY form ORDER BY form`.execute(trx),
  );
  expect(rows).toEqual([
    { form: "digest", n: 1 },
    { form: "notice", n: 20 },
  ]);
  expect(await take(start + 3 * day, { ...old, last: start + 3 * day, packets: 99 })).toMatchObject({
    opened: 0,
    told: 1,
  });
});

it("ends in the owner's own alert of the same host, and takes the case along where all of it is that owner's", async () => {
  const { cases, list, take } = world();
  const first = detection("202.152.3.1");
  const shared = [detection("202.152.3.2"), detection("198.51.100.2")];
  const alone = [detection("202.152.3.3"), detection("202.152.3.4")];
  await take(now, first, ...shared, ...alone);
  const idOf = async (address: string): Promise<string> =>
    (await alerts()).find(({ source }) => source?.startsWith(address))?.id ?? "";
  const analyst = { ...systemActor, id: "person:x" };
  const mixed = await newCase(
    desk,
    analyst,
    "two owners",
    [await idOf("202.152.3.2"), await idOf("198.51.100.2")],
    now,
  );
  const whole = await newCase(desk, analyst, "one owner", [await idOf("202.152.3.3"), await idOf("202.152.3.4")], now);
  list.push(owner("acme", "202.152.0.0/16"), owner("other", "198.51.100.0/24"));
  // Another claim about the host comes before anybody looks: the owner has an alert of it already.
  const again = detection("202.152.3.1", { first: start + 600_000_000, last: start + 700_000_000 });
  await take(now + 1, again);
  await cases.adopt(now + 2);
  const all = await alerts();
  const [gone, going] = [
    all.find(({ id, source, state }) => id !== "" && source?.startsWith("202.152.3.1") === true && state === "closed"),
    all.find(({ source, state }) => source?.startsWith("202.152.3.1") === true && state !== "closed"),
  ];
  expect(gone).toMatchObject({ organisation_id: null, closing: "handled" });
  expect(going).toMatchObject({ organisation_id: "acme" });
  const claims = await desk.as(systemActor, (trx) =>
    trx
      .selectFrom("alert_detections")
      .select("detection_id")
      .where("alert_id", "=", going?.id ?? "")
      .execute(),
  );
  expect(claims.map(({ detection_id }) => detection_id).toSorted()).toEqual([first.id, again.id].toSorted());
  const caseOf = async (number: number) =>
    desk.as(systemActor, (trx) =>
      trx
        .selectFrom("cases")
        .select(["id", "organisation_id", "state"])
        .where("number", "=", number)
        .executeTakeFirstOrThrow(),
    );
  const together = await caseOf(whole);
  expect(together.organisation_id).toBe("acme");
  expect(all.filter(({ case_id }) => case_id === together.id)).toHaveLength(2);
  // What two owners shared is closed, and each has a case of their own.
  const apart = await caseOf(mixed);
  expect(apart).toMatchObject({ organisation_id: null, state: "closed" });
  expect(all.filter(({ case_id }) => case_id === apart.id)).toHaveLength(0);
  expect(all.filter(({ case_id, state }) => state !== "closed" && case_id === null)).toEqual([]);
  expect(all.filter(({ organisation_id }) => organisation_id === "other")).toMatchObject([{ told: now + 2 }]);
});

it("asks whose a network is now: what was claimed today was nobody's when the packets came", async () => {
  const { cases, take } = world();
  await take(now, detection("202.152.5.1"));
  const network = {
    organisation: "acme",
    realm: "",
    prefix: "202.152.0.0/16",
    asn: null,
    domain: null,
    translation: "none" as const,
    essential: false,
    country: "ID",
    from: now + 1,
    until: null,
  };
  Object.assign(cases.rules, { owners: createOwners([network]) });
  expect(await cases.adopt(now + 2)).toEqual({ handed: 1, told: 1 });
});

it("counts for breakers and digests over all that is handed over, however many there are", async () => {
  const { cases, list, take } = world();
  await take(now, ...Array.from({ length: 30 }, (_, i) => detection(`202.152.6.${i + 1}`)));
  list.push(owner("acme", "202.152.0.0/16"));
  expect(await adoptAlerts(desk, cases.rules, now + 2, 7)).toEqual({ handed: 30, told: 30 });
  const { rows } = await desk.as(systemActor, (trx) =>
    sql<{ n: number }>`SELECT count(*)::int AS n FROM outbox WHERE channel = 'mail' AND form = 'notice'`.execute(trx),
  );
  expect(rows).toEqual([{ n: 20 }]);
});

it("goes on in the analyst's case where the owner's own alert has none", async () => {
  const { cases, list, take } = world();
  const first = detection("202.152.7.1");
  await take(now, first);
  const [alert] = await alerts();
  const number = await newCase(desk, { ...systemActor, id: "person:x" }, "looked at", [alert?.id ?? ""], now);
  list.push(owner("acme", "202.152.0.0/16"));
  await take(now + 1, detection("202.152.7.1", { first: start + 600_000_000, last: start + 700_000_000 }));
  await desk.as(systemActor, (trx) =>
    sql`UPDATE alerts SET case_id = NULL WHERE organisation_id = 'acme'`.execute(trx),
  );
  await cases.adopt(now + 2);
  const twin = (await alerts()).find(({ organisation_id }) => organisation_id === "acme");
  const [seen] = await desk.as(systemActor, (trx) =>
    trx.selectFrom("cases").select(["id", "state", "organisation_id"]).where("number", "=", number).execute(),
  );
  expect(seen).toMatchObject({ state: "open", organisation_id: "acme", id: twin?.case_id });
});

it("ends the analyst's case in the owner's where both have one", async () => {
  const { cases, list, take } = world();
  await take(now, detection("202.152.8.1"));
  const [alert] = await alerts();
  const number = await newCase(desk, { ...systemActor, id: "person:x" }, "looked at", [alert?.id ?? ""], now);
  list.push(owner("acme", "202.152.0.0/16"));
  await take(now + 1, detection("202.152.8.1", { first: start + 600_000_000, last: start + 700_000_000 }));
  await cases.adopt(now + 2);
  const twin = (await alerts()).find(({ organisation_id }) => organisation_id === "acme");
  const [seen] = await desk.as(systemActor, (trx) =>
    trx.selectFrom("cases").select(["state", "merged_into"]).where("number", "=", number).execute(),
  );
  expect(twin?.case_id).not.toBeNull();
  expect(seen).toEqual({ state: "closed", merged_into: twin?.case_id });
});
