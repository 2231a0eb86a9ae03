// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actOnAlerts } from "../../src/cases/actions.ts";
import { listAlerts } from "../../src/cases/board.ts";
import type { AlertFilter } from "../../src/cases/board.ts";
import type { Cases } from "../../src/cases/cases.ts";
import { listCases } from "../../src/cases/list.ts";
import { findOnDesk } from "../../src/cases/search.ts";
import { measuredPrecision, summaryOf } from "../../src/cases/statistics.ts";
import type { Actor } from "../../src/model/actor.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import type { DeskPlace } from "../../src/store/desk/desk.conformance.ts";
import { countDetections, listDetections } from "../../src/store/desk/detections.ts";
import { tidyDesk } from "../../src/store/desk/tidy.ts";
import { embeddedPlace, serverPlace } from "../desk/place.ts";
import { day, detection, hour, makeCases, organisation, owner, start } from "./place.ts";

const analyst: Actor = { id: "person:ana", roles: ["analyst"], organisations: [], realms: [], sensors: [] };
const member = (id: string): Actor => ({
  id: `person:${id}`,
  roles: ["member"],
  organisations: [id],
  realms: [],
  sensors: [],
});
const scope = { realm: "", exercise: "" };
const now = start + 2 * day;

const conformance = (name: string, make: () => Promise<DeskPlace>): void => {
  describe(name, () => {
    let place: DeskPlace;
    let desk: Desk;
    let cases: Cases;
    beforeAll(async () => {
      place = await make();
      desk = await place.open();
      for (const id of ["alpha", "beta"]) await organisation(desk, id);
      cases = makeCases(desk, [owner("alpha", "192.0.2.0/24"), owner("beta", "198.51.100.0/24")]);
      const found = [
        ...Array.from({ length: 6 }, (_, i) => detection(`192.0.2.${i + 1}`, { family: i < 3 ? "mirai" : "Mozi" })),
        ...Array.from({ length: 4 }, (_, i) => detection(`198.51.100.${i + 1}`)),
        detection("2001:db8::7", { family: null }),
      ];
      await desk.as(systemActor, (trx) => cases.takeDetections(trx, found, { now: start + hour }));
    });
    afterAll(async () => {
      await desk.close();
      await place.remove();
    });
    const change = (text: ReturnType<typeof sql>): Promise<unknown> => desk.as(systemActor, (trx) => text.execute(trx));
    /** What is kept with each case, and what its alerts say. */
    const unanswered = async (): Promise<{ kept: unknown[]; said: unknown[]; n: number }> => {
      const { rows } = await desk.as(systemActor, (trx) =>
        sql<{
          kept: number | null;
          said: number | null;
        }>`SELECT c.unanswered AS kept, (SELECT min(a.notified) FROM alerts a WHERE a.case_id = c.id AND a.told IS NOT NULL AND a.acknowledged IS NULL AND a.state <> 'closed') AS said FROM cases c ORDER BY c.id`.execute(
          trx,
        ),
      );
      return {
        kept: rows.map(({ kept }) => kept),
        said: rows.map(({ said }) => said),
        n: rows.filter(({ kept }) => kept !== null).length,
      };
    };
    const subjects = async (actor: Actor, filter: Partial<AlertFilter>): Promise<string[]> => {
      const { rows, total } = await listAlerts(desk, actor, { ...scope, ...filter }, "rank", { limit: 100 }, now);
      expect(total).toBe(rows.length);
      return rows.map(({ subject }) => subject).toSorted();
    };

    it("keeps with each case since when it waits for an answer, whatever happens to its alerts", async () => {
      const still = async (n: number): Promise<void> => {
        const { kept, said, n: found } = await unanswered();
        expect(kept).toEqual(said);
        expect(found).toBe(n);
        const { facts } = await listCases(desk, analyst, scope, "touched", { limit: 50 }, now);
        expect(facts.unanswered).toBe(n);
        expect((await summaryOf(desk, analyst, "ana", start)).cases.unanswered).toBe(n);
        const { rows } = await listCases(
          desk,
          analyst,
          { ...scope, only: ["unanswered"] },
          "opened",
          { limit: 50 },
          now,
        );
        expect(rows).toHaveLength(n);
      };
      await still(0);
      await change(sql`UPDATE alerts SET notified = detected + length(subject) WHERE case_id IS NOT NULL`);
      await still(10);
      await change(sql`UPDATE alerts SET acknowledged = ${now} WHERE subject = '192.0.2.1'`);
      await still(9);
      await change(sql`UPDATE alerts SET state = 'closed', closed = ${now} WHERE subject = '192.0.2.2'`);
      await still(8);
      const { rows } = await listAlerts(desk, analyst, { ...scope, organisation: "beta" }, "rank", { limit: 2 }, now);
      await actOnAlerts(desk, cases.rules, analyst, rows, { action: "merge", title: "two of beta" }, now);
      await still(7);
      // Two at once, each of another alert of one case: what one did is seen by the other.
      await Promise.all(rows.map(({ id }) => change(sql`UPDATE alerts SET acknowledged = ${now} WHERE id = ${id}`)));
      await still(6);
      await change(sql`UPDATE alerts SET state = 'relapsed', closed = NULL WHERE subject = '192.0.2.2'`);
      await still(7);
      await change(sql`UPDATE alerts SET state = 'closed', closed = ${now} WHERE subject = '192.0.2.2'`);
      await still(6);
      // What its owner was not told of does not wait for an answer of his.
      await change(sql`UPDATE alerts SET told = NULL WHERE subject = '192.0.2.4'`);
      await still(5);
      await change(sql`UPDATE alerts SET told = detected WHERE subject = '192.0.2.4'`);
      await still(6);
      // By hand alone: no part of the program takes one away.
      const gone = desk.owner.transaction().execute(async (trx) => {
        await sql`DELETE FROM alert_detections WHERE alert_id IN (SELECT id FROM alerts WHERE subject = '192.0.2.4')`.execute(
          trx,
        );
        await sql`DELETE FROM alerts WHERE subject = '192.0.2.4'`.execute(trx);
        const { rows: left } = await sql<{ n: number }>`SELECT count(unanswered)::int AS n FROM cases`.execute(trx);
        throw new Error(`left ${left[0]?.n}`);
      });
      await expect(gone).rejects.toThrow("left 5");
    });

    it("answers who asks for no state with nothing", async () => {
      expect((await listAlerts(desk, analyst, { ...scope, states: [] }, "rank", { limit: 10 }, now)).rows).toEqual([]);
      expect((await listCases(desk, analyst, { ...scope, states: [] }, "touched", { limit: 10 }, now)).rows).toEqual(
        [],
      );
    });

    it("finds by family, owner, prefix and state for who may see it, and nothing of another's", async () => {
      const alpha = ["192.0.2.1", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"];
      expect(await subjects(analyst, { q: "MOZI" })).toEqual(["192.0.2.4", "192.0.2.5", "192.0.2.6"]);
      expect(await subjects(member("beta"), { q: "mozi" })).toEqual([]);
      expect(await subjects(analyst, { q: "the alpha" })).toEqual(alpha);
      expect(await subjects(member("beta"), { q: "the alpha" })).toEqual([]);
      expect(await subjects(analyst, { q: "192.0.2.4/31" })).toEqual(["192.0.2.4", "192.0.2.5"]);
      expect(await subjects(analyst, { q: "192.0.2.4/32" })).toEqual(["192.0.2.4"]);
      expect(await subjects(analyst, { q: "2001:db8::/32" })).toEqual(["2001:db8::/64"]);
      expect(await subjects(member("beta"), { q: "192.0.2.0/24" })).toEqual([]);
      expect(await subjects(member("alpha"), {})).toEqual(alpha);
      expect(await subjects(member("alpha"), { organisation: "beta" })).toEqual([]);
      expect(await subjects(analyst, { states: ["closed"] })).toEqual(["192.0.2.2"]);
      expect(await subjects(analyst, { states: ["new", "closed"] })).toHaveLength(11);
      expect(await subjects({ ...analyst, roles: ["observer"] }, {})).toEqual([]);
    });

    it("pages through what is open and what is closed as through one", async () => {
      for (const order of ["rank", "last", "first", "packets"] as const) {
        const seen: string[] = [];
        let cursor: string | null = null;
        do {
          const found: Awaited<ReturnType<typeof listAlerts>> = await listAlerts(
            desk,
            analyst,
            { ...scope, states: ["new", "continuing", "quiet", "relapsed", "closed"] },
            order,
            { limit: 3, ...(cursor === null ? {} : { cursor }) },
            now,
          );
          seen.push(...found.rows.map(({ id }) => id));
          cursor = found.next;
        } while (cursor !== null);
        expect(seen).toHaveLength(11);
        expect(new Set(seen).size).toBe(11);
      }
    });

    it("pages through detections of all kinds, the newest first, and counts their sources", async () => {
      const made = Array.from({ length: 9 }, (_, i) =>
        detection(`203.0.113.${1 + (i % 4)}`, {
          kind: (["infected-host", "scanning-host", "dos-victim"] as const)[i % 3] ?? "infected-host",
          last: start + hour + (i % 5) * 1_000,
        }),
      );
      await desk.as(systemActor, (trx) => cases.takeDetections(trx, made, { now: start + hour }));
      const plain = await desk.as(systemActor, (trx) =>
        sql<{ id: string; last: number }>`SELECT id, last FROM detections ORDER BY last DESC, id DESC`.execute(trx),
      );
      const seen: { id: string; last: number }[] = [];
      for (let page: readonly { id: string; last: number }[] = []; seen.length === 0 || page.length === 4;) {
        page = await desk.as(analyst, (trx) => listDetections(trx, scope, 4, seen.at(-1)));
        seen.push(...page.map(({ id, last }) => ({ id, last })));
      }
      expect(seen).toEqual(plain.rows);
      const some = await desk.as(analyst, (trx) => listDetections(trx, { ...scope, kinds: ["dos-victim"] }, 10));
      expect(some.map(({ kind }) => kind)).toEqual(["dos-victim", "dos-victim", "dos-victim"]);
      const counted = await desk.as(analyst, (trx) => countDetections(trx, scope));
      expect(counted.kinds).toEqual([
        { kind: "dos-victim", count: 3 },
        { kind: "infected-host", count: 14 },
        { kind: "scanning-host", count: 3 },
      ]);
      expect(counted.sources).toBe(3 + 14 + 3);
      expect(await desk.as(member("alpha"), (trx) => listDetections(trx, scope, 10))).toEqual([]);
    });

    it("finds a title however it is written, for who may see the case", async () => {
      const titles = async (actor: Actor, q: string): Promise<string[]> =>
        (await listCases(desk, actor, { ...scope, q }, "touched", { limit: 50 }, now)).rows.map(({ title }) => title);
      expect(await titles(analyst, "TWO of Beta")).toEqual(["two of beta"]);
      expect(await titles(analyst, "two%beta")).toEqual([]);
      expect(await titles(member("alpha"), "two of beta")).toEqual([]);
      const hits = (actor: Actor, typed: string) => desk.as(actor, (trx) => findOnDesk(trx, actor, typed, scope));
      expect((await hits(analyst, "two of")).map(({ kind }) => kind)).toEqual(["case"]);
      expect(await hits(member("alpha"), "two of")).toEqual([]);
      expect((await hits(analyst, "mozi")).filter(({ kind }) => kind === "alert")).toHaveLength(3);
      expect((await hits(member("beta"), "mozi")).filter(({ kind }) => kind === "alert")).toHaveLength(0);
      expect((await hits(analyst, "192.0.2.2")).filter(({ kind }) => kind === "alert")).toHaveLength(1);
    });

    it("measures precision by what fired, and shows a member its own answers alone", async () => {
      const { rows } = await listCases(desk, analyst, { ...scope, organisation: "alpha" }, "opened", { limit: 4 }, now);
      for (const [i, { id }] of rows.entries()) {
        const given = { channel: null, note: null, alerts: [] };
        await cases.answer(analyst, id, { ...given, answer: "working" }, now);
        await cases.answer(analyst, id, { ...given, answer: i === 0 ? "false-positive" : "cleaned" }, now + 1);
      }
      const [row, ...more] = await measuredPrecision(desk, analyst, start);
      expect(more).toEqual([]);
      expect(row).toMatchObject({
        month: "2026-06",
        detector: "infected",
        kind: "infected-host",
        right: 3,
        wrong: 1,
        undecided: 0,
      });
      expect(await measuredPrecision(desk, member("alpha"), start)).toMatchObject([{ right: 3, wrong: 1 }]);
      expect(await measuredPrecision(desk, member("beta"), start)).toEqual([]);
    });
  });
};
conformance("lists of the desk in the process", embeddedPlace);
conformance("lists of the desk on a server", serverPlace);

it("tidies the desk in the process, a table at a time, and leaves alone what did not change", async () => {
  const place = await embeddedPlace();
  const desk = await place.open();
  try {
    expect(await tidyDesk(desk.owner)).toBeNull();
    await sql`INSERT INTO settings (name, value) SELECT 's' || n, '1' FROM generate_series(1, 3000) AS n`.execute(
      desk.owner,
    );
    await sql`UPDATE settings SET value = '2'`.execute(desk.owner);
    expect(await tidyDesk(desk.owner)).toBe("settings");
    expect(await tidyDesk(desk.owner)).toBeNull();
    const { rows } = await sql<{
      pages: number;
      seen: number;
    }>`SELECT relpages AS pages, relallvisible AS seen FROM pg_class WHERE relname = 'settings'`.execute(desk.owner);
    expect(rows[0]?.seen).toBe(rows[0]?.pages);
    await sql`UPDATE settings SET value = '3' WHERE name LIKE 's1%'`.execute(desk.owner);
    expect(await tidyDesk(desk.owner)).toBeNull();
  } finally {
    await desk.close();
    await place.remove();
  }
});
