// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAuditLog, ground, hashOfRow } from "../../src/access/audit.ts";
import { auditLines, auditRows, verifyAudit } from "../../src/access/audit-read.ts";
import { publicKeyOf, readHead, sendHead } from "../../src/access/heads.ts";
import type { Head } from "../../src/access/heads.ts";
import { verifyLines } from "../../src/app/audit-verify.ts";
import type { Actor } from "../../src/model/actor.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import { withSearch } from "../../src/api/desk/search.ts";
import { embeddedPlace, serverPlace } from "../desk/place.ts";
import { openHouse } from "./house.ts";
import type { House } from "./house.ts";

const administrator: Actor = {
  id: "person:adminadmin",
  roles: ["administrator"],
  organisations: [],
  realms: [],
  sensors: [],
};
const analyst: Actor = { ...administrator, id: "person:analystanal", roles: ["analyst"] };
const act = (n: number) =>
  ({
    actor: `person:${n % 3}`,
    name: `N${n}`,
    kind: "read",
    action: "case.read",
    subject: `case:${n}`,
    outcome: "done",
    address: "2001:db8::1",
  }) as const;

describe.each([
  ["PGlite", embeddedPlace],
  ["PostgreSQL", serverPlace],
])("the audit log on %s", (_, make) => {
  let place: Awaited<ReturnType<typeof make>>;
  let desk: Desk;
  let now = 1_700_000_000_000_000;
  const { privateKey } = generateKeyPairSync("ed25519");
  const left: Head[] = [];
  const head = () =>
    sendHead({
      desk,
      key: privateKey,
      node: "test",
      now: (now += 3600e6),
      sinks: [
        {
          name: "elsewhere",
          send: async (one) => {
            left.push(one);
          },
        },
      ],
    });
  const verdict = () =>
    verifyAudit(
      desk,
      left.map(({ row, hash, at }) => ({ row, hash, at: Date.parse(at) * 1000 })),
    );
  beforeAll(async () => {
    place = await make();
    desk = await place.open();
  });
  afterAll(async () => {
    await desk.close();
    await place.remove();
  });

  it("chains what many write at once, from two writers too", async () => {
    const [one, two] = [createAuditLog({ desk, now: () => now++ }), createAuditLog({ desk, now: () => now++ })];
    await Promise.all(Array.from({ length: 300 }, (_unused, n) => (n % 2 === 0 ? one : two).write(act(n))));
    expect(await verdict()).toMatchObject({ rows: 300, whole: true, broken: null });
    await head();
    await one.write(act(300));
    await head();
    await one.write(act(301));
    expect(left.map(({ row }) => row)).toEqual([300, 301]);
    expect(await verdict()).toMatchObject({ rows: 302, whole: true });
    const lines = auditLines(desk, systemActor, {});
    expect(await verifyLines(lines, left)).toMatchObject({ rows: 302, heads: 2 });
  });
  it("signs heads that nobody else could", () => {
    const key = publicKeyOf(privateKey);
    const [one] = left;
    expect(readHead(JSON.stringify(one), key)?.row).toBe(300);
    expect(readHead(JSON.stringify({ ...one, row: 299 }), key)).toBeUndefined();
    expect(readHead(JSON.stringify(one), publicKeyOf(generateKeyPairSync("ed25519").privateKey))).toBeUndefined();
    expect(readHead("{", key)).toBeUndefined();
  });
  it("sends a head again that was not taken", async () => {
    const got: number[] = [];
    let fails = true;
    const send = () =>
      sendHead({
        desk,
        key: privateKey,
        node: "test",
        now: (now += 3600e6),
        sinks: [
          {
            name: "weak",
            send: async ({ row }) => {
              if (fails) throw new Error("no network");
              got.push(row);
            },
          },
        ],
      });
    await createAuditLog({ desk, now: () => now++ }).write(act(302));
    await expect(send()).rejects.toThrow("no network");
    fails = false;
    await send();
    expect(got).toEqual([303]);
  });
  it("is not rewritten by the program's own role, whoever acts", async () => {
    for (const actor of [systemActor, administrator, analyst]) {
      await expect(desk.as(actor, (trx) => trx.updateTable("audit_log").set({ name: "x" }).execute())).rejects.toThrow(
        /permission denied/,
      );
      await expect(desk.as(actor, (trx) => trx.deleteFrom("audit_log").execute())).rejects.toThrow(/permission denied/);
    }
    await expect(
      desk.as(administrator, (trx) =>
        trx
          .insertInto("audit_log")
          .values({
            id: 9999,
            at: 1,
            actor: "person:other",
            name: "",
            kind: "read",
            action: "x",
            subject: null,
            organisation_id: null,
            outcome: "done",
            address: null,
            detail: null,
            hash: "",
          })
          .execute(),
      ),
    ).rejects.toThrow(/row-level security/);
  });
  it("is read by administrators alone", async () => {
    const page = { before: null, limit: 10 };
    expect((await auditRows(desk, administrator, {}, page)).total).toBe(303);
    expect((await auditRows(desk, administrator, { subject: "%" }, page)).total).toBe(0);
    for (const actor of [analyst, { ...analyst, roles: ["member" as const], organisations: ["alpha"] }]) {
      expect((await auditRows(desk, actor, {}, page)).total).toBe(0);
    }
  });
  it("shows a changed row, a missing one, and a tail that was rewritten with all its hashes", async () => {
    const original = await desk.owner.selectFrom("audit_log").selectAll().orderBy("id").execute();
    const restore = async (): Promise<void> => {
      await desk.owner.deleteFrom("audit_log").execute();
      for (let i = 0; i < original.length; i += 100) {
        await desk.owner
          .insertInto("audit_log")
          .values(original.slice(i, i + 100))
          .execute();
      }
      expect(await verdict()).toMatchObject({ whole: true });
    };
    await desk.owner.updateTable("audit_log").set({ name: "somebody else" }).where("id", "=", 17).execute();
    expect(await verdict()).toMatchObject({ whole: false, broken: 17 });
    await expect(verifyLines(auditLines(desk, systemActor, {}), left)).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
    await restore();
    await desk.owner.deleteFrom("audit_log").where("id", "=", 200).execute();
    expect(await verdict()).toMatchObject({ whole: false, broken: 200 });
    await restore();
    // The whole tail anew: every hash fits, and only the heads that left know better.
    let hash = original[249]?.hash ?? ground;
    for (const row of original.slice(250)) {
      const other = { ...row, actor: "person:innocent" };
      hash = hashOfRow(hash, other);
      await desk.owner.updateTable("audit_log").set({ actor: other.actor, hash }).where("id", "=", row.id).execute();
    }
    expect(await verifyAudit(desk, [])).toMatchObject({ whole: true });
    expect(await verdict()).toMatchObject({ whole: false, broken: 300 });
    await expect(verifyLines(auditLines(desk, systemActor, {}), left)).rejects.toThrow("row 300");
    await restore();
    await desk.owner.deleteFrom("audit_log").where("id", ">", 290).execute();
    expect(await verifyAudit(desk, [])).toMatchObject({ whole: true });
    expect(await verdict()).toMatchObject({ whole: false, broken: 300 });
    await expect(verifyLines(auditLines(desk, systemActor, {}), left)).rejects.toThrow("gone");
    await restore();
  });
  it("stays whole whatever a stranger writes into it", async () => {
    const log = createAuditLog({ desk, now: () => now });
    for (const detail of ["half \ud83d", "zero \0 byte", `${"a".repeat(999)}😀`]) {
      await log.write({ ...act(1), actor: "nobody", kind: "session", name: detail, subject: detail, detail });
    }
    expect(await verifyAudit(desk, [])).toMatchObject({ whole: true });
  });
});

it("has a line for a change that was made and whose answer failed", async () => {
  let house: House | undefined;
  /** Transactions that the engine is there for. */
  let left = Infinity;
  const failing = (desk: Desk): Desk =>
    new Proxy(desk, {
      get: (of, name: keyof Desk) =>
        name === "as" && left-- <= 0 ? () => Promise.reject(new Error("the engine went away")) : of[name],
    });
  const place = await embeddedPlace();
  const desk = await place.open();
  try {
    house = await openHouse({
      place: { open: () => Promise.resolve(desk), remove: () => place.remove() },
      desk: [(server, actorOf) => withSearch(server, { desk: failing(desk), now: () => 1 }, actorOf)],
    });
    const one = await house.person("ana@node.example", ["analyst"]);
    const kept = { page: "alerts", name: "mine", search: "state=new" };
    const lines = async () => {
      const { rows } = await auditRows(desk, systemActor, {}, { before: null, limit: 100 });
      return rows.flatMap(({ action, outcome, detail }) =>
        action.startsWith("view.") ? [[action, outcome, detail]] : [],
      );
    };
    left = 1;
    expect(await one.call("POST", "/api/v1/desk/views", kept)).toMatchObject({ status: 500 });
    expect(await desk.owner.selectFrom("saved_views").select("name").execute()).toEqual([{ name: "mine" }]);
    expect(await lines()).toEqual([["view.keep", "done", "INTERNAL"]]);
    // Who was told nothing read nothing.
    left = 0;
    expect(await one.call("GET", "/api/v1/desk/search?q=192.0.2.1")).toMatchObject({ status: 500 });
    const { rows } = await auditRows(desk, systemActor, { action: "search" }, { before: null, limit: 100 });
    expect(rows).toEqual([]);
  } finally {
    await house?.close();
  }
});
